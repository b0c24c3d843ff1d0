// A sheet of a workbook into rows, piece by piece: texts as a person sees them, no digit lost in silence.

import { openMerges } from './merges.ts';
import type { NumberFormat } from './number-formats.ts';
import { FileFault, type RowFaultCode } from './row-errors.ts';
import { MOST_COLUMNS, type RawRow } from './rows.ts';
import { excelTime } from './times.ts';
import { type Sheet, unescapeText, type Workbook } from './workbook.ts';
import { xmlPieces } from './xml.ts';
import type { Archive } from './zip.ts';

/** @throws FileFault */
export async function* sheetRows(archive: Archive, workbook: Workbook, { part }: Sheet): AsyncIterable<RawRow> {
  const merges = await openMerges(archive.read(part));
  const reader = sheetReader(workbook);
  for await (const _piece of xmlPieces(archive.read(part), reader.events)) {
    for (const row of reader.take()) yield merges(row);
  }
}

interface OpenCell {
  readonly place: number;
  readonly type: string;
  readonly style: number;
  text: string;
  formula: boolean;
  value: boolean;
}

interface OpenRow {
  readonly row: number;
  readonly texts: string[];
  faults: Map<number, RowFaultCode> | undefined;
}

/** Gathers the rows that have ended since they were last taken. */
function sheetReader(workbook: Workbook) {
  let done: RawRow[] = [];
  let row: OpenRow | null = null;
  let cell: OpenCell | null = null;
  let last = 0;
  let reading = false;
  let phonetic = false;

  function openRow(r: string | undefined): void {
    const number = r === undefined ? last + 1 : Number(r);
    if (!(Number.isInteger(number) && number > last)) throw new FileFault('exchange.bad_workbook', last);
    last = number;
    row = { row: number, texts: [], faults: undefined };
  }

  function openCell({ r, t = 'n', s = '0' }: Readonly<Record<string, string>>, into: OpenRow): void {
    const place = r === undefined ? into.texts.length : placeOf(r);
    if (place < 0) throw new FileFault('exchange.bad_workbook', into.row);
    cell = { place, type: t, style: Number(s), text: '', formula: false, value: false };
  }

  function closeCell(open: OpenCell, into: OpenRow): void {
    const { text, fault } = cellText(open, workbook);
    cell = null;
    if (text === '' && fault === undefined) return;
    // What lies beyond can be no heading's; one cell of it is enough to say so.
    const place = Math.min(open.place, MOST_COLUMNS);
    while (into.texts.length <= place) into.texts.push('');
    into.texts[place] = text;
    if (fault !== undefined) into.faults = (into.faults ?? new Map<number, RowFaultCode>()).set(place, fault);
  }

  const events = {
    open(name: string, attributes: Readonly<Record<string, string>>) {
      if (name === 'row') openRow(attributes['r']);
      else if (name === 'c' && row !== null) openCell(attributes, row);
      else if (cell === null) return;
      else if (name === 'v') {
        reading = true;
        cell.value = true;
      } else if (name === 'f') cell.formula = true;
      else if (name === 'rPh') phonetic = true;
      else if (name === 't') reading = !phonetic;
    },
    text(text: string) {
      if (reading && cell !== null) cell.text += text;
    },
    close(name: string) {
      if (name === 'v' || name === 't') reading = false;
      else if (name === 'rPh') phonetic = false;
      else if (name === 'c' && cell !== null && row !== null) closeCell(cell, row);
      else if (name === 'row' && row !== null) {
        const { faults, ...rest } = row;
        done.push(faults === undefined ? rest : { ...rest, faults });
        row = null;
      }
    },
  };
  return {
    events,
    take(): readonly RawRow[] {
      const rows = done;
      done = [];
      return rows;
    },
  };
}

/** `BC12` → 54; -1 for what is no reference. */
function placeOf(reference: string): number {
  let place = 0;
  let at = 0;
  for (; at < reference.length; at++) {
    const letter = reference.charCodeAt(at) - 64;
    if (letter < 1 || letter > 26) break;
    place = place * 26 + letter;
  }
  return at === 0 || at > 3 ? -1 : place - 1;
}

interface CellText {
  readonly text: string;
  readonly fault?: RowFaultCode;
}

function cellText(cell: OpenCell, { strings, formats, system }: Workbook): CellText {
  const { type, text } = cell;
  if (cell.formula && !cell.value) return { text: '', fault: 'exchange.formula_without_value' };
  if (type === 's') {
    const shared = text === '' ? '' : strings.get(Number(text));
    return shared === undefined ? { text: '', fault: 'exchange.cell_error' } : { text: shared };
  }
  if (type === 'e') return { text, fault: 'exchange.cell_error' };
  if (type === 'b') return { text: text === '1' ? 'TRUE' : 'FALSE' };
  if (type === 'd') return { text: text.replace(/^(\d{4}-\d{2}-\d{2})T00:00:00(\.0+)?$/, '$1') };
  if (type !== 'n') return { text: unescapeText(text) };
  if (text === '') return { text };
  const format = formats[cell.style];
  const time = format?.date === true ? excelTime(Number(text), system) : null;
  return time === null ? padded(numberText(text), format) : { text: time };
}

/** A whole number as its cell shows it; every other is shown as it is. */
function padded(cell: CellText, format: NumberFormat | undefined): CellText {
  if (format === undefined || format.digits === 0 || !/^\d+$/.test(cell.text)) return cell;
  return { ...cell, text: `${format.before}${cell.text.padStart(format.digits, '0')}${format.after}` };
}

const WHOLE = /^-?\d{1,15}$/;
/** Excel keeps fifteen digits; what stands behind them is of its own making. */
const KEPT_DIGITS = 15;

/** A number with the digits a person typed: whole ones as such, never `1.38E+10`. */
function numberText(written: string): CellText {
  if (WHOLE.test(written)) return { text: written };
  const value = Number(written);
  if (!Number.isFinite(value)) return { text: written, fault: 'exchange.cell_error' };
  if (Math.abs(value) >= 10 ** KEPT_DIGITS) return { text: written, fault: 'exchange.digits_lost' };
  return { text: String(Number(value.toPrecision(KEPT_DIGITS))) };
}
