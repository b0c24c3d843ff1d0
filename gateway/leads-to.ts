// The ticket that a message leads to: its own, the one it repeats, or that of the conversation it is a part of.
import type { MessageRow, Store } from '../store/store.ts';

/** Number of the ticket; null for a message that led to none, or is still unread. */
export async function ticketOf(
  store: Pick<Store, 'messages'>,
  { number, outcome }: Pick<MessageRow, 'number' | 'outcome'>,
): Promise<string | null> {
  if (outcome?.kind === 'ticket') return number;
  if (outcome?.kind === 'repeat') return outcome.of;
  if (outcome?.kind !== 'part') return null;
  // What a conversation was gathered into may itself be a repeat, from the beginning or since a clerk linked it.
  const lead = await store.messages.get(outcome.of);
  return lead === null || lead.outcome?.kind === 'part' ? null : ticketOf(store, lead);
}
