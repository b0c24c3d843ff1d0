// What became of a number, as far as the channel it was given to may know.
import type { Progress } from '../adapters/contract.ts';
import type { Store } from '../store/store.ts';
import { ticketOf } from './leads-to.ts';
import { foldNumber } from './number.ts';

/**
 * @param typed the number as somebody typed it
 * @returns null for a number that is unknown, or was given to another channel
 */
export async function progressOf(store: Store, channel: string, typed: string): Promise<Progress | null> {
  const number = foldNumber(typed);
  const message = number === null ? null : await store.messages.get(number);
  if (number === null || message === null || message.channel !== channel) return null;
  const { outcome } = message;
  const leadsTo = await ticketOf(store, message);
  const ticket = leadsTo === null ? null : await store.tickets.get(leadsTo);
  return {
    number,
    receivedAt: message.acceptedAt,
    outcome,
    ticket: ticket && {
      number: ticket.number,
      state: ticket.state,
      step: ticket.step,
      closedAt: ticket.closedAt,
    },
  };
}
