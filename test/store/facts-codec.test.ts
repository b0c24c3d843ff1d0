// The blob of a ticket's facts: what is written is read again, and what earlier versions wrote is still read.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Facts } from '../../normalizer/facts.ts';
import { decodeFacts, encodeFacts } from '../../store/facts-codec.ts';

const facts = (more: Partial<Facts> = {}): Facts => ({
  ...{ terms: Uint32Array.of(3, 9, 4_000_000_000), weights: Uint8Array.of(12, 200, 255) },
  ...{ topics: Int8Array.of(5, -7, 0, 127), titleRuns: Uint16Array.of(5, 60_000, 65_535) },
  ...{ requesterKeys: ['0123456789abcdef'], placeKeys: Uint32Array.of(8, 16), division: '220502' },
  ...{ textHash: 7, length: 10, acceptedAt: 1_790_000_000_000 },
  ...more,
});

/** As versions 1 to 3 wrote it: no runs, and only a meaning says how long the topics are. */
function written(version: 1 | 2 | 3, { terms, placeKeys, requesterKeys, weights, topics, ...its }: Facts): Uint8Array {
  const division = Buffer.from(its.division ?? '', 'latin1');
  const head = Buffer.alloc(24);
  head.set([version, division.length]);
  head.writeUInt16LE(terms.length, 2);
  head.writeUInt16LE(placeKeys.length, 4);
  head.writeUInt16LE(requesterKeys.length, 6);
  head.writeDoubleLE(its.acceptedAt, 8);
  head.writeUInt32LE(its.textHash, 16);
  head.writeUInt32LE(its.length, 20);
  const words = Buffer.alloc(4 * (terms.length + placeKeys.length));
  for (const [i, word] of [...terms, ...placeKeys].entries()) words.writeUInt32LE(word, i * 4);
  const parts = [head, words, Buffer.from(requesterKeys.join(''), 'hex'), weights, division];
  if (version > 1) parts.push(Buffer.from(topics));
  if (version === 3) parts.push(Buffer.from(its.meaning ?? []), Buffer.from(Uint16Array.of(topics.length).buffer));
  return Buffer.concat(parts);
}

describe('the blob of facts', () => {
  it('gives back what was written, wherever the blob lies in its buffer', () => {
    const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 });
    fc.assert(
      fc.property(bytes, bytes, fc.boolean(), fc.nat(7), (topics, runs, meant, offset) => {
        const kept = facts({
          topics: Int8Array.from(topics),
          titleRuns: Uint16Array.from(runs, run => run * 257),
          ...(meant ? { meaning: Int8Array.of(1, -2, 3) } : {}),
        });
        const blob = encodeFacts(kept);
        const moved = new Uint8Array(blob.length + offset);
        moved.set(blob, offset);
        assert.deepEqual(decodeFacts(moved.subarray(offset)), kept);
      }),
    );
  });

  it('takes two bytes for each run of a title, and six more than before', () => {
    const before = written(2, facts()).length;
    assert.equal(encodeFacts(facts({ titleRuns: new Uint16Array(20) })).length, before + 2 * 20 + 6);
  });

  it('of earlier versions is read without runs', () => {
    const none = new Uint16Array(0);
    assert.deepEqual(decodeFacts(written(2, facts())), facts({ titleRuns: none }));
    const meant = facts({ meaning: Int8Array.of(9, -9), titleRuns: none });
    assert.deepEqual(decodeFacts(written(3, meant)), meant);
    assert.deepEqual(
      decodeFacts(written(1, facts())),
      facts({ titleRuns: none, topics: new Int8Array(0), weights: Uint8Array.of(12, 200, 252) }),
    );
  });

  it('of an unknown version is refused', () => {
    const blob = encodeFacts(facts());
    blob[0] = 9;
    assert.throws(() => decodeFacts(blob), RangeError);
  });
});
