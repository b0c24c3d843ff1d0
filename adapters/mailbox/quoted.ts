// What the writer of a mail says himself, without the letters he answers or passes on: 引用, 转发, in the ways of many programs.

import { withoutSignature } from './signature.ts';

/** A line longer than this is nobody's separator, and is not tried against the patterns. */
const LONGEST_MARK = 400;
/** Letters inside letters that are looked into when a mail is nothing but a forwarded one. */
const MOST_LEVELS = 10;

/** "------------------ 原始邮件 ------------------", "---- 回复的原邮件 ----", "-----Original Message-----". */
const RULE =
  /^[\s>|]*[-_—─=*]{2,}\s*(?:(?:开始)?(?:转发|轉寄)(?:的|邮件|郵件)*(?:信息|内容|訊息)?|(?:回复|回覆|答复)?的?原(?:始|来|來)?的?(?:邮件|郵件|信件|信息|訊息|内容)(?:信息|内容)?|Forwarded\s+(?:message|mail)(?:\s+(?:from|by)\s.*)?|(?:Original|Replied|Reply)\s*(?:Message|Mail|Email)?|Begin forwarded message)\s*[:：]?\s*[-_—─=*]*\s*$/i;
const FORWARD_RULE = /转发|轉寄|forward/i;
/** iOS and Mail on the Mac: "开始转发的邮件：" without a rule. */
const BARE_FORWARD = /^\s*(?:开始转发的?邮件|Begin forwarded message)\s*[:：]\s*$/i;

