// How an outbox row reads as an entry of the port.
import type { ClaimedEntry, Entry, EntryFilter, EntryState } from '../store.ts';
import { ordinalOf } from './context.ts';
import { ENTRY_KINDS, ENTRY_STATES, IN_FLIGHT } from './schema.ts';
import { one, type Statements } from './statements.ts';

export interface OutboxLine {
  readonly seq: number;
  readonly message: number;
  readonly revision: number;
  readonly kind: number;
  readonly ticket: number;
  readonly message_number: string;
  /** null where the ticket is the message's own. */
  readonly ticket_number: string | null;
  readonly lane: string;
  readonly urgent: number;
  readonly head: number;
  readonly state: number;
  readonly due_at: number;
  readonly not_before: number;
  readonly after_created: number;
  readonly attempts: number;
  readonly claims: number;
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly unknown: number;
  readonly cause: string | null;
  readonly case_number: string | null;
}

/** What an entry is told by; the rest says where it lies. */
type ToldLine = Omit<OutboxLine, 'seq' | 'message' | 'ticket' | 'head' | 'claims'>;

export function toEntry(line: ToldLine): Entry {
  return {
    id: idOf(line),
    message: line.message_number,
    revision: line.revision,
    kind: ENTRY_KINDS[line.kind] as Entry['kind'],
    ticket: line.ticket_number ?? line.message_number,
    lane: line.lane,
    urgent: line.urgent === 1,
    notBefore: line.not_before,
    afterCreated: line.after_created === 1,
    state: ENTRY_STATES[line.state] as EntryState,
    attempts: line.attempts,
    createdAt: line.created_at,
    dueAt: line.due_at,
    cause: line.cause,
    unknown: line.unknown === 1,
    caseNumber: line.case_number,
    finishedAt: line.finished_at,
  };
}

export function idOf({ message_number, revision, kind }: ToldLine): string {
  return `${message_number}:${revision}:${ENTRY_KINDS[kind]}`;
}

/** What is told of a claimed entry, in this order: as a list it crosses to another thread in a fraction of the time. */
const CLAIMED = [
  ...(['seq', 'due_at', 'claims', 'message_number', 'revision', 'kind', 'ticket_number', 'lane', 'urgent'] as const),
  ...(['not_before', 'after_created', 'attempts', 'created_at', 'cause', 'unknown', 'case_number'] as const),
] as const;
export const CLAIMED_COLUMNS = CLAIMED.join(', ');
type Columns<Names extends readonly (keyof OutboxLine)[]> = {
  readonly [Place in keyof Names]: OutboxLine[Names[Place]];
};
export type ClaimedLine = Columns<typeof CLAIMED>;

export function toClaimed(line: ClaimedLine): ClaimedEntry {
  const [seq, due_at, claims, message_number, revision, kind, ticket_number, lane, urgent, ...rest] = line;
  const [not_before, after_created, attempts, created_at, cause, unknown, case_number] = rest;
  const entry = toEntry({
    ...{ message_number, revision, kind, ticket_number, lane, urgent, not_before, after_created },
    ...{ state: IN_FLIGHT, attempts, created_at, due_at, cause, unknown, case_number, finished_at: null },
  });
  return { ...entry, token: `${seq}.${claims}` };
}

/** The parts of an entry's id, `message:revision:kind`; null where it is none. */
export function partsOf(
  id: string,
): { readonly message: string; readonly revision: number; readonly kind: number } | null {
  const parts = /^(.+):(\d+):([a-z.-]+)$/.exec(id);
  const kind = (ENTRY_KINDS as readonly string[]).indexOf(parts?.[3] ?? '');
  return parts === null || kind < 0 ? null : { message: parts[1] as string, revision: Number(parts[2]), kind };
}

/** The row of an entry by its id, `message:revision:kind`. */
export function lineOf(sql: Statements, id: string): OutboxLine | undefined {
  const parts = partsOf(id);
  const message = parts === null ? undefined : ordinalOf(sql, parts.message);
  if (parts === null || message === undefined) return undefined;
  const { revision, kind } = parts;
  return one<OutboxLine>(
    sql('SELECT * FROM outbox WHERE message = ? AND revision = ? AND kind = ?').get(message, revision, kind),
  );
}

/** An entry filter as conditions; state and kind stand in the text, since only then do the partial indexes serve. */
export function entryConditions(
  sql: Statements,
  filter: EntryFilter,
): { readonly where: string; readonly values: (string | number)[] } {
  const where = ['1'];
  const values: (string | number)[] = [];
  const add = (condition: string, ...more: (string | number)[]): void => {
    where.push(condition);
    values.push(...more);
  };
  if (filter.id !== undefined) add('seq = ?', lineOf(sql, filter.id)?.seq ?? -1);
  if (filter.state !== undefined) add(`state = ${ENTRY_STATES.indexOf(filter.state)}`);
  if (filter.kind !== undefined) add(`kind = ${ENTRY_KINDS.indexOf(filter.kind)}`);
  if (filter.cause !== undefined) add('substr(cause, 1, length(?)) = ?', filter.cause, filter.cause);
  if (filter.ticket !== undefined) add('ticket = ?', ordinalOf(sql, filter.ticket) ?? -1);
  return { where: where.join(' AND '), values };
}
