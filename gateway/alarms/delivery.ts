// 报警的送达: sends waiting notices by every way in their order, with waits after failures; blocks nothing and no one.
import { PlatformError } from '../../adapters/contract.ts';
import type { AlarmSettings } from '../../config/alarms.ts';
import { retryDelayMs } from '../dispatch/retry.ts';
import type { Log, Outages } from '../telemetry/telemetry.ts';
import { type AlarmState, type Notice, WAYS, type WayName, type WayState } from './alarm.ts';
import type { Way } from './way.ts';

/** Notices that wait at most; beyond them the oldest are given up. */
export const MOST_NOTICES = 200;
const HOUR_MS = 3_600_000;

/** The kept state, changed in one place at a time. */
export interface Kept {
  state(): AlarmState;
  change(next: AlarmState): void;
  /** Resolves when what was changed is durable, or told of as not kept; never rejects. */
  save(): Promise<void>;
}

export interface DeliveryParts {
  readonly kept: Kept;
  readonly log: Log;
  readonly outages: Outages;
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Sends what is due by these ways; ends when nothing more is. Never rejects. */
export async function deliver(
  parts: DeliveryParts,
  ways: readonly Way[],
  retry: AlarmSettings['retry'],
): Promise<void> {
  const gone = withoutLost(
    parts.kept.state(),
    new Set(ways.map(({ name }) => name)),
    parts.now() - retry.hours * HOUR_MS,
  );
  if (gone !== null) {
    parts.kept.change(gone.state);
    for (const way of gone.ways) parts.log.warn('alarm.given_up', { kind: way });
    await parts.kept.save();
  }
  await Promise.all(ways.map(way => drain(parts, way, retry)));
}

async function drain(parts: DeliveryParts, way: Way, retry: AlarmSettings['retry']): Promise<void> {
  const { kept, now, signal } = parts;
  while (!signal.aborted) {
    const notice = kept.state().notices.find(({ ways }) => ways.includes(way.name));
    if (notice === undefined || !isDue(kept.state().ways[way.name], now(), retry)) return;
    const failure = await attempt(parts, way, notice);
    if (signal.aborted && failure !== null) return;
    kept.change(
      failure === null
        ? afterSuccess(kept.state(), way.name, notice, now())
        : afterFailure(parts, way, failure.code, retry),
    );
    await kept.save();
  }
}

/** A time further ahead than any wait was written by a clock that has since been set back. */
function isDue({ dueAt }: WayState, now: number, retry: AlarmSettings['retry']): boolean {
  const longest = Math.max(retry.every, ...retry.steps) * 1000 * (1 + retry.jitter);
  return dueAt <= now || dueAt > now + longest;
}

async function attempt(
  { log, outages, signal }: DeliveryParts,
  way: Way,
  notice: Notice,
): Promise<{ readonly code: string } | null> {
  try {
    await way.send(notice, signal);
    outages.up(`alarm:${way.name}`, 'alarm.delivered', { kind: way.name });
    return null;
  } catch (error) {
    if (signal.aborted) return { code: 'alarm.bug' };
    if (!(error instanceof PlatformError)) log.bug('alarm.bug', error, { kind: way.name });
    else outages.down(`alarm:${way.name}`, 'alarm.undelivered', error, { kind: way.name, reason: error.code });
    return { code: error instanceof PlatformError ? error.code : 'alarm.bug' };
  }
}

function afterSuccess(state: AlarmState, way: WayName, sent: Notice, now: number): AlarmState {
  const before = state.ways[way];
  return {
    ...state,
    notices: withoutWay(state.notices, way, notice => notice.id === sent.id),
    ways: {
      ...state.ways,
      [way]: { ...before, failures: 0, dueAt: 0, code: null, deliveredAt: now, delivered: before.delivered + 1 },
    },
  };
}

function afterFailure(
  { kept, now, random }: DeliveryParts,
  way: Way,
  code: string,
  retry: AlarmSettings['retry'],
): AlarmState {
  const state = kept.state();
  const before = state.ways[way.name];
  const failures = before.failures + 1;
  const wait = retryDelayMs(failures, retry, random()) ?? retry.every * 1000;
  return { ...state, ways: { ...state.ways, [way.name]: { ...before, failures, dueAt: now() + wait, code } } };
}

function withoutWay(notices: readonly Notice[], way: WayName, of: (notice: Notice) => boolean): readonly Notice[] {
  return notices.flatMap(notice => {
    if (!of(notice)) return [notice];
    const ways = notice.ways.filter(name => name !== way);
    return ways.length === 0 ? [] : [{ ...notice, ways }];
  });
}

/** What is too old, too many, or for a way that is no longer set; null: nothing is. */
function withoutLost(
  state: AlarmState,
  ways: ReadonlySet<WayName>,
  oldest: number,
): { readonly state: AlarmState; readonly ways: readonly WayName[] } | null {
  const surplus = new Set(state.notices.slice(0, Math.max(0, state.notices.length - MOST_NOTICES)));
  const isLost = (notice: Notice, way: WayName) => notice.at < oldest || surplus.has(notice) || !ways.has(way);
  let next = state;
  const losing: WayName[] = [];
  for (const way of WAYS) {
    const lost = state.notices.filter(notice => notice.ways.includes(way) && isLost(notice, way));
    if (lost.length === 0) continue;
    losing.push(way);
    const before = next.ways[way];
    next = {
      ...next,
      notices: withoutWay(next.notices, way, notice => lost.some(({ id }) => id === notice.id)),
      ways: { ...next.ways, [way]: { ...before, lost: before.lost + lost.length } },
    };
  }
  return losing.length === 0 ? null : { state: next, ways: losing };
}
