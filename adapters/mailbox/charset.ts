// Bytes of a mail into text, whatever its label says: missing, wrong, unknown and 7-bit Chinese (HZ) labels.
import { TextDecoder } from 'node:util';

/** Labels that mean GB 18030, which holds all of GB 2312 and GBK; senders write the small name and use the large set. */
const GB = /^(?:x-)?(?:cs)?(?:gb_?2312(?:-80)?|gbk|gb_?18030|cp-?936|ms936|windows-936|euc-cn|chinese)$/i;
const HZ = /^(?:hz|hz-gb-?2312)$/;
/** Labels that programs write without having looked: what they say counts only when the bytes are not Chinese. */
const WESTERN = /^(?:iso-?8859-1|latin-?1|l1|windows-1252|cp-?1252)$/;
/** The label of a part without one; also what ASCII and UTF-8 are worth, since many a program writes them by default. */
export const NO_LABEL = 'huisu-no-label';

const HIGH = /[\u0080-\u{10FFFF}]/u;
const decoders = new Map<string, TextDecoder | null>();

/** A decoder by label, lossy; null for a charset that nobody knows. */
function decoder(label: string): TextDecoder | null {
  const known = decoders.get(label);
  if (known !== undefined) return known;
  const made = makeDecoder(label);
  // Labels come from strangers: the map must not grow with them.
  if (made !== null || decoders.size < 100) decoders.set(label, made);
  return made;
}

function makeDecoder(label: string): TextDecoder | null {
  try {
    return new TextDecoder(label);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function decode(bytes: Uint8Array, label: string): string {
  return (decoder(label) as TextDecoder).decode(bytes);
}

/** Text of bytes with a charset label as the mail says it; never throws. */
export function decodeBytes(bytes: Uint8Array, label: string): string {
  const name = label.trim().toLowerCase();
  if (HZ.test(name)) return decodeHz(bytes);
  if (GB.test(name)) return decodeGb(bytes);
  if (WESTERN.test(name)) return looksChinese(bytes) ? decodeUnlabelled(bytes) : decode(bytes, 'windows-1252');
  const named = name === 'utf-8' || name === 'us-ascii' || name === NO_LABEL ? null : decoder(name);
  return named === null ? decodeUnlabelled(bytes) : named.decode(bytes);
}

function broken(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\uFFFD'); at >= 0; at = text.indexOf('\uFFFD', at + 1)) count++;
  return count;
}

function foreign(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) count++;
  return count;
}

/** Characters that take three bytes or more in UTF-8; in bytes of GB hardly one comes about by chance. */
function long(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x800 && text.charCodeAt(i) !== 0xfffd) count++;
  return count;
}

/** UTF-8 when the bytes are that, but for broken ones; else GB 18030. */
function decodeUnlabelled(bytes: Uint8Array): string {
  const utf8 = decode(bytes, 'utf-8');
  const lost = broken(utf8);
  // Broken bytes in a UTF-8 text, or a footer that was hung on behind base64: as GB it would often be "valid" and all wrong.
  if (lost === 0 || lost * 10 <= foreign(utf8) || lost < long(utf8)) return utf8;
  const gb = decode(bytes, 'gb18030');
  return broken(gb) < lost ? gb : utf8;
}

/** Han characters of UTF-8 take three bytes; two of those in a row do not come about by chance in GB. */
const UTF8_HAN = /[\u3000-\uFFEF]{2}/;

function decodeGb(bytes: Uint8Array): string {
  const gb = decode(bytes, 'gb18030');
  if (!HIGH.test(gb)) return gb;
  return isUtf8Instead(bytes, gb) ? decode(bytes, 'utf-8') : gb;
}

/** Whether bytes that are called GB are UTF-8 all the same. */
function isUtf8Instead(bytes: Uint8Array, gb: string): boolean {
  const utf8 = decode(bytes, 'utf-8');
  return !utf8.includes('\uFFFD') && (UTF8_HAN.test(utf8) || gb.includes('\uFFFD'));
}

/** Whether nearly all high bytes stand in pairs of GB 2312, or the whole is UTF-8: Western text has them one by one. */
function looksChinese(bytes: Uint8Array): boolean {
  let high = 0;
  let paired = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x80) continue;
    high++;
    const next = bytes[i + 1] ?? 0;
    if (byte >= 0xa1 && byte <= 0xf7 && next >= 0xa1) {
      high++;
      paired += 2;
      i++;
    }
  }
  if (high < 4) return false;
  return paired * 10 >= high * 9 || !decode(bytes, 'utf-8').includes('\uFFFD');
}

