// A case system to test against: keeps what it receives in a journal, has effects once a key, and fails as it is told to.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { BEFORE_EFFECT, type Fault, type Faults, faultSource, parseFaults, statusOf } from './case-system-faults.ts';

export { FAULTS, type Fault, type Faults, parseFaults } from './case-system-faults.ts';

export interface CaseSystemOptions {
  readonly port?: number;
  /** JSON Lines file; what an earlier run wrote is known again (keys stay used). */
  readonly journal?: string;
  readonly faults?: Faults;
  /** Standard Webhooks secret of what comes in; without it signatures are not looked at. */
  readonly secret?: string;
  /** Secret events to the gateway are signed with. */
  readonly eventSecret?: string;
  /** `code`: answers HTTP 200 with `{"code":"0000","data":{"orderNo":…}}`, as many systems do. */
  readonly dialect?: 'default' | 'code';
  /** Value of Retry-After with 429 and 503, seconds. Default 0. */
  readonly retryAfter?: number;
  /** False: an effect for every request, whatever its key (a system that does not keep the contract). */
  readonly idempotent?: boolean;
  /** What it says when it refuses. */
  readonly refusal?: string;
  /** The case number of every ticket (a system that takes two for one, or a wrong path). */
  readonly oneCase?: string;
  /** So many look-ups are answered 503 before the first that is answered. */
  readonly lookUpsBusy?: number;
  /** True: a new case number for every request, also for a known key (with `idempotent: false`). */
  readonly freshCaseNumbers?: boolean;
  /** Lane of an entry, for the check of order; default: its ticket. */
  readonly laneOf?: (body: Readonly<Record<string, unknown>>) => string | null;
  /** A fault for certain entries, before chance or script are asked; null for all others. */
  readonly faultOf?: (body: Readonly<Record<string, unknown>>) => Fault | null;
  /** Place of an entry in its lane; order is checked where this is given. */
  readonly placeOf?: (body: Readonly<Record<string, unknown>>) => number | null;
}

/** One line of the journal. */
export interface JournalLine {
  readonly seq: number;
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly key: string | null;
  readonly kind: string | null;
  readonly ticket: string | null;
  readonly fault: Fault | null;
  /** True where this request had its effect; false for a known key, a fault before it, or a refusal. */
  readonly effect: boolean;
  readonly status: number | null;
  readonly caseNumber: string | null;
  readonly problem: string | null;
  readonly body: unknown;
}

export interface Summary {
  readonly requests: number;
  readonly effects: number;
  readonly effectsByKind: Readonly<Record<string, number>>;
  /** Effects beyond the first of their key; always 0 where keys are honoured. */
  readonly doubledEffects: number;
  readonly repeats: number;
  readonly lookUps: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly badSignatures: number;
  readonly badBodies: number;
  /** Notices that had their effect before the `ticket.created` of their ticket. */
  readonly noticesTooEarly: number;
  /** Entries that had their effect after a later one of their lane. */
  readonly inversions: number;
  readonly mostAtOnce: number;
}

export interface CaseSystemSimulator {
  readonly url: string;
  readonly lines: readonly JournalLine[];
  summary(): Summary;
  setFaults(faults: Faults | null): void;
  /** Sends a signed event to the gateway; answers its status and body. */
  sendEvent(gateway: string, event: SimulatorEvent): Promise<{ readonly status: number; readonly body: string }>;
  close(): Promise<void>;
}

export interface SimulatorEvent {
  readonly type: 'accepted' | 'closed' | 'reopened';
  readonly number: string;
  readonly eventId?: string;
  readonly at?: string;
  readonly caseNumber?: string;
  readonly note?: string;
}

const KINDS = new Set([
  'ticket.created',
  'ticket.followed-up',
  'ticket.corrected',
  'ticket.link-undone',
  'ticket.withdrawn',
]);
const GIANT_BYTES = 1024 * 1024 * 1024;

