// Seals what an adapter keeps outside of the store, such as a file it has taken, and opens it for a person who may see it.
import { SealBroken } from '../../store/errors.ts';
import { type FieldCipher, fieldOf, packFields, unpackFields } from '../../store/field-cipher.ts';

/** What such a file begins with, so that it is known for what it is. */
const MARK = Buffer.from('HUISU-SEALED-1\n');
/** Sealed piece by piece, so that the thread that acknowledges is never held up for long. */
const PIECE = 1024 * 1024;
const KEY = 'key';

/** Under a content key of its own; each piece is bound to the channel, its place and the number of pieces. */
export async function sealForChannel(cipher: FieldCipher, channel: string, bytes: Uint8Array): Promise<Buffer> {
  const { key, wrapped } = cipher.newDataKey('content');
  const count = Math.ceil(bytes.length / PIECE);
  const fields: Record<string, Uint8Array> = { [KEY]: wrapped };
  for (let place = 0; place < count; place++) {
    const piece = bytes.subarray(place * PIECE, (place + 1) * PIECE);
    fields[String(place)] = cipher.seal(key, piece, boundTo(channel, place, count));
    await new Promise(resolve => setImmediate(resolve));
  }
  return packFields(fields, MARK);
}

/** @throws SealBroken for other bytes, another channel, or a key that is not in the ring */
export function openForChannel(cipher: FieldCipher, channel: string, bytes: Uint8Array): Buffer {
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!given.subarray(0, MARK.length).equals(MARK)) throw noSealedFile();
  const fields = unpackFields(given.subarray(MARK.length));
  const wrapped = fields[KEY];
  if (wrapped === undefined) throw noSealedFile();
  const count = Object.keys(fields).length - 1;
  const key = cipher.openDataKey(wrapped);
  const pieces = Array.from({ length: count }, (_, place) => {
    const sealed = fields[String(place)];
    if (sealed === undefined) throw noSealedFile();
    return cipher.open(key, sealed, boundTo(channel, place, count));
  });
  return Buffer.concat(pieces);
}

const boundTo = (channel: string, place: number, count: number): string =>
  fieldOf(`channel:${channel}`, `file:${place}/${count}`);
const noSealedFile = () => new SealBroken('seal.unknown_format', 'not a file that was sealed here');
