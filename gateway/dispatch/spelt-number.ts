// A number of somebody's, however it is written: in groups, with anything short between them, in Chinese digits, in either case.
// By hand: an expression made for each number takes its engine a tenth of a second, in the thread that answers senders.
import { DIGITS } from '../../normalizer/spelt-number.ts';

/** Signs between two of a number's that do not part it. */
const BETWEEN = 2;
const WORD = /[\p{L}\p{N}]/u;

/** @param units digits and letters of the number, in order */
export function hideSpelt(text: string, units: readonly string[], mark: string): string {
  const signs = [...text];
  const search: Search = { signs, units, failed: new Set() };
  const hidden: string[] = [];
  for (let at = 0; at < signs.length; ) {
    const end = endOf(search, at, 0, BETWEEN);
    hidden.push(end === null ? (signs[at] as string) : mark);
    at = end ?? at + 1;
  }
  return hidden.join('');
}

interface Search {
  readonly signs: readonly string[];
  readonly units: readonly string[];
  /** Where the rest of the number does not follow: of many circles each could be one or the other, in more ways than can be tried. */
  readonly failed: Set<number>;
}

/**
 * Behind the number of which this many units have come; null where the rest does not follow. A circle may be a zero or stand between two
 * digits: both are tried, and what hides more first.
 * @param passed signs that stand behind the digit before; none may stand before the first
 */
function endOf(search: Search, at: number, unit: number, passed: number): number | null {
  const { signs, units, failed } = search;
  if (unit === units.length) return at;
  const sign = signs[at];
  if (sign === undefined) return null;
  if (unit === 0) return isUnit(sign, units[0] as string) ? endOf(search, at + 1, 1, 0) : null;
  const place = (at * units.length + unit) * (BETWEEN + 1) + passed;
  if (failed.has(place)) return null;
  const between = passed < BETWEEN && !WORD.test(sign) ? endOf(search, at + 1, unit, passed + 1) : null;
  const end = between ?? (isUnit(sign, units[unit] as string) ? endOf(search, at + 1, unit + 1, 0) : null);
  if (end === null) failed.add(place);
  return end;
}

function isUnit(sign: string, unit: string): boolean {
  const digit = DIGITS[Number(unit)];
  if (digit !== undefined) return digit.includes(sign);
  return sign.toLowerCase() === unit.toLowerCase() || sign.toUpperCase() === unit.toUpperCase();
}