export async function startCaseSystem(options: CaseSystemOptions = {}): Promise<CaseSystemSimulator> {
  const state = createState(options);
  const server = createServer((request, response) => {
    state.atOnce += 1;
    state.mostAtOnce = Math.max(state.mostAtOnce, state.atOnce);
    response.once('close', () => {
      state.atOnce -= 1;
    });
    answer(state, request, response).catch(() => response.destroy());
  });
  await new Promise<void>(resolve => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    lines: state.lines,
    summary: () => summarise(state),
    setFaults: faults => {
      state.nextFault = faultSource(faults);
    },
    sendEvent: (gateway, event) => sendEvent(gateway, event, options.eventSecret),
    close: () => stop(server),
  };
}

interface State {
  readonly options: CaseSystemOptions;
  readonly lines: JournalLine[];
  readonly caseNumbers: Map<string, string>;
  readonly ticketCases: Map<string, string>;
  readonly effectsOfKey: Map<string, number>;
  readonly lanePlaces: Map<string, number>;
  nextFault: () => Fault | null;
  lookUps: number;
  badSignatures: number;
  noticesTooEarly: number;
  inversions: number;
  atOnce: number;
  mostAtOnce: number;
}

function createState(options: CaseSystemOptions): State {
  const state: State = {
    options,
    lines: [],
    caseNumbers: new Map(),
    ticketCases: new Map(),
    effectsOfKey: new Map(),
    lanePlaces: new Map(),
    nextFault: faultSource(options.faults ?? null),
    lookUps: 0,
    badSignatures: 0,
    noticesTooEarly: 0,
    inversions: 0,
    atOnce: 0,
    mostAtOnce: 0,
  };
  if (options.journal !== undefined && existsSync(options.journal)) {
    for (const text of readFileSync(options.journal, 'utf8').split('\n')) {
      const line = wholeLine(text);
      if (line !== null) remember(state, line);
    }
  }
  return state;
}

/** The last line of a run that was killed may be cut off. */
function wholeLine(text: string): JournalLine | null {
  try {
    return text === '' ? null : (JSON.parse(text) as JournalLine);
  } catch {
    return null;
  }
}

// ---------------------------------------------------------------- requests

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const raw = await readAll(request);
  const path = request.url ?? '/';
  if (path === '/_journal/summary') return json(response, 200, summarise(state));
  if (path === '/_events') return relayEvent(state, raw, response);
  if (!signatureHolds(state, request, raw)) return json(response, 401, { message: 'signature does not hold' });
  if (request.method === 'GET') return lookUp(state, path, response);
  await takeEntry(state, request, raw, response);
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function signatureHolds(state: State, request: IncomingMessage, raw: Buffer): boolean {
  const { secret } = state.options;
  if (secret === undefined) return true;
  const id = String(request.headers['webhook-id'] ?? '');
  const timestamp = String(request.headers['webhook-timestamp'] ?? '');
  const given = String(request.headers['webhook-signature'] ?? '').replace(/^v1,/, '');
  const expected = signature(secret, id, timestamp, raw);
  const fresh = Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300;
  const holds = fresh && given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
  if (!holds) state.badSignatures += 1;
  return holds;
}

function signature(secret: string, id: string, timestamp: string, raw: Uint8Array): string {
  return createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
    .update(`${id}.${timestamp}.`)
    .update(raw)
    .digest('base64');
}

/** `GET /tickets/{number}` and `GET /entries/{key}`: whether it arrived. */
function lookUp(state: State, path: string, response: ServerResponse): void {
  state.lookUps += 1;
  const [, what, id] = /^\/(tickets|entries)\/([^/?]+)$/.exec(path) ?? [];
  const known = what === 'tickets' ? state.ticketCases : state.caseNumbers;
  const caseNumber = id === undefined ? undefined : known.get(decodeURIComponent(id));
  if (state.lookUps <= (state.options.lookUpsBusy ?? 0)) json(response, 503, { message: 'busy' });
  else if (caseNumber === undefined) json(response, 404, { message: 'unknown' });
  else json(response, 200, { caseNumber });
}

