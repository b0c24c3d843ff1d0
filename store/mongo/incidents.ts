// Incidents on MongoDB: figures of their tickets, and a clerk's moving of tickets: one write of the document of the ticket they
// move to decides, the tickets follow by the roll-forward.
import type { IncidentFilter, IncidentMove, IncidentRow } from '../store.ts';
import { among, documentsOf, op } from './connection.ts';
import { type Context, change, messagesOf, NOTHING_TO_DO } from './context.ts';
import type { MessageDoc, MovePart } from './documents.ts';

const FIGURES = { number: 1, ordinal: 1, acceptedAt: 1, 'ticket.state': 1, 'ticket.acceptedAt': 1 } as const;

function membersOf({ models }: Context, id: string): Promise<MessageDoc[]> {
  return models.messages
    .find({ isTicket: true, 'ticket.incident': id }, FIGURES)
    .sort({ ordinal: 1 })
    .lean<MessageDoc[]>();
}

export async function getIncident(context: Context, id: string): Promise<IncidentRow | null> {
  const members = await membersOf(context, id);
  const last = members.at(-1);
  if (last === undefined) return null;
  const followUps = await context.models.messages
    .find({ joined: among(members.map(({ number }) => number)), kind: 'repeat' }, { acceptedAt: 1 })
    .lean<MessageDoc[]>();
  const tickets = members.filter(({ ticket }) => ticket?.state !== 'joined').length;
  const born = members.map(({ ticket, acceptedAt }) => ticket?.acceptedAt ?? acceptedAt);
  return {
    ...{ id, ordinal: last.ordinal, tickets, messages: tickets + followUps.length },
    firstAt: Math.min(...born),
    lastAt: Math.max(...born, ...followUps.map(({ acceptedAt }) => acceptedAt)),
  };
}

const PAGE = 200;

/** From the youngest ticket back; an incident stands at its youngest, provided it has another. */
export async function listIncidents(context: Context, { before, limit }: IncidentFilter): Promise<IncidentRow[]> {
  const found: IncidentRow[] = [];
  const seen = new Set<string>();
  for (let below = before ?? Number.MAX_SAFE_INTEGER; ; ) {
    const page = await context.models.messages
      .find(
        { isTicket: true, 'ticket.incident': op({ $ne: null }), ordinal: op({ $lt: below }) },
        { ordinal: 1, 'ticket.incident': 1 },
      )
      .sort({ ordinal: -1 })
      .limit(PAGE)
      .lean<MessageDoc[]>();
    for (const { ordinal, ticket } of page) {
      const id = ticket?.incident ?? null;
      if (id === null || seen.has(id)) continue;
      if (found.length >= limit) return found;
      seen.add(id);
      const members = await membersOf(context, id);
      if (members.length < 2 || members.at(-1)?.ordinal !== ordinal) continue;
      const row = await getIncident(context, id);
      if (row !== null) found.push(row);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return found;
    below = last.ordinal;
  }
}

export function countArrivals({ models }: Context, id: string, from: number, until: number): Promise<number> {
  return models.messages.countDocuments({
    isTicket: true,
    'ticket.incident': id,
    'ticket.acceptedAt': op({ $gte: from, $lt: until }),
  });
}

/**
 * All tickets are looked at first, then the one they move to is written with what is to be done. Two clerks who move the same
 * tickets in the same instant both succeed, one after the other: a ticket moves only from where it is said to be.
 */
export async function moveIncident(context: Context, move: IncidentMove): Promise<'moved' | 'conflict'> {
  const { from, to, at, by, kind, notSame, audit } = move;
  const tickets = await movedTickets(context, move);
  if (tickets === null || tickets.length === 0) return 'conflict';
  const part: MovePart = {
    ...{ from, to, by, kind, tickets },
    notSame: notSame.map(([one, other]) => ({ one, other })),
  };
  const answer = await change<'moved' | 'conflict'>(context, to, doc => {
    const { ticket } = doc;
    const own = ticket?.incident ?? null;
    if (ticket === null || !(tickets.includes(to) || own === null || own === to)) return { answer: 'conflict' };
    const todo = { ...NOTHING_TO_DO, id: `${to}:move.${at}.${doc.version}`, at, move: part, audit };
    const leads = tickets.includes(to) ? {} : { ticket: { ...ticket, incident: to } };
    return { set: { ...leads, todo: [...doc.todo, todo], pending: true }, answer: 'moved' };
  });
  return answer ?? 'conflict';
}

/** null where one of them is not where it should be. */
async function movedTickets(context: Context, { from, tickets }: IncidentMove): Promise<readonly string[] | null> {
  if (tickets === 'all') {
    return from === null ? null : (await membersOf(context, from)).map(({ number }) => number);
  }
  const docs = await messagesOf(context, tickets);
  const there = tickets.every(number => {
    const ticket = docs.get(number)?.ticket ?? null;
    return ticket !== null && ticket.incident === from;
  });
  return there ? tickets : null;
}

/** Does what stands in the document; a ticket that has moved already stays. */
export async function rollMove(context: Context, move: MovePart, at: number, tag: string): Promise<void> {
  const { from, to, by, kind } = move;
  for (const number of move.tickets) {
    await change(context, number, ({ ticket }) => {
      if (ticket === null || ticket.incident !== from || ticket.events.some(event => event.tag === tag)) {
        return { answer: null };
      }
      const events = [...ticket.events, { at, by, kind, incident: { from, to }, tag }];
      return { set: { ticket: { ...ticket, incident: to, events } }, answer: null };
    });
  }
  for (const { one, other } of move.notSame) {
    for (const [number, apart] of [
      [one, other],
      [other, one],
    ] as const) {
      await context.models.messages.updateOne({ number }, { $addToSet: { notSame: apart }, $inc: { version: 1 } });
    }
  }
}

/** Ordinals of the tickets that incidents are named after. */
export async function leadOrdinals(
  { models }: Context,
  incidents: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const docs = await documentsOf(incidents, number =>
    models.messages.find({ number }, { number: 1, ordinal: 1 }).lean<MessageDoc[]>(),
  );
  return new Map(docs.map(({ number, ordinal }) => [number, ordinal]));
}

/** The incident that goes by this id now: what it became part of, when a clerk merged it. */
export function leadOf(known: ReadonlyMap<string, MessageDoc>, id: string): string {
  return known.get(id)?.ticket?.incident ?? id;
}
