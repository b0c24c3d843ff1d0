// Contract: the outbox, entry by entry.
import assert from 'node:assert/strict';
import type { ClaimedEntry, Store } from '../../store/store.ts';
import {
  born,
  decided,
  decision,
  entry,
  entryId,
  NOW,
  numberOf,
  type OpenStore,
  SYSTEM,
  ticketOf,
  withStore,
} from './store-rows.ts';

const LEASE = 60_000;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const PHOTO = {
  ...{ index: 0, state: 'wanted' as const, attempts: 1 },
  ...{ blob: null, size: null, mediaType: null, cause: 'attachment.timeout' },
};

async function claimOne(store: Store, now = NOW): Promise<ClaimedEntry> {
  const [claimed] = await store.outbox.claim(now, 1, LEASE);
  assert.ok(claimed !== undefined, 'nothing to claim');
  return claimed;
}

async function finish(store: Store, claimed: ClaimedEntry, caseNumber: string | null = null): Promise<void> {
  assert.equal(await store.outbox.finish(claimed.id, claimed.token, { at: NOW, caseNumber }), 'finished');
}

async function ids(store: Store, now = NOW): Promise<string[]> {
  return (await store.outbox.claim(now, 100, LEASE)).map(claimed => claimed.id);
}

const failure = { at: NOW, retryAt: NOW + 5000, cause: 'case.http_500', unknown: false };

