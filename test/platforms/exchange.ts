// A platform without an interface: exports CSV, workbooks and JSON Lines into a folder, whole or half, as such platforms do.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

/** What a part of an archive holds, and how it lies about it. */
export interface ZipPart {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Declared in place of the true size. */
  readonly declared?: number;
}

/** A zip archive, all in memory. */
export function zip(parts: readonly ZipPart[]): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, declared } of parts) {
    const path = Buffer.from(name);
    const deflated = deflateRawSync(bytes);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(8, 4);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(deflated.length, 14);
    fields.writeUInt32LE(declared ?? bytes.length, 18);
    fields.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, path, deflated]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, rest, path]));
    pieces.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(parts.length, 4);
  end.writeUInt16LE(parts.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...pieces, central, Buffer.from('PK\x05\x06', 'latin1'), end]);
}

/** A cell: a text, a number as the file holds it, a date's day number, a formula, or XML as it stands. */
export type Cell =
  | string
  | null
  | { readonly number: string; readonly format?: number }
  | { readonly date: number }
  | { readonly formula: string; readonly value?: string }
  | { readonly error: string }
  | { readonly inline: string };

export interface SheetOptions {
  readonly merges?: readonly string[];
  readonly date1904?: boolean;
  /** Further parts, or ones in place of those made. */
  readonly parts?: readonly ZipPart[];
  readonly name?: string;
  readonly hidden?: boolean;
  /** Sheets behind it. */
  readonly more?: readonly {
    readonly name: string;
    readonly hidden?: boolean;
    readonly rows: Iterable<readonly Cell[]>;
  }[];
  /** Number formats, which cells name by their place. */
  readonly formats?: readonly string[];
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);

/** `0` → A, `27` → AB. */
export function columnName(place: number): string {
  return place < 26 ? String.fromCharCode(65 + place) : columnName(Math.floor(place / 26) - 1) + columnName(place % 26);
}

function cellXml(cell: Cell, reference: string, shared: (text: string) => number): string {
  if (cell === null) return '';
  if (typeof cell === 'string') return `<c r="${reference}" t="s"><v>${shared(cell)}</v></c>`;
  if ('number' in cell) {
    const style = cell.format === undefined ? '' : ` s="${cell.format + 2}"`;
    return `<c r="${reference}"${style}><v>${cell.number}</v></c>`;
  }
  if ('date' in cell) return `<c r="${reference}" s="1"><v>${cell.date}</v></c>`;
  if ('error' in cell) return `<c r="${reference}" t="e"><v>${escaped(cell.error)}</v></c>`;
  if ('inline' in cell) return `<c r="${reference}" t="inlineStr"><is><t>${escaped(cell.inline)}</t></is></c>`;
  const value = cell.value === undefined ? '' : `<v>${escaped(cell.value)}</v>`;
  return `<c r="${reference}" t="str"><f>${escaped(cell.formula)}</f>${value}</c>`;
}

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

function sheetXml(
  rows: Iterable<readonly Cell[]>,
  merged: readonly string[],
  shared: (text: string) => number,
): string {
  const lines: string[] = [];
  for (const cells of rows) {
    const row = lines.length + 1;
    const xml = cells.map((cell, place) => cellXml(cell, `${columnName(place)}${row}`, shared)).join('');
    lines.push(`<row r="${row}">${xml}</row>`);
  }
  const merges = merged.map(range => `<mergeCell ref="${range}"/>`).join('');
  return `${HEAD}<worksheet ${MAIN}><sheetData>${lines.join('')}</sheetData>${merges === '' ? '' : `<mergeCells>${merges}</mergeCells>`}</worksheet>`;
}

function frameXml(sheets: readonly { readonly name: string; readonly hidden?: boolean }[], date1904: boolean): string {
  const listed = sheets.map(({ name, hidden }, at) => {
    const state = hidden === true ? ' state="hidden"' : '';
    return `<sheet name="${escaped(name)}" sheetId="${at + 1}"${state} r:id="rId${at + 1}"/>`;
  });
  return `${HEAD}<workbook ${MAIN} xmlns:r="${OFFICE}"><workbookPr${date1904 ? ' date1904="1"' : ''}/><sheets>${listed.join('')}</sheets></workbook>`;
}

