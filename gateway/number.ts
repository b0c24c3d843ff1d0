// Numbers and query codes: what a requester holds in hand.
import { randomFillSync } from 'node:crypto';

/** Crockford's base 32: no I, L, O, U. */
const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BASE36 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const CONFUSABLE = new Set(['I', 'L', 'O', 'U']);
const RANDOM_LENGTH = 10;
const QUERY_CODE_LENGTH = 16;
/** China has had no daylight saving since 1991; the day of a number is Shanghai's. */
const SHANGHAI_MS = 8 * 3_600_000;
const DAY_MS = 86_400_000;

const pool = Buffer.alloc(RANDOM_LENGTH * 512);
let poolAt = pool.length;

/** Ten random characters; one byte each, its low five bits uniform over the alphabet. */
function randomPart(): string {
  if (poolAt >= pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  let part = '';
  for (let i = 0; i < RANDOM_LENGTH; i++) part += BASE32[(pool[poolAt + i] as number) & 31];
  pool.fill(0, poolAt, poolAt + RANDOM_LENGTH);
  poolAt += RANDOM_LENGTH;
  return part;
}

/** Check character of ISO 7064 MOD 37,36 over digits and capital letters. */
export function checkCharacter(payload: string): string {
  let product = 36;
  for (const character of payload) {
    const sum = (product + BASE36.indexOf(character)) % 36 || 36;
    product = (sum * 2) % 37;
  }
  return BASE36[(37 - product) % 36] as string;
}

let cachedDay = -1;
let cachedPrefix = '';

/** `yyMMdd` of the Shanghai day. */
function dayPrefix(now: number): string {
  const day = Math.floor((now + SHANGHAI_MS) / DAY_MS);
  if (day !== cachedDay) {
    cachedDay = day;
    cachedPrefix = new Date(day * DAY_MS).toISOString().slice(2, 10).replaceAll('-', '');
  }
  return cachedPrefix;
}

/**
 * A new number: Shanghai day `yyMMdd`, ten random characters, one check character. The random part is drawn again while
 * the check character would be one that people misread.
 * @param now milliseconds since the epoch
 */
export function newNumber(now: number): string {
  const prefix = dayPrefix(now);
  for (;;) {
    const payload = prefix + randomPart();
    const check = checkCharacter(payload);
    if (!CONFUSABLE.has(check)) return payload + check;
  }
}

/** Folds what a person typed (case, spaces, hyphens, I L O) into a number; null when its check character is wrong. */
export function foldNumber(typed: string): string | null {
  const folded = typed.toUpperCase().replace(/[\s-]/g, '').replace(/[IL]/g, '1').replace(/O/g, '0');
  if (!/^\d{6}[0-9A-HJKMNP-TV-Z]{11}$/.test(folded)) return null;
  return checkCharacter(folded.slice(0, -1)) === folded.at(-1) ? folded : null;
}

/** 查询码: the second proof, made from the number under the `query` key, so that it is the same whenever it is asked for. */
export function queryCode(macOfNumber: Uint8Array): string {
  let code = '';
  for (let i = 0; i < QUERY_CODE_LENGTH; i++) code += BASE32[(macOfNumber[i] as number) & 31];
  return code;
}