/** "在 2024-01-01 08:30:00，"张三" <a@b.cn> 写道：", "On Mon, 1 Jan 2024 … wrote:", "张三 <…> 于2024年1月1日周一 写道：". */
const WROTE = /(?:写道|寫道|写到|撰写|wrote|写|寫)\s*[:：]$/i;
const WROTE_BEGINS = /^(?:在|于|於|At\s|On\s)/i;
const DATE = /\d\s*[-/.年:]\s*\d/;
const ADDRESS = /[^\s<>"“”@]@[\w-]/;

/** Header lines of a quoted letter. 主　题 is written with a space in between by some. */
const FIELD =
  /^[\s>|*]*(发件人|寄件者|寄件人|发送人|发自|发送时间|发送日期|寄件日期|日\s*期|时\s*间|收件人|收件者|抄\s*送|副本|密\s*送|主\s*题|主旨|From|Sent|To|Cc|Date|Subject|Reply-To)\s*\*?\s*[:：]/i;
const FIRST_FIELD = /^[\s>|*]*(?:发件人|寄件者|寄件人|发送人|From)\s*\*?\s*[:：]/i;
/** Programs name an address or a time among them; 发件人：我, 收件人：市长 is somebody's own letter. */
const BY_PROGRAM = /@|\d\s*[:：]\s*\d{2}|\d{4}\s*[-/.年]/;
const FIELDS_NEEDED = 3;
const FIELDS_WITHIN = 9;
const RULE_ONLY = /^[\s>]*[-_—─=*]{5,}\s*$/;
const QUOTED = /^\s{0,3}(?:[>＞]|\|\s?>)/;

const SAYS_SOMETHING = /[\p{L}\p{N}]/u;

/** Where the writer's own lines end and an earlier letter begins. */
interface Cut {
  /** First line that is not the writer's own. */
  readonly from: number;
  /** First line of the earlier letter itself, behind its header lines. */
  readonly body: number;
  readonly forward: boolean;
  /** Only the lines with ">" behind it are quoted; what stands between or below them is the writer's own. */
  readonly marked: boolean;
}

function isBlank(line: string | undefined): boolean {
  return line !== undefined && line.trim() === '';
}

function nextWritten(lines: readonly string[], from: number): number {
  let at = from;
  while (at < lines.length && isBlank(lines[at])) at++;
  return at;
}

/** Lines of a header block from `from` on: the line behind it, or -1 when there are too few fields for one. */
function afterFields(lines: readonly string[], from: number): number {
  let fields = 0;
  let end = -1;
  const last = Math.min(lines.length, from + FIELDS_WITHIN + 6);
  for (let at = from; at < last && fields < FIELDS_WITHIN; at++) {
    const line = lines[at] as string;
    if (line.length <= LONGEST_MARK * 4 && FIELD.test(line.slice(0, LONGEST_MARK))) {
      fields++;
      end = at + 1;
    } else if (isBlank(line)) {
      // Header lines may stand apart by a blank one (HTML), but a blank line also ends them.
      if (!FIELD.test((lines[at + 1] ?? '').slice(0, LONGEST_MARK))) break;
    } else if (!/^\s/.test(line) && fields > 0 && at > end) break;
  }
  return fields >= FIELDS_NEEDED ? end : -1;
}

function cutAt(lines: readonly string[], at: number): Cut | null {
  const line = (lines[at] as string).trim();
  if (line.length > LONGEST_MARK || line === '') return null;
  if (RULE.test(line) || BARE_FORWARD.test(line)) {
    const first = nextWritten(lines, at + 1);
    const behind = afterFields(lines, first);
    const forward = FORWARD_RULE.test(line);
    return { from: at, body: behind === -1 ? first : behind, forward, marked: false };
  }
  if (FIRST_FIELD.test(line)) {
    const behind = afterFields(lines, at);
    if (behind === -1 || !lines.slice(at, behind).some(field => BY_PROGRAM.test(field))) return null;
    const from = at > 0 && RULE_ONLY.test(lines[at - 1] as string) ? at - 1 : at;
    return { from, body: behind, forward: false, marked: false };
  }
  const wrote = wroteAt(lines, at);
  if (wrote === null) return null;
  const first = nextWritten(lines, wrote);
  return { from: at, body: first, forward: false, marked: QUOTED.test(lines[first] ?? '') };
}

/** The line behind an "… wrote:" that begins at a line; programs fold it over up to four. */
function wroteAt(lines: readonly string[], at: number): number | null {
  let joined = '';
  for (let end = at; end < Math.min(lines.length, at + 4); end++) {
    const line = (lines[end] as string).replace(/^[\s>|]+/, '').trimEnd();
    if (line === '' || joined.length + line.length > LONGEST_MARK) return null;
    // The heading begins further down; what stands above it is the writer's own.
    if (end > at && WROTE_BEGINS.test(line)) return null;
    joined += `${joined === '' ? '' : ' '}${line}`;
    if (WROTE.test(joined)) return isHeading(joined) ? end + 1 : null;
    // What does not begin like a heading, or ends like a sentence, is not the first half of one.
    if ((!WROTE_BEGINS.test(joined) && !ADDRESS.test(joined)) || /[。！？!?；;]$/.test(joined)) return null;
  }
  return null;
}

/** A date and an address, or a date behind the word such headings begin with: people write "他写道：" themselves. */
function isHeading(line: string): boolean {
  return DATE.test(line) && (WROTE_BEGINS.test(line) || ADDRESS.test(line));
}

function firstCut(lines: readonly string[]): Cut | null {
  for (let at = 0; at < lines.length; at++) {
    const cut = cutAt(lines, at);
    if (cut !== null) return cut;
  }
  return null;
}

const unquoted = (line: string): string => line.replace(/^\s{0,3}(?:[>＞]|\|\s?>)\s?/, '');
const says = (lines: readonly string[]): boolean => lines.some(line => SAYS_SOMETHING.test(line));

/** The writer's own lines, and the earlier letter that stood with them. */
interface Parted {
  readonly own: readonly string[];
  readonly earlier: readonly string[];
  readonly forward: boolean;
}

function part(lines: readonly string[], levels: number): Parted {
  const cut = firstCut(lines);
  const head = cut === null ? lines : lines.slice(0, cut.from);
  const rest = cut === null ? [] : lines.slice(cut.body);
  const own = head.filter(line => !QUOTED.test(line));
  if (cut === null || cut.marked) {
    const quoted = [...head, ...rest].filter(line => QUOTED.test(line)).map(unquoted);
    const between = rest.filter(line => !QUOTED.test(line));
    // Below the quote another, older letter may hang; it is parted in turn.
    const below = between.length > 0 && levels > 0 ? part(between, levels - 1).own : between;
    return { own: [...own, ...below], earlier: quoted, forward: false };
  }
  const quotedAll = rest.length > 0 && rest.every(line => isBlank(line) || QUOTED.test(line));
  return { own, earlier: quotedAll ? rest.map(unquoted) : rest, forward: cut.forward };
}

export interface OwnWords {
  /** What the writer says; with a forwarded letter, that too. */
  readonly text: string;
  /** What stood below it as a signature; it often holds the phone. */
  readonly signature: string;
}

/**
 * Leaves out what a reply quotes, and signatures. A mail that only passes a letter on, or that says so in its subject, keeps
 * that letter, without its header lines and without what it quotes in turn. Never leaves nothing of a text that said something.
 * @param forwarded Whether the subject calls it a forwarded mail.
 */
export function ownWords(text: string, forwarded: boolean): OwnWords {
  return wordsOf(text.split('\n'), forwarded, MOST_LEVELS);
}

function wordsOf(lines: readonly string[], forwarded: boolean, levels: number): OwnWords {
  const parted = part(lines, MOST_LEVELS);
  const own = withoutSignature(parted.own);
  const written = own.lines.join('\n').trim();
  const alone = !SAYS_SOMETHING.test(written);
  if (!says(parted.earlier) || levels === 0) {
    // Header lines of a letter that is not there are better than nothing.
    const all = alone && own.signature === '' ? lines.join('\n').trim() : written;
    return { text: all, signature: own.signature };
  }
  if (!alone && !forwarded && !parted.forward) return { text: written, signature: own.signature };
  const inner = wordsOf(parted.earlier, false, levels - 1);
  // The signature below a forwarded letter is that of its writer.
  if (alone) return inner;
  return { text: `${written}\n${inner.text}`, signature: own.signature };
}
