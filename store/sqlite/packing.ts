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

export interface Packer {
  plain(...values: readonly Plain[]): void;
  bytes(value: Uint8Array | null): void;
  /** Bytes packed so far. */
  size(): number;
  done(): Packed;
}

/** Room for the bytes of a batch of usual size; twice as much whenever it is full. */
const ROOM = 64 * 1024;

export function createPacker(): Packer {
  const plain: Plain[] = [];
  let room = new Uint8Array(0);
  let used = 0;
  const grow = (needed: number): void => {
    const larger = new Uint8Array(Buffer.allocUnsafeSlow(Math.max(needed, room.byteLength * 2, ROOM)).buffer);
    larger.set(room.subarray(0, used));
    room = larger;
  };
  return {
    plain: (...values) => {
      plain.push(...values);
    },
    bytes: value => {
      plain.push(value === null ? -1 : value.byteLength);
      if (value === null) return;
      const end = used + value.byteLength;
      if (end > room.byteLength) grow(end);
      room.set(value, used);
      used = end;
    },
    size: () => used,
    done: () => ({ plain, bytes: room.buffer }),
  };
}

/** Gives the values back in the order they were packed. */
export interface Unpacker {
  text(): string;
  textOrNull(): string | null;
  number(): number;
  flag(): boolean;
  bytes(): Uint8Array;
  bytesOrNull(): Uint8Array | null;
  list<T>(item: () => T): T[];
}

export function createUnpacker(packed: Packed): Unpacker {
  const { plain, bytes } = packed;
  let at = 0;
  let offset = 0;
  const bytesOrNull = (): Uint8Array | null => {
    const length = plain[at++] as number;
    if (length < 0) return null;
    offset += length;
    return new Uint8Array(bytes, offset - length, length);
  };
  return {
    text: () => plain[at++] as string,
    textOrNull: () => plain[at++] as string | null,
    number: () => plain[at++] as number,
    flag: () => plain[at++] as boolean,
    bytes: () => bytesOrNull() as Uint8Array,
    bytesOrNull,
    list: item => {
      const length = plain[at++] as number;
      return Array.from({ length }, item);
    },
  };
}

function packList<T>(packer: Packer, items: readonly T[], item: (value: T) => void): void {
  packer.plain(items.length);
  for (const value of items) item(value);
}

function packJson(packer: Packer, value: unknown): void {
  packer.plain(value === null ? null : JSON.stringify(value));
}

function unpackJson<T>(unpacker: Unpacker): T | null {
  const text = unpacker.textOrNull();
  return text === null ? null : (JSON.parse(text) as T);
}

export function packAccept(packer: Packer, rows: readonly AcceptRow[], cursor: CursorMove | undefined): void {
  packer.plain(cursor?.channel ?? null, cursor?.value ?? null);
  packList(packer, rows, row => {
    packer.plain(
      row.key,
      row.weakKey,
      row.fingerprint,
      row.number,
      row.channel,
      row.lane,
      row.shard,
      row.acceptedAt,
      row.blob,
    );
    packer.bytes(row.wrappedContent);
    packer.bytes(row.sealed);
  });
}

export function unpackAccept(unpacker: Unpacker): { rows: AcceptRow[]; cursor: CursorMove | null } {
  const channel = unpacker.textOrNull();
  const value = unpacker.textOrNull();
  const cursor = channel === null || value === null ? null : { channel, value };
  const rows = unpacker.list(() => ({
    key: unpacker.text(),
    weakKey: unpacker.textOrNull(),
    fingerprint: unpacker.text(),
    number: unpacker.text(),
    channel: unpacker.text(),
    lane: unpacker.text(),
    shard: unpacker.number(),
    acceptedAt: unpacker.number(),
    blob: unpacker.textOrNull(),
    wrappedContent: unpacker.bytes(),
    sealed: unpacker.bytesOrNull(),
  }));
  return { rows, cursor };
}

