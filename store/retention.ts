// The part of the Store port by which keeping ends and keys change: shredding, legal hold, re-wrapping, copies.
//
// What a message is known by again (redelivery key and fingerprint), its number and its outcome outlive everything here.
import type { BlobStore } from './blob-store.ts';
import type { AttachmentRow, AuditNote, MessageRow, TicketRow } from './rows.ts';

/** A message that became no ticket and whose original is still there. */
export interface FinishedRow {
  readonly number: string;
  readonly ordinal: number;
  readonly kind: 'quarantined' | 'not-an-appeal';
  readonly decidedAt: number;
}

/** Where a list of closed tickets goes on. */
export interface ClosedPlace {
  readonly ordinal: number;
  readonly closedAt: number;
}

export interface ClosedRow extends ClosedPlace {
  readonly number: string;
  /** It only seems so old, by a clock that was wrong or a report that came late: something recorded before it is younger. Its
   *  time is still to come, so whoever goes on behind it has to come back. */
  readonly young: boolean;
}

/**
 * `all`: the content key, the original and the decision of a message that became no ticket, with the parts gathered into it.
 * `original`: the bytes as they came; ticket, follow-up and their keys stay.
 */
export type ShredExtent = 'all' | 'original';

/** `held`: a legal hold is on it, or on the ticket it leads to. `conflict`: unread again, or not of that extent. */
export type ShredAnswer = 'shredded' | 'held' | 'conflict' | 'missing';

export interface HoldRow {
  readonly number: string;
  readonly at: number;
  readonly by: string;
  readonly reason: string;
}

/** The wrapped data keys of one message; a key that was shredded or erased is null. */
export interface WrappedKeysRow {
  readonly ordinal: number;
  readonly content: Uint8Array | null;
  readonly identity: Uint8Array | null;
}

/** A data key under another wrapping; written only where the old one still stands. */
export interface RewrapRow {
  readonly ordinal: number;
  readonly which: 'content' | 'identity';
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** A message that is to lead to nobody any more, and what takes the place of its lane (16 hex digits of nobody). */
export interface UntiedRow {
  readonly number: string;
  readonly lane: string;
}

export interface SnapshotFile {
  /** Path inside the copy, with forward slashes. */
  readonly name: string;
  readonly bytes: number;
  /** SHA-256, hex. */
  readonly sha256: string;
}

/** A copy of everything kept, of one moment, as an engine makes and reads it. */
export interface Snapshot {
  readonly engine: string;
  readonly schema: number;
  readonly files: readonly SnapshotFile[];
}

export interface SnapshotWatch {
  /** Called now and then; the unit is the engine's. */
  progress(done: number, total: number): void;
  readonly signal: AbortSignal;
}

/** What a copy holds, read only; opened without its engine, so that nothing of it is changed. */
export interface SnapshotReader {
  readonly schema: number;
  readonly blobs: Pick<BlobStore, 'get'>;
  /** The engine's own check; null when the copy is whole, else what it says. */
  integrity(): string | null;
  counts(): { readonly messages: number; readonly tickets: number; readonly entries: number };
  meta(name: string): string | null;
  messagesAfter(ordinal: number, limit: number): readonly MessageRow[];
  ticket(number: string): TicketRow | null;
  attachments(message: string): readonly AttachmentRow[];
  verifyAudit(
    auditKey: Uint8Array,
    profile: 'intl' | 'gm',
  ): { readonly records: number; readonly broken: number | null };
  close(): void;
}

export interface RetentionStore {
  /** Decided at or before `until`, oldest first, after a row seen before. Left out: what is on hold, what was shredded, and
   *  what only seems so old because a clock was wrong (something recorded before it is younger than `until`). */
  finished(until: number, after: FinishedRow | null, limit: number): Promise<readonly FinishedRow[]>;
  /** Tickets closed at or before `until`, in the order of closing. What is on hold is left out. */
  closed(until: number, after: ClosedPlace | null, limit: number): Promise<readonly ClosedRow[]>;
  /** Each on its own, all in one step; blobs are the caller's to remove, before. */
  shred(
    items: readonly { readonly number: string; readonly extent: ShredExtent }[],
    audit: AuditNote,
    now: number,
  ): Promise<readonly ShredAnswer[]>;
  /**
   * Takes away what leads to a person besides what is sealed of them: the notes others wrote on the ticket, the conversation, and the
   * lane that all messages of one sender share; of entries too, but for those that still hold it. Of an erased ticket also what an engine
   * has left of its identity. May be repeated.
   */
  untie(rows: readonly UntiedRow[]): Promise<void>;
  /** Legal hold on a ticket or message; false where the number is unknown. A second one replaces the first. */
  hold(number: string, reason: string, audit: AuditNote, now: number): Promise<boolean>;
  /** False where there was none. */
  unhold(number: string, audit: AuditNote, now: number): Promise<boolean>;
  holds(): Promise<readonly HoldRow[]>;
  /** True where a hold is on the number itself or on the ticket it leads to. */
  onHold(number: string): Promise<boolean>;
  /** Time of the newest record (accepted, audited); null in an empty store. */
  newestAt(): Promise<number | null>;
  /** By rising ordinal. */
  wrappedKeys(after: number, limit: number): Promise<readonly WrappedKeysRow[]>;
  /** Answers how many were written. */
  rewrap(rows: readonly RewrapRow[]): Promise<number>;
  /** Makes the engine drop what it still has of deleted bytes (its log); false when that has to wait for a reader. */
  scrub(): Promise<boolean>;
  /** Copies everything kept into an empty folder while writing goes on; rejects with `store.snapshot_failed`. */
  snapshot(folder: string, watch: SnapshotWatch): Promise<Snapshot>;
}
