// A mail that was taken apart, read as a letter: who writes, what is said, what is enclosed; or why nobody wrote it.
import type { InboundAppeal, InboundAttachment, InboundContact, InboundMessage, Original } from '../contract.ts';
import { isEmptyText } from '../kit/text.ts';
import { notWritten } from './auto-mail.ts';
import { disarmed, illegibleOf, isVersionOnly } from './encrypted.ts';
import { htmlText, type Link, type Picture } from './html-text.ts';
import { LIMITS } from './limits.ts';
import type { MailContent, MailFile, MailPart } from './mail-content.ts';
import { sentAt } from './mail-date.ts';
import { ownWords } from './quoted.ts';
import { inflateRtf, rtfText } from './rtf.ts';
import { openTnef, type Tnef } from './tnef.ts';

/** Below this many characters a plain text is compared with the HTML beside it: some programs write only a hint there. */
const SHORT_TEXT = 80;

/** Prefixes of replies and forwards, in the ways of many programs. */
const REPLY = /^\s*(?:(?:re|aw|回复|回覆|答复|答覆)\s*(?:[[(（]\d{1,3}[\])）])?\s*[:：]|[[【](?:回复|答复)[\]】])\s*/i;
const FORWARD = /^\s*(?:(?:fwd?|转发|轉寄|转寄|轉發)\s*(?:[[(（]\d{1,3}[\])）])?\s*[:：]|[[【](?:转发|fwd?)[\]】])\s*/i;
const MOST_PREFIXES = 20;

interface Title {
  readonly text: string;
  /** The outermost prefix says that the mail passes on another. */
  readonly forwarded: boolean;
}

function titleOf(subject: string): Title {
  let text = subject.slice(0, 2000);
  const forwarded = FORWARD.test(text);
  for (let i = 0; i < MOST_PREFIXES; i++) {
    const shorter = text.replace(REPLY, '').replace(FORWARD, '');
    if (shorter === text) break;
    text = shorter;
  }
  return { text: text.trim(), forwarded };
}

interface Said {
  readonly text: string;
  readonly pictures: readonly Picture[];
  readonly links: readonly Link[];
}

/** The text of a part and of what it holds. */
function saidIn(part: MailPart): Said {
  if (part.type === 'text/html') return htmlText(part.text);
  if (part.parts.length === 0) return { text: part.text.slice(0, LIMITS.textLength), pictures: [], links: [] };
  if (part.type === 'multipart/alternative') return bestOf(part.parts);
  return together(part.parts.map(saidIn));
}

function together(all: readonly Said[]): Said {
  const texts = all.map(one => one.text).filter(text => !isEmptyText(text));
  return {
    text: texts.join('\n\n').slice(0, LIMITS.textLength),
    pictures: all.flatMap(one => one.pictures),
    links: all.flatMap(one => one.links),
  };
}

/** Plain text where it says it all, since it needs no guessing; else what stands in the HTML. */
function bestOf(parts: readonly MailPart[]): Said {
  const plain = together(parts.filter(part => part.type === 'text/plain').map(saidIn));
  const others = parts.filter(part => part.type !== 'text/plain');
  if (plain.text.trim().length >= SHORT_TEXT && !others.some(holdsMore)) return plain;
  const rich = together(others.map(saidIn));
  const better = isEmptyText(plain.text) || letters(rich.text) > 2 * letters(plain.text);
  return { ...rich, text: better ? rich.text : plain.text };
}

