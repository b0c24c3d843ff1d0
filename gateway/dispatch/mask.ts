// Takes out of what is forwarded whatever says who somebody is.
import type { PersonalSpan, Requester } from '../../normalizer/ticket.ts';

/** A text that must not go out, and what goes out in its place. */
interface Secret {
  readonly text: string;
  readonly mark: string;
}

export interface Masks {
  /** The text whose spans were found; masked by their places. */
  content(text: string): string;
  /** Any other text: the same words wherever they stand. */
  text(text: string): string;
  /** A title: as any text, and also where it was cut off in the middle of such words. */
  title(text: string): string;
}

const MARKS: Readonly<Record<PersonalSpan['kind'], string>> = {
  phone: '【电话】',
  email: '【邮箱】',
  'id-number': '【证件号】',
  plate: '【车牌】',
  'bank-card': '【卡号】',
  name: '【姓名】',
};
/** A shorter piece of a number tells nobody apart. */
const TELLING = 4;

const unchanged = (text: string): string => text;

/** Masks nothing; for tickets that go out as they are. */
export const NO_MASKS: Masks = { content: unchanged, text: unchanged, title: unchanged };

/**
 * @param content the text the spans lie in
 * @param whole true leaves nothing of a value (accusations); false leaves enough to talk about it (`138****8000`)
 * @param requester values that go too, wherever they stand; null where they are not known or may be shown
 */
export function createMasks(
  content: string,
  spans: readonly PersonalSpan[],
  whole: boolean,
  requester: Requester | null,
): Masks {
  const inOrder = [...spans].sort((a, b) => a.start - b.start);
  const secrets = [...inOrder.map(span => ofSpan(content, span, whole)), ...ofRequester(requester)]
    .filter(secret => secret.text.length >= 2)
    .sort((a, b) => b.text.length - a.text.length);
  if (inOrder.length + secrets.length === 0) return NO_MASKS;
  const text = (given: string): string =>
    secrets.reduce((hidden, { text, mark }) => hidden.replaceAll(text, mark), given);
  return {
    text,
    content: given => text(byPlace(given, inOrder, whole)),
    title: given => secrets.reduce(cutOff, text(given)),
  };
}

function ofSpan(content: string, span: PersonalSpan, whole: boolean): Secret {
  const text = content.slice(span.start, span.end);
  return { text, mark: markOf(span.kind, text, whole) };
}

function markOf(kind: PersonalSpan['kind'], text: string, whole: boolean): string {
  return whole ? MARKS[kind] : partly(kind, text);
}

/** Enough of a value to talk about it, too little to use it. */
function partly(kind: PersonalSpan['kind'], text: string): string {
  if (kind === 'name') return `${text.slice(0, 1)}**`;
  if (kind === 'email') return text.replace(/^(.).*(@.*)$/su, '$1***$2');
  if (kind === 'plate') return `${text.slice(0, 2)}***${text.slice(-1)}`;
  const digits = text.replace(/[^0-9Xx]/g, '');
  if (digits.length < 8) return '*'.repeat(digits.length);
  const head = kind === 'phone' ? 3 : 4;
  return `${digits.slice(0, head)}${'*'.repeat(digits.length - head - 4)}${digits.slice(-4)}`;
}

function ofRequester(requester: Requester | null): Secret[] {
  if (requester === null) return [];
  const secrets: Secret[] = [];
  const add = (value: string | null, mark: string): void => {
    if (value !== null && value.trim() !== '') secrets.push({ text: value.trim(), mark });
  };
  add(requester.name, MARKS.name);
  for (const phone of [requester.phone, requester.callerPhone]) {
    add(phone, MARKS.phone);
    add(phone?.replace(/^\+86/, '') ?? null, MARKS.phone);
  }
  add(requester.email, MARKS.email);
  add(requester.idNumber, MARKS['id-number']);
  add(requester.openid, '【账号】');
  add(requester.openid?.replace(/^[\w-]+:/, '') ?? null, '【账号】');
  add(requester.address, '【住址】');
  add(requester.organisation, '【单位】');
  return secrets;
}

function byPlace(text: string, spans: readonly PersonalSpan[], whole: boolean): string {
  let masked = '';
  let at = 0;
  for (const span of spans) {
    if (span.start < at || span.end > text.length) continue;
    masked += text.slice(at, span.start) + markOf(span.kind, text.slice(span.start, span.end), whole);
    at = span.end;
  }
  return masked + text.slice(at);
}

/** A title is often the beginning of the content, which may end inside a number. */
function cutOff(title: string, secret: Secret): string {
  const ending = /(?:…|\.{3})$/.exec(title)?.[0] ?? '';
  const body = title.slice(0, title.length - ending.length);
  for (let length = secret.text.length - 1; length >= TELLING; length--) {
    if (body.endsWith(secret.text.slice(0, length))) return body.slice(0, -length) + secret.mark + ending;
  }
  return title;
}

/** Applies a change to every text inside a plain value. */
export function eachText<T>(value: T, change: (text: string) => string): T {
  if (change === unchanged) return value;
  if (typeof value === 'string') return change(value) as T;
  if (Array.isArray(value)) return value.map(item => eachText(item, change)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const changed = { ...value } as Record<string, unknown>;
  for (const key of Object.keys(changed)) changed[key] = eachText(changed[key], change);
  return changed as T;
}
