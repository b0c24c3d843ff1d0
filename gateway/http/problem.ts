// Any error as an RFC 9457 problem: a stable code, its status, and what it means in Chinese and English.
import {
  BodyTooLarge,
  CredentialsRefused,
  Misconfigured,
  PlatformError,
  Unauthentic,
  Unavailable,
} from '../../adapters/contract.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import { type CatalogueEntry, catalogueEntry } from '../catalogue.ts';

/** An error of the HTTP side itself; its words stand in the catalogue. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: string, headers: Readonly<Record<string, string>> = {}) {
    super(code);
    this.code = code;
    this.headers = headers;
  }
}

/** What goes back: status, headers and body. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly code: string;
  /** True for what nobody foresaw; it is to be logged with its stack. */
  readonly bug: boolean;
}

/**
 * @param base how callers reach the gateway, without a slash at the end; '' keeps `type` relative
 * @param instance path of the request; undefined where none could be made out
 */
export function problemAnswer(error: unknown, base: string, instance: string | undefined): ProblemAnswer {
  const { code, status, headers, bug } = classify(error);
  const entry = catalogueEntry(code) ?? (catalogueEntry(GENERIC[status] ?? 'gateway.bug') as CatalogueEntry);
  const body = {
    type: `${base}/problems/${encodeURIComponent(code)}`,
    title: `${entry.zh.title} · ${entry.en.title}`,
    status,
    detail: `${entry.zh.todo} · ${entry.en.todo}`,
    instance,
    code,
  };
  return {
    status,
    code,
    bug,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  };
}

/** Words for codes of third parties' adapters, which the catalogue cannot know. */
const GENERIC: Readonly<Record<number, string>> = {
  400: 'http.bad_request',
  401: 'http.unauthentic',
  404: 'http.not_found',
  413: 'http.body_too_large',
  503: 'gateway.unavailable',
};

interface Classified {
  readonly code: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bug: boolean;
}

function classify(error: unknown): Classified {
  const known = (code: string, status: number, headers = {}): Classified => ({ code, status, headers, bug: false });
  if (error instanceof HttpProblem) return known(error.code, catalogueEntry(error.code)?.status ?? 500, error.headers);
  if (error instanceof BodyTooLarge) return known('http.body_too_large', 413);
  if (error instanceof Unauthentic) return known(error.code, 401);
  if (error instanceof Unavailable) {
    return known(error.code, 503, { 'retry-after': String(error.retryAfterSeconds ?? RETRY_AFTER_SECONDS) });
  }
  if (error instanceof StoreUnavailable) return known(error.code, 503, { 'retry-after': String(RETRY_AFTER_SECONDS) });
  // The operator's settings or the platform's refusal: not the sender's fault, and not to be told in detail.
  if (error instanceof Misconfigured || error instanceof CredentialsRefused) {
    return known('gateway.unavailable', 503, { 'retry-after': String(RETRY_AFTER_SECONDS) });
  }
  if (error instanceof PlatformError) return known(error.code, 422);
  if (isBadRequest(error)) return known('http.bad_request', 400);
  return { code: 'gateway.bug', status: 500, headers: {}, bug: true };
}

const RETRY_AFTER_SECONDS = 5;

/** Express and Node mark a request that cannot be understood (a broken %-escape in the path) by a status below 500. */
function isBadRequest(error: unknown): boolean {
  const status = error instanceof Error ? (error as { status?: unknown }).status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500;
}