/**
 * HZ (RFC 1843), Chinese in seven bits: between `~{` and `~}` each byte is one of GB 2312 without its high bit, `~~` is a
 * tilde, a tilde at the end of a line joins it to the next.
 */
function decodeHz(bytes: Uint8Array): string {
  const out = Buffer.alloc(bytes.length);
  let length = 0;
  let chinese = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    const next = bytes[i + 1];
    if (byte === 0x7e && next !== undefined) {
      const mark = hzEscape(chinese, next, bytes[i + 2]);
      if (mark !== null) {
        chinese = mark.chinese;
        if (mark.tilde) out[length++] = 0x7e;
        i += mark.skip;
        continue;
      }
    }
    // A line end leaves the Chinese mode: a lost `~}` must not spoil the rest of the mail.
    if (byte === 0x0a) chinese = false;
    out[length++] = chinese && byte > 0x20 && byte < 0x7f ? byte | 0x80 : byte;
  }
  return decodeGb(out.subarray(0, length));
}

function hzEscape(chinese: boolean, next: number, after: number | undefined) {
  if (chinese) return next === 0x7d ? { chinese: false, tilde: false, skip: 1 } : null;
  if (next === 0x7b) return { chinese: true, tilde: false, skip: 1 };
  if (next === 0x7e) return { chinese, tilde: true, skip: 1 };
  if (next === 0x0a) return { chinese, tilde: false, skip: 1 };
  if (next === 0x0d && after === 0x0a) return { chinese, tilde: false, skip: 2 };
  return null;
}

const RAW_HIGH = /[\x80-\xff]/;
/** An encoded word of RFC 2047, with the language that RFC 2231 allows behind the charset. */
const WORD = /=\?([^?*\s]{1,40})(?:\*[^?\s]{0,20})?\?([BbQq])\?([^?]{0,2000})\?=/g;
const RAW_HZ = /~\{(?:[\x21-\x77][\x21-\x7e])+~\}/;
const LONGEST_REPAIRED = 20_000;

/**
 * Mends one header line, folding included, so that mailparser reads it: bytes that are no UTF-8 become it, encoded words of
 * HZ or of an unknown or wrong charset become words of UTF-8.
 * @param line One character a byte, as mailsplit hands it over; so is the answer.
 */
export function repairHeaderLine(line: string): string {
  if (line.length > LONGEST_REPAIRED) return line;
  let mended = line;
  if (RAW_HIGH.test(mended)) {
    const bytes = Buffer.from(mended, 'latin1');
    mended = Buffer.from(decodeUnlabelled(bytes)).toString('latin1');
  }
  if (mended.includes('=?')) mended = repairWords(mended);
  if (RAW_HZ.test(mended)) mended = Buffer.from(decodeHz(Buffer.from(mended, 'latin1'))).toString('latin1');
  return mended;
}

function repairWords(line: string): string {
  const words = [...line.matchAll(WORD)];
  // The bytes of one character may be split between two words, so the words of a line are judged together.
  const bytes = Buffer.concat(words.map(([, , encoding, text]) => wordBytes(encoding as string, text as string)));
  const labels = new Set(words.map(([, label]) => (label as string).toLowerCase()));
  const [label] = labels;
  if (label === undefined || labels.size > 1 || !isDoubtful(label, bytes)) return line;
  const first = words[0]?.index ?? 0;
  const last = words.at(-1) as RegExpExecArray;
  const end = last.index + last[0].length;
  const between = line.slice(first, end).replace(WORD, '');
  // Other text between the words: they are mended one by one.
  if (between.trim() !== '') {
    return line.replace(WORD, (_, name: string, encoding: string, text: string) =>
      utf8Word(decodeBytes(wordBytes(encoding, text), name)),
    );
  }
  return line.slice(0, first) + utf8Word(decodeBytes(bytes, label)) + line.slice(end);
}

function isDoubtful(label: string, bytes: Uint8Array): boolean {
  if (HZ.test(label)) return true;
  // The large set is what GB labels mean, and that is how they are decoded.
  if (GB.test(label)) return isUtf8Instead(bytes, decode(bytes, 'gb18030'));
  if (label === 'utf-8' || label === 'utf8') return decode(bytes, 'utf-8').includes('\uFFFD');
  return WESTERN.test(label) || label === 'us-ascii' || decoder(label) === null;
}

function wordBytes(encoding: string, text: string): Buffer {
  if (encoding.toLowerCase() === 'b') return Buffer.from(text, 'base64');
  const plain = text.replaceAll('_', ' ').replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
  return Buffer.from(plain, 'latin1');
}

function utf8Word(text: string): string {
  return `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
}
