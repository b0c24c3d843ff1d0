// Several processes on one MongoDB, step by step: what one does between two steps of another loses and doubles nothing.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreUnavailable } from '../../store/errors.ts';
import { acceptCalls } from '../../store/mongo/accept.ts';
import { candidateStore } from '../../store/mongo/candidates.ts';
import { BSON } from '../../store/mongo/connection.ts';
import type { Context } from '../../store/mongo/context.ts';
import type { MessageDoc } from '../../store/mongo/documents.ts';
import { type MongoStore, openMongoStore } from '../../store/mongo/engine.ts';
import { renewLeases, takeLease } from '../../store/mongo/leases.ts';
import { shredMessages } from '../../store/mongo/retention.ts';
import { takeSnapshot } from '../../store/mongo/snapshot.ts';
import { sweep } from '../../store/mongo/sweep.ts';
import { addEvent } from '../../store/mongo/ticket-part.ts';
import { INLINE_VAULT } from '../../store/mongo/vault.ts';
import type { CommitRow } from '../../store/store.ts';
import {
  decided,
  decision,
  entry,
  entryId,
  hex,
  message,
  NOW,
  numberOf,
  numbers,
  SYSTEM,
  textOf,
  ticketOf,
} from '../contracts/store-rows.ts';
import { type MongoDatabase, withMongo } from '../servers/mongo-suite.ts';
import { commitBy, cut, type Meddling, type Process, processOn } from './mongo-meddling.ts';

const LEASE = 60_000;
const LATER = NOW + 60_000;

