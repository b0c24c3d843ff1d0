// Whether a store that several processes share takes what is written: it may answer every question and take nothing, on a full disk,
// with a primary that has stepped down, or with an account that may only read.
import { StoreUnavailable } from '../../store/errors.ts';
import type { Store } from '../../store/store.ts';
import { createOutages, type Log } from './telemetry.ts';

export interface WriteWatch {
  /** Why it takes nothing; null where it does. */
  fault(): StoreUnavailable | null;
  close(): Promise<void>;
}

const EVERY_MS = 5000;
/** What is written, by all processes alike. */
const NAME = 'store.written';

/** The embedded store is on a disk of this machine, which is watched itself. */
export function watchWrites({ shared, admin }: Store, now: () => number, log: Log): WriteWatch {
  if (shared === null) return { fault: () => null, close: async () => undefined };
  const outages = createOutages(log, now);
  let fault: StoreUnavailable | null = null;
  let closed = false;
  let looking: Promise<void> = Promise.resolve();
  const look = async () => {
    try {
      await admin.setMeta(NAME, String(now()));
      fault = null;
      outages.up('writes', 'store.writable');
    } catch (error) {
      if (closed) return;
      if (!(error instanceof StoreUnavailable)) return log.bug('store.unwritable', error);
      fault = error;
      outages.down('writes', 'store.unwritable', error);
    } finally {
      if (!closed) timer = setTimeout(begin, EVERY_MS).unref();
    }
  };
  const begin = () => {
    looking = look();
  };
  let timer = setTimeout(begin, EVERY_MS).unref();
  return {
    fault: () => fault,
    close: () => {
      closed = true;
      clearTimeout(timer);
      return looking;
    },
  };
}
