// What any relay owes its entries: what a queue does not take goes back as it was, and one worker begins with each.
import assert from 'node:assert/strict';
import { wallClock } from '../../../gateway/dispatch/clock.ts';
import { type Queue, QueueUnavailable } from '../../../gateway/dispatch/queue.ts';
import { createRelay, type Relay, type RelayOptions } from '../../../gateway/dispatch/relay.ts';
import { createSharedRelay } from '../../../gateway/dispatch/shared-relay.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

const gate = { room: () => 4, waitMs: () => 0 };
const full = {
  add: () => Promise.reject(new QueueUnavailable('queue.full', 'full')),
  counts: async () => ({ waiting: 0, active: 0 }),
};

type QueueLike = Pick<Queue, 'add' | 'counts'>;
const RELAYS: readonly (readonly [string, (options: RelayOptions, queue: QueueLike) => Relay])[] = [
  ['of one process', (options, queue) => createRelay({ ...options, queue })],
  ['of a queue elsewhere', (options, queue) => createSharedRelay({ ...options, queue, alone: true })],
  ['of a queue that several work on', (options, queue) => createSharedRelay({ ...options, queue, alone: false })],
];

for (const [title, relayOf] of RELAYS) {
  describe(`the relay ${title}`, () => {
    let bench: Workbench;
    beforeEach(async () => {
      bench = await openWorkbench();
      await bench.tickets([{}]);
    });
    afterEach(() => bench.close());

    /** With what to do once the queue has given an answer. */
    async function started(queue: QueueLike, answered: (relay: Relay) => Promise<void>): Promise<void> {
      const { outbox } = bench.store;
      const heard = Promise.withResolvers<void>();
      const relay = relayOf(
        {
          ...{ outbox, queue, gate, clock: wallClock, capacity: 4, leaseMs: 60_000 },
          onTrouble: error => error !== null && heard.resolve(),
        },
        { ...queue, add: (...job) => queue.add(...job).finally(heard.resolve) },
      );
      await relay.start();
      await heard.promise;
      await answered(relay);
    }

    it('leaves known of an entry that the queue does not take that it may have arrived before', async () => {
      const { outbox } = bench.store;
      const at = Date.now();
      const [first] = await outbox.claim(at, 1, 1000);
      assert.ok(first !== undefined);
      const failure = { at, retryAt: at, cause: 'case-system.timeout', unknown: true };
      assert.equal(await outbox.fail(first.id, first.token, failure), 'failed');
      await started(full, async relay => {
        await relay.stop();
        const back = await outbox.get(first.id);
        assert.deepEqual([back?.state, back?.attempts, back?.unknown], ['due', 1, true]);
      });
    });

    it('lets one worker begin with an entry whose id lies in the queue twice, and leaves it to that one', async () => {
      const { outbox } = bench.store;
      const [{ id } = { id: '' }] = await outbox.list({ limit: 1 });
      await started({ ...full, add: async () => undefined }, async relay => {
        const both = [await relay.claimed(id), await relay.claimed(id)];
        assert.deepEqual(
          both.map(entry => entry?.id ?? null),
          [id, null],
        );
        await relay.stop();
        assert.equal((await outbox.get(id))?.state, 'in-flight');
      });
    });
  });
}
