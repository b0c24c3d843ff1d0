// Phones and ID numbers whose digits are written one by one or in words, as people write them so that no machine finds them.
import { canonicalIdNumber, MOBILE, nationalPhone } from './numbers.ts';
import type { PersonalSpan } from './ticket.ts';

/** How people write a digit where they do not want it to be found. */
export const DIGITS = ['0〇零○oO', '1一壹幺', '2二贰两', '3三叁', '4四肆', '5五伍', '6六陆', '7七柒', '8八捌', '9九玖'];
/** 1️⃣ is a digit and a sign around it. */
const KEYCAP = 0x20e3;
const CIRCLED_ONE = 0x2460;
const CIRCLED_ZERO = 0x24ea;
/** A longer run is a list of something. */
const MOST_UNITS = 24;

const values = new Map<number, string>();
for (const [value, signs] of DIGITS.entries()) {
  // A letter is read as a zero where a number is known, not where one is looked for.
  for (const sign of signs) if (!/[a-z]/i.test(sign)) values.set(sign.charCodeAt(0), String(value));
}
for (let value = 1; value <= 9; value++) values.set(CIRCLED_ONE + value - 1, String(value));
values.set(CIRCLED_ZERO, '0');

/** What a number may begin with that is no plain digit. */
export const SPELT_DIGITS: readonly number[] = [...values.keys()].filter(code => code > 0x7f);

interface Run {
  readonly digits: string;
  readonly end: number;
  /** Every digit has something between it and the next, or nothing has. */
  readonly even: boolean;
  /** Some digit is written otherwise than as one of ours. */
  readonly spelt: boolean;
}

function isBetween(code: number): boolean {
  return code === 0x20 || code === 0x2d || code === 0x2e || code === 0xb7 || code === 0x5f;
}

/** The digits from the one at `at` on, with at most one sign between two of them. */
function runAt(text: string, at: number): Run {
  let digits = '';
  let end = at;
  let spelt = false;
  let parted = 0;
  let next = at;
  while (digits.length <= MOST_UNITS) {
    const code = text.charCodeAt(next);
    const digit = values.get(code);
    if (digit === undefined) break;
    if (next > end) parted++;
    digits += digit;
    end = next + 1;
    spelt ||= code > 0x7f;
    if (text.charCodeAt(end) === KEYCAP) {
      spelt = true;
      end++;
    }
    next = isBetween(text.charCodeAt(end)) ? end + 1 : end;
  }
  return { digits, end, even: parted === 0 || parted === digits.length - 1, spelt: spelt || parted > 0 };
}

/**
 * The number that begins at a digit, one of words, or one in a circle.
 * @returns null when there is none; numbers of plain digits side by side are not looked for here
 */
export function speltNumberAt(text: string, at: number): PersonalSpan | null {
  // In the middle of a run no number begins.
  const before = text.charCodeAt(at - 1);
  if (before === KEYCAP || values.has(before)) return null;
  const { digits, end, even, spelt } = runAt(text, at);
  if (!spelt || !even) return null;
  if (MOBILE.test(digits) || (digits.startsWith('0') && nationalPhone(digits) !== null)) {
    return { kind: 'phone', start: at, end };
  }
  const last = digits.length === 17 && /[Xx]/.test(text.charAt(end)) ? 1 : 0;
  const isId = digits.length + last === 18 && canonicalIdNumber(digits + text.slice(end, end + last)) !== null;
  return isId ? { kind: 'id-number', start: at, end: end + last } : null;
}

/** Where the run of digits ends that begins at `at`: inside of it no number begins. */
export function endOfSpelt(text: string, at: number): number {
  let end = at;
  while (values.has(text.charCodeAt(end))) end++;
  return end;
}
