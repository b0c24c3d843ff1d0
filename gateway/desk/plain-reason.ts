// A reason for the audit: the chain of records is kept in the clear and for good, so nobody whom it is about is named in it.
import type { Requester } from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Store } from '../../store/store.ts';
import { openIdentity, openTicketContent } from '../../store/ticket-seal.ts';
import { createMasks, type MaskedAppeal, type Masks } from '../dispatch/mask.ts';
import { ticketOf } from '../leads-to.ts';

export interface ReasonParts {
  readonly store: Pick<Store, 'messages' | 'tickets'>;
  readonly cipher: FieldCipher;
}

const NO_TEXT: MaskedAppeal = { content: '', personal: [], title: '' };

/**
 * What a clerk typed, without numbers and addresses and without what is known of the requesters of these tickets or messages.
 * @param requester somebody else who must not be named
 */
export async function plainReason(
  parts: ReasonParts,
  reason: string,
  numbers: readonly string[],
  requester: Requester | null = null,
): Promise<string> {
  let plain = createMasks(NO_TEXT, true, requester).text(reason);
  for (const number of numbers) plain = (await masksOf(parts, number))?.text(plain) ?? plain;
  return plain;
}

async function masksOf({ store, cipher }: ReasonParts, number: string): Promise<Masks | null> {
  const message = await store.messages.get(number);
  const ticket = message === null ? null : await store.tickets.get((await ticketOf(store, message)) ?? number);
  return ticket && createMasks(openTicketContent(cipher, ticket).appeal, true, openIdentity(cipher, ticket));
}
