// Reads what the case system answered and judges it: arrived, refused, not now, or nobody knows.
import type { AnswerValue, CaseEntryKind, CaseSystemSettings } from '../../config/case-system.ts';
import { cut } from '../../normalizer/text.ts';
import type { CauseCode } from './causes.ts';
import { valueAt } from './mapping.ts';

/** What became of one attempt. */
export type Verdict =
  | { readonly kind: 'delivered'; readonly caseNumber: string | null; readonly status: number }
  | ({ readonly kind: 'refused' } & Failure)
  /** Surely not taken: it may be sent again without asking. */
  | ({ readonly kind: 'unavailable' } & Failure)
  /** It may have been taken: no answer, or none that tells. */
  | ({ readonly kind: 'unknown' } & Failure);

export interface Failure {
  readonly code: CauseCode;
  /** HTTP status, null where no answer came. */
  readonly status: number | null;
  /** Their own words or result code, not yet masked. */
  readonly detail: string | null;
  readonly retryAfterMs: number | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A number beyond what is exact has so many digits, or says how many by its exponent. */
const TOO_LONG = /\d{16}|\d[eE]/;

/** The body as JSON, undefined where it is none. Whole numbers too long to be exact stay text, since they are case numbers. */
export function answerJson(answer: Answer): unknown {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(answer.headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  try {
    const text = decoderOf(charset).decode(answer.body);
    // Looking at each value takes ten times as long as reading the answer, and few have a number that needs it.
    return TOO_LONG.test(text) ? JSON.parse(text, exactNumbers) : JSON.parse(text);
  } catch {
    // Not JSON, or a character set nobody knows: it is judged as an answer that was not agreed.
    return undefined;
  }
}

/** Making one takes longer than reading an answer with it; they hold nothing between two whole answers. */
const decoders = new Map<string, InstanceType<typeof TextDecoder>>();

/** Throws `RangeError` for a character set nobody knows, so that what strangers write cannot fill the map. */
function decoderOf(charset: string): InstanceType<typeof TextDecoder> {
  const name = charset.toLowerCase();
  const decoder = decoders.get(name) ?? new TextDecoder(name);
  decoders.set(name, decoder);
  return decoder;
}

function exactNumbers(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const unsafe = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return unsafe ? (context?.source ?? String(value)) : value;
}

export function caseNumberAt(json: unknown, path: string | null): string | null {
  const value = path === null ? undefined : valueAt(json, path);
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? cut(value.trim(), 200) : null;
}

/** Compares with the type: the text "0" is not the number 0. */
export function isOneOf(value: unknown, values: readonly AnswerValue[]): boolean {
  return values.some(one => one === value);
}

/** Judges an answer to an entry by the settings. `retryAfterMs` is what the answer asked for. */
export function judge(
  answer: Answer,
  kind: CaseEntryKind,
  success: CaseSystemSettings['success'],
  retryAfterMs: number | null,
): Verdict {
  const failure = (code: CauseCode, detail: string | null): Failure => ({
    code,
    status: answer.status,
    detail,
    retryAfterMs,
  });
  const json = answerJson(answer);
  const words = theirWords(json, success.message);
  if (!success.statuses.includes(answer.status)) return judgeStatus(answer.status, kind, code => failure(code, words));
  if (success.path !== null) {
    const value = valueAt(json, success.path);
    if (isOneOf(value, success.retryValues)) return { kind: 'unavailable', ...failure('case-system.busy', words) };
    const arrived = isOneOf(value, success.values) || isOneOf(value, success.alreadyValues);
    if (value === undefined) return { kind: 'unknown', ...failure('case-system.not-understood', null) };
    if (!arrived) return { kind: 'refused', ...failure('case-system.refused', joined(value, words)) };
  }
  const caseNumber = caseNumberAt(json, success.caseNumber);
  const needed = success.caseNumber !== null && success.caseNumberRequired && kind === 'ticket.created';
  if (needed && caseNumber === null) return { kind: 'unknown', ...failure('case-system.not-understood', words) };
  // A page of a portal is no arrival either, whatever its status says.
  if (success.caseNumber !== null && json === undefined)
    return { kind: 'unknown', ...failure('case-system.not-understood', null) };
  return { kind: 'delivered', caseNumber, status: answer.status };
}

/** Statuses that the settings do not count as an arrival. */
function judgeStatus(status: number, kind: CaseEntryKind, failure: (code: CauseCode) => Failure): Verdict {
  if (status >= 200 && status < 300) return { kind: 'unknown', ...failure('case-system.not-understood') };
  // A redirect may follow the work done (303), so nobody knows.
  if (status < 400) return { kind: 'unknown', ...failure('case-system.redirect') };
  if (status === 401 || status === 403 || status === 407)
    return { kind: 'unavailable', ...failure('case-system.credentials') };
  // For a ticket a missing address can only be a wrong setting; for a notice it may be their answer about the ticket.
  if (status === 405 || (status === 404 && kind === 'ticket.created'))
    return { kind: 'unavailable', ...failure('case-system.not-found') };
  // 409: the same key is being worked on at this moment.
  if (status === 408 || status === 409 || status === 425 || status === 429 || status === 503)
    return { kind: 'unavailable', ...failure('case-system.busy') };
  if (status >= 500) return { kind: 'unknown', ...failure('case-system.failed') };
  return { kind: 'refused', ...failure('case-system.refused') };
}

function theirWords(json: unknown, path: string | null): string | null {
  const value = path === null ? undefined : valueAt(json, path);
  if (typeof value === 'string') return value;
  // Problem JSON (RFC 9457) says it in `detail` or `title`.
  const problem = valueAt(json, 'detail') ?? valueAt(json, 'title');
  return typeof problem === 'string' ? problem : null;
}

function joined(value: unknown, words: string | null): string {
  const code =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '?';
  return words === null ? code : `${code}: ${words}`;
}

/** What may be kept or shown of a stranger's words: digits in a row, addresses and control characters are masked. */
export function maskedWords(text: string): string {
  const masked = text
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .replace(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, '***')
    .replace(/\d[\d -]{4,}[\dXx]?/g, '***');
  return cut(masked, 200).trim();
}
