// The HTTP side over real sockets: limits, problems, health; what a channel answers reaches the sender as it is.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  BodyTooLarge,
  Unauthentic,
  Unavailable,
  type WebhookAnswer,
  type WebhookRequest,
} from '../../../adapters/contract.ts';
import { ListenError } from '../../../gateway/http/listen-error.ts';
import { createHttp, type HttpParts, type HttpService } from '../../../gateway/http/server.ts';
import { createMetrics } from '../../../gateway/telemetry/metrics.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { StoreUnavailable } from '../../../store/errors.ts';

type Answer = (channel: string, request: WebhookRequest) => Promise<WebhookAnswer | null>;

describe('the HTTP side', () => {
  const opened: { service: HttpService; close: () => void }[] = [];
  afterEach(async () => {
    for (const { service, close } of opened.splice(0)) {
      await service.close(1000);
      close();
    }
  });

  async function open(webhook: Answer, more: Partial<HttpParts> = {}, port = 0): Promise<string> {
    const metrics = createMetrics({ snapshot: () => Promise.reject(new Error('none')) }, Date.now);
    const service = createHttp({
      config: {
        listen: {
          ...{ host: '127.0.0.1', port, publicUrl: null, trustedProxies: [], tls: null, plain: false },
          maxConnections: 50,
        },
        intake: { maxInFlightMb: 1, minFreeMb: 0, minFreePercent: 0, groupCommitMs: 0, attachmentServers: [] },
      },
      certificate: null,
      log: createLog({ level: 'silent' }),
      metrics,
      webhooks: { webhook },
      readiness: { reasons: async () => [] },
      caseEvents: async () => ({ status: 404 }),
      queueBoard: null,
      partnerProblems: [],
      openapi: () => ({ openapi: '3.1.0' }),
      ...more,
    });
    opened.push({ service, close: metrics.close });
    return (await service.listen()).url;
  }

  const post = (url: string, body: string | Buffer = 'x') => fetch(url, { method: 'POST', body });
  const problem = async (answer: Response) => (await answer.json()) as Record<string, unknown>;

  it('hands a channel the raw bytes, the rest of the path, the query and the headers', async () => {
    const bytes = Buffer.from([0xc4, 0xe3, 0x00, 0xff, 0x0d, 0x0a]);
    const seen: WebhookRequest[] = [];
    const url = await open(async (_channel, request) => {
      seen.push(request);
      return { status: 202, headers: { 'x-made-by': 'channel' }, body: await request.body(100) };
    });
    const answer = await fetch(`${url}/hooks/app-1/validate/deep?a=1&b=%E6%B1%87`, {
      method: 'POST',
      body: bytes,
      headers: { 'Webhook-Id': 'm1' },
    });
    assert.equal(answer.status, 202);
    assert.equal(answer.headers.get('x-made-by'), 'channel');
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
    const [request] = seen;
    assert.deepEqual(
      [request?.method, request?.rest, request?.query.get('b'), request?.headers['webhook-id'], request?.remoteAddress],
      ['POST', '/validate/deep', '汇', 'm1', '127.0.0.1'],
    );
  });

  it('gives a multipart reader the body as a stream', async () => {
    const url = await open(async (_channel, request) => ({ status: 200, body: await text(request.stream) }));
    assert.equal(await (await post(`${url}/hooks/a`, 'streamed')).text(), 'streamed');
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('in '));
        controller.enqueue(Buffer.from('pieces'));
        controller.close();
      },
    });
    const answer = await fetch(`${url}/hooks/a`, { method: 'POST', body: chunked, duplex: 'half' } as RequestInit);
    assert.equal(await answer.text(), 'in pieces');
  });

  it('turns what a channel throws into a problem with a code, in both languages', async () => {
    const url = await open(async channel => {
      if (channel === 'unsigned') throw new Unauthentic('app.signature_wrong', 'no');
      if (channel === 'later') throw new Unavailable('app.later', 'no', { retryAfterSeconds: 7 });
      if (channel === 'store') throw new StoreUnavailable('store.busy', 'no');
      if (channel === 'large') throw new BodyTooLarge(10);
      if (channel === 'bug') throw new TypeError('13800138000 is not a function');
      return null;
    });
    const expected: readonly [string, number][] = [
      ['unsigned', 401],
      ['later', 503],
      ['store', 503],
      ['large', 413],
      ['bug', 500],
      ['nobody', 404],
    ];
    for (const [channel, status] of expected) {
      const answer = await post(`${url}/hooks/${channel}`);
      assert.equal(answer.status, status, channel);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
      const { type, title, detail, instance } = await problem(answer);
      assert.match(String(type), /^\/problems\//);
      assert.match(`${title}${detail}`, /\p{Script=Han}.*[a-z]/u);
      assert.equal(instance, `/hooks/${channel}`);
      assert.doesNotMatch(JSON.stringify({ title, detail }), /13800138000/);
    }
    assert.equal((await post(`${url}/hooks/later`)).headers.get('retry-after'), '7');
  });

  it('answers 413 to a body of 10 MB and lets the connection live', async () => {
    const url = await open(async (_channel, request) => ({
      status: 202,
      body: String((await request.body(1000)).length),
    }));
    const answer = await post(`${url}/hooks/a`, Buffer.alloc(10 * 1024 * 1024));
    assert.equal(answer.status, 413);
    assert.equal((await problem(answer))['code'], 'http.body_too_large');
    assert.equal((await post(`${url}/hooks/a`, 'ok')).status, 202);
  });

  it('asks senders to come back while too many bytes are on their way, and takes them again afterwards', async () => {
    const arrived = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const url = await open(async (_channel, request) => {
      const body = await request.body(2_000_000);
      if (body.length > 800_000) {
        arrived.resolve();
        await released.promise;
      }
      return { status: 202 };
    });
    const large = post(`${url}/hooks/a`, Buffer.alloc(900_000));
    await arrived.promise;
    const refused = await post(`${url}/hooks/a`, Buffer.alloc(400_000));
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
    released.resolve();
    assert.equal((await large).status, 202);
    assert.equal((await post(`${url}/hooks/a`, Buffer.alloc(400_000))).status, 202);
  });

  it('survives a sender who hangs up in the middle of a body', async () => {
    const codes: unknown[] = [];
    const url = await open(async (_channel, request) => {
      await request.body(1000).catch((error: { code?: string }) => codes.push(error.code));
      return { status: 202 };
    });
    const socket = await dial(url);
    socket.write('POST /hooks/a HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf');
    setTimeout(() => socket.destroy(), 50);
    await once(socket, 'close');
    while (codes.length === 0) await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(codes, ['http.aborted']);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  });

  it('cuts off a sender that trickles its headers', async function () {
    this.timeout(20_000);
    const url = await open(async () => ({ status: 202 }));
    const socket = await dial(url);
    const began = performance.now();
    const trickle = setInterval(() => socket.write('x-a: b\r\n'), 500);
    socket.write('POST /hooks/a HTTP/1.1\r\nhost: x\r\n');
    await once(socket.on('error', () => socket.destroy()).resume(), 'close');
    clearInterval(trickle);
    assert.ok(performance.now() - began < 16_000);
  });

  it('refuses headers over 16 kB, unknown paths and broken escapes without a stack', async () => {
    const url = await open(async () => ({ status: 202 }));
    assert.equal((await fetch(`${url}/healthz`, { headers: { 'x-long': 'a'.repeat(20_000) } })).status, 431);
    assert.equal((await problem(await fetch(`${url}/nothing`)))['code'], 'http.not_found');
    assert.equal((await fetch(`${url}/hooks/%E0%A4%A`)).status, 400);
  });

  it('says of what the case system only looks at that it wants a POST', async () => {
    const url = await open(async () => null);
    const answer = await fetch(`${url}/case-system/events`);
    assert.equal(answer.headers.get('allow'), 'POST');
    assert.equal(answer.status, 405);
    assert.equal((await problem(answer))['code'], 'http.method_not_allowed');
  });

  it('tells a sender in a problem what of a request is no HTTP, or did not come whole', async function () {
    this.timeout(20_000);
    const url = await open(async (_channel, request) => ({ status: 202, body: await request.body(100) }));
    const head = 'POST /hooks/a HTTP/1.1\r\nhost: x\r\n';
    const cases = [
      ['POST /hooks/a HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}', 400, 'http.bad_request'],
      [`${head}content-length: -5\r\n\r\n`, 400, 'http.bad_request'],
      [`${head}content-length: 1\r\ncontent-length: 2\r\n\r\nxy`, 400, 'http.bad_request'],
      [`${head}transfer-encoding: chunked\r\n\r\nzz\r\n`, 400, 'http.bad_request'],
      ['\x16\x03\x01\x02\r\n\r\n', 400, 'http.bad_request'],
      [`${head}x-long: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'http.head_too_large'],
      [`${head}content-length: 9\r\n\r\nshort`, 408, 'http.too_slow'],
    ] as const;
    const answers = await Promise.all(
      cases.map(async ([request]) => {
        const socket = await dial(url);
        socket.write(request);
        return text(socket);
      }),
    );
    for (const [i, [, status, code]] of cases.entries()) {
      const [top = '', body = ''] = (answers[i] as string).split('\r\n\r\n');
      assert.match(top, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(top, /content-type: application\/problem\+json/);
      const said = JSON.parse(body) as Record<string, unknown>;
      assert.deepEqual([said['status'], said['code'], said['instance']], [status, code, undefined]);
    }
  });

  it('takes what a sender expects that nobody knows for nothing, and asks no older sender for a host', async () => {
    const url = await open(async (_channel, request) => ({ status: 202, body: await request.body(100) }));
    const heads = ['1.1\r\nhost: x\r\nexpect: a-miracle', '1.0'];
    for (const head of heads) {
      const socket = await dial(url);
      socket.write(`POST /hooks/a HTTP/${head}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}`);
      assert.match(await text(socket), /^HTTP\/1\.1 202 /);
    }
  });

  it('says on no answer what it is built with', async () => {
    const url = await open(async () => ({ status: 202 }));
    for (const path of ['/healthz', '/hooks/a', '/nothing']) {
      const { headers } = await fetch(url + path);
      assert.equal(headers.get('x-powered-by'), null);
      assert.equal(headers.get('etag'), null);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
    }
  });

  it('is ready with notes, and not ready with a reason that blocks', async () => {
    const reason = (blocking: boolean) => ({ code: 'x.y', blocking, zh: '原因', en: 'reason' });
    const noted = await open(async () => null, { readiness: { reasons: async () => [reason(false)] } });
    const blocked = await open(async () => null, { readiness: { reasons: async () => [reason(true)] } });
    const answer = await fetch(`${noted}/readyz`);
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { status: 'ready', reasons: [reason(false)] });
    assert.equal((await fetch(`${blocked}/readyz`)).status, 503);
    assert.equal((await fetch(`${blocked}/healthz`)).status, 200);
  });

  it('explains every problem on a page of its own and shows its own description', async () => {
    const url = await open(async () => null);
    const page = await (await fetch(`${url}/problems/http.busy`)).text();
    assert.match(page, /正在接收/);
    assert.equal((await fetch(`${url}/problems/%3Cscript%3E`)).status, 404);
    assert.equal(((await (await fetch(`${url}/openapi.json`)).json()) as { openapi: string }).openapi, '3.1.0');
    assert.match(await (await fetch(`${url}/problems`)).text(), /case-system\.timeout/);
  });

  it('tells the operator, not the sender, why a request was not authentic, and not once for each', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', destination: { write: line => void lines.push(line) } });
    const faults = ['timestamp_out_of_window', 'signature_wrong', '13800138000 is no secret'];
    const answer: Answer = async (_channel, request) => {
      throw new Unauthentic('app.unauthentic', faults[Number(request.rest.slice(1))] ?? '');
    };
    const url = await open(answer, { log });
    for (const at of [0, 0, 0, 1, 2]) {
      const text = await (await post(`${url}/hooks/app-1/${at}`)).text();
      for (const fault of faults) assert.ok(!text.includes(fault));
    }
    const told = lines
      .map(line => JSON.parse(line) as Record<string, unknown>)
      .filter(({ code }) => code === 'http.forged');
    assert.deepEqual(
      told.map(({ channel, reason, count }) => [channel, reason, count]),
      [
        ['app-1', 'timestamp_out_of_window', 1],
        ['app-1', 'signature_wrong', 1],
        ['app-1', 'other', 1],
      ],
    );
  });

  it('fills no metric with channel names that strangers make up', async () => {
    const url = await open(async () => null);
    for (let i = 0; i < 20; i++) await post(`${url}/hooks/made-up-${i}`);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /huisu_refused_total\{channel="unknown",code="http\.no_channel"\} 20/);
    assert.doesNotMatch(metrics, /made-up/);
  });

  it('counts what an adapter refuses, by its problem', async () => {
    const body = JSON.stringify({ type: '/problems/id-reused', title: 'x', status: 422 });
    const url = await open(async () => ({ status: 422, headers: {}, body }));
    await post(`${url}/hooks/app-1`);
    const other = await open(async () => ({ status: 403, headers: {} }));
    await post(`${other}/hooks/app-1`);
    const [one, two] = await Promise.all([url, other].map(async base => (await fetch(`${base}/metrics`)).text()));
    assert.match(one ?? '', /huisu_refused_total\{channel="app-1",code="id-reused"\} 1/);
    assert.match(two ?? '', /huisu_refused_total\{channel="app-1",code="status-403"\} 1/);
  });

  it('says that the port is in use instead of failing somehow', async () => {
    const url = await open(async () => null);
    await assert.rejects(
      open(async () => null, {}, Number(new URL(url).port)),
      (error: ListenError) => error instanceof ListenError && error.code === 'http.port_in_use',
    );
  });

  it('finishes what it has begun when it is closed, and takes nothing new', async () => {
    const released = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const url = await open(async () => {
      began.resolve();
      await released.promise;
      return { status: 202, body: 'done' };
    });
    const running = post(`${url}/hooks/a`);
    await began.promise;
    const closed = opened[0]?.service.close(5000);
    await assert.rejects(fetch(`${url}/healthz`));
    released.resolve();
    const answer = await running;
    assert.equal(await answer.text(), 'done');
    const answered = performance.now();
    await closed;
    assert.ok(performance.now() - answered < 2000, 'waits for the deadline although all is answered');
  });

  async function dial(url: string): Promise<Socket> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return socket;
  }
});
