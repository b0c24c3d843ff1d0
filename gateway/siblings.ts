// What other processes on the same store leave behind: halves of what they died in the midst of, changes to channels.
import type { Store } from '../store/store.ts';
import type { Channels } from './channels.ts';
import type { Log } from './telemetry.ts';

const EVERY_MS = 5000;

export interface SiblingsParts {
  readonly store: Store;
  readonly channels: Pick<Channels, 'sync'>;
  readonly now: () => number;
  readonly log: Log;
}

/** Looks every few seconds. On a store of one process there is nothing to look for: it finishes its own at the next start. */
export function mindSiblings({ store: { shared }, channels, now, log }: SiblingsParts): { close(): void } {
  if (shared === null) return { close: () => undefined };
  let running = false;
  const look = async () => {
    if (running) return;
    running = true;
    try {
      await shared.sweep(now());
      // Channels made, changed or switched off by a command there; those that are as they were are left alone.
      await channels.sync();
    } catch (error) {
      log.fail('store.sweep', error);
    } finally {
      running = false;
    }
  };
  const timer = setInterval(look, EVERY_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
