// What every part of the engine works with: models, counters, news, and the one way in which a message's document is changed.
import { StoreUnavailable } from '../errors.ts';
import type { AuditTrail } from './audit.ts';
import { documentsOf, type Models, upserting } from './connection.ts';
import type { MessageDoc, Todo } from './documents.ts';

export interface Context {
  readonly models: Models;
  /** Name of this process that outlives its restarts: what it had under way when it died is known by it. */
  readonly holder: string;
  readonly audit: AuditTrail;
  readonly news: News;
  /** Seconds that commits took, newest last. */
  readonly seconds: number[];
  /** Several deciders share this store: entries wait for the sweep's mark. */
  readonly shared: boolean;
  /** Place of the parked entry at which the next sweep goes on. */
  readonly swept: { parked: number };
  /** The sweep's mark as it was seen last, and since when it has stood there; null: not known, or the store has failed since. */
  readonly mark: { value: number; since: number | null };
}

export interface News {
  accepted(): void;
  outbox(): void;
}

/** Changes met by others are tried again on what is there then; beyond so many something is wrong. */
const ATTEMPTS = 50;

/** Takes `n` places of a counter; answers the first. Kept with every promise, since a place is never given twice. */
export async function takePlaces({ models }: Pick<Context, 'models'>, counter: string, n: number): Promise<number> {
  const row = await upserting(() =>
    models.counters
      .findOneAndUpdate({ _id: counter }, { $inc: { value: n } }, { upsert: true, returnDocument: 'after' })
      .lean(),
  );
  if (row === null) throw new StoreUnavailable('store.mongo_failed', `counter ${counter} was not kept`);
  return row.value - n + 1;
}

/** Everything but the original, which is large and never needed to decide. */
export const WITHOUT_ORIGINAL = { sealed: 0 } as const;

export async function messageOf({ models }: Context, number: string): Promise<MessageDoc | null> {
  return models.messages.findOne({ number }, WITHOUT_ORIGINAL).lean<MessageDoc>();
}

export async function messagesOf({ models }: Context, numbers: readonly string[]): Promise<Map<string, MessageDoc>> {
  const rows = await documentsOf(numbers, number =>
    models.messages.find({ number }, WITHOUT_ORIGINAL).lean<MessageDoc[]>(),
  );
  return new Map(rows.map(row => [row.number, row]));
}

export type Change = Partial<Omit<MessageDoc, '_id' | 'number' | 'version'>>;

/** A change of one document that only holds while the document is as it was read. */
export function guarded(doc: MessageDoc, change: Change) {
  return {
    filter: { _id: doc._id, version: doc.version },
    update: { $set: change, $inc: { version: 1 } },
  };
}

/**
 * Changes one message. `plan` sees it as it is and answers what to set, with what to tell; it is asked again where another
 * was quicker. Answers null where there is no such message; a plan without `set` changes nothing.
 */
export async function change<T>(
  context: Context,
  number: string,
  plan: (doc: MessageDoc) => { readonly set?: Change; readonly answer: T } | Promise<{ set?: Change; answer: T }>,
): Promise<T | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const doc = await messageOf(context, number);
    if (doc === null) return null;
    const { set, answer } = await plan(doc);
    if (set === undefined) return answer;
    const { filter, update } = guarded(doc, set);
    const { matchedCount } = await context.models.messages.updateOne(filter, update);
    if (matchedCount === 1) return answer;
  }
  throw new StoreUnavailable('store.mongo_failed', `message ${number} is changed by others all the time`);
}

export const NOTHING_TO_DO: Omit<Todo, 'id' | 'at'> = {
  outbox: [],
  seq: null,
  events: [],
  gathers: [],
  incident: null,
  move: null,
  notSame: [],
  orphaned: null,
  settled: false,
  audit: null,
};

/** False where nothing follows from a step outside its own document. */
export function anythingToDo(todo: Todo): boolean {
  const lists = todo.outbox.length + todo.events.length + todo.notSame.length + todo.gathers.length;
  return lists > 0 || todo.move !== null || todo.orphaned !== null || todo.settled || todo.audit !== null;
}
