// Where a text names whoever writes it and their family: behind certain words, in lists of those who sign, and at its end.
import type { Hit } from './lexicon.ts';
import type { Meaning, Rulebook } from './rulebook.ts';
import type { PersonalSpan } from './ticket.ts';

const TITLES = ['先生', '女士', '小姐', '同志', '老师', '师傅'];
/** Whoever signs: what follows such words may be several names. `本人` is one. */
const SIGNING = /(?:(?<!本)人|者|代表|签名|签字|落款|署名|礼)[:：；，（]?$/;
const MOST_LISTED = 60;
/** Between two who sign, a phone in brackets among it. */
const BETWEEN =
  /(?:[ 　\n]{0,2}[（(][^（）()\n]{0,40}[）)])?[ 　\n]{0,2}(?:[、，,;；和及与]|。(?=[ 　\n]))?[ 　\n]{0,2}(?:[0-9]{1,2}[.．、)）]?)?/y;
/** 业主代表：1李四、2王五. */
const NUMBERED = /[0-9]{1,2}[.．、)）]?(?=\p{Script=Han})/uy;
/** What may stand right behind a name in such a list. */
const LIST_FOLLOWERS = ['等', '男', '女', '电话', '手机', '联系', '身份证', '和', '及', '与'];
/** What may stand right behind the name of a relative, besides what may behind any. */
const KIN_FOLLOWERS = '说被从与和及有也向就把将对已都不没又还要让给跟到去来、';
/** No name ends so. */
const NO_ENDING = '于在系是因的了吧呢吗啊呀';
/** 李四，又名李小四. */
const ALSO = /[ 　]{0,2}[，,、（(]?[ 　]{0,2}(?:又名|曾用名|原名)[:： ]{0,2}/y;
/** Relatives that can only be the speaker's. */
const OLD_KIN = /^(?:家[父母兄]|爱子|犬子)$/;
/** Between the word for a relative and a name. */
const CALLED = /(?:名叫|叫做|叫|是)?[:：，,（( 　]{0,2}/y;
const LONGEST_RUN = 300;
const FEWEST_IN_RUN = 3;
/** A clause about oneself: 我是…村村民. */
const LONGEST_CLAUSE = 44;
const CLAUSE_ENDS = /[，。；！？,;!?\n]/;
const TAIL = 240;
/** Behind the last name of a text: a phone, a date, in any order. */
const IN_DATE = '年月日号曰时间';
const BEFORE_PHONE = /[（(]?(?:联系)?(?:电话|手机|方式|号码|身份证|证件)(?:号码|号)?$/;
/** 敬礼！光明小学：李四: a house before the name of whoever signs a letter that has ended. */
const SIGNING_HOUSE =
  /(?:敬礼|此致|谢谢|感谢|敬上|拜托)[^：:]{0,40}(?:学校|[小中大]学|学院|公司|厂|院|局|所|站|队|组|中心|社区|小区|村)[:：][ 　]*$/u;
/** 我是光明厂的李四，电话…: what only somebody says of themselves. */
const OF_SELF =
  /^[，, 　(（]{0,2}(?:身份证|电话|手机|联系电话|联系方式|男|女|今年|现年|年龄|[0-9]{2}岁|[汉满回朝蒙苗壮]族)/u;
const LAST_OF_CLAUSE = /的(\p{Script=Han}{2,4})$/u;
/** 李四（李小四的父亲）. */
const WHOSE_KIN =
  /[ 　]{0,2}[（(](?:系|是)?(\p{Script=Han}{2,4})(?=的(?:父|母|爸|妈|儿|女|丈夫|妻|爱人|老公|老婆|哥|弟|姐|妹|爷|奶|孙|家属|家长|监护人))/uy;

/** By UTF-16 unit: the characters of names in use, and both halves of a rare one (王𬱖). An emoji's first half is none. */
function isHan(code: number): boolean {
  return (
    (code >= 0x4e00 && code <= 0x9fff) ||
    (code >= 0x3400 && code <= 0x4dbf) ||
    (code >= 0xd840 && code <= 0xd88f) ||
    (code >= 0xdc00 && code <= 0xdfff)
  );
}

/** Where so many characters end that begin at `at`. */
function behind(text: string, at: number, count: number): number {
  let end = at;
  for (let left = count; left > 0; left--) end += text.charCodeAt(end) >> 10 === 0x36 ? 2 : 1;
  return end;
}

/** Where so many characters begin that end at `end`. */
function before(text: string, end: number, count: number): number {
  let start = end;
  for (let left = count; left > 0; left--) start -= text.charCodeAt(start - 1) >> 10 === 0x37 ? 2 : 1;
  return start;
}

/** 阿依古丽·买买提: a name in two parts has no surname of a list; so may an estate (我是…·花园的业主), whose owner says no name of it. */
const IN_PARTS = /\p{Script=Han}{2,8}(?:[·•‧]\p{Script=Han}{1,8}){1,3}(?!\p{Script=Han})/uy;

function inPartsLength(text: string, at: number, said: string): number {
  if (said === '我是' || said === '本人') return 0;
  IN_PARTS.lastIndex = at;
  return IN_PARTS.exec(text)?.[0].length ?? 0;
}

function isWhole(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!isHan(text.charCodeAt(at))) return false;
  return true;
}

/** Length of the surname at `at`; 0 for none. */
function surnameLength(text: string, at: number, { surnames }: Rulebook): number {
  return surnames.has(text.slice(at, at + 2)) ? 2 : surnames.has(text.charAt(at)) ? 1 : 0;
}

/** Length of a name at `at`: a surname and one or two more characters, with an end behind it; 0 for none. */
function nameLength(text: string, at: number, rulebook: Rulebook, followers: readonly string[]): number {
  const surname = surnameLength(text, at, rulebook);
  if (surname === 0) return 0;
  for (const title of TITLES) if (text.startsWith(title, at + surname)) return surname + title.length;
  for (const given of [2, 1]) {
    const end = behind(text, at + surname, given);
    const name = text.slice(at, end);
    const { length } = name;
    if (length < end - at || !isWhole(name)) continue;
    if (rulebook.notNames.has(name) || rulebook.notNames.has(name.slice(0, 2))) return 0;
    // 我妻子李四于2019年: of two readings the one that leaves the word.
    if (given === 2 && NO_ENDING.includes(name.at(-1) as string)) continue;
    if (end >= text.length || !isHan(text.charCodeAt(end))) return length;
    if (followers.some(follower => text.startsWith(follower, end))) return length;
  }
  return 0;
}

const nameSpan = (start: number, end: number): PersonalSpan => ({ kind: 'name', start, end });

/** Length of at least three names with nothing between them: 王五李小四赵六; 0 for none. Each step is a surname's. */
function runLength(text: string, at: number, rulebook: Rulebook): number {
  /** Most names that lead to each place. */
  const names = new Map<number, number>([[at, 0]]);
  for (let to = at; to < at + LONGEST_RUN; to++) {
    const count = names.get(to);
    if (count === undefined) continue;
    if (count >= FEWEST_IN_RUN && (to >= text.length || !isHan(text.charCodeAt(to)))) return to - at;
    const surname = surnameLength(text, to, rulebook);
    if (surname === 0 || rulebook.rules.personal.wordSurnames.includes(text.charAt(to))) continue;
    for (const next of [to + surname + 1, to + surname + 2]) {
      if (next <= text.length && isWhole(text.slice(to, next)))
        names.set(next, Math.max(names.get(next) ?? 0, count + 1));
    }
  }
  return 0;
}

/** Adds the name at `start`, what else the same person is called, and whose parent or child they say they are. */
function add(text: string, start: number, end: number, rulebook: Rulebook, spans: PersonalSpan[]): void {
  spans.push(nameSpan(start, end));
  ALSO.lastIndex = end;
  const also = ALSO.exec(text)?.[0] ?? '';
  const length = also === '' ? 0 : nameLength(text, end + also.length, rulebook, LIST_FOLLOWERS);
  if (length > 0) spans.push(nameSpan(end + also.length, end + also.length + length));
  WHOSE_KIN.lastIndex = end;
  const [whole, kin] = WHOSE_KIN.exec(text) ?? [];
  if (whole === undefined || kin === undefined || surnameLength(kin, 0, rulebook) === 0) return;
  spans.push(nameSpan(end + whole.length - kin.length, end + whole.length));
}

/** All who sign behind the first of them. */
function listed(text: string, from: number, rulebook: Rulebook, spans: PersonalSpan[]): void {
  let at = from;
  for (let left = MOST_LISTED; left > 0; left--) {
    BETWEEN.lastIndex = at;
    const between = BETWEEN.exec(text)?.[0] ?? '';
    if (between === '') return;
    const start = at + between.length;
    const length = nameLength(text, start, rulebook, LIST_FOLLOWERS) || numberedLength(text, start, between);
    if (length === 0) return;
    // 举报人：李四。王五，男: behind the end of a sentence a name goes on the list only where nothing is said of it.
    if (between.includes('。') && !/[。、 　\n]/.test(text.charAt(start + length))) return;
    spans.push(nameSpan(start, start + length));
    at = start + length;
  }
}

/** Behind its number in a list of those who sign a name is one though its surname is on no list: two or three characters and an end. */
function numberedLength(text: string, at: number, between: string): number {
  if (!/[、，,;；。 　\n][0-9]{1,2}[.．、)）]?$/.test(between)) return 0;
  let length = 0;
  while (length < 4 && isHan(text.charCodeAt(at + length))) length++;
  return length === 2 || length === 3 ? length : 0;
}

/** What is said of the accused is not said of the author, though the same words end it: 被举报人, 法人代表. */
function isAccused(text: string, trigger: Hit<Meaning>): boolean {
  return /(?:被|法人|人大)$/.test(text.slice(Math.max(0, trigger.start - 2), trigger.start));
}

function behindTrigger(text: string, trigger: Hit<Meaning>, rulebook: Rulebook, spans: PersonalSpan[]): void {
  if (isAccused(text, trigger)) return;
  let at = trigger.end;
  while (at < trigger.end + 3 && ':： 是叫为(（，,；;'.includes(text.charAt(at)) && at < text.length) at++;
  const said = text.slice(trigger.start, trigger.end);
  const signs = SIGNING.test(said);
  if (signs) {
    NUMBERED.lastIndex = at;
    at += NUMBERED.exec(text)?.[0].length ?? 0;
  }
  const length = nameLength(text, at, rulebook, rulebook.rules.personal.nameFollowers) || inPartsLength(text, at, said);
  const run = length === 0 && signs ? runLength(text, at, rulebook) : 0;
  if (length + run > 0) add(text, at, at + length + run, rulebook, spans);
  else selfDescribed(text, trigger, rulebook, spans);
  if (signs && length + run > 0) listed(text, at + length + run, rulebook, spans);
}

/** 我是…村村民王五: the name behind what somebody says they are. */
function selfDescribed(text: string, { start, end }: Hit<Meaning>, rulebook: Rulebook, spans: PersonalSpan[]): void {
  const said = text.slice(start, end);
  if (said !== '我是' && said !== '本人') return;
  const clause = text.slice(end, end + LONGEST_CLAUSE).split(CLAUSE_ENDS, 1)[0] as string;
  if (said === '本人' ? !/^[是系]/.test(clause) : /^[在被听看从因想要]/.test(clause)) return;
  for (const role of clause.matchAll(rulebook.ownRoles)) {
    const at = end + role.index + role[0].length;
    const length = nameLength(text, at, rulebook, rulebook.rules.personal.nameFollowers);
    if (length === 0) continue;
    add(text, at, at + length, rulebook, spans);
    return;
  }
  const last = said === '我是' ? LAST_OF_CLAUSE.exec(clause) : null;
  if (last === null || !OF_SELF.test(text.slice(end + clause.length, end + clause.length + 8))) return;
  const at = end + last.index + 1;
  if (nameLength(text, at, rulebook, []) === last[1]?.length) spans.push(nameSpan(at, at + last[1].length));
}

/** 我妻子李四, 我的儿子李小五说, 家父李大. */
function ofKin(text: string, { start, end }: Hit<Meaning>, rulebook: Rulebook, spans: PersonalSpan[]): void {
  const { wordSurnames, nameFollowers } = rulebook.rules.personal;
  const own = OLD_KIN.test(text.slice(start, end)) || rulebook.speakers.test(text.slice(Math.max(0, start - 6), start));
  if (!own) return;
  CALLED.lastIndex = end;
  const at = end + (CALLED.exec(text)?.[0].length ?? 0);
  if (wordSurnames.includes(text.charAt(at))) return;
  const length = nameLength(text, at, rulebook, [...nameFollowers, ...KIN_FOLLOWERS]) || saidAgain(text, at, rulebook);
  if (length > 0) add(text, at, at + length, rulebook, spans);
}

/** Length of what would be a name of three and stands in the text once more, whatever follows it: no other words are. */
function saidAgain(text: string, at: number, rulebook: Rulebook): number {
  const name = text.slice(at, at + 3);
  const known = surnameLength(name, 0, rulebook) === 1 && name.length === 3 && isWhole(name);
  if (!known || rulebook.notNames.has(name.slice(0, 2)) || NO_ENDING.includes(name.at(-1) as string)) return 0;
  return text.indexOf(name) < at || text.indexOf(name, at + 3) > 0 ? 3 : 0;
}

/** Whether a signature may begin behind `before`: a new line or sentence, or what somebody is who signs. */
function beginsSignature(before: string, rulebook: Rulebook): boolean {
  return (
    /(?:^|[。！!？?\n])[ 　]*$/.test(before) || rulebook.signers.test(before) || SIGNING_HOUSE.test(before.slice(-60))
  );
}

/** Where a name would end that stands before the phone and date at the end of a text. */
function signatureEnd(tail: string): number {
  let end = tail.length;
  for (;;) {
    const passed = end;
    while (end > 0 && (!isHan(tail.charCodeAt(end - 1)) || IN_DATE.includes(tail.charAt(end - 1)))) end--;
    if (passed !== end) end -= BEFORE_PHONE.exec(tail.slice(Math.max(0, end - 10), end))?.[0].length ?? 0;
    if (tail.charAt(end - 1) === '等') end--;
    if (passed === end) return end;
  }
}

/** 此致敬礼 李四 2026年5月1日: a name that ends the text, with at most a phone and a date behind it, and those beside it. */
function signature(text: string, rulebook: Rulebook, spans: PersonalSpan[]): void {
  const from = Math.max(0, text.length - TAIL);
  const tail = text.slice(from);
  let end = signatureEnd(tail);
  const found: PersonalSpan[] = [];
  while (end > 1) {
    const start = lastName(tail, end, rulebook);
    if (start === null) return;
    found.push(nameSpan(from + start, from + end));
    const before = tail.slice(0, start);
    if (beginsSignature(before, rulebook)) break;
    const between = /[ 　]*[、，, 　：:][ 　]*$/.exec(before);
    if (between === null) return;
    end = between.index;
  }
  spans.push(...found);
}

/** Where the name begins that ends at `end`; null for none. The longer of two that may be meant is taken where it begins a signature. */
function lastName(tail: string, end: number, rulebook: Rulebook): number | null {
  let shortest: number | null = null;
  for (const length of [2, 3, 4]) {
    const start = before(tail, end, length);
    if (start < 0) break;
    const name = tail.slice(start, end);
    const surname = surnameLength(name, 0, rulebook);
    const titled = TITLES.some(title => name.length === surname + title.length && name.endsWith(title));
    const isName =
      surname > 0 &&
      !NO_ENDING.includes(name.at(-1) as string) &&
      (titled || (length - surname >= 1 && length - surname <= 2)) &&
      isWhole(name);
    if (!isName || rulebook.notNames.has(name) || rulebook.notNames.has(name.slice(0, 2))) continue;
    if (beginsSignature(tail.slice(0, start), rulebook)) return start;
    shortest ??= /[、，, 　：:]$/.test(tail.slice(0, start)) ? start : null;
  }
  return shortest;
}

/** Every place the requester's own name stands in the text. */
function ownName(text: string, name: string | null, spans: PersonalSpan[], most: number): void {
  if (name === null || name.length < 2 || !isHan(name.charCodeAt(0))) return;
  for (let at = text.indexOf(name); at >= 0 && spans.length < most; at = text.indexOf(name, at + name.length)) {
    spans.push(nameSpan(at, at + name.length));
  }
}

/**
 * Adds the names. Linear; offsets are UTF-16 units of `text`.
 * @param hits Hits of the family `name` in the same text.
 * @param most Spans after which no more are looked for.
 */
export function findNames(
  text: string,
  hits: readonly Hit<Meaning>[],
  requesterName: string | null,
  rulebook: Rulebook,
  into: { readonly spans: PersonalSpan[]; readonly most: number },
): void {
  const { spans, most } = into;
  for (const hit of hits) {
    if (spans.length >= most) break;
    if (hit.item.of === 'name-trigger') behindTrigger(text, hit, rulebook, spans);
    else if (hit.item.of === 'kin') ofKin(text, hit, rulebook, spans);
  }
  signature(text, rulebook, spans);
  ownName(text, requesterName, spans, most);
}
