// What other processes decide is learnt of however long the store takes, and whether or not it was away meanwhile.
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';
import { createPeers, type MissedPair, type PeersParts } from '../../../gateway/reading/peers.ts';
import { StoreUnavailable } from '../../../store/errors.ts';
import type { DecidedRow } from '../../../store/store.ts';

const START = Date.UTC(2026, 0, 5);
const MINUTE_MS = 60_000;

/** A store whose answers take a time of their own, and a clock that only they and `round` move. */
function slowStore() {
  let clock = 0;
  let answerMs = 10;
  let away = false;
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(performance, 'now', () => clock);
  const decided: DecidedRow[] = [];
  const entered = new Set<string>();
  const looked: string[] = [];
  const linked: MissedPair[] = [];
  /** The earlier ticket that each is about the same incident as. */
  const alike = new Map<string, string>();
  /** The ticket of its requester that each would have joined. */
  const repeats = new Map<string, string>();
  const sweptUntil: number[] = [];
  const parts = {
    shared: {
      async decidedSince(at: number, limit: number) {
        const rows = decided
          .filter(row => row.decidedAt >= at)
          .sort((a, b) => a.decidedAt - b.decidedAt || a.ordinal - b.ordinal)
          .slice(0, limit);
        clock += answerMs;
        if (away) throw new StoreUnavailable('store.mongo_unreachable', 'away');
        return rows;
      },
      async sweptUntil(at: number) {
        sweptUntil.push(at);
      },
      release: async () => undefined,
    },
    admin: { lease: async () => 'linker#1' },
    judge: {
      enter: async (row: DecidedRow) => void entered.add(row.number),
      async missed(row: DecidedRow, before: (number: string) => boolean) {
        looked.push(row.number);
        const joins = repeats.get(row.number);
        if (joins !== undefined) return { joins, incident: null };
        const of = alike.get(row.number);
        return { joins: null, incident: of === undefined || !before(of) ? null : { id: of, of } };
      },
    },
    owner: 'a',
    now: () => START + clock,
    link: async (_: number, pairs: readonly MissedPair[]) => void linked.push(...pairs),
    trouble: () => undefined,
  };
  return {
    parts: parts as unknown as PeersParts,
    entered,
    looked,
    linked,
    sweptUntil,
    /** Another process decides now, or did some time ago and it is seen only now. */
    decide(number: string, { agoMs = 0, knewMsAgo = null as number | null, notSame = [] as readonly string[] } = {}) {
      const knew = knewMsAgo === null ? null : START + clock - knewMsAgo;
      const row = { number, ordinal: decided.length, decidedAt: START + clock - agoMs, knew, notSame };
      decided.push(row as unknown as DecidedRow);
    },
    isLike(number: string, earlier: string) {
      alike.set(number, earlier);
    },
    repeats(number: string, earlier: string) {
      repeats.set(number, earlier);
    },
    answersTake(ms: number) {
      answerMs = ms;
    },
    isAway(yes: boolean) {
      away = yes;
    },
    pass(ms: number) {
      clock += ms;
    },
    async round() {
      clock += 1000;
      mock.timers.tick(MINUTE_MS);
      await settled();
    },
  };
}

