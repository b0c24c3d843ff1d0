// Whether the store takes what is written: one that several processes share may answer every question and take nothing, on a full disk,
// with a primary that has stepped down, or with an account that may only read; or say that it is there and answer nothing.
import { StoreUnavailable } from '../../store/errors.ts';
import type { Store } from '../../store/store.ts';
import { within } from '../within.ts';
import { createOutages, type Log } from './telemetry.ts';

export interface WriteWatch {
  /** Why it takes nothing; null where it does. */
  fault(): StoreUnavailable | null;
  /** When that was found, milliseconds since the epoch; null where it takes what is written. */
  since(): number | null;
  /** Something was not taken. Where that is no defect, the store is asked until it takes something again. */
  suspect(error: StoreUnavailable): void;
  /** Asks, and rejects within seconds where the store answers nothing, so that whoever watches the gateway gets an answer. */
  answered<T>(ask: () => Promise<T>, patienceMs?: number): Promise<T>;
  close(): Promise<void>;
}

const EVERY_MS = 5000;
/** Longer than a large store takes for its counts; what is written here is one small value. */
const SILENT_MS = 10_000;
/** One that takes nothing may answer all the same, or not: whoever asks then waits no longer. */
const TROUBLED_MS = 3000;
/** By which the embedded store says that it could not write, and another time may. */
const NOT_TAKEN = new Set(['store.busy', 'store.disk_full', 'store.out_of_memory']);
/** What is written, by all processes alike. */
const NAME = 'store.written';

/** A store that processes share is asked all the time. The embedded one, on a disk of this machine that is watched itself, is asked
 *  only once something was not taken, which is another program's hold on it or a full disk. */
export function watchWrites({ shared, admin }: Store, now: () => number, log: Log): WriteWatch {
  const outages = createOutages(log, now);
  let found: { readonly fault: StoreUnavailable; readonly since: number } | null = null;
  const silent = new StoreUnavailable('store.no_answer', 'the store has not answered for 10 s');
  let asked: { readonly ms: number; readonly at: number } | null = null;
  let closed = false;
  let looking: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const look = async () => {
    asked = { ms: performance.now(), at: now() };
    try {
      await admin.setMeta(NAME, String(now()));
      found = null;
      outages.up('writes', 'store.writable');
    } catch (error) {
      if (closed) return;
      if (!(error instanceof StoreUnavailable)) return log.bug('store.unwritable', error);
      found = { fault: error, since: found?.since ?? asked.at };
      outages.down('writes', 'store.unwritable', error);
    } finally {
      asked = null;
      if (shared !== null || found !== null) later();
    }
  };
  const begin = () => {
    clearTimeout(timer);
    looking = look();
  };
  const later = () => {
    if (!closed) timer = setTimeout(begin, EVERY_MS).unref();
  };
  if (shared !== null) later();
  const isSilent = () => asked !== null && performance.now() - asked.ms > SILENT_MS;
  return {
    fault: () => (isSilent() ? silent : (found?.fault ?? null)),
    since: () => found?.since ?? (isSilent() ? (asked?.at ?? null) : null),
    suspect(error) {
      if (closed || found !== null || !NOT_TAKEN.has(error.code)) return;
      found = { fault: error, since: now() };
      outages.down('writes', 'store.unwritable', error);
      if (asked === null) begin();
    },
    async answered(ask, patienceMs = SILENT_MS) {
      if (isSilent()) throw silent;
      const answer = await within(found === null ? patienceMs : Math.min(patienceMs, TROUBLED_MS), ask());
      if (!answer.done) throw (shared === null ? found?.fault : null) ?? silent;
      return answer.value;
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      return looking;
    },
  };
}
