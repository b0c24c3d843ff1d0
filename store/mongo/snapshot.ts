// A copy of what the MongoDB engine keeps, while others write: one file of BSON documents a collection, and each blob as a file.
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Model } from 'mongoose';
import { StoreUnavailable } from '../errors.ts';
import type { Snapshot, SnapshotFile, SnapshotWatch } from '../retention.ts';
import type { GridBlobs } from './blobs.ts';
import { BSON, type Models, op } from './connection.ts';
import type { EntryDoc, MessageDoc } from './documents.ts';
import { SCHEMA } from './schema.ts';
import type { Vault } from './vault.ts';

export const ENGINE = 'mongo';

/** Before the messages: a cursor, and where a sweep over messages stands, may be behind what is copied, never ahead of it. */
const BEFORE = ['cursors', 'named', 'channels'] as const;
/** After them: places that are taken stay taken, and no record is missing of what is copied. */
const AFTER = ['audit', 'counters'] as const;
export const COLLECTIONS = [...BEFORE, 'outbox', 'messages', ...AFTER] as const;
const TELL_EVERY = 200;
/** Messages read at once, with their entries. */
const PAGE = 200;
/** A message that is changed all the time is read alone, so often. */
const ATTEMPTS = 50;

interface Target {
  readonly folder: string;
  readonly files: SnapshotFile[];
  written(documents: number): void;
}

export async function takeSnapshot(
  { models, vault, blobs }: { readonly models: Models; readonly vault: Vault; readonly blobs: GridBlobs },
  folder: string,
  { progress, signal }: SnapshotWatch,
): Promise<Snapshot> {
  let done = 0;
  let total = await models.messages.countDocuments();
  const target: Target = {
    folder,
    files: [],
    written: documents => {
      signal.throwIfAborted();
      const told = Math.floor(done / TELL_EVERY);
      done += documents;
      total = Math.max(total, done);
      if (done === documents || Math.floor(done / TELL_EVERY) > told) progress(done, total);
    },
  };
  signal.throwIfAborted();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    for (const name of BEFORE) await copyCollection(models, name, target);
    await copyMessages(models, vault, target);
    for (const name of AFTER) await copyCollection(models, name, target);
    for await (const { name } of blobs.names()) await copyBlob(blobs, name, target);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw failed(error);
  }
  progress(done, done);
  return { engine: ENGINE, schema: SCHEMA, files: target.files };
}

function failed(cause: unknown): StoreUnavailable {
  const { code, message } = cause as { code?: string; message?: string };
  const detail = code ?? message ?? '';
  return new StoreUnavailable(
    'store.snapshot_failed',
    `数据复制失败，备份未完成：${detail} / Copying failed, the backup is not complete: ${detail}`,
    { cause },
  );
}

/** A file written piece by piece, hashed on the way, and durable once closed. */
function createFile(folder: string, name: string) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const handle = openSync(path, 'wx', 0o600);
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    write: (piece: Uint8Array) => {
      writeSync(handle, piece);
      hash.update(piece);
      bytes += piece.byteLength;
    },
    done: (): SnapshotFile => {
      fsyncSync(handle);
      return { name, bytes, sha256: hash.digest('hex') };
    },
    close: () => closeSync(handle),
  };
}

async function copyCollection(
  models: Models,
  name: (typeof BEFORE | typeof AFTER)[number],
  target: Target,
): Promise<void> {
  const file = createFile(target.folder, `${name}.bson`);
  try {
    const model = models[name] as unknown as Model<Record<string, unknown>>;
    for await (const doc of model.find().sort({ _id: 1 }).lean().cursor()) {
      file.write(BSON.serialize(doc));
      target.written(1);
    }
    target.files.push(file.done());
  } finally {
    file.close();
  }
}

/** Each message with its entries as they were at one moment, so that no decision is in the copy by halves. */
async function copyMessages(models: Models, vault: Vault, target: Target): Promise<void> {
  const messages = createFile(target.folder, 'messages.bson');
  const outbox = createFile(target.folder, 'outbox.bson');
  try {
    for (let after = Number.MIN_SAFE_INTEGER; ; ) {
      const page = await models.messages
        .find({ ordinal: op({ $gt: after }) })
        .sort({ ordinal: 1 })
        .limit(PAGE)
        .lean<MessageDoc[]>();
      for (const { doc, entries } of await withEntries(models, page)) {
        messages.write(BSON.serialize(await withSealed(vault, doc)));
        for (const entry of entries) outbox.write(BSON.serialize(entry));
        target.written(1 + entries.length);
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.ordinal;
    }
    target.files.push(messages.done(), outbox.done());
  } finally {
    messages.close();
    outbox.close();
  }
}

interface Whole {
  readonly doc: MessageDoc;
  readonly entries: readonly EntryDoc[];
}

/** A message that has the same version before and after its entries were read had it all the while. */
async function withEntries(models: Models, page: readonly MessageDoc[]): Promise<Whole[]> {
  if (page.length === 0) return [];
  const message = op({ $in: page.map(doc => doc.number) });
  const entries = await models.outbox.find({ message }).sort({ seq: 1 }).lean<EntryDoc[]>();
  const now = await models.messages.find({ number: message }, { number: 1, version: 1 }).lean<MessageDoc[]>();
  const versions = new Map(now.map(({ number, version }) => [number, version]));
  const found: Whole[] = [];
  for (const doc of page) {
    if (versions.get(doc.number) === doc.version) {
      found.push({ doc, entries: entries.filter(entry => entry.message === doc.number) });
    } else found.push(await readAlone(models, doc.number));
  }
  return found;
}

async function readAlone(models: Models, number: string): Promise<Whole> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const doc = await models.messages.findOne({ number }).lean<MessageDoc>();
    const entries = await models.outbox.find({ message: number }).sort({ seq: 1 }).lean<EntryDoc[]>();
    const now = await models.messages.findOne({ number }, { version: 1 }).lean<MessageDoc>();
    if (doc !== null && doc.version === now?.version) return { doc, entries };
  }
  throw new StoreUnavailable('store.mongo_failed', `message ${number} is changed by others all the time`);
}

/** A copy is one thing: what is kept apart stands in its message again. */
async function withSealed(vault: Vault, doc: MessageDoc): Promise<MessageDoc> {
  if (!vault.apart) return doc;
  const places = doc.identityAt === null ? [] : [doc.identityAt];
  const [originals, identities] = await Promise.all([
    doc.sealed === null && doc.blob === null ? vault.originals([doc.number]) : new Map<string, Uint8Array>(),
    vault.identities(places),
  ]);
  return {
    ...doc,
    sealed: doc.sealed ?? originals.get(doc.number) ?? null,
    identity: doc.identity ?? identities.get(doc.identityAt ?? '') ?? null,
    identityAt: null,
  };
}

async function copyBlob(blobs: GridBlobs, name: string, target: Target): Promise<void> {
  const bytes = await blobs.get(name);
  // Removed meanwhile: its message turned out to be known, or was shredded.
  if (bytes === null) return;
  const file = createFile(target.folder, `blobs/${name.slice(0, 2)}/${name}`);
  try {
    file.write(bytes);
    target.files.push(file.done());
  } finally {
    file.close();
  }
  target.written(1);
}
