// Everything that partners' software and strangers get wrong, at a running gateway: told in words, nothing stored, nobody else hurt.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import iconv from 'iconv-lite';
import { appealBody, type Partner, type PartnerAnswer, partner, type SendOptions } from '../platforms/app.ts';
import { type GatewayProcess, openPlace, type Place, START } from './process.ts';

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { readonly pointer: string; readonly code: string; readonly detail: string }[];
}

describe('bad input', function () {
  this.timeout(60_000);
  let place: Place;
  let gateway: GatewayProcess;
  let url: string;
  let sender: Partner;
  let others: Promise<void>;
  let stopOthers: () => void;
  let sound = 0;
  let slowest = 0;

  before(async () => {
    place = openPlace();
    gateway = place.run(START);
    const started = await gateway.started;
    url = started.firstChannel?.url ?? '';
    sender = partner({ url, secret: started.firstChannel?.secret ?? '' });
    // Another partner's ordinary requests go on all the while.
    let going = true;
    stopOthers = () => {
      going = false;
    };
    others = (async () => {
      while (going) {
        const begun = performance.now();
        const { status } = await sender.send(appealBody({ content: `第${sound + 1}条：路灯不亮` }));
        assert.equal(status, 202);
        sound++;
        slowest = Math.max(slowest, performance.now() - begun);
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    })();
  });
  after(async () => {
    stopOthers();
    sender.close();
    await place.remove();
  });

  function problemOf(answer: PartnerAnswer, status: number, type: RegExp): Problem {
    assert.equal(answer.status, status, answer.text.slice(0, 300));
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
    const problem = answer.json() as unknown as Problem;
    assert.equal(problem.status, status);
    assert.match(problem.type, type);
    for (const words of [problem.title, problem.detail]) {
      assert.match(words, /\p{Script=Han}/u);
      assert.match(words, /[A-Za-z]{3}/);
    }
    return problem;
  }

  const send = (body: unknown, options?: SendOptions) => sender.send(body, options);

  it('unknown fields and wrong types are named by pointer, all at once', async () => {
    const answer = await send(
      appealBody({
        contnet: 'x',
        anonymous: 'yes',
        contact: { phone: 13800138000 },
        place: { longitude: 1000, latitude: 0 },
      }),
    );
    const { errors = [] } = problemOf(answer, 422, /./);
    assert.deepEqual(errors.map(error => error.pointer).sort(), [
      '/data/anonymous',
      '/data/contact/phone',
      '/data/contnet',
      '/data/place/longitude',
    ]);
    for (const error of errors) assert.match(error.detail, /\p{Script=Han}/u);
    assert.ok(!answer.text.includes('13800138000'), 'what was wrong is not repeated');
  });

  it('bodies that are no object', async () => {
    for (const body of [
      'null',
      '[]',
      '"text"',
      '7',
      '{}',
      '{"type":"appeal.created"}',
      '{"type":"x","timestamp":"y","data":{}}',
    ]) {
      problemOf(await send(body), 422, /./);
    }
    for (const body of ['', '{', '{"a":1}x', "{'a':1}", '{"a":01}', '\u0000', '{"type":"appeal.created",}']) {
      problemOf(await send(body), 400, /./);
    }
  });

  it('broken UTF-8, GBK, UTF-16 and lone surrogates', async () => {
    const text = JSON.stringify(appealBody());
    const broken = Buffer.from(text);
    broken[broken.indexOf('幸')] = 0xff;
    const bodies = [
      broken,
      iconv.encode(text, 'gbk'),
      Buffer.from(text, 'utf16le'),
      Buffer.from(text).subarray(0, -30),
    ];
    for (const body of bodies) {
      const problem = problemOf(await send(body), 400, /./);
      assert.ok(problem.detail.length > 10);
    }
    assert.match(problemOf(await send(text, { encoding: 'gbk' }), 400, /./).detail, /UTF-8/);
    const lone = text.replace('三天', '\\ud800三天');
    const answer = await send(lone);
    assert.ok([202, 400, 422].includes(answer.status), answer.text);
    if (answer.status === 202) sound++;
  });

  it('ten megabytes, with a length and without', async () => {
    problemOf(await send(appealBody({ content: 'x'.repeat(10_000_000) })), 413, /too-large/);
    const { hostname, port, pathname } = new URL(url);
    const answer = await raw(Number(port), hostname, socket => {
      socket.write(
        `POST ${pathname} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n`,
      );
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      for (let i = 0; i < 160; i++) socket.write(chunk);
      socket.end('0\r\n\r\n');
    });
    assert.match(answer, /^HTTP\/1\.1 4(01|13) /);
  });

  it('a hundred thousand brackets, and a hundred thousand keys', async () => {
    const deep = `{"type":"appeal.created","timestamp":"2024-01-01T00:00:00Z","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    problemOf(await send(deep), 400, /./);
    problemOf(await send('['.repeat(100_000)), 400, /./);
    problemOf(await send(`${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`), 400, /./);
    const wide = JSON.stringify(appealBody(Object.fromEntries(Array.from({ length: 12_000 }, (_, i) => [`k${i}`, i]))));
    const answer = await send(wide);
    const { errors = [] } = problemOf(answer, 422, /./);
    assert.ok(errors.length > 0 && errors.length <= 100, `${errors.length} errors`);
    assert.ok(answer.text.length < 64 * 1024);
  });

  it('__proto__ and constructor.prototype poison nothing', async () => {
    const text = JSON.stringify(appealBody());
    for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      const body = text.replace(
        '"data":{',
        `"data":{${JSON.stringify(key)}:{"prototype":{"polluted":1},"polluted":1},`,
      );
      const answer = await send(body);
      assert.ok([400, 422].includes(answer.status), `${key}: ${answer.status}`);
      problemOf(answer, answer.status, /./);
    }
    problemOf(await send(`{"__proto__":{"polluted":true},${text.slice(1)}`), 400, /./);
  });

  it('signatures that are wrong in any way, all answered alike', async () => {
    const body = appealBody();
    const wrong: SendOptions[] = [
      { tamper: 'body' },
      { tamper: 'signature' },
      { tamper: 'short-signature' },
      { tamper: 'version' },
      { tamper: 'no-signature' },
      { skewSeconds: -301 },
      { skewSeconds: 400 },
      { secrets: [`whsec_${Buffer.alloc(32, 1).toString('base64')}`] },
      { headers: { 'webhook-timestamp': 'now' } },
      { headers: { 'webhook-id': '' } },
      { headers: { 'webhook-id': 'x'.repeat(2000) } },
      { headers: { 'webhook-signature': `v1,${'A'.repeat(5000)}` } },
      { headers: { 'webhook-signature': 'v1,a '.repeat(1000) } },
    ];
    const texts = new Set<string>();
    for (const options of wrong) {
      const answer = await send(body, options);
      problemOf(answer, 401, /unauthentic/);
      texts.add(answer.text);
    }
    assert.equal(texts.size, 1, 'nobody learns from the answer what was wrong');
  });

  it('paths, methods and channels that are not there', async () => {
    const base = new URL(url).origin;
    const wrong: [string, string, number][] = [
      ['POST', '/hooks/nobody', 404],
      ['POST', '/hooks/__proto__', 404],
      ['POST', '/hooks/constructor', 404],
      ['POST', `${new URL(url).pathname}/elsewhere`, 404],
      ['POST', `${new URL(url).pathname}/../app-1`, 401],
      ['GET', new URL(url).pathname, 405],
      ['PUT', new URL(url).pathname, 405],
      ['POST', '/hooks/%ff', 400],
      ['POST', '/hooks/%00', 404],
      ['GET', '/nowhere', 404],
      ['POST', '/case-system/events', 404],
    ];
    for (const [method, path, status] of wrong) {
      const answer = await fetch(base + path, { method, ...(method === 'GET' ? {} : { body: '{}' }) });
      const text = await answer.text();
      assert.equal(answer.status, status, `${method} ${path}: ${text}`);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, `${method} ${path}`);
    }
  });

  it('content types and multipart bodies that are none', async () => {
    problemOf(await send(appealBody(), { contentType: 'text/xml' }), 415, /./);
    problemOf(await send(appealBody(), { contentType: 'multipart/form-data' }), 400, /./);
    problemOf(await send(appealBody(), { contentType: 'multipart/form-data; boundary=none' }), 400, /./);
    const file = { name: 'a', mediaType: 'text/plain', bytes: Buffer.from('other bytes') };
    const named = appealBody({ attachments: [{ name: 'a', sha256: '0'.repeat(64) }] });
    problemOf(await send(named, { files: [file] }), 422, /./);
    problemOf(await send(named), 422, /./);
    problemOf(await send(appealBody({ attachments: [{ name: 'a', base64: 'no base64!' }] })), 422, /./);
    problemOf(await send(appealBody({ attachments: [{ name: 'a', url: 'http://127.0.0.1/' }] })), 422, /./);
    problemOf(await send(appealBody({ attachments: [{ name: 'a', url: 'file:///etc/passwd' }] })), 422, /./);
    problemOf(await send(appealBody({ attachments: [{ name: 'a' }] })), 422, /./);
  });

  it('an id used again with another body', async () => {
    const id = `again-${Date.now()}`;
    assert.equal((await send(appealBody(), { id })).status, 202);
    sound++;
    problemOf(await send(appealBody({ content: '另一件事' }), { id }), 422, /id-reused/);
  });

  it('half a request, and heads that are no HTTP', async () => {
    const { hostname, port, pathname } = new URL(url);
    for (const text of [
      '\r\n\r\n',
      'GARBAGE\r\n\r\n',
      `POST ${pathname} HTTP/9.9\r\n\r\n`,
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    ]) {
      const answer = await raw(Number(port), hostname, socket => socket.end(text));
      assert.ok(answer === '' || /^HTTP\/1\.1 4\d\d /.test(answer), answer.slice(0, 80));
    }
    const big = await raw(Number(port), hostname, socket =>
      socket.end(`POST ${pathname} HTTP/1.1\r\nhost: x\r\nx-big: ${'x'.repeat(40_000)}\r\n\r\n`),
    );
    assert.match(big, /^HTTP\/1\.1 431 /);
    const twice = await raw(Number(port), hostname, socket =>
      socket.end(
        `POST ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
      ),
    );
    assert.match(twice, /^HTTP\/1\.1 400 /);
    await sender.cut(appealBody());
  });

  it('bodies that trickle are cut after fifteen seconds, and hold up nobody', async () => {
    const { hostname, port, pathname } = new URL(url);
    const before = sound;
    const begun = performance.now();
    const slow = Array.from({ length: 50 }, () =>
      raw(Number(port), hostname, socket => {
        socket.write(
          `POST ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`,
        );
        const drip = setInterval(() => socket.write('x'), 1000);
        socket.on('close', () => clearInterval(drip));
      }),
    );
    const answers = await Promise.all(slow);
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(seconds > 10 && seconds < 20, `cut after ${seconds} s`);
    for (const answer of answers)
      assert.ok(answer === '' || /^HTTP\/1\.1 4(08|13|01) /.test(answer), answer.slice(0, 80));
    assert.ok(sound > before + 50, 'others were served meanwhile');
  });

  it('left nothing behind, hurt nobody, and the process is alive', async () => {
    stopOthers();
    await others;
    assert.ok(slowest < 2000, `the slowest of the others took ${slowest} ms`);
    assert.equal((await fetch(`${new URL(url).origin}/healthz`)).status, 200);
    assert.equal(gateway.child.exitCode, null);
    const status = place.run(['status', '--config', 'huisu.yaml', '--json']);
    assert.equal(await status.ended, 0);
    const { messages } = JSON.parse(status.stdout().trim().split('\n').at(-1) ?? '') as {
      messages: { total: number; quarantined: number };
    };
    assert.deepEqual([messages.total, messages.quarantined], [sound, 0]);
    assert.ok(!/"level":("error"|50)/.test(gateway.stderr()), gateway.stderr().slice(-2000));
    for (const personal of ['13800138000', '张三', '幸福路']) assert.ok(!gateway.stderr().includes(personal));
  });
});

/** What a server answers on a bare connection until it closes it. */
function raw(port: number, host: string, begin: (socket: ReturnType<typeof connect>) => void): Promise<string> {
  return new Promise(resolve => {
    let text = '';
    const socket = connect(port, host, () => begin(socket));
    socket.setEncoding('latin1').on('data', chunk => {
      text += chunk;
    });
    socket.on('error', () => undefined).on('close', () => resolve(text));
  });
}
