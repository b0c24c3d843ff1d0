// What is to be seen of an incident besides its tickets: whether it is supervised, and whether it rises faster than usual.
import {
  type Burst,
  burstOf,
  burstSpans,
  type IncidentFigures,
  type IncidentRules,
  type SupervisionGround,
  supervisionOf,
} from '../../normalizer/incident.ts';
import type { IncidentRow, Store, TicketRow } from '../../store/store.ts';

export interface IncidentMarks extends IncidentFigures {
  /** Whole days from the first to the latest message. */
  readonly days: number;
  readonly supervised: readonly SupervisionGround[];
  readonly burst: Burst | null;
}

const DAY_MS = 86_400_000;

/** An incident as it stands now. */
export async function incidentMarks(
  { incidents }: Pick<Store, 'incidents'>,
  row: IncidentRow,
  rules: IncidentRules,
  now: number,
): Promise<IncidentMarks> {
  const { from, recent, until } = burstSpans(rules.burst, now);
  const arrivals = {
    recent: await incidents.arrivals(row.id, recent, until),
    before: await incidents.arrivals(row.id, from, recent),
  };
  return { ...figuresOf(row, rules), burst: burstOf(arrivals, rules.burst) };
}

/** The incident of a ticket; of one without, the ticket with its follow-ups: many times is many times. */
export async function ticketMarks(
  store: Store,
  ticket: TicketRow,
  rules: IncidentRules,
  now: number,
): Promise<IncidentMarks> {
  const row = ticket.incident === null ? null : await store.incidents.get(ticket.incident);
  if (row !== null) return incidentMarks(store, row, rules, now);
  const followUps = (await store.messages.joined(ticket.number)).filter(({ outcome }) => outcome?.kind === 'repeat');
  const times = [ticket.acceptedAt, ...followUps.map(({ acceptedAt }) => acceptedAt)];
  const figures = { tickets: 1, messages: times.length, firstAt: Math.min(...times), lastAt: Math.max(...times) };
  return { ...figuresOf(figures, rules), burst: null };
}

function figuresOf(figures: IncidentFigures, rules: IncidentRules): Omit<IncidentMarks, 'burst'> {
  const { tickets, messages, firstAt, lastAt } = figures;
  const days = Math.floor((lastAt - firstAt) / DAY_MS);
  return { tickets, messages, firstAt, lastAt, days, supervised: supervisionOf(figures, rules) };
}

/** Incidents looked through for status, the one last added to first. */
const LOOKED_THROUGH = 1000;

/** How many incidents rise faster than usual, and how many are supervised, among those a message came to in the days that
 *  say what is usual. */
export async function lately(
  store: Store,
  rules: IncidentRules,
  now: number,
): Promise<{ readonly bursts: number; readonly supervised: number }> {
  const rows = await store.incidents.list({ limit: LOOKED_THROUGH });
  let bursts = 0;
  let supervised = 0;
  for (const row of rows) {
    if (row.lastAt < now - rules.burst.usualDays * DAY_MS) continue;
    const marks = await incidentMarks(store, row, rules, now);
    if (marks.burst !== null) bursts++;
    if (marks.supervised.length > 0) supervised++;
  }
  return { bursts, supervised };
}
