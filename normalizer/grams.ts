// Pairs of neighbouring characters of an appeal's text, without greetings and without anything that says who somebody is.
import type { PersonalSpan } from './ticket.ts';

/** Grams of one text. Hashes are unkeyed: they never leave the process, `selectTerms` keys them. */
export interface Grams {
  /** 32-bit hashes of pairs of units (a Han character, a number, a Latin word), each once, in order of appearance.
   *  Pairs alone: three characters in a row add little and crowd out what else forty terms could hold. */
  readonly hashes: Uint32Array;
  /** How often the gram at the same place occurs, up to 127; one in the title counts three times, in the lead twice.
   *  The highest bit (`IN_TITLE`) is set where the title has it. */
  readonly counts: Uint8Array;
  /** Hashes of three units in a row within the title, or within the beginning of an appeal that has none, in order: names
   *  and set turns that two titles share. */
  readonly titleRuns: readonly number[];
  /** Hash of all units in order: equal for texts that differ only in spaces, punctuation and masked identity. */
  readonly textHash: number;
  /** Number of Han characters, letters and digits. */
  readonly length: number;
}

/** What says nothing about the matter, made once from config/rules/repeats.yaml by `gramRules`. */
export interface GramRules {
  /** 1 for each UTF-16 code unit that only holds sentences together (的, 了): no gram has one. */
  readonly idle: Uint8Array;
  /** Grams of greetings and set phrases, in an open table; 0: free, which no gram is. */
  readonly stop: Uint32Array;
}

export interface GramOptions {
  /** Where the content begins in the text; before it stands the title. Offsets of personal spans are counted from
   *  here. Default 0: no title. */
  readonly contentStart?: number;
  /** What to leave out. */
  readonly rules?: GramRules;
}

/** The bit of `Grams.counts` that says that the title has the gram, and those that count. */
export const IN_TITLE = 0x80;
export const COUNT_MASK = 0x7f;

interface Mask {
  readonly start: number;
  readonly end: number;
}

/** Longer texts are compared by their first part, so that the cost of one message is bounded. */
const LONGEST = 32_768;
const SMALL_SLOTS = 4_096;
const LARGE_SLOTS = 131_072;
const SMALL_UNITS = 2_800;
/** The first code units of the content say what it is about. */
const LEAD = 100;
/** So many stand for a title where there is none. */
const UNTITLED_HEAD = 30;
const MOST_RUNS = 48;

const BREAK = 0;
const LETTER = 1;
const RUN = 2;
const SKIP = 3;
/** A letter that may stand for a figure. */
const NUMERAL = 4;

const NUMERALS = '一二三四五六七八九';
/** Behind a numeral: it tells which one. */
const COUNTED = '号期栋幢楼线区单组';

/** Above every UTF-16 code unit: codes of runs never meet those of single characters. */
const RUN_FLAG = 0x8000_0000;

const KINDS = kindsOfCodeUnits();

// One set of buffers a thread: a text is taken through them from start to end without waiting in between.
const codes = new Uint32Array(LONGEST + 2);
const starts = new Uint16Array(LONGEST + 2);
const ends = new Uint16Array(LONGEST + 2);
const hashes = new Uint32Array(LONGEST + 2);
const counts = new Uint8Array(LONGEST + 2);
const small = tableOf(SMALL_SLOTS);
let large: GramTable | null = null;

interface GramTable {
  readonly mask: number;
  readonly keys: Uint32Array;
  readonly counts: Uint8Array;
  /** Round in which a slot was last used; older ones count as free, so nothing has to be wiped between texts. */
  readonly rounds: Uint32Array;
  readonly order: Uint32Array;
  round: number;
  size: number;
}

/** Rules from their words: characters and phrases to leave out. */
export function gramRules(idleCharacters: string, phrases: readonly string[]): GramRules {
  const idle = new Uint8Array(65_536);
  for (let at = 0; at < idleCharacters.length; at++) idle[idleCharacters.charCodeAt(at)] = 1;
  return { idle, stop: openTable(gramsOfPhrases(phrases)) };
}

function openTable(hashes: ReadonlySet<number>): Uint32Array {
  let slots = 64;
  while (slots < hashes.size * 4) slots *= 2;
  const table = new Uint32Array(slots);
  for (const hash of hashes) {
    let slot = hash & (slots - 1);
    while (table[slot] !== 0) slot = (slot + 1) & (slots - 1);
    table[slot] = hash;
  }
  return table;
}

function isIn(table: Uint32Array, hash: number): boolean {
  const mask = table.length - 1;
  let slot = hash & mask;
  while (table[slot] !== 0) {
    if (table[slot] === hash) return true;
    slot = (slot + 1) & mask;
  }
  return false;
}

/** All grams of phrases; several may stand in one line, parted by spaces. */
export function gramsOfPhrases(phrases: readonly string[]): ReadonlySet<number> {
  const all = new Set<number>();
  for (const phrase of phrases.flatMap(line => line.split(/\s+/))) {
    for (const hash of gramsOf(phrase, [], null).hashes) all.add(hash);
  }
  return all;
}

