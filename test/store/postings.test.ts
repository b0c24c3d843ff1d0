// The candidate index on the real store: everything entered is found again, wherever it lies by now.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Facts } from '../../normalizer/facts.ts';
import { encodeFacts } from '../../store/facts-codec.ts';
import { heaviest, type WeightedTerms } from '../../store/index-terms.ts';
import { NewestPostings } from '../../store/newest-postings.ts';
import { Block, BUCKETS } from '../../store/posting-blocks.ts';
import { POSTINGS_DEFAULTS, Postings, type PostingsOptions } from '../../store/postings.ts';
import type { Hit } from '../../store/score-table.ts';
import { openSqliteStore } from '../../store/sqlite/engine.ts';
import type { CandidateStore, Store } from '../../store/store.ts';
import { born, decided, ticketOf } from '../contracts/store-rows.ts';

const STATISTICS = Buffer.from('statistics');
/** Terms of a small vocabulary, spread over the buckets so that some share one and most do not. */
const termOf = (word: number): number => Math.imul(word + 1, 0x9e37_79b1) >>> 0;

function factsOf(words: readonly (readonly [word: number, weight: number])[], requester?: string): Facts {
  const sorted = [...new Map(words)]
    .map(([word, weight]) => [termOf(word), weight] as const)
    .sort((a, b) => a[0] - b[0]);
  return {
    terms: Uint32Array.from(sorted, ([term]) => term),
    weights: Uint8Array.from(sorted, ([, weight]) => weight),
    requesterKeys: requester === undefined ? [] : [requester],
    placeKeys: new Uint32Array(0),
    division: '220502',
    topics: new Int8Array(0),
    titleRuns: new Uint16Array(0),
    textHash: 7,
    length: 10,
    acceptedAt: 1,
  };
}

/** A word of its own and one that all share. */
const own = (word: number): Facts =>
  factsOf([
    [word, 255],
    [100_000, 40],
  ]);

interface Bench {
  store: Store;
  open(options: Partial<PostingsOptions>, around?: (store: CandidateStore) => CandidateStore): Promise<Postings>;
  /** Tickets as their decisions leave them in the store; answers their ordinals. */
  commit(facts: readonly Facts[]): Promise<number[]>;
  reopen(): Promise<void>;
}

