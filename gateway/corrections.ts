// 更正: a ticket that the case system has is sent to it once more, whole and as it is by then.
import type { FieldCipher } from '../store/field-cipher.ts';
import type { AuditNote, Entry, Store } from '../store/store.ts';
import { openDecision, sealDecision } from '../store/ticket-seal.ts';

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
  const { revision, lane, outcome } = message;
  const kept = openDecision(cipher, message);
  const contentKey = cipher.openDataKey(message.wrappedContent);
  const { state, channel, type, category, urgency, division, confidential, acceptedAt } = row;
  const { closedRepeatOf, incident, wrappedIdentity, born, identity, identityKeys, facts } = row;
  const entry = {
    ...{ message: number, revision, kind: 'ticket.corrected' as const, ticket: number, lane },
    ...{ urgent: false, notBefore: now() + waitMs, afterCreated: true },
  };
  const [answer] = await store.decisions.commit(
    [
      {
        ...{ number, revision, outcome, decidedAt: now() },
        decision: kept && sealDecision(cipher, contentKey, number, { ...kept, revision }),
        ticket: {
          ...{ number, state, channel, type, category, urgency, division, confidential, acceptedAt },
          ...{ closedRepeatOf, incident, wrappedIdentity, born, identity, identityKeys, facts },
        },
        ...{ parts: [], gathers: [], conversation: null, outbox: [entry], voids: [], wanted: [], events: [] },
        audit,
      },
    ],
    null,
  );
  return answer === 'committed';
}
