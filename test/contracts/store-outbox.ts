// Contract: the outbox, entry by entry.
import assert from 'node:assert/strict';
import { claimOne, failure, finish, ids, LEASE } from './store-claims.ts';
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

export function outboxContract(open: OpenStore): void {
  describe('outbox', () => {
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
      'drops the parked notices of a ticket whose sending was made void, and keeps those that one on its way lets in',
      withStore(open, async store => {
        const names = ['void', 'goes'];
        await decided(
          store,
          names.map(name => ticketOf(name, name)),
        );
        for (const about of names) {
          const outbox = [entry(`n ${about}`, 'ticket.followed-up', { ticket: numberOf(about) })];
          await decided(store, [decision(`n ${about}`, { kind: 'repeat', of: numberOf(about) }, { outbox })]);
        }
        const voids = [entryId('void', 'ticket.created')];
        const anew = ticketOf('void', 'void', { revision: 1, voids, outbox: [] });
        assert.deepEqual(await store.decisions.commit([anew], null), ['committed']);
        for (const about of names) {
          const event = { number: numberOf(about), at: NOW, by: 'clerk', kind: 'joined', state: 'joined' } as const;
          assert.equal(await store.tickets.add(event, [], SYSTEM), 'added');
        }
        const states = names.map(
          async about => (await store.outbox.get(entryId(`n ${about}`, 'ticket.followed-up')))?.state,
        );
        assert.deepEqual(await Promise.all(states), ['void', 'parked']);
      }),
    );

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
            { outbox: [entry(name, 'ticket.followed-up', { ticket: numberOf('a'), lane: 'm' })] },
          );
        const dies = entryId('dies', 'ticket.followed-up');
        await decided(store, [follows('dies')]);
        const dead = await claimOne(store);
        await store.outbox.fail(dies, dead.token, { ...failure, retryAt: null });
        await decided(store, [follows('before')]);
        const before = await claimOne(store);
        const anew = ticketOf('a', 'l', {
          revision: 1,
          outbox: [entry('a', 'ticket.created', { lane: 'l', revision: 1 })],
        });
        assert.deepEqual(await store.decisions.commit([anew], null), ['committed']);
        await decided(store, [follows('b')]);
        assert.deepEqual(await store.outbox.replay({ limit: 9 }, NOW, SYSTEM), [dies]);
        // Only the end of what they follow lets them in.
        await finish(store, before);
        const created = await claimOne(store);
        assert.equal(created.id, entryId('a', 'ticket.created', 1));
        assert.deepEqual(await ids(store), []);
        await finish(store, created);
        await finish(store, await claimOne(store));
        assert.deepEqual(await ids(store), [dies]);
      }),
    );

    it(
      'lets a notice go at once where the ticket was delivered and the sending of it anew was made void',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        await finish(store, await claimOne(store));
        const id = entryId('a', 'ticket.created', 1);
        const outbox = [entry('a', 'ticket.created', { lane: 'l', revision: 1 })];
        assert.deepEqual(await store.decisions.commit([ticketOf('a', 'l', { revision: 1, outbox })], null), [
          'committed',
        ]);
        const back = ticketOf('a', 'l', { revision: 2, outbox: [], voids: [id] });
        assert.deepEqual(await store.decisions.commit([back], null), ['committed']);
        const notice = entry('n', 'ticket.followed-up', { ticket: numberOf('a') });
        await decided(store, [decision('n', { kind: 'repeat', of: numberOf('a') }, { outbox: [notice] })]);
        assert.deepEqual(await ids(store), [entryId('n', 'ticket.followed-up')]);
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
        let hear = (): void => undefined;
        store.onOutbox(() => hear());
        const isTold = async (step: () => Promise<unknown>): Promise<void> => {
          const heard = new Promise<void>(resolve => {
            hear = resolve;
          });
          await step();
          await heard;
          assert.notEqual(await store.outbox.nextDue(), null);
        };
        await isTold(() => decided(store, [ticketOf('a', 'l'), ticketOf('behind', 'l')]));
        const fail = async (now: number, retryAt: number | null) => {
          const { id, token } = await claimOne(store, now);
          await isTold(() => store.outbox.fail(id, token, { ...failure, retryAt }));
        };
        await fail(NOW, NOW + 5000);
        await claimOne(store, NOW + 5000);
        await isTold(() => store.outbox.reclaim(NOW + 5000 + LEASE));
        await fail(NOW + 5000 + LEASE, null);
        await isTold(() => store.outbox.replay({ limit: 9 }, NOW, SYSTEM));
        const behind = await claimOne(store, NOW + 5000 + LEASE);
        await isTold(() => finish(store, behind));
      }),
    );

    it(
      'lets a notice that waited for attachments, too, go once they are settled and its ticket was answered',
      withStore(open, async store => {
        const outbox = [entry('n', 'ticket.followed-up', { ticket: numberOf('a'), notBefore: NOW + 600_000 })];
        const wanted = [{ index: 0, dueAt: NOW }];
        await decided(store, [
          ticketOf('a', 'l'),
          decision('n', { kind: 'repeat', of: numberOf('a') }, { outbox, wanted }),
        ]);
        const [row] = await store.admin.attachmentsDue(NOW, 10);
        assert.ok(row !== undefined);
        await store.admin.settleAttachment({ ...row, state: 'failed', cause: 'fetch.timeout' }, NOW + 20);
        await finish(store, await claimOne(store));
        assert.deepEqual(await ids(store, NOW + 20), [entryId('n', 'ticket.followed-up')]);
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
