// The shapes of the documents: one holds a message with everything that became of it, so that one write changes all of it.

import type { Step, TicketState } from '../../normalizer/ticket.ts';
import type {
  AttachmentRow,
  AuditNote,
  BornRow,
  Entry,
  EntryState,
  MessageState,
  NewEntry,
  Outcome,
  Segment,
  TicketEvent,
} from '../store.ts';

/** An event as it stands in a ticket's life; `tag` names the step that added it, so that doing the step again adds nothing. */
export type KeptEvent = Omit<TicketEvent, 'number' | 'expect'> & { readonly tag: string };

/** A ticket, inside the message it was born of. */
export interface TicketPart
  extends Omit<BornRow, 'number' | 'wrappedIdentity' | 'born' | 'identity' | 'state' | 'facts' | 'identityKeys'> {
  readonly state: TicketState;
  readonly identityKeys: readonly string[];
  readonly facts: Uint8Array;
  readonly revision: number;
  readonly step: Step | null;
  readonly caseNumber: string | null;
  readonly supervised: boolean;
  readonly closedAt: number | null;
  /** Place among all closings, in the order in which they were recorded; null while open. */
  readonly closing: number | null;
  readonly events: readonly KeptEvent[];
}

export type AttachmentPart = Omit<AttachmentRow, 'message'>;

/** A clerk's moving of tickets between incidents, as it is still to be done. */
export interface MovePart {
  readonly from: string | null;
  readonly to: string;
  readonly by: string;
  readonly kind: string;
  readonly tickets: readonly string[];
  /** As objects, since not every server of this kind takes lists within lists. */
  readonly notSame: readonly { readonly one: string; readonly other: string }[];
}

/** What still has to be made of a decision elsewhere; written with the decision, taken away when all of it is done. */
export interface Todo {
  /** Message and revision, or a name of its own; steps that follow from it carry it as their tag. */
  readonly id: string;
  readonly at: number;
  readonly outbox: readonly NewEntry[];
  /** Place of the first of them, in the order of decisions however late they get there; null: at the end of their lanes. */
  readonly seq: number | null;
  /** Events of other tickets. */
  readonly events: readonly TicketEvent[];
  /** Earlier tickets that get `incident`, unless they have one. */
  readonly gathers: readonly string[];
  readonly incident: string | null;
  /** Tickets a clerk moved to the incident this document leads. */
  readonly move: MovePart | null;
  readonly notSame: readonly string[];
  /** Why parked notices of this ticket go to nobody. */
  readonly orphaned: string | null;
  /** Entries of this message wait for attachments no longer. */
  readonly settled: boolean;
  readonly audit: AuditNote | null;
}

export interface MessageDoc {
  /** Redelivery key: an HMAC, so that unique indexes hold nothing that can be read. */
  readonly _id: string;
  readonly number: string;
  readonly ordinal: number;
  readonly fingerprint: string;
  readonly channel: string;
  readonly lane: string;
  readonly shard: number;
  readonly acceptedAt: number;
  /** Empty once shredded. */
  readonly wrappedContent: Uint8Array;
  readonly sealed: Uint8Array | null;
  readonly blob: string | null;
  readonly state: MessageState;
  readonly attempts: number;
  /** Revision the next decision must carry. */
  readonly next: number;
  /** Counts every change; each change names the one it saw. */
  readonly version: number;
  /** Highest fencing token that has touched it. */
  readonly fence: number;
  readonly decidedAt: number | null;
  /** Up to when its decider knew of what others had decided; absent where it did not say. */
  readonly knew?: number | null;
  /** Kind of the outcome; null exactly while unread. */
  readonly kind: Outcome['kind'] | null;
  readonly outcome: Outcome | null;
  /** Number that a repeat or part leads to. */
  readonly joined: string | null;
  readonly conversation: string | null;
  readonly decision: Uint8Array | null;
  /** Print of the row that made the newest decision: the same row again is known by it. */
  readonly print: string | null;
  readonly wrappedIdentity: Uint8Array | null;
  readonly identity: Uint8Array | null;
  /** Where the identity lies when it is kept apart. */
  readonly identityAt: string | null;
  readonly born: Uint8Array | null;
  readonly shreddedAt: number | null;
  readonly ticket: TicketPart | null;
  readonly isTicket: boolean;
  readonly notSame: readonly string[];
  readonly attachments: readonly AttachmentPart[];
  /** Earliest time at which an attachment is wanted. */
  readonly wantedAt: number | null;
  readonly hold: { readonly at: number; readonly by: string; readonly reason: string } | null;
  /** Set before its lead is decided; a lead that was never decided with it gives it free again. */
  readonly gathered: { readonly lead: string; readonly at: number } | null;
  /** Messages gathered into this one, and entries made void, by any of its decisions. */
  readonly parts: readonly string[];
  readonly voided: readonly string[];
  readonly todo: readonly Todo[];
  /** True while `todo` holds anything. */
  readonly pending: boolean;
}

