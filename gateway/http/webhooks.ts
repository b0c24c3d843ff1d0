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
 * @param remoteAddress the sender's address, proxies in front already seen through
 */
export function incomingWebhook(
  request: IncomingMessage,
  rest: string,
  remoteAddress: string,
  budget: ByteBudget,
): IncomingWebhook {
  let held = 0;
  let query: URLSearchParams | undefined;
  let stream: Readable | undefined;
  const hold = (bytes: number) => {
    budget.take(bytes);
    held += bytes;
  };
  return {
    method: request.method ?? 'GET',
    rest,
    remoteAddress,
    headers: request.headers as Readonly<Record<string, string | undefined>>,
    get query() {
      query ??= new URLSearchParams(queryOf(request.url));
      return query;
    },
    body: limit => readBody(request, limit, hold),
    get stream() {
      stream ??= countedStream(request, hold);
      return stream;
    },
    release() {
      budget.give(held);
      held = 0;
    },
  };
}

function queryOf(url = ''): string {
  const mark = url.indexOf('?');
  return mark === -1 ? '' : url.slice(mark + 1);
}

/** Chunks are kept as they come: no parser and no copy but the last stands between the socket and the signature. */
function readBody(request: IncomingMessage, limit: number, hold: (bytes: number) => void): Promise<Uint8Array> {
  const declared = declaredLength(request);
  return new Promise((resolve, reject) => {
    if (declared !== null && declared > limit) return reject(new BodyTooLarge(limit));
    if (declared !== null) hold(declared);
    const chunks: Buffer[] = [];
    let length = 0;
    const fail = (error: unknown) => {
      request.off('data', take).off('end', end);
      reject(error);
    };
    const take = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) return fail(new BodyTooLarge(limit));
      if (declared === null) {
        try {
          hold(chunk.length);
        } catch (error) {
          return fail(error);
        }
      }
      chunks.push(chunk);
    };
    const end = () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length));
    request.on('data', take).on('end', end);
    request.once('error', () => fail(new HttpProblem('http.aborted')));
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
}

/**
 * Answers one request through `target`. Never rejects: whatever is thrown becomes a problem.
 * @param name channel id, or the name of another signed endpoint, for counting
 */
export async function answerWith(
  target: () => Promise<WebhookAnswer | null>,
  request: IncomingMessage,
  response: ServerResponse,
  answering: Answering,
  name: string,
): Promise<void> {
  try {
    const answer = await target();
    if (answer === null) throw new HttpProblem('http.no_channel');
    send(request, response, answer);
  } catch (error) {
    const problem = problemAnswer(error, answering.base, pathOf(request));
    answering.onProblem(problem, error, name);
    send(request, response, problem);
  }
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
  response.writeHead(answer.status, {
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...answer.headers,
    'content-length': typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength,
  });
  response.end(body);
  if (!request.complete) drain(request);
}

function drain(request: IncomingMessage): void {
  let dropped = 0;
  request.on('data', (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > DRAIN_LIMIT) request.destroy();
  });
  request.resume();
}
