// Files of messages, labelled pairs and incidents (JSON Lines), checked line by line before anything is done with them.
import { type Fail, rowsOf, textIn } from '../evaluation/labelled-rows.ts';

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

/** What a message says, white space aside. */
export function bareText({ title, content }: LabelledMessage): string {
  return `${title}${content}`.replace(/\s+/g, '');
}

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

function knownId(id: string, known: ReadonlySet<string>, fail: Fail): string {
  return known.has(id) ? id : fail(`there is no message ${id}`);
}
