// How alarms get to a person: signed, in order, again after a failure, given up in the end, by mail as by webhook.
import assert from 'node:assert/strict';
import { newSecret } from '../../../adapters/kit/signature.ts';
import type { AlarmMail, AlarmSettings } from '../../../config/alarms.ts';
import { alarmsSchema } from '../../../config/alarms.ts';
import { ConfigError } from '../../../config/errors.ts';
import { check } from '../../../config/load.ts';
import { MOST_NOTICES } from '../../../gateway/alarms/delivery.ts';
import { tryWays } from '../../../gateway/alarms/ways.ts';
import { cannotMake, makeCertificate, type TestCertificate } from '../certificates.ts';
import {
  type AlarmBench,
  alarmSettings,
  HOUR,
  type MailServer,
  MINUTE,
  openBench,
  type Receiver,
  SECRET,
  startMailServer,
  startReceiver,
} from './alarms-workbench.ts';

const channel = (id: string, reason: string | null) => ({ id, enabled: true, up: reason === null, reason });
const REFUSED = 'channel.credentials_refused';

/** Plain text, as inside one machine. */
const mailTo = (port: number, more: Partial<AlarmMail> = {}): AlarmMail => ({
  to: 'duty@example.cn',
  from: 'huisu@example.cn',
  host: '127.0.0.1',
  port,
  security: 'none',
  user: null,
  password: null,
  ca: null,
  ...more,
});

