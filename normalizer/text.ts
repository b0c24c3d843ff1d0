// Bytes and HTML into clean text that a clerk can read and every later step can search.
import {
  AMPERSAND,
  BROKEN,
  COMPOSE,
  characterTables,
  DROP,
  HAN,
  HANGUL,
  KANA,
  KEEP,
  MARK,
  NEWLINE,
  REPLACE,
  SCRIPTS,
  SPACE,
  SURROGATE,
  simplify,
  TRADITIONAL,
  UNDERSCORE,
} from './characters.ts';
import { htmlToText } from './html.ts';

export interface CleanText {
  readonly text: string;
  /** Characters by script (`HAN` …, see characters.ts) as they stood in the raw text. */
  readonly scripts: Uint32Array;
  /** Codes of what was met: `text.broken-bytes`, `text.unpaired-surrogate`, `text.too-long`, `text.traditional`. */
  readonly problems: readonly string[];
}

const ENTITIES: Readonly<Record<string, string>> = {
  nbsp: ' ',
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  ldquo: '“',
  rdquo: '”',
  lsquo: '‘',
  rsquo: '’',
  mdash: '—',
  hellip: '…',
  middot: '·',
  ensp: ' ',
  emsp: ' ',
};
const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,6}));/y;
/** A control character as spreadsheets write it: `_x000D_`. */
const ESCAPED_CONTROL = /_x00[0-9A-Fa-f]{2}_/y;
/** Markup inside what was said to be text. */
const MARKUP = /<\/(?:p|div|span|td|li|a|font|strong|b)>|<br ?\/?>|<p[ >]/i;

function entityAt(text: string, at: number): { readonly length: number; readonly value: string } | null {
  ENTITY.lastIndex = at;
  const match = ENTITY.exec(text);
  if (match === null) return null;
  if (match[3] !== undefined) {
    const value = Object.hasOwn(ENTITIES, match[3]) ? ENTITIES[match[3]] : undefined;
    return value === undefined ? null : { length: match[0].length, value };
  }
  const code = match[1] !== undefined ? Number(match[1]) : Number.parseInt(match[2]!, 16);
  const isText =
    (code >= 32 && code < 0x7f) || (code >= 0xa0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000));
  return { length: match[0].length, value: isText ? String.fromCodePoint(code) : ' ' };
}

/** Collects clean text; white space waits until something follows it. */
class Collector {
  readonly parts: string[] = [];
  length = 0;
  #waiting: '' | ' ' | '\n' = '';
  #empty = true;

