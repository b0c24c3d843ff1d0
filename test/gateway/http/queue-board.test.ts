// The page that shows the queue on Redis: off unless asked for, behind a sign-in, and it changes nothing.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { createBullQueue } from '../../../gateway/dispatch/bull-queue.ts';
import { HttpProblem } from '../../../gateway/http/problem.ts';
import { createSignIn } from '../../../gateway/http/sign-in.ts';
import { needsRedis, type Redis, startRedis } from '../../servers/redis.ts';
import { type Running, runGateway } from '../running.ts';

const USER = 'duty';
const PASSWORD = '看板-correct horse';
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const loaded = () => Object.keys(createRequire(import.meta.url).cache).some(file => file.includes('@bull-board'));
const RIGHT = basic(USER, PASSWORD);

describe('the page of the queue', () => {
  let redis: Redis | undefined;
  let running: Running | undefined;
  afterEach(async () => {
    await running?.close();
    running = undefined;
    await redis?.stop();
    redis = undefined;
  });

  const ask = (path: string, authorization?: string, method = 'GET') =>
    fetch(`${running?.gateway.url}${path}`, { method, headers: authorization === undefined ? {} : { authorization } });
  const codeOf = async (answer: Response) => ((await answer.json()) as { readonly code: string }).code;

  async function withBoard(): Promise<Redis> {
    redis = await startRedis({ password: 'se/cret' });
    running = await runGateway({ queue: { redis: redis.url, board: { user: USER, password: PASSWORD } } });
    return redis;
  }

  it('is not there unless the settings ask for it', async () => {
    running = await runGateway();
    for (const path of ['/queue', '/queue/api/queues']) assert.equal((await ask(path, RIGHT)).status, 404, path);
    assert.equal(loaded(), false);
  });

  describe('on Redis', () => {
    before(function () {
      needsRedis(this);
    });

    it('lets nobody in without the right user and password, logs wrong ones, and has an address wait after five', async () => {
      await withBoard();
      const first = await ask('/queue/');
      assert.deepEqual([first.status, first.headers.get('cache-control')], [401, 'no-store']);
      assert.match(first.headers.get('www-authenticate') ?? '', /^Basic realm=/);
      assert.equal(await codeOf(first), 'http.sign_in_needed');
      const wrong = [basic(USER, 'wrong'), basic('other', PASSWORD), basic(USER, ''), basic(USER, `${PASSWORD}x`)];
      for (const authorization of [...wrong, basic('', '')]) {
        const answer = await ask('/queue/api/queues', authorization);
        assert.deepEqual([answer.status, await codeOf(answer)], [401, 'http.sign_in_wrong']);
      }
      const lines = running?.logged.filter(line => line.includes('http.sign_in_wrong') && line.includes('127.0.0.1'));
      assert.equal(lines?.length, 5);
      const locked = await ask('/queue/', RIGHT);
      assert.deepEqual([locked.status, await codeOf(locked)], [429, 'http.sign_in_locked']);
      const wait = Number(locked.headers.get('retry-after'));
      assert.ok(wait > 0 && wait <= 900, String(wait));
    });

    it('shows whoever signs in what waits, kept by no cache, from no foreign server, and audits the sign-in once', async () => {
      const { url } = await withBoard();
      const queue = createBullQueue({ url, onBug: error => assert.fail(String(error)) });
      await queue.add('2611260000000000A:1:ticket', { urgent: false });
      await queue.close(1000);
      const page = await ask('/queue', RIGHT);
      const html = await page.text();
      assert.equal(loaded(), true);
      assert.equal(page.status, 200);
      assert.match(html, /<base href="\/queue\/">|<base href="\/queue\/" \/>/);
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'self'/);
      const script = /src="(static\/js\/main[^"]+)"/.exec(html)?.[1];
      for (const path of ['/queue', `/queue/${script}`, '/queue/api/queues']) {
        const answer = await ask(path, RIGHT);
        assert.deepEqual([answer.status, answer.headers.get('cache-control')], [200, 'no-store'], path);
        assert.equal(answer.headers.get('x-powered-by'), null);
        await answer.arrayBuffer();
      }
      const { queues } = (await (await ask('/queue/api/queues?activeQueue=dispatch', RIGHT)).json()) as {
        readonly queues: readonly {
          readonly readOnlyMode: boolean;
          readonly jobs: readonly { readonly data: unknown }[];
        }[];
      };
      assert.equal(queues[0]?.readOnlyMode, true);
      assert.deepEqual(
        queues[0]?.jobs.map(({ data }) => data),
        [{ id: '2611260000000000A:1:ticket' }],
      );
      const audited = await running?.gateway.foundation.store.admin.auditList(0, 100);
      const looks = audited?.filter(({ action }) => action === 'queue.look') ?? [];
      assert.deepEqual(
        looks.map(({ by }) => by),
        [USER],
      );
    });

    it('changes nothing, whoever asks', async () => {
      const { url } = await withBoard();
      const queue = createBullQueue({ url, onBug: error => assert.fail(String(error)) });
      try {
        await queue.add('2611260000000000A:1:ticket', { urgent: false });
        for (const [method, path] of [
          ['PUT', '/queue/api/queues/dispatch/pause'],
          ['PUT', '/queue/api/queues/dispatch/empty'],
          ['PUT', '/queue/api/queues/dispatch/1/clean'],
          ['PUT', '/queue/api/queues/dispatch/obliterate'],
          ['POST', '/queue/api/queues/dispatch/add'],
        ] as const) {
          assert.equal((await ask(path, RIGHT, method)).status, 404, path);
        }
        assert.deepEqual(await queue.counts(), { waiting: 1, active: 0 });
      } finally {
        await queue.close(1000);
      }
    });

    it('says so while Redis is away, and shows the queue again when it is back', async () => {
      const server = await withBoard();
      assert.equal((await ask('/queue/api/queues', RIGHT)).status, 200);
      await server.kill();
      const away = await ask('/queue/api/queues', RIGHT);
      assert.deepEqual([away.status, await codeOf(away)], [503, 'queue.unreachable']);
      await server.start();
      await running?.until(async () => (await ask('/queue/api/queues', RIGHT)).status === 200);
    });
  });
});

describe('the sign-in by HTTP Basic', () => {
  const codeOf = (attempt: () => void): string => {
    try {
      attempt();
      return 'in';
    } catch (error) {
      assert.ok(error instanceof HttpProblem);
      return error.code;
    }
  };

  it('has an address wait for 15 minutes after five wrong tries, and no other one', () => {
    let now = 0;
    const signIn = createSignIn({ user: USER, password: PASSWORD }, () => now);
    const tryIt = (authorization: string | undefined, address = '10.0.0.1') =>
      codeOf(() => signIn(authorization, address));
    for (let n = 0; n < 4; n++) assert.equal(tryIt(basic(USER, `guess ${n}`)), 'http.sign_in_wrong');
    // Asking without credentials, as every browser does first, is no try; the right ones forget those before.
    for (let n = 0; n < 9; n++) assert.equal(tryIt(undefined), 'http.sign_in_needed');
    assert.equal(tryIt(RIGHT), 'in');
    for (let n = 0; n < 5; n++) assert.equal(tryIt(basic(USER, `guess ${n}`)), 'http.sign_in_wrong');
    assert.equal(tryIt(RIGHT), 'http.sign_in_locked');
    assert.equal(tryIt(RIGHT, '10.0.0.2'), 'in');
    now = 15 * 60_000 - 1;
    assert.equal(tryIt(RIGHT), 'http.sign_in_locked');
    now++;
    assert.equal(tryIt(RIGHT), 'in');
  });
});
