// What the decider and its parsers say to each other: many messages to a post, bytes in one buffer, drafts as JSON text.
import type { NotAnAppeal } from '../../normalizer/inbound-message.ts';
import type { RulebookData } from '../../normalizer/rule-data.ts';
import type { Requester, TicketType, Triage, Urgency } from '../../normalizer/ticket.ts';
import type { ByHand } from './by-hand.ts';
import type { Part } from './conversations.ts';
import type { PlainError } from './plain-error.ts';

/** What a parser is started with; it gets no keys. */
export interface ParserStart {
  readonly rulebook: RulebookData;
  /** What makes no terms: characters that only hold sentences together, and set phrases. */
  readonly idleCharacters: string;
  readonly phrases: readonly string[];
  /** Third parties' adapters, and the folder relative paths start from. */
  readonly adapters: readonly string[];
  readonly baseFolder: string;
  /** Kinds of adapters to load before it says that it is ready, and to read something made up; null: it is waited for already. */
  readonly rehearsal: readonly string[] | null;
  /** Two Int32: the place of the item being read, so that a dead parser leaves a culprit behind; and whether to stop behind it. */
  readonly progress: SharedArrayBuffer;
}

/** A channel as parsers know it: settings without secrets. */
export interface ParserChannel {
  readonly kind: string;
  readonly settings: unknown;
}

export interface ParserItem {
  readonly channel: string;
  readonly receivedAt: number;
  /** True when the spans are the gathered parts of a conversation, in order. */
  readonly gathered: boolean;
  /** True when a clerk says that the first span is an appeal. */
  readonly asAppeal: boolean;
  /** A clerk makes it a ticket, whatever can be read of it; null: it has to be readable. */
  readonly byHand: ByHand | null;
  /** Start and end of each encoded original in the job's bytes. */
  readonly spans: readonly (readonly [number, number])[];
}

export interface ParserJob {
  readonly id: number;
  /** Channels that are new or changed since the last job. */
  readonly channels: Readonly<Record<string, ParserChannel>>;
  readonly items: readonly ParserItem[];
  readonly bytes: ArrayBuffer;
}

/** What the decider must know of a draft without opening it. */
export interface DraftHead {
  readonly type: TicketType;
  readonly category: string | null;
  readonly urgency: Urgency;
  readonly division: string | null;
  readonly confidential: boolean;
  readonly verdict: Triage['verdict'];
  readonly identities: readonly { readonly kind: string; readonly value: string }[];
  readonly requester: Partial<Requester>;
  readonly placeKeys: readonly string[];
  /** Places of the attachments whose bytes are still elsewhere. */
  readonly wanted: readonly number[];
  /** Runs of the title, unkeyed (`Grams.titleRuns`). */
  readonly titleRuns: readonly number[];
  readonly textHash: number;
  readonly length: number;
  /** Number of grams of this draft in the answer's arrays. */
  readonly grams: number;
}

export type Reading =
  | { readonly kind: 'draft'; readonly head: DraftHead }
  | ({ readonly kind: 'part'; readonly key: string } & Part)
  | NotAnAppeal
  /** `defect`: what an adapter threw that is none of its errors. */
  | { readonly kind: 'unreadable'; readonly reason: string; readonly defect?: PlainError };

export interface ParserAnswer {
  readonly id: number;
  /** JSON of `Reading[]`, one for each item, in order; fewer where it was told to stop. */
  readonly readings: string;
  /** For each draft, one after the other: JSON (UTF-8) of the born ticket without requester and without what the decision
   *  adds. It stays bytes from here to its sealing. */
  readonly drafts: Uint8Array;
  /** Where each draft ends. */
  readonly draftEnds: readonly number[];
  /** Grams of all drafts, one after the other. */
  readonly hashes: Uint32Array;
  readonly counts: Uint8Array;
}
