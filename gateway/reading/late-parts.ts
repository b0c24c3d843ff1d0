// Whether a part that comes after the end of its conversation belongs to the ticket that the conversation led to.
import { OPEN_STATES } from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { MessageRow, Store, TicketRow, UnreadRow } from '../../store/store.ts';
import { ticketOf } from '../leads-to.ts';
import { identityKeysOf } from './facts-of.ts';
import type { DraftHead } from './protocol.ts';

/**
 * A part may be late by as much as its sender was cut off from us; what comes later under the same key is another
 * conversation. Platforms use one key for all that a person ever writes, and nothing of that may vanish in an old ticket.
 */
const LATE_MS = 3_600_000;

/**
 * The ticket that parts which come late may still join; null where the key begins a conversation anew: there was none, it
 * led to no ticket, it was over long before this part was accepted, or its ticket takes no follow-ups any more.
 */
export async function ticketForLatePart(
  store: Pick<Store, 'decisions' | 'messages' | 'tickets'>,
  key: string,
  row: Pick<UnreadRow, 'acceptedAt'>,
  quietMs: number,
): Promise<TicketRow | null> {
  const found = await store.decisions.conversation(key);
  const lead = found === null ? null : await store.messages.get(found);
  if (lead === null || row.acceptedAt - (await lastAccepted(store, lead)) > quietMs + LATE_MS) return null;
  const ticket = await ticketOf(store, lead);
  const standing = ticket === null ? null : await store.tickets.get(ticket);
  return standing !== null && OPEN_STATES.has(standing.state) ? standing : null;
}

/** By when they were accepted, not decided: reading the same messages again must end the same way. */
async function lastAccepted(store: Pick<Store, 'messages'>, lead: MessageRow): Promise<number> {
  const joined = await store.messages.joined(lead.number);
  const parts = joined.filter(({ outcome }) => outcome?.kind === 'part');
  return Math.max(lead.acceptedAt, ...parts.map(({ acceptedAt }) => acceptedAt));
}

/** What a part says of itself: another person's words, or a secret told in an ordinary matter, make a ticket of their own. */
export function joinsAsLatePart(
  cipher: Pick<FieldCipher, 'mac'>,
  head: DraftHead,
  ticket: Pick<TicketRow, 'confidential' | 'identityKeys'>,
): boolean {
  if (head.confidential && !ticket.confidential) return false;
  const keys = identityKeysOf(cipher, head);
  const { identityKeys } = ticket;
  return keys.length === 0 || identityKeys.length === 0 || keys.some(key => identityKeys.includes(key));
}