export function packCommit(packer: Packer, rows: readonly CommitRow[], fence: string | null): void {
  packer.plain(fence);
  packList(packer, rows, row => {
    packer.plain(row.number, row.revision, row.decidedAt, JSON.stringify(row.outcome));
    packer.plain(row.conversation);
    packer.bytes(row.decision);
    packer.plain(row.ticket !== null);
    if (row.ticket !== null) packBorn(packer, row.ticket);
    packList(packer, row.parts, part => packer.plain(part));
    packList(packer, row.gathers, number => packer.plain(number));
    packList(packer, row.outbox, entry => packEntry(packer, entry));
    packList(packer, row.voids, id => packer.plain(id));
    packList(packer, row.wanted, ({ index, dueAt }) => packer.plain(index, dueAt));
    packList(packer, row.events, event => packEvent(packer, event));
    packList(packer, row.notSame ?? [], number => packer.plain(number));
    packJson(packer, row.audit);
  });
}

export function unpackCommit(unpacker: Unpacker): { rows: CommitRow[]; fence: string | null } {
  const fence = unpacker.textOrNull();
  const rows = unpacker.list(
    (): CommitRow => ({
      number: unpacker.text(),
      revision: unpacker.number(),
      decidedAt: unpacker.number(),
      outcome: JSON.parse(unpacker.text()),
      conversation: unpacker.textOrNull(),
      decision: unpacker.bytesOrNull(),
      ticket: unpacker.flag() ? unpackBorn(unpacker) : null,
      parts: unpacker.list(unpacker.text),
      gathers: unpacker.list(unpacker.text),
      outbox: unpacker.list(() => unpackEntry(unpacker)),
      voids: unpacker.list(unpacker.text),
      wanted: unpacker.list(() => ({ index: unpacker.number(), dueAt: unpacker.number() })),
      events: unpacker.list(() => unpackEvent(unpacker)),
      notSame: unpacker.list(unpacker.text),
      audit: unpackJson<AuditNote>(unpacker),
    }),
  );
  return { rows, fence };
}

function packBorn(packer: Packer, born: BornRow): void {
  packer.plain(born.number, born.state, born.channel, born.type, born.category, born.urgency, born.division);
  packer.plain(born.confidential, born.acceptedAt, born.closedRepeatOf, born.incident);
  packer.bytes(born.wrappedIdentity);
  packer.bytes(born.born);
  packer.bytes(born.identity);
  packer.bytes(born.facts);
  packList(packer, born.identityKeys, key => packer.plain(key));
}

function unpackBorn(unpacker: Unpacker): BornRow {
  return {
    number: unpacker.text(),
    state: unpacker.text() as BornRow['state'],
    channel: unpacker.text(),
    type: unpacker.text(),
    category: unpacker.textOrNull(),
    urgency: unpacker.text(),
    division: unpacker.textOrNull(),
    confidential: unpacker.flag(),
    acceptedAt: unpacker.number(),
    closedRepeatOf: unpacker.textOrNull(),
    incident: unpacker.textOrNull(),
    wrappedIdentity: unpacker.bytes(),
    born: unpacker.bytes(),
    identity: unpacker.bytes(),
    facts: unpacker.bytes(),
    identityKeys: unpacker.list(unpacker.text),
  };
}

function packEntry(packer: Packer, entry: NewEntry): void {
  packer.plain(
    entry.message,
    entry.revision,
    entry.kind,
    entry.ticket,
    entry.lane,
    entry.urgent,
    entry.notBefore,
    entry.afterCreated,
  );
}

function unpackEntry(unpacker: Unpacker): NewEntry {
  return {
    message: unpacker.text(),
    revision: unpacker.number(),
    kind: unpacker.text() as EntryKind,
    ticket: unpacker.text(),
    lane: unpacker.text(),
    urgent: unpacker.flag(),
    notBefore: unpacker.number(),
    afterCreated: unpacker.flag(),
  };
}

function packEvent(packer: Packer, event: TicketEvent): void {
  const { note, ...rest } = event;
  packer.plain(JSON.stringify(rest));
  packer.bytes(note ?? null);
}

function unpackEvent(unpacker: Unpacker): TicketEvent {
  const rest = JSON.parse(unpacker.text()) as TicketEvent;
  const note = unpacker.bytesOrNull();
  return note === null ? rest : { ...rest, note };
}
