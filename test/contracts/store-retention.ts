// Contract: shredding, legal hold, what is old enough, other wrappings of keys, a copy of one moment.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../store/store.ts';
import {
  decided,
  decision,
  message,
  NOW,
  numberOf,
  type OpenStore,
  textOf,
  ticketOf,
  withStore,
} from './store-rows.ts';

const DAY = 86_400_000;
const NOTE = { by: 'clerk', action: 'purge.originals', on: [] as readonly string[] };
const wrappedT = `wrapped ${numberOf('t')}`;
const numbersOf = (rows: readonly { readonly number: string }[]) => rows.map(row => row.number);

/** Messages that became no ticket, decided a day apart in the order of the names. */
async function finished(store: Store, names: readonly string[], start = NOW): Promise<void> {
  for (const [day, name] of names.entries()) {
    const at = start + day * DAY;
    await store.messages.accept([message(name, { acceptedAt: at })]);
    const outcome = { kind: 'not-an-appeal', reason: 'bounce' } as const;
    await store.decisions.commit([decision(name, outcome, { decidedAt: at })], null);
  }
}

async function closeTicket(store: Store, name: string, at: number): Promise<void> {
  const event = { number: numberOf(name), at, by: 'case-system', kind: 'closed', state: 'closed' as const };
  assert.equal(await store.tickets.add(event, [], null), 'added');
}

/** Messages accepted while a copy is made. */
const MOST_MEANWHILE = 300;