async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-postings-'));
  const openStore = () => openSqliteStore({ folder, auditKey: Buffer.alloc(32, 7), profile: 'intl' });
  let made = 0;
  const bench: Bench = {
    store: await openStore(),
    async open(options, around = store => store) {
      const postings = new Postings(around(bench.store.candidates), () => STATISTICS, {
        ...POSTINGS_DEFAULTS,
        ...options,
      });
      await postings.open(() => undefined);
      return postings;
    },
    async commit(facts) {
      const last = (await bench.store.candidates.since(0, 1_000_000)).at(-1)?.ordinal ?? 0;
      const rows = facts.map(one => {
        const name = `t${made++}`;
        return ticketOf(name, name, { ticket: born(name, { facts: encodeFacts(one) }), outbox: [] });
      });
      await decided(bench.store, rows);
      return (await bench.store.candidates.since(last, 1_000_000)).map(row => row.ordinal);
    },
    async reopen() {
      await bench.store.close();
      bench.store = await openStore();
    },
  };
  try {
    await run(bench);
  } finally {
    await bench.store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function findOne(postings: Postings, facts: Facts): Promise<readonly Hit[]> {
  return (await postings.lookUp([postings.queryOf(facts)]))[0] ?? [];
}

async function assertAllFound(postings: Postings, ordinals: readonly number[], from: number): Promise<void> {
  const found = await postings.lookUp(ordinals.map((_, i) => postings.queryOf(own(from + i))));
  assert.deepEqual(
    found.map(hits => hits[0]?.ordinal),
    ordinals,
  );
}

describe('candidate index', () => {
  it('finds every ticket in memory, frozen, in a segment, in merged tiers and after opening again', () =>
    withBench(async bench => {
      const postings = await bench.open({ newest: 4 });
      const ordinals: number[] = [];
      for (let round = 0; round < 75; round++) {
        const facts = Array.from({ length: 5 }, (_, i) => own(round * 5 + i));
        const entered = await bench.commit(facts);
        for (const [i, ordinal] of entered.entries()) postings.add(ordinal, facts[i] as Facts);
        ordinals.push(...entered);
        // Not settled yet: what is frozen is being written while it is looked up.
        postings.tidy();
        await assertAllFound(postings, ordinals, 0);
      }
      await postings.settled();
      const tiers = (await bench.store.candidates.segments()).map(segment => segment.tier);
      assert.deepEqual([...new Set(tiers)].sort(), [0, 1, 2]);
      assert.ok(tiers.length < 8 * 3, `segments are merged: ${tiers.length}`);
      await assertAllFound(postings, ordinals, 0);

      await bench.reopen();
      await assertAllFound(await bench.open({ newest: 4 }), ordinals, 0);
    }));

  it('finds after opening again what was decided late, once, among segments of younger tickets', () =>
    withBench(async bench => {
      const postings = await bench.open({ newest: 4 });
      const facts = Array.from({ length: 6 }, (_, i) => own(i));
      const ordinals = await bench.commit(facts);
      // The second one is entered last, as a conversation would be: four younger ones are published without it.
      for (const i of [0, 2, 3, 4]) postings.add(ordinals[i] as number, facts[i] as Facts);
      postings.tidy();
      await postings.settled();
      for (const i of [5, 1]) postings.add(ordinals[i] as number, facts[i] as Facts);
      await bench.reopen();
      const again = await bench.open({ newest: 4 });
      assert.equal(again.memory.newest, 2);
      await assertAllFound(again, ordinals, 0);
    }));

  it('finds after opening again what was decided so late that nobody would look for it, however often it was', () =>
    withBench(async bench => {
      const facts = Array.from({ length: 5 }, (_, i) => own(i));
      const [old = 0] = await bench.commit(facts);
      const postings = await bench.open({ newest: 4 });
      for (let i = 1; i <= 4; i++) postings.add(1_000_000 + i, own(100 + i));
      postings.tidy();
      await postings.settled();
      // A clerk may part it and join it again: each time it is entered anew, and may be all that a segment holds.
      for (let time = 0; time < 20; time++) {
        postings.add(old, facts[0] as Facts);
        postings.keep(old);
        postings.tidy();
        await postings.settled();
      }
      assert.ok((await bench.store.candidates.segments()).length < 10, 'they are merged');
      await bench.reopen();
      await assertAllFound(await bench.open({ newest: 4 }), [old], 0);
    }));

  it('leaves what the next opening looks for by itself in memory until it is full', () =>
    withBench(async bench => {
      const postings = await bench.open({ newest: 4 });
      for (let i = 1; i <= 4; i++) postings.add(10_000 + i, own(i));
      postings.tidy();
      await postings.settled();
      postings.add(9_000, own(9));
      postings.keep(9_000);
      postings.tidy();
      await postings.settled();
      assert.equal(postings.memory.newest, 1);
    }));

  it('finds everything while segments are published and merged behind the look-ups', () =>
    withBench(async bench => {
      const facts = Array.from({ length: 160 }, (_, i) => own(i));
      const ordinals = await bench.commit(facts);
      const postings = await bench.open({ newest: 1_000 });
      assert.equal(postings.memory.segments, 0);
      const small = new Postings(bench.store.candidates, () => STATISTICS, { ...POSTINGS_DEFAULTS, newest: 10 });
      for (const [i, ordinal] of ordinals.entries()) {
        small.add(ordinal, facts[i] as Facts);
        small.tidy();
      }
      let rounds = 0;
      let settled = false;
      const writing = small.settled().finally(() => {
        settled = true;
      });
      while (!settled) {
        await assertAllFound(small, ordinals, 0);
        rounds++;
        await new Promise(setImmediate);
      }
      await writing;
      assert.ok(rounds > 3, `looked up ${rounds} times while writing`);
      assert.equal(small.memory.newest, 0);
      await assertAllFound(small, ordinals, 0);
    }));

  it('finds what was entered since a mark, and only that', () =>
    withBench(async bench => {
      const postings = await bench.open({ newest: 100 });
      postings.add(1, own(1));
      const { mark } = postings;
      const query = postings.queryOf(own(1));
      assert.deepEqual(postings.findSince(query, mark), []);
      postings.add(2, own(1));
      assert.deepEqual(
        postings.findSince(query, mark).map(hit => hit.ordinal),
        [2],
      );
    }));

  it('reads the newest postings of a term that many tickets have, across memory and segments', () =>
    withBench(async bench => {
      const facts = Array.from({ length: 50 }, () => factsOf([[1, 200]]));
      const ordinals = await bench.commit(facts);
      const postings = await bench.open({ newest: 8, perTerm: 12, limit: 100 });
      await postings.settled();
      assert.deepEqual(
        (await findOne(postings, factsOf([[1, 200]]))).map(hit => hit.ordinal),
        ordinals.toReversed().slice(0, 12),
      );
    }));

  it('finds a requester by the key alone, however many heavier words there are', () =>
    withBench(async bench => {
      const words = Array.from({ length: 40 }, (_, i): [number, number] => [i, 30]);
      const postings = await bench.open({ newest: 4, floor: 0.01 });
      postings.add(9, factsOf(words, 'aabbccdd00112233'));
      const others = Array.from({ length: 30 }, (_, i): [number, number] => [1_000 + i, 255]);
      const hits = await findOne(postings, factsOf(others, 'aabbccdd00112233'));
      assert.deepEqual(
        hits.map(hit => hit.ordinal),
        [9],
      );
    }));

  it('keeps the blocks in memory within the budget, and finds the same', () =>
    withBench(async bench => {
      const facts = Array.from({ length: 300 }, (_, i) => own(i));
      const ordinals = await bench.commit(facts);
      const cacheBytes = 2_000;
      const postings = await bench.open({ newest: 10, cacheBytes });
      for (let i = 0; i < ordinals.length; i += 20) {
        const part = ordinals.slice(i, i + 20);
        await assertAllFound(postings, part, i);
        postings.tidy();
        assert.ok(postings.memory.cachedBytes <= cacheBytes, `${postings.memory.cachedBytes} bytes`);
      }
      await postings.settled();
      postings.tidy();
      assert.ok(postings.memory.cachedBytes <= cacheBytes);
      assert.ok(postings.memory.cachedBytes >= 0);
    }));

  it('counts the blocks in memory rightly through merges: nothing is left counted of what is gone', () =>
    withBench(async bench => {
      const postings = await bench.open({ newest: 2, cacheBytes: 1 });
      for (let i = 0; i < 40; i++) {
        postings.add(i + 1, own(i));
        postings.tidy();
        await Promise.all([findOne(postings, own(i)), findOne(postings, own(0))]);
      }
      await postings.settled();
      postings.tidy();
      assert.equal(postings.memory.cachedBytes, 0);
    }));

  it('loses nothing when a segment cannot be written, and writes it with the next one', () =>
    withBench(async bench => {
      for (const step of ['writeBlocks', 'publish'] as const) {
        let failures = 1;
        const facts = Array.from({ length: 12 }, (_, i) => own(i));
        const ordinals = await bench.commit(facts);
        const postings = new Postings(
          {
            ...bench.store.candidates,
            [step]: async (...args: never[]) => {
              if (failures-- > 0) throw new Error('disk full');
              return (bench.store.candidates[step] as (...args: never[]) => Promise<void>)(...args);
            },
          },
          () => STATISTICS,
          { ...POSTINGS_DEFAULTS, newest: 4 },
        );
        const before = (await bench.store.candidates.segments()).length;
        for (let i = 0; i < 4; i++) postings.add(ordinals[i] as number, facts[i] as Facts);
        postings.tidy();
        await assert.rejects(postings.settled(), /disk full/);
        assert.equal((await bench.store.candidates.segments()).length, before);
        await assertAllFound(postings, ordinals.slice(0, 4), 0);
        for (let i = 4; i < 8; i++) postings.add(ordinals[i] as number, facts[i] as Facts);
        postings.tidy();
        await postings.settled();
        assert.equal((await bench.store.candidates.segments()).length, before + 2);
        assert.equal(postings.memory.newest, 0);
        await assertAllFound(postings, ordinals.slice(0, 8), 0);
      }
    }));

  it('writes what came all at once, however much of it there is', () => {
    // As many as come in without a rest where a store was away for hours that other processes went on with.
    const tickets = 60_000;
    const newest = new NewestPostings(8192);
    const weights = new Uint8Array(POSTINGS_DEFAULTS.indexTerms).fill(1);
    for (let ticket = 0; ticket < tickets; ticket++) {
      const terms = Uint32Array.from(weights, (_, i) => termOf(ticket * weights.length + i));
      newest.add(ticket + 1, { terms, weights });
    }
    let postings = 0;
    let before = -1;
    for (const { bucket, bytes } of newest.blocks()) {
      assert.ok(bucket > before, 'bucket after bucket');
      before = bucket;
      postings += new Block(bytes).count;
    }
    assert.equal(postings, tickets * weights.length);
  });

  it('knows whether a ticket was entered: in memory, frozen, in a segment, after opening again', () =>
    withBench(async bench => {
      const facts = Array.from({ length: 6 }, (_, i) => own(i));
      const [late = 0, ...ordinals] = await bench.commit(facts);
      const postings = await bench.open({ newest: 4 });
      assert.equal(await postings.has(late + 1000, own(0)), false);
      for (const ordinal of [late, ...ordinals]) assert.equal(await postings.has(ordinal, own(ordinal - late)), true);
      postings.tidy();
      await postings.settled();
      const reopened = await bench.open({ newest: 4 });
      for (const ordinal of [late, ...ordinals]) assert.equal(await reopened.has(ordinal, own(ordinal - late)), true);
      assert.equal(await reopened.has(late, own(5)), false);
    }));

  it('goes on from before the crash where a segment was written in part', () =>
    withBench(async bench => {
      const facts = Array.from({ length: 9 }, (_, i) => own(i));
      const ordinals = await bench.commit(facts);
      await bench.store.candidates.writeBlocks(`0-${ordinals[0]}-${ordinals[3]}`, [
        { bucket: 1, bytes: Buffer.alloc(4) },
      ]);
      await bench.reopen();
      const postings = await bench.open({ newest: 4 });
      await postings.settled();
      await assertAllFound(postings, ordinals, 0);
    }));

  it('spreads terms over all buckets there are', () => {
    const used = new Set(Array.from({ length: 100_000 }, (_, i) => termOf(i) >>> 20));
    assert.equal(used.size, BUCKETS);
  });

  const ticket = fc.uniqueArray(fc.tuple(fc.nat(25), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 12,
    selector: ([word]) => word,
  });

  it('answers what a reading of every ticket would answer', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(ticket, { minLength: 1, maxLength: 60 }),
        fc.array(ticket, { minLength: 1, maxLength: 8 }),
        fc.record({
          newest: fc.integer({ min: 1, max: 9 }),
          indexTerms: fc.constant(40),
          queryTerms: fc.integer({ min: 1, max: 12 }),
          perTerm: fc.integer({ min: 1, max: 40 }),
          limit: fc.integer({ min: 1, max: 20 }),
          floor: fc.constantFrom(0, 0.1, 0.5),
          cacheBytes: fc.constantFrom(0, 500, 1_000_000),
        }),
        (tickets, queries, options) =>
          withBench(async bench => {
            const postings = await bench.open(options);
            const entered = tickets.map((words, i) => ({ ordinal: i + 1, facts: factsOf(words) }));
            for (const { ordinal, facts } of entered) {
              postings.add(ordinal, facts);
              postings.tidy();
            }
            const asked = queries.map(words => postings.queryOf(factsOf(words)));
            const expected = asked.map(query => bruteForce(entered, query, options));
            assert.deepEqual(await postings.lookUp(asked), expected);
            await postings.settled();
            postings.tidy();
            assert.deepEqual(await postings.lookUp(asked), expected);
          }),
      ),
      { numRuns: 12 },
    );
  });
});

