// What the MongoDB engine says and does while its network swallows everything, and when that is over; nobody restarts anything.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { setTimeout as after } from 'node:timers/promises';
import type { StoreUnavailable } from '../../store/errors.ts';
import { type MongoStore, openMongoStore } from '../../store/mongo/engine.ts';
import { type MongoDatabase, withMongo } from '../servers/mongo-suite.ts';
import { openWeakLink, type WeakLink } from '../servers/weak-link.ts';

/** A heartbeat, its deadline, and the one further try that a read gets. */
const KNOWN_MS = 15_000;
const BACK_MS = 5000;

withMongo('a network that swallows what is sent to MongoDB', server => {
  let database: MongoDatabase;
  let link: WeakLink;
  let store: MongoStore;
  let place: string;

  beforeEach(async () => {
    database = server.database(randomBytes(6).toString('hex'));
    const url = new URL(database.url);
    link = await openWeakLink({ host: url.hostname, port: Number(url.port) });
    url.host = `127.0.0.1:${link.port}`;
    place = `store.url ${url.host}`;
    store = await openMongoStore({
      ...{ url: url.href, auditKey: Buffer.alloc(32, 7), profile: 'intl' as const, folder: tmpdir() },
    });
  });
  afterEach(async () => {
    await store.close();
    await link.close();
    await database.drop();
  });

  /** Reads and writes that are on their way when it begins. */
  const underWay = () => [
    store.messages.counts(),
    store.messages.get('nobody'),
    store.admin.setMeta('a', 'b'),
    store.admin.lease('shard:1', 'me', Date.now(), 10_000),
    store.blobs.put('a'.repeat(64), Buffer.alloc(1000)),
  ];

  /** More than the buffers on the way take. */
  const large = () => store.admin.setMeta('large', 'x'.repeat(14 * 1024 * 1024));

  async function isBack(): Promise<void> {
    const healed = performance.now();
    for (;;) {
      const [answer] = await Promise.allSettled([store.messages.counts()]);
      if (answer?.status === 'fulfilled') return;
      assert.ok(performance.now() - healed < BACK_MS, 'the network is there again, the store is not');
    }
  }

  for (const [how, begin, end] of [
    ['and then cuts the connections', () => link.hang(), () => link.cut()],
    ['and leaves the connections as dead as they are', () => link.hang(), () => undefined],
    ['and does not even take what is sent', () => link.stall(), () => undefined],
  ] as const) {
    it(`is told as a store that is away, with its place, and the store goes on by itself: ${how}`, async () => {
      assert.equal((await store.messages.counts()).total, 0);
      begin();
      const from = performance.now();
      for (const one of await Promise.allSettled([large(), ...underWay(), ...underWay()])) {
        assert.equal(one.status, 'rejected', 'nothing was answered');
        const { name, code, place: where } = one.reason as StoreUnavailable;
        assert.deepEqual([name, code], ['StoreUnavailable', 'store.mongo_unreachable'], String(one.reason));
        assert.ok(where?.startsWith(place), `it says where: ${where}`);
      }
      assert.ok(performance.now() - from < KNOWN_MS, `told after ${Math.round(performance.now() - from)} ms`);
      link.heal();
      end();
      await isBack();
      for (const one of underWay()) await one;
    }).timeout(60_000);
  }

  it('goes on by itself after all connections were closed at once, as often as that happens', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const writes = () => Promise.allSettled(names.map(name => store.admin.setMeta(name, '')));
    for (let round = 0; round < 5; round++) {
      // Each gets a connection of its own, and is on it when that is closed.
      await writes();
      // The driver looks for its server at once only where it has not done so within half a second.
      await after(700);
      link.hang();
      const begun = writes();
      await link.swallowed(names.length);
      link.heal();
      link.part();
      await begun;
      await isBack();
    }
  }).timeout(60_000);
});
