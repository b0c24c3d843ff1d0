// Where a text says who somebody is: phones, e-mails, ID numbers, plates, bank cards and names, for masking.
import type { Hit } from './lexicon.ts';
import { findNames } from './names.ts';
import { canonicalIdNumber, type NumberSpan, numberAt } from './numbers.ts';
import type { Meaning, Rulebook } from './rulebook.ts';
import { endOfSpelt, SPELT_DIGITS, speltNumberAt } from './spelt-number.ts';
import type { PersonalSpan } from './ticket.ts';

const DIGIT = 1;
const AT = 2;
const PLATE = 3;
const LETTER = 4;
const SPELT = 5;
/** Beginnings of number plates. */
const PLATE_PROVINCES = '京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼';
/** More spans than this are no longer somebody's data but a list; the rest is found by whoever masks it. */
const MOST_SPANS = 500;

const kinds = new Uint8Array(65536);
for (let code = 48; code <= 57; code++) kinds[code] = DIGIT;
for (let code = 65; code <= 90; code++) kinds[code] = kinds[code + 32] = LETTER;
kinds[0x40] = AT;
for (const code of SPELT_DIGITS) kinds[code] = SPELT;
for (const character of PLATE_PROVINCES) kinds[character.charCodeAt(0)] = PLATE;

const LOCAL_PART = /[A-Za-z0-9._%+-]{1,64}$/;
const DOMAIN = /(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,24}/y;

function emailAt(text: string, at: number): PersonalSpan | null {
  const local = LOCAL_PART.exec(text.slice(Math.max(0, at - 64), at));
  if (local === null) return null;
  DOMAIN.lastIndex = at + 1;
  const domain = DOMAIN.exec(text);
  if (domain === null) return null;
  return { kind: 'email', start: at - local[0].length, end: at + 1 + domain[0].length };
}

/** Province, letter, then five or six letters and digits with a digit among them; `吉E·12345`, `吉E12345警`. */
const PLATE_REST = / ?[A-HJ-Za-hj-z][·. -]?(?=[A-Za-z]{0,5}\d)[A-HJ-NP-Za-hj-np-z0-9]{4,6}[挂学警港澳领使]?/y;

function plateAt(text: string, at: number): PersonalSpan | null {
  PLATE_REST.lastIndex = at + 1;
  const match = PLATE_REST.exec(text);
  if (match === null) return null;
  const end = at + 1 + match[0].length;
  const body = match[0].replace(/[·. -]/g, '');
  if (body.length < 6 || body.length > 7) return null;
  const after = kinds[text.charCodeAt(end)];
  return after === DIGIT || after === LETTER ? null : { kind: 'plate', start: at, end };
}

/** Behind letters only what its check digit proves, and phones (`tel13800138000`), are somebody's. */
function isPartNumber(text: string, { kind, start, value }: NumberSpan): boolean {
  if (kinds[text.charCodeAt(start - 1)] !== LETTER) return false;
  return kind !== 'phone' && !(kind === 'id-number' && value.length === 18 && canonicalIdNumber(value) !== null);
}

/** The phone, ID number or card that begins at a digit, else where to go on. */
function digitsAt(text: string, at: number): PersonalSpan | number {
  const found = numberAt(text, at);
  if (typeof found !== 'number' && !isPartNumber(text, found)) {
    const plus = text.charAt(found.start - 1) === '+' ? 1 : 0;
    return { kind: found.kind, start: found.start - plus, end: found.end };
  }
  return speltNumberAt(text, at) ?? (typeof found === 'number' ? found : found.end);
}

function spanAt(text: string, at: number, kind: number | undefined): PersonalSpan | number {
  if (kind === DIGIT) return digitsAt(text, at);
  if (kind === SPELT) return speltNumberAt(text, at) ?? endOfSpelt(text, at);
  return (kind === AT ? emailAt(text, at) : plateAt(text, at)) ?? at + 1;
}

function scan(text: string, spans: PersonalSpan[], most: number): void {
  for (let at = 0; at < text.length && spans.length < most; at++) {
    const kind = kinds[text.charCodeAt(at)];
    if (kind === 0 || kind === LETTER) continue;
    const found = spanAt(text, at, kind);
    if (typeof found === 'number') at = found - 1;
    else {
      spans.push(found);
      at = found.end - 1;
    }
  }
}

/** Sorted, and where two overlap the earlier and longer one: 13800138000@qq.com is an address. */
function tidy(spans: PersonalSpan[]): PersonalSpan[] {
  spans.sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: PersonalSpan[] = [];
  for (const span of spans) if (kept.length === 0 || span.start >= kept.at(-1)!.end) kept.push(span);
  return kept;
}

/**
 * Finds what says who somebody is. Linear; offsets are UTF-16 units of `text`.
 * @param hits Hits of the family `name` in the same text.
 */
export function findPersonal(
  text: string,
  hits: readonly Hit<Meaning>[],
  requesterName: string | null,
  rulebook: Rulebook,
): readonly PersonalSpan[] {
  const spans: PersonalSpan[] = [];
  scan(text, spans, MOST_SPANS);
  findNames(text, hits, requesterName, rulebook, { spans, most: MOST_SPANS });
  return tidy(spans);
}

/** Only what is told by its form: phones, e-mails, ID numbers, plates and bank cards, all of them. Linear. */
export function findNumbers(text: string): readonly PersonalSpan[] {
  const spans: PersonalSpan[] = [];
  scan(text, spans, Number.POSITIVE_INFINITY);
  return tidy(spans);
}
