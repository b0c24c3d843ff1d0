// Speaks the case system's HTTP dialect: builds requests from the settings, sends them under limits, judges the answers.
import type { KeyObject } from 'node:crypto';
import { PlatformError } from '../../adapters/errors.ts';
import { type Outgoing, type OutgoingRequest, outgoing, retryAfter } from '../../adapters/kit/http.ts';
import { secretKey, webhookHeaders } from '../../adapters/kit/signature.ts';
import type { CaseEntryKind, CaseSystemSettings, LookUp } from '../../config/case-system.ts';
import { type Answer, answerJson, caseNumberAt, type Failure, isOneOf, judge, type Verdict } from './answer.ts';
import type { CauseCode } from './causes.ts';
import type { EntryBody } from './entry-body.ts';
import { mapBody, valueAt } from './mapping.ts';

/** What a look-up found out about an entry. */
export type LookUpAnswer =
  | { readonly kind: 'found'; readonly caseNumber: string | null }
  | { readonly kind: 'not-found' }
  | ({ readonly kind: 'unclear' } & Failure);

/** 工单系统, one target. Never throws for what the other side does. */
export interface CaseSystem {
  /** Sends one entry; repeating it under the same key is safe where the case system keeps its contract. */
  send(body: EntryBody): Promise<Verdict>;
  /** Asks whether an entry arrived; null where the settings give no way to ask about this kind. */
  lookUp(entry: {
    readonly id: string;
    readonly kind: CaseEntryKind;
    readonly ticket: string;
  }): Promise<LookUpAnswer | null>;
  /** Whether they take this kind of entry at all. */
  takes(kind: CaseEntryKind): boolean;
  /** Address without path, for logs and the audit. */
  readonly target: string;
  close(): Promise<void>;
}

export interface CaseSystemOptions {
  readonly settings: CaseSystemSettings;
  /** Connections kept open at most. */
  readonly concurrency: number;
  /** Wall clock, for signatures and Retry-After. */
  readonly wallClock?: () => number;
}

export function createCaseSystem(options: CaseSystemOptions): CaseSystem {
  const { settings } = options;
  const wallClock = options.wallClock ?? Date.now;
  const base = new URL(settings.url);
  const client = openClient(settings, base, options.concurrency);
  const keys = settings.auth.kind === 'signature' ? [secretKey(settings.auth.secret)] : [];
  const exchange = (request: OutgoingRequest) => attempt(client, request);
  const addresses = new Map<string, URL>();
  /** Those of the settings are read once. */
  const addressOf = (path: string): URL => {
    const url = addresses.get(path) ?? under(base, path);
    addresses.set(path, url);
    return url;
  };

  return {
    target: base.origin,
    takes: kind => settings.paths[kind] !== null,
    close: () => client.close(),
    async send(body) {
      const path = settings.paths[body.kind];
      if (path === null) return { kind: 'delivered', caseNumber: null, status: 0 };
      const text = JSON.stringify(settings.mapping === null ? body : mapBody(body, body.kind, settings.mapping));
      const answer = await exchange({
        url: addressOf(path),
        method: settings.method,
        headers: { ...requestHeaders(settings, keys, body.id, text, wallClock()), 'idempotency-key': body.id },
        body: text,
      });
      if ('code' in answer) return answer;
      return judge(answer, body.kind, settings.success, askedMs(answer, wallClock()));
    },
    async lookUp(entry) {
      const rule = settings.lookUp;
      if (rule === null || (entry.kind !== 'ticket.created' && !rule.path.includes('{key}'))) return null;
      const answer = await exchange({
        url: under(base, fillIn(rule.path, entry)),
        method: rule.method,
        headers: requestHeaders(settings, keys, `${entry.id}:look-up`, '', wallClock()),
      });
      if ('code' in answer) return { ...answer, kind: 'unclear' };
      return judgeLookUp(answer, rule, askedMs(answer, wallClock()));
    },
  };
}

/** The one host and port that may be called; it usually has an inner address. */
function openClient(settings: CaseSystemSettings, base: URL, concurrency: number): Outgoing {
  const { deadlines, tls } = settings;
  const port = base.port || (base.protocol === 'https:' ? '443' : '80');
  return outgoing({
    allow: [`${base.hostname.replace(/^\[|\]$/g, '')}:${port}`],
    prefix: 'case-system',
    connectTimeoutMs: deadlines.connect * 1000,
    headersTimeoutMs: deadlines.headers * 1000,
    bodyTimeoutMs: deadlines.body * 1000,
    totalTimeoutMs: deadlines.total * 1000,
    responseLimit: settings.maxAnswerKb * 1024,
    connections: concurrency,
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null || tls.key === null ? {} : { cert: tls.cert, key: tls.key }),
  });
}

