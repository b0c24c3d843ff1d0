// Settings file over shipped defaults, checked, made absolute and frozen.
import { availableParallelism } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Joi from 'joi';
import { type ChannelFiles, channelFolder, readChannelFiles } from './channel-files.ts';
import { crossProblems } from './cross-checks.ts';
import { ConfigError, type ConfigProblem, jsonPath, type Place } from './errors.ts';
import { explainDetail, keysAt, type OwnWords } from './explain.ts';
import { type Config, configSchema, type RawConfig } from './schema.ts';
import { glimpse, type Path, type ReadOptions, readSource, type Settings, type Source } from './source.ts';

/** Folder of the shipped settings, regions and rules. */
export const SHIPPED = dirname(fileURLToPath(import.meta.url));

/** Environment variables that override a setting, so that a container needs no file. */
export const OVERRIDES: Readonly<Record<string, Path>> = {
  HUISU_DATA: ['data'],
  HUISU_KEYS_FILE: ['keys', 'file'],
  HUISU_HOST: ['listen', 'host'],
  HUISU_PORT: ['listen', 'port'],
  HUISU_PUBLIC_URL: ['listen', 'publicUrl'],
  HUISU_PLAIN: ['listen', 'plain'],
  HUISU_MONGO: ['store', 'url'],
  HUISU_MONGO_IDENTITY: ['store', 'identityUrl'],
  HUISU_REDIS: ['queue', 'redis'],
  HUISU_LOG: ['log', 'level'],
};

export interface LoadOptions {
  /** The settings file; otherwise HUISU_CONFIG, otherwise the shipped defaults alone. */
  readonly file?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Working folder; paths given in the environment and the defaults start there. */
  readonly cwd?: string;
  /** Told of every file that is looked at: settings, channels, and those that `${file:…}` names. */
  readonly seen?: ReadOptions['seen'];
  /** A settings file with nothing in it is refused: while the gateway runs it is one that is just being written. */
  readonly refuseEmpty?: boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of the settings file in use; the shipped one when there is no other. */
  readonly file: string;
  /** Folder of `channels/*.yaml`, which need not be there; null where no settings file was named. */
  readonly channelFolder: string | null;
  /** Where a setting stands, for errors found later (a channel's settings). */
  locate(path: Path): Place;
  /** `${…}` a setting came from, so that an operator can be told what to change; null when it is written out. */
  reference(path: Path): string | null;
  /** Reads the same files and variables once more. Throws like `loadConfig`. */
  again(options?: Pick<LoadOptions, 'seen' | 'refuseEmpty'>): LoadedConfig;
}

/** Reads and checks the settings. Throws `ConfigError` with all that is wrong. */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const { env = process.env, cwd = process.cwd(), seen } = options;
  const named = options.file ?? env['HUISU_CONFIG'];
  const defaults = readSource(join(SHIPPED, 'huisu.yaml'), env);
  const own = named === undefined || named === '' ? null : readSource(resolve(cwd, named), env, { seen });
  if (options.refuseEmpty && own?.content === null) throw emptied(own.file);
  const folder = own === null ? null : channelFolder(own.file);
  const split = folder === null ? null : readChannelFiles(folder, env, seen);
  const raw = merge(defaults.values, own?.values ?? {}) as Record<string, unknown>;
  for (const [variable, path] of Object.entries(OVERRIDES)) {
    const value = env[variable];
    if (value !== undefined && value !== '') put(raw, path, value);
  }
  const written: unknown = raw['channels'];
  // One that is no list is told by the schema; nothing can be added to it.
  if (split !== null && Array.isArray(written)) raw['channels'] = [...(written as unknown[]), ...split.channels];
  const ownChannels = Array.isArray(written) ? written.length : Number.POSITIVE_INFINITY;
  const origin = originOf({ defaults, own, split, ownChannels, env, cwd });
  const checked = check(configSchema, raw, [], origin.locate);
  const config = complete(checked, origin);
  return {
    config: freeze(config),
    file: own?.file ?? defaults.file,
    channelFolder: folder,
    locate: origin.locate,
    reference: origin.reference,
    again: more => loadConfig({ ...options, env, cwd, seen: undefined, ...more }),
  };
}

/**
 * The data folder that a settings file names although the file may be wrong elsewhere; null where that cannot be made
 * out. Only for speaking to the gateway that runs there.
 */
export function glimpseDataFolder(options: Pick<LoadOptions, 'file' | 'env' | 'cwd'>): string | null {
  const { env = process.env, cwd = process.cwd() } = options;
  const override = env['HUISU_DATA'];
  if (override !== undefined && override !== '') return resolve(cwd, override);
  const named = options.file ?? env['HUISU_CONFIG'];
  const file = named === undefined || named === '' ? null : resolve(cwd, named);
  const own = file === null ? undefined : glimpse(file, ['data']);
  if (typeof own === 'string' && !own.includes('${')) return resolve(dirname(file as string), own);
  const standard = glimpse(join(SHIPPED, 'huisu.yaml'), ['data']);
  return own === undefined && typeof standard === 'string' ? resolve(cwd, standard) : null;
}

function emptied(file: string): ConfigError {
  return new ConfigError([
    {
      code: 'config.emptied',
      file,
      line: null,
      column: null,
      path: '$',
      zh: '配置文件现在是空的，像是没有写完；继续使用原来的配置',
      en: 'the settings file is empty now, as if it were half written; the settings at work stay',
    },
  ]);
}

