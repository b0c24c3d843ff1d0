// Contract of incidents: figures of their tickets, and a clerk's moving of tickets, all or nothing.
import assert from 'node:assert/strict';
import type { IncidentMove, Store } from '../../store/store.ts';
import { born, decided, decision, NOW, numberOf, type OpenStore, ticketOf, withStore } from './store-rows.ts';

const HOUR = 3_600_000;
const AUDIT = { by: 'clerk', action: 'incident.merge', on: ['a', 'b'] };

/** Tickets by name, each with the name of its incident, an hour after the one before. */
async function tickets(
  store: Store,
  made: readonly (readonly [name: string, incident: string | null])[],
): Promise<void> {
  await decided(
    store,
    made.map(([name, of], i) => {
      const incident = of === null ? null : numberOf(of);
      return ticketOf(name, `lane ${name}`, { ticket: born(name, { incident, acceptedAt: NOW + i * HOUR }) });
    }),
  );
}

function moving(from: string | null, to: string, more: Partial<IncidentMove> = {}): IncidentMove {
  return {
    from: from === null ? null : numberOf(from),
    to: numberOf(to),
    tickets: 'all',
    at: NOW + 99 * HOUR,
    by: 'clerk',
    kind: 'incident-merged',
    notSame: [],
    audit: AUDIT,
    ...more,
  };
}

const incidentOf = async (store: Store, name: string) => (await store.tickets.get(numberOf(name)))?.incident ?? null;

export function incidentContract(open: OpenStore): void {
  describe('incidents', () => {
    it(
      'are listed with their figures, the one last added to first, page by page, without those of one ticket',
      withStore(open, async store => {
        await tickets(store, [
          ['a', 'a'],
          ['b', 'b'],
          ['c', 'a'],
          ['d', null],
          ['e', 'b'],
          ['f', 'f'],
        ]);
        await decided(store, [decision('g', { kind: 'repeat', of: numberOf('c') })]);
        const all = await store.incidents.list({ limit: 9 });
        assert.deepEqual(
          all.map(({ id, tickets: many, messages }) => [id, many, messages]),
          [
            [numberOf('b'), 2, 2],
            [numberOf('a'), 2, 3],
          ],
        );
        const page = await store.incidents.list({ limit: 1 });
        assert.deepEqual(await store.incidents.list({ limit: 9, before: page[0]?.ordinal ?? 0 }), all.slice(1));
        assert.deepEqual([all[0]?.firstAt, all[0]?.lastAt], [NOW + HOUR, NOW + 4 * HOUR]);
        assert.equal((await store.incidents.get(numberOf('f')))?.tickets, 1);
        assert.equal(await store.incidents.get(numberOf('d')), null);
      }),
    );

    it(
      'count what arrived in a span, its end left out',
      withStore(open, async store => {
        await tickets(store, [
          ['a', 'a'],
          ['b', 'a'],
          ['c', 'a'],
          ['d', 'd'],
        ]);
        const count = (from: number, until: number) => store.incidents.arrivals(numberOf('a'), from, until);
        assert.deepEqual([await count(NOW, NOW + 2 * HOUR), await count(NOW + HOUR, NOW + 9 * HOUR)], [2, 2]);
      }),
    );

    it(
      'are merged whole: every ticket moves, keeps the memory of it, and what is committed late follows',
      withStore(open, async (store, opened) => {
        await tickets(store, [
          ['a', 'a'],
          ['b', 'b'],
          ['c', 'b'],
        ]);
        assert.equal(await store.incidents.move(moving('b', 'a')), 'moved');
        // Decided before the merge, committed after it: it belongs to what its incident has become part of.
        await tickets(store, [['d', 'b']]);
        const again = await opened.reopen();
        for (const name of ['a', 'b', 'c', 'd']) assert.equal(await incidentOf(again, name), numberOf('a'), name);
        const events = (await again.tickets.get(numberOf('c')))?.events ?? [];
        assert.deepEqual(
          events.map(({ kind, by, at, incident }) => ({ kind, by, at, incident })),
          [
            {
              ...{ kind: 'incident-merged', by: 'clerk', at: NOW + 99 * HOUR },
              incident: { from: numberOf('b'), to: numberOf('a') },
            },
          ],
        );
        assert.equal(await again.incidents.get(numberOf('b')), null);
        assert.equal((await again.tickets.counts()).incidents, 1);
        const [record] = await again.admin.auditList(0, 9);
        assert.deepEqual([record?.action, record?.by, record?.at], ['incident.merge', 'clerk', NOW + 99 * HOUR]);
      }),
    );

    it(
      'take in a ticket without an incident, and begin with one',
      withStore(open, async store => {
        await tickets(store, [
          ['a', null],
          ['b', null],
        ]);
        assert.equal(await store.incidents.move(moving(null, 'a', { tickets: [numberOf('b')] })), 'moved');
        assert.deepEqual([await incidentOf(store, 'a'), await incidentOf(store, 'b')], [numberOf('a'), numberOf('a')]);
        assert.equal((await store.tickets.counts()).incidents, 1);
      }),
    );

    it(
      'are split, what is not the same kept apart for good, and put together again',
      withStore(open, async store => {
        await tickets(store, [
          ['a', 'a'],
          ['b', 'a'],
          ['c', 'a'],
        ]);
        const tickets_ = [numberOf('b'), numberOf('c')];
        const notSame: [string, string][] = [[numberOf('c'), numberOf('a')]];
        const split = moving('a', 'b', { kind: 'incident-split', tickets: tickets_, notSame });
        assert.equal(await store.incidents.move(split), 'moved');
        assert.deepEqual([await incidentOf(store, 'a'), await incidentOf(store, 'c')], [numberOf('a'), numberOf('b')]);
        const rows = await store.candidates.since(0, 9);
        const apart = rows.map(row => [...(row.notSame ?? [])]);
        assert.deepEqual(apart, [[numberOf('c')], [], [numberOf('a')]]);
        assert.deepEqual(
          rows.map(row => row.incidentOrdinal),
          [rows[0]?.ordinal, rows[1]?.ordinal, rows[1]?.ordinal],
        );
        assert.equal(await store.incidents.move(moving('b', 'a')), 'moved');
        assert.equal(await incidentOf(store, 'c'), numberOf('a'));
      }),
    );

    it(
      'stay as they are where a ticket is not in the incident, or the other one has become part of a third',
      withStore(open, async store => {
        await tickets(store, [
          ['a', 'a'],
          ['b', 'a'],
          ['c', 'c'],
          ['d', 'c'],
          ['e', 'e'],
        ]);
        const before = await store.incidents.list({ limit: 9 });
        const both = [numberOf('b'), numberOf('d')];
        assert.equal(await store.incidents.move(moving('a', 'b', { tickets: both })), 'conflict');
        assert.equal(await store.incidents.move(moving('a', 'd')), 'conflict');
        assert.equal(await store.incidents.move(moving('x', 'a')), 'conflict');
        assert.deepEqual(await store.incidents.list({ limit: 9 }), before);
        assert.deepEqual(await store.admin.auditList(0, 9), []);
        assert.equal(await store.incidents.move(moving('c', 'a')), 'moved');
        assert.equal(await store.incidents.move(moving('e', 'c')), 'conflict');
      }),
    );
  });
}
