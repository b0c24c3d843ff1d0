// The Store port: what any engine must keep, find and change, and which steps are atomic.
//
// Batches answer per item, in order. `now` is an argument, never a clock of the store. The store sees sealed bytes only. Every method
// rejects with `StoreUnavailable` when nothing can be promised.
import type { BlobStore } from './blob-store.ts';
import type { RetentionStore } from './retention.ts';
import type {
  AcceptAnswer,
  AcceptRow,
  AttachmentRow,
  AuditNote,
  AuditRecord,
  CandidateRow,
  ChannelRow,
  ClaimedEntry,
  CommitAnswer,
  CommitRow,
  CursorMove,
  DecidedRow,
  Entry,
  EntryFilter,
  IncidentFilter,
  IncidentMove,
  IncidentRow,
  MessageCounts,
  MessageFilter,
  MessageRow,
  NewEntry,
  OutboxCounts,
  SealedTicket,
  SeenChannel,
  Segment,
  TicketCounts,
  TicketEvent,
  TicketFilter,
  TicketRow,
  UnreadRow,
} from './rows.ts';

export type { Outcome } from '../normalizer/ticket.ts';
export type { BlobStore } from './blob-store.ts';
export type * from './rows.ts';

// ---------------------------------------------------------------- messages

export interface MessageStore {
  /** Makes a batch durable in one atomic step per message, together with `cursor`: all or a rejection, repeatable. */
  accept(rows: readonly AcceptRow[], cursor?: CursorMove): Promise<readonly AcceptAnswer[]>;
  /** Unread messages of the shards after an ordinal, in order of acceptance. Nothing is written down by it. */
  unread(shards: readonly number[] | 'all', after: number, limit: number): Promise<readonly UnreadRow[]>;
  /** A reader died on these; answers the attempts now counted, in order. */
  attempted(numbers: readonly string[]): Promise<readonly number[]>;
  get(number: string): Promise<MessageRow | null>;
  list(filter: MessageFilter): Promise<readonly MessageRow[]>;
  /** Follow-ups and parts that lead to a ticket, oldest first. */
  joined(ticket: string): Promise<readonly MessageRow[]>;
  /** Makes a quarantined message unread again with attempts 0 and the next revision; false where it was not quarantined. */
  reread(number: string, by: AuditNote): Promise<boolean>;
  counts(): Promise<MessageCounts>;
}

// ---------------------------------------------------------------- decisions

export interface DecisionStore {
  /** Ticket or link, marks on the message and outbox entries in one atomic step per message, many per commit. */
  commit(rows: readonly CommitRow[], fence: string | null): Promise<readonly CommitAnswer[]>;
  /** The message a conversation was gathered into; null when there is none. */
  conversation(key: string): Promise<string | null>;
}

// ---------------------------------------------------------------- candidates

export interface CandidateStore {
  segments(): Promise<readonly Segment[]>;
  /** Blocks in the order asked for; null where a bucket has none. */
  blocks(
    wanted: readonly { readonly segment: string; readonly bucket: number }[],
  ): Promise<readonly (Uint8Array | null)[]>;
  /** Writes blocks of a segment that is not yet visible. */
  writeBlocks(
    segment: string,
    blocks: readonly { readonly bucket: number; readonly bytes: Uint8Array }[],
  ): Promise<void>;
  /** Makes a written segment visible, drops those it replaces and keeps the statistics of terms, in one step. */
  publish(segment: Segment, replaces: readonly string[], statistics: Uint8Array): Promise<void>;
  statistics(): Promise<Uint8Array | null>;
  /** Puts other blocks in the place of those of a visible segment; for what must be found no more. */
  replaceBlocks(
    segment: string,
    blocks: readonly { readonly bucket: number; readonly bytes: Uint8Array }[],
  ): Promise<void>;
  /** Tickets by ordinal, missing ones left out, in any order. */
  load(ordinals: readonly number[]): Promise<readonly CandidateRow[]>;
  /** Tickets with an ordinal above `after`, rising: what is in no segment yet. */
  since(after: number, limit: number): Promise<readonly CandidateRow[]>;
}

// ---------------------------------------------------------------- outbox

export interface OutboxStore {
  /** Takes due heads of lanes, urgent ones first and past their own lane; each is leased for `leaseMs`. Where several
   *  deciders share a store, an entry is due only once the sweep that links what two of them missed in the same instant has
   *  passed its decision; with one decider everything is swept at its commit. `queued`: they are put on a shared queue and
   *  nobody has begun with them; default false, the caller begins at once. */
  claim(now: number, limit: number, leaseMs: number, queued?: boolean): Promise<readonly ClaimedEntry[]>;
  /** Takes over an entry that was claimed as queued, by whichever process, under a token and a lease of its own. null where
   *  its lease has run out, or somebody has begun with it already: of two who got the same id from a queue, one begins. */
  begin(id: string, now: number, leaseMs: number): Promise<ClaimedEntry | null>;
  /** Earliest time at which something is due; null when nothing will be. */
  nextDue(): Promise<number | null>;
  /** Delivered: frees its lane, lets parked notices of its ticket in, sets the ticket's state and case number. */
  finish(
    id: string,
    token: string,
    answer: { readonly at: number; readonly caseNumber: string | null },
  ): Promise<'finished' | 'lost-lease'>;
  /** Failed: due again at `retryAt`, or dead with its cause (frees the lane); `cause` null: nothing was tried. `unknown` is kept as given: true while some
   *  attempt ended without a recorded answer. `counted: false` puts the entry back with `attempts` unchanged (nothing was
   *  sent, or the target as a whole was down); default true. */
  fail(
    id: string,
    token: string,
    failure: {
      readonly at: number;
      readonly retryAt: number | null;
      readonly cause: string | null;
      readonly unknown: boolean;
      readonly counted?: boolean;
    },
  ): Promise<'failed' | 'lost-lease'>;
  /** Leases that ran out are due again; answers how many. An entry somebody has begun with is marked unknown and has had an
   *  attempt; one that was only queued is as it was. */
  reclaim(now: number): Promise<number>;
  get(id: string): Promise<Entry | null>;
  list(filter: EntryFilter): Promise<readonly Entry[]>;
  /** Dead entries that match become due with attempts 0 at the end of their lane; answers their ids. */
  replay(filter: EntryFilter, now: number, by: AuditNote): Promise<readonly string[]>;
  counts(): Promise<OutboxCounts>;
}

