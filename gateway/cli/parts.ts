// Pieces that several commands share: numbers as people type them, pages of lists, columns.
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { foldNumber } from '../number.ts';
import type { Arguments, Column, Option, Row } from './command.ts';

/** The number of a required argument; forgives case, spaces, hyphens and the letters people misread. */
export function numberOf(args: Arguments, name = 'number'): string {
  return numberFrom(String(args[name] ?? ''));
}

export function numberFrom(typed: string): string {
  const number = foldNumber(typed);
  if (number === null) throw new DeskError('cli.bad_number', { typed });
  return number;
}

export function textOf(args: Arguments, name: string): string | undefined {
  const value = args[name];
  return value === undefined ? undefined : String(value);
}

export const NUMBER = {
  form: '<number>',
  summary: { zh: '工单或来件编号', en: 'number of a ticket or message' },
} as const;

export const LIMIT: Option = {
  flags: '--limit <n>',
  summary: { zh: '最多列出多少条（默认 50）', en: 'rows at most (default 50)' },
  number: { min: 1, max: 1_000_000 },
};

export const CHANNEL: Option = { flags: '--channel <id>', summary: { zh: '只看某个渠道', en: 'of one channel' } };

/** Why a clerk decides so. */
export const CLERKS_REASON: Option = {
  flags: '--reason <text>',
  summary: { zh: '理由，加密保存（必填）', en: 'reason, kept sealed (required)' },
};

const PAGE = 500;
/** Of a list that leaves most out a page must not be as short as what is still wanted. */
const LEAST_PAGE = 50;

/**
 * Rows of a list page by page, so that a long list never lies in memory whole.
 * @param show a row as it is listed; null: it is not
 */
export async function* paged<T extends { readonly ordinal: number }>(
  args: Arguments,
  page: (before: number | undefined, limit: number) => Promise<readonly T[]>,
  show: (row: T) => Row | null | Promise<Row | null>,
): AsyncIterable<Row> {
  let left = Number(args['limit'] ?? 50);
  let before: number | undefined;
  while (left > 0) {
    const asked = Math.min(Math.max(left, LEAST_PAGE), PAGE);
    const rows = await page(before, asked);
    for (const row of rows) {
      const shown = left > 0 ? await show(row) : null;
      if (shown === null) continue;
      left--;
      yield shown;
    }
    if (rows.length < asked) return;
    before = rows.at(-1)?.ordinal;
  }
}

export const COLUMNS = {
  number: { key: 'number', title: { zh: '编号', en: 'number' } },
  channel: { key: 'channel', title: { zh: '渠道', en: 'channel' } },
  acceptedAt: { key: 'acceptedAt', title: { zh: '收到时间', en: 'received' }, show: 'time' },
  outcome: { key: 'outcome', title: { zh: '处理结果', en: 'outcome' }, show: { words: 'outcome' } },
  of: { key: 'of', title: { zh: '并入', en: 'of' } },
  reason: { key: 'reason', title: { zh: '原因', en: 'reason' }, show: { words: 'reason' } },
} as const satisfies Record<string, Column>;

/** An option without which the command does nothing, and says so. */
export function required(args: Arguments, name: string): string {
  const value = textOf(args, name);
  if (value === undefined || value.trim() === '')
    throw new DeskError('cli.missing_option', { option: `--${name}` }, EXIT.usage);
  return value;
}

/** The number of a ticket behind such an option. */
export function requiredNumber(args: Arguments, name: string): string {
  return numberFrom(required(args, name));
}
