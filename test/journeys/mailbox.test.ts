// A mailbox on its way through a whole gateway: letters become tickets, a changed password halts it once, the right one heals it.
import assert from 'node:assert/strict';
import { COMMANDS } from '../../gateway/cli/commands.ts';
import { type Running, runGateway } from '../gateway/running.ts';
import { startCaseSystem } from '../platforms/case-system.ts';
import { type MailboxSimulator, startMailboxSimulator } from '../platforms/mailbox.ts';

describe('a mailbox in a gateway', function () {
  this.timeout(60_000);
  let server: MailboxSimulator;
  let running: Running;

  beforeEach(async () => {
    server = await startMailboxSimulator();
    running = await runGateway();
  });
  afterEach(async () => {
    await running.close();
    await server.stop();
  });

  const settings = () => ({
    ...{ host: server.host, port: server.port, tls: 'none', since: 'all' },
    ...{ user: server.user, password: server.password },
  });
  const letter = (n: number): string =>
    [
      `From: zhang.${n}@example.cn`,
      `To: ${server.user}`,
      `Subject: =?UTF-8?B?${Buffer.from('路灯不亮').toString('base64')}?=`,
      'Content-Type: text/plain; charset=utf-8',
      '',
      `东昌区建设大街第 ${n} 盏路灯不亮,请派人来修。`,
      '',
    ].join('\r\n');

  /** Adds the channel as `huisu channels add` does. */
  async function add(): Promise<void> {
    const command = COMMANDS.find(({ name }) => name === 'channels add');
    assert.ok(command?.kind === 'one');
    const args = { id: 'mayor', kind: 'mailbox', settings: JSON.stringify(settings()) };
    const call = { by: 'test', signal: new AbortController().signal, progress: () => undefined };
    await command.run(running.gateway.context, args, call);
  }
  const stateOf = () => running.gateway.context.live?.channelStates().find(({ id }) => id === 'mayor');
  const outcomes = async () => (await running.gateway.foundation.store.messages.counts()).byOutcome;
  const said = (code: string) => running.logged.filter(line => line.includes(`"code":"${code}"`));

  it('makes a ticket of each letter once, though the folder is numbered anew meanwhile', async () => {
    server.add(letter(1));
    await add();
    await running.until(async () => (await outcomes()).ticket === 1);
    assert.equal(stateOf()?.up, true);
    server.add(letter(2));
    await running.until(
      async () =>
        (await running.gateway.foundation.store.messages.counts()).unread === 0 &&
        server.mails().every(({ flags }) => flags.has('$Huisu')),
    );
    server.renumber();
    server.drop();
    await running.until(() => server.mails().every(({ flags }) => flags.has('$Huisu')));
    const { total } = await running.gateway.foundation.store.messages.counts();
    assert.equal(total, 2);
  });

  it('tells the case system of a follow-up that nobody here can read that it is so', async () => {
    const cases = await startCaseSystem();
    try {
      await running.close();
      running = await runGateway({ caseSystem: { url: cases.url } });
      const mail = (words: string) =>
        [
          ...['From: zhang@example.cn', `To: ${server.user}`],
          `Subject: =?UTF-8?B?${Buffer.from('东昌区建设大街与江南路口的路灯一个月不亮').toString('base64')}?=`,
          ...['Content-Type: text/plain; charset=utf-8', '', words, ''],
        ].join('\r\n');
      server.add(mail('东昌区建设大街与江南路口的路灯一个月不亮，请派人来修。'));
      await add();
      await running.until(() => cases.lines.length === 1);
      const block = ['-----BEGIN PGP MESSAGE-----', '', 'hQEMA7n0c1', '=aB3d', '-----END PGP MESSAGE-----'];
      server.add(mail(block.join('\r\n')));
      await running.until(() => cases.lines.length === 2);
      const { kind, data } = cases.lines[1]!.body as {
        kind: string;
        data: { appeal: { content: string; illegible: string } };
      };
      assert.deepEqual([kind, data.appeal.illegible], ['ticket.followed-up', 'encrypted']);
      assert.match(data.appeal.content, /来件已加密，网关无法阅读/);
    } finally {
      await cases.close();
    }
  });

  it('halts when its password is refused, says so once, and goes on when it is opened with the right one', async () => {
    server.faults.login = { status: 'NO', text: '[AUTHENTICATIONFAILED] changed' };
    server.add(letter(1));
    await add();
    await running.until(() => stateOf()?.up === false);
    assert.equal(stateOf()?.reason, 'channel.credentials_refused');
    assert.equal(server.connections, 1);
    assert.equal(said('channel.down').length, 1);
    assert.match(said('channel.down')[0] ?? '', /mailbox\.login_refused/);
    assert.doesNotMatch(running.logged.join(''), /app-password|szxx@/);
    server.faults.login = null;
    await running.gateway.context.live?.reopen('mayor');
    await running.until(async () => (await outcomes()).ticket === 1);
    assert.equal(stateOf()?.up, true);
  });
});
