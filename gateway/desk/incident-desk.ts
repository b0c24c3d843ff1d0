// What a clerk does with incidents: merges two, splits one. Tickets move in one step, audited; either is undone by the other. The
// case system is told of those that it has.
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Store, TicketRow } from '../../store/store.ts';
import { openTicketContent } from '../../store/ticket-seal.ts';
import { correctTicket, createdEntry, hasGone } from './corrections.ts';
import { DeskError } from './desk-error.ts';

export interface IncidentDeskParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  now(): number;
}

/** What was done, for the clerk to see. */
export interface IncidentAnswer {
  /** The incident that the moved tickets are in now. */
  readonly incident: string;
  /** Where they were; null for a ticket that was of none. */
  readonly from: string | null;
  readonly moved: readonly string[];
}

export interface IncidentDesk {
  /** 合并: an incident, or a ticket without one, becomes part of another. Either is named by the number of any of its tickets. */
  merge(number: string, into: string, by: string): Promise<IncidentAnswer>;
  /** 拆分: these tickets become an incident of their own. */
  split(incident: string, tickets: readonly string[], by: string): Promise<IncidentAnswer>;
  /** 撤销合并: what came from another incident goes back to it. */
  unmerge(incident: string, merged: string, by: string): Promise<IncidentAnswer>;
}

export function createIncidentDesk(parts: IncidentDeskParts): IncidentDesk {
  return {
    merge: (number, into, by) => merge(parts, number, into, by),
    split: (incident, tickets, by) => split(parts, incident, tickets, by),
    unmerge: (incident, merged, by) => unmerge(parts, incident, merged, by),
  };
}

async function merge(parts: IncidentDeskParts, number: string, into: string, by: string): Promise<IncidentAnswer> {
  const joining = await ticketOf(parts, number);
  const target = await ticketOf(parts, into);
  const from = joining.incident;
  const to = target.incident ?? target.number;
  if ((from ?? number) === to) throw new DeskError('desk.same_incident', { number, into });
  const members = from === null ? [joining] : await membersOf(parts, from);
  return move(parts, {
    ...{ from, to, by, kind: 'incident-merged', notSame: [] },
    tickets: from === null ? [number] : 'all',
    moved: members.map(member => member.number),
  });
}

async function split(
  parts: IncidentDeskParts,
  incident: string,
  tickets: readonly string[],
  by: string,
): Promise<IncidentAnswer> {
  const members = await membersOf(parts, incident);
  const known = new Set(members.map(({ number }) => number));
  const stranger = tickets.find(number => !known.has(number));
  if (stranger !== undefined) throw new DeskError('desk.not_in_incident', { number: stranger, incident });
  const named = new Set(tickets);
  if (named.size === known.size) throw new DeskError('desk.whole_incident', { incident });
  // An incident is named after one of its own tickets: where that one leaves, it is the others that get another name.
  const leaves = (number: string): boolean => named.has(number) !== named.has(incident);
  const leaving = members.filter(({ number }) => leaves(number));
  return part(parts, { incident, members, leaving, to: firstOf(leaving), by });
}

async function unmerge(
  parts: IncidentDeskParts,
  incident: string,
  merged: string,
  by: string,
): Promise<IncidentAnswer> {
  const members = await membersOf(parts, incident);
  const leaving = members.filter(({ events, number }) => {
    if (number === incident) return false;
    const last = events.findLast(event => event.incident !== undefined);
    return last?.kind === 'incident-merged' && (last.incident?.from ?? number) === merged;
  });
  if (leaving.length === 0) throw new DeskError('desk.not_merged', { incident, merged });
  const to = leaving.some(({ number }) => number === merged) ? merged : firstOf(leaving);
  return part(parts, { incident, members, leaving, to, by });
}

interface Parting {
  readonly incident: string;
  readonly members: readonly TicketRow[];
  readonly leaving: readonly TicketRow[];
  readonly to: string;
  readonly by: string;
}

function part(parts: IncidentDeskParts, { incident, members, leaving, to, by }: Parting): Promise<IncidentAnswer> {
  const moved = leaving.map(({ number }) => number);
  const tickets = moved;
  return move(parts, {
    ...{ from: incident, to, by, kind: 'incident-split', tickets, moved },
    notSame: linksAcross(parts, members, new Set(moved)),
  });
}

