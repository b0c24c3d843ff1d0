// While the case system is down nothing is sent but single probes, and no entry is the worse for it.
import assert from 'node:assert/strict';
import { type BreakerState, createBreaker } from '../../../gateway/dispatch/breaker.ts';
import { openWorkbench, until } from './workbench.ts';

const failed = (result: boolean): boolean => !result;

describe('circuit breaker', () => {
  function make(failures = 3) {
    let time = 0;
    const states: BreakerState[] = [];
    const breaker = createBreaker({
      failures,
      openMs: 100,
      maxOpenMs: 400,
      monotonic: () => time,
      onChange: state => states.push(state),
    });
    const attempt = (ok: boolean) => breaker.run(async () => ok, failed);
    return { breaker, states, attempt, pass: (ms: number) => (time += ms) };
  }

  it('opens after so many failures in a row, not before', async () => {
    const { breaker, attempt } = make();
    for (const ok of [false, false, true, false, false]) await attempt(ok);
    assert.equal(breaker.state, 'closed');
    await attempt(false);
    assert.equal(breaker.state, 'open');
    assert.equal(breaker.room(), 0);
    assert.equal(await attempt(true), null, 'nothing is run');
  });

  it('lets one probe through after its wait, and closes when that succeeds', async () => {
    const { breaker, attempt, pass, states } = make(1);
    await attempt(false);
    assert.equal(breaker.waitMs(), 100);
    pass(100);
    assert.equal(breaker.room(), 1);
    let end = (_ok: boolean): void => undefined;
    const probe = breaker.run(
      () =>
        new Promise<boolean>(resolve => {
          end = resolve;
        }),
      failed,
    );
    assert.equal(breaker.room(), 0, 'one probe at a time');
    assert.equal(await attempt(true), null);
    end(true);
    assert.equal(await probe, true);
    assert.equal(breaker.state, 'closed');
    assert.deepEqual(states, ['open', 'half-open', 'closed']);
  });

  it('doubles its wait with each probe that fails, up to a limit, and begins anew after a success', async () => {
    const { breaker, attempt, pass } = make(1);
    await attempt(false);
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      waits.push(breaker.waitMs());
      pass(breaker.waitMs());
      await attempt(false);
    }
    assert.deepEqual([...waits, breaker.waitMs()], [100, 200, 400, 400, 400]);
    pass(400);
    await attempt(true);
    await attempt(false);
    assert.equal(breaker.waitMs(), 100);
  });

  it('is not held open by a wall clock that was set back', async () => {
    const { breaker, attempt, pass } = make(1);
    const wallClock = Date.now;
    await attempt(false);
    pass(100);
    try {
      Date.now = () => wallClock() - 86_400_000;
      assert.equal(await attempt(true), true);
    } finally {
      Date.now = wallClock;
    }
    assert.equal(breaker.state, 'closed');
  });

  it('keeps a backlog whole through an outage: few requests, no attempts used up, no burst afterwards', async () => {
    const bench = await openWorkbench({ faults: { script: ['503'], repeat: true } });
    try {
      await bench.tickets(Array.from({ length: 200 }, () => ({})));
      const dispatch = await bench.dispatch({
        breaker: { failures: 10, openSeconds: 0.05, maxOpenSeconds: 0.1 },
        retry: { steps: [0.02], every: 0.02, hours: 0.0001 },
      });
      await until(() => dispatch.status().circuit === 'open', 'the circuit opened');
      const opened = bench.simulator.lines.length;
      const from = performance.now();
      // Up to eight requests were on their way when it opened; five more are probes.
      await until(() => bench.simulator.lines.length >= opened + 8 + 5, 'it was probed');
      assert.ok(performance.now() - from > 250, 'probes are apart');
      const counts = await bench.store.outbox.counts();
      assert.equal(counts.dead, 0);
      bench.simulator.setFaults(null);
      await bench.drained();
      assert.equal(dispatch.status().circuit, 'closed');
      const { effects, mostAtOnce } = bench.simulator.summary();
      assert.equal(effects, 200);
      assert.ok(mostAtOnce <= 8);
    } finally {
      await bench.close();
    }
  });

  it('uses up attempts of an entry that alone is answered with 500, so that it comes to its end', async () => {
    const bench = await openWorkbench({ faults: { script: ['500'], repeat: true } });
    try {
      await bench.tickets([{}]);
      await bench.dispatch({
        breaker: { failures: 2, openSeconds: 0.02, maxOpenSeconds: 0.02 },
        retry: { steps: [0.02], every: 0.02, hours: 0.00003 },
      });
      await bench.drained();
      assert.equal((await bench.store.outbox.counts()).dead, 1);
    } finally {
      await bench.close();
    }
  });
});
