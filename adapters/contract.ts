// The adapter seam: all that an adapter, ours or a third party's, knows of the gateway.
import type { Readable } from 'node:stream';
import type { ObjectSchema } from 'joi';
import type { InboundAppeal, InboundMessage } from '../normalizer/inbound-message.ts';
import type { Original } from '../normalizer/original.ts';
import type { Outcome } from '../normalizer/ticket.ts';

export type {
  AttachmentSource,
  ConversationPart,
  InboundAppeal,
  InboundAttachment,
  InboundContact,
  InboundMessage,
  InboundPlace,
  NotAnAppeal,
  NotAnAppealReason,
} from '../normalizer/inbound-message.ts';
export type { FilePart, Original } from '../normalizer/original.ts';
export type { Outcome } from '../normalizer/ticket.ts';
export * from './errors.ts';

/** What an adapter can do. The console, the docs and the conformance suite read it. */
export interface Capabilities {
  /** The adapter refuses garbage to a sender who can correct it (`app`, `website`); others accept it and it is quarantined. */
  readonly validates: boolean;
  /** Platform ids are too weak to tell a second message from a redelivery (SMS sequence, Weibo), or nobody could mend one
   *  that was refused: an id used again with another body is a new message, never `id-reused`. */
  readonly weakIds: boolean;
  readonly receives: readonly ('webhook' | 'poll' | 'listen')[];
  readonly replies: boolean;
  readonly attachments: boolean;
  readonly conversations: boolean;
}

/** One adapter. A definition file has no side effects: every reading thread imports it too. */
export interface AdapterDefinition<S = unknown> {
  /** Folder name = YAML value = URL part = error prefix. */
  readonly kind: string;
  readonly title: { readonly zh: string; readonly en: string };
  /** Strict schema of a channel's `settings`; labels in Chinese, `meta({ secret: true })` on what must not be shown. */
  readonly settings: ObjectSchema<S>;
  readonly capabilities: Capabilities;
  /** Pure; runs in the reading threads and again on replay. Throws `Unreadable` for what nobody could read. */
  parse(original: Original, settings: S): InboundMessage | Promise<InboundMessage>;
  /** Pure like `parse`: an original that `parse` takes for no appeal, read as the appeal that a clerk says it is. Without it
   *  a clerk cannot make a ticket of such a message in its place. */
  readAsAppeal?(original: Original, settings: S): InboundAppeal | Promise<InboundAppeal>;
  /** Pure: a container (CSV, XLSX, an array of messages, a zip) into its parts, each an original of its own. */
  split?(container: Original, settings: S): Iterable<Original> | AsyncIterable<Original>;
  /** Bounded and linear: platform id and sender out of at most the first 64 kB. For an adapter's own `webhook`, which may have to
   *  answer before anything is parsed; the gateway does not call it. */
  peek?(head: Uint8Array): { readonly platformId: string; readonly sender: string | null };
  /** Opens one channel. Throws `Misconfigured`, `CredentialsRefused` or `Unavailable`. */
  open(context: AdapterContext<S>): Promise<OpenChannel>;
  /** What senders' developers are told: this adapter's part of /openapi.json, and its refusals for /problems. Called when
   *  somebody asks for them. */
  published?(): Promise<Published>;
  /** What a channel with these settings reads from. Two channels that read from one take in everything twice, which is told. */
  readonly sources?: (settings: S) => readonly string[];
  /** Settings and webhook bodies for the conformance suite and `huisu channels try`; secrets are made-up ones. */
  readonly sample?: { readonly settings: S };
}

/** The public face of an adapter that partners call. */
export interface Published {
  /** Part of an OpenAPI 3.1 document. */
  readonly openapi: {
    readonly paths: Readonly<Record<string, unknown>>;
    readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly tags: readonly unknown[];
  };
  readonly problems: readonly {
    /** Last part of the problem's type URI. */
    readonly code: string;
    readonly status: number;
    readonly zh: { readonly title: string; readonly todo: string };
    readonly en: { readonly title: string; readonly todo: string };
  }[];
}

/** How the gateway answered one accepted original. */
export type Acceptance =
  | {
      readonly kind: 'fresh' | 'redelivery';
      /** Our number, the same for ever for the same message. */
      readonly number: string;
      /** 查询码: the requester's second proof; goes to the sender only. */
      readonly queryCode: string;
      /** Resolves with what became of the message, or with null when `signal` aborts first. It tells of this channel's messages as if
       *  they were all there are. */
      outcome(signal: AbortSignal): Promise<Outcome | null>;
    }
  /** The platform id was used before with another body; nothing was stored (never with `weakIds`), so it must not be
   *  acknowledged: refuse it to the sender, or send it back. */
  | { readonly kind: 'id-reused' };

/** What the gateway knows of a number given to this channel; the answer to a progress query. */
export interface Progress {
  readonly number: string;
  readonly receivedAt: number;
  /** null while it is unread. */
  readonly outcome: Outcome | null;
  /** Where the ticket the number leads to stands; null when there is none. */
  readonly ticket: {
    readonly number: string;
    readonly state: string;
    readonly step: string | null;
    readonly closedAt: number | null;
  } | null;
}

