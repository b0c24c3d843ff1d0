// Probes ask a large store no more often than it can bear, and a small one each time.
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { paced } from '../../../gateway/telemetry/probe-counts.ts';

describe('counts for probes', () => {
  let clock = 0;
  let asked = 0;
  let takes = 0;
  let fails = false;
  const count = paced(async () => {
    await null;
    clock += takes;
    if (fails) throw new Error('away');
    return ++asked;
  });

  before(() => void mock.method(performance, 'now', () => clock));
  after(() => mock.restoreAll());

  it('are made anew each time where that costs little', async () => {
    takes = 5;
    assert.deepEqual([await count(), await count()], [1, 2]);
  });

  it('are made once for all who ask at one time', async () => {
    assert.deepEqual(await Promise.all([count(), count()]), [3, 3]);
  });

  it('serve for ten times as long as they took', async () => {
    takes = 400;
    assert.equal(await count(), 4);
    clock += 3999;
    assert.equal(await count(), 4);
    clock += 1;
    assert.equal(await count(), 5);
  });

  it('serve for a quarter of a minute at most', async () => {
    clock += 10_000;
    takes = 60_000;
    assert.equal(await count(), 6);
    clock += 15_000;
    takes = 5;
    assert.equal(await count(), 7);
  });

  it('are not kept where the store did not answer, whatever it answered before', async () => {
    takes = 400;
    fails = true;
    await assert.rejects(count(), /away/);
    fails = false;
    assert.equal(await count(), 8);
  });
});