/** Where the parts of a workbook of so many sheets lie. */
export function linksXml(sheets: number, strings = 'sharedStrings.xml', folder = ''): string {
  const targets = [
    ...Array.from({ length: sheets }, (_, at) => ['worksheet', `worksheets/sheet${at + 1}.xml`]),
    ['sharedStrings', strings],
    ['styles', 'styles.xml'],
  ];
  const links = targets.map(
    ([type, target], at) => `<Relationship Id="rId${at + 1}" Type="${OFFICE}/${type}" Target="${folder}${target}"/>`,
  );
  return `${HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${links.join('')}</Relationships>`;
}

function stylesXml(formats: readonly string[]): string {
  const own = ['yyyy/m/d\\ h:mm;@', ...formats];
  const codes = own.map((code, at) => `<numFmt numFmtId="${164 + at}" formatCode="${escaped(code)}"/>`);
  const styles = own.map((_, at) => `<xf numFmtId="${164 + at}"/>`);
  return `${HEAD}<styleSheet ${MAIN}><numFmts>${codes.join('')}</numFmts><cellXfs><xf numFmtId="0"/>${styles.join('')}</cellXfs></styleSheet>`;
}

/** A workbook, written as Excel writes it: shared strings, styles, merges behind the rows. */
export function workbook(rows: Iterable<readonly Cell[]>, options: SheetOptions = {}): Buffer {
  const { name = 'Sheet1', hidden = false, more = [], merges = [], formats = [], date1904 = false } = options;
  const strings = new Map<string, number>();
  const shared = (text: string): number => {
    const known = strings.get(text);
    if (known !== undefined) return known;
    strings.set(text, strings.size);
    return strings.size - 1;
  };
  const sheets = [{ name, hidden, rows }, ...more];
  const made: Record<string, string> = {
    'xl/workbook.xml': frameXml(sheets, date1904),
    'xl/_rels/workbook.xml.rels': linksXml(sheets.length),
    'xl/styles.xml': stylesXml(formats),
  };
  for (const [at, sheet] of sheets.entries()) {
    made[`xl/worksheets/sheet${at + 1}.xml`] = sheetXml(sheet.rows, at === 0 ? merges : [], shared);
  }
  const items = [...strings.keys()].map(text => `<si><t xml:space="preserve">${escaped(text)}</t></si>`).join('');
  made['xl/sharedStrings.xml'] = `${HEAD}<sst ${MAIN}>${items}</sst>`;
  const parts = Object.entries(made).map(([part, text]): ZipPart => ({ name: part, bytes: Buffer.from(text) }));
  const extra = options.parts ?? [];
  return zip([...parts.filter(part => !extra.some(other => other.name === part.name)), ...extra]);
}

/** CSV as Excel writes it. */
export function csv(rows: Iterable<readonly string[]>, delimiter = ','): string {
  const quoted = (text: string) => (/[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return Array.from(rows, cells => `${cells.map(quoted).join(delimiter)}\r\n`).join('');
}

/** Drops files into a channel's folder. */
export function exporter(folder: string) {
  const inbox = join(folder, 'in');
  const put = (name: string, bytes: Uint8Array | string) => {
    mkdirSync(inbox, { recursive: true, mode: 0o700 });
    writeFileSync(join(inbox, name), bytes);
  };
  return {
    /** Writes a whole file under its name. */
    put,
    /** Writes the first half; the rest comes when what is given back is called. */
    half(name: string, bytes: Uint8Array | string): () => void {
      const whole = Buffer.from(bytes as Uint8Array);
      put(name, whole.subarray(0, whole.length >> 1));
      return () => appendFileSync(join(inbox, name), whole.subarray(whole.length >> 1));
    },
    /** Puts another file in the place of one, as a careful platform does: under another name first. */
    replace(name: string, bytes: Uint8Array | string): void {
      put(`${name}.tmp`, bytes);
      renameSync(join(inbox, `${name}.tmp`), join(inbox, name));
    },
  };
}

/** What was taken all the same: told of later, or a file that came again whole. */
const TAKEN = /exchange\.(?:quarantined|not_an_appeal|still_unread|seen_before)/;

/** Lines of a file, as editors count them, that were sent back; of all files where none is named. */
export function linesSentBack(folder: string, file = ''): readonly number[] {
  const errors = join(folder, 'errors');
  return readdirSync(errors)
    .filter(name => name.startsWith(file) && name.endsWith('.errors.csv'))
    .flatMap(name => readFileSync(join(errors, name), 'utf8').split('\r\n').slice(1))
    .filter(line => line !== '' && !TAKEN.test(line))
    .map(line => Number(line.split(',')[0]));
}
