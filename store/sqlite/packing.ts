// Carries batches to the writing thread as one list of plain values and one transferred buffer: cloning many small buffers
// would cost more than the statements they are for (a pooled one takes its whole pool along).
import type {
  AcceptRow,
  AuditNote,
  BornRow,
  CommitRow,
  CursorMove,
  EntryKind,
  NewEntry,
  TicketEvent,
} from '../store.ts';

type Plain = string | number | boolean | null;

export interface Packed {
  readonly plain: readonly Plain[];
  readonly bytes: ArrayBuffer;
}

/** Room for the bytes of a batch of usual size; twice as much whenever it is full. */
const ROOM = 64 * 1024;

export class Packer {
  private readonly values: Plain[] = [];
  private room: Uint8Array<ArrayBuffer>;
  private used = 0;

  /** @param room memory of an earlier batch, which is written over */
  constructor(room = new ArrayBuffer(0)) {
    this.room = new Uint8Array(room);
  }

  plain(...values: readonly Plain[]): void {
    for (const value of values) this.values.push(value);
  }

  bytes(value: Uint8Array | null): void {
    this.values.push(value === null ? -1 : value.byteLength);
    if (value === null) return;
    const end = this.used + value.byteLength;
    if (end > this.room.byteLength) this.grow(end);
    this.room.set(value, this.used);
    this.used = end;
  }

  /** Bytes packed so far. */
  size(): number {
    return this.used;
  }

  done(): Packed {
    return { plain: this.values, bytes: this.room.buffer };
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Buffer.allocUnsafeSlow(Math.max(needed, this.room.byteLength * 2, ROOM)).buffer);
    larger.set(this.room.subarray(0, this.used));
    this.room = larger;
  }
}

/** Gives the values back in the order they were packed. A class, and its items plain functions: closures made for each
 *  batch lose what was compiled of them whenever memory is tidied up, and are compiled again all day. */
export class Unpacker {
  private readonly plain: readonly Plain[];
  private readonly buffer: ArrayBuffer;
  private at = 0;
  private offset = 0;

  constructor({ plain, bytes }: Packed) {
    this.plain = plain;
    this.buffer = bytes;
  }

  text(): string {
    return this.plain[this.at++] as string;
  }

  textOrNull(): string | null {
    return this.plain[this.at++] as string | null;
  }

  number(): number {
    return this.plain[this.at++] as number;
  }

  flag(): boolean {
    return this.plain[this.at++] as boolean;
  }

  bytes(): Uint8Array {
    return this.bytesOrNull() as Uint8Array;
  }

  bytesOrNull(): Uint8Array | null {
    const length = this.plain[this.at++] as number;
    if (length < 0) return null;
    this.offset += length;
    return new Uint8Array(this.buffer, this.offset - length, length);
  }

  list<T>(item: (from: Unpacker) => T): T[] {
    const items: T[] = [];
    for (let left = this.number(); left > 0; left--) items.push(item(this));
    return items;
  }
}

const textOf = (from: Unpacker): string => from.text();

function packList<T>(packer: Packer, items: readonly T[], item: (packer: Packer, value: T) => void): void {
  packer.plain(items.length);
  for (const value of items) item(packer, value);
}

const packText = (packer: Packer, text: string): void => packer.plain(text);

function packJson(packer: Packer, value: unknown): void {
  packer.plain(value === null ? null : JSON.stringify(value));
}

function unpackJson<T>(from: Unpacker): T | null {
  const text = from.textOrNull();
  return text === null ? null : (JSON.parse(text) as T);
}

export function packAccept(packer: Packer, rows: readonly AcceptRow[], cursor: CursorMove | undefined): void {
  packer.plain(cursor?.channel ?? null, cursor?.value ?? null);
  packList(packer, rows, packAcceptRow);
}

function packAcceptRow(packer: Packer, row: AcceptRow): void {
  packer.plain(row.key, row.weakKey, row.fingerprint, row.number, row.channel, row.lane);
  packer.plain(row.shard, row.acceptedAt, row.blob);
  packer.bytes(row.wrappedContent);
  packer.bytes(row.sealed);
}

export function unpackAccept(from: Unpacker): { rows: AcceptRow[]; cursor: CursorMove | null } {
  const channel = from.textOrNull();
  const value = from.textOrNull();
  const cursor = channel === null || value === null ? null : { channel, value };
  return { rows: from.list(unpackAcceptRow), cursor };
}