export function outboxContract(open: OpenStore): void {
  describe('outbox', () => {
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
      'does not undo progress that was reported before the answer was recorded',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        const claimed = await claimOne(store);
        const number = numberOf('a');
        await store.tickets.add({ number, at: NOW, by: 'case-system', kind: 'accepted', state: 'accepted' }, [], null);
        await finish(store, claimed, 'C-1');
        const ticket = await store.tickets.get(number);
        assert.deepEqual([ticket?.state, ticket?.caseNumber], ['accepted', 'C-1']);
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
      'waits for the retry time, holding its own lane and no other',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l1'), ticketOf('b', 'l1'), ticketOf('c', 'l2')]);
        const claimed = await claimOne(store);
        assert.equal(await store.outbox.fail(claimed.id, claimed.token, failure), 'failed');
        const row = await store.outbox.get(claimed.id);
        assert.deepEqual(
          [row?.state, row?.attempts, row?.dueAt, row?.cause, row?.unknown],
          ['due', 1, NOW + 5000, failure.cause, false],
        );
        assert.deepEqual(await ids(store), [entryId('c', 'ticket.created')]);
        assert.equal(await store.outbox.nextDue(), NOW + 5000);
        assert.deepEqual(await ids(store, NOW + 5000), [entryId('a', 'ticket.created')]);
        assert.equal(await store.outbox.nextDue(), null);
      }),
    );

    it(
      'finds a head that is tried again, though many behind it in many lanes have been due for longer',
      withStore(open, async store => {
        const lanes = ['l1', 'l2', 'l3'];
        const heads = lanes.map(lane => ticketOf(`head ${lane}`, lane));
        await decided(store, heads);
        for (const head of await store.outbox.claim(NOW, 3, LEASE))
          assert.equal(await store.outbox.fail(head.id, head.token, failure), 'failed');
        const behind = Array.from({ length: 80 }, (_, i) => ticketOf(`behind ${i}`, lanes[i % 3] ?? ''));
        await decided(store, behind);
        await decided(store, [ticketOf('other', 'l4', { decidedAt: NOW + 1 })]);
        assert.deepEqual(await ids(store, NOW + 4999), [entryId('other', 'ticket.created')]);
        assert.equal(await store.outbox.nextDue(), NOW + 5000);
        assert.deepEqual(
          new Set(await ids(store, NOW + 5000)),
          new Set(lanes.map(lane => entryId(`head ${lane}`, 'ticket.created'))),
        );
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
        const again = await store.outbox.begin(id, NOW + 2000, 1000);
        const answer = { at: NOW, caseNumber: null };
        assert.equal(await store.outbox.finish(id, begun?.token ?? '', answer), 'lost-lease');
        assert.equal(await store.outbox.finish(id, again?.token ?? '', answer), 'finished');
      }),
    );

    it(
      'knows when the next one may go: of heads and urgent ones whichever is first, and none that stands behind',
      withStore(open, async store => {
        const waits = (name: string, lane: string, ms: number, urgent = false) =>
          ticketOf(name, lane, {
            outbox: [entry(name, 'ticket.created', { lane, urgent, notBefore: NOW + ms })],
          });
        assert.equal(await store.outbox.nextDue(), null);
        await decided(store, [waits('head', 'l1', 9000), ticketOf('behind', 'l1')]);
        assert.equal(await store.outbox.nextDue(), NOW + 9000);
        await decided(store, [waits('urgent', 'l1', 5000, true)]);
        assert.equal(await store.outbox.nextDue(), NOW + 5000);
        await decided(store, [waits('other', 'l2', 3000)]);
        assert.equal(await store.outbox.nextDue(), NOW + 3000);
        assert.deepEqual(await ids(store, NOW + 3000), [entryId('other', 'ticket.created')]);
        assert.equal(await store.outbox.nextDue(), NOW + 5000);
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
      'lets an urgent entry overtake all others, its own lane too',
      withStore(open, async store => {
        const urgent = ticketOf('u', 'l1', { outbox: [entry('u', 'ticket.created', { lane: 'l1', urgent: true })] });
        await decided(store, [ticketOf('a', 'l1'), ticketOf('b', 'l2'), urgent, ticketOf('c', 'l1')]);
        const order = ['u', 'a', 'b'].map(name => entryId(name, 'ticket.created'));
        assert.deepEqual(await ids(store), order);
      }),
    );

    it(
      'holds an entry and its lane until it may go',
      withStore(open, async store => {
        const waits = (name: string) =>
          ticketOf(name, 'l', { outbox: [entry(name, 'ticket.created', { lane: 'l', notBefore: NOW + 600_000 })] });
        await decided(store, [waits('a'), ticketOf('b', 'l')]);
        assert.deepEqual(await ids(store), []);
        assert.equal(await store.outbox.nextDue(), NOW + 600_000);
        const claimed = await claimOne(store, NOW + 600_000);
        await finish(store, claimed);
        assert.deepEqual(await ids(store), [entryId('b', 'ticket.created')]);
      }),
    );

    it(
      'parks notices outside every lane until their ticket is with the case system, then lets them in in order',
      withStore(open, async store => {
        const notice = (name: string) =>
          decision(
            name,
            { kind: 'repeat', of: numberOf('a') },
            {
              outbox: [entry(name, 'ticket.followed-up', { ticket: numberOf('a'), lane: 'l2' })],
            },
          );
        await decided(store, [ticketOf('a', 'l1'), notice('n1'), notice('n2'), ticketOf('b', 'l2')]);
        assert.equal((await store.outbox.counts()).parked, 2);
        const first = await store.outbox.claim(NOW, 10, LEASE);
        assert.deepEqual(
          first.map(claimed => claimed.id),
          ['a', 'b'].map(name => entryId(name, 'ticket.created')),
        );
        for (const claimed of first) await finish(store, claimed);
        const next = await claimOne(store);
        assert.equal(next.id, entryId('n1', 'ticket.followed-up'));
        assert.deepEqual(await ids(store), []);
        await finish(store, next);
        assert.deepEqual(await ids(store), [entryId('n2', 'ticket.followed-up')]);
        await decided(store, [notice('n3')]);
        assert.equal((await store.outbox.get(entryId('n3', 'ticket.followed-up')))?.state, 'due');
      }),
    );

    for (const state of ['refused', 'joined'] as const) {
      it(
        `drops, recorded, the parked notices of a ticket that is ${state} and was never sent`,
        withStore(open, async store => {
          const held = ticketOf('a', 'l', { ticket: born('a', { state: 'held' }), outbox: [] });
          const notice = entry('n', 'ticket.followed-up', { ticket: numberOf('a') });
          await decided(store, [held, decision('n', { kind: 'repeat', of: numberOf('a') }, { outbox: [notice] })]);
          const number = numberOf('a');
          await store.tickets.add({ number, at: NOW, by: 'clerk', kind: state, state, expect: ['held'] }, [], SYSTEM);
          const row = await store.outbox.get(entryId('n', 'ticket.followed-up'));
          assert.deepEqual([row?.state, row?.cause], ['void', `ticket.${state}`]);
          assert.equal((await store.outbox.counts()).parked, 0);
        }),
      );
    }

    it(
      'frees the lane of a dead letter, and replays it at the end of its lane under the same id',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l'), ticketOf('b', 'l')]);
        const claimed = await claimOne(store);
        await store.outbox.fail(claimed.id, claimed.token, {
          ...failure,
          ...{ retryAt: null, unknown: true },
          cause: 'case.refused: no such unit',
        });
        assert.deepEqual(
          (await store.outbox.list({ state: 'dead', limit: 5 })).map(row => row.cause),
          ['case.refused: no such unit'],
        );
        const second = await claimOne(store);
        assert.equal(second.id, entryId('b', 'ticket.created'));
        assert.deepEqual(await store.outbox.replay({ cause: 'case.http', limit: 10 }, NOW, SYSTEM), []);
        assert.deepEqual(await store.outbox.replay({ cause: 'case.refused', limit: 10 }, NOW, SYSTEM), [claimed.id]);
        assert.deepEqual(await ids(store), []);
        await finish(store, second);
        const again = await claimOne(store);
        // It may have arrived before it was refused, whoever sends it again.
        assert.deepEqual([again.id, again.attempts, again.cause, again.unknown], [claimed.id, 0, null, true]);
        assert.equal(await store.outbox.finish(claimed.id, claimed.token, { at: NOW, caseNumber: null }), 'lost-lease');
        await finish(store, again);
        assert.equal((await store.admin.auditList(0, 5)).length, 1);
      }),
    );

    it(
      'parks what follows a ticket that is sent anew, though it was delivered once before',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        await finish(store, await claimOne(store));
        const follows = (name: string) =>
          decision(
            name,
            { kind: 'repeat', of: numberOf('a') },
            {
              outbox: [entry(name, 'ticket.followed-up', { ticket: numberOf('a'), lane: 'm' })],
            },
          );
        await decided(store, [follows('before')]);
        const before = await claimOne(store);
        const anew = ticketOf('a', 'l', {
          revision: 1,
          outbox: [entry('a', 'ticket.created', { lane: 'l', revision: 1 })],
        });
        assert.deepEqual(await store.decisions.commit([anew], null), ['committed']);
        await decided(store, [follows('b')]);
        // Only the end of what they follow lets them in.
        await finish(store, before);
        const created = await claimOne(store);
        assert.equal(created.id, entryId('a', 'ticket.created', 1));
        assert.deepEqual(await ids(store), []);
        await finish(store, created);
        assert.deepEqual(await ids(store), [entryId('b', 'ticket.followed-up')]);
      }),
    );

    it(
      'replays by kind, ticket and number, and nothing that is not dead',
      withStore(open, async store => {
        await decided(
          store,
          ['a', 'b', 'c'].map(name => ticketOf(name, name)),
        );
        for (const claimed of await store.outbox.claim(NOW, 2, LEASE)) {
          await store.outbox.fail(claimed.id, claimed.token, { ...failure, retryAt: null });
        }
        assert.deepEqual(await store.outbox.replay({ kind: 'ticket.corrected', limit: 9 }, NOW, SYSTEM), []);
        assert.deepEqual(await store.outbox.replay({ ticket: numberOf('c'), limit: 9 }, NOW, SYSTEM), []);
        assert.deepEqual(await store.outbox.replay({ ticket: numberOf('b'), limit: 9 }, NOW, SYSTEM), [
          entryId('b', 'ticket.created'),
        ]);
        assert.deepEqual(await store.outbox.replay({ limit: 0 }, NOW, SYSTEM), []);
        assert.deepEqual(await store.outbox.replay({ id: entryId('c', 'ticket.created'), limit: 9 }, NOW, SYSTEM), []);
        const id = entryId('a', 'ticket.created');
        assert.deepEqual(
          (await store.outbox.list({ id, limit: 9 })).map(row => row.id),
          [id],
        );
        assert.deepEqual(await store.outbox.replay({ id, state: 'dead', limit: 9 }, NOW, SYSTEM), [id]);
      }),
    );

    it(
      'replays each once where two do so at one time, in the order of their lane',
      withStore(open, async store => {
        const names = Array.from({ length: 24 }, (_, i) => `d${i}`);
        await decided(
          store,
          names.map((name, i) => ticketOf(name, `lane ${i % 8}`)),
        );
        for (let dead = 0; dead < names.length; ) {
          const claimed = await store.outbox.claim(NOW, 8, LEASE);
          for (const { id, token } of claimed) await store.outbox.fail(id, token, { ...failure, retryAt: null });
          dead += claimed.length;
        }
        const both = await Promise.all([
          store.outbox.replay({ cause: 'case.http', limit: 100 }, NOW, SYSTEM),
          store.outbox.replay({ limit: 100 }, NOW, SYSTEM),
        ]);
        assert.deepEqual(both.flat().sort(), names.map(name => entryId(name, 'ticket.created')).sort());
        const went: string[] = [];
        while (went.length < names.length) {
          const claimed = await store.outbox.claim(NOW, 8, LEASE);
          assert.ok(claimed.length > 0, 'nothing to claim');
          for (const one of claimed) await finish(store, one);
          went.push(...claimed.map(({ id }) => id));
        }
        for (let lane = 0; lane < 8; lane++) {
          const own = names.filter((_, i) => i % 8 === lane).map(name => entryId(name, 'ticket.created'));
          assert.deepEqual(
            went.filter(id => own.includes(id)),
            own,
          );
        }
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

    it(
      'adds an entry of one id once',
      withStore(open, async store => {
        await decided(store, [
          ticketOf('a', 'l', { outbox: [entry('a', 'ticket.created'), entry('a', 'ticket.created')] }),
        ]);
        assert.equal((await store.outbox.list({ limit: 5 })).length, 1);
        assert.equal((await store.outbox.counts()).due, 1);
      }),
    );

    it(
      'tells its listener when something may have become due',
      withStore(open, async store => {
        const heard = new Promise<void>(resolve => store.onOutbox(resolve));
        await decided(store, [ticketOf('a', 'l')]);
        await heard;
        assert.notEqual(await store.outbox.nextDue(), null);
      }),
    );

    it(
      'lets an entry that waited for attachments go once the last of them is settled',
      withStore(open, async store => {
        const waiting = ticketOf('a', 'l', {
          outbox: [entry('a', 'ticket.created', { lane: 'l', notBefore: NOW + 600_000 })],
          wanted: [
            { index: 0, dueAt: NOW },
            { index: 2, dueAt: NOW + 10 },
          ],
        });
        await decided(store, [waiting]);
        const [row] = await store.admin.attachmentsDue(NOW, 10);
        assert.ok(row !== undefined);
        assert.deepEqual(
          [row.message, row.index, row.state, row.attempts, row.blob],
          [numberOf('a'), 0, 'wanted', 0, null],
        );
        const kept = { ...row, state: 'kept' as const, blob: 'ab'.repeat(32), size: 7, mediaType: 'image/png' };
        await store.admin.settleAttachment(kept, NOW + 20);
        assert.deepEqual(await ids(store, NOW + 20), []);
        const [, other] = await store.admin.attachments(numberOf('a'));
        assert.ok(other !== undefined);
        await store.admin.settleAttachment(
          { ...other, attempts: 1, dueAt: NOW + 50, cause: 'fetch.timeout' },
          NOW + 20,
        );
        assert.deepEqual(await store.admin.attachmentsDue(NOW + 49, 10), []);
        await store.admin.settleAttachment({ ...other, state: 'failed', cause: 'fetch.gone' }, NOW + 60);
        assert.deepEqual(await ids(store, NOW + 60), [entryId('a', 'ticket.created')]);
        assert.deepEqual(
          (await store.admin.attachments(numberOf('a'))).map(({ index, state, size, cause }) => [
            index,
            state,
            size,
            cause,
          ]),
          [
            [0, 'kept', 7, null],
            [2, 'failed', null, 'fetch.gone'],
          ],
        );
      }),
    );
  });
}
