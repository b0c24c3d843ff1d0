// The form in which a ticket's facts lie in its row: one small blob, no text.
import type { Facts } from '../normalizer/facts.ts';

const VERSION = 2;
/** With a meaning after the topics, and the length of the topics at the end. */
const WITH_MEANING = 3;
/** Tickets of before have no topics. */
const WITHOUT_TOPICS = 1;
/** Bytes before the variable parts: version, counts, times and hashes. */
const HEADER = 24;

/** Encodes facts; little-endian, typed-array parts first so that they stay aligned. */
export function encodeFacts(facts: Facts): Uint8Array {
  const division = Buffer.from(facts.division ?? '', 'latin1');
  const { terms, placeKeys, requesterKeys, topics } = facts;
  const { meaning } = facts;
  const meant = meaning === undefined ? 0 : meaning.length + 2;
  const tail = terms.length + topics.length + division.length + meant;
  const size = HEADER + 4 * (terms.length + placeKeys.length) + 8 * requesterKeys.length + tail;
  const bytes = Buffer.allocUnsafeSlow(size);
  bytes[0] = meaning === undefined ? VERSION : WITH_MEANING;
  bytes[1] = division.length;
  bytes.writeUInt16LE(terms.length, 2);
  bytes.writeUInt16LE(placeKeys.length, 4);
  bytes.writeUInt16LE(requesterKeys.length, 6);
  bytes.writeDoubleLE(facts.acceptedAt, 8);
  bytes.writeUInt32LE(facts.textHash >>> 0, 16);
  bytes.writeUInt32LE(facts.length >>> 0, 20);
  const words = new Uint32Array(bytes.buffer, HEADER, terms.length + placeKeys.length);
  words.set(terms);
  words.set(placeKeys, terms.length);
  let at = HEADER + words.byteLength;
  for (const key of requesterKeys) at += bytes.write(key, at, 8, 'hex');
  bytes.set(facts.weights, at);
  bytes.set(division, at + facts.weights.length);
  bytes.set(topics, at + facts.weights.length + division.length);
  if (meaning !== undefined) {
    bytes.set(meaning, size - meant);
    bytes.writeUInt16LE(topics.length, size - 2);
  }
  return bytes;
}

/** Decodes what `encodeFacts` wrote. Throws a RangeError on a blob of another version. */
export function decodeFacts(blob: Uint8Array): Facts {
  // Typed arrays need an aligned start, which a slice of a larger buffer need not have.
  const aligned = blob.byteOffset % 4 === 0 ? blob : Uint8Array.from(blob);
  const bytes = Buffer.from(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const version = bytes[0] as number;
  if (version !== VERSION && version !== WITHOUT_TOPICS && version !== WITH_MEANING) {
    throw new RangeError(`facts of version ${version}, expected ${VERSION}`);
  }
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
  const kept = new Uint8Array(bytes.buffer, at, termCount);
  // The lower bits of an old weight are no flags.
  const weights = version !== WITHOUT_TOPICS ? kept : kept.map(weight => Math.max(4, weight & ~3));
  const divisionAt = at - bytes.byteOffset + termCount;
  const topicsAt = divisionAt + divisionLength;
  const meant = version === WITH_MEANING;
  const topicsEnd = meant ? topicsAt + bytes.readUInt16LE(bytes.length - 2) : bytes.length;
  const signed = (from: number, to: number) => new Int8Array(bytes.buffer, bytes.byteOffset + from, to - from);
  return {
    terms,
    weights,
    requesterKeys,
    placeKeys,
    topics: signed(topicsAt, topicsEnd),
    ...(meant ? { meaning: signed(topicsEnd, bytes.length - 2) } : {}),
    division: divisionLength === 0 ? null : bytes.toString('latin1', divisionAt, divisionAt + divisionLength),
    textHash: bytes.readUInt32LE(16),
    length: bytes.readUInt32LE(20),
    acceptedAt: bytes.readDoubleLE(8),
  };
}
