// How an entry's document reads as an entry of the port, filters of entries, and the small steps that lanes are made of.
import type { Entry, EntryFilter, EntryState, NewEntry } from '../store.ts';
import { among, op } from './connection.ts';
import { type Context, takePlaces } from './context.ts';
import type { EntryDoc } from './documents.ts';

function idOf({ message, revision, kind }: Pick<NewEntry, 'message' | 'revision' | 'kind'>): string {
  return `${message}:${revision}:${kind}`;
}

export function toEntry(doc: EntryDoc): Entry {
  const { message, revision, kind, ticket, lane, urgent, notBefore, afterCreated, state, attempts } = doc;
  const { dueAt, cause, unknown, caseNumber, finishedAt } = doc;
  // Sent again under the same key it says what it said.
  const createdAt = doc.firstCreatedAt ?? doc.createdAt;
  return {
    id: doc._id,
    ...{ message, revision, kind, ticket, lane, urgent, notBefore, afterCreated, state, attempts },
    ...{ createdAt, dueAt, cause, unknown, caseNumber, finishedAt },
  };
}

/** Places of lanes are taken from one counter, so that entries of any two processes stand in one order. */
export const SEQ = 'outbox';

export function newEntry(entry: NewEntry, at: number, seq: number, state: 'due' | 'parked'): EntryDoc {
  const { message, revision, kind, ticket, lane, urgent, notBefore, afterCreated } = entry;
  return {
    _id: idOf(entry),
    ...{ message, revision, kind, ticket, lane, urgent, notBefore, afterCreated, state, seq },
    ...{ live: state === 'due', attempts: 0, createdAt: at, dueAt: Math.max(notBefore, at) },
    ...{ cause: null, unknown: false, caseNumber: null, finishedAt: null },
    ...{ token: null, holder: null, leaseUntil: null, setAt: at, begun: false, voiding: null, pending: false },
  };
}

/** Tickets whose latest created entry has been answered. A created entry's message is its ticket. */
export async function createdDone({ models }: Context, tickets: readonly string[]): Promise<ReadonlySet<string>> {
  if (tickets.length === 0) return new Set();
  const created = await models.outbox
    .find(
      { message: among(tickets), kind: 'ticket.created', state: op({ $ne: 'void' }) },
      { message: 1, state: 1, revision: 1 },
    )
    .sort({ revision: 1 })
    .lean<EntryDoc[]>();
  const latest = new Map(created.map(({ message, state }): [string, EntryState] => [message, state]));
  return new Set([...latest].flatMap(([ticket, state]) => (state === 'done' ? [ticket] : [])));
}

/** Puts an entry that is not live to the end of its lane, at a place just taken; false where it has changed meanwhile. */
export async function toEnd(
  context: Context,
  doc: EntryDoc,
  { seq, at, dueAt }: { readonly seq: number; readonly at: number; readonly dueAt: number },
  also: { readonly attempts?: number; readonly cause?: null } = {},
): Promise<boolean> {
  const { matchedCount } = await context.models.outbox.updateOne(
    { _id: doc._id, state: doc.state, seq: doc.seq },
    { $set: { ...also, seq, state: 'due', live: true, dueAt, setAt: Math.max(doc.setAt ?? 0, at) } },
  );
  if (matchedCount === 1) context.news.outbox();
  return matchedCount === 1;
}

interface Placed {
  readonly doc: EntryDoc;
  readonly seq: number;
}

/** A place at the end for each, in this order. */
export async function placesFor(context: Context, docs: readonly EntryDoc[]): Promise<readonly Placed[]> {
  if (docs.length === 0) return [];
  const first = await takePlaces(context, SEQ, docs.length);
  return docs.map((doc, i) => ({ doc, seq: first + i }));
}

/**
 * One after the other, so that none goes before an earlier one. Whoever else puts them, too, took places of its own, which may be behind
 * these: what follows goes behind both.
 * @param put false where somebody else was before us
 * @returns those that were put
 */
export async function putInOrder(
  context: Context,
  placed: readonly Placed[],
  put: (doc: EntryDoc, seq: number) => Promise<boolean>,
): Promise<readonly EntryDoc[]> {
  const done: EntryDoc[] = [];
  for (const [i, { doc, seq }] of placed.entries()) {
    const alone = done.length === i;
    if (await put(doc, alone ? seq : await takePlaces(context, SEQ, 1))) done.push(doc);
  }
  return done;
}

/** Under way with nobody. */
export const NOBODYS = { token: null, holder: null, leaseUntil: null };

/** Parked notices of tickets join the ends of their lanes, in the order they came; each ticket with the time from which. */
export async function letAllNoticesIn(context: Context, tickets: ReadonlyMap<string, number>): Promise<void> {
  if (tickets.size === 0) return;
  const parked = await context.models.outbox
    .find({ ticket: among([...tickets.keys()]), state: 'parked' })
    .sort({ seq: 1 })
    .lean<EntryDoc[]>();
  await putInOrder(context, await placesFor(context, parked), (doc, seq) => {
    const at = tickets.get(doc.ticket) ?? 0;
    return toEnd(context, doc, { seq, at, dueAt: Math.max(doc.notBefore, at) });
  });
}

export const letNoticesIn = (context: Context, ticket: string, now: number): Promise<void> =>
  letAllNoticesIn(context, new Map([[ticket, now]]));

export async function findEntries({ models }: Context, filter: EntryFilter): Promise<EntryDoc[]> {
  if (filter.limit <= 0) return [];
  const { id, state, kind, cause, ticket, limit } = filter;
  return models.outbox
    .find({
      ...(id === undefined ? {} : { _id: id }),
      ...(state === undefined ? {} : { state }),
      ...(kind === undefined ? {} : { kind }),
      ...(ticket === undefined ? {} : { ticket }),
      // A range, since a pattern would be read from what an operator typed.
      ...(cause === undefined ? {} : { cause: op({ $gte: cause, $lt: `${cause}\u{10ffff}` }) }),
    })
    .sort({ seq: 1 })
    .limit(limit)
    .lean<EntryDoc[]>();
}
