// A gateway that is told to stop in the moment in which it begins to serve ends as if it had run for long.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { freePort } from '../servers/free-port.ts';
import { openPlace, type Place, START } from './process.ts';

describe('a start', function () {
  this.timeout(60_000);
  let place: Place;
  beforeEach(() => {
    place = openPlace();
  });
  afterEach(() => place.remove());

  async function serves(port: number): Promise<void> {
    for (;;) {
      const socket = connect({ port, host: '127.0.0.1' });
      try {
        await once(socket, 'connect');
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
      } finally {
        socket.destroy();
      }
    }
  }

  it('that is told to stop as soon as a connection is taken finishes what it has begun', async () => {
    const port = await freePort();
    place.settings({ listen: { port }, intake: { minFreeMb: 0, minFreePercent: 0 } });
    const gateway = place.run(START);
    await serves(port);
    gateway.child.kill('SIGTERM');
    assert.equal(await gateway.ended, 0, gateway.stderr());
    assert.match(gateway.stderr(), /"code":"gateway\.stopped","signal":"SIGTERM"/);
  });
});