/** Grams of `title\ncontent`. `maskName` is the requester's own name; phones, ID numbers, plates, cards and e-mails are
 *  left out by their spans, and in the title by their looks. */
export function gramsOf(
  text: string,
  personal: readonly PersonalSpan[],
  maskName: string | null,
  options: GramOptions = {},
): Grams {
  const contentStart = options.contentStart ?? 0;
  const idle = options.rules?.idle ?? NOTHING_IDLE;
  const units = scan(text, masksOf(text, personal, maskName, contentStart));
  const table = units > SMALL_UNITS ? largeTable() : small;
  table.round += 1;
  table.size = 0;
  const headEnd = contentStart > 1 ? contentStart : contentStart + UNTITLED_HEAD;
  const titleRuns: number[] = [];
  let textHash = 0;
  let length = 0;
  let before = BREAK;
  let earlier = BREAK;
  for (let at = 1; at < units; at++) {
    const code = codes[at]!;
    if (code === BREAK) {
      before = BREAK;
      continue;
    }
    length += ends[at]! - starts[at]!;
    textHash = joined(textHash, code);
    if (code < 65_536 && idle[code] === 1) {
      before = BREAK;
      continue;
    }
    const start = starts[at]!;
    if (before !== BREAK) {
      if (start < contentStart) count(table, joined(before, code), 3, IN_TITLE);
      else count(table, joined(before, code), start < contentStart + LEAD ? 2 : 1, 0);
      if (start < headEnd && earlier !== BREAK && titleRuns.length < MOST_RUNS)
        titleRuns.push(joined(joined(earlier, before), code));
    }
    earlier = before;
    before = code;
  }
  return { ...taken(table, options.rules?.stop ?? NO_STOPS), titleRuns, textHash, length };
}

/** The strings behind wanted gram hashes, in the text's order; grams that overlap come as one phrase. */
export function gramTexts(
  text: string,
  personal: readonly PersonalSpan[],
  maskName: string | null,
  wanted: ReadonlySet<number>,
  options: GramOptions = {},
): string[] {
  const units = scan(text, masksOf(text, personal, maskName, options.contentStart ?? 0));
  const phrases = new Set<string>();
  let from = -1;
  let last = -1;
  for (let at = 2; at < units; at++) {
    if (codes[at] === BREAK || codes[at - 1] === BREAK || !wanted.has(joined(codes[at - 1]!, codes[at]!))) continue;
    if (last !== at - 1) {
      if (from >= 0) phrases.add(phrase(text, from, last));
      from = at - 1;
    }
    last = at;
  }
  if (from >= 0) phrases.add(phrase(text, from, last));
  return [...phrases];
}

function phrase(text: string, firstUnit: number, lastUnit: number): string {
  return text.slice(starts[firstUnit]!, ends[lastUnit]!).replace(/\s+/g, '');
}

/** The gram of two Han characters, as `gramsOf` makes it. */
export function pairHash(pair: string): number {
  return joined(pair.charCodeAt(0), pair.charCodeAt(1));
}

const NOTHING_IDLE = new Uint8Array(65_536);
const NO_STOPS = new Uint32Array(1);

/** Writes the text's units into the buffers: a Han character is one, a run of letters and digits is one. */
function scan(text: string, masks: readonly Mask[]): number {
  const length = Math.min(text.length, LONGEST);
  let units = 0;
  let next = 0;
  let at = 0;
  codes[units++] = BREAK;
  while (at < length) {
    if (next < masks.length && at >= masks[next]!.start) {
      at = Math.max(at, masks[next]!.end);
      next += 1;
      if (codes[units - 1] !== BREAK) codes[units++] = BREAK;
      continue;
    }
    const unit = text.charCodeAt(at);
    const kind = KINDS[unit];
    if (kind === LETTER || kind === NUMERAL) {
      starts[units] = at;
      ends[units] = ++at;
      codes[units++] = kind === NUMERAL && COUNTED.includes(text.charAt(at)) ? numeralCode(unit) : unit;
    } else if (kind === RUN) {
      const end = runEnd(text, at, next < masks.length ? Math.min(length, masks[next]!.start) : length);
      const identifies = saysWho(text, at, end);
      starts[units] = at;
      ends[units] = end;
      if (!identifies) codes[units++] = runCode(text, at, end);
      else if (codes[units - 1] !== BREAK) codes[units++] = BREAK;
      at = end;
    } else {
      if (kind === BREAK && codes[units - 1] !== BREAK) codes[units++] = BREAK;
      at += 1;
    }
  }
  return units;
}

/** `一号线` is `1号线` and `三期` is `3期`: what is counted so is the same, by whatever it is written. */
function numeralCode(unit: number): number {
  return runCode(String(NUMERALS.indexOf(String.fromCharCode(unit)) + 1), 0, 1);
}

