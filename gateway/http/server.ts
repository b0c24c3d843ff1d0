// The HTTP side put together: limits of the server, order of the routes, listening and closing.
import { createServer, IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express, type Request, type Router } from 'express';
import type { WebhookAnswer, WebhookRequest } from '../../adapters/contract.ts';
import type { Certificate } from '../../config/certificate.ts';
import type { Config } from '../../config/schema.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Log } from '../telemetry/telemetry.ts';
import { connectionLimit } from './connection-limit.ts';
import { createForged } from './forged.ts';
import { createFront, type Front, type FrontSettings, renewCertificate, tlsOptions } from './front.ts';
import { mountHealth, type Readiness } from './health.ts';
import { ListenError } from './listen-error.ts';
import { mountPages, type PageParts } from './pages.ts';
import { HttpProblem, type ProblemAnswer, problemAnswer } from './problem.ts';
import type { QueueBoard } from './queue-board.ts';
import { createUnparsed } from './unparsed.ts';
import { type Answering, answerWith, createByteBudget, incomingWebhook, send, type WebhookTarget } from './webhooks.ts';

/** What the HTTP side needs of the rest. */
export interface HttpParts extends PageParts {
  readonly config: Pick<Config, 'listen' | 'intake'>;
  /** Of `listen.tls`; null: plain HTTP. */
  readonly certificate: Certificate | null;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly webhooks: WebhookTarget;
  readonly readiness: Readiness;
  /** Progress reported by the case system; null when none is configured (then 404). */
  readonly caseEvents: (request: WebhookRequest) => Promise<WebhookAnswer>;
  /** The page that shows the queue; null: there is none. */
  readonly queueBoard: QueueBoard | null;
}

export interface HttpService {
  /** Starts listening. Throws `ListenError` when the address cannot be had. */
  listen(): Promise<{ readonly host: string; readonly port: number; readonly url: string }>;
  /** Takes no new connections, lets requests finish for at most `deadlineMs`, then cuts them. */
  close(deadlineMs: number): Promise<void>;
  /** Takes up settings that need no restart; no connection is dropped. The certificate must be null as it was at first, or not. */
  renew(settings: FrontSettings, certificate: Certificate | null): void;
  /** For tests and for further rooms of the HTTP side. */
  readonly server: Server;
}

// A sender that trickles is cut after 10 s for the head and 15 s for all; the checker must run often enough to notice.
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 15_000, connectionsCheckingInterval: 1_000 };
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 16 * 1024;

export function createHttp(parts: HttpParts): HttpService {
  let closing = false;
  const front = createFront(parts.config.listen);
  const answering = answeringOf(parts, front);
  const hooks = hooksOf(parts, answering);
  const app = createApp(parts, { front, answering, hooks });
  const unparsed = createUnparsed(
    () => front.base,
    ({ code, status }) => answering.onRefusal(code, status, 'unknown'),
  );
  const listener = unparsed.watch((request, response) => {
    if (closing) response.shouldKeepAlive = false;
    const channel = PLAIN_HOOK.exec(request.url ?? '')?.[1];
    // Every appeal comes this way: the router would try its patterns on it for nothing.
    if (channel === undefined) app(request, response);
    else void hooks.channel(request as Incoming, response, channel);
  });
  const server = serverOf(parts, app, listener);
  unparsed.answerFor(server);
  // An expectation that is not known is no reason to refuse an appeal (RFC 9110, 10.1.1).
  server.on('checkExpectation', listener);
  server.maxConnections = connectionLimit(parts.config.listen.maxConnections).connections;
  return {
    server,
    listen: () => listen(server, parts.config.listen, parts.certificate === null ? 'http' : 'https'),
    renew(settings, certificate) {
      front.set(settings);
      server.maxConnections = connectionLimit(settings.maxConnections).connections;
      if (certificate !== null) renewCertificate(server, certificate);
    },
    async close(deadlineMs) {
      closing = true;
      await close(server, deadlineMs);
      await parts.queueBoard?.close();
    },
  };
}

/** A TLS server is one of HTTP in all that is asked of it here. */
function serverOf({ certificate, log }: HttpParts, app: Express, answer: RequestListener): Server {
  const options = {
    ...TIMEOUTS,
    ...bornInto(app),
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Node would answer with a bare status.
    requireHostHeader: false,
  };
  if (certificate === null) return createServer(options, answer);
  const server = createTlsServer({ ...options, ...tlsOptions(certificate) }, answer);
  // Plain HTTP at this port, an old client, a scanner: their connection ends, and whoever looks for the reason finds it.
  server.on('tlsClientError', error => log.debug('http.handshake_failed', { reason: codeOf(error) }));
  return server as unknown as Server;
}

function codeOf(error: NodeJS.ErrnoException): string {
  return (error.code ?? 'unknown').toLowerCase();
}

/**
 * Classes whose objects already have the prototypes that Express sets on every request and response. Changing an object's
 * prototype later costs the engine what it knows of its shape, for all code that touches it afterwards.
 */
