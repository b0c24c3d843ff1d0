// One mail as an original: its id, its sender, the small facts beside it, and what becomes of one that is too large.
import { hash } from 'node:crypto';
import type { InboundMessage, Original } from '../contract.ts';
import type { Head } from './client.ts';

/** A mail up to this size is kept whole. */
export const WHOLE_BYTES = 25 * 1024 * 1024;
/** Of a larger one the beginning: its headers and text come before its attachments. */
export const BEGINNING_BYTES = 2 * 1024 * 1024;
/** Where headers end, in any mail that was ever sent in earnest. */
const HEADER_BYTES = 64 * 1024;
/** The search for an address is quadratic in what holds none. */
const FIELD_CHARACTERS = 2000;

const MEDIA_TYPE = 'message/rfc822';

/** Where a mail lay; `uid` and `validity` find it again in the mailbox. */
export interface MailPlace {
  readonly folder: string;
  readonly validity: string;
}

/**
 * The platform id is the SHA-256 of the bytes: it stays the same in a rebuilt mailbox and in another folder, and nobody
 * can take it from another's mail as a Message-ID can be taken.
 */
export function originalOf(body: Uint8Array, head: Head, place: MailPlace): Original {
  return {
    platformId: hash('sha256', body, 'hex'),
    sender: senderOf(body),
    body,
    mediaType: MEDIA_TYPE,
    meta: {
      ...(head.receivedAt === null ? {} : { internalDate: new Date(head.receivedAt).toISOString() }),
      folder: place.folder,
      uidValidity: place.validity,
      uid: String(head.uid),
      ...(isTooLarge(head.size) ? { truncatedFrom: String(head.size) } : {}),
    },
  };
}

export function isTooLarge(size: number): boolean {
  return size > WHOLE_BYTES;
}

/** The address of the `From` header in lower case, for the lane only; null where there is none that can be told. */
export function senderOf(mail: Uint8Array): string | null {
  const text = Buffer.from(mail.buffer, mail.byteOffset, Math.min(mail.length, HEADER_BYTES)).toString('latin1');
  const end = /\r?\n\r?\n/.exec(text)?.index ?? text.length;
  const field = /^from[ \t]*:((?:[^\n]|\n[ \t])*)/im.exec(text.slice(0, end))?.[1]?.slice(0, FIELD_CHARACTERS);
  if (field === undefined) return null;
  const address = /<([^<>\s]+@[^<>\s]+)>/.exec(field)?.[1] ?? /[^\s<>,;:"()]+@[^\s<>,;:"()]+/.exec(field)?.[0];
  return address?.toLowerCase() ?? null;
}

/** Says in the appeal's own text that its mail was cut, since whoever works on it must look into the mailbox. */
export function withCutNote<M extends InboundMessage>(message: M, meta: Original['meta']): M {
  const size = meta['truncatedFrom'];
  if (size === undefined || message.kind !== 'appeal') return message;
  const note = `【原邮件共 ${megabytes(Number(size))} MB,超过 ${megabytes(WHOLE_BYTES)} MB,此处只含开头 ${megabytes(BEGINNING_BYTES)} MB,附件可能不全;完整邮件仍在信箱文件夹 ${meta['folder'] ?? ''} 中】`;
  const shown = message.contentFormat === 'html' ? `<p>${escaped(note)}</p>` : `\n\n${note}`;
  return { ...message, content: message.content + shown };
}

function megabytes(bytes: number): number {
  return Math.round((bytes / 1024 / 1024) * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
