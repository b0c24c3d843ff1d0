// Sharing of shards on a store that takes its time: what is held stays held while more is taken and given back.
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';
import { createShards, SHARDS, type ShardsParts } from '../../../gateway/reading/shards.ts';
import { StoreUnavailable } from '../../../store/errors.ts';

/** Each step of the store takes so long that all shards together take longer than a lease. */
const STEP_MS = 400;
const HOUR_MS = 3600_000;
const START = Date.UTC(2026, 0, 5);

interface Kept {
  owner: string;
  token: number;
  until: number;
}

/** A store of leases that does one step after the other, and a clock that only its steps and `rounds` move. */
function slowStore() {
  let clock = 0;
  let stepMs = STEP_MS;
  let away: string | null = null;
  let stuck: { readonly name: string; readonly until: Promise<void> } | null = null;
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(performance, 'now', () => clock);
  const kept = new Map<string, Kept>();
  const step = (name: string) => {
    clock += stepMs;
    if (name === away) throw new StoreUnavailable('store.mongo_unreachable', 'away');
  };
  const among = (prefix: string, now: number) =>
    [...kept].filter(([name, { until }]) => name.startsWith(prefix) && until > now);
  const store = {
    admin: {
      async lease(name: string, owner: string, now: number, ttlMs: number) {
        step('lease');
        const one = kept.get(name);
        const own = one !== undefined && one.owner === owner && one.until > now;
        if (one !== undefined && !own && one.until > now) return null;
        const token = own ? one.token : (one?.token ?? 0) + 1;
        kept.set(name, { owner, token, until: now + ttlMs });
        if (name === stuck?.name) await stuck.until;
        return `${name}#${token}`;
      },
    },
    shared: {
      async leases(prefix: string, now: number) {
        step('leases');
        return among(prefix, now).map(([name, { owner }]) => ({ name, owner }));
      },
      async renewAll(prefix: string, owner: string, now: number, ttlMs: number) {
        step('renewAll');
        const own = [...kept].filter(([name, one]) => name.startsWith(prefix) && one.owner === owner && one.until > 0);
        for (const [, one] of own) one.until = now + ttlMs;
        return own.map(([name, { token }]) => `${name}#${token}`);
      },
      async release(fence: string) {
        step('release');
        const one = kept.get(fence.slice(0, fence.lastIndexOf('#')));
        if (one !== undefined) one.until = 0;
      },
      async sweep() {
        step('sweep');
      },
    },
  };
  return {
    store: store as unknown as ShardsParts['store'],
    now: () => START + clock,
    token: (shard: number) => kept.get(`shard ${shard}`)?.token,
    /** Every step of this name fails from here on; null: none. */
    fail: (name: string | null) => {
      away = name;
    },
    /** Each step takes so long from here on. */
    slowDown: (ms: number) => {
      stepMs = ms;
    },
    /** Whoever takes this lease has it at once, and hears of it only when the answer is called. */
    stick(name: string): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      stuck = { name, until: promise };
      return resolve;
    },
    /** Time goes on, and nobody does anything. */
    pass(ms: number) {
      clock += ms;
    },
    /** Another takes all that have run out. */
    takeAll(owner: string) {
      const taken = { owner, until: START + clock + HOUR_MS };
      for (const [name, one] of kept)
        if (one.until <= START + clock) kept.set(name, { ...taken, token: one.token + 1 });
    },
    /** Time goes on until the next round of each has come and gone. */
    async round(ms = 1000) {
      clock += ms;
      mock.timers.tick(5000);
      await settled();
    },
  };
}

type Slow = ReturnType<typeof slowStore>;

function reader({ store, now }: Slow, owner: string) {
  const lost: number[] = [];
  const trouble = () => undefined;
  const changed = (shards: ReadonlySet<number>) => void lost.push(...shards);
  return { lost, shards: createShards({ store, owner, now, changed, trouble }) };
}

/** A reader that had the time to take all there are. */
async function ownerOfAll(slow: Slow) {
  const a = reader(slow, 'a');
  await a.shards.start();
  for (let n = 0; n < 20; n++) await slow.round();
  return a;
}

