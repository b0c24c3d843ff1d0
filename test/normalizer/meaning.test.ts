// Meanings: vectors of one model are compared, of two never; without one every decision is as it was.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Facts } from '../../normalizer/facts.ts';
import { likeness, meaningOf, withMeaning } from '../../normalizer/meaning.ts';
import { decodeFacts, encodeFacts } from '../../store/facts-codec.ts';

const figures = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 64 });
const facts = (topics: readonly number[], meaning: Facts['meaning']): Facts => ({
  ...{ terms: Uint32Array.of(3, 9), weights: Uint8Array.of(12, 200), topics: Int8Array.from(topics) },
  titleRuns: Uint16Array.of(5, 60_000),
  ...{ requesterKeys: ['0123456789abcdef'], placeKeys: Uint32Array.of(8), division: '220502' },
  ...{ textHash: 7, length: 10, acceptedAt: 1_790_000_000_000 },
  ...(meaning === undefined ? {} : { meaning }),
});

describe('meaning', () => {
  it('is as near as the vectors are, whatever their length', () => {
    fc.assert(
      fc.property(figures, figures, fc.double({ min: 0.01, max: 100, noNaN: true }), (a, b, times) => {
        const [one, other] = [meaningOf('m', a), meaningOf('m', b.slice(0, a.length).concat(a.slice(b.length)))];
        const longer = meaningOf(
          'm',
          a.map(figure => figure * times),
        );
        if (one === null || other === null || longer === null) return;
        assert.ok(Math.abs((likeness(one, longer) as number) - 1) < 0.02);
        assert.equal(likeness(one, other), likeness(other, one));
      }),
    );
    const near = likeness(meaningOf('m', [1, 0.5, 0]) ?? undefined, meaningOf('m', [1, 0.4, 0.1]) ?? undefined);
    const exact = 1.2 / Math.sqrt(1.25 * 1.17);
    assert.ok(Math.abs((near as number) - exact) < 0.01, `${near}`);
  });

  it('of another model, of another size or of none is not compared', () => {
    const [one, two, three] = [meaningOf('a', [1, 0]), meaningOf('b', [1, 0]), meaningOf('a', [1, 0, 0])];
    assert.equal(likeness(one ?? undefined, two ?? undefined), null);
    assert.equal(likeness(one ?? undefined, three ?? undefined), null);
    assert.equal(likeness(one ?? undefined, undefined), null);
  });

  it('is none for what is no vector', () => {
    for (const bad of [[], [0, 0], [1, Number.NaN], [1, '2'], [1e200, 1e200], new Array(5000).fill(1)]) {
      assert.equal(meaningOf('m', bad), null);
    }
  });

  it('changes nothing while it is off or absent, to the last bit', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), score => {
        assert.equal(withMeaning(score, null, { weight: 4, mean: 0.7 }), score);
        assert.equal(withMeaning(score, 0.9, null), score);
        assert.equal(withMeaning(score, 0.9, { weight: 0, mean: 0.7 }), score);
      }),
    );
  });

  it('raises a probability above its mean, lowers it below, and never leaves 0 to 1', () => {
    const policy = { weight: 4, mean: 0.75 };
    assert.ok(withMeaning(0.5, 0.9, policy) > 0.5);
    assert.ok(withMeaning(0.5, 0.6, policy) < 0.5);
    for (const edge of [0, 1]) assert.equal(withMeaning(edge, 0.9, policy), edge);
  });

  it('is kept with the facts, and facts without one have none', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -127, max: 127 }), { maxLength: 40 }), figures, (topics, vector) => {
        const meaning = meaningOf('m', vector) ?? undefined;
        const kept = facts(topics, meaning);
        const read = decodeFacts(encodeFacts(kept));
        assert.deepEqual([...read.topics], topics);
        assert.deepEqual(read.meaning, meaning);
        assert.deepEqual([...read.weights], [12, 200]);
        assert.equal('meaning' in decodeFacts(encodeFacts(facts(topics, undefined))), false);
      }),
    );
  });
});
