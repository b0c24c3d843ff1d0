// The queue is a hint: whatever becomes of Redis, every entry reaches the case system once and in the order of its lane.
import assert from 'node:assert/strict';
import { createBullQueue } from '../../../gateway/dispatch/bull-queue.ts';
import { needsRedis, type Redis, startRedis } from '../../servers/redis.ts';
import { openWorkbench, reportBug, until, type Workbench } from './workbench.ts';

const LANES = 20;

describe('dispatch and the loss of Redis', function () {
  // So long only where the machine does other things too.
  this.timeout(180_000);
  let redis: Redis;
  let bench: Workbench;
  const places = new Map<string, number>();
  const lanes = new Map<string, string>();

  before(function () {
    needsRedis(this);
  });
  beforeEach(async () => {
    redis = await startRedis();
    bench = await openWorkbench(
      {
        laneOf: body => lanes.get(String(body['ticket'])) ?? null,
        placeOf: body => places.get(String(body['ticket'])) ?? null,
      },
      () => createBullQueue({ url: redis.url, onBug: reportBug, silentMs: 1000 }),
    );
  });
  afterEach(async () => {
    await bench?.close();
    await redis?.stop();
  });

  async function fill(count: number): Promise<void> {
    const numbers = await bench.tickets(Array.from({ length: count }, (_, i) => ({ lane: `lane-${i % LANES}` })));
    numbers.forEach((number, i) => {
      places.set(number, i);
      lanes.set(number, `lane-${i % LANES}`);
    });
  }

  const some = (count: number) => until(() => bench.simulator.lines.length >= count, `${count} were sent`);

  async function allOnce(count: number): Promise<void> {
    await bench.drained();
    const { effects, doubledEffects, inversions } = bench.simulator.summary();
    assert.deepEqual({ effects, doubledEffects, inversions }, { effects: count, doubledEffects: 0, inversions: 0 });
    assert.equal((await bench.store.outbox.counts()).dead, 0);
  }

  it('sends everything once when Redis is flushed again and again', async () => {
    await fill(600);
    await bench.dispatch({}, 8, 400);
    for (const sent of [50, 150, 300, 450]) {
      await some(sent);
      await redis.command('FLUSHALL');
    }
    await allOnce(600);
  });

  it('sends everything once when Redis is killed and comes back, twice, and once with nothing left of it', async () => {
    await fill(600);
    await bench.dispatch({}, 4, 1000);
    for (const sent of [50, 250]) {
      await some(sent);
      await redis.kill();
      await redis.start();
    }
    await some(450);
    await redis.kill();
    await redis.start();
    await redis.command('FLUSHALL');
    await allOnce(600);
  });

  it('takes up the work again after a Redis that held the line and said nothing', async () => {
    await fill(200);
    await bench.dispatch({}, 4, 1000);
    await some(40);
    redis.freeze();
    const before = bench.simulator.lines.length;
    await until(async () => (await bench.store.outbox.counts()).due > 0, 'what the queue did not take is put back');
    redis.thaw();
    await some(before + 50);
    await allOnce(200);
  });

  it('lets work that a dead dispatcher had in its hands be done by another', async () => {
    await fill(100);
    const first = await bench.dispatch({}, 4, 500);
    await some(20);
    // Gone in the midst of it: neither its jobs nor what it queued are put back.
    await first.close(0);
    await bench.dispatch({}, 4, 500);
    await allOnce(100);
  });
});
