// Waiting for something at most so long: told apart from not having waited long enough.
import assert from 'node:assert/strict';
import { within } from '../../gateway/channel-slot.ts';

describe('channel slot', () => {
  const LONG_MS = 60_000;

  it('says that something was done in time, whether it is done already or comes later', async () => {
    assert.equal(await within(Promise.resolve(), LONG_MS), true);
    const later = new Promise<void>(resolve => setImmediate(resolve));
    assert.equal(await within(later, LONG_MS), true);
  });

  it('says that something was not done in time', async () => {
    assert.equal(await within(new Promise(() => undefined), 1), false);
  });

  it('passes a failure on', async () => {
    await assert.rejects(within(Promise.reject(new Error('broken')), LONG_MS), /broken/);
  });
});