/** Pictures, or links, which a plain text beside them cannot have. */
function holdsMore(part: MailPart): boolean {
  return /data:image\/|href\s*=\s*["']?\s*http/i.test(part.text) || part.parts.some(holdsMore);
}

/** Where the links lead that stand in somebody's own words: evidence too large for a mail is sent so. */
function withLinks(content: string, links: readonly Link[]): string {
  const left = new Map(
    links.filter(({ words, url }) => content.includes(words) && !content.includes(url)).map(one => [one.url, one]),
  );
  const lines = [...left.values()].slice(0, LIMITS.linksKept).map(({ words, url }) => `${words} ${url}`);
  return lines.length === 0 ? content : `${content}\n\n链接：\n${lines.join('\n')}`;
}

function letters(text: string): number {
  return text.replace(/[\s>]+/g, '').length;
}

/** Whether the only thing a mail holds is another mail: then that one is the appeal. */
export function isForwardedOnly(mail: MailContent): boolean {
  if (!mail.files.some(file => file.type === 'message/rfc822') || mail.root.type === 'multipart/report') return false;
  return isEmptyText(ownWords(saidIn(mail.root).text, false).text);
}

interface Enclosed {
  readonly attachments: readonly InboundAttachment[];
  /** What stood in a winmail.dat, and whether one could not be opened. */
  readonly outlook: readonly Tnef[];
  readonly sealed: boolean;
}

function isTnef({ type, name }: MailFile): boolean {
  return type === 'application/ms-tnef' || type === 'application/vnd.ms-tnef' || /^winmail\.dat$/i.test(name);
}

function enclosed(files: readonly MailFile[], pictures: readonly Picture[]): Enclosed {
  const outlook: Tnef[] = [];
  const found: { name: string; type: string; bytes: Uint8Array }[] = [];
  let sealed = false;
  for (const file of files) {
    const opened = isTnef(file) ? openTnef(file.bytes) : null;
    if (opened === null) {
      sealed ||= isTnef(file);
      found.push(file);
      continue;
    }
    outlook.push(opened);
    for (const one of opened.files) found.push({ name: one.name, type: one.mediaType, bytes: one.bytes });
  }
  for (const { mediaType, base64 } of pictures) {
    found.push({ name: '', type: mediaType, bytes: Buffer.from(base64, 'base64') });
  }
  return { attachments: found.map(attachment), outlook, sealed };
}

/** What the mail encloses, and encrypted blocks that stood in its text as the files that a program for them opens. */
function filesOf(files: readonly MailFile[], blocks: readonly string[]): readonly MailFile[] {
  const armoured = blocks.map(block => ({ name: '', type: 'application/pgp-encrypted', bytes: Buffer.from(block) }));
  return [...files.filter(file => !isVersionOnly(file)), ...armoured];
}

const ENDINGS: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
  'text/plain': 'txt',
  'text/html': 'html',
  'text/calendar': 'ics',
  'message/rfc822': 'eml',
  'application/pdf': 'pdf',
  'application/pgp-encrypted': 'asc',
  'application/pkcs7-mime': 'p7m',
  'application/x-pkcs7-mime': 'p7m',
  'application/octet-stream': 'bin',
};
const MEDIA_TYPE = /^[a-z0-9][\w.+-]{0,60}\/[a-z0-9][\w.+-]{0,100}$/;

function attachment(file: { name: string; type: string; bytes: Uint8Array }, index: number): InboundAttachment {
  const type = file.type.trim().toLowerCase();
  const mediaType = MEDIA_TYPE.test(type) ? type : 'application/octet-stream';
  const bytes = Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength);
  return {
    name: file.name.trim() === '' ? madeName(mediaType, index) : file.name.trim(),
    mediaType,
    size: bytes.length,
    source: { kind: 'inline', base64: bytes.toString('base64') },
  };
}

function madeName(mediaType: string, index: number): string {
  const picture = mediaType.startsWith('image/');
  const word = mediaType === 'message/rfc822' ? '邮件' : picture ? '图片' : '附件';
  const ending = ENDINGS[mediaType] ?? (picture ? mediaType.slice(6) : 'bin');
  return `${word}${index + 1}.${ending}`;
}

const MOBILE = /(?<!\d)1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)/;
const LANDLINE = /(?<!\d)0\d{2,3}[- ]?\d{7,8}(?!\d)/;

function contactOf(mail: MailContent, original: Original, signature: string, own: readonly string[]): InboundContact {
  const { from, replyTo } = mail;
  const envelope = original.sender?.includes('@') === true ? original.sender : '';
  const written = from.address === '' ? envelope : from.address;
  const email = replyTo.address === '' ? written : replyTo.address;
  // A form writes under its own name; the citizen is the one to answer.
  const form = own.some(address => address.toLowerCase() === from.address.toLowerCase());
  const name = [form ? '' : from.name, replyTo.name]
    .map(one => one.trim())
    .find(one => one !== '' && !one.includes('@'));
  const phone = (MOBILE.exec(signature) ?? LANDLINE.exec(signature))?.[0];
  return {
    ...(name === undefined ? {} : { name }),
    ...(email === '' ? {} : { email }),
    ...(phone === undefined ? {} : { phone }),
  };
}

