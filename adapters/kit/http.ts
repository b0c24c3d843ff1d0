// Outgoing HTTP under guard: public addresses only unless listed, no redirects, deadlines and a cap on what comes back.
import { lookup } from 'node:dns';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, type Dispatcher, errors } from 'undici';
import { CredentialsRefused, type PlatformError, Refused, Unavailable } from '../contract.ts';
import { isPublicAddress } from './address.ts';

export interface OutgoingOptions {
  /** `host:port` of servers that may have inner addresses (the case system, a city's own file server). */
  readonly allow?: readonly string[];
  /** First part of error codes: `case-system` gives `case-system.timeout`. Default `http`. */
  readonly prefix?: string;
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly bodyTimeoutMs?: number;
  readonly totalTimeoutMs?: number;
  /** Bytes of a response body. */
  readonly responseLimit?: number;
  /** Further certificate authorities, PEM. */
  readonly ca?: string;
  /** A certificate of our own and its key, PEM, for servers that ask for one. */
  readonly cert?: string;
  readonly key?: string;
  /** Connections kept to one origin. Default 64. */
  readonly connections?: number;
}

export interface OutgoingRequest {
  readonly url: string | URL;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal?: AbortSignal;
}

export interface OutgoingResponse {
  readonly status: number;
  /** Names in lower case; repeated headers joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Outgoing {
  /**
   * Resolves with any answer, a redirect included; of one that is no success and too long, with its beginning. Throws
   * `Unavailable` when none came in time or a success was too long, and `Refused` for an address that must not be called; an abort through `signal` throws the signal's reason.
   */
  send(request: OutgoingRequest): Promise<OutgoingResponse>;
  close(): Promise<void>;
}

const DEFAULTS = {
  prefix: 'http',
  connectTimeoutMs: 5_000,
  headersTimeoutMs: 5_000,
  bodyTimeoutMs: 10_000,
  totalTimeoutMs: 30_000,
  responseLimit: 1024 * 1024,
  connections: 64,
  allow: [] as readonly string[],
};

class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/** A client with a pool of its own; close it with the channel. */
export function outgoing(options: OutgoingOptions = {}): Outgoing {
  const limits = { ...DEFAULTS, ...options };
  const agent = new Agent({
    connect: guardedConnector(new Set(limits.allow.map(entry => entry.toLowerCase())), limits),
    connections: limits.connections,
    headersTimeout: limits.headersTimeoutMs,
    bodyTimeout: limits.bodyTimeoutMs,
    maxResponseSize: limits.responseLimit,
    // One at a time on a connection: a request whose answer was lost must not take others with it.
    pipelining: 1,
  });
  return {
    send: async message => {
      try {
        return await exchange(agent, message, limits.totalTimeoutMs);
      } catch (error) {
        if (message.signal?.aborted === true) throw message.signal.reason;
        throw asPlatformError(error, limits.prefix);
      }
    },
    close: () => agent.destroy(),
  };
}

interface Settle {
  resolve(answer: OutgoingResponse): void;
  reject(error: Error): void;
}

class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
}

async function exchange(agent: Agent, message: OutgoingRequest, totalMs: number): Promise<OutgoingResponse> {
  const url = typeof message.url === 'string' ? new URL(message.url) : message.url;
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new AddressRefused('only http and https are called');
  if (url.username !== '' || url.password !== '') throw new AddressRefused('an address must not carry credentials');
  const { promise, resolve, reject } = Promise.withResolvers<OutgoingResponse>();
  const handler = new Exchange({ resolve, reject });
  const deadline = setTimeout(() => handler.end(new DeadlinePassed('no answer in time')), totalMs);
  const stop = () => handler.end(new Error('no longer wanted', { cause: message.signal?.reason }));
  message.signal?.addEventListener('abort', stop, { once: true });
  if (message.signal?.aborted === true) stop();
  const request: Dispatcher.DispatchOptions = {
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: message.method ?? 'GET',
    // Without a word on it a server may compress what it answers.
    headers: { 'user-agent': 'huisu', 'accept-encoding': 'identity', ...message.headers },
    body: message.body ?? null,
  };
  try {
    agent.dispatch(request, handler);
    return await promise;
  } finally {
    clearTimeout(deadline);
    message.signal?.removeEventListener('abort', stop);
  }
}

