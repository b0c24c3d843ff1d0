// The folders of a channel: in/ where files are dropped, work/ for what is under way, done/ and errors/ for what is not.
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Misconfigured, Unavailable } from '../contract.ts';
import { candidates, readName, roomyName } from './file-names.ts';

export interface Folder {
  readonly inbox: string;
  readonly work: string;
  /** Receipts by content, so that the same file is known again. */
  readonly seen: string;
  readonly done: string;
  readonly errors: string;
}

/** A file in in/ as it was last looked at. */
export interface Waiting {
  /** As a person reads it; no two at a time have the same. */
  readonly name: string;
  /** In bytes where the name is no UTF-8. */
  readonly path: string | Buffer;
  readonly size: number;
  /** Tells another file under the same name, and one written to since. */
  readonly mark: string;
}

const PRIVATE = 0o700;
/** Half-written, hidden, or Excel's own lock file. */
const LEFT_ALONE = /^[.~]|\.(tmp|temp|part|partial|crdownload|filepart|swp)$|~$/i;

/** Makes what is missing; a folder above that is missing is not made, since it may be a share that is not mounted. */
export async function openFolder(base: string): Promise<Folder> {
  const folder: Folder = {
    inbox: join(base, 'in'),
    work: join(base, 'work'),
    seen: join(base, 'work', 'seen'),
    done: join(base, 'done'),
    errors: join(base, 'errors'),
  };
  await onDisk(base, async () => {
    for (const path of [base, folder.inbox, folder.work, folder.seen, folder.done, folder.errors]) await make(path);
  });
  return folder;
}

async function make(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: PRIVATE });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (!(await stat(path)).isDirectory()) throw notAFolder(path);
  }
}

const notAFolder = (path: string): Misconfigured =>
  new Misconfigured('exchange.not_a_folder', '/folder', `${path} is a file, not a folder`);

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const NO_RIGHTS = new Set(['EACCES', 'EPERM', 'EROFS']);
const GONE = new Set(['ENOENT', 'EIO', 'ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT', 'ENXIO', 'ENODEV']);
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** Names what the disk answers after what the gateway does next; a folder heals by itself once it is there again. */
export async function onDisk<T>(base: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const code = codeOf(error);
    if (NO_RIGHTS.has(code)) {
      throw new Unavailable('exchange.folder_refused', `no right to use ${base} (${code})`, { cause: error });
    }
    if (GONE.has(code)) {
      throw new Unavailable('exchange.folder_gone', `${base} cannot be reached (${code})`, { cause: error });
    }
    if (FULL.has(code)) throw new Unavailable('exchange.disk_full', `no room in ${base} (${code})`, { cause: error });
    if (code === 'ENOTDIR') throw notAFolder(base);
    throw error;
  }
}

/** What lies in in/ under a name that a platform has finished with. */
export interface Lying {
  /** Regular files, oldest first. */
  readonly files: readonly Waiting[];
  /** How many are none: folders, and links, which lead anywhere. They are left alone. */
  readonly strays: number;
}

export async function lyingIn({ inbox }: Folder): Promise<Lying> {
  let strays = 0;
  const found: { readonly waiting: Waiting; readonly stats: BigIntStats }[] = [];
  for (const { name, path } of placesOf(inbox, await readdir(inbox, { encoding: 'buffer' }))) {
    if (LEFT_ALONE.test(name)) continue;
    const stats = await lstat(path, { bigint: true }).catch(ifGone);
    if (stats === null) continue;
    if (!stats.isFile()) {
      strays++;
      continue;
    }
    found.push({ waiting: { name, path, size: Number(stats.size), mark: markOf(stats) }, stats });
  }
  const order = (one: BigIntStats, other: BigIntStats) => Number(one.mtimeNs - other.mtimeNs);
  found.sort((one, other) => order(one.stats, other.stats) || (one.waiting.name < other.waiting.name ? -1 : 1));
  return { files: found.map(({ waiting }) => waiting), strays };
}

