// When a channel is asked again whose adapter has nothing to listen to: not over and over.
import assert from 'node:assert/strict';
import { pullFrom } from '../../../gateway/channels/channel-pulls.ts';

describe('a channel whose listening ends at once', () => {
  it('is asked once a second, whatever it says', async () => {
    const stop = new AbortController();
    const asked: number[] = [];
    const listen = async () => {
      asked.push(performance.now());
      if (asked.length === 3) stop.abort();
    };
    await pullFrom(
      { listen, close: async () => undefined },
      {
        store: { admin: { lease: async () => 'token' } } as never,
        ...{ now: Date.now, owner: 'this', id: 'one', signal: stop.signal },
        failed: error => assert.fail(String(error)),
        worked: () => undefined,
      },
    );
    const [first, second, third] = asked as [number, number, number];
    assert.ok(second - first > 900 && third - second > 900, asked.join(' '));
  }).timeout(10_000);
});