/** One request under way, as undici tells of it: its stream of a body costs as much as all the rest of a short answer. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #settle: Settle;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | null = null;
  /** Why it was ended before its time. */
  #ended: Error | null = null;
  #status = 0;
  #headers: Record<string, string> = {};

  constructor(settle: Settle) {
    this.#settle = settle;
  }

  /** Whether or not it has a connection yet. */
  end(reason: Error): void {
    this.#ended ??= reason;
    this.#settle.reject(this.#ended);
    this.#controller?.abort(this.#ended);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended !== null) controller.abort(this.#ended);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // 1xx: the answer itself follows.
    if (status < 200) return;
    this.#status = status;
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) this.#headers[name] = Array.isArray(value) ? value.join(', ') : value;
    }
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const [first] = this.#chunks;
    const body = this.#chunks.length === 1 ? (first as Buffer) : Buffer.concat(this.#chunks);
    this.#settle.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    // What went wrong is told by its status, however long the page that comes with it.
    if (error instanceof errors.ResponseExceededMaxSizeError && this.#status >= 300) this.onResponseEnd();
    else this.#settle.reject(error);
  }
}

/** An address written out never reaches `lookup`, and a name never shows its address before: both ways are checked. */
function guardedConnector(
  allow: ReadonlySet<string>,
  limits: { connectTimeoutMs: number; ca?: string; cert?: string; key?: string },
): buildConnector.connector {
  const base = {
    timeout: limits.connectTimeoutMs,
    ...(limits.ca === undefined ? {} : { ca: limits.ca }),
    ...(limits.cert === undefined ? {} : { cert: limits.cert }),
    ...(limits.key === undefined ? {} : { key: limits.key }),
  };
  const free = buildConnector(base);
  const guarded = buildConnector({ ...base, lookup: publicLookup });
  return (target, callback) => {
    const host = target.hostname.replace(/^\[|\]$/g, '');
    const port = target.port || (target.protocol === 'https:' ? '443' : '80');
    if (allow.has(`${host.toLowerCase()}:${port}`)) return free(target, callback);
    if (isIP(host) !== 0 && !isPublicAddress(host)) {
      return callback(new AddressRefused('the address is not a public one'), null);
    }
    return guarded(target, callback);
  };
}

const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '', 0);
    if (addresses.length === 0 || addresses.some(entry => !isPublicAddress(entry.address))) {
      return callback(new AddressRefused('the name leads to an address that is not public'), '', 0);
    }
    if (options.all === true) return callback(null, addresses);
    return callback(null, addresses[0]?.address ?? '', addresses[0]?.family ?? 0);
  });
};

function asPlatformError(error: unknown, prefix: string): PlatformError {
  const cause = { cause: error };
  if (error instanceof AddressRefused) return new Refused(`${prefix}.address_refused`, error.message, cause);
  if (error instanceof TypeError && 'code' in error && error.code === 'ERR_INVALID_URL') {
    return new Refused(`${prefix}.address_refused`, 'not an address that can be called', cause);
  }
  if (error instanceof errors.ResponseExceededMaxSizeError) {
    return new Unavailable(`${prefix}.answer_too_long`, 'the answer is longer than allowed', cause);
  }
  const timedOut =
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError ||
    error instanceof DeadlinePassed;
  if (timedOut) return new Unavailable(`${prefix}.timeout`, 'no answer in time', cause);
  return new Unavailable(`${prefix}.unreachable`, 'the connection failed', cause);
}

/** The platform error behind a status, or null for 2xx. Platforms with codes of their own look into the body first. */
export function errorOfStatus(
  response: Pick<OutgoingResponse, 'status' | 'headers'>,
  prefix: string,
  now: number,
): PlatformError | null {
  const { status } = response;
  if (status >= 200 && status < 300) return null;
  const words = `the answer was HTTP ${status}`;
  if (status === 401 || status === 403) return new CredentialsRefused(`${prefix}.credentials_refused`, words);
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    return new Unavailable(`${prefix}.unavailable`, words, {
      retryAfterSeconds: retryAfter(response.headers['retry-after'], now),
    });
  }
  // A redirect is never followed; the operator mends the address meanwhile.
  if (status < 400) return new Unavailable(`${prefix}.redirected`, words);
  return new Refused(`${prefix}.refused`, words);
}

/** `Retry-After` in seconds, from either of its two forms (RFC 9110, 10.2.3), at most a day. */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - now) / 1000);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 86_400) : undefined;
}
