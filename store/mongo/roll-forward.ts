// What follows from a decision outside its own document: entries, other tickets' events, the audit record. Each step may be done
// twice without harm; it runs right after the decision, and again by the sweep where a process died in between.
import type { NewEntry, TicketEvent } from '../store.ts';
import { areDuplicates, op } from './connection.ts';
import { type Context, change, messagesOf, takePlaces } from './context.ts';
import type { EntryDoc, MessageDoc, Todo } from './documents.ts';
import { createdDone, letNoticesIn, newEntry, SEQ } from './entries.ts';
import { rollMove } from './incidents.ts';
import { lived } from './ticket-part.ts';

/** Does everything that stands in the `todo` of these messages and takes it away. */
export async function rollForward(context: Context, numbers: readonly string[]): Promise<void> {
  const docs = await messagesOf(context, numbers);
  await rollForwardAll(
    context,
    numbers.flatMap(number => docs.get(number) ?? []),
  );
}

/** The same for documents that are known, in their order. */
export async function rollForwardAll(context: Context, known: readonly MessageDoc[]): Promise<void> {
  const docs = known.filter(doc => doc.pending);
  const todos = docs.flatMap(doc => doc.todo.map(todo => ({ number: doc.number, todo })));
  if (todos.length === 0) return;
  await addEntries(
    context,
    todos.flatMap(({ todo: { outbox, at, seq } }) =>
      outbox.map((entry, place) => ({ entry, at, seq: seq === null ? null : seq + place })),
    ),
  );
  for (const { number, todo } of todos) await others(context, number, todo);
  await Promise.all(
    todos.map(({ todo }) => (todo.audit === null ? undefined : context.audit.append(todo.audit, todo.at, todo.id))),
  );
  await clear(context, docs);
}

/** Where a document was changed since, what came meanwhile is still to be done: it is left to the next one who looks. */
async function clear({ models }: Context, docs: readonly MessageDoc[]): Promise<void> {
  const operations = docs.map(({ _id, version }) => ({
    updateOne: { filter: { _id, version }, update: { $set: { todo: [], pending: false }, $inc: { version: 1 } } },
  }));
  await models.messages.bulkWrite(operations, { ordered: false });
}

async function others(context: Context, number: string, todo: Todo): Promise<void> {
  for (const [place, event] of todo.events.entries()) await addForeign(context, event, `${todo.id}/${place}`);
  for (const gathered of todo.gathers) if (todo.incident !== null) await joinIncident(context, gathered, todo.incident);
  if (todo.move !== null) await rollMove(context, todo.move, todo.at, todo.id);
  for (const other of todo.notSame) {
    await context.models.messages.updateOne(
      { number: other },
      { $addToSet: { notSame: number }, $inc: { version: 1 } },
    );
  }
  if (todo.orphaned !== null) await dropOrphans(context, number, todo.orphaned);
  if (todo.settled) await stopWaiting(context, number, todo.at);
}

async function addForeign(context: Context, event: TicketEvent, tag: string): Promise<void> {
  const orphaned = await change(context, event.number, async doc => {
    if (doc.ticket === null || doc.ticket.events.some(kept => kept.tag === tag)) return { answer: null };
    const next = await lived(context, doc.ticket, event, tag);
    return { set: { ticket: next.ticket }, answer: next.orphaned };
  });
  if (orphaned !== null) await dropOrphans(context, event.number, orphaned);
}

/** Gives an earlier ticket an incident it turned out to be part of, unless it has one. */
async function joinIncident(context: Context, number: string, incident: string): Promise<void> {
  await change(context, number, doc => {
    if (doc.ticket === null || doc.ticket.incident !== null) return { answer: null };
    return { set: { ticket: { ...doc.ticket, incident } }, answer: null };
  });
}

interface Placed {
  readonly entry: NewEntry;
  readonly at: number;
  readonly seq: number | null;
}

async function addEntries(context: Context, entries: readonly Placed[]): Promise<void> {
  if (entries.length === 0) return;
  const notices = entries.filter(({ entry }) => entry.afterCreated).map(({ entry }) => entry.ticket);
  const open = await createdDone(context, notices);
  const without = entries.filter(({ seq }) => seq === null).length;
  let next = without === 0 ? 0 : await takePlaces(context, SEQ, without);
  const docs = entries.map(({ entry, at, seq }): EntryDoc => {
    const state = entry.afterCreated && !open.has(entry.ticket) ? 'parked' : 'due';
    return newEntry(entry, at, seq ?? next++, state);
  });
  try {
    await context.models.outbox.insertMany(docs, { ordered: false, lean: true });
  } catch (error) {
    // Those that stand there already stay as they are: this step was done before, or another process is doing it too.
    if (!areDuplicates(error)) throw error;
  }
  await letLateNoticesIn(context, entries, open);
  context.news.outbox();
}

/** Between the look and the write the created entry may have been answered, whose answer then found nothing to let in. */
async function letLateNoticesIn(
  context: Context,
  entries: readonly Placed[],
  open: ReadonlySet<string>,
): Promise<void> {
  const parked = entries.filter(({ entry }) => entry.afterCreated && !open.has(entry.ticket));
  if (parked.length === 0) return;
  const now = await createdDone(
    context,
    parked.map(({ entry }) => entry.ticket),
  );
  for (const ticket of now) await letNoticesIn(context, ticket, Math.max(...parked.map(({ at }) => at)));
}

/** Makes parked notices void when no created entry of their ticket will ever let them in. */
async function dropOrphans({ models }: Context, ticket: string, cause: string): Promise<void> {
  const created = await models.outbox
    .findOne({ message: ticket, kind: 'ticket.created', state: op({ $ne: 'void' }) }, { _id: 1 })
    .lean<EntryDoc>();
  if (created !== null) return;
  await models.outbox.updateMany({ ticket, state: 'parked' }, { $set: { state: 'void', cause } });
}

/** Entries of a message that waited for its attachments need wait no longer. */
async function stopWaiting({ models, news }: Context, message: string, now: number): Promise<void> {
  const waits = { message, notBefore: op({ $gt: now }) };
  await models.outbox.updateMany({ ...waits, state: 'parked' }, { $set: { notBefore: now } });
  await models.outbox.updateMany(
    { ...waits, state: 'due', attempts: 0 },
    { $set: { dueAt: now, notBefore: now, setAt: now } },
  );
  news.outbox();
}
