// Every writing operation of the Store port as a case for faults: what stands before, the act as its caller repeats it, and what
// must stand afterwards whatever happened on the way.
import assert from 'node:assert/strict';
import type { ClaimedEntry, Store } from '../../store/store.ts';
import {
  decided,
  decision,
  entry,
  entryId,
  hex,
  message,
  NOW,
  numberOf,
  SYSTEM,
  textOf,
  ticketOf,
} from '../contracts/store-rows.ts';

export interface FaultCase {
  readonly name: string;
  /** Before the fault. `n` begins all names of this run. */
  before(store: Store, n: string): Promise<void>;
  /** What a caller does, and does again when it is refused; `retry` counts how often it was. */
  act(store: Store, n: string, retry: number): Promise<unknown>;
  after(store: Store, n: string): Promise<void>;
}

const LEASE = 60_000;
const nothing = async () => undefined;
const lane = (n: string) => `lane ${n}`;
const audits = async (store: Store, action: string, on: string) =>
  (await store.admin.auditList(0, 100_000)).filter(record => record.action === action && record.on.includes(on)).length;

async function claimed(store: Store, name: string): Promise<ClaimedEntry> {
  const all = await store.outbox.claim(NOW, 1000, LEASE);
  const found = all.find(one => one.id === entryId(name, 'ticket.created'));
  assert.ok(found !== undefined, 'not claimed');
  return found;
}

const tokens = new Map<string, string>();

async function ticketWithClaim(store: Store, n: string): Promise<void> {
  await decided(store, [ticketOf(n, lane(n))]);
  tokens.set(n, (await claimed(store, n)).token);
}

const noted = (n: string, action: string) => ({ by: 'system', action, on: [numberOf(n)] });

