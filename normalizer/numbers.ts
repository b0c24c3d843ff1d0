// Phones, ID numbers and bank cards among the digits of a text, told by form and check digit; each digit is read once.

export interface NumberSpan {
  readonly kind: 'phone' | 'id-number' | 'bank-card';
  readonly start: number;
  readonly end: number;
  /** Digits only (an `X` at the end of an ID number, a `+` before a foreign phone). */
  readonly value: string;
}

interface Group {
  readonly start: number;
  readonly end: number;
  readonly digits: string;
}

/** A run longer than this is no number anybody calls or is called by. */
const LONGEST_RUN = 30;
const MOST_GROUPS = 6;
const FEWEST_DIGITS = 7;
const MOST_DIGITS = 19;
const ID_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const MOBILE = /^1[3-9]\d{9}$/;
/** Area codes: 010, 02x, and three digits after the zero. */
const LANDLINE = /^0(?:10|2\d|[3-9]\d{2})[2-8]\d{6,7}$/;

function validDate(yyyymmdd: string): boolean {
  const year = Number(yyyymmdd.slice(0, 4));
  const month = Number(yyyymmdd.slice(4, 6));
  const day = Number(yyyymmdd.slice(6, 8));
  return year >= 1880 && year <= 2100 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/** The check character of the first 17 digits (GB 11643). */
function idCheck(seventeen: string): string {
  let sum = 0;
  for (let i = 0; i < 17; i++) sum += Number(seventeen[i]) * ID_WEIGHTS[i]!;
  return '10X98765432'[sum % 11]!;
}

/** 居民身份证 in its 18-character form with a right check digit (15-digit ones are lengthened), or null. */
export function canonicalIdNumber(written: string): string | null {
  const id = written.replace(/[\s-]/g, '').toUpperCase();
  if (/^[1-9]\d{16}[\dX]$/.test(id)) {
    return validDate(id.slice(6, 14)) && idCheck(id) === id[17] ? id : null;
  }
  if (!/^[1-9]\d{14}$/.test(id) || !validDate(`19${id.slice(6, 12)}`)) return null;
  const seventeen = `${id.slice(0, 6)}19${id.slice(6)}`;
  return seventeen + idCheck(seventeen);
}

/** Luhn's check of a card number. */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    if (i % 2 === 1) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 === 0;
}

/** Digits of a Chinese phone without country code (`13800138000`, `04353212345`), or null. */
export function nationalPhone(digits: string): string | null {
  const local = digits.replace(/^(?:00)?86(?=[01])/, '');
  if (MOBILE.test(local) || LANDLINE.test(local)) return local;
  // The zero of the area code is left out behind a country code.
  if (local === digits && /^(?:00)?86[2-9]/.test(digits)) {
    const withZero = `0${digits.replace(/^(?:00)?86/, '')}`;
    if (LANDLINE.test(withZero)) return withZero;
  }
  return null;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isSeparator(text: string, at: number, groups: readonly Group[]): boolean {
  const code = text.charCodeAt(at);
  if (code === 0x20 || code === 0x2d) return true;
  // `(0435)3212345`
  return (code === 0x29 || code === 0xff09) && groups.length === 1 && groups[0]!.digits.startsWith('0');
}

/** Groups of digits with single separators between them, from the digit at `at`. */
function readGroups(text: string, at: number): Group[] {
  const groups: Group[] = [];
  let from = at;
  while (groups.length < MOST_GROUPS) {
    let end = from;
    while (end < text.length && isDigit(text.charCodeAt(end))) end++;
    if (end - from > LONGEST_RUN) {
      if (groups.length === 0) groups.push({ start: from, end, digits: '' });
      break;
    }
    groups.push({ start: from, end, digits: text.slice(from, end) });
    if (!isSeparator(text, end, groups) || !isDigit(text.charCodeAt(end + 1))) break;
    from = end + 1;
  }
  return groups;
}

function kindOf(digits: string, lengths: string): NumberSpan['kind'] | null {
  const whole = !lengths.includes(',');
  if ((whole || lengths === '6,8,4') && (digits.length === 18 || digits.length === 15) && canonicalIdNumber(digits)) {
    return 'id-number';
  }
  if (whole && nationalPhone(digits) !== null) return 'phone';
  if (/^(?:(?:2|4),)?(?:11|3,4,4|3,8|[34],[78]|4,3,4)$/.test(lengths) && nationalPhone(digits) !== null) return 'phone';
  const card = whole ? digits.length >= 16 && digits.length <= 19 : /^4,4,4,4(?:,[123])?$/.test(lengths);
  return card && /^[3-69]/.test(digits) && passesLuhn(digits) ? 'bank-card' : null;
}

/** What the first groups make together; the longest reading wins. */
function match(text: string, groups: readonly Group[]): NumberSpan | null {
  const start = groups[0]!.start;
  let found: NumberSpan | null = null;
  let digits = '';
  let lengths = '';
  for (const group of groups) {
    digits += group.digits;
    lengths += lengths === '' ? `${group.digits.length}` : `,${group.digits.length}`;
    if (digits.length < FEWEST_DIGITS) continue;
    if (digits.length > MOST_DIGITS) break;
    const next = text.charCodeAt(group.end) | 32;
    if (next === 0x78 && digits.length === 17 && canonicalIdNumber(`${digits}X`) !== null) {
      found = { kind: 'id-number', start, end: group.end + 1, value: `${digits}X` };
      continue;
    }
    const kind = kindOf(digits, lengths);
    if (kind !== null) found = { kind, start, end: group.end, value: digits };
  }
  return found;
}

/** Words before a short local number. */
const LOCAL_BEFORE = /(?:电话|座机|手机|联系方式|号码|tel)(?:号码|号|是|为)?[:： ]?$/i;

function localPhone(text: string, group: Group): NumberSpan | null {
  if (group.digits.length < 7 || group.digits.length > 8 || !/^[2-8]/.test(group.digits)) return null;
  if (!LOCAL_BEFORE.test(text.slice(Math.max(0, group.start - 8), group.start))) return null;
  return { kind: 'phone', start: group.start, end: group.end, value: group.digits };
}

/** Words before an ID number. */
const ID_BEFORE = /(?:身份证|证件|证号)(?:号码|号)?(?:是|为)?[:： ]?$/;

/** Whoever calls it an ID number and makes a slip in it is known by the rest. */
function claimedId(text: string, { start, end, digits }: Group): NumberSpan | null {
  if (digits.length < 15 || digits.length > 18 || !ID_BEFORE.test(text.slice(Math.max(0, start - 9), start)))
    return null;
  const x = digits.length < 18 && (text.charCodeAt(end) | 32) === 0x78 ? 'X' : '';
  return { kind: 'id-number', start, end: end + x.length, value: digits + x };
}

/**
 * The number that begins at a digit, if it is one.
 * @returns the span, or where to go on when there is none.
 */
export function numberAt(text: string, at: number): NumberSpan | number {
  const groups = readGroups(text, at);
  const first = groups[0]!;
  if (first.digits === '') return first.end;
  const found = match(text, groups) ?? localPhone(text, first) ?? claimedId(text, first);
  if (found === null) return first.end;
  // Digits glued to letters or more digits are part numbers, not phones.
  const after = text.charCodeAt(found.end);
  const glued = isDigit(after) || (after >= 65 && after <= 90) || (after >= 97 && after <= 122);
  return glued ? first.end : found;
}
