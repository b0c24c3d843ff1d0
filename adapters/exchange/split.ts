// A file into its rows, each an original of its own; a row that is wrong is a part too, which the channel sends back.
import { hash } from 'node:crypto';
import type { Original } from '../contract.ts';
import { csvRows } from './csv.ts';
import { detectEncoding, utf8Pieces } from './encoding.ts';
import { jsonRows } from './json-lines.ts';
import { type Mapper, mapperOf, senderOf } from './mapping.ts';
import { FileFault, type RowFault } from './row-errors.ts';
import { type NamedCell, type NamedRow, namedRows } from './rows.ts';
import type { ExchangeSettings } from './settings.ts';
import { workbookRows } from './sheets.ts';

/** A row taken; its body is a `RowBody`. */
export const ROW_TYPE = 'application/vnd.huisu.exchange-row+json';
/** A row or file sent back; its body is a `RowFault`, and it is never accepted. */
export const FAULT_TYPE = 'application/vnd.huisu.exchange-fault+json';

/** The row as it stood in the file: headings and texts in their order, the empty ones left out. Its meaning is `parse`'s. */
export interface RowBody {
  readonly v: 1;
  readonly cells: readonly (readonly [heading: string, text: string])[];
}

const MEGABYTE = 1024 * 1024;
/** A zip's first bytes, with and without anything in it. */
const ARCHIVE = ['PK\x03\x04', 'PK\x05\x06'];

/**
 * Streams: no more than one piece of the file is unfolded at a time, a workbook's shared strings excepted.
 *
 * @param container `meta.file` is the file's name
 */
export async function* split(container: Original, settings: ExchangeSettings): AsyncIterable<Original> {
  const file = container.meta['file'] ?? '';
  const mapper = mapperOf(settings);
  const numbering = rowIds();
  let rows = 0;
  try {
    for await (const row of rowsOf(container.body, file, settings, mapper)) {
      if (++rows > settings.maxRows) throw new FileFault('exchange.too_many_rows', row.row, { most: settings.maxRows });
      const fault = mapper.fault(row);
      yield fault === null ? original(row, file, mapper, numbering) : faultPart(fault, file);
    }
    if (rows === 0) throw new FileFault('exchange.no_rows');
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    yield faultPart(error.fault, file);
  }
}

function rowsOf(
  bytes: Uint8Array,
  file: string,
  settings: ExchangeSettings,
  { find }: Mapper,
): AsyncIterable<NamedRow> | Iterable<NamedRow> {
  const form = formOf(bytes, file);
  if (form === 'xlsx') {
    return workbookRows(bytes, settings.sheet, { inflated: settings.maxInflatedMegabytes * MEGABYTE }, find);
  }
  const pieces = utf8Pieces(bytes, encodingOf(bytes, file, settings));
  return form === 'json-lines' ? jsonRows(pieces) : namedRows(csvRows(pieces, settings.delimiter, find), find);
}

/** Whoever sends a workbook that is none cannot save it as UTF-8. */
function encodingOf(
  bytes: Uint8Array,
  file: string,
  { encoding }: ExchangeSettings,
): ReturnType<typeof detectEncoding> {
  try {
    return detectEncoding(bytes, encoding);
  } catch (error) {
    if (error instanceof FileFault && /\.xls[xmb]?$/i.test(file)) throw new FileFault('exchange.bad_workbook');
    throw error;
  }
}

/** By the first bytes, since names lie; a name only tells JSON Lines that begin otherwise. */
function formOf(bytes: Uint8Array, file: string): 'xlsx' | 'json-lines' | 'csv' {
  const head = Buffer.from(bytes.subarray(0, 1024)).toString('latin1');
  if (head.trim() === '') throw new FileFault('exchange.empty_file');
  if (ARCHIVE.some(mark => head.startsWith(mark))) return 'xlsx';
  if (head.startsWith('\xd0\xcf\x11\xe0')) throw new FileFault('exchange.old_workbook');
  const text = head
    .replace(/^\xef\xbb\xbf|^\xff\xfe|^\xfe\xff/, '')
    .replaceAll('\0', '')
    .trimStart();
  if (text.startsWith('<')) throw new FileFault('exchange.markup');
  if (/^\[\s*[{[]/.test(text)) throw new FileFault('exchange.json_array');
  return /\.(jsonl|ndjson)$/i.test(file) || text.startsWith('{') ? 'json-lines' : 'csv';
}

/** Rows without a number are known by their cells, and by how many alike came before them in the file. */
function rowIds(): (body: Buffer) => string {
  const seen = new Map<string, number>();
  return body => {
    const sum = hash('sha256', body, 'hex');
    const count = (seen.get(sum) ?? 0) + 1;
    seen.set(sum, count);
    return `${sum}-${count}`;
  };
}

function original(row: NamedRow, file: string, mapper: Mapper, idOf: (body: Buffer) => string): Original {
  const cells = mapper.kept(row.cells);
  const fields = mapper.fields(cells);
  const body = bodyOf(cells);
  return {
    platformId: fields.get('externalId') ?? idOf(body),
    sender: senderOf(fields),
    body,
    mediaType: ROW_TYPE,
    meta: { file, row: String(row.row) },
  };
}

function bodyOf(cells: readonly NamedCell[]): Buffer {
  const body: RowBody = { v: 1, cells: cells.map(({ heading, text }) => [heading, text] as const) };
  return Buffer.from(JSON.stringify(body), 'utf8');
}

function faultPart(fault: RowFault, file: string): Original {
  return {
    platformId: `fault-${fault.row}`,
    sender: null,
    body: Buffer.from(JSON.stringify(fault), 'utf8'),
    mediaType: FAULT_TYPE,
    meta: { file, row: String(fault.row) },
  };
}