/** Names that are UTF-8 first, since they keep theirs where another one reads the same. */
function placesOf(inbox: string, names: readonly Buffer[]): readonly Pick<Waiting, 'name' | 'path'>[] {
  const places: Pick<Waiting, 'name' | 'path'>[] = [];
  const taken = new Set<string>();
  const read = names.map(bytes => ({ bytes, ...readName(bytes) }));
  for (const { bytes, name, isUtf8 } of read.sort((one, other) => Number(other.isUtf8) - Number(one.isUtf8))) {
    const path = isUtf8 ? join(inbox, name) : Buffer.concat([Buffer.from(inbox + sep), bytes]);
    for (const free of candidates(name)) {
      if (taken.has(free)) continue;
      taken.add(free);
      places.push({ name: free, path });
      break;
    }
  }
  return places;
}

function ifGone(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}

const markOf = ({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string => `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
/** Renaming moves the time of change on. */
const lasting = (mark: string): string => mark.slice(0, mark.lastIndexOf(':'));

/** The whole file; null when it was replaced or written to meanwhile, or is gone. */
export async function readWhole({ path, mark }: Waiting): Promise<Uint8Array | null> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    if (markOf(await handle.stat({ bigint: true })) !== mark) return null;
    const bytes = await handle.readFile();
    return markOf(await handle.stat({ bigint: true })) === mark ? bytes : null;
  } catch (error) {
    // A link put in its place answers ELOOP.
    if (codeOf(error) === 'ELOOP') return null;
    return ifGone(error);
  } finally {
    await handle?.close();
  }
}

const CLAIMED = '.taken';

/** Where a file stands between in/ and its end. */
const claimPath = ({ work }: Folder, name: string, sum: string): string =>
  join(work, `${roomyName(name)}.${short(sum)}${CLAIMED}`);

const PIECE = 1024 * 1024;

/** SHA-256 of a whole file in hex; others get their turn between the pieces. */
export async function sumOf(bytes: Uint8Array): Promise<string> {
  const sum = createHash('sha256');
  for (let at = 0; at < bytes.length; at += PIECE) {
    sum.update(bytes.subarray(at, at + PIECE));
    await new Promise(resolve => setImmediate(resolve));
  }
  return sum.digest('hex');
}

/** Enough of a sum to tell files of one name apart. */
export const short = (sum: string): string => sum.slice(0, 8);

/** Takes the file out of in/; null when it is not the one that was read, which then stays there. */
export async function claim(folder: Folder, file: Waiting, sum: string): Promise<string | null> {
  const path = claimPath(folder, file.name, sum);
  try {
    await rename(file.path, path);
  } catch (error) {
    return ifGone(error);
  }
  if (lasting(markOf(await lstat(path, { bigint: true }))) === lasting(file.mark)) return path;
  await rename(path, (await exists(file.path)) ? await freePath(join(folder.inbox, file.name)) : file.path);
  return null;
}

/** Files that a crash left between in/ and their end: name, and the beginning of the sum they were taken under. */
export async function claimed({ work }: Folder): Promise<readonly { path: string; name: string; sum: string }[]> {
  const names = (await readdir(work)).filter(name => name.endsWith(CLAIMED));
  return names.map(whole => {
    const name = whole.slice(0, -CLAIMED.length);
    const at = name.lastIndexOf('.');
    return { path: join(work, whole), name: name.slice(0, at), sum: name.slice(at + 1) };
  });
}

export const exists = async (path: string | Buffer): Promise<boolean> => (await lstat(path).catch(ifGone)) !== null;

/** The path itself, or with a number where something has it already. */
export async function freePath(path: string): Promise<string> {
  for (const candidate of candidates(path)) if (!(await exists(candidate))) return candidate;
  throw new Error('names have no end');
}

/** Writes a file whole or not at all: under another name first, on the disk before it gets its own. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const half = `${path}.tmp`;
  const handle = await open(half, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(half, path);
}

/** Deletes what has lain in done/ for longer than so many milliseconds. */
export async function prune({ done }: Folder, now: number, keptMs: number): Promise<number> {
  let count = 0;
  for (const name of await readdir(done)) {
    const path = join(done, name);
    const stats = await lstat(path).catch(ifGone);
    // The time of change is when it was moved here, whatever its platform wrote on it.
    if (stats === null || !stats.isFile() || now - stats.ctimeMs < keptMs) continue;
    await unlink(path).catch(ifGone);
    count++;
  }
  return count;
}
