// Blocks of the posting index: what is written is read, in whatever widths, and blocks of the earlier form are understood.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Block, encodeBlock, mergeBlocks, type PostingLists } from '../../store/posting-blocks.ts';

const BUCKET = 0xabc;
type Posting = readonly [term: number, ordinal: number, weight: number];

/** Terms of one bucket, few enough that several postings share one; ordinals near each other or far apart. */
const postings = fc
  .record({
    least: fc.nat(0xffff_ffff),
    span: fc.constantFrom(10, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000, 0xffff_ffff),
    drawn: fc.array(
      fc.tuple(fc.nat(40), fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 255 })),
      {
        maxLength: 200,
      },
    ),
  })
  .map(({ least, span, drawn }) =>
    drawn.map(([word, part, weight]): Posting => {
      const room = Math.min(span, 0xffff_ffff - least);
      return [BUCKET * 0x10_0000 + word * 26_214, least + Math.floor(part * room), weight];
    }),
  )
  .map(all => [...new Map(all.map(one => [`${one[0]} ${one[1]}`, one])).values()])
  .map(all => all.sort((a, b) => a[0] - b[0] || a[1] - b[1]));

function listsOf(all: readonly Posting[]): PostingLists {
  return {
    terms: Uint32Array.from(all, ([term]) => term),
    ordinals: Uint32Array.from(all, ([, ordinal]) => ordinal),
    weights: Uint8Array.from(all, ([, , weight]) => weight),
  };
}

/** The form of earlier segments. */
function formOfOld({ terms, ordinals, weights }: PostingLists): Uint8Array {
  const bytes = new Uint8Array(4 + 9 * terms.length);
  new Uint32Array(bytes.buffer, 0, 1)[0] = terms.length;
  new Uint32Array(bytes.buffer, 4, terms.length).set(terms);
  new Uint32Array(bytes.buffer, 4 + 4 * terms.length, terms.length).set(ordinals);
  bytes.set(weights, 4 + 8 * terms.length);
  return bytes;
}

function visited(
  block: Block,
  term: number,
  most: number,
): { readonly found: [number, number][]; readonly left: number } {
  const found: [number, number][] = [];
  const left = block.visit(term, most, 3, { add: (ordinal, score) => void found.push([ordinal, score]) });
  return { found, left };
}

function assertHolds(block: Block, all: readonly Posting[]): void {
  assert.equal(block.count, all.length);
  const lists = block.lists(BUCKET);
  assert.deepEqual({ ...lists, weights: Uint8Array.from(lists.weights) }, listsOf(all));
  for (const [term, ordinals] of Map.groupBy(all, ([one]) => one)) {
    const newestFirst = ordinals.toReversed().map(([, ordinal, weight]): [number, number] => [ordinal, 3 * weight]);
    assert.deepEqual(visited(block, term, 1000), { found: newestFirst, left: 1000 - ordinals.length });
    assert.deepEqual(visited(block, term, 2), {
      found: newestFirst.slice(0, 2),
      left: 2 - Math.min(2, ordinals.length),
    });
    assert.ok(block.has(term, (ordinals[0] as Posting)[1]));
    const held = new Set(all.map(([other]) => other));
    for (const near of [term - 1, term + 1]) if (!held.has(near)) assert.equal(visited(block, near, 9).left, 9);
  }
}

describe('posting blocks', () => {
  it('give back what was written, a term at a time, newest first', () => {
    fc.assert(
      fc.property(postings, all => assertHolds(new Block(encodeBlock(listsOf(all))), all)),
      { numRuns: 300 },
    );
  });

  it('are read in the form of earlier segments', () => {
    fc.assert(
      fc.property(postings, all => assertHolds(new Block(formOfOld(listsOf(all))), all)),
      { numRuns: 100 },
    );
  });

  it('hold more postings than two bytes can count', () => {
    const all = Array.from(
      { length: 70_000 },
      (_, i): Posting => [BUCKET * 0x10_0000 + Math.floor(i / 100) * 1000, i, 1 + (i % 255)],
    );
    assertHolds(new Block(encodeBlock(listsOf(all))), all);
  });

  it('merge into what one block of all postings would be', () => {
    fc.assert(
      fc.property(postings, fc.array(fc.nat(2), { minLength: 200, maxLength: 200 }), (all, parts) => {
        const blocks = [0, 1, 2].map(part => new Block(encodeBlock(listsOf(all.filter((_, i) => parts[i] === part)))));
        assert.deepEqual(Buffer.from(mergeBlocks(BUCKET, blocks)), Buffer.from(encodeBlock(listsOf(all))));
      }),
      { numRuns: 100 },
    );
  });

  it('take half of what terms and ordinals take in full, in a segment of half a million tickets', () => {
    const all = Array.from(
      { length: 3_500 },
      (_, i): Posting => [BUCKET * 0x10_0000 + Math.floor(i / 4) * 1100, i * 149, 9],
    );
    assert.ok(encodeBlock(listsOf(all)).length < 0.6 * formOfOld(listsOf(all)).length);
  });
});