withMongo('several processes on one MongoDB, step by step', server => {
  let database: MongoDatabase;
  let store: MongoStore;
  let other: Process;

  before(async () => {
    database = server.database(randomBytes(6).toString('hex'));
    store = await openMongoStore({
      ...{ url: database.url, onCommand: database.onCommand, auditKey: Buffer.alloc(32, 7), profile: 'intl' },
      folder: tmpdir(),
    });
    other = await processOn(database.url);
  });
  after(async () => {
    await other.close();
    await store.close();
    await database.drop();
  });

  /** The other process commits, meddled with. */
  const commit = (row: CommitRow, ...meddlings: readonly Meddling[]) => commitBy(other, row, ...meddlings);
  const stateOf = async (id: string) => (await store.outbox.get(id))?.state;

  describe('a decision whose entries are not in their places yet', () => {
    it('is put right before the next decision on it, which then looks at them anew', async () => {
      await store.messages.accept([message('link'), message('target')]);
      await assert.rejects(commit(ticketOf('link', 'lane link'), cut('outbox', 'insertMany')), /cut/);
      const row = (voids: readonly string[]) =>
        decision('link', { kind: 'repeat', of: numberOf('target') }, { revision: 1, voids });
      assert.deepEqual(await store.outbox.list({ ticket: numberOf('link'), limit: 9 }), []);
      assert.deepEqual(await store.decisions.commit([row([])], null), ['conflict']);
      assert.equal(await stateOf(entryId('link', 'ticket.created')), 'due');
      const created = entryId('link', 'ticket.created');
      assert.deepEqual(await store.decisions.commit([row([created])], null), ['committed']);
      await store.sweep(LATER);
      assert.equal(await stateOf(created), 'void');
    });

    it('is put right, too, where it came while those of an earlier one were put into theirs', async () => {
      await store.messages.accept([message('both')]);
      const number = numberOf('both');
      const told = entry('both', 'ticket.corrected', { lane: 'lane both', revision: 1 });
      const isEnd = ([writes]: readonly unknown[]) => JSON.stringify(writes).includes('"todo":[]');
      const meanwhile: Meddling = {
        ...{ on: 'messages', command: 'bulkWrite', fits: isEnd },
        // By a process that dies right after it.
        act: () => addEvent(other.context, { number, at: NOW, by: 'clerk', kind: 'corrected' }, [told], null),
      };
      assert.deepEqual(await commit(ticketOf('both', 'lane both'), meanwhile), ['committed']);
      await store.sweep(LATER);
      assert.equal(await stateOf(entryId('both', 'ticket.corrected', 1)), 'parked');
    });

    it('keeps its place before a later one of its lane', async () => {
      await store.messages.accept([message('first'), message('second')]);
      await assert.rejects(commit(ticketOf('first', 'one lane'), cut('outbox', 'insertMany')), /cut/);
      await store.decisions.commit([ticketOf('second', 'one lane')], null);
      const heads = async () =>
        (await store.outbox.claim(LATER, 1000, LEASE)).filter(({ lane }) => lane === 'one lane');
      assert.deepEqual(await heads(), []);
      await store.sweep(LATER);
      assert.deepEqual(
        (await heads()).map(({ id }) => id),
        [entryId('first', 'ticket.created')],
      );
    });
  });

  it('tells nobody that a message is kept which the server has refused, and the others that they are', async () => {
    const { models } = other.context;
    const real = models.messages.db.collection<MessageDoc>('messages');
    /** The driver's error for a batch of which the server took all but the second. */
    const insertMany = async (docs: MessageDoc[], options: object) => {
      await real.insertMany(
        docs.filter((_, place) => place !== 1),
        options,
      );
      throw Object.assign(new Error('refused'), { writeErrors: [{ index: 1, code: 121 }] });
    };
    const messages = Object.create(models.messages, { db: { value: { collection: () => ({ insertMany }) } } });
    const context = { ...other.context, models: { ...models, messages } };
    const calls = ['kept 1', 'refused', 'kept 2'].map(name => ({ rows: [message(name)], cursor: undefined }));
    const [before, refused, after] = await acceptCalls(context, INLINE_VAULT, calls);
    assert.ok(refused instanceof StoreUnavailable);
    for (const [answer, name] of [
      [before, 'kept 1'],
      [after, 'kept 2'],
    ] as const) {
      assert.deepEqual(answer, [{ kind: 'fresh', number: numberOf(name) }]);
      assert.equal((await store.messages.get(numberOf(name)))?.state, 'unread');
    }
    assert.equal(await store.messages.get(numberOf('refused')), null);
  });

  describe('what was set aside for a decision that comes late', () => {
    const talk = (name: string) =>
      ticketOf(name, `lane ${name}`, { parts: [numberOf(`${name} p`)], conversation: hex(`talk ${name}`, 16) });
    const isUnread = async (name: string) => (await store.messages.get(numberOf(name)))?.state === 'unread';

    it('is not given free by a sweep that met it undecided, parts', async () => {
      await store.messages.accept([message('talk'), message('talk p')]);
      await assert.rejects(commit(talk('talk'), cut('messages', 'bulkWrite')), /cut/);
      const decides: Meddling = {
        ...{ on: 'messages', command: 'updateOne' },
        act: async () => assert.deepEqual(await store.decisions.commit([talk('talk')], null), ['committed']),
      };
      await sweep(other.meddled(decides), LATER, 0);
      assert.equal(await isUnread('talk p'), false);
      assert.deepEqual(numbers(await store.messages.joined(numberOf('talk'))), [numberOf('talk p')]);
    });

    it('reads as unread, whoever looks, for as long as the decision is not made', async () => {
      await store.messages.accept([message('half'), message('half p')]);
      const looked: (string | null | undefined)[] = [];
      const looks: Meddling = {
        ...{ on: 'messages', command: 'bulkWrite' },
        act: async () => {
          const part = await store.messages.get(numberOf('half p'));
          looked.push(part?.state, part?.outcome?.kind ?? null);
        },
      };
      assert.deepEqual(await commit(talk('half'), looks), ['committed']);
      assert.deepEqual(looked, ['unread', null]);
      const part = await store.messages.get(numberOf('half p'));
      assert.deepEqual([part?.state, part?.outcome], ['decided', { kind: 'part', of: numberOf('half') }]);
    });

    it('is read again where the decision never comes, and not decided without it where it comes in between', async () => {
      await store.messages.accept([message('gone'), message('gone p')]);
      await assert.rejects(commit(talk('gone'), cut('messages', 'bulkWrite')), /cut/);
      // The sweep runs whole between the moment in which the part is gathered again and the write of the decision.
      const sweeps: Meddling = { on: 'messages', command: 'bulkWrite', act: () => store.sweep(LATER) };
      assert.deepEqual(await commit(talk('gone'), sweeps), ['committed']);
      await store.sweep(LATER);
      assert.equal(await isUnread('gone p'), false);
    });

    it('is not given back by a sweep that met it undecided, entries', async () => {
      await decided(store, [ticketOf('void', 'lane void'), ticketOf('void to', 'lane void to')]);
      const created = entryId('void', 'ticket.created');
      const row = decision('void', { kind: 'repeat', of: numberOf('void to') }, { revision: 1, voids: [created] });
      await assert.rejects(commit(row, cut('messages', 'bulkWrite')), /cut/);
      assert.equal(await stateOf(created), 'void');
      const decides: Meddling = {
        ...{ on: 'outbox', command: 'updateOne' },
        act: async () => assert.deepEqual(await store.decisions.commit([row], null), ['committed']),
      };
      await sweep(other.meddled(decides), LATER, 0);
      assert.equal(await stateOf(created), 'void');
    });

    it('is as it was where the decision never comes, its cause too', async () => {
      await decided(store, [ticketOf('dead', 'lane dead')]);
      const id = entryId('dead', 'ticket.created');
      const [claimed] = (await store.outbox.claim(LATER, 1000, LEASE)).filter(one => one.id === id);
      const failure = { at: LATER, retryAt: null, cause: 'case-system.refused', unknown: false };
      await store.outbox.fail(id, claimed?.token ?? '', failure);
      const row = decision('dead', { kind: 'repeat', of: numberOf('link') }, { revision: 1, voids: [id] });
      await assert.rejects(commit(row, cut('messages', 'bulkWrite')), /cut/);
      await store.sweep(LATER);
      const back = await store.outbox.get(id);
      assert.deepEqual([back?.state, back?.cause], ['dead', 'case-system.refused']);
    });
  });

  describe('shredding', () => {
    const shred = (name: string, ...meddlings: readonly Meddling[]) =>
      shredMessages(
        other.meddled(...meddlings),
        INLINE_VAULT,
        [{ number: numberOf(name), extent: 'all' }],
        { by: 'system', action: 'purge.originals', on: [] },
        NOW,
      );
    const quarantined = (name: string) => decision(name, { kind: 'quarantined', reason: 'parser.died' });
    /** After it was looked at, before it is done. */
    const meanwhile = (act: Meddling['act']): Meddling => ({ on: 'messages', command: 'updateOne', act });

    it('spares what is put on hold meanwhile, and the record says so', async () => {
      await decided(store, [quarantined('hold')]);
      const hold = meanwhile(() => store.admin.hold(numberOf('hold'), 'lawsuit', SYSTEM, NOW));
      assert.deepEqual(await shred('hold', hold), ['held']);
      const row = await store.messages.get(numberOf('hold'));
      assert.ok((row?.wrappedContent.length ?? 0) > 0 && row?.sealed !== null);
      const records = await store.admin.auditList(0, 1000);
      const own = records.filter(record => record.on.includes(numberOf('hold'))).map(({ action }) => action);
      assert.deepEqual(own, ['purge.originals', 'purge.originals.spared']);
    });

    it('loses nothing that is made unread again meanwhile', async () => {
      await decided(store, [quarantined('again')]);
      const again = meanwhile(() => store.messages.reread(numberOf('again'), SYSTEM));
      assert.deepEqual(await shred('again', again), ['conflict']);
      const row = await store.messages.get(numberOf('again'));
      assert.equal(row?.state, 'unread');
      assert.ok((row?.wrappedContent.length ?? 0) > 0 && row?.sealed !== null);
    });
  });

  describe('a copy for a backup', () => {
    /** What a file of the copy holds. */
    function documents(folder: string, name: string): Record<string, unknown>[] {
      const bytes = readFileSync(join(folder, `${name}.bson`));
      const found: Record<string, unknown>[] = [];
      for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at)) {
        found.push(BSON.deserialize(bytes.subarray(at, at + bytes.readInt32LE(at))));
      }
      return found;
    }

    async function copied(...meddlings: readonly Meddling[]) {
      const folder = mkdtempSync(join(tmpdir(), 'huisu-copy-'));
      const { models } = other.meddled(...meddlings);
      const watch = { progress: () => undefined, signal: new AbortController().signal };
      try {
        await takeSnapshot({ models, vault: INLINE_VAULT, blobs: other.blobs }, join(folder, 'copy'), watch);
        const read = (name: string) => documents(join(folder, 'copy'), name);
        const message = (name: string) => read('messages').find(doc => doc['number'] === numberOf(name));
        const entries = (name: string) => read('outbox').filter(doc => doc['message'] === numberOf(name));
        return { read, message, entries };
      } finally {
        process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
      }
    }

    const between = (on: Meddling['on'], act: Meddling['act']): Meddling => ({ on, command: 'find', act });

    it('holds the entries of a decision that falls into it, or the message as it was before', async () => {
      for (const on of ['outbox', 'messages'] as const) {
        await store.messages.accept([message(`copy ${on}`)]);
        const decides = () => store.decisions.commit([ticketOf(`copy ${on}`, 'lane copy')], null);
        const copy = await copied(between(on, decides));
        const decidedThere = copy.message(`copy ${on}`)?.['state'] === 'decided';
        assert.equal(copy.entries(`copy ${on}`).length, decidedThere ? 1 : 0);
      }
    });

    it('holds no entry that is due although its decision has made it void', async () => {
      await decided(store, [ticketOf('copy void', 'lane copy void')]);
      const created = entryId('copy void', 'ticket.created');
      const row = decision('copy void', { kind: 'repeat', of: numberOf('link') }, { revision: 1, voids: [created] });
      const copy = await copied(between('messages', () => store.decisions.commit([row], null)));
      const isVoid = copy.entries('copy void').map(doc => doc['state'] === 'void');
      assert.deepEqual(isVoid, [copy.message('copy void')?.['next'] === 2]);
    });

    it('holds no cursor that is ahead of its messages', async () => {
      const accepts = () => store.messages.accept([message('copy late')], { channel: 'copy', value: 'late' });
      const copy = await copied(between('audit', accepts));
      const cursor = copy.read('cursors').find(doc => doc['_id'] === 'copy');
      assert.equal(cursor !== undefined, copy.message('copy late') !== undefined);
    });
  });

  it('lets another decider read a segment that was replaced while it knew of it', async () => {
    const { candidates } = store;
    const block = (text: string) => [{ bucket: 3, bytes: Buffer.from(text) }];
    await candidates.writeBlocks('known', block('known'));
    await candidates.publish({ id: 'known', tier: 0, first: 1, last: 9 }, [], Buffer.from('s'));
    await candidates.writeBlocks('merged', block('merged'));
    await candidates.publish({ id: 'merged', tier: 1, first: 1, last: 9 }, ['known'], Buffer.from('s'));
    const theirs = candidateStore(other.context);
    assert.deepEqual(
      (await theirs.segments()).map(({ id }) => id),
      ['merged'],
    );
    const found = await theirs.blocks(['known', 'merged'].map(segment => ({ segment, bucket: 3 })));
    assert.deepEqual(found.map(textOf), ['known', 'merged']);
  });

  it('marks the messages of a lease that was taken and not heard of, when it is asked for again', async () => {
    const row = message('fenced', { shard: 63 });
    await store.messages.accept([row]);
    const lease = (context: Context) => takeLease(context, 'shard 63', 'one', NOW, LEASE);
    await assert.rejects(lease(other.meddled(cut('messages', 'updateMany'))), /cut/);
    // Until they are marked, whoever had the shard before can still decide them.
    assert.deepEqual(await renewLeases(other.context, 'shard 63', 'one', { now: NOW, ttlMs: LEASE }), []);
    assert.equal(await lease(other.context), 'shard 63#1');
    const doc = await other.context.models.messages.findById(row.key).lean();
    assert.equal(doc?.fence, 1);
    assert.deepEqual(await renewLeases(other.context, 'shard 63', 'one', { now: NOW, ttlMs: LEASE }), ['shard 63#1']);
  });

  it('keeps the record of an event whose id is the number of a revision', async () => {
    const note = (action: string) => ({ by: 'case-system', action, on: [numberOf('event')] });
    await decided(store, [ticketOf('event', 'lane event', { audit: note('message.decide') })]);
    const event = { number: numberOf('event'), at: NOW, by: 'case-system', kind: 'accepted', eventId: '0' };
    await store.tickets.add(event, [], note('ticket.accepted'));
    const records = (await store.admin.auditList(0, 1000)).filter(({ on }) => on.includes(numberOf('event')));
    assert.deepEqual(
      records.map(({ action }) => action),
      ['message.decide', 'ticket.accepted'],
    );
  });
});
