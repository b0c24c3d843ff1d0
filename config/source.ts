// One YAML file as data with the place of every setting, its ${…} references filled in.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigError, type ConfigProblem, jsonPath, type Position } from './errors.ts';

export type Path = readonly (string | number)[];
export type Settings = Readonly<Record<string, unknown>>;

/** A settings file that was read. */
export interface Source {
  readonly file: string;
  readonly values: Settings;
  /** The same, or the items where the file is a list (`list` of the reading options). */
  readonly content: Settings | readonly unknown[] | null;
  /** Settings that came from `${…}`, by JSON path: which variable or file to change. No values. */
  readonly references: ReadonlyMap<string, string>;
  /** Where a setting stands; the nearest one above it when it is not in the file. */
  locate(path: Path): Position;
  /** True when the setting, or something above it other than the root, is written in this file. */
  has(path: Path): boolean;
}

const POISON = new Set(['__proto__', 'constructor', 'prototype']);
const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g;

export interface ReadOptions {
  /** The file may hold a list instead of a map. */
  readonly list?: boolean;
  /** Told of every file that is looked at, those that cannot be read included. */
  readonly seen?: ((file: string) => void) | undefined;
}

/** Reads one file. Throws `ConfigError` with everything that is wrong with its form. */
export function readSource(file: string, env: NodeJS.ProcessEnv, options: ReadOptions = {}): Source {
  options.seen?.(file);
  const text = readText(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true });
  const at = (offset: number | undefined): Position => {
    if (offset === undefined) return { file, line: null, column: null };
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const problems: ConfigProblem[] = document.errors.map(error => ({
    code: 'config.yaml',
    path: '$',
    ...at(error.pos[0]),
    zh: `YAML 写法有误（${error.code}）：请检查这一行的缩进、冒号和引号`,
    en: `not valid YAML (${error.code}): ${error.message.split('\n')[0]}`,
  }));
  throwAny(problems);
  throwAny(formProblems(document.contents, options.list === true, at));
  const references = new Map<string, string>();
  const to = { file, env, at, problems, references, seen: options.seen };
  const content = convert(document.contents, [], to) as Source['content'];
  throwAny(problems);
  return {
    file,
    values: Array.isArray(content) ? {} : ((content ?? {}) as Settings),
    content,
    references,
    locate: path => at(offsetOf(document.contents, path)),
    has: path => path.length > 0 && document.hasIn(path),
  };
}

function formProblems(
  contents: unknown,
  list: boolean,
  at: (offset: number | undefined) => Position,
): readonly ConfigProblem[] {
  if (contents === null || isMap(contents) || isEmpty(contents) || (list && isSeq(contents))) return [];
  const words = list
    ? {
        zh: '文件应为一个渠道（“键: 值”）或渠道的列表',
        en: 'the file must be one channel (a map) or a list of channels',
      }
    : { zh: '配置文件应为“键: 值”的形式', en: 'the file must be a map of settings' };
  return [{ code: 'config.not_a_map', path: '$', ...at(0), ...words }];
}

/**
 * What stands at a path of a file that may be wrong elsewhere; undefined where nothing can be made out. Only for finding
 * a running gateway, which can tell what is wrong with the file.
 */
export function glimpse(file: string, path: Path): unknown {
  try {
    const found: unknown = parseDocument(readFileSync(file, 'utf8')).getIn([...path]);
    return found;
  } catch {
    // Whoever asks has the error of reading the file properly and shows that one.
    return undefined;
  }
}

function throwAny(problems: readonly ConfigProblem[]): void {
  const [first, ...rest] = problems;
  if (first !== undefined) throw new ConfigError([first, ...rest]);
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new ConfigError([
      {
        code: 'config.unreadable',
        file,
        line: null,
        column: null,
        path: '$',
        zh: `读不到配置文件（${reason}）：请检查路径和权限`,
        en: `the settings file cannot be read (${reason}): check its path and permissions`,
      },
    ]);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError([
      {
        code: 'config.not_utf8',
        file,
        line: null,
        column: null,
        path: '$',
        zh: '配置文件不是 UTF-8 编码：请另存为 UTF-8',
        en: 'the settings file is not UTF-8: save it as UTF-8',
      },
    ]);
  }
}

const isEmpty = (node: unknown) => isScalar(node) && node.value === null;

interface Conversion {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  readonly at: (offset: number | undefined) => Position;
  readonly problems: ConfigProblem[];
  readonly references: Map<string, string>;
  readonly seen: ReadOptions['seen'];
}

/** Nodes to plain values; aliases are refused (a settings file needs none, and they can blow up). */
function convert(node: unknown, path: Path, to: Conversion): unknown {
  if (node === null || node === undefined) return null;
  if (isMap(node)) {
    const result: Record<string, unknown> = {};
    for (const pair of node.items) {
      const key = String(isScalar(pair.key) ? pair.key.value : pair.key);
      const offset = (pair.key as Node | null)?.range?.[0];
      if (POISON.has(key)) {
        to.problems.push({
          code: 'config.unknown_key',
          path: jsonPath([...path, key]),
          ...to.at(offset),
          zh: `不允许的配置项“${key}”`,
          en: `"${key}" is not allowed as a setting`,
        });
        continue;
      }
      result[key] = convert(pair.value, [...path, key], to);
    }
    return result;
  }
  if (isSeq(node))
    return node.items.map((item, index) => convert(isPair(item) ? item.value : item, [...path, index], to));
  if (isScalar(node))
    return typeof node.value === 'string' ? fillIn(node.value, path, node.range?.[0], to) : node.value;
  to.problems.push({
    code: 'config.yaml',
    path: jsonPath(path),
    ...to.at((node as Node).range?.[0]),
    zh: '不支持 YAML 锚点与别名，请直接写出内容',
    en: 'YAML anchors and aliases are not supported; write the value out',
  });
  return null;
}

function fillIn(text: string, path: Path, offset: number | undefined, to: Conversion): string {
  if (!text.includes('${')) return text;
  return text.replace(REFERENCE, (whole, name: string | undefined) => {
    if (name === undefined) return '${';
    to.references.set(jsonPath(path), whole);
    const isFile = name.startsWith('file:');
    const value = isFile ? readSecret(resolve(dirname(to.file), name.slice(5)), to.seen) : to.env[name];
    if (value !== undefined) return value;
    to.problems.push({
      code: isFile ? 'config.missing_file' : 'config.missing_variable',
      path: jsonPath(path),
      ...to.at(offset),
      zh: isFile ? `读不到 ${whole} 所指的文件` : `环境变量 ${name} 没有设置`,
      en: isFile ? `the file of ${whole} cannot be read` : `the environment variable ${name} is not set`,
    });
    return '';
  });
}

function readSecret(file: string, seen: ReadOptions['seen']): string | undefined {
  seen?.(file);
  try {
    // Editors and `echo` leave a line end that is no part of the secret, and Windows a byte order mark.
    return readFileSync(file, 'utf8')
      .replace(/^\ufeff/, '')
      .replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}

/** Offset of the key of a setting in a map, or of the item in a list; of the nearest one above it if it is missing. */
function offsetOf(root: unknown, path: Path): number | undefined {
  let node: unknown = root;
  let offset = (root as Node | null)?.range?.[0];
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(item => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}
