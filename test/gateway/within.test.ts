// Waiting for something at most so long: told apart from not having waited long enough.
import assert from 'node:assert/strict';
import { within } from '../../gateway/within.ts';

describe('waiting at most so long', () => {
  const LONG_MS = 60_000;

  it('says that something was done in time, whether it is done already or comes later', async () => {
    assert.equal((await within(LONG_MS, Promise.resolve())).done, true);
    const later = new Promise<void>(resolve => setImmediate(resolve));
    assert.equal((await within(LONG_MS, later)).done, true);
  });

  it('says that something was not done in time', async () => {
    assert.equal((await within(1, new Promise(() => undefined))).done, false);
  });

  it('passes a failure on', async () => {
    await assert.rejects(within(LONG_MS, Promise.reject(new Error('broken'))), /broken/);
  });
});