function bornInto(app: Express) {
  class AppRequest extends IncomingMessage {}
  class AppResponse extends ServerResponse {}
  Object.setPrototypeOf(AppRequest.prototype, app.request);
  Object.setPrototypeOf(AppResponse.prototype, app.response);
  app.request = AppRequest.prototype as Express['request'];
  app.response = AppResponse.prototype as unknown as Express['response'];
  return { IncomingMessage: AppRequest, ServerResponse: AppResponse };
}

/** The path of a channel's hook with nothing to decode and nothing behind it; all others are the router's. */
const PLAIN_HOOK = /^\/hooks\/([A-Za-z0-9_-]+)$/;

interface Routing {
  readonly front: Front;
  readonly answering: Answering;
  readonly hooks: Hooks;
}

function createApp(parts: HttpParts, { front, answering, hooks }: Routing): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.set('trust proxy', (address: string) => front.trusts(address));
  app.set('query parser', false);
  mountHooks(app, hooks);
  app.use((_request, response, next) => {
    response.set({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'x-frame-options': 'DENY' });
    response.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
    next();
  });
  mountHealth(app, parts.readiness, parts.metrics);
  mountPages(app, parts);
  const board = parts.queueBoard;
  if (board !== null) app.use(board.path, (request, response, next) => board.handle(request, response, next));
  app.use(() => {
    throw new HttpProblem('http.not_found');
  });
  app.use(lastResort(answering));
  return app;
}

function answeringOf({ log, metrics }: HttpParts, front: Front): Answering {
  const forged = createForged(log);
  return {
    get base() {
      return front.base;
    },
    onProblem(problem: ProblemAnswer, error, channel) {
      // A made-up channel in the path is no label: anyone could fill the metrics with such names.
      metrics.refused(problem.code === 'http.no_channel' ? 'unknown' : channel, problem.code);
      forged.note(channel, error);
      if (problem.bug) log.bug('http.bug', error, { channel, status: problem.status });
      else log.debug('http.request_refused', { reason: problem.code, status: problem.status });
    },
    onRefusal(code, status, channel) {
      metrics.refused(channel, code);
      log.debug('http.request_refused', { channel, reason: code, status });
    },
  };
}

/** As Express knows it, and with the body still to be read. */
type Incoming = Request & IncomingMessage;

/** Signed requests with a raw body. */
interface Hooks {
  channel(request: Incoming, response: ServerResponse, channel: string, rest?: string): Promise<void>;
  caseSystem(request: Incoming, response: ServerResponse): Promise<void>;
}

function hooksOf({ webhooks, caseEvents, config }: HttpParts, answering: Answering): Hooks {
  const budget = createByteBudget(config.intake.maxInFlightMb * 1024 * 1024);
  const run = (
    request: Incoming,
    response: ServerResponse,
    rest: string,
    name: string,
    target: (name: string, incoming: WebhookRequest) => Promise<WebhookAnswer | null>,
  ) => {
    const incoming = incomingWebhook(request, rest, () => request.ip ?? '', budget);
    return answerWith(target, name, incoming, { request, response, answering });
  };
  const channel = (name: string, incoming: WebhookRequest) => webhooks.webhook(name, incoming);
  const caseSystem = (_name: string, incoming: WebhookRequest) => caseEvents(incoming);
  return {
    channel: (request, response, name, rest = '') => run(request, response, rest, name, channel),
    caseSystem: (request, response) => run(request, response, '', 'case-system', caseSystem),
  };
}

/** First in the order, past all middleware. */
function mountHooks(app: Router, hooks: Hooks): void {
  app.route('/hooks/:channel').all((request, response) => hooks.channel(request, response, request.params.channel));
  app.route('/hooks/:channel/*rest').all((request, response) => {
    const { channel, rest } = request.params as unknown as { channel: string; rest: string[] };
    return hooks.channel(request, response, channel, `/${rest.join('/')}`);
  });
  app
    .route('/case-system/events')
    .post((request, response) => hooks.caseSystem(request, response))
    .all(() => {
      throw new HttpProblem('http.method_not_allowed', { allow: 'POST' });
    });
}

/** The edge at which whatever was thrown ends; Express knows it by its four parameters. */
function lastResort(answering: Answering): ErrorRequestHandler {
  return (error, request, response, _next) => {
    const problem = problemAnswer(error, answering.base, request.path);
    answering.onProblem(problem, error, 'http');
    send(request, response, problem);
  };
}

async function listen(
  server: Server,
  { host, port }: Config['listen'],
  scheme: 'http' | 'https',
): ReturnType<HttpService['listen']> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', cause => reject(listenError(cause, host, port)));
    server.listen({ host, port }, resolve);
  });
  server.removeAllListeners('error');
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { host: address.address, port: address.port, url: `${scheme}://${shown}:${address.port}` };
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): Error {
  if (cause.code === 'EADDRINUSE') return new ListenError('http.port_in_use', host, port, { cause });
  if (cause.code === 'EACCES') return new ListenError('http.port_refused', host, port, { cause });
  if (cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND') {
    return new ListenError('http.no_address', host, port, { cause });
  }
  return cause;
}

/** How often connections whose last answer has gone are let go while the server closes. */
const IDLE_CHECK_MS = 50;

function close(server: Server, deadlineMs: number): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise(resolve => {
    const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    server.close(() => {
      clearTimeout(cut);
      clearInterval(idle);
      resolve();
    });
  });
}
