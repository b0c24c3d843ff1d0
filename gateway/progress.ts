// What the channel by which a message came may know of it: what became of it as if the channel's own messages were all there are.
//
// Whoever may send by a channel could otherwise ask, in somebody's name and in words that are likely, whether they have complained of
// something elsewhere: a repeat, a closed repeat or an incident would say yes.
import type { Outcome, Progress } from '../adapters/contract.ts';
import type { FieldCipher } from '../store/field-cipher.ts';
import type { MessageRow, Store, TicketRow } from '../store/store.ts';
import { openTicketContent } from '../store/ticket-seal.ts';
import { ticketOf } from './leads-to.ts';
import { foldNumber } from './number.ts';

export interface ProgressParts {
  readonly store: Pick<Store, 'messages' | 'tickets' | 'outbox'>;
  readonly cipher: FieldCipher;
}

const LIKE_A_NEW_ONE: Outcome = { kind: 'ticket', held: false };

/** 处理结果 for the channel of the message: nothing of a ticket that came by another one. */
export async function outcomeFor(
  parts: ProgressParts,
  channel: string,
  number: string,
  outcome: Outcome,
): Promise<Outcome> {
  const isElsewhere = async (ticket: string | undefined): Promise<boolean> =>
    ticket !== undefined && (await parts.store.tickets.get(ticket))?.channel !== channel;
  if (outcome.kind === 'repeat') return (await isElsewhere(outcome.of)) ? LIKE_A_NEW_ONE : outcome;
  if (outcome.kind !== 'ticket') return outcome;
  const { closedRepeatOf, incident, held } = outcome;
  const [earlier, event] = await Promise.all([isElsewhere(closedRepeatOf), isElsewhere(incident)]);
  return {
    kind: 'ticket',
    held: held && (!earlier || (await isHeldAnyway(parts, number))),
    ...(closedRepeatOf === undefined || earlier ? {} : { closedRepeatOf }),
    ...(incident === undefined || event ? {} : { incident }),
  };
}

/** Whether a clerk would look at it without the earlier ticket, too. */
async function isHeldAnyway({ store, cipher }: ProgressParts, number: string): Promise<boolean> {
  const ticket = await store.tickets.get(number);
  return ticket !== null && openTicketContent(cipher, ticket).triage.verdict !== 'accept';
}

/**
 * @param typed the number as somebody typed it
 * @returns null for a number that is unknown, or was given to another channel
 */
export async function progressOf(parts: ProgressParts, channel: string, typed: string): Promise<Progress | null> {
  const number = foldNumber(typed);
  const message = number === null ? null : await parts.store.messages.get(number);
  if (number === null || message === null || message.channel !== channel) return null;
  const { outcome } = message;
  const leadsTo = await ticketOf(parts.store, message);
  const ticket = leadsTo === null ? null : await parts.store.tickets.get(leadsTo);
  return {
    number,
    receivedAt: message.acceptedAt,
    outcome: outcome && (await outcomeFor(parts, channel, number, outcome)),
    ticket:
      ticket && (ticket.channel === channel ? await ownTicket(parts, ticket) : await asIfAlone(parts, message, ticket)),
  };
}

async function ownTicket(parts: ProgressParts, ticket: TicketRow): Promise<Progress['ticket']> {
  const { number, channel, state, step, closedAt, closedRepeatOf } = ticket;
  const because = state === 'held' && closedRepeatOf !== null;
  const earlier = because ? await parts.store.tickets.get(closedRepeatOf) : null;
  const waits = because && earlier?.channel !== channel && !(await isHeldAnyway(parts, number));
  return { number, state: waits ? 'queued' : state, step, closedAt };
}

/** Under its own number, and only what has happened since it came. */
async function asIfAlone(
  { store }: ProgressParts,
  { number, acceptedAt }: MessageRow,
  ticket: TicketRow,
): Promise<Progress['ticket']> {
  const since = ticket.events.filter(({ at, by }) => at >= acceptedAt && by === 'case-system');
  const state = since.findLast(event => event.state !== undefined)?.state;
  const step = since.findLast(event => event.step !== undefined)?.step ?? null;
  const entries = await store.outbox.list({ ticket: ticket.number, limit: 10_000 });
  const told = entries.some(entry => entry.message === number && entry.state === 'done');
  return {
    number,
    state: state ?? (told ? 'dispatched' : 'queued'),
    step,
    closedAt: state === 'closed' ? ticket.closedAt : null,
  };
}