function unpackAcceptRow(from: Unpacker): AcceptRow {
  return {
    key: from.text(),
    weakKey: from.textOrNull(),
    fingerprint: from.text(),
    number: from.text(),
    channel: from.text(),
    lane: from.text(),
    shard: from.number(),
    acceptedAt: from.number(),
    blob: from.textOrNull(),
    wrappedContent: from.bytes(),
    sealed: from.bytesOrNull(),
  };
}

export function packCommit(packer: Packer, rows: readonly CommitRow[], fence: string | null): void {
  packer.plain(fence);
  packList(packer, rows, packCommitRow);
}

function packCommitRow(packer: Packer, row: CommitRow): void {
  packer.plain(row.number, row.revision, row.decidedAt, JSON.stringify(row.outcome), row.conversation);
  packer.bytes(row.decision);
  packer.plain(row.ticket !== null);
  if (row.ticket !== null) packBorn(packer, row.ticket);
  packList(packer, row.parts, packText);
  packList(packer, row.gathers, packText);
  packList(packer, row.outbox, packEntry);
  packList(packer, row.voids, packText);
  packList(packer, row.wanted, packWanted);
  packList(packer, row.events, packEvent);
  packList(packer, row.notSame ?? [], packText);
  packJson(packer, row.audit);
}

export function unpackCommit(from: Unpacker): { rows: CommitRow[]; fence: string | null } {
  const fence = from.textOrNull();
  return { rows: from.list(unpackCommitRow), fence };
}

function unpackCommitRow(from: Unpacker): CommitRow {
  return {
    number: from.text(),
    revision: from.number(),
    decidedAt: from.number(),
    outcome: JSON.parse(from.text()),
    conversation: from.textOrNull(),
    decision: from.bytesOrNull(),
    ticket: from.flag() ? unpackBorn(from) : null,
    parts: from.list(textOf),
    gathers: from.list(textOf),
    outbox: from.list(unpackEntry),
    voids: from.list(textOf),
    wanted: from.list(unpackWanted),
    events: from.list(unpackEvent),
    notSame: from.list(textOf),
    audit: unpackJson<AuditNote>(from),
  };
}

type Wanted = CommitRow['wanted'][number];

function packWanted(packer: Packer, { index, dueAt }: Wanted): void {
  packer.plain(index, dueAt);
}

function unpackWanted(from: Unpacker): Wanted {
  return { index: from.number(), dueAt: from.number() };
}

function packBorn(packer: Packer, born: BornRow): void {
  packer.plain(born.number, born.state, born.channel, born.type, born.category, born.urgency, born.division);
  packer.plain(born.confidential, born.acceptedAt, born.closedRepeatOf, born.incident);
  packer.bytes(born.wrappedIdentity);
  packer.bytes(born.born);
  packer.bytes(born.identity);
  packer.bytes(born.facts);
  packList(packer, born.identityKeys, packText);
}

function unpackBorn(from: Unpacker): BornRow {
  return {
    number: from.text(),
    state: from.text() as BornRow['state'],
    channel: from.text(),
    type: from.text(),
    category: from.textOrNull(),
    urgency: from.text(),
    division: from.textOrNull(),
    confidential: from.flag(),
    acceptedAt: from.number(),
    closedRepeatOf: from.textOrNull(),
    incident: from.textOrNull(),
    wrappedIdentity: from.bytes(),
    born: from.bytes(),
    identity: from.bytes(),
    facts: from.bytes(),
    identityKeys: from.list(textOf),
  };
}

function packEntry(packer: Packer, entry: NewEntry): void {
  packer.plain(entry.message, entry.revision, entry.kind, entry.ticket, entry.lane);
  packer.plain(entry.urgent, entry.notBefore, entry.afterCreated);
}

function unpackEntry(from: Unpacker): NewEntry {
  return {
    message: from.text(),
    revision: from.number(),
    kind: from.text() as EntryKind,
    ticket: from.text(),
    lane: from.text(),
    urgent: from.flag(),
    notBefore: from.number(),
    afterCreated: from.flag(),
  };
}

function packEvent(packer: Packer, event: TicketEvent): void {
  const { note, ...rest } = event;
  packer.plain(JSON.stringify(rest));
  packer.bytes(note ?? null);
}

function unpackEvent(from: Unpacker): TicketEvent {
  const rest = JSON.parse(from.text()) as TicketEvent;
  const note = from.bytesOrNull();
  return note === null ? rest : { ...rest, note };
}
