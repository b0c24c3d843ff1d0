// Text of compressed RTF ([MS-OXRTFCP]), the form in which Outlook keeps the body inside winmail.dat.
import { decodeBytes } from './charset.ts';
import { LIMITS } from './limits.ts';

const COMPRESSED = 0x75465a4c;
const UNCOMPRESSED = 0x414c454d;
const WINDOW = 4096;
/** What the window holds before the first byte, by the specification. */
const PRELOAD =
  '{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor ' +
  'MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx';

/** RTF out of its compressed form; '' for what is none. Bytes as latin1. */
export function inflateRtf(bytes: Uint8Array): string {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < 16) return '';
  const kind = data.readUInt32LE(8);
  if (kind === UNCOMPRESSED) return data.toString('latin1', 16);
  if (kind !== COMPRESSED) return '';
  const out = Buffer.alloc(Math.min(data.readUInt32LE(4), LIMITS.textLength * 8));
  const length = inflateInto(out, data);
  return out.toString('latin1', 0, length);
}

function inflateInto(out: Buffer, data: Buffer): number {
  const window = Buffer.alloc(WINDOW, 0x20);
  let write = window.write(PRELOAD, 'latin1');
  let length = 0;
  const put = (byte: number): void => {
    out[length++] = byte;
    window[write] = byte;
    write = (write + 1) % WINDOW;
  };
  for (let at = 16; at < data.length && length < out.length; ) {
    const control = data[at++] as number;
    for (let bit = 0; bit < 8 && at < data.length && length < out.length; bit++) {
      if ((control & (1 << bit)) === 0) {
        put(data[at++] as number);
        continue;
      }
      if (at + 1 >= data.length) return length;
      const reference = data.readUInt16BE(at);
      at += 2;
      const offset = reference >> 4;
      if (offset === write) return length;
      for (let i = 0; i < (reference & 0xf) + 2 && length < out.length; i++) {
        put(window[(offset + i) % WINDOW] as number);
      }
    }
  }
  return length;
}

/** Groups that hold no text of the letter. */
const HIDDEN = new Set([
  'fonttbl',
  'colortbl',
  'stylesheet',
  'info',
  'pict',
  'object',
  'themedata',
  'listtable',
  'generator',
]);
const BREAKS = new Set(['par', 'line', 'row', 'page', 'sect']);
const TOKEN = /\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)/g;
const CODEPAGES: Readonly<Record<string, string>> = { '936': 'gb18030', '950': 'big5', '1252': 'windows-1252' };

interface Group {
  readonly hidden: boolean;
  /** Characters that stand in for one that `\u` has said already. */
  readonly skip: number;
}

/** Plain text of RTF; when it wraps HTML (`\fromhtml`), the text that is shown. */
export function rtfText(rtf: string): string {
  const groups: Group[] = [];
  let group: Group = { hidden: false, skip: 1 };
  let charset = CODEPAGES[/\\ansicpg(\d{3,5})/.exec(rtf.slice(0, 500))?.[1] ?? ''] ?? 'gb18030';
  let bytes: number[] = [];
  let skip = 0;
  let text = '';
  const flush = (): void => {
    if (bytes.length > 0) text += decodeBytes(Uint8Array.from(bytes), charset);
    bytes = [];
  };
  const say = (words: string): void => {
    flush();
    if (!group.hidden) text += words;
  };
  for (const [, word, digits, hex, symbol, brace, words] of rtf.matchAll(TOKEN)) {
    if (text.length > LIMITS.textLength) break;
    if (brace === '{') {
      flush();
      groups.push(group);
    } else if (brace === '}') {
      flush();
      group = groups.pop() ?? group;
    } else if (word !== undefined) {
      const number = Number(digits ?? 0);
      if (word === 'ansicpg') charset = CODEPAGES[String(number)] ?? charset;
      else if (word === 'uc') group = { ...group, skip: Math.min(Math.max(number, 0), 4) };
      else if (word === 'u') {
        say(String.fromCharCode(number & 0xffff));
        skip = group.skip;
      } else if (BREAKS.has(word)) say('\n');
      else if (word === 'tab') say(' ');
      else if (HIDDEN.has(word)) group = { ...group, hidden: true };
      else if (word === 'htmlrtf') group = { ...group, hidden: digits !== '0' };
    } else if (symbol === '*') group = { ...group, hidden: true };
    else if (symbol !== undefined) {
      if (symbol === '~') say(' ');
      else if ('\\{}'.includes(symbol)) say(symbol);
    } else if (hex !== undefined) {
      if (skip > 0) skip--;
      else if (!group.hidden) bytes.push(Number.parseInt(hex, 16));
    } else if (words !== undefined) {
      say(words.slice(skip));
      skip = Math.max(0, skip - words.length);
    }
  }
  flush();
  return text.trim();
}
