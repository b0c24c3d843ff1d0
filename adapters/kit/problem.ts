// Answers to a sender that can correct itself: RFC 9457 problems, in Chinese with English.
import type { WebhookAnswer } from '../contract.ts';

/** One text in both languages. */
export interface Bilingual {
  readonly zh: string;
  readonly en: string;
}

/** One fault in the body. */
export interface FieldError {
  /** JSON Pointer (RFC 6901) into the body. */
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface Problem {
  readonly status: number;
  /** Last part of the type URI and stable: `/problems/id-reused`. */
  readonly code: string;
  readonly title: Bilingual;
  /** Holds nothing of the message, since answers end up in the sender's logs. */
  readonly detail?: Bilingual;
  readonly instance?: string;
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Both languages in one line, Chinese first. */
export function both(text: Bilingual): string {
  return `${text.zh} · ${text.en}`;
}

export function problemAnswer(problem: Problem): WebhookAnswer {
  return {
    status: problem.status,
    headers: { ...problem.headers, 'content-type': 'application/problem+json; charset=utf-8' },
    body: JSON.stringify({
      type: `/problems/${problem.code}`,
      title: both(problem.title),
      status: problem.status,
      ...(problem.detail === undefined ? {} : { detail: both(problem.detail) }),
      ...(problem.instance === undefined ? {} : { instance: problem.instance }),
      ...(problem.errors === undefined ? {} : { errors: problem.errors }),
    }),
  };
}

const LONGEST_POINTER = 300;

/** JSON Pointer of a path of keys and indexes; one of more than 300 characters is cut and ends in an ellipsis. */
export function pointer(path: readonly (string | number)[]): string {
  const whole = path.map(step => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return whole.length > LONGEST_POINTER ? `${whole.slice(0, LONGEST_POINTER)}…` : whole;
}
