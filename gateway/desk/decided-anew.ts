// A message that is decided on once more: its row under the next revision, with what was read of it before.
import type { Outcome } from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import { NOTHING_MORE } from '../../store/nothing-more.ts';
import type { BornRow, CommitRow, EntryKind, MessageRow, NewEntry, TicketRow } from '../../store/store.ts';
import { type KeptDecision, sealDecision } from '../../store/ticket-seal.ts';

/** @param kept what of the decision is kept, sealed here; null: nothing
 *  @param decidedAt milliseconds since the epoch */
export function decidedAnew(
  cipher: FieldCipher,
  message: MessageRow,
  decided: {
    readonly outcome: Outcome;
    readonly kept: Omit<KeptDecision, 'revision'> | null;
    readonly decidedAt: number;
  },
): CommitRow {
  const { number, revision } = message;
  const { outcome, kept, decidedAt } = decided;
  const contentKey = cipher.openDataKey(message.wrappedContent);
  const decision = kept && sealDecision(cipher, contentKey, number, { ...kept, revision });
  return { ...NOTHING_MORE, number, revision, decidedAt, outcome, decision };
}

/** A ticket's row as its decision made it. */
export function bornOf(row: TicketRow): BornRow {
  const { ordinal: _1, revision: _2, step: _3, caseNumber: _4, supervised: _5, ...rest } = row;
  const { closedAt: _6, wrappedContent: _7, lane: _8, events: _9, ...born } = rest;
  return born;
}

/** A notice about a ticket; it waits outside every lane until the case system has that ticket. */
export function noticeOf({ number, revision, lane }: MessageRow, kind: EntryKind, ticket: string): NewEntry {
  return { message: number, revision, kind, ticket, lane, urgent: false, notBefore: 0, afterCreated: true };
}