describe('the delivery of alarms', () => {
  let receiver: Receiver;
  let mail: MailServer;
  let bench: AlarmBench;
  beforeEach(async () => {
    receiver = await startReceiver();
    mail = await startMailServer();
    bench = await openBench();
  });
  afterEach(async () => {
    await bench.close();
    await mail.close();
    await receiver.close();
  });

  const webhook = (): AlarmSettings['webhook'] => ({ url: receiver.url, secrets: [SECRET], ca: null });
  const told = () => receiver.received.map(({ body }) => `${body.type} ${body.data.on}`);
  const way = (name: string) =>
    bench
      .alarms()
      .figures()
      .ways.find(one => one.way === name);
  const codes = () => bench.logged.map(({ code }) => code).filter(code => String(code).startsWith('alarm.'));

  it('waits after a failure, longer each time, and goes on in order once the receiver works', async () => {
    bench.set({ webhook: webhook() });
    receiver.answers.push(500, 503, 404);
    bench.be({ channels: [channel('a', REFUSED)] });
    await bench.pass(1000);
    assert.deepEqual([receiver.seen(), way('webhook')?.failures, way('webhook')?.waiting], [1, 1, 1]);
    await bench.pass(9000);
    assert.equal(receiver.seen(), 1, 'tried again too early');
    await bench.pass(1000);
    assert.equal(receiver.seen(), 2);
    bench.be({ channels: [channel('a', REFUSED), channel('b', REFUSED)] });
    await bench.pass(29_000);
    assert.equal(receiver.seen(), 2);
    await bench.pass(1000);
    assert.equal(receiver.seen(), 3);
    await bench.pass(61_000);
    assert.deepEqual(told(), ['alarm.began a', 'alarm.began b']);
    assert.deepEqual([way('webhook')?.failures, way('webhook')?.waiting, way('webhook')?.lost], [0, 0, 0]);
    assert.deepEqual(codes(), ['alarm.began', 'alarm.undelivered', 'alarm.began', 'alarm.delivered']);
  });

  it('is the same notice on every attempt, and survives a restart between two of them', async () => {
    bench.set({ webhook: webhook() });
    receiver.answers.push(500);
    bench.be({ channels: [channel('a', REFUSED)] });
    await bench.pass(1000);
    const kept = JSON.parse((await bench.store.admin.meta('alarms.state')) as string);
    await bench.restart();
    await bench.pass(11_000);
    assert.deepEqual(
      receiver.received.map(({ id }) => id),
      [kept.notices[0].id],
    );
    await bench.pass(MINUTE);
    assert.equal(receiver.seen(), 2);
  });

  it('by one way is not held up by the other', async () => {
    bench.set({ webhook: webhook(), mail: mailTo(mail.port) });
    receiver.answers.push(...Array(50).fill(500));
    bench.be({ channels: [channel('a', REFUSED)] });
    await bench.pass(1000);
    assert.equal(mail.mails.length, 1);
    assert.deepEqual([way('mail')?.waiting, way('webhook')?.waiting], [0, 1]);
  });

  it('gives a notice up after its time, counts it, and says so', async () => {
    bench.set({ webhook: webhook() });
    receiver.answers.push(...Array(500).fill(500));
    bench.be({ channels: [channel('a', REFUSED)] });
    for (let i = 0; i < 49; i++) await bench.pass(HOUR / 2 + 1000);
    assert.deepEqual([way('webhook')?.waiting, way('webhook')?.lost], [0, 1]);
    assert.ok(codes().includes('alarm.given_up'));
  });

  it('keeps so many notices at most, the newest', async () => {
    bench.set({ webhook: webhook(), overMinutes: 0 });
    receiver.answers.push(...Array(MOST_NOTICES).fill(500));
    for (let i = 0; i < MOST_NOTICES / 2 + 5; i++) {
      bench.be({ channels: [channel(`c-${i}`, REFUSED)] });
      await bench.pass(1);
    }
    const waiting = way('webhook')?.waiting ?? 0;
    assert.ok(waiting <= MOST_NOTICES, String(waiting));
    assert.equal((way('webhook')?.lost ?? 0) + waiting, MOST_NOTICES + 9);
  });

  it('does not wait for a time that a clock set wrong has written', async () => {
    bench.set({ webhook: webhook() });
    receiver.answers.push(500);
    bench.be({ channels: [channel('a', REFUSED)] });
    await bench.pass(1000);
    bench.step(-48 * HOUR);
    await bench.pass(1000);
    assert.equal(told()[0], 'alarm.began a');
  });

  it('follows no redirect, and knows a receiver that does not know our secret', async () => {
    receiver.answers.push(302, 401);
    const settings = alarmSettings({ webhook: webhook() });
    const { signal } = new AbortController();
    assert.equal((await tryWays(settings, Date.now(), signal))[0]?.code, 'alarm.redirected');
    assert.equal((await tryWays(settings, Date.now(), signal))[0]?.code, 'alarm.credentials_refused');
    const [other] = await tryWays(
      { ...settings, webhook: { ...webhook()!, secrets: [newSecret()] } },
      Date.now(),
      signal,
    );
    assert.equal(other?.ok, true);
    assert.equal(receiver.received[0]?.fault, 'signature_wrong', 'the receiver of this test checks nothing');
  });

  it('by mail says what happened and what to do in both languages, and marks itself as sent by a machine', async () => {
    bench.set({ mail: mailTo(mail.port) });
    bench.be({ channels: [channel('mayor-mailbox', REFUSED)] });
    await bench.pass(1000);
    const [text] = mail.mails as [string];
    assert.match(text, /^To: duty@example\.cn$/m);
    assert.match(text, /^Auto-Submitted: auto-generated$/im);
    assert.match(text, /^Message-ID: <alarm-[0-9a-f-]+@example\.cn>$/im);
    const encoded = text.slice(text.indexOf('\r\n\r\n')).replace(/\s/g, '');
    const base64 = /content-transfer-encoding: base64/i.test(text);
    const body = base64 ? Buffer.from(encoded, 'base64').toString() : Buffer.from(unquoted(text), 'latin1').toString();
    assert.match(body, /渠道 mayor-mailbox 的用户名、密码或令牌/);
    assert.match(body, /huisu channels list/);
    assert.match(body, /put new credentials/i);
  });

  it('tells in words what a mail server answered to a test', async () => {
    const refusing = await startMailServer({
      onRcptTo: (_address, _session, callback) =>
        callback(Object.assign(new Error('no such user'), { responseCode: 550 })),
    });
    const later = await startMailServer({
      onRcptTo: (_address, _session, callback) =>
        callback(Object.assign(new Error('try later'), { responseCode: 450 })),
    });
    const { signal } = new AbortController();
    const trial = async (more: AlarmMail) => (await tryWays(alarmSettings({ mail: more }), Date.now(), signal))[0];
    const good = await trial(mailTo(mail.port));
    assert.deepEqual([good?.ok, good?.answer], [true, '250 queued as 1']);
    const refused = await trial(mailTo(refusing.port));
    assert.deepEqual([refused?.code, refused?.ok], ['alarm.mail_refused', false]);
    assert.match(refused?.answer ?? '', /550 no such user/);
    assert.match(refused?.advice?.zh ?? '', /from 与登录名一致/);
    assert.equal((await trial(mailTo(later.port)))?.code, 'alarm.mail_later');
    const away = await trial(mailTo(1));
    assert.deepEqual([away?.code, away?.answer], ['alarm.mail_unreachable', 'the mail server failed (ECONNREFUSED)']);
    await Promise.all([refusing.close(), later.close()]);
  });

  it('to a mail server that refuses them is tried again and shown, and nothing else waits for it', async () => {
    let refuses = true;
    const moody = await startMailServer({
      onMailFrom: (_address, _session, callback) =>
        callback(refuses ? Object.assign(new Error('sender rejected'), { responseCode: 553 }) : null),
    });
    bench.set({ mail: mailTo(moody.port) });
    bench.be({ channels: [channel('a', REFUSED)] });
    await bench.pass(1000);
    assert.deepEqual([way('mail')?.failures, moody.mails.length], [1, 0]);
    refuses = false;
    await bench.pass(11_000);
    assert.deepEqual([way('mail')?.failures, moody.mails.length], [0, 1]);
    await moody.close();
  });

  it('ends at once when the gateway stops, however long a receiver thinks', async () => {
    let connected: () => void = () => undefined;
    const silent = await startMailServer({ onConnect: () => connected() });
    const isConnected = new Promise<void>(resolve => {
      connected = resolve;
    });
    bench.set({ mail: mailTo(silent.port) });
    bench.be({ channels: [channel('a', REFUSED)] });
    bench.world.now += 1000;
    await bench.alarms().look();
    const delivering = bench.alarms().deliver();
    await isConnected;
    const began = performance.now();
    await bench.restart();
    await delivering;
    assert.ok(performance.now() - began < 2000);
    assert.equal(way('mail')?.waiting ?? 0, 0, 'figures of a fresh start');
    await silent.close();
  });

  it('needs a login to be encrypted and a webhook to be signed', () => {
    const shipped = alarmSettings();
    const refused = (over: object) =>
      assert.throws(
        () => check(alarmsSchema, { ...shipped, ...over }, ['alarms'], () => ({ file: 'x', line: null, column: null })),
        ConfigError,
      );
    refused({ mail: { ...mailTo(25), user: 'a', password: 'b' } });
    refused({ mail: { ...mailTo(465), security: 'tls', user: 'a', password: null } });
    refused({ webhook: { url: 'https://example.cn/x', secrets: [] } });
    refused({ webhook: { url: 'ftp://example.cn/x', secrets: [SECRET] } });
  });
});

