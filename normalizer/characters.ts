// What each UTF-16 unit is to a reader of citizens' texts: kept, dropped, a space, a line end, or written in another way.
import { Converter } from 'opencc-js/t2cn';

/** What cleaning does with a unit. */
export const KEEP = 0;
export const DROP = 1;
export const SPACE = 2;
export const NEWLINE = 3;
/** Has another form, in `REPLACEMENT`. */
export const REPLACE = 4;
export const SURROGATE = 5;
/** A mark that combines with what stands before it. */
export const MARK = 6;
/** Needs composing (NFC) afterwards. */
export const COMPOSE = 7;
/** A character that simplified Chinese does not have. */
export const TRADITIONAL = 8;
export const AMPERSAND = 9;
export const UNDERSCORE = 10;
/** U+FFFD: bytes that were not text. */
export const BROKEN = 11;

/** Scripts counted to tell the language; 0 is anything without one. */
export const HAN = 1;
export const LATIN = 2;
export const DIGIT = 3;
export const HANGUL = 4;
export const KANA = 5;
export const CYRILLIC = 6;
export const OTHER_LETTER = 7;
export const SCRIPTS = 8;

/** Full-width forms that are Chinese punctuation and stay as they are. */
const PUNCTUATION = '，！？：；（）';

interface CharacterTables {
  readonly action: Uint8Array;
  readonly script: Uint8Array;
  readonly replacement: ReadonlyMap<number, string>;
}

function fill(table: Uint8Array, from: number, to: number, value: number): void {
  table.fill(value, from, to + 1);
}

function actions(): Uint8Array {
  const action = new Uint8Array(65536);
  for (const [from, to] of [
    [0x00, 0x1f],
    [0x7f, 0x9f],
    [0xad, 0xad],
    [0x61c, 0x61c],
    [0x180b, 0x180e],
    [0x200b, 0x200f],
    [0x202a, 0x202e],
    [0x2060, 0x206f],
    [0xfe00, 0xfe0f],
    [0xfeff, 0xfeff],
    [0xfff0, 0xfffb],
    [0xfffe, 0xffff],
    [0x3164, 0x3164],
    [0x115f, 0x1160],
    [0xffa0, 0xffa0],
  ] as const) {
    fill(action, from, to, DROP);
  }
  for (const code of [0x20, 0x09, 0xa0, 0x1680, 0x202f, 0x205f, 0x3000, 0x2800]) action[code] = SPACE;
  fill(action, 0x2000, 0x200a, SPACE);
  for (const code of [0x0a, 0x0b, 0x0c, 0x0d, 0x85, 0x2028, 0x2029]) action[code] = NEWLINE;
  fill(action, 0x0300, 0x036f, MARK);
  fill(action, 0x1ab0, 0x1aff, MARK);
  fill(action, 0x1dc0, 0x1dff, MARK);
  fill(action, 0x20d0, 0x20ff, MARK);
  fill(action, 0x1100, 0x115e, COMPOSE);
  fill(action, 0x1161, 0x11ff, COMPOSE);
  fill(action, 0xd800, 0xdfff, SURROGATE);
  action[0x26] = AMPERSAND;
  action[0x5f] = UNDERSCORE;
  action[0xfffd] = BROKEN;
  return action;
}

/** Compatibility forms that mean the same: full-width letters and digits, radicals, ligatures, half-width kana.
 *  Units (㎡), circled and Roman numerals stay: taking them apart would glue digits to numbers beside them. */
function replacements(action: Uint8Array): Map<number, string> {
  const replacement = new Map<number, string>();
  for (const [from, to] of [
    [0xff01, 0xff5e],
    [0xff61, 0xffdc],
    [0xffe0, 0xffe6],
    [0x2e80, 0x2fd5],
    [0xf900, 0xfaff],
    [0xfb00, 0xfb06],
  ] as const) {
    for (let code = from; code <= to; code++) {
      const character = String.fromCharCode(code);
      const plain = character.normalize('NFKC');
      if (plain === character || PUNCTUATION.includes(character) || action[code] === DROP) continue;
      replacement.set(code, plain);
      action[code] = REPLACE;
    }
  }
  return replacement;
}

function scripts(): Uint8Array {
  const script = new Uint8Array(65536);
  const letter = /[\p{L}\p{N}]/u;
  for (let code = 0x80; code < 0x3000; code++) {
    if (letter.test(String.fromCharCode(code))) script[code] = OTHER_LETTER;
  }
  fill(script, 0x41, 0x5a, LATIN);
  fill(script, 0x61, 0x7a, LATIN);
  for (let code = 0xc0; code < 0x250; code++) if (script[code] === OTHER_LETTER) script[code] = LATIN;
  fill(script, 0x30, 0x39, DIGIT);
  fill(script, 0x400, 0x52f, CYRILLIC);
  fill(script, 0x1100, 0x11ff, HANGUL);
  fill(script, 0x3130, 0x318f, HANGUL);
  fill(script, 0xac00, 0xd7a3, HANGUL);
  fill(script, 0x3041, 0x30ff, KANA);
  fill(script, 0x3400, 0x4dbf, HAN);
  fill(script, 0x4e00, 0x9fff, HAN);
  script[0x3007] = HAN;
  return script;
}

/** Characters of the first and second level of GB 2312: whoever writes one of them may well write simplified Chinese. */
function gb2312Characters(): Set<string> {
  const decoder = new TextDecoder('gb18030');
  const known = new Set<string>();
  for (let row = 0xb0; row <= 0xf7; row++) {
    for (let cell = 0xa1; cell <= 0xfe; cell++) known.add(decoder.decode(Uint8Array.of(row, cell)));
  }
  return known;
}

let converter: ((text: string) => string) | undefined;

/** Traditional into simplified Chinese, by phrases first (`乾隆` stays, `乾淨` does not). */
export function simplify(text: string): string {
  const convert: (text: string) => string = converter ?? Converter({ from: 't', to: 'cn' });
  converter = convert;
  return convert(text);
}

function markTraditional(action: Uint8Array): void {
  const known = gb2312Characters();
  const all: string[] = [];
  for (let code = 0x4e00; code <= 0x9fff; code++) all.push(String.fromCharCode(code));
  const simplified = simplify(all.join('\n')).split('\n');
  all.forEach((character, index) => {
    if (simplified[index] !== character && !known.has(character)) action[0x4e00 + index] = TRADITIONAL;
  });
}

function buildTables(): CharacterTables {
  const action = actions();
  const replacement = replacements(action);
  markTraditional(action);
  return { action, script: scripts(), replacement };
}

let tables: CharacterTables | undefined;

/** The tables, built on first use (some tens of milliseconds, once a thread). */
export function characterTables(): CharacterTables {
  tables ??= buildTables();
  return tables;
}
