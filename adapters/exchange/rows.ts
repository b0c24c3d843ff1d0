// A table's rows as the readers give them, and the header among the first ones: one row or two, under a title or not.
import { ABOVE, type Field, fieldOf } from './columns.ts';
import { FileFault, type RowFault, type RowFaultCode } from './row-errors.ts';

/** One row as it lies in the file. */
export interface RawRow {
  /** As Excel and editors count, from 1. */
  readonly row: number;
  readonly texts: readonly string[];
  /** What is wrong with single cells, by their place. */
  readonly faults?: ReadonlyMap<number, RowFaultCode>;
  /** Texts of cells merged over several columns, repeated in each: headings are read so, data is not. */
  readonly across?: ReadonlyMap<number, string>;
}

/** One row under its headings; the empty ones are left out. */
export interface NamedRow {
  readonly row: number;
  readonly cells: readonly NamedCell[];
  /** What is wrong with the row as a whole, before anybody looks at what its cells mean. */
  readonly fault: RowFault | null;
}

export interface NamedCell {
  readonly heading: string;
  readonly text: string;
  readonly fault?: RowFaultCode;
}

/** Among so many rows the header is looked for. */
const HEADER_WITHIN = 12;
export const MOST_COLUMNS = 500;

interface Header {
  /** By place; '' for a column without one. */
  readonly headings: readonly string[];
  /** Place of the first row of data among the rows looked at. */
  readonly next: number;
  /** Texts of the header's last row, to know it again where pages repeat it. */
  readonly again: readonly string[];
}

/** @throws FileFault where there is no header or it is too wide, and what the rows throw, after the rows before it */
export async function* namedRows(
  rows: AsyncIterable<RawRow>,
  find: (heading: string) => Field | null,
): AsyncIterable<NamedRow> {
  const source = rows[Symbol.asyncIterator]();
  try {
    const { first, failure } = await firstRows(source);
    if (first.length === 0) throw failure ?? new FileFault('exchange.empty_file');
    const header = findHeader(first, find);
    yield* dataAmong(first, header);
    if (failure !== null) throw failure;
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      const named = nameRow(next.value, header);
      if (named !== null) yield named;
    }
  } finally {
    await source.return?.();
  }
}

/** The rows among which the header is looked for, and what ended them too early. */
async function firstRows(source: AsyncIterator<RawRow>) {
  const first: RawRow[] = [];
  try {
    while (first.length < HEADER_WITHIN) {
      const next = await source.next();
      if (next.done === true) break;
      if (isBlank(next.value)) continue;
      checkWidth(next.value);
      first.push(next.value);
    }
    return { first, failure: null };
  } catch (failure) {
    if (failure instanceof FileFault) return { first, failure };
    throw failure;
  }
}

function* dataAmong(rows: readonly RawRow[], header: Header): Iterable<NamedRow> {
  for (const row of rows.slice(header.next)) {
    const named = nameRow(row, header);
    if (named !== null) yield named;
  }
}

function isBlank({ texts, faults }: RawRow): boolean {
  return faults === undefined && texts.every(text => text.trim() === '');
}

function checkWidth({ row, texts }: RawRow): void {
  if (texts.length > MOST_COLUMNS) throw new FileFault('exchange.too_many_columns', row, { most: MOST_COLUMNS });
}

/** The row, or pair of rows, in which most headings are known; a pair only where its second row adds some. */
function findHeader(rows: readonly RawRow[], find: (heading: string) => Field | null): Header {
  let best: { readonly score: number; readonly header: Header } = {
    score: 0,
    header: { headings: [], next: 0, again: [] },
  };
  for (const [at, row] of rows.entries()) {
    const upper = headingsOf(row);
    const lower = rows[at + 1];
    const single = { score: score(upper, find), header: headerOf(upper, at + 1, row) };
    if (single.score > best.score) best = single;
    if (lower === undefined) continue;
    const both = pair(upper, headingsOf(lower));
    const double = { score: score(both, find), header: headerOf(both, at + 2, lower) };
    if (double.score > Math.max(best.score, score(headingsOf(lower), find))) best = double;
  }
  if (best.score === 0) throw noHeader();
  return best.header;
}

export const noHeader = (): FileFault => new FileFault('exchange.no_header', 0, { rows: HEADER_WITHIN });

const headerOf = (headings: readonly string[], next: number, last: RawRow): Header => ({
  headings,
  next,
  again: last.texts.map(text => text.trim()),
});

function headingsOf({ texts, across }: RawRow): readonly string[] {
  const width = Math.max(texts.length, ...Array.from(across?.keys() ?? [], place => place + 1));
  return Array.from({ length: width }, (_, place) => (texts[place] || across?.get(place) || '').trim());
}

function pair(upper: readonly string[], lower: readonly string[]): readonly string[] {
  return Array.from({ length: Math.max(upper.length, lower.length) }, (_, place) => {
    const [above, below] = [upper[place] ?? '', lower[place] ?? ''];
    return above === '' || below === '' || above === below ? above || below : `${above}${ABOVE}${below}`;
  });
}

/** Fields known; nothing without one that holds what the appeal says. */
function score(headings: readonly string[], find: (heading: string) => Field | null): number {
  const fields = new Set(headings.map(heading => (heading === '' ? null : fieldOf(find, heading))));
  fields.delete(null);
  return fields.has('content') || fields.has('title') ? fields.size : 0;
}

/** Told at the first cell that differs, as nearly all rows are. */
function sameTexts(texts: readonly string[], header: readonly string[]): boolean {
  return header.every((heading, place) => (texts[place] ?? '').trim() === heading);
}

/** null for a blank row and for the header repeated on the next page. */
function nameRow(raw: RawRow, header: Header): NamedRow | null {
  if (isBlank(raw)) return null;
  const { row, texts, faults } = raw;
  const { headings } = header;
  const wide = texts.slice(headings.length).some(text => text.trim() !== '');
  if (wide) return { row, cells: [], fault: { code: 'exchange.too_many_cells', row, column: null } };
  if (sameTexts(texts, header.again)) return null;
  const cells: NamedCell[] = [];
  for (const [place, written] of headings.entries()) {
    const text = texts[place] ?? '';
    const fault = faults?.get(place);
    if (text.trim() === '' && fault === undefined) continue;
    const heading = written === '' ? `#${place + 1}` : written;
    cells.push(fault === undefined ? { heading, text } : { heading, text, fault });
  }
  return { row, cells, fault: null };
}