// ---------------------------------------------------------------- tickets

export interface TicketStore {
  get(number: string): Promise<TicketRow | null>;
  /** The part of it that goes out, without its life. */
  sealed(number: string): Promise<SealedTicket | null>;
  list(filter: TicketFilter): Promise<readonly TicketRow[]>;
  /** How many repeats joined each; a ticket without any is left out. */
  followUps(numbers: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Adds to a ticket's life, with outbox entries in the same step; `duplicate` when the eventId was seen before. */
  add(
    event: TicketEvent,
    outbox: readonly NewEntry[],
    audit: AuditNote | null,
  ): Promise<'added' | 'duplicate' | 'missing'>;
  counts(): Promise<TicketCounts>;
}

// ---------------------------------------------------------------- incidents

export interface IncidentStore {
  /** Those of two tickets or more, the one a ticket was last added to first. */
  list(filter: IncidentFilter): Promise<readonly IncidentRow[]>;
  /** null where no ticket is in it. */
  get(id: string): Promise<IncidentRow | null>;
  /** How many of its tickets were accepted in the span, `until` left out. */
  arrivals(id: string, from: number, until: number): Promise<number>;
  /** All of it or nothing; `conflict` when a ticket is not where it should be, or `to` is in another incident by now. */
  move(change: IncidentMove): Promise<'moved' | 'conflict'>;
}

// ---------------------------------------------------------------- admin

export interface AdminStore extends RetentionStore {
  cursor(channel: string): Promise<string | null>;
  channels(): Promise<readonly ChannelRow[]>;
  /**
   * Writes a channel's row and records it.
   * @param seen the row that this one was made from, null where there was none: another that stands there by now is left as it is,
   *   and false answered. Absent: whatever stands there is replaced.
   */
  putChannel(row: ChannelRow, audit: AuditNote, seen?: SeenChannel | null): Promise<boolean>;
  removeChannel(id: string, audit: AuditNote): Promise<boolean>;
  /** Takes or renews a lease; answers the fencing token, or null while another owner holds it. */
  lease(name: string, owner: string, now: number, ttlMs: number): Promise<string | null>;
  audit(note: AuditNote, now: number): Promise<void>;
  auditList(after: number, limit: number): Promise<readonly AuditRecord[]>;
  /** Recomputes the chain; answers the first sequence number that does not fit, or null. */
  auditVerify(): Promise<{ readonly records: number; readonly broken: number | null }>;
  /** Small named values of the gateway itself (key check values, first-start marks). */
  meta(name: string): Promise<string | null>;
  /**
   * @param seen the value that this one was made from, null where there was none: another that stands there by now is left as it is,
   *   and false answered. Absent: whatever stands there is replaced.
   */
  setMeta(name: string, value: string, seen?: string | null): Promise<boolean>;
  attachmentsDue(now: number, limit: number): Promise<readonly AttachmentRow[]>;
  attachments(message: string): Promise<readonly AttachmentRow[]>;
  /** Writes an attachment's new state; when the last one of a message is settled its waiting outbox entry is due at once. */
  settleAttachment(row: AttachmentRow, now: number): Promise<void>;
  /** Seconds each commit since the last call took (the newest 1,024), and bytes of the disk under the data folder. */
  health(): Promise<{
    readonly commitSeconds: readonly number[];
    readonly freeBytes: number;
    readonly totalBytes: number;
  }>;
}

// ---------------------------------------------------------------- several processes

/** What only a store has that several processes share. */
export interface SharedStore {
  /** Leases in force whose name begins so. */
  leases(prefix: string, now: number): Promise<readonly { readonly name: string; readonly owner: string }[]>;
  /**
   * Renews, at once, all leases of an owner whose name begins so, those included that ran out and nobody has taken since; answers
   * the tokens of those he has.
   */
  renewAll(prefix: string, owner: string, now: number, ttlMs: number): Promise<readonly string[]>;
  /** Ends a lease before its time; nothing where the token is no longer in force. */
  release(token: string): Promise<void>;
  /** Tickets decided at or after a time, by whatever process, in the order of their decisions. */
  decidedSince(at: number, limit: number): Promise<readonly DecidedRow[]>;
  /** Decisions up to this time have been looked through for links that two deciders missed; their entries may go. */
  sweptUntil(at: number): Promise<void>;
  /** Finishes what processes that died have left half done. */
  sweep(now: number): Promise<void>;
}

export interface Store {
  readonly messages: MessageStore;
  readonly decisions: DecisionStore;
  readonly candidates: CandidateStore;
  readonly outbox: OutboxStore;
  readonly tickets: TicketStore;
  readonly incidents: IncidentStore;
  readonly blobs: BlobStore;
  readonly admin: AdminStore;
  /** null: one process owns this store. */
  readonly shared: SharedStore | null;
  /** Called when an accepted batch has become durable; the decider looks then. */
  onAccepted(listener: () => void): void;
  /** Called when outbox entries may have become due. */
  onOutbox(listener: () => void): void;
  close(): Promise<void>;
}
