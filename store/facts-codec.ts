// The form in which a ticket's facts lie in its row: one small blob, no text.
import type { Facts } from '../normalizer/facts.ts';

/** With runs of the title behind the place keys, and three lengths at the end: of topics, meaning and runs. */
const VERSION = 4;
/** Tickets of before: topics to the end; the same with a meaning behind them and the length of the topics at the end; and
 *  neither. */
const WITHOUT_RUNS = 2;
const WITH_MEANING = 3;
const WITHOUT_TOPICS = 1;
/** Bytes before the variable parts: version, counts, times and hashes. */
const HEADER = 24;
/** Bytes of the lengths at the end. */
const LENGTHS = 6;

/** Encodes facts; little-endian, typed-array parts first so that they stay aligned. */
export function encodeFacts(facts: Facts): Uint8Array {
  const division = Buffer.from(facts.division ?? '', 'latin1');
  const { terms, placeKeys, requesterKeys, topics, titleRuns, meaning = NO_MEANING } = facts;
  const tail = terms.length + division.length + topics.length + meaning.length + LENGTHS;
  const words = 4 * (terms.length + placeKeys.length) + 2 * titleRuns.length;
  const size = HEADER + words + 8 * requesterKeys.length + tail;
  const bytes = Buffer.allocUnsafeSlow(size);
  bytes[0] = VERSION;
  bytes[1] = division.length;
  bytes.writeUInt16LE(terms.length, 2);
  bytes.writeUInt16LE(placeKeys.length, 4);
  bytes.writeUInt16LE(requesterKeys.length, 6);
  bytes.writeDoubleLE(facts.acceptedAt, 8);
  bytes.writeUInt32LE(facts.textHash >>> 0, 16);
  bytes.writeUInt32LE(facts.length >>> 0, 20);
  const longs = new Uint32Array(bytes.buffer, HEADER, terms.length + placeKeys.length);
  longs.set(terms);
  longs.set(placeKeys, terms.length);
  new Uint16Array(bytes.buffer, HEADER + longs.byteLength, titleRuns.length).set(titleRuns);
  let at = HEADER + words;
  for (const key of requesterKeys) at += bytes.write(key, at, 8, 'hex');
  bytes.set(facts.weights, at);
  bytes.set(division, at + facts.weights.length);
  bytes.set(topics, at + facts.weights.length + division.length);
  bytes.set(meaning, size - LENGTHS - meaning.length);
  bytes.writeUInt16LE(topics.length, size - LENGTHS);
  bytes.writeUInt16LE(meaning.length, size - LENGTHS + 2);
  bytes.writeUInt16LE(titleRuns.length, size - LENGTHS + 4);
  return bytes;
}

const NO_MEANING = new Int8Array(0);

/** Lengths of the parts that the header does not tell, of each version. */
function lengthsOf(bytes: Buffer, version: number) {
  const { length } = bytes;
  if (version === VERSION) {
    const [topics, meaning, runs] = [6, 4, 2].map(back => bytes.readUInt16LE(length - back)) as [
      number,
      number,
      number,
    ];
    return { topics, meaning, runs, lengths: LENGTHS };
  }
  if (version === WITH_MEANING) return { topics: bytes.readUInt16LE(length - 2), meaning: null, runs: 0, lengths: 2 };
  if (version === WITHOUT_RUNS || version === WITHOUT_TOPICS) return { topics: null, meaning: 0, runs: 0, lengths: 0 };
  throw new RangeError(`facts of version ${version}, expected ${VERSION}`);
}

/** Decodes what `encodeFacts` wrote. Throws a RangeError on a blob of another version. */
export function decodeFacts(blob: Uint8Array): Facts {
  // Typed arrays need an aligned start, which a slice of a larger buffer need not have.
  const aligned = blob.byteOffset % 4 === 0 ? blob : Uint8Array.from(blob);
  const bytes = Buffer.from(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const version = bytes[0] as number;
  const { topics, meaning, runs, lengths } = lengthsOf(bytes, version);
  const divisionLength = bytes[1] as number;
  const termCount = bytes.readUInt16LE(2);
  const placeCount = bytes.readUInt16LE(4);
  const requesterCount = bytes.readUInt16LE(6);
  let at = bytes.byteOffset + HEADER;
  const terms = new Uint32Array(bytes.buffer, at, termCount);
  at += 4 * termCount;
  const placeKeys = new Uint32Array(bytes.buffer, at, placeCount);
  at += 4 * placeCount;
  const titleRuns = new Uint16Array(bytes.buffer, at, runs);
  at += 2 * runs;
  const requesterKeys: string[] = [];
  for (let i = 0; i < requesterCount; i++, at += 8) {
    requesterKeys.push(bytes.toString('hex', at - bytes.byteOffset, at - bytes.byteOffset + 8));
  }
  const kept = new Uint8Array(bytes.buffer, at, termCount);
  // The lower bits of an old weight are no flags.
  const weights = version !== WITHOUT_TOPICS ? kept : kept.map(weight => Math.max(4, weight & ~3));
  const divisionAt = at - bytes.byteOffset + termCount;
  const topicsAt = divisionAt + divisionLength;
  const end = bytes.length - lengths;
  const topicsEnd = topics === null ? end : topicsAt + topics;
  const meant = meaning === null || meaning > 0;
  const signed = (from: number, to: number) => new Int8Array(bytes.buffer, bytes.byteOffset + from, to - from);
  return {
    terms,
    weights,
    requesterKeys,
    placeKeys,
    titleRuns,
    topics: signed(topicsAt, topicsEnd),
    ...(meant ? { meaning: signed(topicsEnd, end) } : {}),
    division: divisionLength === 0 ? null : bytes.toString('latin1', divisionAt, divisionAt + divisionLength),
    textHash: bytes.readUInt32LE(16),
    length: bytes.readUInt32LE(20),
    acceptedAt: bytes.readDoubleLE(8),
  };
}
