// Which sheets of a workbook are read: the named one, else the first that can be seen and holds rows; of others with rows it is told.
import type { Field } from './columns.ts';
import { FileFault, type RowFaultCode } from './row-errors.ts';
import { type NamedRow, namedRows, noHeader, type RawRow } from './rows.ts';
import { openWorkbook, type Sheet } from './workbook.ts';
import { sheetRows } from './xlsx.ts';
import { openArchive } from './zip.ts';

export interface WorkbookLimits {
  /** Bytes that all parts together may declare. */
  readonly inflated: number;
}

/**
 * @param wanted name of a sheet, '' for the first that holds rows under a header
 * @throws FileFault, after the rows where other sheets hold some too
 */
export async function* workbookRows(
  bytes: Uint8Array,
  wanted: string,
  limits: WorkbookLimits,
  find: (heading: string) => Field | null,
): AsyncIterable<NamedRow> {
  const archive = await openArchive(bytes, limits.inflated);
  const workbook = await openWorkbook(archive);
  const sheets = candidates(workbook.sheets, wanted);
  if (sheets.length === 0) throw new FileFault('exchange.no_sheet');
  let headed = false;
  for (const [at, sheet] of sheets.entries()) {
    const rows = namedRows(sheetRows(archive, workbook, sheet), find)[Symbol.asyncIterator]();
    const first = await firstOf(rows);
    headed ||= first !== null;
    if (first === null || first.done === true) continue;
    yield* rest(first.value, rows);
    const left = await holdingRows(sheets.slice(at + 1), other => sheetRows(archive, workbook, other), find);
    if (left.length > 0) throw new FileFault('exchange.sheets_left', 0, { sheets: left.join(', ') });
    return;
  }
  // A workbook without a cell is no file that is still to be written.
  if (!headed) throw noHeader();
}

/** Sheets that nobody can see are helpers of the others, unless there are no others. */
function candidates(sheets: readonly Sheet[], wanted: string): readonly Sheet[] {
  if (wanted !== '') return sheets.filter(({ name }) => name === wanted);
  const visible = sheets.filter(({ hidden }) => !hidden);
  return visible.length > 0 ? visible : sheets;
}

/** What says that a sheet is no table of appeals: a cover, a page of notes, an empty one. */
const NO_TABLE: ReadonlySet<RowFaultCode> = new Set<RowFaultCode>(['exchange.no_header', 'exchange.empty_file']);

/** The first row or the end of a table; null where there is no table. */
async function firstOf(rows: AsyncIterator<NamedRow>): Promise<IteratorResult<NamedRow> | null> {
  try {
    return await rows.next();
  } catch (error) {
    if (error instanceof FileFault && NO_TABLE.has(error.fault.code)) return null;
    throw error;
  }
}

async function* rest(first: NamedRow, rows: AsyncIterator<NamedRow>): AsyncIterable<NamedRow> {
  try {
    yield first;
    for (let next = await rows.next(); next.done !== true; next = await rows.next()) yield next.value;
  } finally {
    await rows.return?.();
  }
}

/** Tabs of those that hold rows under a header; one that is damaged may have. */
async function holdingRows(
  sheets: readonly Sheet[],
  rowsOf: (sheet: Sheet) => AsyncIterable<RawRow>,
  find: (heading: string) => Field | null,
): Promise<readonly number[]> {
  const tabs: number[] = [];
  for (const sheet of sheets) {
    const rows = namedRows(rowsOf(sheet), find)[Symbol.asyncIterator]();
    try {
      const first = await firstOf(rows);
      if (first !== null && first.done !== true) tabs.push(sheet.tab);
    } catch (error) {
      if (!(error instanceof FileFault)) throw error;
      tabs.push(sheet.tab);
    } finally {
      await rows.return?.();
    }
  }
  return tabs;
}
