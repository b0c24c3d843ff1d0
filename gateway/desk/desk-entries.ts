// What a clerk's decision does to the outbox: entries it makes, those that must not go any more, what the case system may have.
import type { Entry, MessageRow, NewEntry } from '../../store/store.ts';
import { noticeOf } from './decided-anew.ts';
import type { DeskParts } from './desk-parts.ts';
import type { MessageAndTicket } from './found.ts';

export function createdOf(parts: DeskParts, message: MessageRow, urgency: string, waits: boolean): NewEntry {
  const urgent = urgency === '紧急';
  // What is urgent goes at once, and its files follow by a correction.
  const notBefore = waits && !urgent ? parts.now() + parts.attachmentWaitMs : 0;
  const entry = noticeOf(message, 'ticket.created', message.number);
  return { ...entry, urgent, notBefore, afterCreated: false };
}

export async function createdAnew(parts: DeskParts, { message }: MessageAndTicket, urgency: string): Promise<NewEntry> {
  const attachments = await parts.store.admin.attachments(message.number);
  return createdOf(
    parts,
    message,
    urgency,
    attachments.some(row => row.state === 'wanted'),
  );
}

export function entriesOf({ store }: DeskParts, ticket: string): Promise<readonly Entry[]> {
  return store.outbox.list({ ticket, limit: 10_000 });
}

export const isWaiting = (entry: Entry) => entry.state === 'due' || entry.state === 'parked';

/** One that was tried before with no recorded answer may have arrived, so it counts as delivered. */
export const neverArrived = (entry: Entry) => (isWaiting(entry) || entry.state === 'dead') && !entry.unknown;

/** What of a ticket must not go any more, and whether the case system must be told that it is withdrawn. */
export async function undelivered(parts: DeskParts, message: MessageRow) {
  const entries = await entriesOf(parts, message.number);
  const created = entries.filter(entry => entry.kind === 'ticket.created' && entry.state !== 'void');
  const unsent = created.filter(neverArrived);
  const told = created.length > unsent.length;
  const inVain = told
    ? unsent
    : [...unsent, ...entries.filter(entry => entry.state === 'parked' && entry.message === message.number)];
  return {
    voids: inVain.map(entry => entry.id),
    withdrawn: told ? [noticeOf(message, 'ticket.withdrawn', message.number)] : [],
  };
}
