// How a channel is pulled: not over and over, told to end where it takes nothing in, and not called down where another process pulls.
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { OpenChannel, Unavailable } from '../../../adapters/contract.ts';
import { type Puller, pullFrom } from '../../../gateway/channels/channel-pulls.ts';
import { createPollProgress } from '../../../gateway/channels/poll-progress.ts';

const MINUTE_MS = 60_000;
const close = async () => undefined;

/** A puller, and what it was told. */
function pulling(lease: () => string | null = () => 'token') {
  const stop = new AbortController();
  const failures: { code: string; retryMs: number | null }[] = [];
  const world = { elapsed: 0, leases: 0, elsewhere: 0, worked: 0 };
  const progress = createPollProgress(() => world.elapsed);
  const asked = async () => {
    world.leases++;
    return lease();
  };
  const puller: Puller = {
    store: { admin: { lease: asked } } as never,
    ...{ now: Date.now, owner: 'this', id: 'one', signal: stop.signal, progress },
    failed: (error, retryMs) => void failures.push({ code: (error as Unavailable).code, retryMs }),
    worked: () => void world.worked++,
    elsewhere: () => void world.elsewhere++,
  };
  return { stop, failures, world, progress, puller };
}

describe('a channel whose listening ends at once', () => {
  it('is asked once a second, whatever it says', async () => {
    const asked: number[] = [];
    const { stop, failures, puller } = pulling();
    const listen = async () => {
      asked.push(performance.now());
      if (asked.length === 3) stop.abort();
    };
    await pullFrom({ listen, close }, puller);
    const [first, second, third] = asked as [number, number, number];
    assert.ok(second - first > 900 && third - second > 900, asked.join(' '));
    assert.deepEqual(failures, []);
  }).timeout(10_000);
});

describe('a poll', () => {
  /** Lets so many thirds of a lease pass. */
  async function pass(thirds: number): Promise<void> {
    for (let i = 0; i < thirds; i++) {
      mock.timers.tick(3400);
      for (let step = 0; step < 5; step++) await turn();
    }
  }
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval'] }));
  afterEach(() => mock.timers.reset());

  const untilAborted = (signal: AbortSignal) =>
    new Promise<void>((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('ended')), { once: true }),
    );

  it('that takes nothing in for half an hour is told to end, its lease is given up, and it is tried again', async () => {
    const { stop, failures, world, progress, puller } = pulling();
    const done = pullFrom({ poll: untilAborted, close } satisfies OpenChannel, puller);
    await pass(2);
    world.elapsed = 29 * MINUTE_MS;
    await pass(2);
    assert.deepEqual(failures, []);
    assert.deepEqual(progress.state(), {
      seconds: 29 * 60,
      idleSeconds: 29 * 60,
      staleSeconds: 29 * 60,
      accepted: 0,
      known: 0,
    });
    world.elapsed = 30 * MINUTE_MS;
    await pass(1);
    assert.deepEqual(
      failures.map(({ code, retryMs }) => [code, retryMs === null]),
      [
        ['channel.poll_stuck', true],
        ['channel.poll_stuck', false],
      ],
    );
    await pass(1);
    assert.equal(progress.state()?.seconds, 0, 'it polls again');
    stop.abort();
    await done;
  });

  it('that does not end when told stays down, is not begun beside itself, and lets another process have the lease', async () => {
    let polls = 0;
    const never = Promise.withResolvers<void>();
    const poll = () => {
      polls++;
      return never.promise;
    };
    const { stop, failures, world, puller } = pulling();
    const done = pullFrom({ poll, close }, puller);
    await pass(1);
    world.elapsed = 31 * MINUTE_MS;
    await pass(1);
    const { leases } = world;
    await pass(30);
    assert.deepEqual([polls, world.leases, failures], [1, leases, [{ code: 'channel.poll_stuck', retryMs: null }]]);
    stop.abort();
    never.resolve();
    await done;
  });

  it('of a long backlog goes on for hours, as long as it gets on', async () => {
    const { stop, failures, world, progress, puller } = pulling();
    const done = pullFrom({ poll: untilAborted, close }, puller);
    for (let half = 1; half <= 12; half++) {
      await pass(1);
      world.elapsed = half * 29 * MINUTE_MS;
      await pass(1);
      progress.moved(100, 7);
    }
    assert.deepEqual(failures, []);
    assert.deepEqual(progress.state(), {
      ...{ seconds: 12 * 29 * 60, idleSeconds: 0, staleSeconds: 0, accepted: 1200, known: 84 },
    });
    stop.abort();
    await done;
  });

  it('and a listening end once another process has the lease, and are not begun anew before it is back', async () => {
    let token: string | null = 'token';
    const ended: string[] = [];
    const until = (name: string) => (signal: AbortSignal) =>
      new Promise<void>(resolve => {
        signal.addEventListener('abort', () => resolve(void ended.push(name)), { once: true });
      });
    const { stop, puller } = pulling(() => token);
    const done = pullFrom({ poll: until('poll'), listen: until('listen'), close }, puller);
    await pass(2);
    assert.deepEqual(ended, []);
    token = null;
    await pass(30);
    assert.deepEqual(ended.toSorted(), ['listen', 'poll']);
    token = 'another';
    await pass(30);
    stop.abort();
    await done;
    assert.equal(ended.length, 4);
  });

  it('that failed here says nothing of the channel once another process has been pulling for half a minute', async () => {
    let token: string | null = null;
    const { stop, world, puller } = pulling(() => token);
    const done = pullFrom({ poll: async () => undefined, close }, puller);
    await pass(7);
    assert.equal(world.elsewhere, 0);
    await pass(2);
    assert.ok(world.elsewhere > 0);
    token = 'token';
    await pass(1);
    assert.equal(world.worked, 1);
    stop.abort();
    await done;
  });
});
