// The `app` adapter as partners meet it, over real HTTP.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { adapter } from '../../adapters/app/index.ts';
import type { AppSettings } from '../../adapters/app/settings.ts';
import { type FakeGateway, fakeGateway } from '../../adapters/conformance.ts';
import type { OpenChannel } from '../../adapters/contract.ts';
import { newSecret } from '../../adapters/kit/signature.ts';
import { appealBody, type Partner, type PartnerAnswer, partner, sha256 } from '../platforms/app.ts';
import { type Served, serve } from './serve.ts';

const secret = newSecret();
const older = newSecret();

function settings(changes: Partial<AppSettings> = {}): AppSettings {
  const { error, value } = adapter.settings.validate({ secrets: [secret, older], ...changes });
  if (error !== undefined) throw error;
  return value;
}

interface Fault {
  pointer: string;
  code: string;
  detail: string;
}

function faults(answer: PartnerAnswer): Fault[] {
  assert.equal(answer.status, 422, answer.text);
  assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
  return answer.json()['errors'] as Fault[];
}

describe('app', () => {
  let gateway: FakeGateway<AppSettings>;
  let channel: OpenChannel;
  let served: Served;
  let sender: Partner;

  async function start(changes: Partial<AppSettings> = {}): Promise<void> {
    gateway = fakeGateway(adapter, settings(changes));
    channel = await adapter.open(gateway.context());
    served = await serve(channel);
    sender = partner({ url: served.url, secret });
  }
  async function stop(): Promise<void> {
    sender.close();
    gateway.stop();
    await channel.close();
    await served.close();
  }
  async function restart(changes: Partial<AppSettings>): Promise<void> {
    await stop();
    await start(changes);
  }
  beforeEach(() => start());
  afterEach(stop);

  describe('takes', () => {
    it('a signed appeal with 202, its number and its query code', async () => {
      const answer = await sender.send(appealBody(), { id: 'msg_1' });
      assert.equal(answer.status, 202);
      assert.deepEqual(answer.json(), { number: 'TEST000001', queryCode: 'QTEST000001', status: 'accepted' });
      const [original] = gateway.stored();
      assert.equal(original?.platformId, 'msg_1');
      assert.equal(original?.sender, 'phone:13800138000');
      assert.deepEqual(Buffer.from(original?.body ?? []).toString(), JSON.stringify(appealBody()));
    });

    it('the same message again, and twenty copies at once, with the same bytes', async () => {
      const first = await sender.send(appealBody(), { id: 'msg_1' });
      for (const again of await sender.duplicate(appealBody(), 2, { id: 'msg_1' }))
        assert.equal(again.text, first.text);
      const copies = await sender.copies(appealBody(), 20, { id: 'msg_2' });
      assert.equal(new Set(copies.map(copy => `${copy.status} ${copy.text}`)).size, 1);
      assert.equal(gateway.stored().length, 2);
    });

    it('a signature by the older secret, and one by both', async () => {
      assert.equal((await sender.send(appealBody(), { secrets: [older] })).status, 202);
      assert.equal((await sender.send(appealBody(), { secrets: [newSecret(), secret] })).status, 202);
      // Told of once, however often it is used.
      assert.equal((await sender.send(appealBody(), { secrets: [older] })).status, 202);
      assert.deepEqual(
        gateway.log.map(line => line.code),
        ['app.older_secret_in_use'],
      );
    });

    it('a timestamp four minutes off, either way', async () => {
      assert.equal((await sender.send(appealBody(), { skewSeconds: -240 })).status, 202);
      assert.equal((await sender.send(appealBody(), { skewSeconds: 240 })).status, 202);
    });

    it('nothing of a request whose connection broke', async () => {
      await sender.cut(appealBody());
      assert.equal((await sender.send(appealBody())).status, 202);
      assert.equal(gateway.stored().length, 1);
    });
  });

  describe('answers the outcome', () => {
    it('with 200 when it is asked for and known in time', async () => {
      gateway.settle({ kind: 'ticket', held: false });
      const answer = await sender.send(appealBody(), { prefer: 'respond-async, wait=5' });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['preference-applied'], 'wait=5');
      assert.deepEqual(answer.json()['outcome'], { kind: 'ticket', held: false });
    });

    it('with 202 when it is not known in time', async () => {
      const answer = await sender.send(appealBody(), { prefer: 'wait=1' });
      assert.equal(answer.status, 202);
      assert.equal(answer.headers['preference-applied'], 'wait=1');
    });

    it('with 202 at once when nothing is asked for, or nothing that can be read', async () => {
      gateway.settle({ kind: 'ticket', held: false });
      for (const prefer of [undefined, 'wait=soon', 'wait=-1', 'wait', 'waiting=5']) {
        const answer = await sender.send(appealBody(), prefer === undefined ? {} : { prefer });
        assert.equal(answer.status, 202, prefer);
        assert.equal(answer.headers['preference-applied'], undefined);
      }
    });
  });

  describe('refuses as not authentic', () => {
    const cases = {
      'a changed body': { tamper: 'body' },
      'a wrong signature': { tamper: 'signature' },
      'a signature of another length': { tamper: 'short-signature' },
      'a version nobody knows': { tamper: 'version' },
      'no signature': { tamper: 'no-signature' },
      'a stale timestamp': { skewSeconds: -301 },
      'a timestamp of the future': { skewSeconds: 302 },
      "a stranger's secret": { secrets: [newSecret()] },
      'an id with a space in it': { id: 'msg 1' },
    } as const;
    for (const [title, options] of Object.entries(cases)) {
      it(title, async () => {
        for (const rest of ['', '/validate', '/query'] as const) {
          assert.equal((await sender.send(appealBody(), { ...options, rest })).status, 401);
        }
        assert.equal(gateway.stored().length, 0);
      });
    }

    it('a broken body without a signature, before anything is said of the body', async () => {
      assert.equal((await sender.send('{', { tamper: 'no-signature' })).status, 401);
    });

    it('a request from an address that is not on the list', async () => {
      await restart({ sources: ['203.0.113.0/24'] });
      assert.equal((await sender.send(appealBody())).status, 401);
      await restart({ sources: ['127.0.0.0/8'] });
      assert.equal((await sender.send(appealBody())).status, 202);
    });
  });

  describe('refuses in words', () => {
    it('an id used again for another body', async () => {
      await sender.send(appealBody(), { id: 'msg_1' });
      const answer = await sender.send(appealBody({ content: '另一件事' }), { id: 'msg_1' });
      assert.equal(answer.status, 422);
      assert.equal(answer.json()['type'], '/problems/id-reused');
      assert.equal(gateway.stored().length, 1);
    });

    it('a GBK body, and tells to send UTF-8', async () => {
      const answer = await sender.send(appealBody(), { encoding: 'gbk' });
      assert.equal(answer.status, 400);
      assert.equal(answer.json()['type'], '/problems/not-utf8');
      assert.match(String(answer.json()['detail']), /UTF-8/);
      const labelled = await sender.send(appealBody(), { contentType: 'application/json; charset=GBK' });
      assert.equal(labelled.json()['type'], '/problems/not-utf8');
    });

    it('what is no JSON, with line and offset and none of its text', async () => {
      const answer = await sender.send('{\n"phone": 13800138000x}');
      assert.equal(answer.status, 400);
      assert.match(String(answer.json()['detail']), /line 2, offset 11/);
      assert.doesNotMatch(answer.text, /13800138000/);
    });

    it('100,000 nested brackets, __proto__ and an empty body', async () => {
      assert.equal((await sender.send('['.repeat(100_000))).json()['type'], '/problems/too-deep');
      const forbidden = await sender.send('{"data":[{"__proto__":{"a":1}}]}');
      assert.equal(forbidden.json()['type'], '/problems/forbidden-key');
      const [where] = forbidden.json()['errors'] as Fault[];
      assert.deepEqual([where?.pointer, where?.code], ['/data/0/__proto__', 'forbidden-key']);
      assert.equal((await sender.send('')).json()['type'], '/problems/not-json');
    });

    it('a member that comes twice, of which a proxy may have read the other, and says where', async () => {
      const before = gateway.stored().length;
      const text = JSON.stringify(appealBody({ content: '路灯不亮' }));
      const twice = text.replace('"content":', '"conten\\u0074":"井盖坏了","content":');
      assert.notEqual(twice, text);
      const photo = { name: 'a.jpg', mediaType: 'image/jpeg', bytes: Buffer.from('x') };
      for (const options of [{}, { rest: '/validate' }, { files: [photo] }] as const) {
        const answer = await sender.send(twice, options);
        assert.deepEqual([answer.status, answer.json()['type']], [400, '/problems/duplicate-key']);
        const [where] = answer.json()['errors'] as Fault[];
        assert.deepEqual([where?.pointer, where?.code], ['/data/content', 'duplicate-key']);
      }
      const asked = await sender.send('{"number":"a","number":"b"}', { rest: '/query' });
      assert.equal(asked.json()['type'], '/problems/duplicate-key');
      assert.equal(gateway.stored().length, before);
    });

    it('more than 256 kB with 413', async () => {
      const answer = await sender.send(appealBody({ content: 'x'.repeat(300_000) }));
      assert.equal(answer.status, 413);
      assert.notEqual(answer.headers['connection'], 'close', 'or the sender is cut off before it has read the answer');
    });

    it('other content types with 415, other methods with 405, other paths with 404', async () => {
      assert.equal((await sender.send('a=1', { contentType: 'application/x-www-form-urlencoded' })).status, 415);
      const got = await fetch(served.url);
      assert.equal(got.status, 405);
      assert.equal(got.headers.get('allow'), 'POST');
      assert.equal((await fetch(`${served.url}/__proto__`, { method: 'POST' })).status, 404);
    });

    it('compressed bodies with 415, saying so', async () => {
      const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' };
      const body = gzipSync(JSON.stringify(appealBody()));
      for (const rest of ['', '/validate', '/query']) {
        const answer = await fetch(`${served.url}${rest}`, { method: 'POST', headers, body });
        assert.equal(answer.status, 415);
        assert.match(await answer.text(), /请求体不得压缩.*uncompressed/);
      }
    });

    it('every wrong field at once, each by its JSON Pointer', async () => {
      const body = {
        ...appealBody({
          contant: 'x',
          contact: { phone: 13800138000 },
          place: { longitude: 125.9 },
          occurredAt: '昨天',
        }),
        timestamp: '2024-13-01T00:00:00Z',
      };
      const found = faults(await sender.send(body)).map(fault => [fault.pointer, fault.code]);
      assert.deepEqual(found.sort(), [
        ['/data/contact/phone', 'wrong-type'],
        ['/data/contant', 'unknown-field'],
        ['/data/occurredAt', 'wrong-format'],
        ['/data/place', 'belong-together'],
        ['/timestamp', 'wrong-format'],
      ]);
    });

    it('a field that stands alone, with the name of the one that belongs to it', async () => {
      const [fault] = faults(await sender.send(appealBody({ last: true })));
      assert.match(String(fault?.detail), /^last 须与 conversation .*last needs conversation/);
    });

    it('a value of the wrong form, with one of the right form', async () => {
      const found = faults(await sender.send({ ...appealBody({ occurredAt: '昨天' }), timestamp: '1795752000' }));
      for (const { detail } of found) assert.match(detail, /应形如 2024-01-01T08:30:05\+08:00.*it looks like 2024-/);
      assert.equal(found.length, 2);
    });

    it('an unknown field with the one that was probably meant', async () => {
      const meant: Record<string, string> = {
        contant: 'content',
        external_id: 'externalId',
        Tittle: 'title',
        isPublic: 'public',
      };
      for (const [written, right] of Object.entries(meant)) {
        const [fault] = faults(await sender.send(appealBody({ [written]: 'x' })));
        assert.match(fault?.detail ?? '', new RegExp(`是否想写 ${right}.*did you mean ${right}\\?`));
      }
    });

    it('a value in no answer', async () => {
      const answer = await sender.send(
        appealBody({ contact: { phone: ['13912345678'], idNumber: 1 }, contentFormat: '13912345678' }),
      );
      assert.equal(faults(answer).length, 3);
      assert.doesNotMatch(answer.text, /13912345678/);
    });

    it('what comes faster than agreed, with 429 and Retry-After, and no unsigned request counts', async () => {
      await restart({ ratePerSecond: 1, burst: 2 });
      for (let i = 0; i < 5; i++) assert.equal((await sender.send(appealBody(), { tamper: 'signature' })).status, 401);
      const answers = await Promise.all(Array.from({ length: 6 }, () => sender.send(appealBody())));
      const refused = answers.filter(answer => answer.status === 429);
      assert.equal(refused.length, 3);
      for (const answer of refused) assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/);
    });
  });

  describe('passes on', () => {
    it('503 while the store is down, and takes the message when it comes again', async () => {
      gateway.refuse(1);
      assert.equal((await sender.send(appealBody(), { id: 'msg_1' })).status, 503);
      assert.equal((await sender.send(appealBody(), { id: 'msg_1' })).status, 202);
    });
  });

  describe('/validate', () => {
    it('says what would be read and stores nothing', async () => {
      const answer = await sender.send(appealBody(), { rest: '/validate' });
      assert.equal(answer.status, 200);
      const message = answer.json()['message'] as Record<string, unknown>;
      assert.equal(message['content'], '幸福路12号路灯不亮三天');
      assert.equal(gateway.stored().length, 0);
      assert.equal(faults(await sender.send(appealBody({ content: 1 }), { rest: '/validate' })).length, 1);
    });
  });

  describe('/query', () => {
    it('says what became of a number, and nothing of any other', async () => {
      gateway.settle({ kind: 'ticket', held: true });
      await sender.send(appealBody());
      const known = await sender.send({ number: 'TEST000001' }, { rest: '/query' });
      assert.equal(known.status, 200);
      assert.deepEqual(known.json()['outcome'], { kind: 'ticket', held: true });
      assert.match(String(known.json()['receivedAt']), /^\d{4}-\d\d-\d\dT.*Z$/);
      const unknown = await sender.send({ number: 'TEST000002' }, { rest: '/query' });
      assert.equal(unknown.status, 404);
      assert.equal(unknown.json()['type'], '/problems/not-found');
      assert.equal(faults(await sender.send({ nunber: 'x' }, { rest: '/query' })).length, 2);
    });
  });

  describe('attachments', () => {
    const photo = {
      name: '路灯.jpg',
      mediaType: 'image/jpeg',
      bytes: Buffer.from([0xff, 0xd8, 0xff, 0x00, 0x0d, 0x0a]),
    };
    const named = { name: '现场.jpg', sha256: sha256(photo.bytes) };

    it('by multipart: the JSON alone is signed and kept, the file is named by its digest', async () => {
      const answer = await sender.send(appealBody({ attachments: [named] }), { files: [photo] });
      assert.equal(answer.status, 202, answer.text);
      const [original] = gateway.stored();
      assert.equal(original?.mediaType, 'application/json');
      assert.deepEqual(JSON.parse(Buffer.from(original?.body ?? []).toString()), appealBody({ attachments: [named] }));
      const [file] = original?.files ?? [];
      assert.deepEqual(
        { ...file, bytes: Buffer.from(file?.bytes ?? []) },
        { ...photo, name: '现场.jpg', sha256: named.sha256 },
      );
    });

    it('by multipart in the form that has no file name for the JSON', async () => {
      const form = new FormData();
      const body = JSON.stringify(appealBody({ attachments: [named] }));
      form.set('appeal', body);
      form.set('file', new Blob([photo.bytes], { type: photo.mediaType }), photo.name);
      const { headers } = sender.prepare(body);
      const { 'content-type': _, ...signature } = headers;
      const answer = await fetch(served.url, { method: 'POST', body: form, headers: signature });
      assert.equal(answer.status, 202, await answer.text());
    });

    it('by multipart refuses a wrong signature before it reads the files', async () => {
      const answer = await sender.send(appealBody({ attachments: [named] }), {
        files: [photo],
        secrets: [newSecret()],
      });
      assert.equal(answer.status, 401);
    });

    it('missing, changed, of another size, or not named', async () => {
      const missing = await sender.send(appealBody({ attachments: [named] }));
      assert.deepEqual(
        faults(missing).map(fault => [fault.pointer, fault.code]),
        [['/data/attachments/0/sha256', 'file-missing']],
      );
      const changed = await sender.send(appealBody({ attachments: [named] }), {
        files: [{ ...photo, bytes: Buffer.from('x') }],
      });
      assert.deepEqual(
        faults(changed).map(fault => fault.code),
        ['file-missing', 'file-not-named'],
      );
      const size = await sender.send(appealBody({ attachments: [{ ...named, size: 5 }] }), { files: [photo] });
      assert.deepEqual(
        faults(size).map(fault => fault.pointer),
        ['/data/attachments/0/size'],
      );
      const extra = await sender.send(appealBody(), { files: [photo] });
      assert.deepEqual(
        faults(extra).map(fault => fault.code),
        ['file-not-named'],
      );
      assert.equal(gateway.stored().length, 0);
    });

    it('over 20 MB, or more than ten, with 413', async () => {
      const bytes = Buffer.alloc(20 * 1024 * 1024 + 1);
      const large = await sender.send(appealBody(), { files: [{ ...photo, bytes }] });
      assert.equal(large.json()['type'], '/problems/files-too-large');
      const many = await sender.send(appealBody(), { files: Array.from({ length: 11 }, () => photo) });
      assert.equal(many.status, 413);
      const form = new FormData();
      const body = JSON.stringify(appealBody());
      form.set('appeal', body);
      for (let n = 0; n < 11; n++) form.append('file', new Blob([photo.bytes]), `${n}.jpg`);
      const { 'content-type': _, ...signature } = sender.prepare(body).headers;
      assert.equal((await fetch(served.url, { method: 'POST', body: form, headers: signature })).status, 413);
    }).timeout(10_000);

    it('in a multipart body that is cut or has no parts', async () => {
      await sender.cut(appealBody({ attachments: [named] }), { files: [photo] });
      const { headers, ...rest } = sender.prepare(appealBody());
      const empty = { ...rest, headers: { ...headers, 'content-type': 'multipart/form-data; boundary=x' } };
      const answer = await sender.deliver({ ...empty, body: Buffer.from('--x--\r\n') });
      assert.equal(answer.json()['type'], '/problems/bad-multipart');
      assert.equal((await sender.deliver({ ...empty, body: Buffer.from('no boundary at all') })).status, 400);
      const without = { ...rest, headers: { ...headers, 'content-type': 'multipart/form-data' } };
      assert.equal((await sender.deliver(without)).status, 400);
      assert.equal(gateway.stored().length, 0);
    });

    it('by URL only to public addresses, and only where the channel allows', async () => {
      const at = (url: string) => appealBody({ attachments: [{ name: 'a.jpg', url }] });
      assert.equal((await sender.send(at('https://files.example.com/a.jpg'))).status, 202);
      const inner = [
        'http://127.0.0.1/a',
        'http://2130706433/a',
        'http://[::1]/a',
        'http://[::ffff:10.0.0.1]/',
        'https://u:p@e.com/',
      ];
      for (const url of inner) assert.equal(faults(await sender.send(at(url)))[0]?.code, 'url-refused', url);
      await restart({ attachmentHosts: ['files.example.com'] });
      assert.equal((await sender.send(at('https://files.example.com/a.jpg'))).status, 202);
      assert.equal((await sender.send(at('https://other.example.com/a.jpg'))).status, 422);
      await restart({ allowUrlAttachments: false });
      assert.equal((await sender.send(at('https://files.example.com/a.jpg'))).status, 422);
    });

    it('by exactly one of base64, url and sha256', async () => {
      const none = await sender.send(appealBody({ attachments: [{ name: 'a' }] }));
      const two = await sender.send(
        appealBody({ attachments: [{ name: 'a', base64: 'AAAA', url: 'https://e.com/a' }] }),
      );
      for (const answer of [none, two]) {
        assert.deepEqual(
          faults(answer).map(fault => [fault.pointer, fault.code]),
          [['/data/attachments/0', 'exactly-one']],
        );
      }
    });
  });
});