function runEnd(text: string, start: number, limit: number): number {
  let end = start + 1;
  while (end < limit && KINDS[text.charCodeAt(end)] === RUN) end += 1;
  return end;
}

function runCode(text: string, start: number, end: number): number {
  let code = 0x9dc5;
  for (let at = start; at < end; at++) {
    const unit = text.charCodeAt(at);
    code = Math.imul(code ^ (unit >= 65 && unit <= 90 ? unit + 32 : unit), 0x0100_0193);
  }
  return (code | RUN_FLAG) >>> 0;
}

/** Long numbers (phone, card, ID) and number plates, which no span may have covered. */
function saysWho(text: string, start: number, end: number): boolean {
  const length = end - start;
  if (length < 5) return false;
  let digits = 0;
  for (let at = start; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 48 && unit <= 57) digits += 1;
  }
  if (digits >= 7) return true;
  return (
    digits >= 3 && (length === 6 || length === 7) && PLATE_HEAD.test(text.slice(Math.max(0, start - 1), start + 1))
  );
}

const PLATE_HEAD = /^[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Za-z]$/;

function masksOf(
  text: string,
  personal: readonly PersonalSpan[],
  maskName: string | null,
  contentStart: number,
): readonly Mask[] {
  const named = maskName !== null && maskName.length >= 2 && text.includes(maskName) ? maskName : null;
  const mails = text.includes('@');
  if (personal.length === 0 && named === null && !mails) return NO_MASKS;
  const masks: Mask[] = personal.map(span => ({ start: span.start + contentStart, end: span.end + contentStart }));
  if (named !== null) {
    for (let at = text.indexOf(named); at >= 0; at = text.indexOf(named, at + named.length)) {
      masks.push({ start: at, end: at + named.length });
    }
  }
  if (mails)
    for (const { index, 0: mail } of text.matchAll(MAIL)) masks.push({ start: index, end: index + mail.length });
  return masks.sort((a, b) => a.start - b.start);
}

const MAIL = /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g;
const NO_MASKS: readonly Mask[] = [];

function joined(left: number, right: number): number {
  let hash = Math.imul(left ^ (right + 0x9e37_79b9), 0x85eb_ca6b);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0xc2b2_ae35);
  hash = (hash ^ (hash >>> 13) ^ (right << 7)) >>> 0;
  return hash === 0 ? 1 : hash;
}

function count(table: GramTable, hash: number, times: number, title: number): void {
  let slot = hash & table.mask;
  while (table.rounds[slot] === table.round) {
    if (table.keys[slot] === hash) {
      const known = table.counts[slot]!;
      table.counts[slot] = Math.min(COUNT_MASK, (known & COUNT_MASK) + times) | (known & IN_TITLE) | title;
      return;
    }
    slot = (slot + 1) & table.mask;
  }
  table.rounds[slot] = table.round;
  table.keys[slot] = hash;
  table.counts[slot] = times | title;
  table.order[table.size++] = slot;
}

function taken(table: GramTable, stop: Uint32Array): Pick<Grams, 'hashes' | 'counts'> {
  let size = 0;
  for (let at = 0; at < table.size; at++) {
    const slot = table.order[at]!;
    const hash = table.keys[slot]!;
    if (isIn(stop, hash)) continue;
    hashes[size] = hash;
    counts[size++] = table.counts[slot]!;
  }
  return { hashes: hashes.slice(0, size), counts: counts.slice(0, size) };
}

function tableOf(slots: number): GramTable {
  return {
    mask: slots - 1,
    keys: new Uint32Array(slots),
    counts: new Uint8Array(slots),
    rounds: new Uint32Array(slots),
    order: new Uint32Array(slots),
    round: 0,
    size: 0,
  };
}

function largeTable(): GramTable {
  large ??= tableOf(LARGE_SLOTS);
  return large;
}

function kindsOfCodeUnits(): Uint8Array {
  const kinds = new Uint8Array(65_536);
  const fill = (kind: number, ...ranges: readonly (readonly [number, number])[]): void => {
    for (const [first, last] of ranges) kinds.fill(kind, first, last + 1);
  };
  // Latin, Greek and Cyrillic letters and digits make runs; scripts without spaces are taken character by character.
  fill(RUN, [0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a], [0xc0, 0x24f], [0x370, 0x52f]);
  fill(LETTER, [0x3005, 0x3007], [0x3040, 0x30ff], [0x3400, 0x9fff], [0xac00, 0xd7a3], [0xf900, 0xfaff]);
  // Surrogates of the rarer Han planes count as characters, those of emoji (D83C to D83E) part what they stand between.
  fill(LETTER, [0xd840, 0xd88f], [0xdc00, 0xdfff]);
  for (let at = 0; at < NUMERALS.length; at++) kinds[NUMERALS.charCodeAt(at)] = NUMERAL;
  fill(SKIP, [0x20, 0x20], [0x09, 0x09], [0xa0, 0xa0], [0x200b, 0x200f], [0xfe00, 0xfe0f], [0xfeff, 0xfeff]);
  return kinds;
}
