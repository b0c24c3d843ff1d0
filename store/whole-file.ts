// Files that are whole or not there, after a power cut too: written under another name, on the disk before they get their own.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Makes a file; throws `EEXIST` where something has that name, or gets it in the same moment. */
export function createWhole(file: string, bytes: Uint8Array, mode: number): void {
  putDown(file, bytes, { mode }, linkOrRename);
}

/**
 * Puts the bytes in the place of a file, under its mode and, where the account may give files away, its owner. The one that
 * was there stays until the new one is on the disk. Two processes that do this at once need a lock.
 */
export function replaceWhole(file: string, bytes: Uint8Array): void {
  const { mode, uid, gid } = statSync(file);
  putDown(file, bytes, { mode: mode & 0o777, owner: { uid, gid } }, renameSync);
}

interface Making {
  readonly mode: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

function putDown(
  file: string,
  bytes: Uint8Array,
  { mode, owner }: Making,
  put: (temporary: string, file: string) => void,
): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = openSync(temporary, 'wx', mode);
    try {
      // By root for another account, who could not read it otherwise.
      if (owner !== undefined && process.getuid?.() === 0) fchownSync(handle, owner.uid, owner.gid);
      // Unlike one write, which a disk that gets full may cut short without an error.
      writeFileSync(handle, bytes);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    put(temporary, file);
    syncFolder(dirname(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Gives the file its name unless something has that name; where a file system has no links, over an empty file that took it. */
function linkOrRename(temporary: string, file: string): void {
  try {
    linkSync(temporary, file);
    rmSync(temporary);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!LINKLESS.has(code)) throw error;
    claimName(file);
    try {
      renameSync(temporary, file);
    } catch (failure) {
      rmSync(file, { force: true });
      throw failure;
    }
  }
}

/** Fails where something has that name. */
function claimName(file: string): void {
  closeSync(openSync(file, 'wx', 0o600));
}

const LINKLESS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR']);

/** Makes a rename durable; Windows has no such call and needs none. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