/** Links that were made between those who leave and those who stay: a clerk has said now that they were wrong. */
function linksAcross(
  { cipher }: IncidentDeskParts,
  members: readonly TicketRow[],
  leaving: ReadonlySet<string>,
): readonly (readonly [string, string])[] {
  const inside = new Set(members.map(({ number }) => number));
  return members.flatMap(row =>
    openTicketContent(cipher, row)
      .links.filter(({ of, suggested }) => suggested !== true && inside.has(of))
      .filter(({ of }) => leaving.has(of) !== leaving.has(row.number))
      .map(({ of }): readonly [string, string] => [row.number, of]),
  );
}

interface Moving {
  readonly from: string | null;
  readonly to: string;
  readonly by: string;
  readonly kind: 'incident-merged' | 'incident-split';
  readonly tickets: readonly string[] | 'all';
  readonly moved: readonly string[];
  readonly notSame: readonly (readonly [string, string])[];
}

/** A correction is sent so much later than it is made: by then the ticket has moved, and is told of as it is. */
const MOVING_MS = 2000;
/** Looked at and told of together. */
const AT_ONCE = 16;

/** Who merges without a clerk, and tells nobody: in a mass event that happens again and again, and each time all that moved
 *  would go once more, to a case system at its busiest. */
const SYSTEM = 'system';

/** Corrections are entered first: a crash in between sends some for nothing, while after the move it would leave the case system with what is wrong. */
async function move(parts: IncidentDeskParts, { moved, ...change }: Moving): Promise<IncidentAnswer> {
  const { from, to, by, kind } = change;
  const action = kind === 'incident-merged' ? 'incident.merge' : 'incident.split';
  const on = [from ?? (moved[0] as string), to];
  const began = performance.now();
  const told = new Set(await tell(parts, moved, by, MOVING_MS));
  const answer = await parts.store.incidents.move({ ...change, at: parts.now(), audit: { by, action, on } });
  if (answer === 'conflict') throw new DeskError('desk.changed_meanwhile');
  const inTime = performance.now() - began < MOVING_MS;
  await tell(parts, inTime ? moved.filter(number => !told.has(number)) : moved, by, 0);
  return { incident: to, from, moved };
}

/** Has those corrected that the case system may have; answers which. */
async function tell(parts: IncidentDeskParts, numbers: readonly string[], by: string, waitMs: number) {
  const told: string[] = [];
  if (by === SYSTEM) return told;
  for (let at = 0; at < numbers.length; at += AT_ONCE) {
    const some = numbers.slice(at, at + AT_ONCE);
    const gone = await Promise.all(some.map(number => isTheirs(parts, number)));
    const theirs = some.filter((_, i) => gone[i]);
    await Promise.all(theirs.map(number => correct(parts, number, by, waitMs)));
    told.push(...theirs);
  }
  return told;
}

/** What has joined another ticket was withdrawn there. */
async function isTheirs({ store }: IncidentDeskParts, number: string): Promise<boolean> {
  return hasGone(await createdEntry(store, number)) && (await store.tickets.get(number))?.state !== 'joined';
}

/** Tried twice, since the ticket may be decided on in this very moment. */
async function correct(parts: IncidentDeskParts, number: string, by: string, waitMs: number): Promise<void> {
  const correction = { waitMs, audit: { by, action: 'incident.told', on: [number] } };
  const done = (await correctTicket(parts, number, correction)) || (await correctTicket(parts, number, correction));
  if (!done) throw new DeskError('desk.changed_meanwhile');
}

async function ticketOf({ store }: IncidentDeskParts, number: string): Promise<TicketRow> {
  const ticket = await store.tickets.get(number);
  if (ticket === null) throw new DeskError('desk.no_such_ticket', { number });
  return ticket;
}

const PAGE = 500;

/** All tickets of an incident, oldest first. Throws `DeskError` where it has none. */
export async function membersOf(
  { store }: Pick<IncidentDeskParts, 'store'>,
  incident: string,
): Promise<readonly TicketRow[]> {
  const members: TicketRow[] = [];
  for (;;) {
    const before = members.at(-1)?.ordinal;
    const page = await store.tickets.list({ incident, limit: PAGE, ...(before === undefined ? {} : { before }) });
    members.push(...page);
    if (page.length < PAGE) break;
  }
  if (members.length === 0) throw new DeskError('desk.no_such_incident', { incident });
  return members.reverse();
}

function firstOf(members: readonly TicketRow[]): string {
  return (members[0] as TicketRow).number;
}
