// Settings file over shipped defaults, checked, made absolute and frozen.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Joi from 'joi';
import { ConfigError, type ConfigProblem, jsonPath, type Position } from './errors.ts';
import { explainDetail, keysAt } from './explain.ts';
import { type Config, configSchema, type RawConfig } from './schema.ts';
import { type Path, readSource, type Settings, type Source } from './source.ts';

/** Folder of the shipped settings, regions and rules. */
export const SHIPPED = dirname(fileURLToPath(import.meta.url));

/** Environment variables that override a setting, so that a container needs no file. */
export const OVERRIDES: Readonly<Record<string, Path>> = {
  HUISU_DATA: ['data'],
  HUISU_KEYS_FILE: ['keys', 'file'],
  HUISU_HOST: ['listen', 'host'],
  HUISU_PORT: ['listen', 'port'],
  HUISU_PUBLIC_URL: ['listen', 'publicUrl'],
  HUISU_LOG: ['log', 'level'],
};

export interface LoadOptions {
  /** The settings file; otherwise HUISU_CONFIG, otherwise the shipped defaults alone. */
  readonly file?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Working folder; paths given in the environment and the defaults start there. */
  readonly cwd?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of the settings file in use; the shipped one when there is no other. */
  readonly file: string;
  /** Where a setting stands, for errors found later (a channel's settings). */
  locate(path: Path): Position;
  /** `${…}` a setting came from, so that an operator can be told what to change; null when it is written out. */
  reference(path: Path): string | null;
}

/** Reads and checks the settings. Throws `ConfigError` with all that is wrong. */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const env = options.env ?? process.env;
  const cwd = options.cwd ?? process.cwd();
  const named = options.file ?? env['HUISU_CONFIG'];
  const defaults = readSource(join(SHIPPED, 'huisu.yaml'), env);
  const own = named === undefined || named === '' ? null : readSource(resolve(cwd, named), env);
  const origin = originOf(defaults, own, env, cwd);
  const raw = merge(defaults.values, own?.values ?? {}) as Record<string, unknown>;
  for (const [variable, path] of Object.entries(OVERRIDES)) {
    const value = env[variable];
    if (value !== undefined && value !== '') put(raw, path, value);
  }
  const checked = check(configSchema, raw, [], origin.locate);
  const config = complete(checked, origin);
  return {
    config: freeze(config),
    file: own?.file ?? defaults.file,
    locate: origin.locate,
    reference: path => own?.references.get(jsonPath(path)) ?? null,
  };
}

/**
 * Validates a value against a schema, throwing `ConfigError` with each finding placed and explained.
 * @param at where the value stands in the settings file
 */
export function check<T>(schema: Joi.ObjectSchema<T>, value: unknown, at: Path, locate: (path: Path) => Position): T {
  const result = schema.validate(value, { abortEarly: false });
  if (result.error === undefined) return result.value;
  const seen = new Set<string>();
  const problems: ConfigProblem[] = [];
  for (const detail of result.error.details) {
    const path = jsonPath([...at, ...detail.path]);
    if (seen.has(path)) continue;
    seen.add(path);
    problems.push({
      code: detail.type === 'object.unknown' ? 'config.unknown_key' : 'config.invalid',
      path,
      ...locate([...at, ...detail.path]),
      ...explainDetail(detail, keysAt(schema, detail.path.slice(0, -1))),
    });
  }
  throw new ConfigError(problems as [ConfigProblem, ...ConfigProblem[]]);
}

interface Origin {
  locate(path: Path): Position;
  /** Folder a relative path in this setting starts from. */
  folder(path: Path): string;
}

function originOf(defaults: Source, own: Source | null, env: NodeJS.ProcessEnv, cwd: string): Origin {
  const variableOf = (path: Path) =>
    Object.entries(OVERRIDES).find(([name, target]) => Boolean(env[name]) && target.join() === path.join())?.[0];
  return {
    locate: path => {
      const variable = variableOf(path);
      if (variable !== undefined) return { file: `$${variable}`, line: null, column: null };
      return (own ?? defaults).locate(path);
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
  const config: Config = {
    ...raw,
    data,
    keys: { ...raw.keys, file: keysFile },
    region: shippedOr(raw.region, 'regions', value => absolute(value, ['region'])),
    rules: raw.rules === 'shipped' ? join(SHIPPED, 'rules') : absolute(raw.rules, ['rules']),
    reading: { ...raw.reading, parsers: parsers === 'auto' ? Math.max(1, availableParallelism() - 1) : parsers },
    adapters: raw.adapters.map((name, index) =>
      name.startsWith('.') || isAbsolute(name) ? absolute(name, ['adapters', index]) : name,
    ),
  };
  refuse(problemsOf(config, origin));
  return config;
}

/** A bare word is a shipped file; anything with a folder or an ending is a path. */
function shippedOr(value: string, folder: string, absolute: (value: string) => string): string {
  return /^[a-z][a-z0-9-]*$/.test(value) ? join(SHIPPED, folder, `${value}.yaml`) : absolute(value);
}

function* problemsOf(config: Config, origin: Origin): Iterable<ConfigProblem> {
  const inside = relative(config.data, config.keys.file);
  if (inside !== '' && !inside.startsWith(`..${sep}`) && inside !== '..' && !isAbsolute(inside)) {
    yield {
      code: 'config.keys_inside_data',
      path: '$.keys.file',
      ...origin.locate(['keys', 'file']),
      zh: '密钥文件不能放在数据目录里：拿到数据的人就拿到了密钥',
      en: 'the key file must not be inside the data folder: whoever takes the data would have the keys',
    };
  }
  if (!existsSync(config.region)) {
    yield {
      code: 'config.missing_file',
      path: '$.region',
      ...origin.locate(['region']),
      zh: `找不到城市文件 ${config.region}`,
      en: `there is no region file ${config.region}`,
    };
  }
  if (!existsSync(config.rules)) {
    yield {
      code: 'config.missing_file',
      path: '$.rules',
      ...origin.locate(['rules']),
      zh: `找不到规则目录 ${config.rules}`,
      en: `there is no rules folder ${config.rules}`,
    };
  }
}

function refuse(found: Iterable<ConfigProblem>): void {
  const [first, ...rest] = found;
  if (first !== undefined) throw new ConfigError([first, ...rest]);
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
