// Deliveries that were answered: their entries are done, their tickets are with the case system, notices may follow. What several
// workers finish while a write is on its way goes together in the next one.
import type { OutboxStore } from '../store.ts';
import { among, op } from './connection.ts';
import { type Context, change } from './context.ts';
import type { EntryDoc, KeptEvent, MessageDoc } from './documents.ts';
import { letAllNoticesIn, NOBODYS } from './entries.ts';
import { lived } from './ticket-part.ts';

export interface Finish {
  readonly id: string;
  readonly token: string;
  readonly answer: Parameters<OutboxStore['finish']>[2];
}

type Finished = Awaited<ReturnType<OutboxStore['finish']>>;

/** Writes all answers; an entry that is another's by now is left as it is. */
export async function finishEntries(context: Context, calls: readonly Finish[]): Promise<Finished[]> {
  const { outbox } = context.models;
  const operations = calls.map(({ id, token, answer: { at, caseNumber } }) => ({
    updateOne: {
      filter: { _id: id, token, state: 'in-flight' as const },
      update: {
        // The token stays until all that follows is done: by it the entry is known as finished by this very call.
        $set: { ...NOBODYS, token, state: 'done' as const, live: false, finishedAt: at, caseNumber, pending: true },
        $inc: { attempts: 1 },
      },
    },
  }));
  const { matchedCount } = await outbox.bulkWrite(operations, { ordered: false });
  const all = matchedCount === calls.length;
  const docs = await outbox
    .find({ _id: among(calls.map(({ id }) => id)), ...(all ? { pending: true } : {}) })
    .lean<EntryDoc[]>();
  const done = new Map(
    docs.flatMap(doc => (doc.state === 'done' && doc.token !== null ? [[doc.token + doc._id, doc]] : [])),
  );
  const answers = calls.map(({ id, token }): Finished => (all || done.has(token + id) ? 'finished' : 'lost-lease'));
  // What another process's sweep has done already is not among them.
  await afterFinish(
    context,
    calls.flatMap(({ id, token }) => done.get(token + id) ?? []),
  );
  if (answers.includes('finished')) context.news.outbox();
  return answers;
}

/** What follows from deliveries: the tickets are with the case system, and their notices may go. Done again it changes nothing. */
export async function afterFinish(context: Context, docs: readonly EntryDoc[]): Promise<void> {
  if (docs.length === 0) return;
  const created = docs.filter(doc => doc.kind === 'ticket.created');
  await markDispatched(context, created);
  await letAllNoticesIn(context, new Map(created.map(doc => [doc.ticket, finishedAt(doc)])));
  await context.models.outbox.updateMany(
    { _id: among(docs.map(doc => doc._id)), state: 'done', pending: true },
    { $set: { pending: false, token: null } },
  );
}

const finishedAt = (doc: EntryDoc) => doc.finishedAt ?? doc.dueAt;

/** Mostly the tickets are as a decision left them, which needs no look at them; the others are taken up one by one. */
async function markDispatched(context: Context, docs: readonly EntryDoc[]): Promise<void> {
  if (docs.length === 0) return;
  const operations = docs.map(doc => {
    const { tag, event } = delivery(doc);
    const { number: _number, ...rest } = event;
    const kept: KeptEvent = { ...rest, state: 'dispatched', tag };
    const caseNumber = doc.caseNumber === null ? {} : { 'ticket.caseNumber': doc.caseNumber };
    return {
      updateOne: {
        filter: {
          ...{ number: doc.ticket, isTicket: true, 'ticket.state': 'queued' as const },
          'ticket.events.tag': op({ $ne: tag }),
        },
        update: {
          $set: { 'ticket.state': 'dispatched' as const, ...caseNumber },
          $push: { 'ticket.events': kept },
          $inc: { version: 1 },
        },
      },
    };
  });
  const { matchedCount } = await context.models.messages.bulkWrite(operations, { ordered: false });
  if (matchedCount === operations.length) return;
  for (const doc of docs) {
    await change(context, doc.ticket, async message => {
      const ticket = await dispatched(context, message, doc);
      return ticket === null ? { answer: null } : { set: { ticket }, answer: null };
    });
  }
}

/** A delivery as an event of its ticket, and what tells it from others there. */
function delivery(doc: EntryDoc) {
  const event = {
    ...{ number: doc.ticket, at: finishedAt(doc), by: 'system', kind: 'ticket.dispatched' },
    ...(doc.caseNumber === null ? {} : { caseNumber: doc.caseNumber }),
  };
  return { tag: `done ${doc._id}`, event };
}

/** The ticket with the delivery in its life; null where it stands there. Progress that was reported before is not undone. */
async function dispatched(context: Context, { ticket }: MessageDoc, doc: EntryDoc): Promise<MessageDoc['ticket']> {
  const { tag, event } = delivery(doc);
  if (ticket === null || ticket.events.some(kept => kept.tag === tag)) return null;
  const moved = ticket.state === 'queued' ? { ...event, state: 'dispatched' as const } : event;
  return (await lived(context, ticket, moved, tag)).ticket;
}
