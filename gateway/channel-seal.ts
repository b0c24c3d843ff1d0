// Seals what an adapter keeps outside of the store, such as a file it has taken, and opens it for a person who may see it.
import { SealBroken } from '../store/errors.ts';
import { type FieldCipher, fieldOf, packFields, unpackFields } from '../store/field-cipher.ts';

/** What such a file begins with, so that it is known for what it is. */
const MARK = Buffer.from('HUISU-SEALED-1\n');

/** Under a content key of its own, bound to the channel. */
export function sealForChannel(cipher: FieldCipher, channel: string, bytes: Uint8Array): Buffer {
  const { key, wrapped } = cipher.newDataKey('content');
  const sealed = cipher.seal(key, bytes, boundTo(channel));
  return Buffer.concat([MARK, packFields({ key: wrapped, sealed })]);
}

/** @throws SealBroken for other bytes, another channel, or a key that is not in the ring */
export function openForChannel(cipher: FieldCipher, channel: string, bytes: Uint8Array): Buffer {
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!given.subarray(0, MARK.length).equals(MARK)) throw noSealedFile();
  const { key, sealed } = unpackFields(given.subarray(MARK.length));
  if (key === undefined || sealed === undefined) throw noSealedFile();
  return cipher.open(cipher.openDataKey(key), sealed, boundTo(channel));
}

const boundTo = (channel: string): string => fieldOf(`channel:${channel}`, 'file');
const noSealedFile = () => new SealBroken('seal.unknown_format', 'not a file that was sealed here');
