// What a command is, and what it works with: the same object runs inside a running gateway and on a store opened for it.
import type { Registry } from '../../adapters/registry.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { Extension } from '../../normalizer/deadline.ts';
import type { Deadline } from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Forgotten } from '../../store/forget-postings.ts';
import type { KeyRing } from '../../store/key-ring.ts';
import type { Store } from '../../store/store.ts';
import type { ChannelBook } from '../channels/channel-book.ts';
import type { ContextParts } from '../channels/channel-context.ts';
import type { PollState } from '../channels/poll-progress.ts';
import type { Desk } from '../desk/desk.ts';
import type { TryReport } from '../dispatch/try.ts';
import type { ReadinessReason } from '../http/health.ts';
import type { Sentence } from '../locale.ts';
import type { ReloadReport, SettingsState } from '../settings/reload.ts';
import type { Vitals } from '../telemetry/vitals.ts';

/** How a channel of a running gateway is doing. */
export interface ChannelState {
  readonly id: string;
  readonly up: boolean;
  /** Code of what is wrong; null when up. */
  readonly reason: string | null;
  /** The adapter's own code behind it; null where there is none. */
  readonly cause: string | null;
  /** When it is tried again, milliseconds since the epoch; null when up, or until somebody changes its settings. */
  readonly retryAt: number | null;
  /** Codes of what should be known of it although it is up. */
  readonly notes: readonly string[];
  /** The poll that runs; null where none does. */
  readonly poll: PollState | null;
}

/** What only a running gateway can tell or do. */
export interface LiveGateway {
  readonly startedAt: number;
  readonly url: string;
  channelStates(): readonly ChannelState[];
  /** Closes a channel and opens it with its settings as they are now. */
  reopen(channel: string): Promise<void>;
  /** A message has become unread again; the reader looks for it. */
  rescan(): void;
  /** A clerk has moved these tickets to another incident, linked or refused them. */
  moved(numbers: readonly string[]): void;
  /** Tickets are found by these terms no more, in the reader's memory either. */
  forget(pairs: readonly Forgotten[]): Promise<void>;
  /** The ring has new keys: other threads get them, and what older ones wrap is wrapped anew. */
  keysRotated(): void;
  /** Reasons of /readyz. */
  reasons(): Promise<readonly ReadinessReason[]>;
  /** Asks the store; rejects with `StoreUnavailable` where it is known to answer nothing. */
  answered<T>(ask: () => Promise<T>): Promise<T>;
  /** What it knows of itself without its store. */
  vitals(): Vitals;
  settings(): SettingsState;
  /** Ends of the certificate in use; null without TLS. */
  certificate(): { readonly notAfter: number } | null;
  /** What a channel is given to work with, for a file that is taken by hand. */
  importing(): ContextParts;
  /** Reads the settings again and opens anew what waits for a person. */
  reload(): Promise<ReloadReport>;
}

/** What commands work with; made by the composition, with or without a gateway around it. */
export interface CommandContext {
  readonly loaded: LoadedConfig;
  readonly store: Store;
  readonly cipher: FieldCipher;
  /** As it is now. */
  readonly ring: KeyRing;
  /** Whether the keys at work are where the next start looks for them. */
  keysKept(): boolean;
  /** Takes over the keys that the file has now; they seal from now on, in every thread. */
  adoptRing(): Promise<void>;
  /** A clerk's decision made a ticket of a message; from now on others are compared with it. */
  adopt(number: string): Promise<void>;
  /** Takes postings out of the candidate index, wherever it is held. */
  forget(pairs: readonly Forgotten[]): Promise<void>;
  readonly registry: Registry;
  readonly book: ChannelBook;
  readonly desk: Desk;
  /** How often a deadline may be extended, and until when each time is to be asked for. */
  extensions(deadline: Deadline): readonly Extension[];
  /** null when no gateway runs. */
  readonly live: LiveGateway | null;
  /** Sends one made-up entry of each kind to the case system; null when none is configured. */
  readonly tryCaseSystem: (() => Promise<TryReport>) | null;
  now(): number;
}

/** Who calls, and how to tell them how far it is. */
export interface Call {
  /** Name of the operator, for the audit. */
  readonly by: string;
  readonly signal: AbortSignal;
  /** One line of progress, to standard error; with a share it is a bar where a person watches. */
  progress(line: Sentence, share?: Share): void;
}

/** How much of how much is done. */
export interface Share {
  readonly done: number;
  readonly total: number;
}

export type Row = Readonly<Record<string, unknown>>;
export type Arguments = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Option {
  /** As commander writes it: `--state <state>`. */
  readonly flags: string;
  readonly summary: Sentence;
  readonly choices?: readonly string[];
  /** Turned into a whole number within these bounds. */
  readonly number?: { readonly min: number; readonly max: number };
  /** A file or folder: made absolute where it is typed, since the gateway may run in another folder. */
  readonly path?: true;
  /** The command does nothing without it. */
  readonly required?: true;
}

/** A column of a list; `key` may lead into nested values (`outcome.kind`). */
export interface Column {
  readonly key: string;
  readonly title: Sentence;
  /** How a value is shown: as a time, as the sentence of the language, as a word of the locale's group, or as it is. */
  readonly show?: 'time' | 'sentence' | { readonly words: string };
}

interface CommandBase {
  /** Words separated by a space: `tickets release`. */
  readonly name: string;
  readonly summary: Sentence;
  /** Positional arguments, `<number>` required and `[number]` not. */
  readonly arguments?: readonly { readonly form: string; readonly summary: Sentence; readonly path?: true }[];
  readonly options?: readonly Option[];
  /** May be the first to be run on a new data folder; the others then say that there is nothing yet. */
  readonly begins?: true;
}

/** Many rows: JSON Lines with --json, otherwise a table. */
export interface ListCommand extends CommandBase {
  readonly kind: 'list';
  readonly columns: readonly Column[];
  run(context: CommandContext, args: Arguments, call: Call): AsyncIterable<Row>;
}

/** One object as the last line of standard output; `text` says it in words before, unless --json. */
export interface OneCommand extends CommandBase {
  readonly kind: 'one';
  run(context: CommandContext, args: Arguments, call: Call): Promise<Row>;
  text?(result: Row, language: 'zh' | 'en'): string;
  /** Exit code by result; 0 when absent. */
  exit?(result: Row): number;
}

export type Command = ListCommand | OneCommand;

/** Where a local command writes. */
export interface Terminal {
  readonly language: 'zh' | 'en';
  readonly json: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** Settings file given by --config. */
  readonly configFile: string | undefined;
  /** A line of a result, to standard output. */
  out(line: string): void;
  /** Logs and progress, to standard error. */
  err(line: string): void;
}

/** A command that needs no store: it starts the gateway, or only looks at files. Answers the exit code. */
export interface LocalCommand extends CommandBase {
  readonly kind: 'local';
  run(terminal: Terminal, args: Arguments): Promise<number>;
}
