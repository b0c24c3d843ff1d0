// The Store port: what any engine must keep, find and change, and which steps are atomic.
//
// Batches answer per item, in order. `now` is an argument, never a clock of the store. All ids are strings; an `ordinal` is
// the order of acceptance as a 32-bit number (on the embedded engine the row's own). The store sees sealed bytes only.
// Every method rejects with `StoreUnavailable` when nothing can be promised.
import type { Outcome, Step, TicketState } from '../normalizer/ticket.ts';
import type { RetentionStore } from './retention.ts';

export type { Outcome } from '../normalizer/ticket.ts';

// ---------------------------------------------------------------- messages

/** An original about to be accepted. Hex strings are lower case. */
export interface AcceptRow {
  /** Redelivery key, 32 hex digits: HMAC of channel and platform id under the dedupe key. Unique for ever. */
  readonly key: string;
  /** For adapters with `weakIds`: the key that includes the fingerprint, used where `key` is taken by another body. */
  readonly weakKey: string | null;
  /** First 16 bytes of the body's SHA-256, in hex. */
  readonly fingerprint: string;
  /** The number it gets if it is new. */
  readonly number: string;
  readonly channel: string;
  /** Lane key, 16 hex digits. */
  readonly lane: string;
  /** Lane hash modulo 64. */
  readonly shard: number;
  readonly acceptedAt: number;
  /** Data key of the content, wrapped by the key ring. */
  readonly wrappedContent: Uint8Array;
  /** The original, sealed whole; null when `blob` holds it. */
  readonly sealed: Uint8Array | null;
  /** Name of the blob that holds a large original. */
  readonly blob: string | null;
}

export type AcceptAnswer =
  | { readonly kind: 'fresh'; readonly number: string }
  | { readonly kind: 'redelivery'; readonly number: string }
  | { readonly kind: 'id-reused' };

export interface CursorMove {
  readonly channel: string;
  readonly value: string;
}

export interface UnreadRow {
  readonly number: string;
  readonly ordinal: number;
  readonly channel: string;
  readonly lane: string;
  readonly shard: number;
  readonly acceptedAt: number;
  readonly wrappedContent: Uint8Array;
  readonly sealed: Uint8Array | null;
  readonly blob: string | null;
  /** Times a reader died on it. */
  readonly attempts: number;
  /** Revision the next decision must carry. */
  readonly revision: number;
}

export type MessageState = 'unread' | 'decided' | 'quarantined';

export interface MessageRow extends UnreadRow {
  readonly state: MessageState;
  /** null while unread. */
  readonly outcome: Outcome | null;
  readonly decidedAt: number | null;
  /** Sealed decision (links, words, problems) under the content key. */
  readonly decision: Uint8Array | null;
}

/** Filters are joined by "and"; lists come newest first, `before` is the ordinal of the last row seen. */
export interface MessageFilter {
  readonly channel?: string;
  readonly state?: MessageState;
  readonly outcome?: Outcome['kind'];
  readonly before?: number;
  readonly limit: number;
}

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

export interface MessageCounts {
  readonly total: number;
  readonly unread: number;
  /** acceptedAt of the oldest unread message. */
  readonly oldestUnread: number | null;
  readonly quarantined: number;
  readonly byOutcome: Readonly<Record<string, number>>;
}

// ---------------------------------------------------------------- decisions

/** A ticket's row as its decision makes it. Plain columns are what lists filter by; everything a citizen wrote is sealed. */
export interface BornRow {
  readonly number: string;
  readonly state: TicketState;
  readonly channel: string;
  readonly type: string;
  readonly category: string | null;
  readonly urgency: string;
  readonly division: string | null;
  readonly confidential: boolean;
  readonly acceptedAt: number;
  readonly closedRepeatOf: string | null;
  readonly incident: string | null;
  /** Data key of the identity, wrapped. */
  readonly wrappedIdentity: Uint8Array;
  /** Born part without the requester, sealed under the content key. */
  readonly born: Uint8Array;
  /** Requester, packed fields each sealed under the identity key. */
  readonly identity: Uint8Array;
  /** Blind index keys (32 hex digits) of phones, e-mails and ID numbers, for look-up by a clerk. */
  readonly identityKeys: readonly string[];
  /** The facts of the candidate index, encoded (postings.ts). */
  readonly facts: Uint8Array;
}

export type EntryKind =
  | 'ticket.created'
  | 'ticket.followed-up'
  | 'ticket.corrected'
  | 'ticket.link-undone'
  | 'ticket.withdrawn';

/** An entry about to enter the outbox; its id, `message:revision:kind`, is the idempotency key at the case system. */
export interface NewEntry {
  readonly message: string;
  readonly revision: number;
  readonly kind: EntryKind;
  /** The ticket it is about. */
  readonly ticket: string;
  readonly lane: string;
  readonly urgent: boolean;
  /** Not before this time (attachments still coming); holds its own lane. */
  readonly notBefore: number;
  /** True for a notice: it is parked outside every lane until the ticket's created entry is finished. */
  readonly afterCreated: boolean;
}

