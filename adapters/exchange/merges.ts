// Merged cells of a sheet: a value merged over rows belongs to each of them, one merged over columns to a heading of each.
import { FileFault, type RowFaultCode } from './row-errors.ts';
import type { RawRow } from './rows.ts';

const MOST_MERGES = 10_000;
/** Headings are looked for among the first rows only. */
const HEADER_ROWS = 40;
/** In a sheet's part the list of merges stands behind the rows, so it is looked for before they are read. */
const MERGE =
  /<(?:\w+:)?mergeCell\b[^<>]*?\bref\s*=\s*["']\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})["']/g;
/** Bytes of one such element at most, kept from one piece to the next. */
const LONGEST = 200;

interface Merge {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  text: string;
  fault: RowFaultCode | undefined;
}

/** Reads the list; what comes back is to be called with the rows in their order. Throws `FileFault`. */
export async function openMerges(pieces: AsyncIterable<Buffer>): Promise<(row: RawRow) => RawRow> {
  const merges = await listed(pieces);
  merges.sort((one, other) => one.top - other.top);
  let open: Merge[] = [];
  let next = 0;
  return row => {
    for (; next < merges.length && (merges[next] as Merge).top <= row.row; next++) open.push(merges[next] as Merge);
    if (open.length === 0) return row;
    open = open.filter(merge => merge.bottom >= row.row);
    return open.length === 0 ? row : repeated(row, open);
  };
}

async function listed(pieces: AsyncIterable<Buffer>): Promise<Merge[]> {
  const merges: Merge[] = [];
  let kept = '';
  for await (const piece of pieces) {
    // Only ASCII is looked for, and UTF-8 keeps that apart, so bytes need no decoding.
    const text = kept + piece.toString('latin1');
    let end = 0;
    for (const found of text.matchAll(MERGE)) {
      merges.push(mergeOf(found));
      if (merges.length > MOST_MERGES) throw new FileFault('exchange.too_many_merges', 0, { most: MOST_MERGES });
      end = found.index + found[0].length;
    }
    kept = text.slice(Math.max(end, text.length - LONGEST));
  }
  return merges;
}

function mergeOf([, left, top, right, bottom]: RegExpMatchArray): Merge {
  return {
    top: Number(top),
    bottom: Number(bottom),
    left: columnOf(left as string),
    right: columnOf(right as string),
    text: '',
    fault: undefined,
  };
}

function columnOf(letters: string): number {
  return [...letters].reduce((place, letter) => place * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

function repeated(row: RawRow, open: readonly Merge[]): RawRow {
  const own = row.texts.some(text => text.trim() !== '') || row.faults !== undefined;
  const texts = [...row.texts];
  const faults = new Map(row.faults);
  const across = new Map<number, string>();
  for (const merge of open) {
    if (row.row === merge.top) {
      merge.text = row.texts[merge.left] ?? '';
      merge.fault = row.faults?.get(merge.left);
    } else if (own) fill(merge, texts, faults);
    if (row.row > HEADER_ROWS) continue;
    for (let place = merge.left; place <= Math.min(merge.right, 1000); place++) across.set(place, merge.text);
  }
  // A row of nothing but its share in merged cells is the empty end of a range, no row.
  const first = { row: row.row, texts, ...(across.size === 0 ? {} : { across }) };
  return faults.size === 0 ? first : { ...first, faults };
}

function fill({ left, text, fault }: Merge, texts: string[], faults: Map<number, RowFaultCode>): void {
  while (texts.length <= left) texts.push('');
  if (texts[left] !== '') return;
  texts[left] = text;
  if (fault !== undefined) faults.set(left, fault);
}
