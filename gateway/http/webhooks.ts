// /hooks/:channel → the channel's webhook: the raw body is read here, under a budget for all bodies together.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import { BodyTooLarge, type WebhookAnswer, type WebhookRequest } from '../../adapters/contract.ts';
import { HttpProblem, type ProblemAnswer, problemAnswer } from './problem.ts';

/** Whoever answers the webhooks of all channels. */
export interface WebhookTarget {
  /** null: there is no such channel, it is disabled, or it takes no webhooks. */
  webhook(channel: string, request: WebhookRequest): Promise<WebhookAnswer | null>;
}

/** Bytes being received at one time, all requests together. */
export interface ByteBudget {
  /** Takes bytes; throws the problem `http.busy` (503) when there is no room. */
  take(bytes: number): void;
  give(bytes: number): void;
  readonly taken: number;
}

export function createByteBudget(limit: number): ByteBudget {
  let taken = 0;
  return {
    take(bytes) {
      // One body larger than the whole budget must still get through when nothing else is on its way.
      if (taken > 0 && taken + bytes > limit) throw new HttpProblem('http.busy', { 'retry-after': '1' });
      taken += bytes;
    },
    give(bytes) {
      taken -= bytes;
    },
    get taken() {
      return taken;
    },
  };
}

/** Bytes read and thrown away after a refusal, so that the sender sees the answer instead of a reset connection. */
const DRAIN_LIMIT = 64 * 1024 * 1024;

/** A request as adapters see it; `release` gives its bytes back to the budget. */
export interface IncomingWebhook extends WebhookRequest {
  release(): void;
}

/**
 * @param rest what follows the channel id in the path: '' or '/validate'
 * @param remoteAddress finds the sender's address, proxies in front seen through; asked for only where somebody reads it
 */
export function incomingWebhook(
  request: IncomingMessage,
  rest: string,
  remoteAddress: () => string,
  budget: ByteBudget,
): IncomingWebhook {
  return new Incoming(request, rest, remoteAddress, budget);
}

/** A class, since every appeal makes one of these and only few of its members are used. */
class Incoming implements IncomingWebhook {
  readonly rest: string;
  readonly #request: IncomingMessage;
  readonly #address: () => string;
  readonly #budget: ByteBudget;
  #held = 0;
  #query: URLSearchParams | undefined;
  #stream: Readable | undefined;

  constructor(request: IncomingMessage, rest: string, remoteAddress: () => string, budget: ByteBudget) {
    this.rest = rest;
    this.#request = request;
    this.#address = remoteAddress;
    this.#budget = budget;
  }

  get method(): string {
    return this.#request.method ?? 'GET';
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    return this.#request.headers as Readonly<Record<string, string | undefined>>;
  }

  get remoteAddress(): string {
    return this.#address();
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(queryOf(this.#request.url));
    return this.#query;
  }

  get stream(): Readable {
    this.#stream ??= countedStream(this.#request, bytes => this.hold(bytes));
    return this.#stream;
  }

  body(limit: number): Promise<Uint8Array> {
    const declared = declaredLength(this.#request);
    return declared === null
      ? readChunked(this.#request, limit, bytes => this.hold(bytes))
      : readDeclared(this.#request, declared, limit, this);
  }

  hold(bytes: number): void {
    this.#budget.take(bytes);
    this.#held += bytes;
  }

  release(): void {
    this.#budget.give(this.#held);
    this.#held = 0;
  }
}

function queryOf(url = ''): string {
  const mark = url.indexOf('?');
  return mark === -1 ? '' : url.slice(mark + 1);
}

/** A body of known length is whole with its last byte: no event of the stream is waited for behind it. */
function readDeclared(
  request: IncomingMessage,
  declared: number,
  limit: number,
  held: { hold(bytes: number): void },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (declared > limit) return reject(new BodyTooLarge(limit));
    held.hold(declared);
    if (declared === 0) return resolve(Buffer.alloc(0));
    let chunks: Buffer[] | null = null;
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length === declared) resolve(chunks === null ? chunk : Buffer.concat([...chunks, chunk], length));
      else if (chunks === null) chunks = [chunk];
      else chunks.push(chunk);
    });
    request.on('close', () => length < declared && reject(new HttpProblem('http.aborted')));
  });
}

