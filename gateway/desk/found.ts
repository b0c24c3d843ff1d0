// What a clerk's act is about: the message of a number and its ticket, or why there is nothing to act on.
import type { Outcome } from '../../normalizer/ticket.ts';
import type { MessageRow, TicketRow } from '../../store/store.ts';
import { DeskError } from './desk-error.ts';
import type { DeskParts } from './desk-parts.ts';

export interface MessageAndTicket {
  readonly message: MessageRow;
  readonly ticket: TicketRow;
}

/** @param also what is in quarantine as well */
export async function messageOf({ store }: DeskParts, number: string, also?: 'quarantined'): Promise<MessageRow> {
  const message = await store.messages.get(number);
  if (message === null) throw new DeskError('desk.no_such_number', { number });
  if (message.state === also) return message;
  if (message.state === 'quarantined') throw new DeskError('desk.quarantined', { number });
  if (message.state !== 'decided') throw new DeskError('desk.not_decided', { number, state: message.state });
  return message;
}

export async function ticketOf({ store }: DeskParts, number: string): Promise<TicketRow> {
  const ticket = await store.tickets.get(number);
  if (ticket === null) throw new DeskError('desk.no_such_ticket', { number });
  return ticket;
}

export async function bothOf(parts: DeskParts, number: string): Promise<MessageAndTicket> {
  const ticket = await ticketOf(parts, number);
  return { message: await messageOf(parts, number), ticket };
}

export function ticketOutcome({ message, ticket }: MessageAndTicket): Extract<Outcome, { kind: 'ticket' }> {
  if (message.outcome?.kind === 'ticket') return message.outcome;
  return { kind: 'ticket', held: ticket.state === 'held' };
}