/** One message decided. A revision above 0 is a clerk's or a sweep's later decision on the same message. */
export interface CommitRow {
  readonly number: string;
  /** Must be the message's next revision, else `conflict`; so is any decision on what was shredded whole. */
  readonly revision: number;
  readonly decidedAt: number;
  readonly outcome: Outcome;
  readonly decision: Uint8Array | null;
  /** Ticket born (or reborn) of it. */
  readonly ticket: BornRow | null;
  /** Messages gathered into this one; each gets the outcome `part`. */
  readonly parts: readonly string[];
  /** Earlier tickets that have no incident yet and get this row's `incident`; one that got another meanwhile keeps it. */
  readonly gathers: readonly string[];
  /** Conversation key (32 hex digits) by which later parts find this message. */
  readonly conversation: string | null;
  readonly outbox: readonly NewEntry[];
  /** Undispatched entries that this decision makes void, by id; one under way or delivered by now makes the row a `conflict`. */
  readonly voids: readonly string[];
  /** Attachments to fetch, by their place in the appeal's list. */
  readonly wanted: readonly { readonly index: number; readonly dueAt: number }[];
  /** Changes of other tickets that belong to the same step. */
  readonly events: readonly TicketEvent[];
  /**
   * Its decider knew of all tickets that other processes had made visible by this time, milliseconds since the epoch; absent: nobody
   * asks, as where no other process reads. Kept by a store that processes share.
   */
  readonly knew?: number;
  /** Tickets a clerk has said this message is not about; kept for good, so that the same link is not made again. */
  readonly notSame?: readonly string[];
  readonly audit: AuditNote | null;
}

export type CommitAnswer = 'committed' | 'lost-lease' | 'conflict';

export interface DecisionStore {
  /** Ticket or link, marks on the message and outbox entries in one atomic step per message, many per commit. */
  commit(rows: readonly CommitRow[], fence: string | null): Promise<readonly CommitAnswer[]>;
  /** The message a conversation was gathered into; null when there is none. */
  conversation(key: string): Promise<string | null>;
}

// ---------------------------------------------------------------- candidates

/** A run of the posting index: blocks of ordinals first…last, one blob a bucket. */
export interface Segment {
  readonly id: string;
  readonly tier: number;
  readonly first: number;
  readonly last: number;
}

export interface CandidateRow {
  readonly ordinal: number;
  readonly number: string;
  readonly facts: Uint8Array;
  readonly state: TicketState;
  readonly confidential: boolean;
  readonly incident: string | null;
  /** Ordinal of the ticket the incident is named after; null without an incident. */
  readonly incidentOrdinal: number | null;
  /** Numbers that a clerk has said are not the same as this ticket, from either side (`CommitRow.notSame`). */
  readonly notSame?: readonly string[];
}

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

export type EntryState = 'due' | 'parked' | 'in-flight' | 'done' | 'dead' | 'void';

export interface Entry extends NewEntry {
  readonly id: string;
  readonly state: EntryState;
  /** Attempts that ended, whatever way; 0 in the hands of the first one. */
  readonly attempts: number;
  readonly createdAt: number;
  readonly dueAt: number;
  /** Code and words of the last failure; no personal data. */
  readonly cause: string | null;
  /** True when an earlier attempt ended without a recorded answer. */
  readonly unknown: boolean;
  readonly caseNumber: string | null;
  readonly finishedAt: number | null;
}

export interface ClaimedEntry extends Entry {
  /** Must be given back with finish and fail. */
  readonly token: string;
}

export interface EntryFilter {
  readonly id?: string;
  readonly state?: EntryState;
  readonly kind?: EntryKind;
  /** How the cause begins. */
  readonly cause?: string;
  readonly ticket?: string;
  readonly limit: number;
}

