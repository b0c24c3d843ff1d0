// A copy of what the MongoDB engine keeps, while others write: one file of BSON documents a collection, and each blob as a file.
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Model } from 'mongoose';
import { StoreUnavailable } from '../errors.ts';
import type { Snapshot, SnapshotFile, SnapshotWatch } from '../retention.ts';
import type { GridBlobs } from './blobs.ts';
import { BSON, type Models } from './connection.ts';
import type { MessageDoc } from './documents.ts';
import { SCHEMA } from './schema.ts';
import type { Vault } from './vault.ts';

export const ENGINE = 'mongo';

/**
 * In this order. Entries come before the messages that made them: a decision that falls between the two still holds its
 * entries in its own document, from where the restored store makes them again.
 */
export const COLLECTIONS = ['outbox', 'messages', 'audit', 'channels', 'cursors', 'named', 'counters'] as const;
const SORTED: Partial<Record<(typeof COLLECTIONS)[number], string>> = { messages: 'ordinal', outbox: 'seq' };
const TELL_EVERY = 200;

interface Target {
  readonly folder: string;
  readonly files: SnapshotFile[];
  written(bytes: number): void;
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
    written: () => {
      signal.throwIfAborted();
      done++;
      total = Math.max(total, done);
      if (done % TELL_EVERY === 1) progress(done, total);
    },
  };
  signal.throwIfAborted();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    for (const name of COLLECTIONS) await copyCollection(models, vault, name, target);
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
  vault: Vault,
  name: (typeof COLLECTIONS)[number],
  target: Target,
): Promise<void> {
  const file = createFile(target.folder, `${name}.bson`);
  try {
    const model = models[name] as unknown as Model<Record<string, unknown>>;
    const sorted = model.find().sort({ [SORTED[name] ?? '_id']: 1 });
    for await (const doc of sorted.lean().cursor()) {
      const whole = name === 'messages' ? await withSealed(vault, doc as unknown as MessageDoc) : doc;
      file.write(BSON.serialize(whole));
      target.written(1);
    }
    target.files.push(file.done());
  } finally {
    file.close();
  }
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
