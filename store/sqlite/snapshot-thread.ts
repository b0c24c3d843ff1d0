// The thread that copies a data folder while others write: the database of one moment, then the blobs it may refer to.
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { hashFile } from '../file-hash.ts';
import type { Snapshot, SnapshotFile } from '../retention.ts';
import { openReading } from './connection.ts';
import { SCHEMA } from './schema.ts';
import { DATABASE, ENGINE, type FromSnapshot, type SnapshotOptions } from './snapshot.ts';

/** Pages copied at a time, and the rest after each: the writer shares the disk. */
const PAGES_AT_ONCE = 128;
const REST_MS = 1;
const PAGE_BYTES = 4096;
const CHUNK = 1024 * 1024;
/** What a writer has not yet renamed into place. */
const UNFINISHED = /\.tmp$/;

class Stopped extends Error {}

async function copyAll({ folder, target, stop }: SnapshotOptions): Promise<Snapshot> {
  const flag = new Int32Array(stop);
  const blobs = blobsOf(folder);
  const blobBytes = blobs.reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  let total = blobBytes;
  const tell = (done: number) => {
    if (Atomics.load(flag, 0) !== 0) throw new Stopped('stopped');
    say({ kind: 'progress', done, total });
  };
  await copyDatabase(folder, target, (done, of) => {
    total = of + blobBytes;
    tell(done);
    Atomics.wait(flag, 0, 0, REST_MS);
  });
  const file = join(target, DATABASE);
  const database = { name: DATABASE, bytes: statSync(file).size, sha256: await hashFile(file) };
  const files: SnapshotFile[] = [database];
  let done = database.bytes;
  // Listed anew: a blob stands in its place before the row that names it, so these are all the copy can ask for.
  for (const name of blobsOf(folder)) {
    const copied = copyBlob(folder, target, name);
    if (copied === null) continue;
    files.push(copied);
    done += copied.bytes;
    tell(Math.min(done, total));
  }
  syncFolders(target, files);
  return { engine: ENGINE, schema: SCHEMA, files };
}

/** One read transaction around it all: the copy is of one moment, and what others write does not make it begin again. */
async function copyDatabase(
  folder: string,
  target: string,
  tell: (done: number, total: number) => void,
): Promise<void> {
  const source = openReading(folder, 2048);
  const file = join(target, DATABASE);
  closeSync(openSync(file, 'wx', 0o600));
  try {
    source.exec('BEGIN');
    source.prepare('SELECT count(*) FROM migrations').get();
    await backup(source, file, {
      rate: PAGES_AT_ONCE,
      progress: ({ totalPages, remainingPages }) =>
        tell((totalPages - remainingPages) * PAGE_BYTES, totalPages * PAGE_BYTES),
    });
  } finally {
    source.close();
  }
  // One file that stands for itself, with no log beside it.
  const copy = new DatabaseSync(file);
  copy.exec('PRAGMA journal_mode = DELETE');
  copy.close();
  sync(file);
}

function blobsOf(folder: string): string[] {
  const root = join(folder, 'blobs');
  if (statSync(root, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(root).flatMap(part =>
    readdirSync(join(root, part))
      .filter(name => !UNFINISHED.test(name))
      .map(name => `blobs/${part}/${name}`),
  );
}

/** null where it was removed meanwhile: its message turned out to be known. */
function copyBlob(folder: string, target: string, name: string): SnapshotFile | null {
  let from: number;
  try {
    from = openSync(join(folder, name), 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  mkdirSync(join(target, name, '..'), { recursive: true, mode: 0o700 });
  const to = openSync(join(target, name), 'wx', 0o600);
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(CHUNK);
  let bytes = 0;
  try {
    for (;;) {
      const read = readSync(from, chunk, 0, CHUNK, null);
      if (read === 0) break;
      hash.update(chunk.subarray(0, read));
      writeSync(to, chunk, 0, read);
      bytes += read;
    }
    fsyncSync(to);
  } finally {
    closeSync(from);
    closeSync(to);
  }
  return { name, bytes, sha256: hash.digest('hex') };
}

function syncFolders(target: string, files: readonly SnapshotFile[]): void {
  if (process.platform === 'win32') return;
  const folders = new Set([target, ...files.map(({ name }) => join(target, name, '..'))]);
  if (folders.size > 1) folders.add(join(target, 'blobs'));
  for (const folder of folders) sync(folder);
}

function sync(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function say(message: FromSnapshot): void {
  parentPort?.postMessage(message);
}

try {
  say({ kind: 'done', snapshot: await copyAll(workerData as SnapshotOptions) });
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  say({ kind: 'failed', message: code ?? message });
}
