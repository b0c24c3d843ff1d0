// Answers to the case system's events: problems in the gateway's form, with the place of each fault.
import type { JsonFault, JsonProblem } from '../../adapters/kit/json.ts';
import { both, type FieldError, pointer } from '../../adapters/kit/problem.ts';
import { localeFile } from '../locale.ts';

export interface CaseEventAnswer {
  readonly status: number;
  /** `content-type`, and `retry-after` with 503. */
  readonly headers: Readonly<Record<string, string>>;
  /** A result, or a problem (RFC 9457) with `code` and a detail in Chinese and English. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** What can stand in the way of an event, as the catalogue words it. */
export type CaseEventProblem =
  | 'case-event.not-set-up'
  | 'case-event.unauthentic'
  | 'case-event.too-large'
  | 'case-event.not-json'
  | 'case-event.invalid'
  | 'case-event.unknown-ticket'
  | 'case-event.not-dispatched'
  | 'case-event.unavailable';

interface ProblemWords {
  readonly status: number;
  readonly zh: { readonly title: string; readonly todo: string };
  readonly en: { readonly title: string; readonly todo: string };
}

function wordsOf(code: CaseEventProblem | JsonFault): ProblemWords {
  return localeFile('problems.yaml')[code] as unknown as ProblemWords;
}

/** In the form of all problems of the gateway; the words stand in its catalogue. */
export function caseEventProblem(
  code: CaseEventProblem,
  extra: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): CaseEventAnswer {
  const { status, zh, en } = wordsOf(code);
  return {
    status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: {
      type: `/problems/${code}`,
      title: zh.title,
      status,
      detail: zh.todo,
      instance: '/case-system/events',
      code,
      en: { title: en.title, detail: en.todo },
      ...extra,
    },
  };
}

/** Answers with the place of a key that is refused, and for what is no JSON at all with the line on which it breaks off. */
export function notJson({ code, line, path }: JsonProblem): CaseEventAnswer {
  if (path === null) return caseEventProblem('case-event.not-json', { line, reason: code });
  const { zh, en } = wordsOf(code);
  const where: FieldError = { pointer: pointer(path), code, detail: both({ zh: zh.title, en: en.title }) };
  return caseEventProblem('case-event.not-json', { reason: code, errors: [where] });
}