export function retentionContract(open: OpenStore): void {
  describe('retention', () => {
    it(
      'shreds the key and the original of what became no ticket; its number and redelivery key stay',
      withStore(open, async (store, opened) => {
        await finished(store, ['a', 'b']);
        await decided(store, [ticketOf('t', 'lane')]);
        const all = ['a', 't', 'absent'].map(name => ({ number: numberOf(name), extent: 'all' as const }));
        assert.deepEqual(await store.admin.shred(all, NOTE, NOW), ['shredded', 'conflict', 'missing']);
        const again = await opened.reopen();
        const row = await again.messages.get(numberOf('a'));
        assert.deepEqual(
          [row?.wrappedContent.length, row?.sealed, row?.blob, row?.decision, row?.outcome?.kind],
          [0, null, null, null, 'not-an-appeal'],
        );
        // It would be sealed under a key that is gone.
        const late = ticketOf('a', 'lane', { revision: 1, outbox: [] });
        assert.deepEqual(await again.decisions.commit([late], null), ['conflict']);
        assert.equal(await again.tickets.get(numberOf('a')), null);
        const [redelivered] = await again.messages.accept([message('a', { number: '261124-other' })]);
        assert.deepEqual(redelivered, { kind: 'redelivery', number: numberOf('a') });
        const [reused] = await again.messages.accept([message('a', { fingerprint: '0'.repeat(32) })]);
        assert.equal(reused?.kind, 'id-reused');
        assert.deepEqual(numbersOf(await again.admin.finished(NOW + 9 * DAY, null, 10)), [numberOf('b')]);
        const [record] = (await again.admin.auditList(0, 99)).slice(-1);
        assert.deepEqual([record?.action, record?.on], ['purge.originals', [numberOf('a')]]);
      }),
    );

    it(
      'shreds a conversation with its parts, and never makes shredded messages unread again',
      withStore(open, async store => {
        await store.messages.accept([message('lead'), message('part')]);
        const outcome = { kind: 'quarantined', reason: 'parser.died' } as const;
        await store.decisions.commit([decision('lead', outcome, { parts: [numberOf('part')] })], null);
        await store.admin.shred([{ number: numberOf('lead'), extent: 'all' }], NOTE, NOW);
        assert.equal((await store.messages.get(numberOf('part')))?.wrappedContent.length, 0);
        assert.equal(await store.messages.reread(numberOf('lead'), NOTE), false);
      }),
    );

    it(
      'shreds an original alone where a ticket stays',
      withStore(open, async store => {
        await decided(store, [ticketOf('t', 'lane')]);
        const item = { number: numberOf('t'), extent: 'original' as const };
        assert.deepEqual(await store.admin.shred([item], NOTE, NOW), ['shredded']);
        const row = await store.messages.get(numberOf('t'));
        assert.deepEqual([row?.sealed, textOf(row?.wrappedContent ?? null)], [null, wrappedT]);
        assert.equal(textOf((await store.tickets.get(numberOf('t')))?.born ?? null), 'born t');
        await store.messages.accept([message('unread')]);
        const early = { number: numberOf('unread'), extent: 'original' as const };
        assert.deepEqual(await store.admin.shred([early], NOTE, NOW), ['conflict']);
      }),
    );

    it(
      'unties a ticket from whoever else shares its lane: notes, conversation and lane go, of entries that are over as well',
      withStore(open, async (store, opened) => {
        const conversation = 'cd'.repeat(16);
        await decided(store, [ticketOf('a', 'lane', { conversation }), ticketOf('b', 'lane'), ticketOf('c', 'lane')]);
        const event = { number: numberOf('a'), at: NOW, by: 'clerk', kind: 'noted', eventId: 'e' };
        const note = Buffer.from('a note');
        for (const name of ['a', 'b']) {
          assert.equal(await store.tickets.add({ ...event, number: numberOf(name), note }, [], null), 'added');
        }
        const [head] = await store.outbox.claim(NOW, 1, 1000);
        assert.equal(head?.message, numberOf('a'));
        const lane = '0123456789abcdef';
        const untie = [{ number: numberOf('a'), lane }];
        const before = (await store.outbox.get(head.id))?.lane;
        await store.admin.untie(untie);
        assert.equal((await store.outbox.get(head.id))?.lane, before, 'an entry on its way keeps its lane');
        await store.outbox.finish(head.id, head.token, { at: NOW, caseNumber: null });
        await store.admin.untie([...untie, { number: numberOf('absent'), lane }]);
        const again = await opened.reopen();
        const rows = await Promise.all(['a', 'b'].map(name => again.messages.get(numberOf(name))));
        assert.deepEqual([rows[0]?.lane, rows[1]?.lane === lane], [lane, false]);
        assert.equal((await again.outbox.get(head.id))?.lane, lane);
        const [a, b] = await Promise.all(['a', 'b'].map(name => again.tickets.get(numberOf(name))));
        const notes = (events = a?.events) => events?.flatMap(({ note }) => (note === undefined ? [] : [textOf(note)]));
        assert.ok(a?.events.some(({ kind, eventId }) => kind === 'noted' && eventId === 'e'));
        assert.deepEqual([notes(), notes(b?.events)], [[], ['a note']]);
        assert.equal(await again.decisions.conversation(conversation), null);
        const [next] = await again.outbox.claim(NOW, 5, 1000);
        assert.equal(next?.message, numberOf('b'));
      }),
    );

    it(
      'finds what is old enough page by page, oldest first',
      withStore(open, async store => {
        await finished(store, ['a', 'b', 'c', 'd', 'e']);
        const until = NOW + 3 * DAY;
        const first = await store.admin.finished(until, null, 3);
        assert.deepEqual(numbersOf(first), ['a', 'b', 'c'].map(numberOf));
        assert.deepEqual(numbersOf(await store.admin.finished(until, first.at(-1) ?? null, 3)), [numberOf('d')]);
      }),
    );

    it(
      'takes nothing for old that a wrong clock dated so: what was recorded before it is young',
      withStore(open, async store => {
        await finished(store, ['a', 'b', 'c']);
        await finished(store, ['wrong-1', 'wrong-2'], Date.UTC(2016, 0, 1));
        await decided(store, [ticketOf('t1', 'l1'), ticketOf('t2', 'l2')]);
        await closeTicket(store, 't1', NOW + 2 * DAY);
        await closeTicket(store, 't2', Date.UTC(2016, 0, 2));
        assert.deepEqual(numbersOf(await store.admin.finished(NOW, null, 10)), [numberOf('a')]);
        const seeming = await store.admin.closed(NOW + DAY, null, 10);
        assert.deepEqual(
          seeming.map(({ number, young }) => [number, young]),
          [[numberOf('t2'), true]],
        );
      }),
    );

    it(
      'tells of each closed ticket, page by page, whether its time is still to come since it was told of late',
      withStore(open, async store => {
        const names = ['t1', 't2', 't3', 't4', 't5'];
        await decided(
          store,
          names.map((name, i) => ticketOf(name, `l${i}`)),
        );
        for (const [i, day] of [1, 1, 5, 3, 2].entries()) await closeTicket(store, names[i]!, NOW + day * DAY);
        const closed = async (until: number, after: Parameters<typeof store.admin.closed>[1], limit: number) =>
          (await store.admin.closed(until, after, limit)).map(({ number, young }) => [number, young]);
        const [first, second] = await store.admin.closed(NOW + 4 * DAY, null, 2);
        assert.deepEqual([first?.number, second?.number], ['t1', 't2'].map(numberOf));
        assert.deepEqual(await closed(NOW + 4 * DAY, second ?? null, 2), [
          [numberOf('t5'), true],
          [numberOf('t4'), true],
        ]);
        assert.deepEqual(
          (await closed(NOW + 5 * DAY, null, 9)).map(([, young]) => young),
          names.map(() => false),
        );
      }),
    );

    it(
      'leaves out and does not shred what is on hold, until the hold is lifted',
      withStore(open, async (store, opened) => {
        await finished(store, ['a']);
        await decided(store, [ticketOf('t', 'lane')]);
        await store.messages.accept([message('follow')]);
        await store.decisions.commit([decision('follow', { kind: 'repeat', of: numberOf('t') })], null);
        await closeTicket(store, 't', NOW);
        const { admin } = store;
        assert.equal(await admin.hold(numberOf('t'), '行政复议', { ...NOTE, action: 'ticket.hold' }, NOW), true);
        assert.equal(await admin.hold(numberOf('a'), '信访复查', NOTE, NOW), true);
        assert.equal(await admin.hold('absent', 'x', NOTE, NOW), false);
        const again = (await opened.reopen()).admin;
        assert.deepEqual(await again.holds(), [
          { number: numberOf('a'), at: NOW, by: 'clerk', reason: '信访复查' },
          { number: numberOf('t'), at: NOW, by: 'clerk', reason: '行政复议' },
        ]);
        assert.deepEqual(await Promise.all(['a', 't', 'follow'].map(name => again.onHold(numberOf(name)))), [
          true,
          true,
          true,
        ]);
        assert.deepEqual(await again.finished(NOW, null, 9), []);
        assert.deepEqual(await again.closed(NOW, null, 9), []);
        const items = ['a', 'follow'].map(name => ({ number: numberOf(name), extent: 'original' as const }));
        assert.deepEqual(await again.shred(items, NOTE, NOW), ['held', 'held']);
        assert.equal(await again.unhold(numberOf('t'), NOTE, NOW), true);
        assert.equal(await again.unhold(numberOf('t'), NOTE, NOW), false);
        assert.deepEqual(numbersOf(await again.closed(NOW, null, 9)), [numberOf('t')]);
      }),
    );

    it(
      'tells the time of its newest record',
      withStore(open, async store => {
        assert.equal(await store.admin.newestAt(), null);
        await store.messages.accept([message('a', { acceptedAt: NOW - DAY })]);
        assert.equal(await store.admin.newestAt(), NOW - DAY);
        await store.admin.audit(NOTE, NOW);
        assert.equal(await store.admin.newestAt(), NOW);
      }),
    );

    it(
      'puts a data key under another wrapping only where the old one still stands',
      withStore(open, async (store, opened) => {
        await decided(store, [ticketOf('t', 'lane')]);
        await finished(store, ['a']);
        await store.admin.shred([{ number: numberOf('a'), extent: 'all' }], NOTE, NOW);
        const [first, second] = await store.admin.wrappedKeys(0, 10);
        assert.deepEqual(
          [textOf(first?.content ?? null), textOf(first?.identity ?? null)],
          [wrappedT, 'wrapped identity t'],
        );
        assert.deepEqual([second?.content, second?.identity], [null, null]);
        const { ordinal, content, identity } = first as { ordinal: number; content: Uint8Array; identity: Uint8Array };
        const to = Buffer.from('wrapped anew');
        const rows = [
          { ordinal, which: 'content' as const, from: content, to },
          { ordinal, which: 'identity' as const, from: to, to: identity },
        ];
        assert.equal(await store.admin.rewrap(rows), 1);
        const again = await opened.reopen();
        assert.equal(textOf((await again.tickets.get(numberOf('t')))?.wrappedContent ?? null), 'wrapped anew');
        assert.equal(textOf((await again.tickets.get(numberOf('t')))?.wrappedIdentity ?? null), 'wrapped identity t');
        assert.deepEqual(await again.admin.wrappedKeys(ordinal, 1), [
          { ordinal: ordinal + 1, content: null, identity: null },
        ]);
      }),
    );

    it(
      'puts other blocks into a visible segment',
      withStore(open, async store => {
        const { candidates } = store;
        await candidates.writeBlocks('s', [{ bucket: 7, bytes: Buffer.from('one') }]);
        await candidates.publish({ id: 's', tier: 0, first: 1, last: 2 }, [], Buffer.from('statistics'));
        await candidates.replaceBlocks('s', [{ bucket: 7, bytes: Buffer.from('two') }]);
        await candidates.replaceBlocks('gone', [{ bucket: 7, bytes: Buffer.from('three') }]);
        assert.deepEqual((await candidates.blocks([{ segment: 's', bucket: 7 }])).map(textOf), ['two']);
      }),
    );

    it(
      'copies everything while others write, and can be told to stop',
      withStore(open, async store => {
        const folder = mkdtempSync(join(tmpdir(), 'huisu-snapshot-'));
        try {
          await finished(store, ['a', 'b']);
          await store.blobs.put('ab'.repeat(32), Buffer.from('sealed file'));
          let writing = true;
          const traffic = (async () => {
            // No more than that: a server that is slow to copy would be given ever more to copy.
            for (let i = 0; writing && i < MOST_MEANWHILE; i++) await store.messages.accept([message(`more ${i}`)]);
          })();
          const seen: number[] = [];
          const watch = { progress: (done: number) => void seen.push(done), signal: new AbortController().signal };
          const copy = await store.admin.snapshot(folder, watch);
          writing = false;
          await traffic;
          assert.ok(seen.length > 0);
          assert.ok(copy.files.length >= 2 && copy.files.every(file => existsSync(join(folder, file.name))));
          assert.ok(copy.files.some(file => file.bytes === 11));
          const stopped = AbortSignal.abort(new Error('no more'));
          const other = join(folder, 'blobs');
          await assert.rejects(store.admin.snapshot(other, { progress: () => undefined, signal: stopped }), /no more/);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }),
    ).timeout(60_000);

    it(
      'drops what it still has of deleted bytes',
      withStore(open, async store => {
        await finished(store, ['a']);
        await store.admin.shred([{ number: numberOf('a'), extent: 'all' }], NOTE, NOW);
        assert.equal(await store.admin.scrub(), true);
      }),
    );
  });
}
