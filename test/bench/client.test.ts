// The client of the measurements must count what was answered, and charge what was late.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { buildRequests } from '../../bench/client/requests.ts';
import { runRound } from '../../bench/client/rounds.ts';
import { slopeOf } from '../../bench/phases.ts';
import { recipeTexts } from '../../bench/texts.ts';

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

const spec = { path: '/hooks/x', secret: `whsec_${Buffer.alloc(32, 1).toString('base64')}`, round: 't', from: 0 };
const requests = buildRequests({ ...spec, count: 300, redeliveries: 0.1, signedAt: 1_700_000_000 }, recipeTexts(1));
const once300 = { connections: 4, seconds: 0, rate: null, once: true, warmUp: 0 };

describe('the client of the measurements', () => {
  it('signs every request by Standard Webhooks and repeats the wished share', () => {
    const { headers, body } = requests.all[0]!;
    const mac = createHmac('sha256', Buffer.alloc(32, 1)).update(`${headers['webhook-id']}.1700000000.`).update(body);
    assert.equal(headers['webhook-signature'], `v1,${mac.digest('base64')}`);
    assert.ok(requests.redeliveries > 5 && requests.redeliveries < 60);
  });
  it('sends each request once and counts the statuses', async () => {
    let seen = 0;
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        response.statusCode = ++seen % 3 === 0 ? 503 : 202;
        response.end('{}');
      });
    });
    const round = await runRound({ ...once300, port: await portOf(server) }, requests.all);
    server.close();
    assert.deepEqual(round.byStatus, { '202': 200, '503': 100 });
    assert.equal(round.broken, 0);
  });
  it('charges a stall of the server to every request it delayed', async () => {
    let stalled = false;
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        const answer = () => response.end('{}');
        if (stalled) answer();
        else {
          stalled = true;
          setTimeout(answer, 400);
        }
      });
    });
    const port = await portOf(server);
    const round = await runRound({ port, connections: 1, seconds: 1, rate: 200, warmUp: 0 }, requests.all);
    server.close();
    assert.ok(round.p90 > 100, `four in ten requests were due while it stalled: ${round.p90}`);
    assert.ok(round.max > 350);
  });
  it('tells a growing backlog from a steady one', () => {
    const points = [0, 1, 2, 3].map(second => ({ at: second * 1000, unread: 100 + second * 50 }));
    assert.equal(Math.round(slopeOf(points)), 50);
    assert.equal(slopeOf(points.map(point => ({ ...point, unread: 7 }))), 0);
  });
});