describe('what other processes decide', () => {
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });

  it('while a round takes long is learnt of in the next one, before its entries may go', async () => {
    const slow = slowStore();
    const peers = createPeers(slow.parts);
    await peers.start();
    slow.answersTake(8000);
    slow.decide('first');
    await slow.round();
    slow.decide('second');
    slow.pass(8000);
    slow.answersTake(10);
    await slow.round();
    assert.deepEqual(slow.looked, ['first', 'second']);
    peers.stop();
    await peers.close();
  });

  it('in the same instant is joined, but for what a clerk has taken out of another ticket', async () => {
    const slow = slowStore();
    const peers = createPeers(slow.parts);
    await peers.start();
    slow.repeats('second', 'first');
    slow.repeats('apart', 'first');
    slow.repeats('third', 'apart');
    slow.decide('first');
    slow.decide('second');
    slow.decide('apart', { notSame: ['other'] });
    slow.decide('third');
    await slow.round();
    assert.deepEqual(slow.linked, [
      { as: 'repeat', number: 'second', to: 'first' },
      { as: 'repeat', number: 'third', to: 'apart' },
    ]);
    peers.stop();
    await peers.close();
  });

  it('while the store was away from here is learnt of when it is back, however long that was', async () => {
    const slow = slowStore();
    const peers = createPeers(slow.parts);
    await peers.start();
    slow.isAway(true);
    await slow.round();
    slow.decide('meanwhile');
    slow.pass(5 * MINUTE_MS);
    slow.isAway(false);
    const before = slow.sweptUntil.length;
    await slow.round();
    assert.deepEqual([...slow.entered], ['meanwhile']);
    assert.deepEqual(slow.looked, ['meanwhile'], 'looked through for what two missed');
    assert.equal(slow.sweptUntil.length, before + 1);
    peers.stop();
    await peers.close();
  });

  it('in one millisecond is learnt of, and what comes after it, however much that is', async () => {
    const slow = slowStore();
    const peers = createPeers(slow.parts);
    await peers.start();
    for (let i = 0; i < 3000; i++) slow.decide(`${i}`);
    slow.pass(1);
    slow.decide('after');
    await slow.round();
    assert.equal(slow.entered.size, 3001);
    assert.ok(slow.entered.has('after'));
    peers.stop();
    await peers.close();
  });

  it('is brought to the incident of what was decided before it, even where that can be seen only after it', async () => {
    const slow = slowStore();
    const peers = createPeers(slow.parts);
    await peers.start();
    slow.isLike('later', 'earlier');
    slow.isLike('earlier', 'later');
    slow.decide('later');
    await slow.round();
    assert.deepEqual(slow.linked, [], 'there is nothing yet that it could be like');
    slow.decide('earlier', { agoMs: 2000 });
    await slow.round();
    assert.deepEqual(slow.linked, [{ as: 'incident', number: 'later', to: 'earlier' }]);
    assert.deepEqual(slow.looked, ['later', 'later', 'earlier']);
    peers.stop();
    await peers.close();
  });

  it('is left where it is, where it is like what every decider has known of for long', async () => {
    const slow = slowStore();
    const peers = createPeers(slow.parts);
    await peers.start();
    slow.isLike('new', 'old');
    slow.decide('new');
    await slow.round();
    assert.deepEqual(slow.looked, ['new']);
    assert.deepEqual(slow.linked, []);
    peers.stop();
    await peers.close();
  });

  it('is left where it is, where its decider has known of the other one, also by a process that links from now on', async () => {
    const slow = slowStore();
    slow.decide('earlier');
    slow.pass(20_000);
    slow.decide('later');
    slow.isLike('later', 'earlier');
    const peers = createPeers(slow.parts);
    await peers.start();
    assert.deepEqual(slow.looked, ['earlier', 'later']);
    assert.deepEqual(slow.linked, []);
    peers.stop();
    await peers.close();
  });

  it('is brought to the incident of what its decider had not learnt of, however much slower it was than all others', async () => {
    const slow = slowStore();
    slow.decide('earlier');
    slow.pass(20_000);
    slow.decide('aware', { knewMsAgo: 10_000 });
    slow.decide('behind', { knewMsAgo: 21_000 });
    for (const number of ['aware', 'behind']) slow.isLike(number, 'earlier');
    const peers = createPeers(slow.parts);
    assert.equal(peers.knew(), 0, 'nothing is known before the first look');
    await peers.start();
    assert.deepEqual(slow.linked, [{ as: 'incident', number: 'behind', to: 'earlier' }]);
    assert.equal(peers.knew(), START + 20_000);
    peers.stop();
    await peers.close();
  });

  it('is looked through once more for what could not be seen before, and for nothing else', async () => {
    const slow = slowStore();
    const peers = createPeers(slow.parts);
    await peers.start();
    slow.decide('known');
    slow.decide('later');
    await slow.round();
    slow.isLike('later', 'known');
    slow.decide('unseen', { agoMs: 2000 });
    await slow.round();
    assert.deepEqual(slow.looked.slice(2).sort(), ['known', 'later', 'unseen']);
    assert.deepEqual(slow.linked, []);
    peers.stop();
    await peers.close();
  });
});
