// What other processes on the same store leave behind: halves of what they died in the midst of, changes to channels.
import type { Store } from '../store/store.ts';
import type { Channels } from './channels/channels.ts';
import { createOutages, type Log } from './telemetry/telemetry.ts';

const EVERY_MS = 5000;
/** On a store that takes long to answer a pause is so many times as long as a look. */
const REST = 10;

export interface SiblingsParts {
  readonly store: Store;
  readonly channels: Pick<Channels, 'sync'>;
  readonly now: () => number;
  readonly log: Log;
}

/** Looks every few seconds. On a store of one process there is nothing to look for: it finishes its own at the next start. */
export function mindSiblings({ store: { shared }, channels, now, log }: SiblingsParts): { close(): void } {
  if (shared === null) return { close: () => undefined };
  const outages = createOutages(log, now);
  let closed = false;
  const look = async () => {
    const began = performance.now();
    try {
      await shared.sweep(now());
      // Channels made, changed or switched off by a command there; those that are as they were are left alone.
      await channels.sync();
      outages.up('sweep', 'store.swept');
    } catch (error) {
      outages.down('sweep', 'store.sweep', error);
    }
    if (!closed) timer = setTimeout(look, Math.max(EVERY_MS, (performance.now() - began) * REST)).unref();
  };
  let timer = setTimeout(look, EVERY_MS).unref();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
