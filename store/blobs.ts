// Large sealed bytes as files of their own: `blobs/ab/<name>`, whole and durable or not there.
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobStore } from './blob-store.ts';
import { StoreUnavailable } from './errors.ts';
import { createLeftovers } from './leftovers.ts';

const NAME = /^[0-9a-f]{64}$/;

export function createFileBlobs(folder: string): BlobStore {
  const root = join(folder, 'blobs');
  const fileOf = (name: string): string => {
    if (!NAME.test(name)) throw new StoreUnavailable('store.blob_name', 'a blob is named by 64 lower-case hex digits');
    return join(root, name.slice(0, 2), name);
  };
  return {
    put: (name, sealed) => guarded(() => putFile(fileOf(name), sealed)),
    get: name => guarded(() => getFile(fileOf(name))),
    remove: name => guarded(() => removeFile(fileOf(name))),
    sweep: createSweep(root),
  };
}

/** Folders that one look goes through, of 256. */
const FOLDERS_AT_ONCE = 32;
const UNFINISHED = /^[0-9a-f]{64}\.[0-9a-f]{12}\.tmp$/;

/** The folder belongs to one process, but what it is writing just now is unfinished as well. */
function createSweep(root: string): BlobStore['sweep'] {
  const leftovers = createLeftovers();
  let place = 0;
  return elapsed =>
    guarded(async () => {
      let removed = 0;
      for (const file of leftovers.take(elapsed)) {
        if (!(await exists(file))) continue;
        await removeFile(file);
        removed++;
      }
      const folders = (await foldersOf(root)).sort();
      for (const folder of folders.slice(place, place + FOLDERS_AT_ONCE)) {
        const names = await readdir(join(root, folder));
        leftovers.seen(
          names.filter(name => UNFINISHED.test(name)).map(name => join(root, folder, name)),
          elapsed,
        );
      }
      place = place + FOLDERS_AT_ONCE < folders.length ? place + FOLDERS_AT_ONCE : 0;
      return removed;
    });
}

async function foldersOf(root: string): Promise<string[]> {
  try {
    return await readdir(root);
  } catch (error) {
    // Nothing large enough has come yet.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function guarded<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    const text = full
      ? '磁盘已满，附件未写入。 / The disk is full, the blob was not written.'
      : `附件文件读写失败（${code}）。 / A blob could not be read or written (${code}).`;
    throw new StoreUnavailable(full ? 'store.disk_full' : 'store.blob_failed', text, { cause: error });
  }
}

async function putFile(file: string, sealed: Uint8Array): Promise<void> {
  const folder = dirname(file);
  // Another writer may have renamed it into place and not yet made the name durable.
  if (await exists(file)) return syncFolder(folder);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(sealed);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
  if (made === undefined) return;
  // A folder made just now is durable only once its own entry is.
  await syncFolder(dirname(folder));
  await syncFolder(dirname(dirname(folder)));
}

async function getFile(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function removeFile(file: string): Promise<void> {
  await rm(file, { force: true });
}

async function exists(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Makes names in a folder durable; Windows has no such call and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
