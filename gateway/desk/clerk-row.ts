// The rows of a clerk's decision: what was read is carried over, the next revision is the clerk's.
import type { Link, Outcome, Triage } from '../../normalizer/ticket.ts';
import type { AuditNote, BornRow, CommitRow, MessageRow, TicketEvent } from '../../store/store.ts';
import { openDecision, openTicket, sealBorn, sealNote } from '../../store/ticket-seal.ts';
import { bornOf, decidedAnew } from './decided-anew.ts';
import type { DeskAnswer, DeskParts } from './desk-parts.ts';
import type { MessageAndTicket } from './found.ts';

/** The same born part under the next revision, with the clerk's word on whether it is accepted. */
export function reborn(
  parts: DeskParts,
  { message, ticket }: MessageAndTicket,
  triage: Triage | null,
  state: BornRow['state'],
): BornRow {
  const born = openTicket(parts.cipher, ticket);
  const contentKey = parts.cipher.openDataKey(message.wrappedContent);
  const next = { ...born, revision: message.revision, triage: triage ?? born.triage };
  return { ...bornOf(ticket), state, born: sealBorn(parts.cipher, contentKey, next) };
}

/** The bare row of a clerk's decision on a message; what was read of it is carried over. */
export function decisionRow(
  parts: DeskParts,
  message: MessageRow,
  outcome: Outcome,
  links: readonly Link[],
): CommitRow {
  const before = openDecision(parts.cipher, message);
  const kept = { links, problems: before?.problems ?? [], draft: before?.draft ?? null };
  return decidedAnew(parts.cipher, message, { outcome, kept, decidedAt: parts.now() });
}

export function note(by: string, action: string, on: readonly string[], why?: string): AuditNote {
  return { by, action, on, ...(why === undefined ? {} : { why }) };
}

/** An event of a decision with what the clerk says of it, sealed. */
export function noted(
  parts: Pick<DeskParts, 'cipher'>,
  message: MessageRow,
  event: TicketEvent,
  reason: string,
): TicketEvent {
  return saying(parts, message, { ...event, eventId: `${event.number}:${message.revision}:${event.kind}` }, reason);
}

/**
 * An event with words that are sealed under its ticket's key.
 * @param ticket the ticket of the event, or its message
 */
export function saying(
  { cipher }: Pick<DeskParts, 'cipher'>,
  { wrappedContent }: Pick<MessageRow, 'wrappedContent'>,
  event: TicketEvent & Required<Pick<TicketEvent, 'eventId'>>,
  words: string,
): TicketEvent {
  const { number, eventId } = event;
  return { ...event, note: sealNote(cipher, cipher.openDataKey(wrappedContent), { number, eventId, note: words }) };
}

/** Writes one decision; null when it met a newer one. */
export async function commit(parts: DeskParts, row: CommitRow): Promise<DeskAnswer | null> {
  const [answer] = await parts.store.decisions.commit([row], null);
  return answer === 'committed' ? answerOf(row) : null;
}

export function answerOf(row: CommitRow): DeskAnswer {
  const { number, revision, ticket, outbox } = row;
  return { number, revision, state: ticket?.state ?? 'joined', entries: outbox.map(entry => entry.kind) };
}

/** The same of a message that was compared with earlier tickets, with what that found. */
export function comparedAnswer(answer: DeskAnswer, { outcome }: CommitRow, links: readonly Link[]): DeskAnswer {
  const alike = links.filter(({ suggested }) => suggested === true).map(({ of }) => of);
  return { ...answer, ...foundOf(outcome), ...(alike.length === 0 ? {} : { alike }) };
}

function foundOf(outcome: Outcome): Pick<DeskAnswer, 'of' | 'closedRepeatOf' | 'incident'> {
  if (outcome.kind === 'repeat') return { of: outcome.of };
  if (outcome.kind !== 'ticket') return {};
  const { kind: _kind, held: _held, ...found } = outcome;
  return found;
}
