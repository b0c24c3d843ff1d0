// 更正: a ticket that the case system has is sent to it once more, whole and as it is by then.
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { AuditNote, Entry, Store } from '../../store/store.ts';
import { openDecision } from '../../store/ticket-seal.ts';
import { bornOf, decidedAnew, noticeOf } from './decided-anew.ts';

export interface CorrectionParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  now(): number;
}

export interface Correction {
  /** It is not sent before so many milliseconds are over: what it is to tell may still be on its way to the store. */
  readonly waitMs: number;
  readonly audit: AuditNote;
}

/** The latest that counts: a link made and undone leaves void ones behind. */
export async function createdEntry(store: Store, number: string): Promise<Entry | undefined> {
  const entries = await store.outbox.list({ ticket: number, kind: 'ticket.created', limit: 100 });
  return entries.findLast(entry => entry.state !== 'void');
}

/** Whether the case system may have the ticket as it was, to which it keeps even where the same entry comes again. */
export function hasGone(created: Entry | undefined): boolean {
  if (created === undefined) return false;
  return created.unknown || created.state === 'in-flight' || created.state === 'done';
}

/** A decision that changes nothing and has a correction made; false where the ticket was decided on meanwhile. */
export async function correctTicket(
  { store, cipher, now }: CorrectionParts,
  number: string,
  { waitMs, audit }: Correction,
): Promise<boolean> {
  const message = await store.messages.get(number);
  const row = await store.tickets.get(number);
  if (message?.outcome == null || row === null) return true;
  const { outcome } = message;
  const entry = { ...noticeOf(message, 'ticket.corrected', number), notBefore: now() + waitMs };
  const same = decidedAnew(cipher, message, { outcome, kept: openDecision(cipher, message), decidedAt: now() });
  const [answer] = await store.decisions.commit([{ ...same, ticket: bornOf(row), outbox: [entry], audit }], null);
  return answer === 'committed';
}
