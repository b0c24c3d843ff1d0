// Puts a copy into an empty database, goes on where it was cut off, and compares what stands there with the copy.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Model } from 'mongoose';
import { StoreUnavailable } from '../errors.ts';
import { createBag } from '../moving.ts';
import { isProbe } from './atomicity.ts';
import { areDuplicates, op } from './connection.ts';
import type { EntryDoc, MessageDoc } from './documents.ts';
import type { MongoStoreOptions } from './engine.ts';
import { type MovePlace, openMovePlace, told, wholeOf } from './move-into.ts';
import { MOVING } from './moving.ts';
import { VERSION } from './schema.ts';
import { COLLECTIONS } from './snapshot.ts';
import { documentsOf } from './snapshot-reader.ts';
import type { Vault } from './vault.ts';

type Row = { readonly _id: string | number } & Readonly<Record<string, unknown>>;
type Name = (typeof COLLECTIONS)[number];

const AT_ONCE = 250;

interface RestoreWatch {
  /** Who restores it, for the audit. */
  readonly by: string;
  readonly now: number;
  progress(done: number, total: number): void;
  readonly signal: AbortSignal;
}

/** @throws StoreUnavailable `store.restore_differs` when what was written is not what the copy holds, `store.move_not_empty` */
export async function restoreMongoCopy(options: MongoStoreOptions, folder: string, watch: RestoreWatch): Promise<void> {
  const source = nameOfCopy(folder);
  const place = await openMovePlace(options, source);
  const { audit, models } = place.context;
  try {
    await told(async () => {
      const claim = await models.named.findById(MOVING).lean();
      if (claim?.value !== wholeOf(source)) await restoreInto(place, folder, watch);
      // Killed between any two of these it goes on with them: the record is in none of what was compared, and is there once.
      await models.named.updateOne({ _id: MOVING }, { $set: { value: wholeOf(source) } });
      await audit.append({ by: watch.by, action: 'backup.restored', on: [] }, watch.now, `restored ${source}`);
      await models.named.deleteOne({ _id: MOVING });
    });
  } finally {
    await place.close();
  }
}

async function restoreInto(place: MovePlace, folder: string, watch: RestoreWatch): Promise<void> {
  const { context, vault, blobs } = place;
  const total = [...documentsOf(folder, 'messages')].length;
  let done = 0;
  const decided = decidedIn(folder);
  for (const name of blobNames(folder)) {
    watch.signal.throwIfAborted();
    await blobs.put(name, readFileSync(join(folder, 'blobs', name.slice(0, 2), name)));
  }
  for (const name of COLLECTIONS) {
    const model = context.models[name] as unknown as Model<Row>;
    const print = createBag();
    for (const rows of pagesOf(folder, name, decided)) {
      watch.signal.throwIfAborted();
      await insert(model, name === 'messages' ? await apart(vault, rows) : rows);
      for (const row of rows) print.add(row);
      if (name !== 'messages') continue;
      done += rows.length;
      watch.progress(done, total);
    }
    if (print.done() !== (await printOf(model, name, vault))) throw differs(name);
  }
}

function differs(name: string): StoreUnavailable {
  return new StoreUnavailable(
    'store.restore_differs',
    `恢复后的数据与备份不一致（${name}）：数据库未启用。 / What was restored differs from the backup (${name}): the database is not in use.`,
  );
}

/** What the copied decisions say of entries. */
interface Decided {
  /** Revision of each message's next decision. */
  readonly next: ReadonlyMap<string, number>;
  /** Entries that one of them made void. */
  readonly voided: ReadonlySet<string>;
}

function decidedIn(folder: string): Decided {
  const next = new Map<string, number>();
  const voided = new Set<string>();
  for (const { doc } of documentsOf<MessageDoc>(folder, 'messages')) {
    next.set(doc.number, doc.next);
    for (const id of doc.voided) voided.add(id);
  }
  return { next, voided };
}

/** The version of the documents, and what a start leaves behind. */
const isDatabasesOwn = ({ _id }: { readonly _id: unknown }): boolean => _id === VERSION || isProbe(_id);

