// A number of somebody's, however it is written: in groups, with anything short between them, in Chinese digits, in either case.
// By hand: an expression made for each number takes its engine a tenth of a second, in the thread that answers senders.

/** How people write a digit where they do not want it to be found. */
export const DIGITS = ['0〇零○oO', '1一壹幺', '2二贰两', '3三叁', '4四肆', '5五伍', '6六陆', '7七柒', '8八捌', '9九玖'];
/** Signs between two of a number's that do not part it. */
const BETWEEN = 2;
const WORD = /[\p{L}\p{N}]/u;

/** @param units digits and letters of the number, in order */
export function hideSpelt(text: string, units: readonly string[], mark: string): string {
  const signs = [...text];
  const hidden: string[] = [];
  for (let at = 0; at < signs.length; ) {
    const end = endOf(signs, at, units);
    hidden.push(end === null ? (signs[at] as string) : mark);
    at = end ?? at + 1;
  }
  return hidden.join('');
}

/**
 * Behind the number that begins here; null where none does. A circle may be a zero or stand between two digits: both are tried, and what
 * hides more first.
 * @param passed signs that stand behind the digit before; none may stand before the first
 */
function endOf(
  signs: readonly string[],
  at: number,
  units: readonly string[],
  unit = 0,
  passed = BETWEEN,
): number | null {
  if (unit === units.length) return at;
  const sign = signs[at];
  if (sign === undefined) return null;
  if (passed < BETWEEN && !WORD.test(sign)) {
    const end = endOf(signs, at + 1, units, unit, passed + 1);
    if (end !== null) return end;
  }
  return isUnit(sign, units[unit] as string) ? endOf(signs, at + 1, units, unit + 1, 0) : null;
}

function isUnit(sign: string, unit: string): boolean {
  const digit = DIGITS[Number(unit)];
  if (digit !== undefined) return digit.includes(sign);
  return sign.toLowerCase() === unit.toLowerCase() || sign.toUpperCase() === unit.toUpperCase();
}
