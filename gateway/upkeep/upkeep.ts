// What a running gateway does to its data by itself: re-wrapping after a rotation, the daily purge, watching the clock.
import type { RetentionSettings } from '../../config/retention.ts';
import { DeskError } from '../desk/desk-error.ts';
import type { Log } from '../telemetry/telemetry.ts';
import { checkClock, watchClock } from './clock.ts';
import { type EraseParts, forgetPending } from './erase.ts';
import { purge } from './purge.ts';
import { keysToRetire, type RewrapParts, rewrapAll } from './rewrap.ts';
import { inTurn } from './turn.ts';

export interface UpkeepParts extends EraseParts, RewrapParts {
  /** As they are now. */
  settings(): RetentionSettings;
  readonly log: Log;
}

export interface Upkeep {
  start(): void;
  /** A key was rotated: looks now. */
  wake(): void;
  close(): Promise<void>;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A day, give or take how long the last one took. */
const DAILY = DAY - HOUR;
const LOOK_MS = HOUR;
/** Right after a start there is enough to do. */
const FIRST_MS = 60_000;
const SETTLE_MS = 60_000;
const LAST_PURGE = 'purge.last';

export function createUpkeep(parts: UpkeepParts): Upkeep {
  const { store, now, log } = parts;
  const stop = new AbortController();
  const clock = watchClock(store, now, log);
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;
  let again = false;

  async function rewrap(): Promise<void> {
    if ((await keysToRetire(store, parts.ring())).length === 0) return;
    const order = { by: 'system', settleMs: SETTLE_MS, signal: stop.signal, progress: () => undefined };
    const { rewrapped, retired } = await inTurn(store, 'rewrap', () => rewrapAll(parts, order));
    log.info('keys.rewrapped', { count: rewrapped, retired: retired.join(' ') });
  }

  async function purgeDaily(): Promise<void> {
    const settings = parts.settings();
    if (!settings.auto || now() - Number((await store.admin.meta(LAST_PURGE)) ?? 0) < DAILY) return;
    await checkClock(store, now());
    const order = { by: 'system', dry: false, signal: stop.signal, progress: () => undefined };
    const { quarantined, notAnAppeal, identities, files } = await inTurn(store, 'purge', () =>
      purge(parts, settings, order),
    );
    await store.admin.setMeta(LAST_PURGE, String(now()));
    log.info('purge.done', { quarantined, notAnAppeal, identities, files });
  }

  async function look(): Promise<void> {
    for (const step of [() => forgetPending(parts), purgeDaily, rewrap]) {
      try {
        if (!stop.signal.aborted) await step();
      } catch (error) {
        if (stop.signal.aborted) return;
        // A clock in doubt, or a backup under way: the next look tries again.
        if (error instanceof DeskError) log.warn('upkeep.put_off', { reason: error.code });
        else log.fail('upkeep.failed', error);
      }
    }
  }

  function run(): void {
    if (running !== null) {
      again = true;
      return;
    }
    clearTimeout(timer);
    running = look().finally(() => {
      running = null;
      if (stop.signal.aborted) return;
      timer = setTimeout(run, again ? 0 : LOOK_MS).unref();
      again = false;
    });
  }

  return {
    start() {
      clock.start();
      timer = setTimeout(run, FIRST_MS).unref();
    },
    wake: run,
    async close() {
      stop.abort(new Error('the gateway is closing'));
      clearTimeout(timer);
      clock.close();
      await running;
    },
  };
}
