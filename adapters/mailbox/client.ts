// One IMAP connection: the only file that knows the IMAP library; its errors leave as ours.
import { readFileSync } from 'node:fs';
import type { ImapFlow, ImapFlowOptions } from 'imapflow';
import { Misconfigured, Unavailable } from '../contract.ts';
import { asPlatformError } from './faults.ts';
import type { MailboxSettings } from './settings.ts';

/** What to log in with. */
export type Login = { readonly password: string } | { readonly accessToken: string };

/** A folder as it is when it has just been selected. */
export interface Folder {
  readonly validity: string;
  /** The highest UID given so far; 0 in a folder that never held a mail. */
  readonly newest: number;
  /** Whether the server tells the next UID; else `newest` is that of the newest mail there is. */
  readonly tellsNext: boolean;
  readonly count: number;
  /** Whether the server keeps a keyword, or a flag, that we set. */
  keeps(flag: string): boolean;
}

/** What is known of a mail before it is fetched. */
export interface Head {
  readonly uid: number;
  readonly size: number;
  /** INTERNALDATE in milliseconds since the epoch: when the server took it in; null where what it says is no time. */
  readonly receivedAt: number | null;
}

export interface SearchFor {
  readonly from: number;
  /** Left out: up to the newest. */
  readonly to?: number;
  /** Taken in on that day or later, in days of the server's own zone: choose a day too early. */
  readonly since?: Date;
  readonly without?: string;
}

