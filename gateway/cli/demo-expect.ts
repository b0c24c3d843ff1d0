// Holds what became of the shipped samples against what should have, point by point.
import type { Expectation } from './demo-samples.ts';

/** What the gateway says of a number. */
export interface Seen {
  readonly outcome: string;
  readonly of: string | null;
  readonly reason: string | null;
  /** Present where the number is a ticket's. */
  readonly type?: string;
  readonly urgency?: string;
  readonly division?: string | null;
  readonly held?: boolean;
  readonly clause?: string | null;
  readonly incident?: string | null;
  readonly closedRepeatOf?: string | null;
}

export interface SentSample {
  readonly id: string;
  readonly number: string;
  /** True where the answer was that of an earlier sending. */
  readonly redelivery: boolean;
  readonly expect: Expectation;
}

export interface Judgement {
  readonly id: string;
  /** Names of the points that are not as expected. */
  readonly faults: readonly string[];
}

/** One judgement a sample, in the order sent. */
export function judgeSamples(sent: readonly SentSample[], seen: ReadonlyMap<string, Seen>): readonly Judgement[] {
  const numberOf = new Map(sent.filter(one => !one.redelivery).map(one => [one.id, one.number]));
  return sent.map(one => ({ id: one.id, faults: faultsOf(one, seen.get(one.number), numberOf, seen) }));
}

function faultsOf(
  { number, redelivery, expect }: SentSample,
  found: Seen | undefined,
  numberOf: ReadonlyMap<string, string>,
  seen: ReadonlyMap<string, Seen>,
): readonly string[] {
  if (expect.outcome === 'redelivery')
    return redelivery && number === numberOf.get(expect.of ?? '') ? [] : ['redelivery'];
  if (found === undefined) return ['unread'];
  const faults: string[] = [];
  const check = (name: string, wanted: unknown, got: unknown) => {
    if (wanted !== undefined && wanted !== got) faults.push(`${name}: ${String(got)}, not ${String(wanted)}`);
  };
  const known = (id: string | undefined) => (id === undefined ? undefined : numberOf.get(id));
  check('outcome', expect.outcome, found.outcome);
  check('of', known(expect.of), found.of);
  check('reason', expect.reason, found.reason);
  if (found.outcome !== 'ticket') return faults;
  check('type', expect.type, found.type);
  check('urgency', expect.urgency, found.urgency);
  check('division', expect.division, found.division);
  check('held', expect.held, found.held);
  check('clause', expect.clause, found.clause);
  check('closedRepeatOf', known(expect.closedRepeatOf), found.closedRepeatOf);
  const incident = found.incident ?? null;
  const others = (expect.incidentWith ?? []).map(id => seen.get(numberOf.get(id) ?? '')?.incident ?? null);
  if (others.length > 0 && !(incident !== null && others.includes(incident))) faults.push('incident: not linked');
  // A template twin or another problem of the same requester must stay alone.
  if (expect.incidentWith === undefined && incident !== null && incident !== number) faults.push('incident: linked');
  return faults;
}