function readChunked(request: IncomingMessage, limit: number, hold: (bytes: number) => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const fail = (error: unknown) => {
      request.off('data', take).off('end', end);
      reject(error);
    };
    const take = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) return fail(new BodyTooLarge(limit));
      try {
        hold(chunk.length);
      } catch (error) {
        return fail(error);
      }
      chunks.push(chunk);
    };
    const end = () => resolve(Buffer.concat(chunks, length));
    request.on('data', take).on('end', end);
    request.once('close', () => request.complete || fail(new HttpProblem('http.aborted')));
  });
}

function declaredLength(request: IncomingMessage): number | null {
  const header = request.headers['content-length'];
  return header === undefined ? null : Number(header);
}

/** Multipart bodies are read by their parser, which has limits of its own; the budget sees their bytes all the same. */
function countedStream(request: IncomingMessage, hold: (bytes: number) => void): Readable {
  const declared = declaredLength(request);
  if (declared !== null) {
    hold(declared);
    return request;
  }
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        hold(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  request.once('close', () => request.complete || counted.destroy(new HttpProblem('http.aborted')));
  return request.pipe(counted);
}

/** How answers are given and failures told. */
export interface Answering {
  /** '' or the public URL without a slash at the end. */
  readonly base: string;
  /** Called with every refusal and every bug before it is answered. */
  onProblem(problem: ProblemAnswer, error: unknown, channel: string): void;
  /** Called with every refusal that an adapter itself has put into words. */
  onRefusal(code: string, status: number, channel: string): void;
}

/**
 * Answers one request through `target` and gives its bytes back to the budget. Never rejects: whatever is thrown becomes
 * a problem.
 * @param name channel id, or the name of another signed endpoint, for counting
 */
export async function answerWith(
  target: (name: string, incoming: WebhookRequest) => Promise<WebhookAnswer | null>,
  name: string,
  incoming: IncomingWebhook,
  exchange: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly answering: Answering },
): Promise<void> {
  const { request, response, answering } = exchange;
  try {
    const answer = await target(name, incoming);
    if (answer === null) throw new HttpProblem('http.no_channel');
    if (answer.status >= 400) answering.onRefusal(codeOf(answer), answer.status, name);
    send(request, response, answer);
  } catch (error) {
    const problem = problemAnswer(error, answering.base, pathOf(request));
    answering.onProblem(problem, error, name);
    // An answer that broke off half-way cannot be taken back; a sender left waiting would wait for ever.
    if (response.headersSent) response.destroy();
    else send(request, response, problem);
  }
  incoming.release();
}

const PROBLEM = /"type":"[^"]*\/problems\/([a-z][a-z0-9._-]{0,60})"/;

/** The stable part of a problem; adapters of third parties may answer in another form. */
function codeOf({ status, body }: WebhookAnswer): string {
  return (typeof body === 'string' ? PROBLEM.exec(body)?.[1] : undefined) ?? `status-${status}`;
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return mark === -1 ? url : url.slice(0, mark);
}

/** Writes an answer at once; a body that was not read is drained under a limit. */
export function send(request: IncomingMessage, response: ServerResponse, answer: WebhookAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const body = answer.body ?? '';
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  response.writeHead(answer.status, headersOf(answer.headers, length));
  // Texts of one byte a character, as nearly all answers are, join the head without being encoded.
  if (typeof body !== 'string') response.end(body);
  else response.end(body, length === body.length ? 'latin1' : 'utf8');
  if (!request.complete) drain(request);
}

/** Names and values in turn, as Node writes them out. */
function headersOf(own: WebhookAnswer['headers'], length: number): string[] {
  const headers: string[] = [];
  let cached = false;
  for (const name in own) {
    if (name === 'content-length' || name === 'x-content-type-options') continue;
    if (name === 'cache-control') cached = true;
    headers.push(name, own[name] as string);
  }
  if (!cached) headers.push('cache-control', 'no-store');
  headers.push('x-content-type-options', 'nosniff', 'content-length', String(length));
  return headers;
}

function drain(request: IncomingMessage): void {
  let dropped = 0;
  request.on('data', (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > DRAIN_LIMIT) request.destroy();
  });
  request.resume();
}
