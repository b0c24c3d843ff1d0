// 渠道的往常流量: learns how many messages come to a channel in each hour of the week, and tells when far too few do.
import type { QuietLimits } from '../../config/alarms.ts';

const HOUR_MS = 3_600_000;
const SLOTS = 168;
/** Shanghai has no summer time, so an hour of the week is a fixed division of time. */
const ZONE_MS = 8 * HOUR_MS;
/** An hour counts as experience once it was watched for so much of it. */
const LEAST_WATCHED_MS = HOUR_MS * 0.9;
/** The newest week weighs at least so much, so that what was usual long ago is forgotten. */
const LEAST_WEIGHT = 0.2;
/** Hours looked back over, the present one included; the shortest that has enough expected messages decides first. */
const WINDOWS = [1, 2, 3, 6, 12, 24];
const KEPT_HOURS = 25;

/** One hour as it was seen: `[hour since the epoch, messages, milliseconds watched]`. */
type Seen = readonly [hour: number, count: number, watchedMs: number];

/** What is kept of a channel: for each hour of the week the usual count (×100, whole) and the weeks it was learned from. */
export interface ChannelTraffic {
  readonly usual: readonly number[];
  readonly weeks: readonly number[];
  readonly seen: readonly Seen[];
}
export type KeptTraffic = Readonly<Record<string, ChannelTraffic>>;

/** Why a channel counts as quiet, so that a person can check it. */
export interface Quiet {
  readonly hours: number;
  readonly count: number;
  /** Messages that usually come in these hours. */
  readonly usual: number;
  /** Weeks of experience, the least of the hours looked at. */
  readonly weeks: number;
}

export interface Traffic {
  /** Messages arrived at a channel; called once a batch. */
  count(channel: string, messages: number): void;
  /** Messages counted that no look has taken in yet. */
  waiting(): ReadonlyMap<string, number>;
  /** So much time has passed; `working` are the channels that could have received something in it. */
  watched(working: readonly string[], elapsedMs: number, now: number): void;
  /** null: not quiet, or nothing can be said. */
  quiet(channel: string, now: number, limits: QuietLimits): Quiet | null;
  /** Leaves out channels that are no longer there. */
  kept(channels: readonly string[]): KeptTraffic;
}

interface Memory {
  readonly usual: number[];
  readonly weeks: number[];
  seen: { hour: number; count: number; watchedMs: number }[];
}

const slotOf = (hour: number) => (hour + ZONE_MS / HOUR_MS) % SLOTS;

export function createTraffic(kept: KeptTraffic): Traffic {
  const memories = new Map(Object.entries(kept).map(([channel, traffic]) => [channel, remembered(traffic)]));
  const waiting = new Map<string, number>();

  function memoryOf(channel: string): Memory {
    let memory = memories.get(channel);
    if (memory === undefined) {
      memory = { usual: Array(SLOTS).fill(0), weeks: Array(SLOTS).fill(0), seen: [] };
      memories.set(channel, memory);
    }
    return memory;
  }

  return {
    count: (channel, messages) => void waiting.set(channel, (waiting.get(channel) ?? 0) + messages),
    waiting: () => waiting,
    watched(working, elapsedMs, now) {
      const hour = Math.floor(now / HOUR_MS);
      for (const channel of new Set([...working, ...waiting.keys()])) {
        const memory = memoryOf(channel);
        const present = presentHour(memory, hour);
        present.count += waiting.get(channel) ?? 0;
        // What lay in the hour before is small beside an hour: looks are seconds apart.
        if (working.includes(channel)) present.watchedMs = Math.min(HOUR_MS, present.watchedMs + elapsedMs);
      }
      waiting.clear();
    },
    quiet(channel, now, limits) {
      const memory = memories.get(channel);
      return memory === undefined || perDay(memory) < limits.leastPerDay ? null : quietIn(memory, now, limits);
    },
    kept: channels =>
      Object.fromEntries(
        channels.flatMap(channel => {
          const memory = memories.get(channel);
          return memory === undefined ? [] : [[channel, toKeep(memory)]];
        }),
      ),
  };
}

function remembered({ usual, weeks, seen }: ChannelTraffic): Memory {
  return {
    usual: usual.map(value => value / 100),
    weeks: [...weeks],
    seen: seen.map(([hour, count, watchedMs]) => ({ hour, count, watchedMs })),
  };
}

function toKeep({ usual, weeks, seen }: Memory): ChannelTraffic {
  return {
    usual: usual.map(value => Math.round(value * 100)),
    weeks: [...weeks],
    seen: seen.map(({ hour, count, watchedMs }): Seen => [hour, count, Math.round(watchedMs)]),
  };
}

/**
 * The entry of this hour. An hour becomes experience when it is a day old: while it can still be part of a window that is
 * judged, its own silence must not make silence look usual.
 */
function presentHour(memory: Memory, hour: number): Memory['seen'][number] {
  const last = memory.seen.at(-1);
  if (last?.hour === hour) return last;
  for (const one of memory.seen) if (one.hour <= hour - KEPT_HOURS) learn(memory, one);
  const next = { hour, count: 0, watchedMs: 0 };
  // A clock set back would put hours in twice; what lies ahead is dropped.
  memory.seen = [...memory.seen.filter(one => one.hour < hour && one.hour > hour - KEPT_HOURS), next];
  return next;
}

function learn(memory: Memory, { hour, count, watchedMs }: Memory['seen'][number]): void {
  if (watchedMs < LEAST_WATCHED_MS) return;
  const slot = slotOf(hour);
  const weeks = memory.weeks[slot]!;
  const weight = Math.max(1 / (weeks + 1), LEAST_WEIGHT);
  memory.usual[slot] = memory.usual[slot]! * (1 - weight) + count * (HOUR_MS / watchedMs) * weight;
  memory.weeks[slot] = weeks + 1;
}

/** Messages a day on average, over the hours of the week that are known. */
function perDay({ usual, weeks }: Memory): number {
  const known = weeks.filter(count => count > 0).length;
  return known === 0 ? 0 : (usual.reduce((sum, value) => sum + value, 0) / known) * 24;
}

/** Only hours that were watched count, each by the share of it that was; so a stopped gateway expects nothing. */
function quietIn(memory: Memory, now: number, limits: QuietLimits): Quiet | null {
  const present = Math.floor(now / HOUR_MS);
  for (const hours of WINDOWS) {
    const window = memory.seen.filter(({ hour }) => hour > present - hours && hour <= present);
    const learned = window.filter(({ hour }) => memory.weeks[slotOf(hour)]! >= limits.weeks);
    const usual = learned.reduce(
      (sum, { hour, watchedMs }) => sum + (memory.usual[slotOf(hour)]! * watchedMs) / HOUR_MS,
      0,
    );
    if (usual < limits.expected) continue;
    const count = window.reduce((sum, one) => sum + one.count, 0);
    if (count * 100 > usual * limits.percent) return null;
    const weeks = Math.min(...learned.map(({ hour }) => memory.weeks[slotOf(hour)]!));
    return { hours, count, usual: Math.round(usual), weeks };
  }
  return null;
}
