// 原件 to 来件: the bytes of a mail, taken apart by mailparser with the repairs that mails in China need, and read as a letter.
import { type AddressObject, type AttachmentStream, type Headers, MailParser, type MessageText } from 'mailparser';
import { type InboundAppeal, type InboundMessage, type Original, Unreadable } from '../contract.ts';
import { decodeBytes, NO_LABEL, repairHeaderLine } from './charset.ts';
import { type MailHeaders, mailHeaders } from './headers.ts';
import { isForwardedOnly, letterOf, readLetter } from './letter.ts';
import { LIMITS } from './limits.ts';
import type { MailAddress, MailContent, MailFile, MailPart } from './mail-content.ts';

/** What reading a mail needs of a channel's settings. */
export interface MailSettingsForParse {
  /** Our own addresses; what comes from them is a loop, not an appeal. */
  readonly ownAddresses: readonly string[];
}

/**
 * Reads one mail.
 * @param original Body: the raw bytes. `meta` may hold INTERNALDATE (milliseconds or ISO); `sender` is the envelope From.
 * @throws Unreadable `mailbox.too_large`, `mailbox.too_many_lines`, `mailbox.header_too_large`, `mailbox.too_many_parts`,
 *   `mailbox.nested_too_deep`, `mailbox.not_a_mail`, `mailbox.not_mime`, `mailbox.too_slow`.
 */
export async function parseMail(original: Original, settings: MailSettingsForParse): Promise<InboundMessage> {
  const { mail, inner } = await mailsIn(original);
  return readLetter(mail, inner, original, settings);
}

/** The same of what no citizen seems to have written, or what says nothing, which a clerk says is an appeal. */
export async function parseMailAsAppeal(original: Original, settings: MailSettingsForParse): Promise<InboundAppeal> {
  const { mail, inner } = await mailsIn(original);
  return letterOf(mail, inner, original, settings);
}

/** A mail, and those it passes on without a word of its own. */
async function mailsIn({ body }: Original): Promise<{ mail: MailContent; inner: readonly MailContent[] }> {
  const mail = await readMime(body);
  if (!isMail(mail.headers)) throw new Unreadable('mailbox.not_a_mail', 'the bytes hold no header line of a mail');
  return { mail, inner: await readInner(mail, LIMITS.passedOnWithin) };
}

const EXPECTED = ['from', 'subject', 'date', 'to', 'message-id', 'received', 'return-path', 'content-type', 'sender'];

function isMail(headers: MailHeaders): boolean {
  return EXPECTED.some(name => headers.has(name));
}

/**
 * The letters that a mail passes on as attachments and says nothing to; of those that do the same, the ones they pass on. What
 * cannot be read stays an attachment.
 */
async function readInner(mail: MailContent, levels: number): Promise<readonly MailContent[]> {
  if (levels === 0 || !isForwardedOnly(mail)) return [];
  const letters: MailContent[] = [];
  for (const { bytes } of mail.files.filter(one => one.type === 'message/rfc822').slice(0, LIMITS.passedOn)) {
    try {
      const letter = await readMime(bytes);
      const inner = await readInner(letter, levels - 1);
      letters.push(...(inner.length > 0 ? inner : [letter]));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
    }
  }
  return letters.slice(0, LIMITS.passedOn);
}

/** The parts of mailparser's own tree that are read here; not in its types, so the tests of charsets prove them. */
interface TreeNode {
  readonly contentType: string | false;
  readonly headers: Headers;
  readonly children: readonly TreeNode[];
  readonly isAttachment?: boolean;
  readonly textContent?: string;
  charset?: string;
}
interface SplitNode {
  readonly parentNode: SplitNode | false;
  readonly headers: { getList(): { key: string; line: string }[] };
  filename: string | false;
  contentType: string | false;
}
interface TreeBuilder {
  createNode(node: SplitNode): TreeNode;
}

/** Stands where mailparser asks for node-iconv: all bytes of a text part at once, into UTF-8. */
class WholeDecoder {
  readonly #label: string;
  readonly #chunks: Buffer[] = [];
  readonly #listeners = new Map<string, (chunk?: Buffer) => void>();
  constructor(label: string) {
    this.#label = label;
  }
  on(event: string, listener: (chunk?: Buffer) => void): this {
    this.#listeners.set(event, listener);
    return this;
  }
  write(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }
  end(): void {
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#listeners.get('data')?.(Buffer.from(decodeBytes(bytes, this.#label)));
    this.#listeners.get('end')?.();
  }
}

const OPTIONS = {
  Iconv: WholeDecoder as unknown as new (from: string, to: string) => NodeJS.ReadWriteStream,
  skipHtmlToText: true,
  skipTextToHtml: true,
  skipTextLinks: true,
  skipImageLinks: true,
  keepDeliveryStatus: true,
  checksumAlgo: false,
  ignoreEmbedded: true,
  maxHeadSize: LIMITS.headerBytes,
  maxChildNodes: LIMITS.parts,
} as const;