/**
 * Validates a value against a schema, throwing `ConfigError` with each finding placed and explained.
 * @param at where the value stands in the settings file
 * @param words for what the schema finds by codes of its own; without them it speaks for itself, by Joi's `messages` of zh and en
 */
export function check<T>(
  schema: Joi.ObjectSchema<T>,
  value: unknown,
  at: Path,
  locate: (path: Path) => Place,
  words?: OwnWords,
): T {
  const findings = (language: 'zh' | 'en') => schema.validate(value, { abortEarly: false, errors: { language } });
  const result = findings('zh');
  if (result.error === undefined) return result.value;
  const english = findings('en').error?.details;
  const seen = new Set<string>();
  const problems: ConfigProblem[] = [];
  for (const [index, detail] of result.error.details.entries()) {
    const path = jsonPath([...at, ...detail.path]);
    if (seen.has(path)) continue;
    seen.add(path);
    problems.push({
      code: detail.type === 'object.unknown' ? 'config.unknown_key' : 'config.invalid',
      path,
      ...locate([...at, ...detail.path]),
      ...explainDetail(detail, {
        keys: keysAt(schema, detail.path.slice(0, -1)),
        ...(words === undefined ? {} : { words }),
        ...(english?.[index] === undefined ? {} : { english: english[index].message }),
      }),
    });
  }
  throw new ConfigError(problems as [ConfigProblem, ...ConfigProblem[]]);
}

interface Origin {
  locate(path: Path): Place;
  reference(path: Path): string | null;
  /** Folder a relative path in this setting starts from. */
  folder(path: Path): string;
}

interface Sources {
  readonly defaults: Source;
  readonly own: Source | null;
  readonly split: ChannelFiles | null;
  /** Channels before this one stand in the settings file, the others in files of their own. */
  readonly ownChannels: number;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

function originOf({ defaults, own, split, ownChannels, env, cwd }: Sources): Origin {
  const apart = ([first, index]: Path) =>
    split !== null && first === 'channels' && typeof index === 'number' && index >= ownChannels
      ? { split, index: index - ownChannels }
      : null;
  const variableOf = (path: Path) =>
    Object.entries(OVERRIDES).find(([name, target]) => Boolean(env[name]) && target.join() === path.join())?.[0];
  return {
    locate: path => {
      const variable = variableOf(path);
      if (variable !== undefined) return { file: `$${variable}`, line: null, column: null };
      const file = apart(path);
      if (file !== null) return file.split.place(file.index, path.slice(2));
      return (own ?? defaults).locate(path);
    },
    reference: path => {
      const file = apart(path);
      if (file !== null) return file.split.reference(file.index, path.slice(2));
      return own?.references.get(jsonPath(path)) ?? null;
    },
    folder: path => (variableOf(path) === undefined && own?.has(path) ? dirname(own.file) : cwd),
  };
}

/** Own settings over the defaults: maps are merged, lists and single values replaced. */
function merge(under: unknown, over: unknown): unknown {
  if (!isMap(under) || !isMap(over)) return over;
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    // A group left empty ("reading:" with nothing below) means its defaults.
    if (value === null && isMap(under[key])) continue;
    result[key] = key in under ? merge(under[key], value) : value;
  }
  return result;
}

const isMap = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function put(target: Record<string, unknown>, path: Path, value: unknown): void {
  const [first, ...rest] = path.map(String);
  if (first === undefined) return;
  if (rest.length === 0) target[first] = value;
  else {
    const below = { ...(isMap(target[first]) ? target[first] : {}) };
    put(below, rest, value);
    target[first] = below;
  }
}

function complete(raw: RawConfig, origin: Origin): Config {
  const absolute = (value: string, path: Path) => resolve(origin.folder(path), value);
  const data = absolute(raw.data, ['data']);
  const keysFile = absolute(raw.keys.file, ['keys', 'file']);
  const { parsers } = raw.reading;
  const { tls } = raw.listen;
  const tlsPath = (value: string, key: string) => absolute(value, ['listen', 'tls', key]);
  const config: Config = {
    ...raw,
    data,
    keys: { ...raw.keys, file: keysFile },
    listen: {
      ...raw.listen,
      tls: tls && {
        ...tls,
        certFile: tlsPath(tls.certFile, 'certFile'),
        keyFile: tlsPath(tls.keyFile, 'keyFile'),
        caFile: tls.caFile === null ? null : tlsPath(tls.caFile, 'caFile'),
      },
    },
    region: shippedOr(raw.region, 'regions', value => absolute(value, ['region'])),
    rules: raw.rules === 'shipped' ? join(SHIPPED, 'rules') : absolute(raw.rules, ['rules']),
    reading: { ...raw.reading, parsers: parsers === 'auto' ? Math.max(1, availableParallelism() - 1) : parsers },
    adapters: raw.adapters.map((name, index) =>
      name.startsWith('.') || isAbsolute(name) ? absolute(name, ['adapters', index]) : name,
    ),
  };
  const [first, ...rest] = crossProblems(config, origin.locate);
  if (first !== undefined) throw new ConfigError([first, ...rest]);
  return config;
}

/** A bare word is a shipped file; anything with a folder or an ending is a path. */
function shippedOr(value: string, folder: string, absolute: (value: string) => string): string {
  return /^[a-z][a-z0-9-]*$/.test(value) ? join(SHIPPED, folder, `${value}.yaml`) : absolute(value);
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
