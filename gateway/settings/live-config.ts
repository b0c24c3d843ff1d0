// The settings at work: those of the start, with whatever part may change while the gateway runs taken over from newer ones.
import { isDeepStrictEqual } from 'node:util';
import { jsonPath } from '../../config/errors.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';

/** Reads as the settings at work; whoever keeps a part of `config` for himself keeps what was at work then. */
export interface LiveConfig extends LoadedConfig {
  swap(next: LoadedConfig, config: Config): void;
}

export function createLiveConfig(loaded: LoadedConfig): LiveConfig {
  let at = loaded;
  let config = loaded.config;
  /** Places of channels belong to the files that the channels at work were read from. */
  let places = loaded;
  return {
    get config() {
      return config;
    },
    get file() {
      return at.file;
    },
    get channelFolder() {
      return at.channelFolder;
    },
    locate: path => (path[0] === 'channels' ? places : at).locate(path),
    reference: path => (path[0] === 'channels' ? places : at).reference(path),
    again: options => at.again(options),
    swap(next, effective) {
      at = next;
      if (effective.channels === next.config.channels) places = next;
      config = effective;
    },
  };
}

/** How much of a group of settings may change while the gateway runs: all of it, or only what is named. */
const LIVE: Readonly<Partial<Record<keyof Config, 'all' | readonly string[]>>> = {
  channels: 'all',
  log: 'all',
  alarms: 'all',
  retention: 'all',
  listen: [
    'publicUrl',
    'trustedProxies',
    'maxConnections',
    'tls.certFile',
    'tls.keyFile',
    'tls.caFile',
    'tls.minVersion',
  ],
  intake: ['minFreeMb', 'minFreePercent'],
  caseSystem: ['events.secrets'],
};

/** What becomes of newer settings. */
export interface Taken {
  /** The settings at work from now on. */
  readonly config: Config;
  /** JSON paths of what is taken over now, and of what waits for a restart. */
  readonly now: readonly string[];
  readonly restart: readonly string[];
}

/**
 * A group (`listen`, `caseSystem`) is taken over whole or not at all: with one change in it that needs a restart, its other
 * changes wait too, since they were meant to go together.
 */
export function takeOver(at: Config, next: Config): Taken {
  const config: Record<string, unknown> = { ...at };
  const now: string[] = [];
  const restart: string[] = [];
  // Channels whose adapters are only known after a restart cannot be opened before.
  const held = isDeepStrictEqual(at.adapters, next.adapters) ? [] : ['channels'];
  for (const key of Object.keys(next) as (keyof Config)[]) {
    const paths = differences(at[key], next[key], [key]);
    if (paths.length === 0) continue;
    const live = LIVE[key] ?? [];
    const all = live === 'all' || paths.every(path => live.includes(path.slice(1).join('.')));
    const taken = all && !held.includes(key);
    if (taken) config[key] = next[key];
    (taken ? now : restart).push(...paths.map(path => jsonPath(path)));
  }
  return { config: Object.freeze(config) as unknown as Config, now, restart };
}

/** Paths of the settings that differ; a list counts as one. */
function differences(one: unknown, other: unknown, path: readonly string[]): readonly (readonly string[])[] {
  if (isDeepStrictEqual(one, other)) return [];
  if (!isMap(one) || !isMap(other)) return [path];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].flatMap(key => differences(one[key], other[key], [...path, key]));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