async function takeEntry(state: State, request: IncomingMessage, raw: Buffer, response: ServerResponse): Promise<void> {
  const body = parsed(raw);
  const key = String(request.headers['idempotency-key'] ?? '') || null;
  const problem = problemOf(state, body, key);
  const given = problem === null ? state.options.faultOf?.(body as Readonly<Record<string, unknown>>) : null;
  const fault = given ?? state.nextFault();
  const before = fault !== null && BEFORE_EFFECT.has(fault);
  const known = key === null ? undefined : state.caseNumbers.get(key);
  const effect = problem === null && !before && (known === undefined || state.options.idempotent === false);
  const fresh = state.options.oneCase ?? `CASE-${state.lines.length + 1}`;
  const caseNumber = problem !== null || before ? null : state.options.freshCaseNumbers ? fresh : (known ?? fresh);
  const line: JournalLine = {
    seq: state.lines.length + 1,
    at: Date.now(),
    method: request.method ?? '',
    path: request.url ?? '',
    key,
    kind: textAt(body, 'kind'),
    ticket: textAt(body, 'ticket'),
    fault,
    effect,
    status: problem === null ? statusOf(fault) : 422,
    caseNumber,
    problem,
    body,
  };
  remember(state, line);
  if (state.options.journal !== undefined) appendFileSync(state.options.journal, `${JSON.stringify(line)}\n`);
  await respond(state, line, response);
}

function parsed(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    return undefined;
  }
}

function textAt(body: unknown, member: string): string | null {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[member] : undefined;
  return typeof value === 'string' ? value : null;
}

/** What is wrong with an entry of the default contract; a foreign dialect is taken as it comes. */
function problemOf(state: State, body: unknown, key: string | null): string | null {
  if (typeof body !== 'object' || body === null) return 'not a JSON object';
  if (key === null) return 'no Idempotency-Key';
  if (state.options.dialect === 'code') return null;
  if (textAt(body, 'id') !== key) return 'id is not the Idempotency-Key';
  if (!KINDS.has(textAt(body, 'kind') ?? '')) return 'unknown kind';
  return textAt(body, 'ticket') === null ? 'no ticket' : null;
}

/** Takes a line into account; also used for the lines of an earlier run. */
function remember(state: State, line: JournalLine): void {
  state.lines.push(line);
  if (!line.effect || line.key === null || line.caseNumber === null) return;
  state.caseNumbers.set(line.key, line.caseNumber);
  state.effectsOfKey.set(line.key, (state.effectsOfKey.get(line.key) ?? 0) + 1);
  if (line.ticket !== null) {
    if (line.kind === 'ticket.created') state.ticketCases.set(line.ticket, line.caseNumber);
    else if (line.kind !== null && !state.ticketCases.has(line.ticket)) state.noticesTooEarly += 1;
  }
  checkOrder(state, line);
}

function checkOrder(state: State, line: JournalLine): void {
  const body = line.body as Readonly<Record<string, unknown>>;
  const place = state.options.placeOf?.(body) ?? null;
  const lane = state.options.laneOf === undefined ? line.ticket : state.options.laneOf(body);
  if (place === null || lane === null) return;
  const last = state.lanePlaces.get(lane);
  if (last !== undefined && last > place) state.inversions += 1;
  state.lanePlaces.set(lane, Math.max(last ?? place, place));
}

// ---------------------------------------------------------------- answers

async function respond(state: State, line: JournalLine, response: ServerResponse): Promise<void> {
  const { fault } = line;
  const wait = { 'retry-after': String(state.options.retryAfter ?? 0) };
  if (fault !== null) {
    if (fault.startsWith('timeout')) return;
    if (fault.startsWith('reset')) return void response.socket?.resetAndDestroy();
    if (fault === 'html') return html(response);
    if (fault === 'redirect') return redirect(response);
    if (fault === 'wrong-body') return json(response, 200, { result: ['unexpected'] });
    if (fault === 'slow-body') return drip(response, JSON.stringify(success(state, line)));
    if (fault === 'giant-body') return flood(response);
    if (fault === 'business-reject') return json(response, 200, { code: '0001', message: '必填字段缺失 13800138000' });
    if (fault === 'business-busy') return json(response, 200, { code: '0009', message: '系统繁忙' });
    return json(response, Number(fault.slice(0, 3)), { message: state.options.refusal ?? `scripted ${fault}` }, wait);
  }
  if (line.problem !== null) return json(response, 422, { message: line.problem });
  json(response, 200, success(state, line));
}

