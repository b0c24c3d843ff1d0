// Tables for people: columns aligned by the width characters take on screen, in which a Han character takes two.
import { type Language, type Sentence, word } from '../locale.ts';
import type { Column, Row } from './command.ts';

/** Width of a text in character cells. Combining marks take none, East Asian wide and full-width characters two. */
export function width(text: string): number {
  let cells = 0;
  for (const character of text) cells += cellsOf(character);
  return cells;
}

const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
/** Han, kana, hangul, full-width forms, CJK punctuation and emoji (Unicode's East Asian Width W and F). */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

function cellsOf(character: string): number {
  if (ZERO.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Text cut to a width, with … where something was left out. */
export function cut(text: string, cells: number): string {
  if (width(text) <= cells) return text;
  let kept = '';
  let used = 1;
  for (const character of text) {
    used += cellsOf(character);
    if (used > cells) break;
    kept += character;
  }
  return `${kept}…`;
}

const LONGEST_CELL = 40;

/** Lines of a table, the heading first. */
export function table(columns: readonly Column[], rows: readonly Row[], language: Language): readonly string[] {
  const cells = rows.map(row =>
    columns.map(column => cut(show(valueAt(row, column.key), column, language), LONGEST_CELL)),
  );
  const head = columns.map(column => column.title[language]);
  const widths = head.map((title, index) => Math.max(width(title), ...cells.map(line => width(line[index]!))));
  return [head, ...cells].map(line =>
    line
      .map((cell, index) => cell + ' '.repeat(widths[index]! - width(cell)))
      .join('  ')
      .trimEnd(),
  );
}

function valueAt(row: Row, key: string): unknown {
  return key.split('.').reduce<unknown>((value, part) => (value as Row | null | undefined)?.[part], row);
}

function show(value: unknown, column: Column, language: Language): string {
  if (value === null || value === undefined) return '-';
  if (column.show === 'time' && typeof value === 'number') return time(value);
  if (typeof column.show === 'object') {
    const group = column.show.words;
    return [value]
      .flat()
      .map(one => word(language, group, String(one)))
      .join(' ');
  }
  if (column.show === 'sentence') return (value as Sentence)[language];
  if (typeof value === 'boolean') return word(language, 'boolean', String(value));
  return plain(Array.isArray(value) ? value.join(' ') : String(value));
}

/** A control character could move the cursor and forge a line, one of writing direction show another text than is there. */
const OBEYED = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const OBEYED_RUNS = new RegExp(`${OBEYED.source}+`, 'gu');

/** With a space for what a terminal would obey. */
export function plain(text: string): string {
  return text.replace(OBEYED_RUNS, ' ');
}

/** As a line of JSON, with nothing in it that a terminal would obey. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(
    OBEYED,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const SHANGHAI = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Asia/Shanghai',
  dateStyle: 'short',
  timeStyle: 'medium',
});

/** Milliseconds since the epoch as Shanghai time. */
export function time(at: number): string {
  return SHANGHAI.format(at);
}
