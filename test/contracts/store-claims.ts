// Contract: who has an entry of the outbox under way: under which token, and until when.
import assert from 'node:assert/strict';
import type { ClaimedEntry, Store } from '../../store/store.ts';
import { decided, entry, entryId, NOW, numberOf, type OpenStore, ticketOf, withStore } from './store-rows.ts';

export const LEASE = 60_000;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const PHOTO = {
  ...{ index: 0, state: 'wanted' as const, attempts: 1 },
  ...{ blob: null, size: null, mediaType: null, cause: 'attachment.timeout' },
};

export async function claimOne(store: Store, now = NOW): Promise<ClaimedEntry> {
  const [claimed] = await store.outbox.claim(now, 1, LEASE);
  assert.ok(claimed !== undefined, 'nothing to claim');
  return claimed;
}

export async function finish(store: Store, claimed: ClaimedEntry, caseNumber: string | null = null): Promise<void> {
  assert.equal(await store.outbox.finish(claimed.id, claimed.token, { at: NOW, caseNumber }), 'finished');
}

export async function ids(store: Store, now = NOW): Promise<string[]> {
  return (await store.outbox.claim(now, 100, LEASE)).map(claimed => claimed.id);
}

export const failure = { at: NOW, retryAt: NOW + 5000, cause: 'case.http_500', unknown: false };

