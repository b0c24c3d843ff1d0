// The rows that the Store port takes and gives, what lists of them are asked by, and their counts.
//
// All ids are strings; an `ordinal` is the order of acceptance as a 32-bit number (on the embedded engine the row's own). Bytes are
// sealed where they hold anything that a citizen wrote.
import type { Outcome, Step, TicketState } from '../normalizer/ticket.ts';

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

// ---------------------------------------------------------------- attachments

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

// ---------------------------------------------------------------- several processes

/** A ticket with the time of its decision. */
export interface DecidedRow extends CandidateRow {
  readonly decidedAt: number;
  /** What others had made visible by this time its decider knew of; null where it did not say. */
  readonly knew: number | null;
}
