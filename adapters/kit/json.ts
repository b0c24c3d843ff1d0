// JSON of strangers: depth checked on the bytes before parsing, strict UTF-8, no prototype keys, no name twice where that is asked, errors by place and not by content.
import { isUtf8 } from 'node:buffer';
import secureJson from 'secure-json-parse';
import { namesHeld, namesWritten, repeatedName } from './json-names.ts';

export type JsonFault =
  | 'json.not-utf8'
  | 'json.too-deep'
  | 'json.malformed'
  | 'json.forbidden-key'
  | 'json.duplicate-key';

/** Says where a text stops being JSON. Holds nothing of the text itself, since that may be anybody's. */
export class JsonProblem extends Error {
  override readonly name = 'JsonProblem';
  readonly code: JsonFault;
  /** Byte offset for `not-utf8` and `too-deep`, UTF-16 offset for `malformed`; 0 for the other two. */
  readonly offset: number;
  /** Counted from 1. */
  readonly line: number;
  /** Where a forbidden key, or the second of two, stands: the keys and indexes that lead to it; null for all other faults. */
  readonly path: readonly (string | number)[] | null;
  constructor(code: JsonFault, offset: number, line: number, path: readonly (string | number)[] | null = null) {
    super(`${code} at offset ${offset}, line ${line}`);
    this.code = code;
    this.offset = offset;
    this.line = line;
    this.path = path;
  }
}

export interface ReadJsonOptions {
  /** Brackets that may be open at once. Default 32. */
  readonly maxDepth?: number;
  /**
   * Refuses an object that names a member twice, of which readers disagree which one counts (RFC 7493). For what was
   * signed, and what its sender can mend: whoever read it on the way may have seen the other. Default false.
   */
  readonly uniqueNames?: boolean;
}

const DEFAULT_DEPTH = 32;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses JSON bytes or throws a `JsonProblem`. Linear in the length, whatever the bytes are. */
export function readJson(bytes: Uint8Array, options: ReadJsonOptions = {}): unknown {
  checkDepth(bytes, options.maxDepth ?? DEFAULT_DEPTH);
  const text = decode(bytes);
  const value = parseText(text);
  // Counted first, which costs a third of the parsing; only where the counts differ is the text looked through. It may hold
  // none twice then: V8 13.6 can read the name \" as \\, and two names become one. No schema of ours knows either.
  const twice = options.uniqueNames === true && namesWritten(bytes) !== namesHeld(value) ? repeatedName(text) : null;
  if (twice !== null) throw new JsonProblem('json.duplicate-key', 0, 1, twice);
  return value;
}

function parseText(text: string): unknown {
  try {
    return secureJson.parse(text);
  } catch (error) {
    // The engine's own words quote the text, so the place is looked up again here.
    const offset = malformedAt(text);
    if (offset === -1 && error instanceof SyntaxError) {
      throw new JsonProblem('json.forbidden-key', 0, 1, forbiddenPath(JSON.parse(text)));
    }
    throw new JsonProblem('json.malformed', Math.max(offset, 0), lineOf(text, offset));
  }
}

/** Way to the first key that is not taken. As deep as the JSON, whose depth has been checked. */
function forbiddenPath(value: unknown): (string | number)[] | null {
  if (typeof value !== 'object' || value === null) return null;
  if (Object.hasOwn(value, '__proto__')) return ['__proto__'];
  for (const [key, inner] of Object.entries(value)) {
    const named = typeof inner === 'object' && inner !== null && Object.hasOwn(inner, 'prototype');
    const path = key === 'constructor' && named ? ['prototype'] : forbiddenPath(inner);
    if (path !== null) return [Array.isArray(value) ? Number(key) : key, ...path];
  }
  return null;
}

/** Whether more brackets of a kind open than so many, those inside strings included. */
function opensMore(bytes: Uint8Array, bracket: number, most: number): boolean {
  let opened = 0;
  for (let at = bytes.indexOf(bracket); at !== -1; at = bytes.indexOf(bracket, at + 1))
    if (++opened > most) return true;
  return false;
}

/** Brackets inside strings do not count; the check needs no decoding because UTF-8 keeps ASCII bytes apart. */
function checkDepth(bytes: Uint8Array, most: number): void {
  // Few brackets cannot lie deep: nearly every body ends here, after two searches.
  if (!opensMore(bytes, 0x7b, most >> 1) && !opensMore(bytes, 0x5b, most >> 1)) return;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > most) throw new JsonProblem('json.too-deep', i, lineOfBytes(bytes, i));
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    const offset = firstNonUtf8(bytes);
    throw new JsonProblem('json.not-utf8', offset, lineOfBytes(bytes, offset));
  }
}

/** Offset of the first bad byte sequence: halving finds the block, single steps the byte. */
function firstNonUtf8(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 4) {
    let middle = good + ((bad - good) >> 1);
    while (middle > good && ((bytes[middle] ?? 0) & 0xc0) === 0x80) middle--;
    if (middle === good) break;
    if (isUtf8(bytes.subarray(good, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function lineOfBytes(bytes: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset && i < bytes.length; i++) if (bytes[i] === 0x0a) line++;
  return line;
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i !== -1 && i < offset; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these inside a string
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const ATOM = /(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![0-9A-Za-z_.])/y;

/** Offset at which a text stops being JSON, -1 when it does not. No recursion: depth was bounded, but this costs nothing. */
function malformedAt(text: string): number {
  const open: ('{' | '[')[] = [];
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let expect: 'value' | 'first-value' | 'key' | 'first-key' | 'next' = 'value';
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  for (;;) {
    take(SPACE);
    if (expect === 'next' && open.length === 0) return at === text.length ? -1 : at;
    const sign = text[at];
    const top = open.at(-1);
    if ((expect === 'next' || expect === 'first-key') && top === '{' && sign === '}') close();
    else if ((expect === 'next' || expect === 'first-value') && top === '[' && sign === ']') close();
    else if (expect === 'next') {
      if (sign !== ',') return at;
      at++;
      expect = top === '{' ? 'key' : 'value';
    } else if (expect === 'key' || expect === 'first-key') {
      if (!take(STRING)) return at;
      take(SPACE);
      if (text[at] !== ':') return at;
      at++;
      expect = 'value';
    } else if (sign === '{' || sign === '[') {
      open.push(sign);
      at++;
      expect = sign === '{' ? 'first-key' : 'first-value';
    } else if (take(STRING) || take(ATOM)) expect = 'next';
    else return at;
  }
  function close(): void {
    open.pop();
    at++;
    expect = 'next';
  }
}
