// Whether the clock can be trusted with the age of things: it must agree with what was recorded and with time that passed.
import type { Store } from '../../store/store.ts';
import { DeskError } from '../desk/desk-error.ts';
import type { Log } from '../telemetry/telemetry.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Clocks of records and of now may differ by so much. */
const SLACK_MS = 5 * MINUTE;
/** A hotline that recorded nothing for so long has a wrong clock, or needs a person to look before anything is purged. */
const SILENT_MS = 7 * DAY;
/** A gateway that stood still for so long. */
const STOPPED_MS = 30 * DAY;
/** The wall clock may part from elapsed time by so much between two looks. */
const LEAP_MS = 60 * MINUTE;
const LOOK_MS = MINUTE;
const MARK_MS = 60 * MINUTE;

const MARK = 'clock.mark';
const LEAP = 'clock.leap';

/** @throws DeskError `purge.clock_back`, `purge.clock_ahead` or `purge.clock_leapt` */
export async function checkClock({ admin }: Store, now: number): Promise<void> {
  const newest = await admin.newestAt();
  const time = (at: number) => new Date(at).toISOString();
  if (newest !== null && now < newest - SLACK_MS)
    throw new DeskError('purge.clock_back', { now: time(now), newest: time(newest) });
  if (newest !== null && now > newest + SILENT_MS)
    throw new DeskError('purge.clock_ahead', { now: time(now), newest: time(newest) });
  const leap = parsed<{ from: number; to: number }>(await admin.meta(LEAP));
  if (leap !== null) throw new DeskError('purge.clock_leapt', { from: time(leap.from), to: time(leap.to) });
}

/** An operator has looked: from here on the clock is believed again. */
export async function trustClock({ admin }: Store, by: string, now: number): Promise<void> {
  await admin.audit({ by, action: 'clock.trust', on: [] }, now);
  await admin.setMeta(LEAP, '');
  await admin.setMeta(MARK, String(now));
}

function parsed<T>(text: string | null): T | null {
  return text === null || text === '' ? null : (JSON.parse(text) as T);
}

export interface ClockWatch {
  /** Looks once; the timer of `start` calls it. */
  look(): Promise<void>;
  start(): void;
  close(): void;
}

/** Notes every leap of the wall clock, also one over a restart, until an operator says that it is right. */
export function watchClock(store: Store, now: () => number, log: Log, elapsed = () => performance.now()): ClockWatch {
  let last: { wall: number; mono: number } | null = null;
  let marked = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  async function leapt(from: number, to: number): Promise<void> {
    if (parsed(await store.admin.meta(LEAP)) !== null) return;
    await store.admin.setMeta(LEAP, JSON.stringify({ from, to }));
    log.warn('purge.clock_leapt', { seconds: Math.round((to - from) / 1000) });
  }

  async function look(): Promise<void> {
    const at = { wall: now(), mono: elapsed() };
    const before = last;
    last = at;
    if (before === null) {
      const mark = Number((await store.admin.meta(MARK)) ?? at.wall);
      if (at.wall < mark - SLACK_MS || at.wall > mark + STOPPED_MS) await leapt(mark, at.wall);
    } else {
      const passed = at.mono - before.mono;
      if (Math.abs(at.wall - before.wall - passed) > LEAP_MS) await leapt(before.wall + passed, at.wall);
    }
    if (at.mono - marked < MARK_MS) return;
    marked = at.mono;
    await store.admin.setMeta(MARK, String(at.wall));
  }

  const lookSafely = () => void look().catch(error => log.fail('upkeep.store_unavailable', error));
  return {
    look,
    start() {
      lookSafely();
      timer = setInterval(lookSafely, LOOK_MS).unref();
    },
    close: () => clearInterval(timer),
  };
}
