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
export const MOBILE = /^1[3-9]\d{9}$/;
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
  // Whoever dials a mobile of another city from a landline puts a zero before it, and exchanges show it so.
  if (/^01[3-9]\d{9}$/.test(local)) return local.slice(1);
  // The zero of the area code is left out behind a country code.
  if (/^(?:00)?86[1-9]/.test(digits)) {
    const withZero = `0${digits.replace(/^(?:00)?86/, '')}`;
    if (LANDLINE.test(withZero)) return withZero;
  }
  return null;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Between the groups of a number: a blank, a hyphen or dash, a dot, with blanks about it or none. */
const SEPARATOR = /(?: ?[-._·\u2010-\u2015\u2212] ?| |[)）] ?-?)(?=\d)/y;

/** How many characters stand between this group and the next; 0 where no other follows. */
function separatorLength(text: string, at: number, groups: readonly Group[]): number {
  SEPARATOR.lastIndex = at;
  const between = SEPARATOR.exec(text)?.[0] ?? '';
  // `(0435)3212345`, and no other bracket
  const bracket = /^[)）]/.test(between);
  return bracket && !(groups.length === 1 && groups[0]!.digits.startsWith('0')) ? 0 : between.length;
}

/** Groups of digits with a separator between each two, from the digit at `at`. */
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
    const between = separatorLength(text, end, groups);
    if (between === 0) break;
    from = end + between;
  }
  return groups;
}

/** Groups of phones as people part them, a country code before them or none. */
const PHONE_GROUPS = /^(?:(?:2|4),)?(?:1[12]|3,4,4|[34],[78]|4,3,4|4,4,3|3,3,5|5,6|6,5|7,4)$/;
/** Of those the ones that no number with a decimal point has. */
const DOTTED_GROUPS = /^(?:(?:2|4),)?(?:3,4,4|4,3,4|4,4,3|3,3,5)$/;
const CARD_GROUPS = /^(?:4,4,4,4(?:,[123])?|8,8|6,10|6,13)$/;

function isPhone(digits: string, lengths: string, dotted: boolean): boolean {
  // 139.12345678 is a longitude; no number begins with two zeros or more before its point.
  if (dotted && !DOTTED_GROUPS.test(lengths) && !/^0[1-9]/.test(digits)) return false;
  return (!lengths.includes(',') || PHONE_GROUPS.test(lengths)) && nationalPhone(digits) !== null;
}

function kindOf(digits: string, lengths: string, dotted: boolean): NumberSpan['kind'] | null {
  const whole = !lengths.includes(',');
  if ((whole || lengths === '6,8,4') && (digits.length === 18 || digits.length === 15) && canonicalIdNumber(digits)) {
    return 'id-number';
  }
  if (isPhone(digits, lengths, dotted)) return 'phone';
  const card = whole ? digits.length >= 16 && digits.length <= 19 : CARD_GROUPS.test(lengths);
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
    const kind = kindOf(digits, lengths, text.slice(start, group.end).includes('.'));
    if (kind !== null) found = { kind, start, end: group.end, value: digits };
  }
  return found;
}

/** Words before a short local number, and others of the kind that stand between. */
const LOCAL_BEFORE =
  /(?:电话|座机|手机|联系方式|号码|tel)(?:号码|号)?(?:是|为)?[:： (（]{0,3}(?:(?:0\d{2,3}[-—]?)?[2-8]\d{6,7}[、/,，;；或和 ]{1,2}){0,3}$/i;
const LOCAL_BEFORE_LENGTH = 60;

function localPhone(text: string, group: Group): NumberSpan | null {
  if (group.digits.length < 7 || group.digits.length > 8 || !/^[2-8]/.test(group.digits)) return null;
  if (!LOCAL_BEFORE.test(text.slice(Math.max(0, group.start - LOCAL_BEFORE_LENGTH), group.start))) return null;
  return { kind: 'phone', start: group.start, end: group.end, value: group.digits };
}

/** Words before an ID number. */
const ID_BEFORE = /(?:身份证|证件|证号)(?:号码|号)?(?:是|为)?[:： (（]{0,3}$/;
const ID_BEFORE_LENGTH = 12;

/** Whoever calls it an ID number and makes a slip in it is known by the rest. */
function claimedId(text: string, { start, end, digits }: Group): NumberSpan | null {
  if (digits.length < 15 || digits.length > 18) return null;
  if (!ID_BEFORE.test(text.slice(Math.max(0, start - ID_BEFORE_LENGTH), start))) return null;
  const x = digits.length < 18 && (text.charCodeAt(end) | 32) === 0x78 ? 'X' : '';
  return { kind: 'id-number', start, end: end + x.length, value: digits + x };
}

/** Words before the number of another document. */
const DOCUMENT_BEFORE =
  /(?:护照|通行证|军官证|士兵证|警官证|居住证|台胞证|回乡证|社保卡|医保卡|驾驶证)(?:号码|号|编号)?(?:是|为)?[:： (（]{0,3}([A-Za-z]{0,2})$/;
const DOCUMENT_BEFORE_LENGTH = 14;

/** 护照E12345678: a document without a check digit is one only where it is called so. */
function claimedDocument(text: string, { start, end, digits }: Group): NumberSpan | null {
  if (digits.length < 6 || digits.length > 14) return null;
  const letters = DOCUMENT_BEFORE.exec(text.slice(Math.max(0, start - DOCUMENT_BEFORE_LENGTH), start))?.[1];
  if (letters === undefined) return null;
  return { kind: 'id-number', start: start - letters.length, end, value: letters + digits };
}

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}

/** Digits with letters behind them are part numbers; of a phone, with letters on both sides. A right ID number is one wherever it stands. */
function isGlued(text: string, { kind, start, end, value }: NumberSpan): boolean {
  if (kind === 'id-number' && value.length === 18 && canonicalIdNumber(value) !== null) return false;
  if (!isLetter(text.charCodeAt(end))) return false;
  return kind !== 'phone' || isLetter(text.charCodeAt(start - 1));
}

/**
 * The number that begins at a digit, if it is one.
 * @returns the span, or where to go on when there is none.
 */
export function numberAt(text: string, at: number): NumberSpan | number {
  const groups = readGroups(text, at);
  const first = groups[0]!;
  if (first.digits === '') return first.end;
  const found =
    match(text, groups) ?? localPhone(text, first) ?? claimedId(text, first) ?? claimedDocument(text, first);
  return found === null || isGlued(text, found) ? first.end : found;
}