export interface EntryDoc extends Omit<Entry, 'id'> {
  /** message:revision:kind */
  readonly _id: string;
  /** Place in the lane. */
  readonly seq: number;
  /** Due or under way: it holds its lane. A field of its own, since an index by it does not move when an entry is claimed. */
  readonly live: boolean;
  readonly token: string | null;
  /** Process that has it under way, by a name that outlives its restarts. */
  readonly holder: string | null;
  readonly leaseUntil: number | null;
  /** When `dueAt` or `leaseUntil` was set last, by the clock of whoever set it; absent in entries of earlier versions. */
  readonly setAt: number | null;
  /** `createdAt` as it was first, where it was dated ahead by a clock that was set back since; the case system may have been told of it. */
  readonly firstCreatedAt?: number | null;
  /** Somebody has begun with it; false while it only lies in a queue. */
  readonly begun: boolean;
  /** Void before the decision that wants it so is written: what it was, by which decision, since when; `mark` is new each time. */
  readonly voiding: {
    readonly from: EntryState;
    readonly cause: string | null;
    readonly by: string;
    readonly at: number;
    readonly mark: string;
  } | null;
  /** Done, and what follows from that is not yet all done. */
  readonly pending: boolean;
}

export interface AuditDoc {
  readonly _id: number;
  readonly at: number;
  readonly by: string;
  readonly action: string;
  /** JSON, exactly as the chain's MAC covers it. */
  readonly things: string;
  readonly why: string | null;
  readonly mac: string;
  /** The step it belongs to, so that doing the step again adds no second record. */
  readonly tag: string;
}

export interface ChannelDoc {
  readonly _id: string;
  readonly kind: string;
  readonly settings: Uint8Array;
  readonly enabled: boolean;
  readonly createdAt: number;
}

export interface NamedDoc {
  readonly _id: string;
  readonly value: string;
}

export interface CounterDoc {
  readonly _id: string;
  readonly value: number;
}

export interface LeaseDoc {
  readonly _id: string;
  readonly owner: string;
  readonly token: number;
  readonly until: number;
  /** How long it runs from its taking or renewing; absent in those of earlier versions. */
  readonly ttl?: number;
  /** Token with which the messages it covers were marked. */
  readonly fenced: number;
}

/** The whole list of segments with the statistics of terms: one document, so that publishing is one write. */
export interface IndexDoc {
  readonly _id: 'candidates';
  readonly version: number;
  readonly segments: readonly (Segment & { readonly key: string })[];
  /** Segments that were replaced; their blocks go when nobody can still be reading them. */
  readonly dropped: readonly { readonly id: string; readonly key: string; readonly at: number }[];
  readonly statistics: Uint8Array | null;
}

/** A segment that is being written: which key its blocks stand under, and by whom. */
export interface WritingDoc {
  readonly _id: string;
  readonly key: string;
  readonly holder: string;
}

export interface BlockDoc {
  /** key:bucket */
  readonly _id: string;
  readonly key: string;
  readonly bytes: Uint8Array;
}