export interface OutboxCounts {
  readonly due: number;
  readonly parked: number;
  readonly inFlight: number;
  readonly dead: number;
  readonly done: number;
  readonly void: number;
  /** createdAt of the oldest entry neither done, void nor dead. */
  readonly oldest: number | null;
}

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
  /** Failed: due again at `retryAt`, or dead with its cause (frees the lane). `unknown` is kept as given: true while some
   *  attempt ended without a recorded answer. `counted: false` puts the entry back with `attempts` unchanged (nothing was
   *  sent, or the target as a whole was down); default true. */
  fail(
    id: string,
    token: string,
    failure: {
      readonly at: number;
      readonly retryAt: number | null;
      readonly cause: string;
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

/** A change in a ticket's life; only ever added. */
export interface TicketEvent {
  readonly number: string;
  readonly at: number;
  /** `system`, `case-system` or a clerk's name. */
  readonly by: string;
  readonly kind: string;
  readonly state?: TicketState;
  readonly step?: Step;
  readonly caseNumber?: string;
  readonly supervised?: boolean;
  /** Change refused with `Conflict` unless the ticket is in one of these states. */
  readonly expect?: readonly TicketState[];
  /** The incidents a clerk moved the ticket between; `from` is null where it had none. */
  readonly incident?: { readonly from: string | null; readonly to: string };
  /** Id of the case system's event: the same id again changes nothing. */
  readonly eventId?: string;
  /** Note, sealed under the ticket's content key. */
  readonly note?: Uint8Array;
}

export interface TicketRow extends BornRow {
  readonly ordinal: number;
  readonly revision: number;
  readonly step: Step | null;
  readonly caseNumber: string | null;
  readonly supervised: boolean;
  readonly closedAt: number | null;
  readonly wrappedContent: Uint8Array;
  readonly lane: string;
  readonly events: readonly TicketEvent[];
}

export interface TicketFilter {
  readonly channel?: string;
  readonly state?: TicketState;
  readonly type?: string;
  readonly urgency?: string;
  readonly division?: string;
  readonly incident?: string;
  /** Blind index key of a phone, e-mail or ID number. */
  readonly identityKey?: string;
  readonly before?: number;
  readonly limit: number;
}

export interface TicketCounts {
  readonly total: number;
  readonly held: number;
  readonly byState: Readonly<Record<string, number>>;
  /** Incidents of two tickets or more. */
  readonly incidents: number;
}

/** What a ticket's entries are made of. */
export type SealedTicket = Pick<
  TicketRow,
  | 'number'
  | 'type'
  | 'confidential'
  | 'incident'
  | 'caseNumber'
  | 'born'
  | 'wrappedContent'
  | 'identity'
  | 'wrappedIdentity'
>;

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

/** An incident as its tickets make it: nothing of it is kept apart from them. Its id is the number of its first ticket,
 *  which is always one of its own: a ticket that names itself as its incident leads one. */
export interface IncidentRow {
  readonly id: string;
  /** Of the ticket last added to it, for `before`. */
  readonly ordinal: number;
  /** Tickets in it; those joined to another ticket are not counted. */
  readonly tickets: number;
  /** Tickets and all follow-ups of them. */
  readonly messages: number;
  /** acceptedAt of its first and its last ticket or follow-up. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Tickets that a clerk moves from one incident to another. */
export interface IncidentMove {
  /** Where they are now; null for a ticket without an incident. */
  readonly from: string | null;
  /** Number of a ticket that leads an incident, is without one and becomes the first of this, or is among those moved. */
  readonly to: string;
  readonly tickets: readonly string[] | 'all';
  readonly at: number;
  readonly by: string;
  /** Kind of the event each ticket gets: `incident-merged`, `incident-split`. */
  readonly kind: string;
  /** Pairs that are not about the same matter, kept for good like `CommitRow.notSame`. */
  readonly notSame: readonly (readonly [string, string])[];
  readonly audit: AuditNote;
}

export interface IncidentFilter {
  readonly before?: number;
  readonly limit: number;
}

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

// ---------------------------------------------------------------- blobs

export interface BlobStore {
  /** Keeps sealed bytes durably under a name made of 64 hex digits; the same name again is left as it is. */
  put(name: string, sealed: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array | null>;
  remove(name: string): Promise<void>;
  /** One look for halves of blobs whose writers died; answers how many were removed. What it finds is removed by a later look,
   *  an hour on, if it is still unfinished then, so that nothing is touched that any process is writing. Each look is a part of
   *  all there is, and the next one goes on from there. `elapsed`: milliseconds that only rise. */
  sweep(elapsed: number): Promise<number>;
}

/** Attachments of a ticket that are still to be fetched or were kept. */
export interface AttachmentRow {
  readonly message: string;
  /** Place in the appeal's list. */
  readonly index: number;
  readonly state: 'wanted' | 'kept' | 'failed';
  readonly attempts: number;
  readonly dueAt: number;
  /** Blob name, size and type once kept. */
  readonly blob: string | null;
  readonly size: number | null;
  readonly mediaType: string | null;
  readonly cause: string | null;
}

// ---------------------------------------------------------------- admin

/** Who did what; becomes a link of the audit chain, dated with the step it belongs to, or when written where that has no time. */
export interface AuditNote {
  /** A clerk's or operator's name, or `system`. */
  readonly by: string;
  /** Verb with its room: `ticket.release`, `identity.read`. */
  readonly action: string;
  /** Numbers, channel ids or other things acted on. No personal data. */
  readonly on: readonly string[];
  readonly why?: string;
}

export interface AuditRecord extends AuditNote {
  readonly seq: number;
  readonly at: number;
  /** HMAC over the one before and this record, hex. */
  readonly mac: string;
}

export interface ChannelRow {
  readonly id: string;
  readonly kind: string;
  /** Settings as JSON, sealed (they hold secrets). */
  readonly settings: Uint8Array;
  readonly enabled: boolean;
  readonly createdAt: number;
}

export type SeenChannel = Pick<ChannelRow, 'settings' | 'enabled'>;

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

/** A ticket with the time of its decision. */
export interface DecidedRow extends CandidateRow {
  readonly decidedAt: number;
  /** What others had made visible by this time its decider knew of; null where it did not say. */
  readonly knew: number | null;
}

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
