// Outgoing HTTP: inner addresses by any spelling, redirects, slow and endless answers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CredentialsRefused, PlatformError, Refused, Unavailable } from '../../adapters/contract.ts';
import { addressList, isAddressOrRange, isPublicAddress } from '../../adapters/kit/address.ts';
import { errorOfStatus, type Outgoing, outgoing, retryAfter } from '../../adapters/kit/http.ts';

describe('http kit', () => {
  let server: Server;
  let port: number;
  let hits = 0;
  let asked: IncomingHttpHeaders = {};
  let answer: (response: ServerResponse) => void;
  let client: Outgoing;

  before(async () => {
    server = createServer((request, response) => {
      hits++;
      asked = request.headers;
      answer(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  beforeEach(() => {
    hits = 0;
    answer = response => response.end('ok');
    client = outgoing({
      allow: [`127.0.0.1:${port}`],
      prefix: 'case',
      headersTimeoutMs: 200,
      bodyTimeoutMs: 200,
      totalTimeoutMs: 1_500,
      responseLimit: 1_000,
    });
  });
  afterEach(() => client.close());
  after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const send = () => client.send({ url: `http://127.0.0.1:${port}/` });

  it('calls a listed inner address and gives status, headers and bytes', async () => {
    answer = response => response.writeHead(201, { 'x-a': ['1', '2'] }).end('工单');
    const { status, headers, body } = await send();
    assert.equal(asked['accept-encoding'], 'identity', 'a server that hears nothing of it may compress');
    assert.equal(status, 201);
    assert.equal(headers['x-a'], '1, 2');
    assert.equal(Buffer.from(body).toString(), '工单');
  });

  it('reaches no inner address by any spelling', async () => {
    const guarded = outgoing();
    const spellings = [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '127.0.0.1.',
      'localhost',
      'LOCALHOST',
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[0:0:0:0:0:0:0:1]',
      '[::127.0.0.1]',
      '0.0.0.0',
      '0',
      '127.255.255.254',
      '①②⑦.⓪.⓪.①',
      '127。0。0。1',
      '[64:ff9b::7f00:1]',
      '[fe80::1]',
      '[fc00::1]',
      '[2002:7f00:1::]',
      '10.0.0.1',
      '172.16.0.1',
      '192.168.0.1',
      '169.254.169.254',
      '100.64.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '192.0.2.1',
      '198.18.0.1',
      '240.0.0.1',
    ];
    try {
      for (const host of spellings) {
        await assert.rejects(guarded.send({ url: `http://${host}:${port}/` }), Refused, host);
      }
      // With a dot at the end it is up to the resolver whether the name is known at all.
      await assert.rejects(guarded.send({ url: `http://localhost.:${port}/` }), PlatformError);
      for (const url of ['ftp://127.0.0.1/', 'file:///etc/passwd', 'http://u:p@example.com/', 'nonsense', 'http://']) {
        await assert.rejects(guarded.send({ url }), Refused, url);
      }
    } finally {
      await guarded.close();
    }
    assert.equal(hits, 0);
  });

  it('lists by host and port together', async () => {
    const other = outgoing({ allow: [`127.0.0.1:${port + 1}`, `localhost:${port}`] });
    await assert.rejects(other.send({ url: `http://127.0.0.1:${port}/` }), Refused);
    assert.equal((await other.send({ url: `http://localhost:${port}/` })).status, 200);
    await other.close();
  });

  it('follows no redirect', async () => {
    answer = response => response.writeHead(302, { location: `http://127.0.0.1:${port}/again` }).end();
    const response = await send();
    assert.equal(response.status, 302);
    assert.equal(hits, 1);
    assert.ok(errorOfStatus(response, 'case', 0) instanceof Unavailable);
  });

  it('gives up on headers, on a body and on the whole that take too long', async () => {
    const timeout = (error: unknown): boolean => error instanceof Unavailable && error.code === 'case.timeout';
    answer = () => undefined;
    await assert.rejects(send(), timeout);
    answer = response => response.write('a');
    await assert.rejects(send(), timeout);
    answer = response => {
      const drip = setInterval(() => response.write('a'), 50);
      response.on('close', () => clearInterval(drip));
    };
    await assert.rejects(send(), timeout);
  }).timeout(10_000);

  it('reads no more than the cap', async () => {
    answer = response => response.end('x'.repeat(1_001));
    await assert.rejects(
      send(),
      (error: unknown) => error instanceof Unavailable && error.code === 'case.answer_too_long',
    );
    answer = response => response.end('x'.repeat(1_000));
    assert.equal((await send()).body.byteLength, 1_000);
  });

  it('tells a refusal by its status, however long the page that comes with it', async () => {
    answer = response => response.writeHead(400).end('x'.repeat(200_000));
    const { status, body } = await send();
    assert.equal(status, 400);
    assert.ok(body.byteLength <= 1_000);
  });

  it('says Unavailable for a closed port and a broken connection, and the reason of an abort', async () => {
    const closed = outgoing({ allow: ['127.0.0.1:1'] });
    await assert.rejects(closed.send({ url: 'http://127.0.0.1:1/' }), Unavailable);
    await closed.close();
    answer = response => response.destroy();
    await assert.rejects(send(), Unavailable);
    answer = () => undefined;
    const reason = new Error('closing');
    const controller = new AbortController();
    const pending = client.send({ url: `http://127.0.0.1:${port}/`, signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(pending, reason);
  });

  it('turns a status into what the gateway does next', () => {
    const error = (status: number, headers = {}) => errorOfStatus({ status, headers }, 'case', 0);
    assert.equal(error(204), null);
    for (const status of [401, 403]) assert.ok(error(status) instanceof CredentialsRefused);
    for (const status of [408, 425, 429, 500, 503]) assert.ok(error(status) instanceof Unavailable);
    for (const status of [400, 404, 410, 422]) assert.ok(error(status) instanceof Refused);
    const wait = error(503, { 'retry-after': '120' });
    assert.equal(wait instanceof Unavailable && wait.retryAfterSeconds, 120);
  });

  it('reads both forms of Retry-After', () => {
    const now = Date.parse('2024-01-01T00:00:00Z');
    assert.equal(retryAfter(undefined, now), undefined);
    assert.equal(retryAfter('7', now), 7);
    assert.equal(retryAfter('Mon, 01 Jan 2024 00:01:00 GMT', now), 60);
    assert.equal(retryAfter('Sun, 31 Dec 2023 00:00:00 GMT', now), 0);
    assert.equal(retryAfter('999999999', now), 86_400);
    assert.equal(retryAfter('soon', now), undefined);
  });

  it('knows addresses and ranges', () => {
    assert.ok(isPublicAddress('93.184.215.14') && isPublicAddress('2606:4700::1111'));
    const listed = addressList(['203.0.113.0/24', '2001:db8::/32', '10.0.0.1', 'nonsense']);
    for (const inside of ['203.0.113.9', '::ffff:203.0.113.9', '2001:db8::5', '10.0.0.1'])
      assert.ok(listed(inside), inside);
    for (const outside of ['203.0.114.1', '2001:db9::', '10.0.0.2', '', 'unix']) assert.ok(!listed(outside), outside);
    assert.ok(isAddressOrRange('10.0.0.0/8') && isAddressOrRange('::1'));
    for (const bad of ['10.0.0.0/33', '10.0.0', '10.0.0.0/', 'example.com', '/8', ''])
      assert.ok(!isAddressOrRange(bad), bad);
  });
});
