// One process a data folder: an exclusive SQLite lock that the operating system drops when the process ends.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreUnavailable } from '../errors.ts';
import { createEmpty, unusable } from './connection.ts';

export interface FolderLock {
  release(): void;
}

/** Takes the folder or rejects with `store.folder_in_use`, naming the process that holds it. */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, 'lock.db');
  const note = join(folder, 'lock.pid');
  let db: DatabaseSync | null = null;
  try {
    createEmpty(file);
    db = new DatabaseSync(file, { timeout: 0 });
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    writeFileSync(note, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    db?.close();
    throw isBusy(error) ? inUse(folder, holder(note), error) : unusable(folder, error);
  }
  const held = db;
  return {
    release: () => {
      rmSync(note, { force: true });
      held.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode !== undefined && (errcode & 0xff) === 5;
}

function holder(note: string): string | null {
  try {
    return readFileSync(note, 'utf8').trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function inUse(folder: string, pid: string | null, cause: unknown): StoreUnavailable {
  const zh = pid === null ? '另一个进程' : `进程 ${pid} `;
  const en = pid === null ? 'another process' : `process ${pid}`;
  return new StoreUnavailable(
    'store.folder_in_use',
    `数据目录 ${folder} 正被${zh}使用：请先停止它，或换一个目录。 / ` +
      `The data folder ${folder} is in use by ${en}: stop it first, or use another folder.`,
    { cause },
  );
}
