// Files of labelled rows to measure with (JSON Lines), checked line by line before anything is done with them.
import { readFileSync } from 'node:fs';
import { DeskError } from '../desk/desk-error.ts';

export type LabelledRow = Readonly<Record<string, unknown>>;

/** Gives up on the file: it is not as described, in this line and for this reason. */
export type Fail = (reason: string) => never;

/**
 * @param read makes of one line what is wanted of it
 * @throws DeskError with file, line and reason; a file without a row is refused, too
 */
export function rowsOf<T>(file: string, read: (row: LabelledRow, fail: Fail) => T): T[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new DeskError('labelled.unreadable_file', { file });
  }
  const found: T[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const fail: Fail = reason => {
      throw new DeskError('labelled.bad_line', { file, line: at + 1, reason });
    };
    found.push(read(parsed(line, fail), fail));
  }
  if (found.length === 0) throw new DeskError('labelled.empty_file', { file });
  return found;
}

function parsed(line: string, fail: Fail): LabelledRow {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return fail('not valid JSON');
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as LabelledRow)
    : fail('no JSON object');
}

/** The first of the named fields that is there. */
export function textIn(row: LabelledRow, names: readonly string[], fail: Fail): string {
  return optionalText(row, names, fail) ?? fail(`"${names.join('" or "')}" is missing`);
}

/** The same; null where none is there. */
export function optionalText(row: LabelledRow, names: readonly string[], fail: Fail): string | null {
  for (const name of names) {
    const value = row[name];
    if (typeof value === 'string') return value;
    if (value !== undefined && value !== null) fail(`"${name}" is no text`);
  }
  return null;
}