describe('alarms by mail over TLS', () => {
  let pair: TestCertificate;
  before(function () {
    const reason = cannotMake();
    if (reason !== null) {
      process.stderr.write(`skipped: ${reason}\n`);
      return this.skip();
    }
    pair = makeCertificate('huisu-test');
  });

  async function trial(server: MailServer, more: Partial<AlarmMail>) {
    const settings = alarmSettings({ mail: mailTo(server.port, more) });
    return (await tryWays(settings, Date.now(), new AbortController().signal))[0];
  }

  for (const security of ['tls', 'starttls'] as const) {
    it(`log in over ${security} where the certificate is known, and say so where it is not, or the password is wrong`, async () => {
      const server = await startMailServer({
        ...pair,
        secure: security === 'tls',
        disabledCommands: [],
        authOptional: false,
        onAuth: ({ password }, _session, callback) =>
          password === 'right' ? callback(null, { user: 'huisu' }) : callback(new Error('wrong password')),
      });
      const login = { security, user: 'huisu', password: 'right' };
      const good = await trial(server, { ...login, ca: pair.cert });
      assert.deepEqual([good?.ok, good?.code], [true, null], good?.answer ?? '');
      assert.equal((await trial(server, login))?.code, 'alarm.mail_tls');
      const wrong = await trial(server, { ...login, ca: pair.cert, password: 'wrong' });
      assert.equal(wrong?.code, 'alarm.mail_login_refused');
      assert.doesNotMatch(JSON.stringify(wrong), /right|"wrong"/);
      await server.close();
    });
  }

  it('send nothing to a server that offers no encryption where it is asked for', async () => {
    const plain = await startMailServer();
    assert.equal((await trial(plain, { security: 'starttls' }))?.code, 'alarm.mail_tls');
    assert.deepEqual(plain.mails, []);
    await plain.close();
  });
});

function unquoted(text: string): string {
  return text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