const each = Array.from({ length: SHARDS }, (_, shard) => shard);

describe('shards on a slow store', () => {
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });

  it('no lease runs out while the others are taken', async () => {
    const slow = slowStore();
    const a = await ownerOfAll(slow);
    assert.equal(a.shards.mine.length, SHARDS);
    assert.deepEqual(a.lost, []);
    assert.deepEqual(new Set(each.map(slow.token)), new Set([1]), 'each was taken once');
    await a.shards.close();
  });

  it('one that takes longer than a lease to take is kept meanwhile, and holds up none of the others', async () => {
    const slow = slowStore();
    const answer = slow.stick('shard 5');
    const a = reader(slow, 'a');
    const started = a.shards.start();
    for (let n = 0; n < 40; n++) await slow.round();
    await started;
    assert.deepEqual(
      a.shards.mine,
      each.filter(shard => shard !== 5),
    );
    answer();
    for (let n = 0; n < 3; n++) await slow.round();
    assert.equal(a.shards.mine.length, SHARDS);
    assert.deepEqual(a.lost, []);
    assert.deepEqual(new Set(each.map(slow.token)), new Set([1]), 'each was taken once');
    await a.shards.close();
  });

  it('no lease runs out while half of them are given to another', async () => {
    const slow = slowStore();
    const a = await ownerOfAll(slow);
    const b = reader(slow, 'b');
    await b.shards.start();
    for (let n = 0; n < 30; n++) await slow.round(500);
    assert.equal(a.shards.mine.length, SHARDS / 2);
    assert.equal(b.shards.mine.length, SHARDS / 2);
    assert.equal(new Set(a.lost).size, a.lost.length, 'none was lost twice');
    assert.deepEqual(
      a.lost.toSorted((x, y) => x - y),
      b.shards.mine,
    );
    await Promise.all([a.shards.close(), b.shards.close()]);
  });

  it('one that ran out while the store was away, and that nobody took, is as it was', async () => {
    const slow = slowStore();
    const a = await ownerOfAll(slow);
    slow.fail('renewAll');
    await slow.round(30_000);
    assert.deepEqual([a.shards.mine, a.shards.fence(5)], [[], null]);
    slow.fail(null);
    await slow.round();
    assert.deepEqual([a.shards.mine, a.shards.fence(5)], [each, 'shard 5#1']);
    assert.deepEqual(a.lost, []);
    assert.deepEqual(new Set(each.map(slow.token)), new Set([1]), 'each was taken once');
    await a.shards.close();
  });

  it('a store so slow that a round takes longer than a lease changes nothing', async () => {
    const slow = slowStore();
    const a = await ownerOfAll(slow);
    slow.slowDown(STEP_MS * 10);
    // The first round that takes so long may find that time is over; it knows by then how long they take.
    for (let n = 0; n < 2; n++) await slow.round();
    for (let n = 0; n < 5; n++) {
      await slow.round();
      assert.deepEqual(a.shards.mine, each);
    }
    assert.deepEqual(a.lost, []);
    await a.shards.close();
  });

  it('none is worked on before what its last owner decided is in its place', async () => {
    const slow = slowStore();
    slow.fail('sweep');
    const a = reader(slow, 'a');
    await a.shards.start();
    for (let n = 0; n < 3; n++) await slow.round();
    assert.deepEqual([a.shards.mine, a.shards.fence(5)], [[], null]);
    slow.fail(null);
    for (let n = 0; n < 20; n++) await slow.round();
    assert.deepEqual(a.shards.mine, each);
    await a.shards.close();
  });

  it('what was lost is told even where the store goes away before the round ends', async () => {
    const slow = slowStore();
    const a = await ownerOfAll(slow);
    slow.fail('lease');
    // Longer than a lease: another has taken all of them, and the round that finds it cannot go on.
    slow.pass(30_000);
    slow.takeAll('b');
    await slow.round();
    assert.deepEqual(a.shards.mine, []);
    slow.fail(null);
    await slow.round();
    assert.deepEqual(
      a.lost.toSorted((x, y) => x - y),
      each,
    );
    await a.shards.close();
  });
});