export const CASES: readonly FaultCase[] = [
  {
    name: 'accept, with a cursor',
    before: nothing,
    act: (store, n) => store.messages.accept([message(n), message(`${n} b`)], { channel: n, value: '7' }),
    after: async (store, n) => {
      assert.equal(textOf((await store.messages.get(numberOf(n)))?.sealed ?? null), `sealed ${n}`);
      const unread = (await store.messages.unread('all', 0, 100_000)).map(row => row.number);
      for (const name of [n, `${n} b`]) assert.equal(unread.filter(one => one === numberOf(name)).length, 1);
      assert.equal(await store.admin.cursor(n), '7');
      assert.deepEqual(await store.messages.accept([message(n)]), [{ kind: 'redelivery', number: numberOf(n) }]);
    },
  },
  {
    name: 'accept, an id used before with another body',
    before: async (store, n) => void (await store.messages.accept([message(n, { weakKey: hex(`weak ${n}`, 16) })])),
    act: (store, n) =>
      store.messages.accept([message(`${n} b`, { key: message(n).key, weakKey: hex(`weak ${n} b`, 16) })]),
    after: async (store, n) => assert.notEqual(await store.messages.get(numberOf(`${n} b`)), null),
  },
  {
    name: 'attempted',
    before: async (store, n) => void (await store.messages.accept([message(n)])),
    act: (store, n) => store.messages.attempted([numberOf(n)]),
    after: async (store, n) => assert.ok(((await store.messages.get(numberOf(n)))?.attempts ?? 0) >= 1),
  },
  {
    name: 'commit, a ticket with its entry and its record',
    before: async (store, n) => void (await store.messages.accept([message(n)])),
    act: async (store, n) =>
      assert.deepEqual(await store.decisions.commit([ticketOf(n, lane(n), { audit: noted(n, 'decide') })], null), [
        'committed',
      ]),
    after: async (store, n) => {
      assert.equal((await store.tickets.get(numberOf(n)))?.state, 'queued');
      assert.equal((await store.outbox.list({ ticket: numberOf(n), limit: 9 })).length, 1);
      assert.equal((await store.outbox.get(entryId(n, 'ticket.created')))?.state, 'due');
      assert.equal(await audits(store, 'decide', numberOf(n)), 1);
    },
  },
  {
    name: 'commit, a conversation with its parts',
    before: async (store, n) => void (await store.messages.accept(['', ' p1', ' p2'].map(part => message(n + part)))),
    act: async (store, n) => {
      const parts = [' p1', ' p2'].map(part => numberOf(n + part));
      const row = ticketOf(n, lane(n), { parts, conversation: hex(`talk ${n}`, 16) });
      assert.deepEqual(await store.decisions.commit([row], null), ['committed']);
    },
    after: async (store, n) => {
      assert.deepEqual(
        (await store.messages.joined(numberOf(n))).map(row => row.number),
        [' p1', ' p2'].map(part => numberOf(n + part)),
      );
      assert.equal((await store.outbox.list({ ticket: numberOf(n), limit: 9 })).length, 1);
    },
  },
  {
    name: 'commit, a link that makes an entry void, tells another ticket and is remembered',
    before: async (store, n) => decided(store, [ticketOf(n, lane(n)), ticketOf(`${n} to`, `${lane(n)} to`)]),
    act: async (store, n) => {
      const to = numberOf(`${n} to`);
      const row = decision(
        n,
        { kind: 'repeat', of: to },
        {
          ...{ revision: 1, voids: [entryId(n, 'ticket.created')], notSame: [to] },
          events: [{ number: to, at: NOW, by: 'clerk', kind: 'joined-by' }],
          outbox: [entry(n, 'ticket.followed-up', { revision: 1, ticket: to, lane: lane(n) })],
        },
      );
      assert.deepEqual(await store.decisions.commit([row], null), ['committed']);
    },
    after: async (store, n) => {
      assert.equal((await store.outbox.get(entryId(n, 'ticket.created')))?.state, 'void');
      assert.equal((await store.outbox.get(entryId(n, 'ticket.followed-up', 1)))?.state, 'parked');
      const to = await store.tickets.get(numberOf(`${n} to`));
      assert.deepEqual(
        to?.events.map(event => event.kind),
        ['joined-by'],
      );
      assert.equal((await store.tickets.followUps([numberOf(`${n} to`)])).get(numberOf(`${n} to`)), 1);
    },
  },
  {
    name: 'claim',
    before: async (store, n) => decided(store, [ticketOf(n, lane(n))]),
    act: async (store, n, retry) => {
      const now = NOW + retry * LEASE;
      if (retry > 0) await store.outbox.reclaim(now);
      const all = await store.outbox.claim(now, 1000, LEASE);
      assert.equal(all.filter(one => one.id === entryId(n, 'ticket.created')).length, 1);
    },
    after: async (store, n) => assert.equal((await store.outbox.get(entryId(n, 'ticket.created')))?.state, 'in-flight'),
  },
  {
    name: 'begin',
    before: async (store, n) => {
      await decided(store, [ticketOf(n, lane(n))]);
      await store.outbox.claim(NOW, 1000, LEASE, true);
    },
    act: (store, n) => store.outbox.begin(entryId(n, 'ticket.created'), NOW, LEASE),
    // Whoever begins and never hears of it leaves it to the lease: it comes back as unknown.
    after: async (store, n) => {
      assert.equal(await store.outbox.begin(entryId(n, 'ticket.created'), NOW, LEASE), null);
      assert.equal((await store.outbox.get(entryId(n, 'ticket.created')))?.state, 'in-flight');
    },
  },
  {
    name: 'finish, with a notice that waits for it',
    before: async (store, n) => {
      await ticketWithClaim(store, n);
      const outbox = [entry(`${n} f`, 'ticket.followed-up', { ticket: numberOf(n), lane: `${lane(n)} f` })];
      await decided(store, [decision(`${n} f`, { kind: 'repeat', of: numberOf(n) }, { outbox })]);
    },
    act: (store, n) =>
      store.outbox.finish(entryId(n, 'ticket.created'), tokens.get(n) ?? '', { at: NOW, caseNumber: 'C' }),
    after: async (store, n) => {
      const ticket = await store.tickets.get(numberOf(n));
      assert.deepEqual([ticket?.state, ticket?.caseNumber, ticket?.events.length], ['dispatched', 'C', 1]);
      const row = await store.outbox.get(entryId(n, 'ticket.created'));
      assert.deepEqual([row?.state, row?.attempts], ['done', 1]);
      assert.equal((await store.outbox.get(entryId(`${n} f`, 'ticket.followed-up')))?.state, 'due');
    },
  },
  {
    name: 'fail',
    before: ticketWithClaim,
    act: (store, n) =>
      store.outbox.fail(entryId(n, 'ticket.created'), tokens.get(n) ?? '', {
        ...{ at: NOW, retryAt: null, cause: 'case.refused', unknown: false },
      }),
    after: async (store, n) => {
      const row = await store.outbox.get(entryId(n, 'ticket.created'));
      assert.deepEqual([row?.state, row?.attempts], ['dead', 1]);
    },
  },
  {
    name: 'reclaim',
    before: ticketWithClaim,
    act: store => store.outbox.reclaim(NOW + LEASE),
    after: async (store, n) => {
      const row = await store.outbox.get(entryId(n, 'ticket.created'));
      assert.deepEqual([row?.state, row?.attempts, row?.unknown], ['due', 1, true]);
    },
  },
  {
    name: 'replay',
    before: async (store, n) => {
      await ticketWithClaim(store, n);
      const failure = { at: NOW, retryAt: null, cause: 'case.refused', unknown: false };
      await store.outbox.fail(entryId(n, 'ticket.created'), tokens.get(n) ?? '', failure);
    },
    act: (store, n) => store.outbox.replay({ ticket: numberOf(n), limit: 9 }, NOW, noted(n, 'replay')),
    after: async (store, n) => {
      assert.equal((await store.outbox.get(entryId(n, 'ticket.created')))?.state, 'due');
      assert.ok((await audits(store, 'replay', numberOf(n))) >= 1);
    },
  },
  {
    name: 'add to a ticket, with an entry and a record',
    before: async (store, n) => decided(store, [ticketOf(n, lane(n), { outbox: [] })]),
    act: async (store, n) => {
      const event = {
        number: numberOf(n),
        at: NOW,
        by: 'case',
        kind: 'closed',
        state: 'closed' as const,
        eventId: 'e',
      };
      const answer = await store.tickets.add(event, [entry(n, 'ticket.created', { lane: lane(n) })], noted(n, 'add'));
      assert.ok(answer === 'added' || answer === 'duplicate');
    },
    after: async (store, n) => {
      const ticket = await store.tickets.get(numberOf(n));
      assert.deepEqual([ticket?.state, ticket?.events.length], ['closed', 1]);
      assert.equal((await store.outbox.list({ ticket: numberOf(n), limit: 9 })).length, 1);
      assert.equal(await audits(store, 'add', numberOf(n)), 1);
    },
  },
  {
    name: 'reread',
    before: async (store, n) => decided(store, [decision(n, { kind: 'quarantined', reason: 'x' })]),
    act: (store, n) => store.messages.reread(numberOf(n), noted(n, 'reread')),
    after: async (store, n) => {
      const row = await store.messages.get(numberOf(n));
      assert.deepEqual([row?.state, row?.revision], ['unread', 1]);
      assert.equal(await audits(store, 'reread', numberOf(n)), 1);
    },
  },
  {
    name: 'channels',
    before: nothing,
    act: (store, n) =>
      store.admin.putChannel(
        { id: n, kind: 'app', settings: Buffer.from('sealed'), enabled: true, createdAt: NOW },
        noted(n, 'channel'),
      ),
    after: async (store, n) => {
      assert.equal((await store.admin.channels()).filter(row => row.id === n).length, 1);
      assert.equal(await store.admin.removeChannel(n, SYSTEM), true);
    },
  },
  {
    name: 'lease',
    before: nothing,
    act: (store, n) => store.admin.lease(`poll ${n}`, 'one', NOW, LEASE),
    after: async (store, n) => {
      assert.equal(await store.admin.lease(`poll ${n}`, 'two', NOW, LEASE), null);
      assert.notEqual(await store.admin.lease(`poll ${n}`, 'one', NOW + 1, LEASE), null);
    },
  },
  {
    name: 'audit and named values',
    before: nothing,
    act: async (store, n) => {
      await store.admin.audit(noted(n, 'look'), NOW);
      await store.admin.setMeta(n, 'kept');
    },
    after: async (store, n) => {
      assert.ok((await audits(store, 'look', numberOf(n))) >= 1);
      assert.equal(await store.admin.meta(n), 'kept');
    },
  },
  {
    name: 'settle an attachment',
    before: async (store, n) => {
      const outbox = [entry(n, 'ticket.created', { lane: lane(n), notBefore: NOW + LEASE })];
      await decided(store, [ticketOf(n, lane(n), { outbox, wanted: [{ index: 0, dueAt: NOW }] })]);
    },
    act: async (store, n) => {
      const [row] = await store.admin.attachments(numberOf(n));
      assert.ok(row !== undefined);
      await store.admin.settleAttachment({ ...row, state: 'failed', cause: 'gone' }, NOW + 1);
    },
    after: async (store, n) => {
      assert.equal((await store.admin.attachments(numberOf(n)))[0]?.state, 'failed');
      assert.equal((await store.outbox.get(entryId(n, 'ticket.created')))?.dueAt, NOW + 1);
    },
  },
  {
    name: 'hold, lift, shred',
    before: async (store, n) => decided(store, [decision(n, { kind: 'not-an-appeal', reason: 'test' })]),
    act: async (store, n) => {
      assert.equal(await store.admin.hold(numberOf(n), 'why', noted(n, 'hold'), NOW), true);
      await store.admin.unhold(numberOf(n), noted(n, 'lift'), NOW);
      const item = { number: numberOf(n), extent: 'all' as const };
      assert.deepEqual(await store.admin.shred([item], noted(n, 'shred'), NOW), ['shredded']);
    },
    after: async (store, n) => {
      const row = await store.messages.get(numberOf(n));
      assert.deepEqual([row?.sealed, row?.wrappedContent.length], [null, 0]);
      assert.equal(await store.admin.onHold(numberOf(n)), false);
    },
  },
  {
    name: 'rewrap',
    before: async (store, n) => void (await store.messages.accept([message(n)])),
    act: async (store, n) => {
      const row = await store.messages.get(numberOf(n));
      const from = Buffer.from(`wrapped ${n}`);
      await store.admin.rewrap([{ ordinal: row?.ordinal ?? 0, which: 'content', from, to: Buffer.from('anew') }]);
    },
    after: async (store, n) =>
      assert.equal(textOf((await store.messages.get(numberOf(n)))?.wrappedContent ?? null), 'anew'),
  },
  {
    name: 'blobs',
    before: nothing,
    act: (store, n) => store.blobs.put(hex(`blob ${n}`, 32), Buffer.alloc(300_000, 7)),
    after: async (store, n) => {
      assert.equal((await store.blobs.get(hex(`blob ${n}`, 32)))?.length, 300_000);
      await store.blobs.remove(hex(`blob ${n}`, 32));
      assert.equal(await store.blobs.get(hex(`blob ${n}`, 32)), null);
    },
  },
  {
    name: 'a segment of the candidate index',
    before: nothing,
    act: async (store, n) => {
      const shown = (await store.candidates.segments()).some(segment => segment.id === n);
      if (!shown) await store.candidates.writeBlocks(n, [{ bucket: 3, bytes: Buffer.from(n) }]);
      if (!shown) await store.candidates.publish({ id: n, tier: 0, first: 1, last: 2 }, [], Buffer.from('s'));
      await store.candidates.replaceBlocks(n, [{ bucket: 4, bytes: Buffer.from('more') }]);
    },
    after: async (store, n) => {
      assert.equal((await store.candidates.segments()).filter(segment => segment.id === n).length, 1);
      const found = await store.candidates.blocks([3, 4].map(bucket => ({ segment: n, bucket })));
      assert.deepEqual(found.map(textOf), [n, 'more']);
      await store.candidates.publish({ id: `${n} gone`, tier: 1, first: 1, last: 2 }, [n], Buffer.from('s'));
    },
  },
];
