// A running gateway: what goes wrong with it reaches a person once, shows in status and metrics, and holds nothing of citizens.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { CredentialsRefused } from '../../../adapters/contract.ts';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import { runCommand } from '../../../gateway/control.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { script } from '../fixtures/scripted-box.ts';
import { type Running, runGateway } from '../running.ts';
import { type MailServer, type Receiver, SECRET, startMailServer, startReceiver } from './alarms-workbench.ts';

const BOX = fileURLToPath(new URL('../fixtures/scripted-box.ts', import.meta.url));
const CITIZEN = { name: '欧阳靖瑶', phone: '13912345678', email: 'ouyang.jingyao@mail.example.com' };
const SECRET_TEXT = '银杏佳苑物业经理';

describe('a running gateway', function () {
  this.timeout(60_000);
  let receiver: Receiver;
  let mail: MailServer;
  let cases: CaseSystemSimulator;
  let running: Running;
  let password: string;
  before(async () => {
    password = 'right';
    script.open = () => undefined;
    script.poll = async signal => {
      if (password !== 'right') throw new CredentialsRefused('scripted-box.login_refused', 'the login was refused');
      await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
    };
    receiver = await startReceiver();
    mail = await startMailServer();
    cases = await startCaseSystem({ faults: { script: ['422'], repeat: true } });
    running = await runGateway({
      adapters: [BOX],
      caseSystem: { url: cases.url },
      alarms: {
        name: 'gateway-1',
        webhook: { url: receiver.url, secrets: [SECRET] },
        mail: { to: 'duty@example.cn', from: 'huisu@example.cn', host: '127.0.0.1', port: mail.port, security: 'none' },
        lookSeconds: 0.05,
        overMinutes: 0,
      },
    });
  });
  after(async () => {
    await running.close();
    await Promise.all([receiver.close(), mail.close(), cases.close()]);
    Object.assign(script, { open: () => undefined, poll: null });
  });

  const told = () => receiver.received.map(({ body }) => `${body.type} ${body.data.kind}`);
  async function command(name: string): Promise<unknown[]> {
    const replies: unknown[] = [];
    const found = COMMANDS.find(one => one.name === name);
    assert.ok(found);
    const call = { args: {}, by: 'tester' };
    await runCommand(
      found,
      running.gateway.context,
      call,
      new AbortController().signal,
      reply => void replies.push(reply),
    );
    return replies;
  }
  const status = async () =>
    ((await command('status'))[0] as { result: { findings: { code: string; command: string | null }[] } }).result;

  it('raises exactly one alarm when credentials are refused, and one end after new ones', async () => {
    const { book } = running.gateway.context;
    password = 'changed at the platform';
    await book.add({ id: 'mayor-mailbox', kind: 'scripted-box', settings: {} }, 'tester');
    await running.gateway.context.live?.reopen('mayor-mailbox');
    await running.until(() => told().length > 0 && mail.mails.length > 0);
    const shown = (await status()).findings.find(({ code }) => code === 'alarm.credentials-refused');
    assert.equal(shown?.command, 'huisu channels list');
    assert.match(
      await (await fetch(`${running.gateway.url}/metrics`)).text(),
      /huisu_alarms\{alarm="credentials-refused"\} 1/,
    );
    password = 'right';
    await running.gateway.context.live?.reopen('mayor-mailbox');
    await running.until(() => told().length > 1 && mail.mails.length > 1);
    assert.deepEqual(told(), ['alarm.began credentials-refused', 'alarm.over credentials-refused']);
    assert.equal(receiver.received[0]?.body.data.on, 'mayor-mailbox');
    assert.equal(receiver.received[0]?.body.data.gateway, 'gateway-1');
    assert.equal(mail.mails.length, 2);
    assert.equal(
      (await status()).findings.some(({ code }) => code.startsWith('alarm')),
      false,
    );
  });

  it('tells of dead letters, with nothing of the citizen in any text', async () => {
    await running.appeal(`我要投诉${SECRET_TEXT}，请给我打电话${CITIZEN.phone}。`, CITIZEN);
    await running.until(() => told().includes('alarm.began dead-letters') && mail.mails.length > 2);
    const rows = await command('alarms');
    assert.ok(JSON.stringify(rows).includes('dead-letters'));
    const { store } = running.gateway.context;
    const kept = [await store.admin.meta('alarms.state'), await store.admin.meta('alarms.traffic')].join('\n');
    const bodies = mail.mails.flatMap(text => {
      const body = text.slice(text.indexOf('\r\n\r\n'));
      return [text, Buffer.from(body, 'base64').toString()];
    });
    const all = [JSON.stringify(receiver.received), ...bodies, JSON.stringify(rows), kept, ...running.logged].join(
      '\n',
    );
    for (const value of [...Object.values(CITIZEN), SECRET_TEXT]) assert.ok(!all.includes(value), value);
  });

  it('sends a test by both ways and says whether it arrived', async () => {
    const before = mail.mails.length;
    const [reply] = (await command('alarms test')) as [{ result: { ok: boolean; results: Record<string, unknown>[] } }];
    assert.deepEqual(
      reply.result.results.map(({ way, ok, answer }) => [way, ok, answer]),
      [
        ['webhook', true, 'HTTP 204'],
        ['mail', true, '250 queued as 1'],
      ],
    );
    assert.equal(mail.mails.length, before + 1);
    assert.equal(receiver.received.at(-1)?.body.type, 'alarm.test');
    receiver.answers.push(503);
    const [failed] = (await command('alarms test')) as [
      { result: { ok: boolean; results: Record<string, unknown>[] } },
    ];
    assert.deepEqual([failed.result.ok, failed.result.results[0]?.['code']], [false, 'alarm.unavailable']);
    const text = COMMANDS.find(({ name }) => name === 'alarms test');
    assert.ok(text?.kind === 'one');
    assert.match(
      text.text?.(failed.result, 'zh') ?? '',
      /✘ 推送 http:\/\/127\.0\.0\.1:\d+ \d+ ms 没有送达：.*503[\s\S]+✔ 邮件/,
    );
  });

  it('shows in status that nobody can be told', async () => {
    receiver.answers.push(...Array(100).fill(500));
    password = 'changed again';
    await running.gateway.context.live?.reopen('mayor-mailbox');
    await running.until(async () => (await status()).findings.some(({ code }) => code === 'alarm-undelivered'));
    const finding = (await status()).findings.find(({ code }) => code === 'alarm-undelivered');
    assert.equal(finding?.command, 'huisu alarms test');
  });
});