export function claimContract(open: OpenStore): void {
  describe('claims', () => {
    it(
      'claims an entry once, and its end sets the ticket going',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        const claimed = await claimOne(store);
        assert.deepEqual(
          [
            claimed.id,
            claimed.message,
            claimed.ticket,
            claimed.kind,
            claimed.revision,
            claimed.lane,
            claimed.state,
            claimed.attempts,
          ],
          [entryId('a', 'ticket.created'), numberOf('a'), numberOf('a'), 'ticket.created', 0, 'l', 'in-flight', 0],
        );
        assert.deepEqual(await ids(store), []);
        await finish(store, claimed, 'C-1');
        const ticket = await store.tickets.get(numberOf('a'));
        assert.deepEqual([ticket?.state, ticket?.caseNumber, ticket?.events.length], ['dispatched', 'C-1', 1]);
        const row = await store.outbox.get(claimed.id);
        assert.deepEqual([row?.state, row?.attempts, row?.caseNumber, row?.finishedAt], ['done', 1, 'C-1', NOW]);
        assert.equal(await store.outbox.get('nonsense'), null);
        assert.equal(await store.outbox.get(entryId('a', 'ticket.corrected')), null);
      }),
    );

    it(
      "hands out what became due first, however it lies, and takes no end under another entry's token",
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l'), ticketOf('b', 'm'), ticketOf('c', 'n')]);
        const first = await claimOne(store);
        await store.outbox.fail(first.id, first.token, failure);
        const claimed = await store.outbox.claim(NOW + 5000, 100, LEASE);
        assert.deepEqual(
          claimed.map(({ message, dueAt, attempts, cause }) => [message, dueAt, attempts, cause]),
          [
            [numberOf('b'), NOW, 0, null],
            [numberOf('c'), NOW, 0, null],
            [numberOf('a'), NOW + 5000, 1, failure.cause],
          ],
        );
        await decided(store, [ticketOf('d', 'o'), ticketOf('e', 'p')]);
        const [b, c] = [await claimOne(store), await claimOne(store)];
        assert.equal(await store.outbox.finish(b.id, c.token, { at: NOW, caseNumber: 'C-2' }), 'lost-lease');
        assert.equal(await store.outbox.fail(b.id, c.token, failure), 'lost-lease');
        const states = async () => [
          (await store.tickets.get(b.ticket))?.state,
          (await store.tickets.get(c.ticket))?.state,
        ];
        assert.deepEqual(await states(), ['queued', 'queued']);
        await finish(store, c, 'C-3');
        assert.deepEqual(await states(), ['queued', 'dispatched']);
      }),
    );

    it(
      'takes back nothing under a token that is no longer in force',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        const first = await claimOne(store);
        assert.equal(await store.outbox.reclaim(NOW + LEASE - 1), 0);
        assert.equal(await store.outbox.reclaim(NOW + LEASE), 1);
        const second = await claimOne(store, NOW + LEASE);
        assert.deepEqual([second.id, second.unknown, second.attempts], [first.id, true, 1]);
        const answer = { at: NOW, caseNumber: null };
        assert.equal(await store.outbox.finish(first.id, first.token, answer), 'lost-lease');
        assert.equal(await store.outbox.fail(first.id, first.token, failure), 'lost-lease');
        assert.equal(await store.outbox.finish('other', second.token, answer), 'lost-lease');
        assert.equal(await store.outbox.finish(second.id, 'x', answer), 'lost-lease');
        await finish(store, second);
        assert.equal(await store.outbox.finish(second.id, second.token, answer), 'lost-lease');
        assert.equal(await store.outbox.fail(second.id, second.token, failure), 'lost-lease');
        assert.equal((await store.outbox.get(second.id))?.state, 'done');
      }),
    );

    it(
      'is not held up, after however many starts, by a clock that was a day ahead before them',
      withStore(open, async (early, { reopen }) => {
        const ahead = Date.now() + DAY;
        const made = (name: string, lane: string, waitMs = 0) =>
          ticketOf(name, lane, {
            decidedAt: ahead,
            outbox: [entry(name, 'ticket.created', { lane, notBefore: waitMs === 0 ? 0 : ahead + waitMs })],
          });
        await early.admin.lease('channel:mailbox', 'the process before', ahead, 10_000);
        await decided(early, [made('failed', 'l1'), made('claimed', 'l2'), made('waits', 'l3', 30 * MINUTE)]);
        const [first] = await early.outbox.claim(ahead, 1, 1000);
        const retry = { ...failure, at: ahead, retryAt: ahead + 10 * MINUTE };
        assert.equal(await early.outbox.fail(first?.id ?? '', first?.token ?? '', retry), 'failed');
        assert.equal((await early.outbox.claim(ahead, 1, 1000)).length, 1);
        const photo = { ...PHOTO, message: numberOf('failed'), dueAt: ahead };
        await early.admin.settleAttachment(photo, ahead);
        await reopen();
        const late = await reopen();
        const claimed = async (afterMs: number) =>
          (await late.outbox.claim(Date.now() + afterMs, 9, LEASE)).map(({ message }) => message);
        const lease = await late.admin.lease('channel:mailbox', 'the process now', Date.now() + 11_000, 10_000);
        assert.notEqual(lease, null);
        assert.equal((await late.admin.attachmentsDue(Date.now() + 16 * MINUTE, 9)).length, 1);
        // A wait that is as it should be stays.
        assert.deepEqual(await claimed(5000), [numberOf('claimed')]);
        assert.deepEqual(await claimed(16 * MINUTE), [numberOf('failed')]);
        assert.deepEqual(await claimed(31 * MINUTE), [numberOf('waits')]);
      }),
    );

    it(
      'lets one of many begin with an entry that was queued, under a token and a lease of its own',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        const id = entryId('a', 'ticket.created');
        assert.equal(await store.outbox.begin(id, NOW, LEASE), null, 'nobody has claimed it');
        const [queued] = await store.outbox.claim(NOW, 1, LEASE, true);
        assert.equal(queued?.id, id);
        const begun = await Promise.all([1, 2, 3].map(() => store.outbox.begin(id, NOW + 1, 2 * LEASE)));
        const [first, ...more] = begun.filter(one => one !== null);
        assert.ok(first !== undefined);
        assert.deepEqual(more, []);
        assert.deepEqual([first.id, first.attempts, first.unknown, first.state], [id, 0, false, 'in-flight']);
        const answer = { at: NOW, caseNumber: null };
        assert.equal(
          await store.outbox.finish(id, queued?.token ?? '', answer),
          'lost-lease',
          'its token is not in force',
        );
        assert.equal(await store.outbox.reclaim(NOW + 2 * LEASE), 0, 'the lease counts from when it was begun');
        await finish(store, first);
        assert.equal(await store.outbox.begin(id, NOW + 2, LEASE), null);
        assert.equal(await store.outbox.begin('nonsense', NOW, LEASE), null);
      }),
    );

    it(
      'gives back what a queue lost as it was, and what was begun with as unknown',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l1'), ticketOf('b', 'l2')]);
        const claimed = await store.outbox.claim(NOW, 2, LEASE, true);
        assert.equal(claimed.length, 2);
        const begun = await store.outbox.begin(entryId('a', 'ticket.created'), NOW, LEASE);
        assert.equal(await store.outbox.begin(entryId('b', 'ticket.created'), NOW + LEASE, LEASE), null, 'too late');
        assert.equal(await store.outbox.reclaim(NOW + LEASE), 2);
        const back = await store.outbox.claim(NOW + LEASE, 2, LEASE, true);
        assert.deepEqual(
          new Map(back.map(({ id, unknown, attempts }) => [id, [unknown, attempts]])),
          new Map([
            [entryId('a', 'ticket.created'), [true, 1]],
            [entryId('b', 'ticket.created'), [false, 0]],
          ]),
        );
        const answer = { at: NOW, caseNumber: null };
        assert.equal(await store.outbox.finish(begun?.id ?? '', begun?.token ?? '', answer), 'lost-lease');
      }),
    );

    it(
      'takes no end under a token of an earlier time in the queue, nor of one who began with it then',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l1')]);
        const id = entryId('a', 'ticket.created');
        const queued = async (now: number) => (await store.outbox.claim(now, 1, 1000, true))[0]?.token ?? '';
        const first = await queued(NOW);
        assert.equal(await store.outbox.reclaim(NOW + 1000), 1);
        const second = await queued(NOW + 1000);
        assert.equal(await store.outbox.fail(id, first, failure), 'lost-lease');
        const begun = await store.outbox.begin(id, NOW + 1000, 1000);
        assert.equal(await store.outbox.fail(id, second, failure), 'lost-lease');
        assert.equal(await store.outbox.reclaim(NOW + 2000), 1);
        await queued(NOW + 2000);
        assert.equal(await store.outbox.reclaim(NOW + 3000), 1);
        await queued(NOW + 3000);
        const again = await store.outbox.begin(id, NOW + 3000, 1000);
        assert.deepEqual([again?.unknown, again?.attempts], [true, 1], 'it was begun with once');
        const answer = { at: NOW, caseNumber: null };
        assert.equal(await store.outbox.finish(id, begun?.token ?? '', answer), 'lost-lease');
        assert.equal(await store.outbox.finish(id, again?.token ?? '', answer), 'finished');
      }),
    );

    it(
      'puts an entry back without counting an attempt when asked to',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        const claimed = await claimOne(store);
        await store.outbox.fail(claimed.id, claimed.token, { ...failure, unknown: true, counted: false });
        const row = await store.outbox.get(claimed.id);
        assert.deepEqual([row?.attempts, row?.unknown], [0, true]);
      }),
    );

    it(
      'makes what a dead process had under way due again, marked unknown',
      withStore(open, async (store, opened) => {
        await decided(store, [ticketOf('a', 'l'), ticketOf('b', 'l')]);
        const claimed = await claimOne(store);
        const later = await opened.reopen();
        const again = await claimOne(later);
        assert.deepEqual([again.id, again.unknown], [claimed.id, true]);
        assert.equal(await later.outbox.finish(claimed.id, claimed.token, { at: NOW, caseNumber: null }), 'lost-lease');
        assert.deepEqual(await later.outbox.counts(), {
          due: 1,
          parked: 0,
          inFlight: 1,
          dead: 0,
          done: 0,
          void: 0,
          oldest: NOW,
        });
      }),
    );
  });
}
