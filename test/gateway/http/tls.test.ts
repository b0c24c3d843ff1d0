// TLS of our own and proxies in front: certificates are swapped under open connections, forwarded addresses believed only from proxies.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { newSecret } from '../../../adapters/kit/signature.ts';
import { partner } from '../../platforms/app.ts';
import { cannotMake, makeCertificate, type TestCertificate } from '../certificates.ts';
import { until } from '../dispatch/workbench.ts';
import { appChannel, type Reloading, replaced, startReloading } from '../settings/reloading.ts';

const appeal = (content: string) => ({
  type: 'appeal.created',
  timestamp: new Date().toISOString(),
  data: { content, contact: {} },
});

describe('TLS', function () {
  this.timeout(60_000);
  let [one, other]: TestCertificate[] = [];
  let running: Reloading;
  before(function () {
    const reason = cannotMake();
    if (reason !== null) {
      console.log(`      left out: ${reason}`);
      this.skip();
    }
    [one, other] = [makeCertificate('one'), makeCertificate('other')];
  });
  afterEach(() => running?.close());

  const tls = { certFile: './cert.pem', keyFile: './key.pem' };
  const put = (folder: string, { cert, key }: TestCertificate) => {
    replaced(join(folder, 'cert.pem'), cert);
    replaced(join(folder, 'key.pem'), key);
  };

  async function start(): Promise<Reloading> {
    running = await startReloading({ listen: { port: 0, tls } }, folder => put(folder, one as TestCertificate));
    return running;
  }

  async function handshake(ca: string): Promise<TLSSocket> {
    const { hostname, port } = new URL(running.gateway.url);
    const socket = connect({ host: hostname, port: Number(port), ca });
    await once(socket, 'secureConnect');
    return socket;
  }

  const nameOf = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;

  function get(agent: Agent, path: string): Promise<{ status: number | undefined; reused: boolean }> {
    return new Promise((resolve, reject) => {
      const asked = httpsRequest(`${running.gateway.url}${path}`, { agent }, answer => {
        answer.resume();
        answer.on('end', () => resolve({ status: answer.statusCode, reused: asked.reusedSocket }));
      });
      asked.on('error', reject).end();
    });
  }

  it('speaks HTTPS, tells when its certificate ends, and refuses what is too old', async () => {
    await start();
    assert.match(running.gateway.url, /^https:\/\/127\.0\.0\.1:/);
    const agent = new Agent({ ca: one?.cert ?? '', keepAlive: true });
    assert.equal((await get(agent, '/healthz')).status, 200);
    agent.destroy();
    const ends = Number((await running.status())['certificateEnds']);
    assert.ok(Math.abs(ends - Date.now() - 30 * 86_400_000) < 3_600_000);
    const { hostname, port } = new URL(running.gateway.url);
    const old = connect({
      host: hostname,
      port: Number(port),
      ca: one?.cert,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    await once(old, 'error');
    const plain = connectPlain(Number(port), hostname);
    plain.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    plain.on('error', () => undefined);
    await once(plain, 'close');
    await until(() => running.logged.some(({ code }) => code === 'http.handshake_failed'), 'the reason is logged');
  });

  it('takes up a renewed certificate for new connections and drops none of the old', async () => {
    await start();
    const agent = new Agent({ ca: one?.cert ?? '', keepAlive: true, maxSockets: 1 });
    assert.equal((await get(agent, '/healthz')).status, 200);
    const open = await handshake(one?.cert ?? '');
    put(running.folder, other as TestCertificate);
    await until(async () => {
      const socket = await handshake(`${one?.cert}${other?.cert}`);
      const name = nameOf(socket);
      socket.destroy();
      return name === 'other';
    }, 'new connections get the new certificate');
    assert.deepEqual(await get(agent, '/healthz'), { status: 200, reused: true });
    assert.equal(open.destroyed, false);
    open.destroy();
    agent.destroy();
  });

  it('keeps the certificate it has while a new one and its key do not belong together', async () => {
    await start();
    replaced(join(running.folder, 'key.pem'), other?.key ?? '');
    const report = await running.gateway.reload();
    assert.deepEqual([report.ok, report.problems[0]?.code], [false, 'config.tls_mismatch']);
    assert.equal(report.problems[0]?.path, '$.listen.tls.keyFile');
    replaced(join(running.folder, 'cert.pem'), 'not a certificate');
    assert.equal((await running.gateway.reload()).problems[0]?.code, 'config.tls_unusable');
    const socket = await handshake(one?.cert ?? '');
    assert.equal(nameOf(socket), 'one');
    socket.destroy();
    put(running.folder, other as TestCertificate);
    assert.deepEqual((await running.gateway.reload()).settings, ['$.listen.tls']);
  });

  it('keeps the certificate it has while the new one is not valid at this time', async () => {
    const later = () => Date.now() + 60 * 86_400_000;
    running = await startReloading({ listen: { port: 0, tls } }, folder => put(folder, one as TestCertificate), later);
    put(running.folder, other as TestCertificate);
    const report = await running.gateway.reload();
    assert.equal(report.problems[0]?.code, 'config.tls_not_valid');
    const socket = await handshake(one?.cert ?? '');
    assert.equal(nameOf(socket), 'one');
    socket.destroy();
  });

  it('waits for a restart where it is switched on or off', async () => {
    await start();
    running.write({ listen: { port: 0 } });
    const report = await running.gateway.reload();
    assert.deepEqual([report.settings, report.restart], [[], ['$.listen.tls']]);
    const socket = await handshake(one?.cert ?? '');
    socket.destroy();
  });
});

describe('proxies in front', function () {
  this.timeout(30_000);
  let running: Reloading;
  afterEach(() => running.close());

  it('are believed about a sender’s address only where they are listed, and as soon as they are', async () => {
    const secret = newSecret();
    const channels = [appChannel('listed', [secret], { sources: ['203.0.113.0/24'] })];
    running = await startReloading({ channels });
    const sender = partner({ url: `${running.gateway.url}/hooks/listed`, secret });
    const send = async (from: string) =>
      (await sender.send(appeal('下水道堵了'), { headers: { 'x-forwarded-for': from } })).status;
    try {
      assert.equal(await send('203.0.113.9'), 401, 'anyone can write such a header');
      running.write({ channels, listen: { port: 0, trustedProxies: ['127.0.0.0/8', '198.51.100.7'] } });
      assert.deepEqual((await running.gateway.reload()).settings, ['$.listen.trustedProxies']);
      assert.equal(await send('203.0.113.9'), 202);
      assert.equal(await send('192.0.2.1'), 401);
      assert.equal(await send('203.0.113.9, 198.51.100.7'), 202, 'through two proxies');
      assert.equal(await send('203.0.113.9, 192.0.2.1'), 401, 'what a stranger wrote before the last proxy');
      assert.equal(await send('nonsense'), 401);
    } finally {
      sender.close();
    }
  });
});
