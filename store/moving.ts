// What is kept in a form of no engine, so that a city can move from one to the other: whole rows with their places, in order.
import { createHash, type Hash } from 'node:crypto';
import type {
  AttachmentRow,
  AuditRecord,
  BornRow,
  ChannelRow,
  Entry,
  Outcome,
  TicketEvent,
  TicketRow,
} from './store.ts';

/** Rows that are moved at once at most; so many may be there in part where a move was cut off. */
export const MOST_ROWS = 10_000;

/** A message with everything that became of it. */
export interface MovedMessage {
  readonly key: string;
  readonly number: string;
  readonly ordinal: number;
  readonly fingerprint: string;
  readonly channel: string;
  readonly lane: string;
  readonly shard: number;
  readonly acceptedAt: number;
  readonly wrappedContent: Uint8Array;
  readonly sealed: Uint8Array | null;
  readonly blob: string | null;
  readonly unread: boolean;
  readonly attempts: number;
  /** Revision the next decision must carry. */
  readonly next: number;
  readonly decidedAt: number | null;
  readonly outcome: Outcome | null;
  /** Number that a repeat or part leads to. */
  readonly joined: string | null;
  readonly conversation: string | null;
  readonly decision: Uint8Array | null;
  readonly wrappedIdentity: Uint8Array | null;
  readonly identity: Uint8Array | null;
  readonly born: Uint8Array | null;
  readonly shreddedAt: number | null;
  readonly ticket: MovedTicket | null;
  readonly notSame: readonly string[];
  readonly attachments: readonly Omit<AttachmentRow, 'message'>[];
  readonly hold: { readonly at: number; readonly by: string; readonly reason: string } | null;
}

export interface MovedTicket
  extends Omit<BornRow, 'number' | 'wrappedIdentity' | 'born' | 'identity'>,
    Pick<TicketRow, 'revision' | 'step' | 'caseNumber' | 'supervised' | 'closedAt'> {
  readonly events: readonly Omit<TicketEvent, 'number' | 'expect'>[];
}

export interface MovedEntry extends Entry {
  /** Place in its lane. */
  readonly seq: number;
}

export interface MovedNames {
  readonly channels: readonly ChannelRow[];
  readonly cursors: readonly (readonly [channel: string, value: string])[];
  /** Named values of the gateway. */
  readonly named: readonly (readonly [name: string, value: string])[];
}

export interface MoveCounts {
  readonly messages: number;
  readonly entries: number;
  readonly records: number;
}

/** Reads a store row by row, in rising places; what is read must not change meanwhile. */
export interface MoveSource {
  counts(): Promise<MoveCounts>;
  messages(after: number, limit: number): Promise<readonly MovedMessage[]>;
  entries(after: number, limit: number): Promise<readonly MovedEntry[]>;
  records(after: number, limit: number): Promise<readonly AuditRecord[]>;
  names(): Promise<MovedNames>;
  /** Names of all blobs. */
  blobs(): AsyncIterable<string> | Iterable<string>;
  close(): Promise<void>;
}

/** Writes rows that may stand there already from a try that was cut off. */
export interface MoveTarget extends MoveSource {
  putMessages(rows: readonly MovedMessage[]): Promise<void>;
  putEntries(rows: readonly MovedEntry[]): Promise<void>;
  putRecords(rows: readonly AuditRecord[]): Promise<void>;
  putNames(names: MovedNames): Promise<void>;
  /** Everything is there and proven: places go on from where they were, and the store may be opened. */
  finish(): Promise<void>;
}

/** A print of rows by which two engines are compared: the same rows in the same order give the same. */
export function createPrint(): { add(row: unknown): void; done(): string } {
  const hash: Hash = createHash('sha256');
  return {
    add: row => void hash.update(canonical(row)).update('\n'),
    done: () => hash.digest('hex'),
  };
}

/** A print of rows whatever order they come in. */
export function createBag(): ReturnType<typeof createPrint> {
  const prints: string[] = [];
  return {
    add: row => void prints.push(createHash('sha256').update(canonical(row)).digest('hex')),
    done: () => createHash('sha256').update(prints.sort().join('\n')).digest('hex'),
  };
}

/** JSON with sorted keys, bytes as hex, without what is undefined or null: engines differ in which they leave out. */
function canonical(value: unknown): string {
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('hex')}"`;
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const present = Object.entries(value).filter(([, one]) => one !== undefined && one !== null);
  present.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${present.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join()}}`;
}