function externalIds(mail: MailContent): Record<string, string> {
  const ids: Record<string, string> = {};
  const put = (name: string, id: string | undefined): void => {
    const bare = (id ?? '').trim().replace(/^<|>$/g, '');
    if (bare !== '') ids[name] = bare;
  };
  put('messageId', mail.messageId);
  put('inReplyTo', mail.inReplyTo);
  // The first letter of the exchange; ours is among the references when somebody answers an answer.
  put('thread', mail.references[0] ?? mail.inReplyTo);
  return ids;
}

/** Words of a winmail.dat, where the mail around it says nothing. */
function outlookText(outlook: readonly Tnef[]): string {
  const texts = outlook.map(({ text, html, rtf }) => {
    if (!isEmptyText(text)) return text;
    return isEmptyText(html) ? rtfText(inflateRtf(rtf)) : htmlText(html).text;
  });
  return texts.find(text => !isEmptyText(text)) ?? '';
}

/**
 * A mail as an inbound message.
 * @param inner The letters that the mail encloses, when it says nothing itself.
 */
export function readLetter(
  mail: MailContent,
  inner: readonly MailContent[],
  original: Original,
  settings: { readonly ownAddresses: readonly string[] },
): InboundMessage {
  const status = mail.files.find(file => file.type === 'message/delivery-status');
  const refused = notWritten(
    {
      headers: mail.headers,
      subject: mail.subject,
      from: mail.from.address.toLowerCase(),
      fromName: mail.from.name,
      replyTo: mail.replyTo.address.toLowerCase(),
      type: mail.root.type,
      reportType: mail.reportType,
      deliveryStatus: status === undefined ? null : status.bytes.toString('latin1', 0, 20_000),
    },
    settings.ownAddresses,
  );
  if (refused !== null) return refused;
  const letter = letterOf(mail, inner, original, settings);
  const empty = isEmptyText(letter.content) && isEmptyText(letter.title ?? '') && letter.attachments.length === 0;
  return empty ? { kind: 'not-an-appeal', reason: 'empty' } : letter;
}

/** What letters passed on say; of several each under its subject, so that none is overlooked. */
function passedOn(letters: readonly MailContent[]): Pick<Said, 'text' | 'links'> {
  const all = letters.map(letter => {
    const said = saidIn(letter.root);
    return { subject: titleOf(letter.subject).text, text: ownWords(said.text, false).text, links: said.links };
  });
  const links = all.flatMap(one => one.links);
  if (all.length < 2) return { text: all[0]?.text ?? '', links };
  const texts = all.map(({ subject, text }, at) => `【来信${at + 1}】${subject}\n${text}`.trim());
  return { text: texts.join('\n\n').slice(0, LIMITS.textLength), links };
}

/** A mail as an appeal, whoever or whatever wrote it, and even where it says nothing. */
export function letterOf(
  mail: MailContent,
  inner: readonly MailContent[],
  original: Original,
  { ownAddresses }: { readonly ownAddresses: readonly string[] },
): InboundAppeal {
  const said = saidIn(mail.root);
  const plain = disarmed(said.text);
  const { attachments, outlook, sealed } = enclosed(filesOf(mail.files, plain.blocks), said.pictures);
  const text = isEmptyText(plain.text) ? outlookText(outlook) : plain.text;
  const outer = titleOf(mail.subject === '' ? (outlook[0]?.subject ?? '') : mail.subject);
  const title = outer.text === '' ? titleOf(inner[0]?.subject ?? '') : outer;
  const words = ownWords(text, outer.forwarded);
  const passed = passedOn(inner);
  const written = [words.text, passed.text].find(one => !isEmptyText(one)) ?? '';
  const content = withLinks(written, [...said.links, ...passed.links]);
  const says = !isEmptyText(content);
  const encrypted = plain.blocks.length > 0 ? 'encrypted' : illegibleOf(mail, says);
  const illegible = encrypted ?? (sealed && !says ? 'unopened' : null);
  const sent = sentAt(mail.headers.first('date'), original.meta);
  return {
    kind: 'appeal',
    ...(isEmptyText(title.text) ? {} : { title: title.text }),
    // Many write all they have to say into the subject, but not those whose words nobody could read.
    content: content === '' && illegible === null ? title.text : content,
    ...(sent === undefined ? {} : { sentAt: sent }),
    contact: contactOf(mail, original, words.signature, ownAddresses),
    externalIds: externalIds(mail),
    attachments,
    ...(illegible === null ? {} : { illegible }),
  };
}