/** Log lines carry a code and named, non-personal values only. */
export interface ChannelLog {
  info(code: string, values?: Readonly<Record<string, string | number | boolean>>): void;
  warn(code: string, values?: Readonly<Record<string, string | number | boolean>>): void;
}

/** What the gateway gives to an open channel. */
export interface AdapterContext<S = unknown> {
  /** Channel id, not the adapter's kind. */
  readonly channel: string;
  readonly settings: S;
  /**
   * Makes originals durable. Array in, array out, same order. Rejects (with `Unavailable`) unless all are durable; calling
   * it again with the same originals is safe. Acknowledge to the platform only after it has resolved.
   * @param after `cursor` moves in the same atomic step as the originals.
   */
  accept(originals: readonly Original[], after?: { readonly cursor?: string }): Promise<readonly Acceptance[]>;
  /** Runs this adapter's `split` in the reading pool, under its limits. */
  split(container: Original): AsyncIterable<Original>;
  /** Seals bytes that the adapter keeps outside of the store, such as a file it has taken; `huisu unseal` opens them. */
  seal(bytes: Uint8Array): Promise<Uint8Array>;
  /** The cursor as last moved by `accept`; null at first. */
  cursor(): Promise<string | null>;
  /** What became of a number; null for a number unknown or of another channel. */
  progress(number: string): Promise<Progress | null>;
  /** Milliseconds since the epoch. */
  now(): number;
  readonly log: ChannelLog;
  /** Aborts when the channel closes. */
  readonly signal: AbortSignal;
}

/** One request to `/hooks/{channel}{/rest}`. Header names are lower-case; repeated headers are joined by ", ". */
export interface WebhookRequest {
  readonly method: string;
  /** What follows the channel id: '' or '/validate'. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Reads the whole raw body; rejects with `BodyTooLarge` over `limit` bytes. */
  body(limit: number): Promise<Uint8Array>;
  /** The raw body as a stream instead (multipart). */
  readonly stream: Readable;
  readonly remoteAddress: string;
}

export interface WebhookAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** The body was longer than the reader allows; a platform sees 413. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
  readonly limit: number;
  constructor(limit: number) {
    super(`body is longer than ${limit} bytes`);
    this.limit = limit;
  }
}

/** A receipt or an answer on its way to the requester. */
export interface OutgoingReply {
  /** Idempotency key: the same key is never sent twice. */
  readonly key: string;
  readonly number: string;
  readonly queryCode: string;
  readonly text: string;
  /** The original the reply answers, for threads and addresses. */
  readonly original: Original;
}

/** Who hands a file over by hand, and how long they wait. */
export interface ImportCall {
  /** For what becomes of the rows; 0 where nobody reads them now. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Told how far it is: rows `taken`, then `read`; `total` null where it is not known. */
  step(phase: 'taken' | 'read', count: number, total: number | null): void;
}

/** What became of a file handed over by hand. */
export interface ImportReport {
  readonly rows: number;
  readonly fresh: number;
  readonly redelivered: number;
  /** Rows that were not taken. */
  readonly sentBack: number;
  /** Rows taken that turned out to be unreadable or no appeal. */
  readonly notTickets: number;
  /** Rows taken whose reading was not over in time. */
  readonly unread: number;
  /** Code of why nothing, or nothing more, could be taken; null when the file was read to its end. */
  readonly broken: string | null;
  /** Path of the file that says what is wrong with which row; null when nothing is. */
  readonly errorFile: string | null;
}

/** An open channel; every member but `close` is optional. */
export interface OpenChannel {
  /** Answers one request. Throws `Unauthentic` (401), `Unavailable` (503); anything else thrown is a bug (500). */
  webhook?(request: WebhookRequest): Promise<WebhookAnswer>;
  /**
   * Looks once for new messages and accepts them; the gateway calls it under the channel's lease, and not again before it has
   * ended. It may take hours over a backlog; one that for 30 minutes accepts nothing and gets no part of a container is told
   * to end by `signal`, the channel then counts as down.
   */
  poll?(signal: AbortSignal): Promise<void>;
  /** Holds a live connection until `signal` aborts or it breaks (throws). */
  listen?(signal: AbortSignal): Promise<void>;
  /** Sends one reply. Resolves when the platform took it; throws `Refused` for never, `Unavailable` for later. */
  reply?(reply: OutgoingReply): Promise<void>;
  /** Takes a file by hand (`huisu import`), which stays where it is. Throws what `accept` and the file system throw. */
  importFile?(path: string, call: ImportCall): Promise<ImportReport>;
  /** Connection check for the operator: resolves with what was found, in words. */
  check?(): Promise<{ readonly zh: string; readonly en: string }>;
  /**
   * Codes of what an operator should know of a channel that works all the same (a file that waits to be written); asked for
   * whenever its state is shown, so it must be cheap. `huisu status` shows them.
   */
  notes?(): readonly string[];
  /** Fetches the bytes a `platform` attachment refers to. */
  fetchAttachment?(
    ref: string,
    signal: AbortSignal,
  ): Promise<{ readonly bytes: Uint8Array; readonly mediaType: string }>;
  close(): Promise<void>;
}