function* pagesOf(folder: string, name: Name, decided: Decided): Generator<Row[]> {
  let page: Row[] = [];
  for (const { doc } of documentsOf<Row>(folder, name)) {
    const row = name === 'outbox' ? entryAsOfCopy(doc as unknown as EntryDoc, decided) : doc;
    if (row === null || isDatabasesOwn(row)) continue;
    page.push(row as Row);
    if (page.length < AT_ONCE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

const CAUSE = /^decision\.\d+$/;

/**
 * Messages are copied one after the other. An entry made by a decision that is not in the copy is left out, one made void by
 * such a decision waits again; what is done has its consequences written once more, should they be missing.
 */
function entryAsOfCopy(doc: EntryDoc, { next, voided }: Decided): EntryDoc | null {
  if (doc.state === 'done') return { ...doc, pending: doc.kind === 'ticket.created' };
  if (doc.revision >= (next.get(doc.message) ?? 0)) return null;
  const free = { token: null, holder: null, leaseUntil: null, begun: false };
  if (doc.state === 'in-flight')
    return { ...doc, ...free, state: 'due', live: true, unknown: doc.unknown || doc.begun };
  const unknownVoid =
    doc.state === 'void' && doc.voiding === null && CAUSE.test(doc.cause ?? '') && !voided.has(doc._id);
  if (!unknownVoid) return doc;
  return { ...doc, ...free, cause: null, state: doc.afterCreated ? 'parked' : 'due', live: !doc.afterCreated };
}

async function insert(model: Model<Row>, rows: readonly Row[]): Promise<void> {
  try {
    await model.insertMany(rows, { ordered: false, lean: true });
  } catch (error) {
    // Of a try that was cut off.
    if (!areDuplicates(error)) throw error;
  }
}

/** Where originals and identities are kept apart they go there. */
async function apart(vault: Vault, rows: readonly Row[]): Promise<Row[]> {
  if (!vault.apart) return [...rows];
  const docs = rows as unknown as readonly MessageDoc[];
  await vault.keepOriginals(docs as never);
  const placed = docs.map(doc => ({ ...doc, identityAt: doc.identity === null ? null : `${doc.number}:restored` }));
  await vault.keepIdentities(
    placed.flatMap(({ identityAt, identity }) =>
      identityAt === null || identity === null ? [] : [{ at: identityAt, identity }],
    ),
  );
  return placed.map(doc => ({ ...doc, sealed: null, identity: null })) as unknown as Row[];
}

async function printOf(model: Model<Row>, name: Name, vault: Vault): Promise<string> {
  const print = createBag();
  const field = name === 'messages' ? 'ordinal' : name === 'outbox' ? 'seq' : '_id';
  const rows = model.find(name === 'named' ? { _id: op({ $ne: MOVING }) } : {}).sort({ [field]: 1 });
  for await (const doc of rows.lean<Row>().cursor()) {
    if (isDatabasesOwn(doc)) continue;
    print.add(name === 'messages' ? await together(vault, doc as unknown as MessageDoc) : doc);
  }
  return print.done();
}

async function together(vault: Vault, doc: MessageDoc): Promise<unknown> {
  if (!vault.apart) return doc;
  const [originals, identities] = await Promise.all([
    vault.originals([doc.number]),
    vault.identities(doc.identityAt === null ? [] : [doc.identityAt]),
  ]);
  const identity = identities.get(doc.identityAt ?? '') ?? null;
  return { ...doc, sealed: originals.get(doc.number) ?? null, identity, identityAt: null };
}

function* blobNames(folder: string): Generator<string> {
  const root = join(folder, 'blobs');
  if (statSync(root, { throwIfNoEntry: false }) === undefined) return;
  for (const part of readdirSync(root)) yield* readdirSync(join(root, part));
}

/** Names a copy among all, so that a restore that was cut off goes on with the same one only. */
function nameOfCopy(folder: string): string {
  return createHash('sha256')
    .update(readFileSync(join(folder, 'manifest.json')))
    .digest('hex');
}
