// 放行与不予受理: whether a ticket goes to the case system; one is undone by the other.
import type { Outcome, Triage } from '../../normalizer/ticket.ts';
import type { CommitRow, MessageRow } from '../../store/store.ts';
import { commit, decisionRow, note, noted, reborn } from './clerk-row.ts';
import { createdAnew, undelivered } from './desk-entries.ts';
import { DeskError } from './desk-error.ts';
import type { DeskAnswer, DeskParts } from './desk-parts.ts';
import { bothOf, ticketOutcome } from './found.ts';
import { commitAll, followersOf } from './links.ts';

export async function release(parts: DeskParts, number: string, by: string): Promise<DeskAnswer | null> {
  const found = await bothOf(parts, number);
  const { state } = found.ticket;
  if (state !== 'held' && state !== 'refused') throw new DeskError('desk.not_held', { number, state });
  const triage: Triage = { verdict: 'accept', clause: null, basis: null, words: [], by: 'clerk' };
  const entry = await createdAnew(parts, found, found.ticket.urgency);
  const outcome: Outcome = { ...ticketOutcome(found), held: false };
  const own: CommitRow = {
    ...decisionRow(parts, found.message, outcome, []),
    ticket: reborn(parts, found, triage, 'queued'),
    outbox: [entry],
    events: [{ number, at: parts.now(), by, kind: 'released', state: 'queued', expect: [state] }],
    audit: note(by, 'ticket.release', [number]),
  };
  // What was to be told of a refused ticket was dropped with it, and is told now.
  const followers = state === 'refused' ? await followersOf(parts, number) : [];
  return commitAll(parts, own, followers, { from: number, to: number, by });
}

export interface Refusal {
  readonly number: string;
  readonly clause: string;
  readonly reason: string;
  readonly by: string;
  readonly accepted: boolean;
}

export async function refuse(
  parts: DeskParts,
  { number, clause, reason, by, accepted }: Refusal,
): Promise<DeskAnswer | null> {
  const basis = parts.clause(clause);
  if (basis === null) throw new DeskError('desk.no_such_clause', { clause });
  const found = await bothOf(parts, number);
  const { state } = found.ticket;
  if (state !== 'held' && !(accepted && state === 'queued')) throw new DeskError('desk.not_held', { number, state });
  const unsent = state === 'held' ? [] : await takenBack(parts, found.message);
  const triage: Triage = { verdict: 'advise-refusal', clause, basis, words: [], by: 'clerk' };
  const event = { number, at: parts.now(), by, kind: 'refused', state: 'refused', expect: [state] } as const;
  // Notices that were waiting for this ticket have nobody to go to.
  const parked = await parts.store.outbox.list({ ticket: number, state: 'parked', limit: 10_000 });
  return commit(parts, {
    ...decisionRow(parts, found.message, ticketOutcome(found), []),
    ticket: reborn(parts, found, triage, 'refused'),
    voids: [...new Set([...unsent, ...parked.map(entry => entry.id)])],
    events: [noted(parts, found.message, event, reason)],
    audit: note(by, 'ticket.refuse', [number], clause),
  });
}

/** Ids of what of an accepted ticket has not gone yet; once the case system may have it, it is there that it is refused. */
async function takenBack(parts: DeskParts, message: MessageRow): Promise<readonly string[]> {
  const { voids, withdrawn } = await undelivered(parts, message);
  if (withdrawn.length > 0) throw new DeskError('desk.already_sent', { number: message.number });
  return voids;
}
