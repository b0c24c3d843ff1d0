// The file that goes back to whoever exported: one line a fault; written at once, and again when rows have been read.
import { open, rename, stat, unlink } from 'node:fs/promises';
import { codeOf } from './folder.ts';
import { ERROR_FILE_HEAD, errorLine, type RowFault } from './row-errors.ts';

export interface ErrorFile {
  add(fault: RowFault): Promise<void>;
  readonly count: number;
  /** Puts the file in its place; answers its length in bytes, 0 when there was nothing to say and no file was made. */
  finish(): Promise<number>;
  /** Forgets what was written so far. */
  drop(): Promise<void>;
}

const FLUSH_AT = 64 * 1024;
const OWNER_ONLY = 0o600;

/** Lines go to a file of another name and never gather in memory; an older one stays until this one is whole. */
export function errorFile(path: string): ErrorFile {
  const half = `${path}.tmp`;
  let waiting = '';
  let count = 0;
  let written = 0;

  async function flush(): Promise<void> {
    if (waiting === '') return;
    const bytes = Buffer.from(waiting);
    const handle = await open(half, written === 0 ? 'w' : 'a', OWNER_ONLY);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    written += bytes.length;
    waiting = '';
  }

  return {
    get count() {
      return count;
    },
    async add(fault) {
      waiting += (count === 0 ? ERROR_FILE_HEAD : '') + errorLine(fault);
      count++;
      if (waiting.length >= FLUSH_AT) await flush();
    },
    async finish() {
      await flush();
      if (written > 0) await rename(half, path);
      return written;
    },
    async drop() {
      if (written > 0) await removed(half);
    },
  };
}

async function removed(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

/**
 * Sets the lines behind the first `base` bytes anew, so that doing it twice changes nothing. A file that somebody has
 * taken away meanwhile is made again, with these lines alone.
 */
export async function setTail(path: string, base: number, faults: readonly RowFault[]): Promise<void> {
  if (faults.length === 0) return;
  const size = await stat(path).then(
    found => found.size,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return 0;
      throw error;
    },
  );
  const keep = base > 0 && size >= base ? base : 0;
  const handle = await open(path, keep === 0 ? 'w' : 'r+', OWNER_ONLY);
  try {
    await handle.truncate(keep);
    const text = (keep === 0 ? ERROR_FILE_HEAD : '') + faults.map(errorLine).join('');
    await handle.write(Buffer.from(text), 0, undefined, keep);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
