// Number formats of a workbook: which show a date, and which show a whole number with zeros or words about it, as numbers of files have.

/** How a style shows a number; `digits` 0 where it shows it as it is. */
export interface NumberFormat {
  readonly date: boolean;
  /** So many digits are shown at least, zeros in front: `000013`. */
  readonly digits: number;
  /** Words that stand before and behind them: `XF-000013`. */
  readonly before: string;
  readonly after: string;
}

const PLAIN = { date: false, digits: 0, before: '', after: '' } as const;
const LITERAL = String.raw`(?:"[^"]*"|\\.|[-()])*`;
/** Nothing but zeros between words that are quoted or escaped. */
const ZEROS = new RegExp(`^(${LITERAL})(0{2,30})(${LITERAL})$`);

/** @param code of a format of the file's own; undefined for a built-in one */
export function numberFormat(id: number, code: string | undefined): NumberFormat {
  if (isDateFormat(id, code)) return { ...PLAIN, date: true };
  const found = ZEROS.exec((code ?? '').split(';')[0]?.replace(/[_*]./g, '') ?? '');
  if (found === null) return PLAIN;
  const [, before = '', zeros = '', after = ''] = found;
  return { date: false, digits: zeros.length, before: literal(before), after: literal(after) };
}

const literal = (code: string): string =>
  code.replace(/"([^"]*)"|\\(.)/g, (_all, quoted, escaped) => quoted ?? escaped);

/** Built-in number formats that show a date or time, those of East Asian Excel included (ECMA-376 part 1, 18.8.30). */
function isBuiltInDate(id: number): boolean {
  return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);
}

/** Whether a number format shows a date: a letter of dates outside quotes, brackets and escapes. */
function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return isBuiltInDate(id);
  const bare = code
    .replace(/"[^"]*"?/g, '')
    .replace(/\\./g, '')
    .replace(/[_*]./g, '')
    .replace(/\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, '')
    .replace(/general/gi, '');
  return /[ymdhs年月日时分秒]/i.test(bare.split(';')[0] ?? '');
}
