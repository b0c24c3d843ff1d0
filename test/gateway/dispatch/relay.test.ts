// What a queue does not take goes back into the outbox as it was, for whichever relay hands it over.
import assert from 'node:assert/strict';
import { wallClock } from '../../../gateway/dispatch/clock.ts';
import { QueueUnavailable } from '../../../gateway/dispatch/queue.ts';
import { createRelay, type Relay, type RelayOptions } from '../../../gateway/dispatch/relay.ts';
import { createSharedRelay } from '../../../gateway/dispatch/shared-relay.ts';
import { openWorkbench, until } from './workbench.ts';

const queue = {
  add: () => Promise.reject(new QueueUnavailable('queue.full', 'full')),
  counts: async () => ({ waiting: 0, active: 0 }),
};
const RELAYS: readonly (readonly [string, (options: RelayOptions) => Relay])[] = [
  ['of one process', createRelay],
  ['of a queue elsewhere', options => createSharedRelay({ ...options, queue, alone: true })],
  ['of a queue that several work on', options => createSharedRelay({ ...options, queue, alone: false })],
];

describe('a relay whose queue takes nothing', () => {
  for (const [title, relayOf] of RELAYS) {
    it(`${title} leaves known of an entry that it may have arrived before`, async () => {
      const bench = await openWorkbench();
      try {
        const { outbox } = bench.store;
        await bench.tickets([{}]);
        const at = Date.now();
        const [first] = await outbox.claim(at, 1, 1000);
        assert.ok(first !== undefined);
        const failure = { at, retryAt: at, cause: 'case-system.timeout', unknown: true };
        assert.equal(await outbox.fail(first.id, first.token, failure), 'failed');
        let refused = 0;
        const relay = relayOf({
          ...{ outbox, queue, clock: wallClock, capacity: 4, leaseMs: 60_000 },
          gate: { room: () => 4, waitMs: () => 0 },
          onTrouble: error => {
            if (error !== null) refused++;
          },
        });
        await relay.start();
        await until(() => refused > 0, 'the queue refused');
        await relay.stop();
        const back = await outbox.get(first.id);
        assert.deepEqual([back?.state, back?.attempts, back?.unknown], ['due', 1, true]);
      } finally {
        await bench.close();
      }
    });
  }
});
