// Takes out of what is forwarded whatever says who somebody is.
import { findNumbers } from '../../normalizer/personal.ts';
import { DIGITS } from '../../normalizer/spelt-number.ts';
import type { Appeal, PersonalSpan, Requester } from '../../normalizer/ticket.ts';
import { accusedPlates, isOfOthers } from './of-others.ts';
import { maskOwnHome } from './own-home.ts';
import { maskOwnNumbers } from './own-numbers.ts';
import { maskOwnWork } from './own-work.ts';
import { hideSpelt } from './spelt-number.ts';

/** A text that must not go out, and what goes out in its place. */
interface Secret {
  readonly text: string;
  readonly mark: string;
  /** Of a number: its digits and letters, which may be written in other ways. */
  readonly units?: readonly string[];
}

export interface Masks {
  /** The text whose spans were found; masked by their places. */
  content(text: string): string;
  /** Any other text: the same words wherever they stand, and the numbers and addresses in it. */
  text(text: string): string;
  /** The title: by the places found in it, as any text, and also where it was cut off in the middle of such words. */
  title(text: string): string;
  /** What names something and nobody, such as another system's number: the same words only. */
  id(text: string): string;
}

/** The texts whose spans were found. */
export type MaskedAppeal = Pick<Appeal, 'content' | 'personal' | 'title' | 'titlePersonal'> &
  Partial<Pick<Appeal, 'subject'>>;

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
export const NO_MASKS: Masks = { content: unchanged, text: unchanged, title: unchanged, id: unchanged };

/**
 * @param appeal the texts and the spans in them
 * @param whole true leaves nothing of a value (accusations); false leaves enough to talk about it (`138****8000`)
 * @param requesters whose values go too, wherever they stand; null where they are not known or may be shown
 */
export function createMasks(appeal: MaskedAppeal, whole: boolean, ...requesters: readonly (Requester | null)[]): Masks {
  const inAll = [
    [appeal.content, appeal.personal],
    [appeal.title, appeal.titlePersonal ?? []],
  ] as const;
  const others = { title: appeal.title, plates: whole ? accusedPlates(inAll) : new Set<string>() };
  const own = (text: string, spans: readonly PersonalSpan[]): readonly PersonalSpan[] =>
    inOrder(whole ? spans.filter(span => !isOfOthers(text, span, others)) : spans);
  const [inContent, inTitle] = inAll.map(([text, spans]) => own(text, spans)) as [
    readonly PersonalSpan[],
    readonly PersonalSpan[],
  ];
  const secrets = [
    ...inContent.map(span => ofSpan(appeal.content, span, whole)),
    ...inTitle.map(span => ofSpan(appeal.title, span, whole)),
    ...requesters.flatMap(requester => ofRequester(requester, appeal.subject ?? null)),
  ]
    .filter(secret => secret.text.length >= 2)
    .sort((a, b) => b.text.length - a.text.length);
  const id = (given: string): string => secrets.reduce(hide, given);
  // A title, a file's name, a named place may hold a number that the content does not.
  const text = (given: string): string => {
    const known = id(given);
    const found = findNumbers(known).filter(span => !isOfOthers(known, span, others));
    const hidden = byPlace(known, found, whole);
    return whole ? maskOwnWork(maskOwnNumbers(maskOwnHome(hidden.replace(SPELT, MARKS.phone)))) : hidden;
  };
  const placed = (given: string, spans: readonly PersonalSpan[]): string => text(byPlace(given, spans, whole));
  return {
    text,
    id,
    content: given => placed(given, inContent),
    // Spans lie in the title of the ticket; another one given is masked by what its words are.
    title: given => secrets.reduce(cutOff, given === appeal.title ? placed(given, inTitle) : text(given)),
  };
}

const inOrder = (spans: readonly PersonalSpan[]): readonly PersonalSpan[] =>
  [...spans].sort((a, b) => a.start - b.start);

function hide(given: string, { text, mark, units }: Secret): string {
  const hidden = given.replaceAll(text, mark);
  return units === undefined ? hidden : hideSpelt(hidden, units, mark);
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
  if (kind === 'name') return `${[...text][0]}**`;
  if (kind === 'email') return text.replace(/^(.).*(@.*)$/su, '$1***$2');
  if (kind === 'plate') return `${text.slice(0, 2)}***${text.slice(-1)}`;
  // Of a number in words the digits that are left would be those of another.
  if (/[\p{Script=Han}○\p{No}]/u.test(text)) return MARKS[kind];
  const digits = text.replace(/[^0-9Xx]/g, '');
  if (digits.length < 8) return '*'.repeat(digits.length);
  const head = kind === 'phone' ? 3 : 4;
  return `${digits.slice(0, head)}${'*'.repeat(digits.length - head - 4)}${digits.slice(-4)}`;
}

/** @param subject who is complained of: it stays, since nobody could look into it otherwise, and a mark would tell whose it is */
function ofRequester(requester: Requester | null, subject: string | null): Secret[] {
  if (requester === null) return [];
  const secrets: Secret[] = [];
  const add = (value: string | null, mark: string): void => {
    if (value !== null && value.trim() !== '') secrets.push({ text: value.trim(), mark });
  };
  const addNumber = (value: string | null, mark: string): void => {
    const units = [...(value ?? '')].filter(unit => /[0-9A-Za-z]/.test(unit));
    if (value === null || units.length <= TELLING) add(value, mark);
    else secrets.push({ text: value, mark, units });
  };
  add(requester.name, MARKS.name);
  for (const phone of [requester.phone, requester.callerPhone]) {
    add(phone, MARKS.phone);
    addNumber(phone?.replace(/^\+86/, '') ?? null, MARKS.phone);
  }
  add(requester.email, MARKS.email);
  addNumber(requester.idNumber, MARKS['id-number']);
  add(requester.openid, '【账号】');
  add(requester.openid?.replace(/^[\w-]+:/, '') ?? null, '【账号】');
  add(requester.address, '【住址】');
  const { organisation } = requester;
  const accused =
    organisation !== null && subject !== null && (subject.includes(organisation) || organisation.includes(subject));
  add(accused ? null : organisation, '【单位】');
  return secrets;
}

const DIGIT = `[${DIGITS.join('').replaceAll(/[oO]/g, '')}]`;
/** A mobile number that hides from whoever looks for eleven digits: 一三八零零…, 1 3 8 0 0 …, 138.0013.8000. */
const SPELT = new RegExp(
  `(?<![${DIGITS.join('')}])[1一壹幺][ .·_-]?[3-9三四五六七八九叁肆伍陆柒捌玖](?:[ .·_-]?${DIGIT}){9}(?![${DIGITS.join('')}])`,
  'gu',
);

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
