// JSON Lines into rows: one object a line, nested ones by their path, numbers with every digit they were written with.
import { JsonProblem, readJson } from '../kit/json.ts';
import { ABOVE } from './columns.ts';
import type { RowFault } from './row-errors.ts';
import { MOST_COLUMNS, type NamedCell, type NamedRow } from './rows.ts';

const LONGEST_LINE = 1024 * 1024;
const DEEPEST = 6;
/** A number as a float would lose digits of, or write otherwise. */
const TELLING_NUMBER = /\d{16}|\d[eE.][+-]?\d/;

export function* jsonRows(pieces: Iterable<Uint8Array>): Iterable<NamedRow> {
  let row = 0;
  for (const line of lines(pieces)) {
    row++;
    if (line === null) yield broken(row, 'exchange.line_too_long', { most: LONGEST_LINE });
    else if (line.some(byte => byte > 0x20)) yield rowOf(line, row);
  }
}

/** Lines as bytes; null for one that is too long to be kept. */
function* lines(pieces: Iterable<Uint8Array>): Iterable<Buffer | null> {
  let open: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer) => {
    length += part.length;
    if (length <= LONGEST_LINE) open.push(part);
    else open = [];
  };
  const take = (): Buffer | null => {
    const line = length > LONGEST_LINE ? null : Buffer.concat(open);
    open = [];
    length = 0;
    return line;
  };
  for (const piece of pieces) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    let from = 0;
    for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, from)) {
      add(bytes.subarray(from, at));
      yield take();
      from = at + 1;
    }
    add(bytes.subarray(from));
  }
  if (length > 0) yield take();
}

function rowOf(line: Buffer, row: number): NamedRow {
  const value = parsed(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return broken(row, 'exchange.not_json');
  const cells: NamedCell[] = [];
  flatten(value as Record<string, unknown>, '', 1, cells);
  if (cells.length > MOST_COLUMNS) return broken(row, 'exchange.too_many_cells');
  return { row, cells, fault: null };
}

function parsed(line: Buffer): unknown {
  try {
    const value = readJson(line, { maxDepth: DEEPEST });
    const text = line.toString('utf8');
    // Checked already, so that the second reading needs no care; it keeps numbers as they are written.
    return TELLING_NUMBER.test(text) ? JSON.parse(text, asWritten) : value;
  } catch (error) {
    if (error instanceof JsonProblem) return null;
    throw error;
  }
}

function asWritten(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? (context?.source ?? value) : value;
}

function flatten(value: Readonly<Record<string, unknown>>, above: string, depth: number, cells: NamedCell[]): void {
  for (const [key, entry] of Object.entries(value)) {
    const heading = above === '' ? key : `${above}${ABOVE}${key}`;
    if (typeof entry === 'object' && entry !== null && !Array.isArray(entry) && depth < DEEPEST) {
      flatten(entry as Record<string, unknown>, heading, depth + 1, cells);
      continue;
    }
    const text = scalar(entry);
    if (text.trim() !== '') cells.push({ heading, text });
  }
}

function scalar(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every(one => typeof one !== 'object')) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function broken(row: number, code: RowFault['code'], values?: RowFault['values']): NamedRow {
  return { row, cells: [], fault: { code, row, column: null, ...(values === undefined ? {} : { values }) } };
}
