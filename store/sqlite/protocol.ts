// What threads say to the writing thread and to the background thread.
import type { MessagePort } from 'node:worker_threads';
import type {
  ClosedPlace,
  ClosedRow,
  FinishedRow,
  HoldRow,
  RewrapRow,
  ShredAnswer,
  ShredExtent,
  UntiedRow,
  WrappedKeysRow,
} from '../retention.ts';
import type {
  AttachmentRow,
  AuditNote,
  AuditRecord,
  ChannelRow,
  Entry,
  EntryFilter,
  IncidentFilter,
  IncidentMove,
  IncidentRow,
  MessageFilter,
  MessageRow,
  NewEntry,
  OutboxStore,
  SeenChannel,
  Segment,
  TicketEvent,
  TicketFilter,
  TicketRow,
} from '../store.ts';
import type { Synchronous } from './connection.ts';
import type { ClaimedLine } from './entries.ts';
import type { Packed } from './packing.ts';

/** Writing steps that are not hot; `accept` and `commit` travel packed. */
export interface WriteCalls {
  attempted(numbers: readonly string[]): number[];
  reread(number: string, by: AuditNote): boolean;
  writeBlocks(segment: string, blocks: readonly { readonly bucket: number; readonly bytes: Uint8Array }[]): null;
  publish(segment: Segment, replaces: readonly string[], statistics: Uint8Array): null;
  replaceBlocks(segment: string, blocks: readonly { readonly bucket: number; readonly bytes: Uint8Array }[]): null;
  claim(now: number, limit: number, leaseMs: number, queued: boolean): ClaimedLine[];
  begin(id: string, now: number, leaseMs: number): ClaimedLine | null;
  finish(...args: Parameters<OutboxStore['finish']>): 'finished' | 'lost-lease';
  fail(...args: Parameters<OutboxStore['fail']>): 'failed' | 'lost-lease';
  reclaim(now: number): number;
  replay(filter: EntryFilter, now: number, by: AuditNote): string[];
  addEvent(
    event: TicketEvent,
    outbox: readonly NewEntry[],
    audit: AuditNote | null,
  ): 'added' | 'duplicate' | 'missing' | 'conflict';
  moveIncident(change: IncidentMove): 'moved' | 'conflict';
  putChannel(row: ChannelRow, audit: AuditNote, seen: SeenChannel | null | undefined): boolean;
  removeChannel(id: string, audit: AuditNote): boolean;
  lease(name: string, owner: string, now: number, ttlMs: number): string | null;
  audit(note: AuditNote, now: number): null;
  setMeta(name: string, value: string, seen: string | null | undefined): boolean;
  settleAttachment(row: AttachmentRow, now: number): null;
  shred(
    items: readonly { readonly number: string; readonly extent: ShredExtent }[],
    audit: AuditNote,
    now: number,
  ): ShredAnswer[];
  untie(rows: readonly UntiedRow[]): null;
  hold(number: string, reason: string, audit: AuditNote, now: number): boolean;
  unhold(number: string, audit: AuditNote, now: number): boolean;
  rewrap(rows: readonly RewrapRow[]): number;
  /** Seconds of the commits since the last call. */
  commitSeconds(): number[];
}

export type WriteName = keyof WriteCalls;

/** A call by name with its arguments, or the word for the next packed one. */
export type Call = 'accept' | 'commit' | { readonly name: WriteName; readonly args: readonly unknown[] };

export interface Batch {
  readonly calls: readonly Call[];
  readonly packed: Packed;
}

export type CallAnswer =
  | { readonly value: unknown }
  | { readonly failed: { readonly code: string; readonly message: string } };

/** What became new with a commit. */
export interface News {
  readonly accepted: boolean;
  readonly outbox: boolean;
}

export type FromWriter =
  /** `bytes`: the memory that the batch came in, given back for the next one. */
  | { readonly kind: 'done'; readonly answers: readonly CallAnswer[]; readonly bytes: ArrayBuffer; readonly news: News }
  | { readonly kind: 'news'; readonly news: News }
  | { readonly kind: 'fatal'; readonly code: string; readonly message: string };

export interface WriterOptions {
  readonly folder: string;
  readonly auditKey: Uint8Array;
  readonly hash: 'sha256' | 'sm3';
  readonly synchronous: Synchronous;
  readonly maxBytes: number | null;
  readonly now: number;
}

/** Orders to the writing thread itself, on its own channel. */
export type WriterOrder =
  | { readonly kind: 'connect'; readonly port: MessagePort }
  | { readonly kind: 'checkpoints'; readonly port: MessagePort }
  | { readonly kind: 'close' };
export type WriterReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** Reads that may take long and so run beside the checkpoints. */
export interface LongReads {
  listMessages(filter: MessageFilter): MessageRow[];
  listTickets(filter: TicketFilter): TicketRow[];
  listEntries(filter: EntryFilter): Entry[];
  listIncidents(filter: IncidentFilter): IncidentRow[];
  auditList(after: number, limit: number): AuditRecord[];
  auditVerify(): { readonly records: number; readonly broken: number | null };
  finished(until: number, after: FinishedRow | null, limit: number): FinishedRow[];
  closed(until: number, after: ClosedPlace | null, limit: number): ClosedRow[];
  holds(): HoldRow[];
  wrappedKeys(after: number, limit: number): WrappedKeysRow[];
  /** False where a reader or the writer was in the way. */
  scrub(): boolean;
}

export interface BackgroundOptions {
  readonly folder: string;
  readonly auditKey: Uint8Array;
  readonly hash: 'sha256' | 'sm3';
  /** Where the writer is told of finished checkpoints. */
  readonly writer: MessagePort;
}

export type ToBackground =
  | { readonly kind: 'read'; readonly id: number; readonly name: keyof LongReads; readonly args: readonly unknown[] }
  | { readonly kind: 'close' };
export type FromBackground =
  | { readonly kind: 'ready' }
  | { readonly kind: 'fatal'; readonly code: string; readonly message: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: CallAnswer };

/** From the background thread to the writer: so many pages of the log were moved into the database. */
export interface CheckpointDone {
  readonly logPages: number;
  readonly movedPages: number;
}
