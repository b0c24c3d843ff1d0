// A clock that is set back while several processes share a MongoDB: the sweep of any of them lets nothing wait for as long as it
// was wrong, and shortens no wait that may be as it is.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { type MongoStore, openMongoStore } from '../../store/mongo/engine.ts';
import { decided, entry, message, NOW, numberOf, ticketOf } from '../contracts/store-rows.ts';
import { type MongoDatabase, withMongo } from '../servers/mongo-suite.ts';
import { type Process, processOn } from './mongo-meddling.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const AHEAD = NOW + 24 * HOUR;
const LEASE = MINUTE;

withMongo('a clock set back on MongoDB', server => {
  let database: MongoDatabase;
  let store: MongoStore;
  let other: Process;
  /** Times that the sweep's mark was asked for. */
  let marks = 0;
  beforeEach(async () => {
    database = server.database(randomBytes(6).toString('hex'));
    const own = { auditKey: Buffer.alloc(32, 7), profile: 'intl' as const, folder: tmpdir(), shared: true };
    const onCommand: MongoDatabase['onCommand'] = (name, command) => {
      if (name === 'find' && isDeepStrictEqual((command as { filter: unknown }).filter, { _id: 'swept' })) marks++;
      database.onCommand(name, command);
    };
    store = await openMongoStore({ ...own, url: database.url, onCommand });
    other = await processOn(database.url);
  });
  afterEach(async () => {
    await other.close();
    await store.close();
    await database.drop();
  });

  const created = (name: string, at: number, notBefore = 0, lane = name) =>
    ticketOf(name, lane, {
      decidedAt: at,
      outbox: [entry(name, 'ticket.created', { lane, notBefore })],
    });
  const claimed = async (now: number) =>
    (await store.outbox.claim(now, 9, LEASE)).map(one => one.message).sort((a, b) => (a < b ? -1 : 1));
  /** Claims when the sweep has been waited for in vain. */
  async function unswept(now: number, limit: number) {
    assert.deepEqual(await store.outbox.claim(now - 20_000, limit, LEASE), []);
    return store.outbox.claim(now, limit, LEASE);
  }
  const named = (...names: readonly string[]) => names.map(numberOf).sort((a, b) => (a < b ? -1 : 1));

  it('hands out what was made before it, and lets what failed or waits for attachments wait as long as it was to', async () => {
    await decided(store, [created('failed', AHEAD)]);
    const [first] = await unswept(AHEAD + 30_000, 1);
    const retry = { at: AHEAD, retryAt: AHEAD + 10 * MINUTE, cause: 'case.http_500', unknown: false };
    assert.equal(await store.outbox.fail(first?.id ?? '', first?.token ?? '', retry), 'failed');
    await decided(store, [created('made', AHEAD), created('waits', AHEAD, AHEAD + 30 * MINUTE)]);
    await store.shared?.sweptUntil(NOW);
    assert.deepEqual(await claimed(NOW), []);
    // More than once, as it goes on for ever, and by several.
    for (const now of [NOW, NOW + 1, NOW + 5000]) await store.sweep(now);
    assert.deepEqual(await claimed(NOW + 25_000), named('made'));
    assert.deepEqual(await claimed(NOW + 11 * MINUTE), named('failed'));
    assert.deepEqual(await claimed(NOW + 31 * MINUTE), named('waits'));
  });

  it('hands out what was made and claimed before it, and failed after it', async () => {
    await decided(store, [created('a', AHEAD)]);
    const [first] = await unswept(AHEAD + 30_000, 1);
    const retry = { at: NOW, retryAt: NOW + 5000, cause: 'case.http_500', unknown: false };
    assert.equal(await store.outbox.fail(first?.id ?? '', first?.token ?? '', retry), 'failed');
    await store.sweep(NOW + 1000);
    assert.equal(await store.outbox.nextDue(), NOW + 5000, 'its new wait is by the right clock');
    await store.sweep(NOW + 5000);
    assert.deepEqual(
      (await unswept(NOW + 26_000, 9)).map(one => one.message),
      named('a'),
    );
  });

  it('says of an entry that is sent again when it was made in the words of the first time', async () => {
    await decided(store, [created('a', AHEAD)]);
    const [first] = await unswept(AHEAD + 30_000, 1);
    const retry = { at: NOW, retryAt: NOW + 5000, cause: 'case.timeout', unknown: true };
    await store.outbox.fail(first?.id ?? '', first?.token ?? '', retry);
    // The clock may be set back more than once.
    await store.sweep(NOW + 5000);
    await store.sweep(NOW - HOUR);
    const [again] = await unswept(NOW + 26_000, 9);
    assert.deepEqual([again?.id, again?.createdAt, again?.unknown], [first?.id, first?.createdAt, true]);
    assert.equal(first?.createdAt, AHEAD);
  });

  it('asks once for a claim how far the sweep has come', async () => {
    await decided(store, [created('a', NOW)]);
    marks = 0;
    await claimed(NOW);
    assert.equal(marks, 1);
  });

  it('hands out no head that the sweep has not passed, though what stands behind it was made before it', async () => {
    await decided(store, [created('head', NOW + 500, NOW + 600, 'lane')]);
    await decided(store, [created('behind', NOW, 0, 'lane')]);
    await store.shared?.sweptUntil(NOW);
    assert.deepEqual(await claimed(NOW + 700), []);
    await store.shared?.sweptUntil(NOW + 500);
    assert.deepEqual(await claimed(NOW + 700), named('head'));
  });

  it('waits for the sweep again where the store was away, and where its mark has moved', async () => {
    await decided(store, [created('a', NOW)]);
    assert.deepEqual(await claimed(NOW + 15_000), []);
    await assert.rejects(store.messages.get({ $bad: true } as unknown as string));
    assert.deepEqual(await claimed(NOW + 30_000), [], 'as after a failure');
    await store.shared?.sweptUntil(NOW - 1000);
    assert.deepEqual(await claimed(NOW + 45_000), [], 'it is at work');
    assert.deepEqual(await claimed(NOW + 64_999), []);
    assert.deepEqual(await claimed(NOW + 65_000), named('a'), 'and then no more');
  });

  it('leaves a wait alone that a right clock has written, however long', async () => {
    await decided(store, [created('a', NOW), created('b', NOW, NOW + 40 * HOUR)]);
    const [first] = await unswept(NOW + 20_000, 1);
    const retry = { at: NOW + 20_000, retryAt: NOW + 20 * HOUR, cause: 'case.http_500', unknown: false };
    assert.equal(await store.outbox.fail(first?.id ?? '', first?.token ?? '', retry), 'failed');
    await store.sweep(NOW + 21_000);
    assert.deepEqual(await claimed(NOW + 20 * HOUR - 1), []);
    assert.deepEqual(await claimed(NOW + 20 * HOUR), named('a'));
    assert.deepEqual(await claimed(NOW + 40 * HOUR), named('b'));
  });

  it('takes back what a process that is gone had under way once its lease is as old as it was to get', async () => {
    await decided(store, [created('a', AHEAD)]);
    assert.equal((await unswept(AHEAD + 30_000, 1)).length, 1);
    await store.sweep(NOW);
    await store.sweep(NOW + 1000);
    assert.equal(await store.outbox.reclaim(NOW + LEASE - 1), 0);
    assert.equal(await store.outbox.reclaim(NOW + LEASE), 1);
  });

  it('ends leases of the gone after their own time, and none that is renewed', async () => {
    const take = (name: string, owner: string, now: number) => store.admin.lease(name, owner, now, 10_000);
    await take('channel:gone', 'one', AHEAD);
    await take('channel:lives', 'one', AHEAD);
    const living = await take('channel:right', 'one', NOW);
    assert.deepEqual((await store.shared?.leases('channel:', NOW))?.length, 3);
    await store.sweep(NOW);
    assert.equal(await take('channel:gone', 'two', NOW + 9999), null);
    assert.notEqual(await take('channel:lives', 'one', NOW + 9000), null);
    await store.sweep(NOW + 9500);
    assert.notEqual(await take('channel:gone', 'two', NOW + 10_001), null);
    assert.equal(await take('channel:lives', 'two', NOW + 18_999), null);
    assert.equal(await take('channel:right', 'one', NOW + 9999), living);
  });

  it('fetches attachments, and frees what a decision that was never written had set aside', async () => {
    await decided(store, [created('a', NOW)]);
    const photo = { message: numberOf('a'), index: 0, state: 'wanted', attempts: 1, dueAt: AHEAD } as const;
    await store.admin.settleAttachment({ ...photo, blob: null, size: null, mediaType: null, cause: 'x' }, AHEAD);
    await store.messages.accept([message('lead'), message('part')]);
    const { messages } = other.context.models;
    const part = { state: 'decided', kind: 'part', joined: numberOf('lead'), decidedAt: AHEAD, next: 1 };
    await messages.updateOne(
      { number: numberOf('part') },
      { $set: { ...part, gathered: { lead: numberOf('lead'), at: AHEAD } } },
    );
    assert.equal((await store.sweep(NOW)).freed, 1);
    assert.equal((await store.messages.get(numberOf('part')))?.state, 'unread');
    assert.equal((await store.admin.attachmentsDue(NOW + 16 * MINUTE, 9)).length, 1);
  });
});
