// What a running gateway does to its data by itself: re-wrapping after a rotation, the daily purge, halves of files swept away, and
// watching the clock.
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
  /** Names this process, where several share a store. */
  readonly owner: string;
  /** Milliseconds that only rise. Default `performance.now`. */
  readonly elapsed?: () => number;
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
const SWEEP = 'blobs-sweep';
const SWEEP_LEASE_MS = 3 * HOUR;

export function createUpkeep(parts: UpkeepParts): Upkeep {
  const { store, now, log, owner } = parts;
  const elapsed = parts.elapsed ?? (() => performance.now());
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
    const { quarantined, notAnAppeal, identities, files, failed } = await inTurn(store, 'purge', () =>
      purge(parts, settings, order),
    );
    await store.admin.setMeta(LAST_PURGE, String(now()));
    for (const { number, error } of failed) log.fail('purge.not_erased', error, { number });
    log.info('purge.done', { quarantined, notAnAppeal, identities, files });
  }

  /** Of several processes one, as long as it lives, since what it has seen it keeps in mind. */
  async function sweepBlobs(): Promise<void> {
    if (store.shared !== null && (await store.admin.lease(SWEEP, owner, now(), SWEEP_LEASE_MS)) === null) return;
    const count = await store.blobs.sweep(elapsed());
    if (count > 0) log.info('blobs.swept', { count });
  }

  async function look(): Promise<void> {
    for (const step of [() => forgetPending(parts), purgeDaily, rewrap, sweepBlobs]) {
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