/** Written in pieces, so that a mail given up in the middle costs no more. */
const PIECE = 65_536;
/** `Content-Type: text`, as old programs write it, is plain text (RFC 2045, 5.2), and no file of unknown kind. */
const OLD_TEXT = /^(?:text|plain|plain\/text)$/i;
const BARE_LABELS = new Set(['', 'utf-8', 'utf8', 'us-ascii', 'ascii']);

async function readMime(body: Uint8Array): Promise<MailContent> {
  const bytes = lineEndsMended(withoutLead(Buffer.from(body.buffer, body.byteOffset, body.byteLength)));
  checkSize(bytes);
  // Mostly a label of UTF-8 or none is right, and reading without a decoder of our own is a third faster.
  return (await takeApart(bytes, true)) ?? ((await takeApart(bytes, false)) as MailContent);
}

/** @returns null when bare labels were trusted and it has shown that they must not be. */
function takeApart(bytes: Buffer, trustBare: boolean): Promise<MailContent | null> {
  const parser = new MailParser(OPTIONS);
  const files: MailFile[] = [];
  const tree = watchTree(parser, trustBare);
  return new Promise<MailContent | null>((resolve, reject) => {
    const timer = setTimeout(() => {
      parser.destroy(new Unreadable('mailbox.too_slow', `the mail was not read in ${LIMITS.readingMs} ms`));
    }, LIMITS.readingMs);
    parser.on('data', item => collect(item, files));
    // An error may be followed by others; the first one counts.
    parser.on('error', (error: Error) => {
      clearTimeout(timer);
      reject(unreadable(error));
      parser.destroy();
    });
    parser.on('end', () => {
      clearTimeout(timer);
      resolve(tree.isGarbled() ? null : contentOf(tree.root(), files, bytes));
    });
    feed(parser, bytes);
  });
}

function checkSize(bytes: Buffer): void {
  if (bytes.length > LIMITS.mailBytes) {
    throw new Unreadable('mailbox.too_large', `the mail has more than ${LIMITS.mailBytes} bytes`);
  }
  if (bytes.length <= LIMITS.lines) return;
  let lines = 0;
  for (let at = bytes.indexOf(LF); at !== -1 && lines <= LIMITS.lines; at = bytes.indexOf(LF, at + 1)) lines++;
  if (lines > LIMITS.lines) {
    throw new Unreadable('mailbox.too_many_lines', `the mail has more than ${LIMITS.lines} lines`);
  }
}

const LF = 0x0a;
const CR = 0x0d;

/** A byte order mark or blank lines before the header make readers take the whole header for the text. */
function withoutLead(bytes: Buffer): Buffer {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (bytes[at] === CR || bytes[at] === LF) at++;
  return bytes.subarray(at);
}

/** Lines that end with CR alone, as some old programs write them, are one endless line to mailparser. */
function lineEndsMended(bytes: Buffer): Buffer {
  if (bytes.includes(LF) || !bytes.includes(CR)) return bytes;
  return bytes.map(byte => (byte === CR ? LF : byte)) as Buffer;
}

function feed(parser: MailParser, bytes: Buffer): void {
  let at = 0;
  const more = (): void => {
    while (at < bytes.length && !parser.destroyed) {
      const piece = bytes.subarray(at, at + PIECE);
      at += PIECE;
      if (at < bytes.length && !parser.write(piece)) {
        parser.once('drain', more);
        return;
      }
      if (at >= bytes.length) parser.end(piece);
    }
  };
  if (bytes.length === 0) parser.end();
  else more();
}

function collect(item: AttachmentStream | MessageText, files: MailFile[]): void {
  if (item.type !== 'attachment') return;
  const chunks: Buffer[] = [];
  item.content.on('data', (chunk: Buffer) => chunks.push(chunk));
  item.content.on('end', () => {
    // Types promise words; of a broken header mailparser makes false.
    const [name, type] = [wordsOf(item.filename), wordsOf(item.contentType).toLowerCase()];
    files.push({ name, type, bytes: Buffer.concat(chunks) });
    item.release?.();
  });
}

/**
 * Steps in where mailparser makes a node of each part: header lines are mended before they are decoded, text parts go through
 * our decoder, and parts too deep inside each other end the reading.
 * @param trustBare Whether a label of UTF-8, ASCII or none is believed; `isGarbled` then tells whether it was wrong.
 */
