// 同一事件: which incident a message belongs to, when one must be supervised, and whether it rises faster than usual; pure.

/** What is known of one earlier ticket when a message's incident is chosen. */
export interface IncidentWitness {
  readonly number: string;
  readonly incident: string | null;
  readonly score: number;
  /** A clerk would at least be offered the link, and the scene is not another one. */
  readonly agrees: boolean;
}

/** The incident chosen, and what becomes of those that were near. */
export interface IncidentChoice {
  /** Its id; null where the message is of none. */
  readonly incident: string | null;
  /** Earlier tickets without an incident that belong to this one now. */
  readonly gathers: readonly string[];
  /** Incidents that were near by one ticket, while too few of their other tickets agree. */
  readonly refused: ReadonlySet<string>;
}

/**
 * The likest ticket's incident, provided that enough of the incident agrees: one link would otherwise draw in a message that
 * has nothing to do with how the incident began, the next one another, and so on without end.
 * @param near tickets a link would be made to, likest first
 * @param compared all tickets the message was compared with, and those that lead the incidents of `near`
 * @param cohesion share of an incident's compared tickets that must agree
 */
export function chooseIncident(
  near: readonly IncidentWitness[],
  compared: readonly IncidentWitness[],
  cohesion: number,
): IncidentChoice {
  const refused = new Set<string>();
  let chosen: string | null = null;
  for (const { number, incident } of near) {
    const id = incident ?? number;
    if (chosen !== null || refused.has(id)) continue;
    if (agreement(id, compared) >= cohesion) chosen = id;
    else refused.add(id);
  }
  if (chosen === null) return { incident: null, gathers: [], refused };
  return {
    incident: chosen,
    gathers: near.filter(({ incident }) => incident === null).map(({ number }) => number),
    refused,
  };
}

/** Share of the compared tickets of an incident that agree. */
function agreement(id: string, compared: readonly IncidentWitness[]): number {
  const members = compared.filter(({ number, incident }) => (incident ?? number) === id);
  return members.filter(({ agrees }) => agrees).length / Math.max(1, members.length);
}

/** config/rules/incidents.yaml. */
export interface IncidentRules {
  /** From so many tickets (people), messages (times), or months of complaints on, an incident is supervised. */
  readonly supervise: { readonly tickets: number; readonly messages: number; readonly months: number };
  readonly burst: BurstRules;
}

export interface BurstRules {
  /** The hours looked at, and the days before them that say what is usual. */
  readonly hours: number;
  readonly usualDays: number;
  /** Tickets there must be in those hours at least, and how many times as many as usual. */
  readonly atLeast: number;
  readonly times: number;
}

/** Figures of an incident, or of one ticket with its follow-ups. */
export interface IncidentFigures {
  readonly tickets: number;
  readonly messages: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Why something is supervised: people and times by article 18 (2), months by article 29 (7). */
const SUPERVISION_GROUNDS = ['people', 'times', 'months'] as const;
export type SupervisionGround = (typeof SUPERVISION_GROUNDS)[number];

/** 督办: raised by many people, many times, or for months. */
export function supervisionOf(figures: IncidentFigures, { supervise }: IncidentRules): readonly SupervisionGround[] {
  const reached: Readonly<Record<SupervisionGround, boolean>> = {
    people: figures.tickets >= supervise.tickets,
    times: figures.messages >= supervise.messages,
    months: figures.messages > 1 && figures.lastAt >= monthsAfter(figures.firstAt, supervise.months),
  };
  return SUPERVISION_GROUNDS.filter(ground => reached[ground]);
}

/** China has one time zone and no summer time. */
const CHINA_MS = 8 * 3_600_000;

/** The same day and hour so many calendar months later in China; the last day of a month that is too short. */
function monthsAfter(at: number, months: number): number {
  const date = new Date(at + CHINA_MS);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));
  return date.getTime() - CHINA_MS;
}

/** Tickets of an incident: in the hours looked at, and in the days before them. */
export interface Arrivals {
  readonly recent: number;
  readonly before: number;
}

/** 激增: how many tickets came lately and how many would be usual; null where that is no burst. */
export interface Burst {
  readonly tickets: number;
  readonly usual: number;
}

/** Rising faster than usual. An incident that has just begun has nothing usual: it needs the least number. */
export function burstOf({ recent, before }: Arrivals, { hours, usualDays, atLeast, times }: BurstRules): Burst | null {
  const usual = (before * hours) / (usualDays * 24);
  return recent >= atLeast && recent >= times * usual ? { tickets: recent, usual } : null;
}

/** The two spans of time that `burstOf` compares: [from, recent) and [recent, until). */
export function burstSpans({ hours, usualDays }: BurstRules, now: number) {
  const recent = now - hours * 3_600_000;
  return { from: recent - usualDays * 86_400_000, recent, until: now + 1 };
}