  wait(space: ' ' | '\n'): void {
    if (this.#waiting !== '\n') this.#waiting = space;
  }

  add(text: string): void {
    if (text === '') return;
    if (this.#waiting !== '') {
      if (!this.#empty) {
        this.parts.push(this.#waiting);
        this.length++;
      }
      this.#waiting = '';
    }
    this.parts.push(text);
    this.length += text.length;
    this.#empty = false;
  }
}

/** More marks than this on one letter are decoration. */
const MOST_MARKS = 2;

interface Pass {
  compose: boolean;
  traditional: boolean;
  broken: boolean;
  unpaired: boolean;
}

/** An astral character: emoji and rare Han stay, mathematical letters become plain ones, invisible tags go. */
function astral(code: number): string {
  if (code >= 0xe0000 && code <= 0xe0fff) return '';
  const character = String.fromCodePoint(code);
  const styled = (code >= 0x1d400 && code <= 0x1d7ff) || (code >= 0x2f800 && code <= 0x2fa1f);
  return styled ? character.normalize('NFKC') : character;
}

/** Handles one unit that is not simply kept; returns how many units it took. */
function special(raw: string, at: number, act: number, out: Collector, pass: Pass, marks: number): number {
  switch (act) {
    case DROP:
      return 1;
    case SPACE:
      out.wait(' ');
      return 1;
    case NEWLINE:
      out.wait('\n');
      return 1;
    case REPLACE:
      out.add(characterTables().replacement.get(raw.charCodeAt(at)) ?? raw.charAt(at));
      return 1;
    case MARK:
      pass.compose = true;
      if (marks < MOST_MARKS) out.add(raw.charAt(at));
      return 1;
    case SURROGATE: {
      const code = raw.codePointAt(at)!;
      if (code > 0xffff) {
        out.add(astral(code));
        return 2;
      }
      pass.unpaired = true;
      out.add('\uFFFD');
      return 1;
    }
    case AMPERSAND: {
      const entity = entityAt(raw, at);
      if (entity === null) break;
      if (entity.value.trim() === '') out.wait(' ');
      else out.add(entity.value);
      return entity.length;
    }
    case UNDERSCORE:
      ESCAPED_CONTROL.lastIndex = at;
      if (!ESCAPED_CONTROL.test(raw)) break;
      out.wait('\n');
      return 7;
    case COMPOSE:
      pass.compose = true;
      break;
    case TRADITIONAL:
      pass.traditional = true;
      break;
    case BROKEN:
      pass.broken = true;
      break;
  }
  out.add(raw.charAt(at));
  return 1;
}

function sweep(raw: string, limit: number, scripts: Uint32Array, pass: Pass): string {
  const { action, script } = characterTables();
  const out = new Collector();
  let kept = 0;
  let marks = 0;
  let at = 0;
  // One over the limit, so that the caller sees that there was more.
  while (at < raw.length && out.length + at - kept <= limit) {
    const code = raw.charCodeAt(at);
    const act = action[code]!;
    scripts[script[code]!]!++;
    // Nothing to do for these two but to note that the text holds them: they stay inside the run.
    if (act === TRADITIONAL) pass.traditional = true;
    else if (act !== KEEP) {
      if (at > kept) out.add(raw.slice(kept, at));
      at += special(raw, at, act, out, pass, marks);
      marks = act === MARK ? marks + 1 : 0;
      kept = at;
      continue;
    }
    marks = 0;
    at++;
  }
  if (at > kept) out.add(raw.slice(kept, at));
  return out.parts.join('');
}

/** Cuts between characters as people see them, never inside one: a rare character, an emoji of several, a letter with its mark. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const plain = standsAlone(text.charCodeAt(length - 1)) && standsAlone(text.charCodeAt(length));
  return text.slice(0, plain ? length : endOfWhole(text, length));
}

const GRAPHEMES = new Intl.Segmenter('zh', { granularity: 'grapheme' });
/** No character that people use is longer. */
const LONGEST_GRAPHEME = 64;

/** Nothing before it and nothing behind it belongs to it; nearly all text is such. */
function standsAlone(code: number): boolean {
  return (
    code < 0x300 ||
    (code >= 0x3000 && code < 0xa000 && !(code >= 0x302a && code < 0x3030) && code !== 0x3099 && code !== 0x309a)
  );
}

function endOfWhole(text: string, length: number): number {
  const from = Math.max(0, length - LONGEST_GRAPHEME);
  let end = from;
  for (const { index, segment } of GRAPHEMES.segment(text.slice(from, length + LONGEST_GRAPHEME))) {
    if (from + index + segment.length > length) break;
    end = from + index + segment.length;
  }
  // Marks piled up without end belong to nobody's writing.
  if (end > from) return end;
  const last = text.charCodeAt(length - 1);
  return last >= 0xd800 && last < 0xdc00 ? length - 1 : length;
}

/**
 * Clean text: simplified, half-width letters and digits, no control, bidirectional or invisible characters, white space
 * in single steps. Wording, capitals and Chinese punctuation stay. Linear; never throws.
 * @param limit Longest text in UTF-16 units; what is over is cut and noted as `text.too-long`.
 */
export function cleanText(raw: string, limit: number, format: 'text' | 'html' = 'text'): CleanText {
  const problems: string[] = [];
  const most = limit * 8;
  let source = cut(raw, most);
  let tooLong = raw.length > most;
  if (format === 'html' || (source.includes('<') && MARKUP.test(source))) source = htmlToText(source, limit * 2);
  const scripts = new Uint32Array(SCRIPTS);
  const pass: Pass = { compose: false, traditional: false, broken: false, unpaired: false };
  let text = sweep(source, limit, scripts, pass);
  if (pass.compose) text = text.normalize('NFC');
  if (text.length > limit) {
    tooLong = true;
    text = cut(text, limit);
  }
  // Japanese and Korean texts keep their characters.
  if (pass.traditional && scripts[KANA]! + scripts[HANGUL]! < scripts[HAN]!) {
    text = simplify(text);
    problems.push('text.traditional');
  }
  if (pass.broken) problems.push('text.broken-bytes');
  if (pass.unpaired) problems.push('text.unpaired-surrogate');
  if (tooLong) problems.push('text.too-long');
  return { text, scripts, problems };
}

/** The same in one line, without white space at its ends. */
export function cleanLine(raw: string, limit: number): string {
  return cleanText(raw, limit).text.replaceAll('\n', ' ').trim();
}
