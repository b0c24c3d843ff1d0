// An operator's first day by docs/operations.md alone: a mailbox, its first ticket, a broken password, the alarm, a restored backup.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { newSecret } from '../../adapters/kit/signature.ts';
import { letter } from '../adapters/mailbox-stage.ts';
import { startMailboxSimulator } from '../platforms/mailbox.ts';
import { dovecotBinary, startDovecot } from '../servers/dovecot.ts';
import { openPlace, type Place } from './process.ts';

interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  put(mail: string): Promise<void>;
  stop(): Promise<void>;
}

async function mailServer(): Promise<MailServer> {
  if (dovecotBinary() === null) {
    const simulator = await startMailboxSimulator();
    return { ...simulator, put: async mail => void simulator.add(mail) };
  }
  const dovecot = await startDovecot();
  return { ...dovecot, put: mail => dovecot.append(mail) };
}

/** Whoever is on duty, with everything told so far. */
async function duty() {
  const told: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      told.push(JSON.parse(body) as (typeof told)[number]);
      response.end();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/duty`;
  return { told, url, stop: () => new Promise(resolve => server.close(resolve)) };
}

describe('an operator, on the first day', function () {
  this.timeout(120_000);
  let place: Place;
  let mails: MailServer;
  let onDuty: Awaited<ReturnType<typeof duty>>;

  beforeEach(async () => {
    place = openPlace();
    mails = await mailServer();
    onDuty = await duty();
  });
  afterEach(async () => {
    await place.remove();
    await mails.stop();
    await onDuty.stop();
  });

  const settings = (data: string) => ({
    data,
    keys: { file: 'keys.json' },
    listen: { port: 0 },
    intake: { minFreeMb: 0, minFreePercent: 0 },
    alarms: { lookSeconds: 1, overMinutes: 0, webhook: { url: onDuty.url, secrets: [newSecret()] } },
  });
  const file = (name: string) => join(place.folder, name);

  /** What a command prints, told apart into what people read and what programs read. */
  async function huisu(
    ...args: string[]
  ): Promise<{ readonly code: number | string; readonly said: string; readonly result: never }> {
    const run = place.run([...args, '--config', 'huisu.yaml']);
    const code = await run.ended;
    const last = run.stdout().trim().split('\n').at(-1) ?? '';
    return { code, said: run.stdout() + run.stderr(), result: JSON.parse(last.startsWith('{') ? last : '{}') as never };
  }
  async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    const end = performance.now() + 60_000;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
      await after(100);
    }
  }
  const alarms = (type: string) => onDuty.told.filter(notice => notice.type === type);

  it('adds a mailbox, breaks and mends its password as told, and finds the tickets again in a restored backup', async () => {
    place.settings(settings('data'));
    mkdirSync(file('channels'));
    writeFileSync(file('password'), mails.password, { mode: 0o600 });
    const running = place.run(['start', '--config', 'huisu.yaml']);
    await running.started;

    // A channel in a file of its own is taken up while the gateway runs.
    const { host, port, user } = mails;
    const channel = {
      id: 'mayor-mailbox',
      kind: 'mailbox',
      settings: { host, port, user, tls: 'none', password: `\${file:${file('password')}}` },
    };
    writeFileSync(file('channels/mayor.yaml'), JSON.stringify(channel));
    await until('the channel is up', async () =>
      /mayor-mailbox\s+mailbox\s+正常/.test((await huisu('channels', 'list')).said),
    );
    assert.match((await huisu('channels', 'check', 'mayor-mailbox')).said, /已登录。INBOX/);

    await mails.put(letter(1, '东昌区新华大街38号楼前路灯不亮，请派人来修。'));
    const tickets = async (): Promise<string> => (await huisu('tickets', 'list')).said;
    await until('its ticket is there', async () => (await tickets()).includes('mayor-mailbox'));
    const before = await tickets();

    // The password changes; the alarm and the status say what it is and what to do.
    writeFileSync(file('password'), 'another one');
    await until('the alarm has come', () => alarms('alarm.began').length > 0);
    const { kind, text } = alarms('alarm.began')[0]?.data ?? {};
    assert.equal(kind, 'credentials-refused');
    assert.match((text as { zh: string }).zh, /在渠道设置里换上新的凭证/);
    const stuck = (await huisu('status')).said;
    assert.match(stuck, /渠道 mayor-mailbox 异常：邮件服务器不接受账号或密码（mailbox\.login_refused）/);
    const checked = await huisu('channels', 'check', 'mayor-mailbox');
    assert.equal(checked.code, 69);
    assert.match(checked.said, /多数服务商须用授权码/);

    // What came meanwhile is taken in once it is mended, and the alarm is over, told once.
    await mails.put(letter(2, '江南大街99号井盖缺失，夜里很危险。'));
    writeFileSync(file('password'), mails.password);
    await until('the alarm is over', () => alarms('alarm.over').length > 0);
    await until('the second ticket is there', async () => (await tickets()).split('mayor-mailbox').length === 3);
    assert.deepEqual([alarms('alarm.began').length, alarms('alarm.over').length], [1, 1]);
    assert.doesNotMatch(readFileSync(file('huisu.yaml'), 'utf8') + running.stderr(), /another one/);

    const after2 = await tickets();
    // Columns are as wide as the widest that stands in them.
    const cells = (list: string) =>
      list
        .trim()
        .split('\n')
        .map(line => line.trim().split(/ +/));
    assert.deepEqual(cells(after2)[2], cells(before)[1], 'the first ticket has changed');
    assert.equal((await huisu('backup', file('backup'))).code, 0);
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);

    const restored = await huisu('restore', file('backup'), '--data', file('elsewhere'), '--keys', file('keys.json'));
    assert.equal(restored.code, 0, restored.said);
    place.settings(settings('elsewhere'));
    const again = place.run(['start', '--config', 'huisu.yaml']);
    await again.started;
    assert.equal(await tickets(), after2);
    assert.equal((await huisu('audit', 'verify')).code, 0);
    // The mailbox is read on from where the backup was, and nothing becomes a ticket twice.
    await until('the channel is up', async () =>
      /mayor-mailbox\s+mailbox\s+正常/.test((await huisu('channels', 'list')).said),
    );
    await mails.put(letter(3, '建设大街公交站牌倒了。'));
    await until('the third ticket is there', async () => (await tickets()).split('mayor-mailbox').length === 4);
  });
});
