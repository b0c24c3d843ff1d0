// A ticket inside its message: the born part a decision makes, the lived part that is only added to.
import { Conflict } from '../errors.ts';
import type { AuditNote, BornRow, NewEntry, TicketEvent } from '../store.ts';
import { type Context, change, NOTHING_TO_DO, takePlaces } from './context.ts';
import type { KeptEvent, TicketPart } from './documents.ts';

/** The born part of a decision over what the ticket has lived through, which stays as it is. */
export function bornPart(before: TicketPart | null, revision: number, born: BornRow): TicketPart {
  const { channel, type, category, urgency, division, confidential, acceptedAt, closedRepeatOf, incident } = born;
  return {
    ...{ channel, type, category, urgency, division, confidential, acceptedAt, closedRepeatOf, incident, revision },
    identityKeys: born.identityKeys,
    facts: born.facts,
    state: before?.state ?? born.state,
    step: before?.step ?? null,
    caseNumber: before?.caseNumber ?? null,
    supervised: before?.supervised ?? false,
    closedAt: before?.closedAt ?? null,
    closing: before?.closing ?? null,
    events: before?.events ?? [],
  };
}

export type Fit = 'fits' | 'duplicate' | 'missing' | 'conflict';

/** Whether an event may be added; `state` stands in for the ticket's own where the same step makes it. */
export function eventFits(ticket: TicketPart | null, event: TicketEvent, state?: string): Fit {
  const now = ticket?.state ?? state;
  if (now === undefined) return 'missing';
  if (event.eventId !== undefined && ticket?.events.some(kept => kept.eventId === event.eventId)) return 'duplicate';
  return event.expect !== undefined && !(event.expect as readonly string[]).includes(now) ? 'conflict' : 'fits';
}

/** The ticket after an event, and why its parked notices have nobody to go to any more, if so. */
export async function lived(
  context: Pick<Context, 'models'>,
  ticket: TicketPart,
  event: TicketEvent,
  tag: string,
): Promise<{ readonly ticket: TicketPart; readonly orphaned: string | null }> {
  const { number: _number, expect: _expect, ...rest } = event;
  const kept: KeptEvent = { ...rest, tag };
  const moved: TicketPart = {
    ...ticket,
    step: event.step ?? ticket.step,
    caseNumber: event.caseNumber ?? ticket.caseNumber,
    supervised: event.supervised ?? ticket.supervised,
    events: [...ticket.events, kept],
  };
  const { state, at } = event;
  if (state === undefined) return { ticket: moved, orphaned: null };
  const closed = state === 'closed';
  const closing = closed ? await takePlaces(context, 'closing', 1) : null;
  const orphaned = state === 'refused' || state === 'joined' ? `ticket.${state}` : null;
  return { ticket: { ...moved, state, closedAt: closed ? at : null, closing }, orphaned };
}

let added = 0;

/** Adds to a ticket's life; what follows from it stands in the same write. */
export async function addEvent(
  context: Context,
  event: TicketEvent,
  outbox: readonly NewEntry[],
  audit: AuditNote | null,
): Promise<'added' | 'duplicate' | 'missing'> {
  const answer = await change(context, event.number, async doc => {
    const fit = eventFits(doc.ticket, event);
    if (fit !== 'fits' || doc.ticket === null) return { answer: fit };
    // Told apart from a revision, by which decisions are known: the case system's ids may be numbers, too.
    const id = `${event.number}:event:${event.eventId ?? `${context.holder}.${process.pid}.${event.at}.${added++}`}`;
    const { ticket, orphaned } = await lived(context, doc.ticket, event, id);
    const todo = { ...NOTHING_TO_DO, id, at: event.at, outbox, orphaned, audit };
    return { set: { ticket, todo: [...doc.todo, todo], pending: true }, answer: fit };
  });
  if (answer === 'conflict') throw new Conflict(`ticket ${event.number} is not in a state that allows ${event.kind}`);
  if (answer === null || answer === 'missing') return 'missing';
  return answer === 'duplicate' ? 'duplicate' : 'added';
}
