// Whether a store that several processes share takes what is written: it may answer every question and take nothing, on a full disk,
// with a primary that has stepped down, or with an account that may only read; or say that it is there and answer nothing.
import { StoreUnavailable } from '../../store/errors.ts';
import type { Store } from '../../store/store.ts';
import { within } from '../within.ts';
import { createOutages, type Log } from './telemetry.ts';

export interface WriteWatch {
  /** Why it takes nothing; null where it does. */
  fault(): StoreUnavailable | null;
  /** Asks, and rejects within seconds where the store answers nothing, so that whoever watches the gateway gets an answer. */
  answered<T>(ask: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const EVERY_MS = 5000;
/** Longer than a large store takes for its counts; what is written here is one small value. */
const SILENT_MS = 10_000;
/** What is written, by all processes alike. */
const NAME = 'store.written';

/** The embedded store is on a disk of this machine, which is watched itself. */
export function watchWrites({ shared, admin }: Store, now: () => number, log: Log): WriteWatch {
  if (shared === null) return { fault: () => null, answered: ask => ask(), close: async () => undefined };
  const outages = createOutages(log, now);
  let fault: StoreUnavailable | null = null;
  const silent = new StoreUnavailable('store.no_answer', 'the store has not answered for 10 s');
  let asked: number | null = null;
  let closed = false;
  let looking: Promise<void> = Promise.resolve();
  const look = async () => {
    asked = performance.now();
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
      asked = null;
      if (!closed) timer = setTimeout(begin, EVERY_MS).unref();
    }
  };
  const begin = () => {
    looking = look();
  };
  let timer = setTimeout(begin, EVERY_MS).unref();
  const isSilent = () => asked !== null && performance.now() - asked > SILENT_MS;
  return {
    fault: () => (isSilent() ? silent : fault),
    async answered(ask) {
      if (isSilent()) throw silent;
      const answer = await within(SILENT_MS, ask());
      if (!answer.done) throw silent;
      return answer.value;
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      return looking;
    },
  };
}
