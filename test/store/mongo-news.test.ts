// What processes on one MongoDB hear of each other's decisions: tickets in the order of their times, and what their deciders knew.
import assert from 'node:assert/strict';
import type { SharedStore } from '../../store/store.ts';
import { decided, NOW, numberOf, ticketOf, withStore } from '../contracts/store-rows.ts';
import { withMongo } from '../servers/mongo-suite.ts';
import { mongoOpener } from './openers.ts';

withMongo('decisions on MongoDB, as other processes hear of them', server => {
  it(
    'come by their times, each with what its decider knew, and without those before',
    withStore(mongoOpener(server, false), async store => {
      await decided(store, [
        ticketOf('before', 'l1', { decidedAt: NOW - 1 }),
        { ...ticketOf('later', 'l2', { decidedAt: NOW + 5 }), knew: NOW - 3000 },
        ticketOf('sooner', 'l3', { decidedAt: NOW }),
      ]);
      const rows = await (store.shared as SharedStore).decidedSince(NOW, 10);
      assert.deepEqual(
        rows.map(({ number, decidedAt, knew }) => [number, decidedAt, knew]),
        [
          [numberOf('sooner'), NOW, null],
          [numberOf('later'), NOW + 5, NOW - 3000],
        ],
      );
    }),
  );
});
