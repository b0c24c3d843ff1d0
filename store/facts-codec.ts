// The form in which a ticket's facts lie in its row: one small blob, no text.
import type { Facts } from '../normalizer/facts.ts';

const VERSION = 1;
/** Bytes before the variable parts: version, counts, times and hashes. */
const HEADER = 24;

/** Encodes facts; little-endian, typed-array parts first so that they stay aligned. */
export function encodeFacts(facts: Facts): Uint8Array {
  const division = Buffer.from(facts.division ?? '', 'latin1');
  const { terms, placeKeys, requesterKeys } = facts;
  const size =
    HEADER + 4 * (terms.length + placeKeys.length) + 8 * requesterKeys.length + terms.length + division.length;
  const bytes = Buffer.allocUnsafeSlow(size);
  bytes[0] = VERSION;
  bytes[1] = division.length;
  bytes.writeUInt16LE(terms.length, 2);
  bytes.writeUInt16LE(placeKeys.length, 4);
  bytes.writeUInt16LE(requesterKeys.length, 6);
  bytes.writeDoubleLE(facts.acceptedAt, 8);
  bytes.writeUInt32LE(facts.textHash >>> 0, 16);
  bytes.writeUInt32LE(facts.length >>> 0, 20);
  let at = HEADER;
  for (const term of terms) at = bytes.writeUInt32LE(term, at);
  for (const key of placeKeys) at = bytes.writeUInt32LE(key, at);
  for (const key of requesterKeys) at += bytes.write(key, at, 8, 'hex');
  bytes.set(facts.weights, at);
  bytes.set(division, at + facts.weights.length);
  return bytes;
}

/** Decodes what `encodeFacts` wrote. Throws a RangeError on a blob of another version. */
export function decodeFacts(blob: Uint8Array): Facts {
  // Typed arrays need an aligned start, which a slice of a larger buffer need not have.
  const aligned = blob.byteOffset % 4 === 0 ? blob : Uint8Array.from(blob);
  const bytes = Buffer.from(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  if (bytes[0] !== VERSION) throw new RangeError(`facts of version ${bytes[0]}, expected ${VERSION}`);
  const divisionLength = bytes[1] as number;
  const termCount = bytes.readUInt16LE(2);
  const placeCount = bytes.readUInt16LE(4);
  const requesterCount = bytes.readUInt16LE(6);
  let at = bytes.byteOffset + HEADER;
  const terms = new Uint32Array(bytes.buffer, at, termCount);
  at += 4 * termCount;
  const placeKeys = new Uint32Array(bytes.buffer, at, placeCount);
  at += 4 * placeCount;
  const requesterKeys: string[] = [];
  for (let i = 0; i < requesterCount; i++, at += 8) {
    requesterKeys.push(bytes.toString('hex', at - bytes.byteOffset, at - bytes.byteOffset + 8));
  }
  const weights = new Uint8Array(bytes.buffer, at, termCount);
  const divisionAt = at - bytes.byteOffset + termCount;
  return {
    terms,
    weights,
    requesterKeys,
    placeKeys,
    division: divisionLength === 0 ? null : bytes.toString('latin1', divisionAt, divisionAt + divisionLength),
    textHash: bytes.readUInt32LE(16),
    length: bytes.readUInt32LE(20),
    acceptedAt: bytes.readDoubleLE(8),
  };
}
