// What stands below a mail without being said in it: 签名, and the lines that phones and mail programs add.

/** Lines below a "-- " that still pass for a signature, and how long each may be. */
const MOST_LINES = 15;
const LONGEST_LINE = 200;
/** A name or an address in a card. */
const LONGEST_CELL = 60;

const DELIMITER = /^(?:--|-{18})\s*$/;
const DEVICES =
  '(?:iPhone|iPad|Android|安卓|华为|HUAWEI|荣耀|HONOR|小米|红米|Xiaomi|Redmi|OPPO|vivo|一加|三星|Samsung|Galaxy|魅族|手机|平板' +
  '|Outlook|Foxmail|QQ\\s*邮箱|网易|163|126|139|189|新浪|阿里|钉钉|企业微信|Windows|Mac|Mail|邮件|Yahoo|Gmail|Spark)';
/** "发自我的iPhone", "来自QQ邮箱", "Sent from my iPhone", "获取 Outlook for iOS", "签名由 网易邮箱大师 定制". */
const SENT_FROM = [
  new RegExp(`^(?:发自|發自|发送自|傳送自|寄自|来自|來自)\\s*(?:我的)?\\s*${DEVICES}.{0,30}$`, 'i'),
  new RegExp(`^(?:从|從)\\s*(?:我的)?\\s*${DEVICES}.{0,20}(?:发送|發送|传送|傳送)$`, 'i'),
  /^Sent (?:from|via) .{2,50}$/i,
  /^(?:获取|下载|Get|Download)\s*(?:适用于.{2,12}的\s*)?(?:the )?(?:Outlook|Foxmail|QQ\s*邮箱).{0,30}$/i,
  /^(?:签名)?(?:由|通过|使用)\s*(?:网易邮箱大师|QQ\s*邮箱|139\s*邮箱|阿里邮箱).{0,6}(?:定制|发送|发出)$/,
  /^Signature is customized by .{3,40}$/i,
];
const NETEASE = /网易邮箱大师|Netease/i;

export interface Unsigned {
  readonly lines: readonly string[];
  /** The lines that were taken off, joined. */
  readonly signature: string;
}

const SAYS_SOMETHING = /[\p{L}\p{N}]/u;

function isSentFrom(line: string): boolean {
  const words = line.trim();
  return words.length <= 80 && SENT_FROM.some(pattern => pattern.test(words));
}

/** Takes the signature off the end of somebody's own lines. */
export function withoutSignature(lines: readonly string[]): Unsigned {
  let end = written(lines, lines.length);
  while (end > 0 && isSentFrom(lines[end - 1] as string)) {
    const netease = NETEASE.test(lines[end - 1] as string);
    end = written(lines, end - 1);
    if (netease) end = aboveCard(lines, end);
  }
  const at = delimiterIn(lines, end);
  const kept = at === -1 ? end : written(lines, at);
  return { lines: lines.slice(0, kept), signature: lines.slice(kept).join('\n').trim() };
}

/** NetEase's program puts a card above its line, as a table drawn with "|", whose cells stand on lines of their own. */
function aboveCard(lines: readonly string[], end: number): number {
  let top = end;
  for (let at = end - 1; at >= Math.max(0, end - MOST_LINES); at--) {
    const line = lines[at] as string;
    if (/^\s*\|.{0,200}$/.test(line)) top = at;
    // Something longer than a name or an address, or two lines without a bar, is the writer's own again.
    else if (line.length > LONGEST_CELL || !/^\s*\|/.test(lines[at - 1] ?? '')) break;
  }
  return written(lines, top);
}

function written(lines: readonly string[], end: number): number {
  let at = end;
  while (at > 0 && (lines[at - 1] as string).trim() === '') at--;
  return at;
}

/** What people tell below a line of their own; a card has no sentence that is longer than a greeting. */
const SENTENCE = /\S{8,}[。！？!?；;]\s*$/;

/** The line of the delimiter; -1 when there is none, when too much or a sentence stands below it, or nothing above. */
function delimiterIn(lines: readonly string[], end: number): number {
  for (let at = end - 1; at >= Math.max(0, end - MOST_LINES); at--) {
    const line = lines[at] as string;
    if (line.length > LONGEST_LINE || SENTENCE.test(line)) return -1;
    if (DELIMITER.test(line)) return lines.slice(0, at).some(one => SAYS_SOMETHING.test(one)) ? at : -1;
  }
  return -1;
}
