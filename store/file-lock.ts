// One process at a time: SQLite's exclusive lock on a file of its own, which the operating system drops however its holder ends.
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

export interface FileLock {
  release(): void;
}

/**
 * Takes the lock on a file that is there for nothing else; it is made (mode 0600) where it is missing and stays, since whoever
 * removed it could remove one that another process has just taken.
 * @param waitMs how long to wait for another process; the thread does nothing else meanwhile
 * Throws an error that `isLocked` knows when another process holds it for longer, any other where the file cannot be used.
 */
export function takeLock(file: string, waitMs: number): FileLock {
  createEmpty(file);
  const db = new DatabaseSync(file, { timeout: waitMs });
  try {
    // Not under locking_mode EXCLUSIVE: each of two who wait would keep the share that the other one waits for.
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    throw error;
  }
  return { release: () => db.close() };
}

export function isLocked(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode !== undefined && (errcode & 0xff) === 5;
}

/** Creates a file unless it is there. One that is there is not opened: closing it would drop this process's locks on it. */
export function createEmpty(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