function watchTree(parser: MailParser, trustBare: boolean): { root(): TreeNode | null; isGarbled(): boolean } {
  const builder = parser as unknown as TreeBuilder;
  const create = builder.createNode.bind(parser);
  const depths = new Map<SplitNode, number>();
  const bare: TreeNode[] = [];
  let root: TreeNode | null = null;
  builder.createNode = given => {
    const depth = (given.parentNode ? (depths.get(given.parentNode) ?? 0) : 0) + 1;
    depths.set(given, depth);
    if (depth > LIMITS.depth) {
      parser.destroy(new Unreadable('mailbox.nested_too_deep', `parts stand ${LIMITS.depth} deep inside each other`));
    }
    const mended = mendHeaders(given);
    if (given.contentType && OLD_TEXT.test(given.contentType) && !given.filename) given.contentType = 'text/plain';
    const node = create(given);
    root ??= node;
    if (mended && given.filename) given.filename = fileName(node.headers) ?? given.filename;
    if (!BARE_LABELS.has((node.charset ?? '').trim().toLowerCase())) return node;
    if (trustBare) bare.push(node);
    else node.charset = NO_LABEL;
    return node;
  };
  return { root: () => root, isGarbled: () => bare.some(node => node.textContent?.includes('\uFFFD') === true) };
}

function mendHeaders({ headers }: SplitNode): boolean {
  let mended = false;
  for (const line of headers.getList()) {
    const better = repairHeaderLine(line.line);
    if (better === line.line) continue;
    line.line = better;
    mended = true;
  }
  return mended;
}

function fileName(headers: Headers): string | undefined {
  return parameter(headers, 'content-disposition', 'filename') ?? parameter(headers, 'content-type', 'name');
}

function parameter(headers: Headers, header: string, name: string): string | undefined {
  const value = headers.get(header);
  if (typeof value !== 'object' || !('params' in value)) return undefined;
  const params: Readonly<Record<string, unknown>> = value.params as Record<string, string>;
  const given = params[name];
  return typeof given === 'string' ? given : undefined;
}

function unreadable(error: Error): Unreadable {
  if (error instanceof Unreadable) return error;
  const tooLong = (error as NodeJS.ErrnoException).code === 'EMAXLEN';
  if (tooLong && error.message.includes('child nodes')) {
    return new Unreadable('mailbox.too_many_parts', `the mail has more than ${LIMITS.parts} parts`, { cause: error });
  }
  if (tooLong) {
    return new Unreadable('mailbox.header_too_large', `a header has more than ${LIMITS.headerBytes} bytes`, {
      cause: error,
    });
  }
  return new Unreadable('mailbox.not_mime', 'the mail cannot be taken apart', { cause: error });
}

function contentOf(root: TreeNode | null, files: readonly MailFile[], bytes: Buffer): MailContent {
  const headers: Headers = root?.headers ?? new Map();
  const lines = root === null ? [] : rootLines(root);
  return {
    headers: mailHeaders(lines),
    subject: wordsOf(headers.get('subject')),
    from: addressOf(headers.get('from')),
    replyTo: addressOf(headers.get('reply-to')),
    messageId: wordsOf(headers.get('message-id')),
    inReplyTo: wordsOf(headers.get('in-reply-to')),
    references: [headers.get('references') ?? []].flat().map(wordsOf),
    reportType: (parameter(headers, 'content-type', 'report-type') ?? '').toLowerCase(),
    root: isUnparted(root) ? { type: 'text/plain', text: rawText(bytes), parts: [] } : partOf(root),
    files,
  };
}

/** A multipart without its boundary: mailparser finds no part in it and drops all there is. */
function isUnparted(root: TreeNode | null): boolean {
  return (
    root?.contentType !== false && root?.contentType.startsWith('multipart/') === true && root.children.length === 0
  );
}

function rawText(bytes: Buffer): string {
  const ends = ['\r\n\r\n', '\n\n'].map(end => [bytes.indexOf(end), end.length] as const).filter(([at]) => at !== -1);
  const [at, length] = ends.sort(([one], [other]) => one - other)[0] ?? [bytes.length, 0];
  return decodeBytes(bytes.subarray(at + length, at + length + LIMITS.textLength), NO_LABEL);
}

function rootLines(root: TreeNode): readonly { key: string; line: string }[] {
  const lines: unknown = Reflect.get(root, 'headerLines');
  return Array.isArray(lines) ? (lines as { key: string; line: string }[]) : [];
}

function partOf(node: TreeNode | null): MailPart {
  if (node === null) return { type: 'text/plain', text: '', parts: [] };
  const parts = node.children.filter(child => child.isAttachment !== true).map(partOf);
  const text = node.isAttachment === true ? '' : (node.textContent ?? '');
  return { type: node.contentType === false ? 'text/plain' : node.contentType, text, parts };
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const ADDRESS = /^[^\s@<>"(),;:]+@[^\s@<>"(),;:]+$/;
/** RFC 5321 allows 254; a name of more than this is no name. */
const LONGEST_ADDRESS = 320;
const LONGEST_NAME = 200;

function addressOf(value: unknown): MailAddress {
  const list = typeof value === 'object' && value !== null && 'value' in value ? (value as AddressObject).value : [];
  const flat = list.flatMap(one => one.group ?? [one]);
  const found = flat.find(one => (one.address ?? '') !== '') ?? flat[0];
  const address = (found?.address ?? '').trim();
  return {
    name: (found?.name ?? '').slice(0, LONGEST_NAME),
    address: address.length <= LONGEST_ADDRESS && ADDRESS.test(address) ? address : '',
  };
}