function success(state: State, line: JournalLine): unknown {
  if (state.options.dialect === 'code') return { code: '0000', message: '成功', data: { orderNo: line.caseNumber } };
  return { caseNumber: line.caseNumber };
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

function html(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end('<!doctype html><title>统一身份认证</title><p>请登录</p>');
}

function redirect(response: ServerResponse): void {
  response.writeHead(302, { location: '/_redirected' });
  response.end();
}

/** One byte a second. */
function drip(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) });
  let at = 0;
  const timer = setInterval(() => {
    response.write(Buffer.from(text).subarray(at, at + 1));
    at += 1;
    if (at >= Buffer.byteLength(text)) response.end();
  }, 1000);
  response.once('close', () => clearInterval(timer));
}

function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, 0x20);
  let sent = 0;
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(GIANT_BYTES) });
  const more = (): void => {
    while (sent < GIANT_BYTES && !response.destroyed) {
      sent += chunk.length;
      if (!response.write(chunk)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

// ---------------------------------------------------------------- events to the gateway

async function relayEvent(state: State, raw: Buffer, response: ServerResponse): Promise<void> {
  const { gateway, ...event } = parsed(raw) as SimulatorEvent & { readonly gateway: string };
  json(response, 200, await sendEvent(gateway, event, state.options.eventSecret));
}

async function sendEvent(
  gateway: string,
  event: SimulatorEvent,
  secret: string | undefined,
): Promise<{ status: number; body: string }> {
  const eventId = event.eventId ?? `evt-${randomBytes(9).toString('base64url')}`;
  const body = JSON.stringify({ at: new Date().toISOString(), ...event, eventId });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const answer = await fetch(gateway, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': eventId,
      'webhook-timestamp': timestamp,
      'webhook-signature': secret === undefined ? '' : `v1,${signature(secret, eventId, timestamp, Buffer.from(body))}`,
    },
    body,
    redirect: 'manual',
  });
  return { status: answer.status, body: await answer.text() };
}

// ---------------------------------------------------------------- counts

function summarise(state: State): Summary {
  const effects = state.lines.filter(line => line.effect);
  return {
    requests: state.lines.length,
    effects: effects.length,
    effectsByKind: countBy(effects.map(line => line.kind ?? 'foreign')),
    doubledEffects: [...state.effectsOfKey.values()].reduce((sum, count) => sum + count - 1, 0),
    repeats: state.lines.filter(line => !line.effect && line.caseNumber !== null).length,
    lookUps: state.lookUps,
    faults: countBy(state.lines.flatMap(line => (line.fault === null ? [] : [line.fault]))),
    badSignatures: state.badSignatures,
    badBodies: state.lines.filter(line => line.problem !== null).length,
    noticesTooEarly: state.noticesTooEarly,
    inversions: state.inversions,
    mostAtOnce: state.mostAtOnce,
  };
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise(resolve => server.close(() => resolve()));
}

// ---------------------------------------------------------------- on its own

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      journal: { type: 'string' },
      faults: { type: 'string' },
      secret: { type: 'string' },
      'event-secret': { type: 'string' },
      dialect: { type: 'string', default: 'default' },
      'retry-after': { type: 'string', default: '0' },
    },
  });
  const simulator = await startCaseSystem({
    port: Number(values.port),
    dialect: values.dialect === 'code' ? 'code' : 'default',
    retryAfter: Number(values['retry-after']),
    ...(values.journal === undefined ? {} : { journal: values.journal }),
    ...(values.faults === undefined ? {} : { faults: parseFaults(values.faults) }),
    ...(values.secret === undefined ? {} : { secret: values.secret }),
    ...(values['event-secret'] === undefined ? {} : { eventSecret: values['event-secret'] }),
  });
  process.stdout.write(`${JSON.stringify({ url: simulator.url })}\n`);
  const end = (): void => {
    simulator.close().then(() => process.exit(0));
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
}

if (import.meta.main) await main();
