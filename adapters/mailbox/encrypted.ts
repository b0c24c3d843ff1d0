// Mails, or parts of them, that were written for another key than ours, or that stand in a wrapping nothing here opens.
import type { InboundAppeal } from '../contract.ts';
import type { MailContent, MailFile } from './mail-content.ts';

export type Illegible = NonNullable<InboundAppeal['illegible']>;

const PKCS7 = new Set(['application/pkcs7-mime', 'application/x-pkcs7-mime']);
/** The object identifiers by which a CMS structure begins (RFC 5652, RFC 5083), as they stand in DER and BER alike. */
const ENVELOPED = ['2a864886f70d010703', '2a864886f70d0109100117'].map(hex => Buffer.from(hex, 'hex'));
/** An identifier stands behind the tag and length of what it names. */
const HEAD_BYTES = 64;
/** A quoted one, of the letter that is answered, begins otherwise. */
const ARMOUR_LINE = '\n-----BEGIN PGP MESSAGE-----';
const ARMOUR_BEGINS = ARMOUR_LINE.trimStart();
const ARMOUR_ENDS = '-----END PGP MESSAGE-----';

function isEnveloped({ bytes }: MailFile): boolean {
  const head = bytes.subarray(0, HEAD_BYTES);
  return ENVELOPED.some(identifier => head.includes(identifier));
}

function isArmoured({ bytes }: MailFile): boolean {
  return bytes.subarray(0, HEAD_BYTES).includes(ARMOUR_BEGINS);
}

/** Names under which programs put the mail itself (RFC 8551, 3.2.1); under another one it is a file that somebody attached. */
const OF_THE_MAIL = /^(?:smime\.p7[mz])?$/i;

/**
 * Whether the mail itself is encrypted (S/MIME, PGP/MIME), or signed so that its words stand inside the signature; null where
 * it is neither. A file that its writer encrypted and attached to a letter is an attachment like others.
 * @param says whether words of the writer stand around it
 */
export function illegibleOf({ root, files }: Pick<MailContent, 'root' | 'files'>, says: boolean): Illegible | null {
  if (root.type === 'multipart/encrypted') return 'encrypted';
  const sealed = files.filter(({ name, type }) => PKCS7.has(type) && (!says || OF_THE_MAIL.test(name)));
  if (sealed.some(isEnveloped)) return 'encrypted';
  if (sealed.length > 0) return 'unopened';
  return !says && files.some(isArmoured) ? 'encrypted' : null;
}

/** The part of PGP/MIME that only says which version of it this is (RFC 3156, 4). */
export function isVersionOnly({ type, bytes }: MailFile): boolean {
  return type === 'application/pgp-encrypted' && /^\s*Version: 1\s*$/.test(bytes.toString('latin1', 0, HEAD_BYTES));
}

export interface Disarmed {
  /** What stands around the encrypted blocks. */
  readonly text: string;
  readonly blocks: readonly string[];
}

/** Takes encrypted blocks out of a text that was written in an ordinary mail: nobody reads them, and they are no words to compare. */
export function disarmed(text: string): Disarmed {
  const lines = `\n${text}`;
  const around: string[] = [];
  const blocks: string[] = [];
  let from = 1;
  for (;;) {
    const begin = lines.indexOf(ARMOUR_LINE, from - 1) + 1;
    const end = begin === 0 ? -1 : lines.indexOf(ARMOUR_ENDS, begin);
    if (end === -1) break;
    around.push(lines.slice(from, begin));
    from = end + ARMOUR_ENDS.length;
    blocks.push(lines.slice(begin, from));
  }
  return { text: [...around, lines.slice(from)].join(''), blocks };
}