/** A live connection. Every member throws a platform error when the server or the network fails. */
export interface Session {
  readonly alive: boolean;
  /** Whether the server tells of new mail by itself. */
  readonly idles: boolean;
  select(path: string): Promise<Folder>;
  /** Names of all folders. */
  folders(): Promise<readonly string[]>;
  /** UIDs in rising order, in the selected folder. */
  search(query: SearchFor): Promise<readonly number[]>;
  /** Mails that vanished meanwhile are left out, here and below. */
  heads(uids: readonly number[]): Promise<readonly Head[]>;
  bodies(uids: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>>;
  /** The first bytes of a mail; null when it vanished. */
  beginning(uid: number, bytes: number): Promise<Uint8Array | null>;
  /** False when the server would not. */
  mark(uids: readonly number[], flag: string): Promise<boolean>;
  /** Resolves when there may be something new in the selected folder, or `signal` aborts; throws when the connection ends. */
  news(signal: AbortSignal): Promise<void>;
  close(): void;
}

const CONNECT_MS = 20_000;
const GREETING_MS = 16_000;
/** Without a byte for so long a command, and the connection with it, is given up. */
const SILENCE_MS = 90_000;
/** IDLE is renewed before firewalls and providers forget the connection. */
const IDLE_MS = 4 * 60_000;
/** A literal beyond it is refused unread; what is fetched at once is well below. */
const LITERAL_LIMIT = 64 * 1024 * 1024;

/** The authorities of `caFile`; throws `Misconfigured` when it cannot be read. */
export function authorities(settings: MailboxSettings): string | undefined {
  if (settings.caFile === undefined) return undefined;
  try {
    return readFileSync(settings.caFile, 'utf8');
  } catch (error) {
    throw new Misconfigured('mailbox.ca_unreadable', '/caFile', 'the file of authorities cannot be read', {
      cause: error,
    });
  }
}

function optionsOf(settings: MailboxSettings, login: Login): ImapFlowOptions {
  const { host, user, tls } = settings;
  const ca = authorities(settings);
  return {
    host,
    port: settings.port ?? (tls === 'implicit' ? 993 : 143),
    secure: tls === 'implicit',
    ...(tls === 'implicit' ? {} : { doSTARTTLS: tls === 'starttls' }),
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    auth: 'password' in login ? { user, pass: login.password } : { user, accessToken: login.accessToken },
    // 163, 126 and yeah.net refuse SELECT to a client that has not said who it is (RFC 2971).
    clientInfo: { name: 'huisu', version: '1', vendor: 'huisu', 'support-url': false },
    logger: false,
    disableAutoIdle: true,
    maxIdleTime: IDLE_MS,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: GREETING_MS,
    socketTimeout: SILENCE_MS,
    maxLiteralSize: LITERAL_LIMIT,
    maxResponseSize: 2 * LITERAL_LIMIT,
    // The very bytes are wanted, the same on each fetch: no UTF8=ACCEPT, no BINARY, and no inflating.
    disableAutoEnable: true,
    disableBinary: true,
    disableCompression: true,
  };
}

/** Connects and logs in; a library instance serves one connection only, so each has its own. */
export async function connect(settings: MailboxSettings, login: Login, signal: AbortSignal): Promise<Session> {
  const { ImapFlow } = await import('imapflow');
  const client = new ImapFlow(optionsOf(settings, login));
  const broken = Promise.withResolvers<never>();
  // Nobody may be waiting just then; commands in flight are rejected by the library itself.
  broken.promise.catch(() => undefined);
  let fault: unknown = null;
  client.on('error', error => {
    fault = error;
  });
  client.on('close', () => broken.reject(connectionLost(fault)));
  const stop = () => client.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    await client.connect();
    return sessionOf(client, broken.promise);
  } catch (error) {
    client.close();
    if (signal.aborted) throw new Unavailable('mailbox.stopped', 'the channel was closed meanwhile', { cause: error });
    throw oauthMissing(client, login, error) ?? asPlatformError(error);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function connectionLost(cause: unknown): Unavailable {
  return new Unavailable('mailbox.connection_lost', 'the connection to the mail server broke', { cause });
}

/** A server that has told what it can, and no way to use a token among it. */
function oauthMissing(client: ImapFlow, login: Login, error: unknown): Misconfigured | null {
  if (!('accessToken' in login) || client.capabilities.size === 0) return null;
  if (['AUTH=XOAUTH2', 'AUTH=XOAUTH', 'AUTH=OAUTHBEARER'].some(name => client.capabilities.has(name))) return null;
  return new Misconfigured('mailbox.no_oauth', '/oauth', 'the mail server takes no OAuth 2.0 login', { cause: error });
}

function sessionOf(client: ImapFlow, broken: Promise<never>): Session {
  let idles = client.capabilities.has('IDLE');
  let unseen = false;
  let wake = (): void => undefined;
  client.on('exists', () => {
    unseen = true;
    wake();
  });

  async function idle(): Promise<void> {
    // Resolves when another command breaks it, and with false when the server would not.
    if ((await client.idle()) === false) idles = false;
    else wake();
  }

  return {
    get alive() {
      return client.usable && !client.isClosed;
    },
    get idles() {
      return idles;
    },
    select: path => ours(() => select(client, path)),
    folders: () => ours(async () => (await client.list()).map(({ path }) => path)),
    search: query => {
      unseen = false;
      return ours(() => search(client, query));
    },
    heads: uids => ours(() => heads(client, uids)),
    bodies: uids => ours(() => bodies(client, uids)),
    beginning: (uid, bytes) => ours(() => beginning(client, uid, bytes)),
    mark: (uids, flag) => ours(() => client.messageFlagsAdd(rangeOf(uids), [flag], { uid: true, silent: true })),
    async news(signal) {
      const heard = Promise.withResolvers<void>();
      const stop = () => heard.resolve();
      wake = stop;
      signal.addEventListener('abort', stop, { once: true });
      try {
        if (unseen || signal.aborted) return;
        if (idles) idle().catch(heard.reject);
        await Promise.race([heard.promise, broken]);
      } catch (error) {
        throw asPlatformError(error);
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    close: () => client.close(),
  };
}

async function ours<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asPlatformError(error);
  }
}

async function select(client: ImapFlow, path: string): Promise<Folder> {
  const mailbox = await client.mailboxOpen(path);
  const { permanentFlags, exists } = mailbox;
  // Both are required of servers; one without UIDVALIDITY gets one that never changes, which is what it promises.
  const next: number | undefined = mailbox.uidNext;
  const validity: bigint | undefined = mailbox.uidValidity;
  const tellsNext = next !== undefined && next !== 0;
  return {
    validity: String(validity ?? 0),
    newest: tellsNext ? next - 1 : highest(await search(client, { from: 1 })),
    tellsNext,
    count: exists,
    keeps: flag =>
      mailbox.readOnly !== true &&
      (permanentFlags === undefined ||
        permanentFlags.has(flag) ||
        (!flag.startsWith('\\') && permanentFlags.has('\\*'))),
  };
}

const highest = (uids: readonly number[]): number => uids.at(-1) ?? 0;

async function search(client: ImapFlow, { from, to, since, without }: SearchFor): Promise<readonly number[]> {
  const found = await client.search(
    {
      uid: `${from}:${to ?? '*'}`,
      ...(since === undefined ? {} : { since }),
      ...(without === undefined ? {} : { unKeyword: without }),
    },
    { uid: true },
  );
  if (!Array.isArray(found)) {
    throw new Unavailable('mailbox.command_refused', 'the mail server refused to search');
  }
  // `7:*` is also answered with mail 6 when that is the last one (RFC 3501, section 6.4.8).
  return found.filter(uid => uid >= from).sort((a, b) => a - b);
}

async function heads(client: ImapFlow, uids: readonly number[]): Promise<readonly Head[]> {
  if (uids.length === 0) return [];
  const wanted = new Set(uids);
  const found: Head[] = [];
  // No command may be given inside this loop: it would wait for the loop, and the loop for it.
  for await (const { uid, size, internalDate } of client.fetch(
    rangeOf(uids),
    { uid: true, size: true, internalDate: true },
    { uid: true },
  )) {
    // Changes of flags by others come unasked, without a size.
    if (!wanted.has(uid) || size === undefined) continue;
    const receivedAt = internalDate === undefined ? Number.NaN : new Date(internalDate).getTime();
    found.push({ uid, size, receivedAt: Number.isNaN(receivedAt) ? null : receivedAt });
  }
  return found.sort((a, b) => a.uid - b.uid);
}

async function bodies(client: ImapFlow, uids: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>();
  if (uids.length === 0) return found;
  for await (const { uid, source } of client.fetch(rangeOf(uids), { uid: true, source: true }, { uid: true })) {
    if (source !== undefined) found.set(uid, source);
  }
  return found;
}

async function beginning(client: ImapFlow, uid: number, bytes: number): Promise<Uint8Array | null> {
  const mail = await client.fetchOne(String(uid), { uid: true, source: { start: 0, maxLength: bytes } }, { uid: true });
  return mail === false ? null : (mail.source ?? null);
}

/** `1:3,7` for UIDs in rising order: one mail after the other would make a line of thousands of bytes. */
function rangeOf(uids: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < uids.length; at++) {
    const first = uids[at] as number;
    let last = first;
    while (uids[at + 1] === last + 1) {
      last++;
      at++;
    }
    parts.push(first === last ? String(first) : `${first}:${last}`);
  }
  return parts.join(',');
}
