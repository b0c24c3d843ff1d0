// Entries reach the case system: each once, in the order of its lane, whatever the case system does meanwhile.
import assert from 'node:assert/strict';
import { createBullQueue } from '../../../gateway/dispatch/bull-queue.ts';
import type { CaseSystemOptions, Fault } from '../../platforms/case-system.ts';
import { needsRedis, type Redis, startRedis } from '../../servers/redis.ts';
import { openWorkbench as open, type QueueOf, reportBug, until, type Workbench } from './workbench.ts';

/** Runs once for each queue. `queueOf` answers what opens a queue; the same one for all dispatchers of a workbench. */
function delivers(shared: boolean, queueOf: () => QueueOf | undefined): void {
  const openWorkbench = (simulated: CaseSystemOptions = {}) => open(simulated, queueOf());
  let bench: Workbench;
  afterEach(() => bench?.close());

  it('delivers every ticket once, records the case number and the state', async () => {
    bench = await openWorkbench();
    const numbers = await bench.tickets(Array.from({ length: 50 }, () => ({})));
    await bench.dispatch();
    await bench.drained();
    const summary = bench.simulator.summary();
    assert.equal(summary.effects, 50);
    assert.equal(summary.requests, 50);
    assert.ok(summary.mostAtOnce <= 8);
    const row = await bench.store.tickets.get(numbers[0] as string);
    assert.equal(row?.state, 'dispatched');
    assert.match(row?.caseNumber ?? '', /^CASE-/);
  });

  it('tells of a ticket the incident it is part of by the time it goes', async () => {
    bench = await openWorkbench();
    const [first = '', second = ''] = await bench.tickets([{}, {}]);
    const move = { from: null, to: first, tickets: [second], at: Date.now(), by: 'clerk' };
    const audit = { by: 'clerk', action: 'incident.merge', on: [second, first] };
    const moved = await bench.store.incidents.move({ ...move, kind: 'incident-merged', notSame: [], audit });
    assert.equal(moved, 'moved');
    await bench.dispatch();
    await bench.drained();
    const told = bench.simulator.lines.map(({ body }) => (body as { data: { incident: string | null } }).data.incident);
    assert.deepEqual(told, [first, first]);
  });

  it('tells once of two tickets that the case system gives one case number', async () => {
    bench = await openWorkbench({ oneCase: '0' });
    const numbers = await bench.tickets([{ lane: 'a' }, { lane: 'a' }, { lane: 'a' }]);
    await bench.dispatch();
    await bench.drained();
    const told = bench.logged.map(line => JSON.parse(line)).filter(({ code }) => code === 'dispatch.case-number-twice');
    assert.deepEqual(
      told.map(({ ticket, number }) => [ticket, number]),
      [[numbers[1], numbers[0]]],
    );
  });

  it('takes up what is committed while it runs, without being asked', async () => {
    bench = await openWorkbench();
    await bench.dispatch();
    await bench.tickets([{}, {}, {}]);
    await bench.drained();
    assert.equal(bench.simulator.summary().effects, 3);
  });

  const faults: readonly Fault[] = [
    '500',
    '502',
    '503',
    '429',
    'timeout',
    'timeout-after',
    'reset',
    'reset-after',
    '500-after',
    'slow-body',
    'html',
    'redirect',
    'wrong-body',
    'giant-body',
  ];
  // What the case system does is the forwarder's affair; each sort of failure once is enough for another queue.
  for (const fault of shared ? (['500', 'timeout-after', 'reset-after'] as const) : faults) {
    it(`has exactly one effect for each of 100 tickets when half of all requests end in ${fault}`, async () => {
      bench = await openWorkbench({ faults: { seed: 7, shares: { [fault]: 0.5 } }, placeOf: () => null });
      await bench.tickets(Array.from({ length: 100 }, (_, i) => ({ lane: `lane-${i % 50}` })));
      const before = process.memoryUsage().rss;
      await bench.dispatch({}, 32);
      await bench.drained();
      const { effects, doubledEffects, requests } = bench.simulator.summary();
      assert.deepEqual({ effects, doubledEffects }, { effects: 100, doubledEffects: 0 });
      assert.ok(requests > 130, 'faults really happened');
      assert.ok(!bench.simulator.lines.some(line => line.path === '/_redirected'), 'no redirect is followed');
      assert.equal((await bench.store.outbox.counts()).dead, 0);
      assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
    });
  }

  it('keeps the order of each lane through faults of every sort', async () => {
    const places = new Map<string, number>();
    const lanes = new Map<string, string>();
    bench = await openWorkbench({
      faults: { seed: 3, shares: { '503': 0.1, 'reset-after': 0.1, '500': 0.1, html: 0.05 } },
      laneOf: body => lanes.get(String(body['ticket'])) ?? null,
      placeOf: body => places.get(String(body['ticket'])) ?? null,
    });
    const list = Array.from({ length: 200 }, (_, i) => ({ lane: `lane-${i % 20}` }));
    const numbers = await bench.tickets(list);
    numbers.forEach((number, i) => {
      places.set(number, i);
      lanes.set(number, `lane-${i % 20}`);
    });
    await bench.dispatch();
    await bench.drained();
    const { effects, inversions } = bench.simulator.summary();
    assert.deepEqual({ effects, inversions }, { effects: 200, inversions: 0 });
  });

  it('sends urgent tickets before everything that waits, their own lane too', async () => {
    bench = await openWorkbench();
    await bench.tickets(Array.from({ length: 300 }, (_, i) => ({ lane: `lane-${i % 10}` })));
    await bench.dispatch({}, 2);
    await until(() => bench.simulator.lines.length > 20, 'some were sent');
    const from = bench.simulator.lines.length;
    const [urgent] = await bench.tickets([{ lane: 'lane-1', urgent: true }]);
    await until(() => bench.simulator.lines.some(line => line.ticket === urgent), 'the urgent one was sent');
    const at = bench.simulator.lines.findIndex(line => line.ticket === urgent);
    assert.ok(at - from <= 30, `only what was under way went first (${at - from})`);
    assert.ok(bench.simulator.lines.length < 300);
    await bench.drained();
  });

  it('makes a refusal a dead letter with its cause, frees the lane, and replays it under the same key', async () => {
    bench = await openWorkbench({ faults: { script: ['422'] } });
    const [first, second] = await bench.tickets([{ lane: 'one' }, { lane: 'one' }]);
    await bench.dispatch();
    await bench.drained();
    const [dead] = await bench.store.outbox.list({ state: 'dead', limit: 10 });
    assert.equal(dead?.ticket, first);
    assert.match(dead?.cause ?? '', /^case-system\.refused 工单系统拒收 \/ .* · scripted 422$/);
    assert.equal(bench.simulator.lines.at(-1)?.ticket, second);
    const by = { by: 'clerk', action: 'dead-letters.replay', on: [] };
    assert.equal(
      (await bench.store.outbox.replay({ limit: 10, cause: 'case-system.refused' }, Date.now(), by)).length,
      1,
    );
    await bench.drained();
    assert.deepEqual(
      bench.simulator.lines.filter(line => line.ticket === first).map(line => line.key),
      [`${first}:0:ticket.created`, `${first}:0:ticket.created`],
    );
    assert.equal(bench.simulator.summary().effects, 2);
  });

  it('lets one poisoned entry delay no other, and makes it a dead letter in the end', async () => {
    bench = await openWorkbench({ faultOf: body => (JSON.stringify(body).includes('毒') ? '500' : null) });
    const list = Array.from({ length: 61 }, (_, i) => ({ content: i === 0 ? '毒' : '路灯不亮' }));
    const [poison] = await bench.tickets(list);
    await bench.dispatch({ retry: { steps: [0.05], every: 0.05, hours: 0.0001 } }, 4);
    await until(() => bench.simulator.summary().effects === 60, 'all others were delivered');
    await bench.drained();
    const [dead] = await bench.store.outbox.list({ state: 'dead', limit: 10 });
    assert.equal(dead?.ticket, poison);
    assert.match(dead?.cause ?? '', /^case-system\.failed /);
  });

  it('gives up after the schedule and says what went wrong last', async () => {
    bench = await openWorkbench({ faults: { script: ['503'], repeat: true } });
    await bench.tickets([{}]);
    // 0.36 s of attempts: 0.1 + 0.1 + 0.1, the fourth would be too late.
    await bench.dispatch({ retry: { steps: [0.1], every: 0.1, hours: 0.0001 } });
    await bench.drained();
    const [dead] = await bench.store.outbox.list({ state: 'dead', limit: 10 });
    assert.equal(dead?.attempts, 4);
    assert.match(dead?.cause ?? '', /^case-system\.busy /);
  });

  it('waits as long as Retry-After asks, but not beyond its own longest wait', async () => {
    bench = await openWorkbench({ faults: { script: ['429', '429'] }, retryAfter: 1 });
    await bench.tickets([{}]);
    const from = Date.now();
    await bench.dispatch({ retry: { steps: [0.02], every: 0.3, hours: 1 } });
    await bench.drained();
    const took = Date.now() - from;
    assert.ok(took >= 580 && took < 1500, `two waits of 0.3 s (${took} ms)`);
  });

  it('looks up an entry of unknown outcome before it is sent again', async () => {
    bench = await openWorkbench({
      idempotent: false,
      faults: { script: ['timeout-after', 'reset-after', '500-after', 'timeout'] },
    });
    await bench.tickets([{}, {}, {}, {}]);
    await bench.dispatch({ lookUp: { path: '/entries/{key}' } }, 1);
    await bench.drained();
    const { effects, doubledEffects, lookUps } = bench.simulator.summary();
    assert.deepEqual({ effects, doubledEffects, lookUps }, { effects: 4, doubledEffects: 0, lookUps: 4 });
    for (const entry of await bench.store.outbox.list({ state: 'done', limit: 10 })) {
      assert.match(entry.caseNumber ?? '', /^CASE-/);
    }
  });

  it('sends nothing again while the look-up itself is not answered', async () => {
    bench = await openWorkbench({ idempotent: false, lookUpsBusy: 2, faults: { script: ['timeout-after'] } });
    await bench.tickets([{}]);
    await bench.dispatch({ lookUp: { path: '/entries/{key}' } });
    await bench.drained();
    const { effects, doubledEffects, lookUps } = bench.simulator.summary();
    assert.deepEqual({ effects, doubledEffects, lookUps }, { effects: 1, doubledEffects: 0, lookUps: 3 });
  });

  it('looks up what was of unknown outcome although the circuit opened while it waited for its turn', async () => {
    bench = await openWorkbench({ idempotent: false, faults: { script: ['timeout-after', 'timeout'] } });
    await bench.tickets([{}, {}]);
    const breaker = { failures: 2, openSeconds: 0.05, maxOpenSeconds: 0.2 };
    await bench.dispatch({ lookUp: { path: '/entries/{key}' }, breaker }, 1);
    await bench.drained();
    const { effects, doubledEffects, lookUps } = bench.simulator.summary();
    assert.deepEqual({ effects, doubledEffects, lookUps }, { effects: 2, doubledEffects: 0, lookUps: 2 });
  });

  it('keeps with a dead letter that it may have arrived before it was refused', async () => {
    bench = await openWorkbench({ faults: { script: ['timeout-after', '503', '422'] } });
    await bench.tickets([{}]);
    await bench.dispatch();
    await bench.drained();
    const [dead] = await bench.store.outbox.list({ state: 'dead', limit: 10 });
    assert.deepEqual([dead?.attempts, dead?.unknown], [3, true]);
  });

  it('parks notices until their ticket is with the case system, and sends all five kinds', async () => {
    bench = await openWorkbench({ faults: { script: ['503', '503'] } });
    const [ticket = ''] = await bench.tickets([{}]);
    const message = await bench.followUp(ticket, '还是没修，请催办。');
    await bench.later(ticket, 1, { kind: 'ticket.corrected', ticket, afterCreated: true });
    await bench.later(message, 1, { kind: 'ticket.link-undone', ticket, afterCreated: true });
    await bench.later(ticket, 2, { kind: 'ticket.withdrawn', ticket, afterCreated: true });
    await bench.dispatch();
    await bench.drained();
    const { effectsByKind, noticesTooEarly } = bench.simulator.summary();
    assert.deepEqual(effectsByKind, {
      'ticket.created': 1,
      'ticket.followed-up': 1,
      'ticket.corrected': 1,
      'ticket.link-undone': 1,
      'ticket.withdrawn': 1,
    });
    assert.equal(noticesTooEarly, 0);
  });

  it('marks entries of a kind the case system does not take as done, without sending them', async () => {
    bench = await openWorkbench();
    const [ticket = ''] = await bench.tickets([{}]);
    await bench.followUp(ticket, '请催办。');
    await bench.dispatch({ paths: { 'ticket.followed-up': null } });
    await bench.drained();
    assert.equal((await bench.store.outbox.counts()).done, 2);
    assert.equal(bench.simulator.lines.length, 1);
  });

  it('puts back what it had not begun when it closes, and the next start goes on', async () => {
    bench = await openWorkbench({ faults: { script: ['timeout'] } });
    await bench.tickets(Array.from({ length: 40 }, (_, i) => ({ lane: `lane-${i}` })));
    const first = await bench.dispatch({}, 2, 1000);
    await until(() => bench.simulator.lines.length > 5, 'it was busy');
    await first.close(3000);
    const counts = await bench.store.outbox.counts();
    // What lies in a queue of many processes is for the others to take.
    assert.ok(shared || counts.inFlight === 0);
    assert.ok(counts.due > 0);
    // Nothing went wrong with what was only put back.
    for (const { cause } of await bench.store.outbox.list({ state: 'due', limit: 100 })) assert.notEqual(cause, '');
    await bench.dispatch();
    await bench.drained();
    assert.equal(bench.simulator.summary().effects, 40);
    assert.equal(bench.simulator.summary().doubledEffects, 0);
  });
}

describe('dispatch', () => {
  describe('by the queue of one process', () => delivers(false, () => undefined));

  describe('by Bull', () => {
    let redis: Redis;
    let place = 0;
    before(async function () {
      needsRedis(this);
      redis = await startRedis();
    });
    after(() => redis?.stop());
    delivers(true, () => {
      const prefix = `delivery-${place++}`;
      return () => createBullQueue({ url: redis.url, prefix, onBug: reportBug });
    });
  });
});
