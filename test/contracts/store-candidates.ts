// Contract: what the candidate index keeps and finds in the store.
import assert from 'node:assert/strict';
import { born, decided, numberOf, type OpenStore, textOf, ticketOf, withStore } from './store-rows.ts';

export function candidateContract(open: OpenStore): void {
  describe('candidates', () => {
    it(
      'loads tickets by ordinal, leaving out what is missing, and those after an ordinal in rising order',
      withStore(open, async store => {
        await decided(
          store,
          ['a', 'b', 'c'].map(name =>
            ticketOf(name, 'l', { ticket: born(name, { incident: `i-${name}`, confidential: name === 'c' }) }),
          ),
        );
        const all = await store.candidates.since(0, 10);
        assert.deepEqual(
          all.map(row => row.number),
          ['a', 'b', 'c'].map(numberOf),
        );
        assert.deepEqual(
          (await store.candidates.since(all[0]?.ordinal ?? 0, 1)).map(row => row.number),
          [numberOf('b')],
        );
        const wanted = [all[2]?.ordinal ?? 0, 4_000_000_000, all[0]?.ordinal ?? 0];
        const rows = [...(await store.candidates.load(wanted))].sort((x, y) => x.ordinal - y.ordinal);
        assert.deepEqual(
          rows.map(row => [row.ordinal, row.number, textOf(row.facts), row.state, row.incident, row.confidential]),
          [
            [wanted[2], numberOf('a'), 'facts a', 'queued', 'i-a', false],
            [wanted[0], numberOf('c'), 'facts c', 'queued', 'i-c', true],
          ],
        );
      }),
    );

    it(
      'shows a segment only once it is published, together with dropping those it replaces',
      withStore(open, async (store, opened) => {
        const { candidates } = store;
        const blocks = (segment: string) => [
          { bucket: 0, bytes: Buffer.from(`${segment} 0`) },
          { bucket: 4095, bytes: Buffer.from(`${segment} 4095`) },
        ];
        await candidates.writeBlocks('s1', blocks('s1'));
        await candidates.writeBlocks('s2', blocks('s2'));
        assert.deepEqual(await candidates.segments(), []);
        assert.equal(await candidates.statistics(), null);
        await candidates.publish({ id: 's1', tier: 0, first: 1, last: 9 }, [], Buffer.from('one'));
        await candidates.publish({ id: 's2', tier: 0, first: 10, last: 19 }, [], Buffer.from('two'));
        await candidates.writeBlocks('s3', [{ bucket: 7, bytes: Buffer.from('s3 7') }]);
        await candidates.writeBlocks('s3', [{ bucket: 8, bytes: Buffer.from('s3 8') }]);
        await candidates.publish({ id: 's3', tier: 1, first: 1, last: 19 }, ['s1', 's2'], Buffer.from('three'));

        const later = (await opened.reopen()).candidates;
        assert.deepEqual(
          (await later.segments()).map(({ id, tier, first, last }) => [id, tier, first, last]),
          [['s3', 1, 1, 19]],
        );
        assert.equal(textOf(await later.statistics()), 'three');
        const found = await later.blocks([
          { segment: 's3', bucket: 8 },
          { segment: 's3', bucket: 9 },
          { segment: 's3', bucket: 7 },
          { segment: 'absent', bucket: 7 },
        ]);
        assert.deepEqual(found.map(textOf), ['s3 8', null, 's3 7', null]);
      }),
    );

    it(
      'lets a segment be written anew after a process ended before publishing it',
      withStore(open, async (store, opened) => {
        await store.candidates.writeBlocks('s1', [{ bucket: 1, bytes: Buffer.from('half') }]);
        const later = (await opened.reopen()).candidates;
        await later.writeBlocks('s1', [{ bucket: 2, bytes: Buffer.from('whole') }]);
        await later.publish({ id: 's1', tier: 0, first: 1, last: 2 }, [], Buffer.from(''));
        const found = await later.blocks([1, 2].map(bucket => ({ segment: 's1', bucket })));
        assert.deepEqual(found.map(textOf), [null, 'whole']);
      }),
    );
  });
}
