// Looks as soon as something changes in in/, where the file system tells of it; what it does not tell of, the poll finds.
import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A look at what is there; answers the milliseconds after which a file that is still being written may stand still, 0 for none. */
export type Look = (signal: AbortSignal) => Promise<number>;

/** Between two looks at a file that goes on growing. */
const LEAST_PAUSE_MS = 250;
/** The system has no more watches to give, or this file system has none: then there is the poll. */
const CANNOT_WATCH = new Set(['ENOSPC', 'EMFILE', 'ENFILE', 'ENOSYS', 'ENOTSUP', 'EINVAL', 'EPERM']);

/**
 * Looks once at the start and after every change. Resolves when `signal` aborts or another folder stands in this one's
 * place, and rejects when the folder is not there or a look fails.
 */
export async function watchFolder(path: string, look: Look, signal: AbortSignal): Promise<void> {
  const { ino } = await stat(path);
  const changes = changesIn(path);
  const stop = () => changes.nudge();
  signal.addEventListener('abort', stop, { once: true });
  try {
    while (!signal.aborted) {
      const left = await look(signal);
      if (signal.aborted || (await stat(path)).ino !== ino) return;
      await changes.next(left === 0 ? null : Math.max(left, LEAST_PAUSE_MS));
    }
  } finally {
    signal.removeEventListener('abort', stop);
    changes.close();
  }
}

/** Changes since the last look, however many, as one. */
function changesIn(path: string) {
  let changed = false;
  let fault: Error | null = null;
  let wake: () => void = () => undefined;
  const nudge = () => {
    changed = true;
    wake();
  };
  const watcher = begin(path, nudge);
  watcher?.on('error', error => {
    fault = error;
    nudge();
  });
  return {
    nudge,
    close: () => watcher?.close(),
    async next(afterMs: number | null): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = afterMs === null ? undefined : setTimeout(resolve, afterMs);
      if (!changed) await promise;
      clearTimeout(timer);
      changed = false;
      if (fault !== null) throw fault;
    },
  };
}

function begin(path: string, changed: () => void) {
  try {
    return watch(path, { persistent: false }, changed);
  } catch (error) {
    if (error instanceof Error && 'code' in error && CANNOT_WATCH.has(String(error.code))) return null;
    throw error;
  }
}
