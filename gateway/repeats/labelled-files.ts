// Files of messages, labelled pairs and incidents (JSON Lines), checked line by line before anything is done with them.
import { readFileSync } from 'node:fs';
import { DeskError } from '../desk-error.ts';

/** A message to measure with. */
export interface LabelledMessage {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly title: string;
  readonly content: string;
  /** Who wrote it, by any id; null where the file does not say. */
  readonly requester: string | null;
  /** The incident it belongs to, where the file of messages says so itself. */
  readonly incident: string | null;
}

export interface LabelledPair {
  readonly a: string;
  readonly b: string;
  readonly same: boolean;
  readonly kind: string;
  /** The incident both belong to, where the file of pairs says so itself. */
  readonly incident: string | null;
}

export interface LabelledIncident {
  readonly id: string;
  readonly members: readonly string[];
}

type Row = Readonly<Record<string, unknown>>;

/** In order of time, then id. */
export function readMessages(file: string): readonly LabelledMessage[] {
  const seen = new Set<string>();
  const messages = rowsOf(file, (row, fail) => {
    const id = textIn(row, ['id'], fail);
    if (seen.has(id)) fail(`id ${id} stands in an earlier line`);
    seen.add(id);
    const time = Date.parse(textIn(row, ['time'], fail));
    if (Number.isNaN(time)) fail('"time" is no time');
    const requester = row['requester'] ?? row['user'] ?? null;
    if (requester !== null && typeof requester !== 'string') fail('"requester" is no text');
    return {
      id,
      time,
      title: row['title'] === undefined ? '' : textIn(row, ['title'], fail),
      content: textIn(row, ['content', 'body'], fail),
      requester: requester as string | null,
      incident: typeof row['incident'] === 'string' ? row['incident'] : null,
    };
  });
  return messages.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
}

/** @param known ids of the messages the pairs are about */
export function readPairs(file: string, known: ReadonlySet<string>): readonly LabelledPair[] {
  return rowsOf(file, (row, fail) => {
    const a = knownId(textIn(row, ['id_a'], fail), known, fail);
    const b = knownId(textIn(row, ['id_b'], fail), known, fail);
    if (a === b) fail('a message is paired with itself');
    const same = row['same_incident'];
    if (typeof same !== 'boolean') return fail('"same_incident" is neither true nor false');
    return {
      a,
      b,
      same,
      kind: row['kind'] === undefined ? '' : textIn(row, ['kind'], fail),
      incident: typeof row['incident'] === 'string' ? row['incident'] : null,
    };
  });
}

export function readIncidents(file: string, known: ReadonlySet<string>): readonly LabelledIncident[] {
  const placed = new Set<string>();
  return rowsOf(file, (row, fail) => {
    const members = row['members'];
    if (!Array.isArray(members) || members.length < 2) return fail('"members" is no list of two or more ids');
    for (const member of members) {
      if (typeof member !== 'string') fail('"members" holds something else than ids');
      knownId(member, known, fail);
      if (placed.has(member)) fail(`message ${member} is a member of two incidents`);
      placed.add(member);
    }
    return { id: textIn(row, ['incident'], fail), members: members as string[] };
  });
}

type Fail = (reason: string) => never;

function rowsOf<T>(file: string, read: (row: Row, fail: Fail) => T): T[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new DeskError('repeats.unreadable_file', { file });
  }
  const found: T[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const fail: Fail = reason => {
      throw new DeskError('repeats.bad_line', { file, line: at + 1, reason });
    };
    found.push(read(parsed(line, fail), fail));
  }
  if (found.length === 0) throw new DeskError('repeats.empty_file', { file });
  return found;
}

function parsed(line: string, fail: Fail): Row {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return fail('not valid JSON');
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : fail('no JSON object');
}

function textIn(row: Row, names: readonly string[], fail: Fail): string {
  for (const name of names) {
    const value = row[name];
    if (typeof value === 'string') return value;
    if (value !== undefined) fail(`"${name}" is no text`);
  }
  return fail(`"${names.join('" or "')}" is missing`);
}

function knownId(id: string, known: ReadonlySet<string>, fail: Fail): string {
  return known.has(id) ? id : fail(`there is no message ${id}`);
}
