// The files of the exchange bench: rows of the recipe as CSV and as a workbook, the same for the same seed.
import { writeFileSync } from 'node:fs';
import { type Cell, csv, workbook } from '../test/platforms/exchange.ts';
import { recipeTexts } from './texts.ts';

const HEAD = ['编号', '标题', '内容', '姓名', '联系电话', '提交时间', '诉求类型', '办理状态'];
const TYPES = ['投诉', '咨询', '求助', '建议'];
/** 2026-01-01 in Excel's count of days. */
const FIRST_DAY = 46_023;
const MINUTES_A_DAY = 1440;

export interface TableFacts {
  readonly rows: number;
  readonly columns: number;
  readonly csvBytes: number;
  readonly xlsxBytes: number;
  /** Of the parts of the workbook together. */
  readonly inflatedBytes: number;
  readonly recipe: Readonly<Record<string, number | string>>;
}

/** Writes `rows` rows to both files. */
export function writeTables(
  files: { readonly csv: string; readonly xlsx: string },
  rows: number,
  seed: number,
): TableFacts {
  const { text, facts } = recipeTexts(seed);
  const row = (at: number): string[] => {
    const { title, content, name, phone } = text(at);
    const time = new Date(Date.UTC(2026, 0, 1) + at * 60_000).toISOString().slice(0, 16).replace('T', ' ');
    return [`BX${at}`, title, content, name, phone, time, TYPES[at % TYPES.length] as string, '在办'];
  };
  const made = Array.from({ length: rows }, (_, at) => row(at));
  const text8 = csv([HEAD, ...made]);
  const sheet = made.map((cells, at): Cell[] => [
    ...cells.slice(0, 4),
    { number: cells[4] as string },
    { date: FIRST_DAY + at / MINUTES_A_DAY },
    ...cells.slice(6),
  ]);
  const book = workbook([HEAD, ...sheet]);
  writeFileSync(files.csv, text8);
  writeFileSync(files.xlsx, book);
  return {
    rows,
    columns: HEAD.length,
    csvBytes: Buffer.byteLength(text8),
    xlsxBytes: book.length,
    inflatedBytes: inflatedBytes(book),
    recipe: { ...facts, phones: 'numbers in the workbook, text in CSV', times: 'dates in the workbook, text in CSV' },
  };
}

/** The sum of what the entries of an archive's directory declare. */
function inflatedBytes(archive: Buffer): number {
  let sum = 0;
  for (let at = archive.readUInt32LE(archive.length - 6); archive.readUInt32LE(at) === 0x02014b50; ) {
    sum += archive.readUInt32LE(at + 24);
    at += 46 + archive.readUInt16LE(at + 28) + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return sum;
}