function pairsOf({ terms, weights }: WeightedTerms): readonly (readonly [number, number])[] {
  return [...terms].map((term, i) => [term, weights[i] as number] as const);
}

/** The promise in plain steps: the newest postings of each term, weights multiplied and added up. */
function bruteForce(
  entered: readonly { readonly ordinal: number; readonly facts: Facts }[],
  query: WeightedTerms,
  { perTerm, limit, floor }: PostingsOptions,
): Hit[] {
  const scores = new Map<number, number>();
  let self = 0;
  for (const [term, weight] of pairsOf(query)) {
    self += weight * weight;
    const having = entered
      .map(({ ordinal, facts }) => ({
        ordinal,
        weight: pairsOf(heaviest(facts, Number.POSITIVE_INFINITY)).find(([one]) => one === term)?.[1],
      }))
      .filter(one => one.weight !== undefined)
      .sort((a, b) => b.ordinal - a.ordinal)
      .slice(0, perTerm);
    for (const one of having) {
      scores.set(one.ordinal, (scores.get(one.ordinal) ?? 0) + weight * (one.weight as number));
    }
  }
  return [...scores]
    .filter(([, score]) => score >= floor * self)
    .map(([ordinal, score]) => ({ ordinal, score: score / self }))
    .sort((a, b) => b.score - a.score || b.ordinal - a.ordinal)
    .slice(0, limit);
}
