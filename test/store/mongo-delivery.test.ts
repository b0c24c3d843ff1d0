// Delivery by several processes on one MongoDB, step by step: each entry is one's, in its turn, whatever another does meanwhile.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { claimEntries } from '../../store/mongo/delivery.ts';
import { type MongoStore, openMongoStore } from '../../store/mongo/engine.ts';
import { finishEntries } from '../../store/mongo/finishing.ts';
import type { CommitRow } from '../../store/store.ts';
import { decided, decision, entry, entryId, message, NOW, numberOf, ticketOf } from '../contracts/store-rows.ts';
import { type MongoDatabase, withMongo } from '../servers/mongo-suite.ts';
import { commitBy, cut, type Meddling, type Process, processOn } from './mongo-meddling.ts';

const LEASE = 60_000;
const LATER = NOW + 60_000;
const CLAIM = { now: LATER, limit: 1000, leaseMs: LEASE, queued: false };

withMongo('delivery by several processes on one MongoDB, step by step', server => {
  let database: MongoDatabase;
  let store: MongoStore;
  let other: Process;
  const own = { auditKey: Buffer.alloc(32, 7), profile: 'intl' as const, folder: tmpdir() };

  before(async () => {
    database = server.database(randomBytes(6).toString('hex'));
    store = await openMongoStore({ ...own, url: database.url, onCommand: database.onCommand });
    other = await processOn(database.url);
  });
  after(async () => {
    await other.close();
    await store.close();
    await database.drop();
  });

  /** The other process commits, meddled with. */
  const commit = (row: CommitRow, ...meddlings: readonly Meddling[]) => commitBy(other, row, ...meddlings);
  const claimed = async (id: string, now = LATER) =>
    (await store.outbox.claim(now, 1000, LEASE)).find(one => one.id === id);

  it('claims nothing of a lane in which an earlier decision came meanwhile and is not in its place yet', async () => {
    await store.messages.accept([message('slow'), message('quick')]);
    const meanwhile: Meddling = {
      ...{ on: 'outbox', command: 'find', fits: ([filter]) => (filter as { urgent?: boolean }).urgent === false },
      act: async () => {
        await assert.rejects(commit(ticketOf('slow', 'lane slow'), cut('outbox', 'insertMany')), /cut/);
        await store.decisions.commit([ticketOf('quick', 'lane slow')], null);
      },
    };
    const claimed = await claimEntries(other.meddled(meanwhile), CLAIM);
    assert.deepEqual(
      claimed.filter(({ lane }) => lane === 'lane slow'),
      [],
    );
    await store.sweep(LATER);
    const heads = (await store.outbox.claim(LATER, 1000, LEASE)).filter(({ lane }) => lane === 'lane slow');
    assert.deepEqual(
      heads.map(({ id }) => id),
      [entryId('slow', 'ticket.created')],
    );
  });

  it('gives each entry to one of two who claim at the same moment', async () => {
    await decided(store, [ticketOf('one', 'lane of one'), ticketOf('two', 'lane of two')]);
    const first: string[] = [];
    const meanwhile: Meddling = {
      ...{ on: 'outbox', command: 'updateMany' },
      act: async () => void first.push(...(await store.outbox.claim(LATER, 1000, LEASE)).map(({ id }) => id)),
    };
    const second = (await claimEntries(other.meddled(meanwhile), CLAIM)).map(({ id }) => id);
    for (const name of ['one', 'two']) assert.ok(first.includes(entryId(name, 'ticket.created')), name);
    assert.deepEqual(second, []);
  });

  it('takes back at its start what it had under way itself, and nothing of another', async () => {
    await decided(store, [ticketOf('under way', 'lane under way')]);
    const id = entryId('under way', 'ticket.created');
    const started = async (holder: string) => {
      const one = await openMongoStore({ ...own, url: database.url, holder });
      const claimed = await one.outbox.claim(LATER, 1000, LEASE);
      await one.close();
      return claimed.some(entry => entry.id === id);
    };
    assert.equal(await started('first'), true);
    assert.equal(await started('second'), false);
    assert.equal(await started('first'), true);
  });

  it('writes a delivery into the life of its ticket once, though it was cut off before it was over', async () => {
    await decided(store, [ticketOf('cut', 'lane cut')]);
    const number = numberOf('cut');
    const id = entryId('cut', 'ticket.created');
    const finish = { id, token: (await claimed(id))?.token ?? '', answer: { at: LATER, caseNumber: 'C-1' } };
    await assert.rejects(finishEntries(other.meddled(cut('outbox', 'updateMany')), [finish]), /cut/);
    await store.sweep(LATER);
    const ticket = await store.tickets.get(number);
    assert.deepEqual([ticket?.state, ticket?.events.map(({ kind }) => kind)], ['dispatched', ['ticket.dispatched']]);
  });

  it('claims nothing that another has tried meanwhile and that is to wait for its next try', async () => {
    await decided(store, [ticketOf('tried', 'lane of tried')]);
    const id = entryId('tried', 'ticket.created');
    const meanwhile: Meddling = {
      ...{ on: 'outbox', command: 'updateMany' },
      act: async () => {
        const tried = await claimed(id);
        const failure = { at: LATER, retryAt: LATER + 5000, cause: 'case.http_500', unknown: false };
        assert.equal(await store.outbox.fail(id, tried?.token ?? '', failure), 'failed');
      },
    };
    assert.deepEqual(await claimEntries(other.meddled(meanwhile), CLAIM), []);
    const again = await store.outbox.claim(LATER + 5000, 1000, LEASE);
    assert.deepEqual(
      again.map(one => one.id),
      [id],
    );
  });

  it('lets a notice in whose ticket was answered while it was put into its place', async () => {
    await decided(store, [ticketOf('answered', 'lane answered')]);
    await store.messages.accept([message('notice')]);
    const about = { ticket: numberOf('answered'), lane: 'lane answered' };
    const row = decision(
      'notice',
      { kind: 'repeat', of: about.ticket },
      {
        outbox: [entry('notice', 'ticket.followed-up', about)],
      },
    );
    const created = await claimed(entryId('answered', 'ticket.created'));
    const answer = { at: LATER, caseNumber: null };
    const meanwhile: Meddling = {
      ...{ on: 'outbox', command: 'insertMany' },
      act: async () =>
        assert.equal(await store.outbox.finish(created?.id ?? '', created?.token ?? '', answer), 'finished'),
    };
    assert.deepEqual(await commit(row, meanwhile), ['committed']);
    assert.equal((await store.outbox.get(entryId('notice', 'ticket.followed-up')))?.state, 'due');
  });
});