/** The settings' schema lets a path begin with one slash only, so the result stays on the host of `base`. */
function under(base: URL, path: string): URL {
  return new URL(`${base.origin}${base.pathname.replace(/\/$/, '')}${path}`);
}

function fillIn(path: string, entry: { readonly id: string; readonly ticket: string }): string {
  return path
    .replaceAll('{number}', encodeURIComponent(entry.ticket))
    .replaceAll('{key}', encodeURIComponent(entry.id));
}

function requestHeaders(
  settings: CaseSystemSettings,
  keys: readonly KeyObject[],
  id: string,
  body: string,
  now: number,
): Record<string, string> {
  return {
    ...settings.headers,
    'content-type': 'application/json; charset=utf-8',
    accept: 'application/json',
    ...authHeaders(settings.auth),
    // The standard separates id and timestamp by a full stop, so the id holds none.
    ...(keys.length === 0 ? {} : webhookHeaders(keys, { id: id.replaceAll('.', '-'), body, now })),
  };
}

function authHeaders(auth: CaseSystemSettings['auth']): Record<string, string> {
  switch (auth.kind) {
    case 'bearer':
      return { authorization: `Bearer ${auth.token}` };
    case 'basic':
      return { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` };
    case 'header':
      return { [auth.name.toLowerCase()]: auth.value };
    case 'none':
    case 'signature':
      return {};
  }
}

async function attempt(
  client: Outgoing,
  request: OutgoingRequest,
): Promise<Answer | ({ readonly kind: 'unavailable' | 'unknown' } & Failure)> {
  try {
    return await client.send(request);
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return failedExchange(error);
  }
}

/** Failures before a request could be written: certain that nothing arrived. */
const BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO|HOSTNAME_MISMATCH/;

function failedExchange(error: PlatformError): { readonly kind: 'unavailable' | 'unknown' } & Failure {
  const low = lowLevelCode(error);
  const failure = (code: CauseCode): Failure => ({ code, status: null, detail: low, retryAfterMs: null });
  if (low !== null && CERTIFICATE.test(low)) return { kind: 'unavailable', ...failure('case-system.tls') };
  if ((low !== null && BEFORE_SENDING.has(low)) || error.code === 'case-system.address_refused')
    return { kind: 'unavailable', ...failure('case-system.unreachable') };
  if (error.code === 'case-system.answer_too_long')
    return { kind: 'unknown', ...failure('case-system.answer-too-long') };
  return {
    kind: 'unknown',
    ...failure(error.code === 'case-system.timeout' ? 'case-system.timeout' : 'case-system.broken-off'),
  };
}

/** The first system or client code down the chain of causes; several addresses tried fail as one error with many inside. */
function lowLevelCode(error: Error): string | null {
  let cause: unknown = error.cause;
  for (let depth = 0; depth < 5 && cause instanceof Error; depth++) {
    if ('code' in cause && typeof cause.code === 'string' && cause.code !== 'UND_ERR_SOCKET') return cause.code;
    cause = cause instanceof AggregateError && cause.errors.length > 0 ? cause.errors[0] : cause.cause;
  }
  return null;
}

function askedMs(answer: Answer, now: number): number | null {
  const seconds = retryAfter(answer.headers['retry-after'], now);
  return seconds === undefined ? null : seconds * 1000;
}

function judgeLookUp(answer: Answer, rule: LookUp, retryAfterMs: number | null): LookUpAnswer {
  const json = answerJson(answer);
  const holds = ({ statuses, path, values }: LookUp['found']): boolean =>
    statuses.includes(answer.status) && (path === null || isOneOf(valueAt(json, path), values));
  if (holds(rule.found)) return { kind: 'found', caseNumber: caseNumberAt(json, rule.caseNumber) };
  if (holds(rule.notFound)) return { kind: 'not-found' };
  return { kind: 'unclear', code: 'case-system.not-understood', status: answer.status, detail: null, retryAfterMs };
}
