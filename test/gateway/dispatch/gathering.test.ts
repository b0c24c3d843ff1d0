// Answers wait for each other for a while, and no longer than somebody would stand idle for it.
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { wallClock } from '../../../gateway/dispatch/clock.ts';
import { createGathering } from '../../../gateway/dispatch/gathering.ts';

describe('gathering', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  const stage = () => {
    const join = createGathering({ clock: wallClock, waitMs: 6, enough: 3 });
    const over: string[] = [];
    return { over, join: (name: string) => void join().then(() => over.push(name)) };
  };
  const turn = () => new Promise(resolve => setImmediate(resolve));

  it('ends when the first to come has waited long enough', async () => {
    const { join, over } = stage();
    join('a');
    mock.timers.tick(5);
    join('b');
    await turn();
    assert.deepEqual(over, []);
    mock.timers.tick(1);
    await turn();
    assert.deepEqual(over, ['a', 'b']);
  });

  it('ends at once with the last that it waits for, and begins anew with the next', async () => {
    const { join, over } = stage();
    for (const name of ['a', 'b', 'c', 'd']) join(name);
    await turn();
    assert.deepEqual(over, ['a', 'b', 'c']);
    mock.timers.tick(5);
    await turn();
    assert.equal(over.length, 3, 'the time of the first gathering is no time of the second');
    mock.timers.tick(1);
    await turn();
    assert.deepEqual(over, ['a', 'b', 'c', 'd']);
  });
});
