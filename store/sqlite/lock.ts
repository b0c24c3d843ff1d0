// One process a data folder: a lock that names its holder.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreUnavailable } from '../errors.ts';
import { type FileLock, isLocked, takeLock } from '../file-lock.ts';
import { unusable } from './connection.ts';

export interface FolderLock {
  release(): void;
}

/** Takes the folder or rejects with `store.folder_in_use`, naming the process that holds it. */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, 'lock.db');
  const note = join(folder, 'lock.pid');
  let held: FileLock | null = null;
  try {
    held = takeLock(file, 0);
    writeFileSync(note, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    held?.release();
    throw isLocked(error) ? inUse(folder, holder(note), error) : unusable(folder, error);
  }
  const lock = held;
  return {
    release: () => {
      rmSync(note, { force: true });
      lock.release();
    },
  };
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
