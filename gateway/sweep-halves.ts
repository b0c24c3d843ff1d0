// Every now and then finishes what other processes died in the midst of.
import type { Store } from '../store/store.ts';
import type { Log } from './telemetry.ts';

const EVERY_MS = 5000;

/** Nothing to do on a store of one process, which finishes its own at the next start. */
export function sweepHalves({ shared }: Store, now: () => number, log: Log): { close(): void } {
  if (shared === null) return { close: () => undefined };
  let running = false;
  const sweep = async () => {
    if (running) return;
    running = true;
    try {
      await shared.sweep(now());
    } catch (error) {
      log.fail('store.sweep', error);
    } finally {
      running = false;
    }
  };
  const timer = setInterval(sweep, EVERY_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
