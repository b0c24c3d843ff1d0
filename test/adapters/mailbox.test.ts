// The mailbox against the simulated mail server: what is taken in, when it is marked, and what every failure is called.
import assert from 'node:assert/strict';
import { until } from '../../adapters/conformance/bench.ts';
import { Misconfigured, Unavailable } from '../../adapters/contract.ts';
import { adapter } from '../../adapters/mailbox/index.ts';
import { type MailboxSimulator, type MailboxSimulatorOptions, startMailboxSimulator } from '../platforms/mailbox.ts';
import { letter, type MailboxStage, mailboxSettings, mailboxStage } from './mailbox-stage.ts';

describe('mailbox', () => {
  const stages: MailboxStage[] = [];
  const servers: MailboxSimulator[] = [];

  async function start(options?: MailboxSimulatorOptions): Promise<MailboxSimulator> {
    const server = await startMailboxSimulator(options);
    servers.push(server);
    return server;
  }
  async function open(server: MailboxSimulator, more: Readonly<Record<string, unknown>> = {}, now?: () => number) {
    const stage = await mailboxStage(mailboxSettings(server, more), now);
    stages.push(stage);
    return stage;
  }
  afterEach(async () => {
    for (const stage of stages.splice(0)) await stage.close();
    for (const server of servers.splice(0)) await server.stop();
  });

  it('takes new mail in as soon as the server tells of it', async () => {
    const server = await start();
    const stage = await open(server);
    const listening = stage.listen();
    await until('it idles', () => server.commands.includes('IDLE'));
    server.add(letter(1));
    server.add(letter(2));
    await until('both are taken in', () => stage.taken().length === 2);
    assert.deepEqual(stage.taken(), [letter(1), letter(2)]);
    await until('both are marked', () => server.mails().every(({ flags }) => flags.has('$Huisu')));
    await listening.stop();
    assert.deepEqual(listening.failures, []);
  });

  it('goes on by itself after the server cut the connection', async () => {
    const server = await start();
    const stage = await open(server);
    const listening = stage.listen();
    for (let n = 1; n <= 2; n++) {
      await until('it idles', () => server.commands.filter(line => line === 'IDLE').length >= n);
      server.drop();
      server.add(letter(n));
      await until('the mail is taken in', () => stage.taken().length === n);
    }
    await listening.stop();
    assert.deepEqual(listening.failures, []);
    assert.equal(server.connections, 3);
    assert.equal(stage.gateway.log.filter(({ code }) => code === 'mailbox.reconnecting').length, 2);
  });

  it('is looked through by polls where the server has no IDLE', async () => {
    const server = await start({ capabilities: ['ID', 'UIDPLUS'] });
    const stage = await open(server);
    const listening = stage.listen();
    await until('it has looked once', () => server.commands.some(line => line.startsWith('UID SEARCH')));
    server.add(letter(1));
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter(1)]);
    assert.equal(server.connections, 1);
    assert.match((await stage.channel.check?.())?.zh ?? '', /不支持 IDLE,每分钟查看一次/);
    await listening.stop();
    assert.ok(!server.commands.includes('IDLE'));
  });

  it('says in the check how many mails of before it leaves in the mailbox', async () => {
    const server = await start();
    server.add(letter(1));
    const stage = await open(server, { since: 'connected' });
    await stage.poll();
    server.add(letter(2));
    await stage.poll();
    const found = await stage.channel.check?.();
    assert.match(found?.zh ?? '', /INBOX 有 2 封邮件.*1 封没有标记:首次连接之前到达的不收/);
    assert.match(found?.en ?? '', /1 have no mark/);
  });

  it('says who it is before it selects a folder, as 163 and 126 demand', async () => {
    const server = await start();
    server.faults.wantsId = true;
    server.add(letter(1));
    const stage = await open(server);
    await stage.poll();
    assert.equal(stage.taken().length, 1);
    assert.match(server.commands[0] ?? '', /^ID \(name huisu/);
  });

  it('marks as read where keywords are refused, and takes in what a person has read before', async () => {
    const server = await start();
    server.faults.refuseKeywords = true;
    server.add(letter(1));
    const read = server.add(letter(2));
    server.mails().at(-1)?.flags.add('\\Seen');
    const stage = await open(server);
    await stage.poll();
    assert.equal(stage.taken().length, 2);
    assert.deepEqual([...server.flags(read)], ['\\Seen']);
    assert.ok(server.mails().every(({ flags }) => flags.has('\\Seen') && !flags.has('$Huisu')));
    assert.match((await stage.channel.check?.())?.zh ?? '', /服务器不接受关键字,收后标为已读/);
  });

  it('loses nothing and doubles nothing when a folder is numbered anew', async () => {
    const server = await start();
    for (let n = 0; n < 5; n++) server.add(letter(n));
    const stage = await open(server);
    await stage.poll();
    server.renumber();
    server.add(letter('new'));
    // Its connection still sees the folder of before, as with a folder deleted and made anew.
    await stage.poll();
    assert.equal(stage.taken().length, 6);
    assert.equal(new Set(stage.taken()).size, 6);
    assert.ok(server.mails().every(({ flags }) => flags.has('$Huisu')));
    assert.deepEqual(
      stage.gateway.log.map(({ code }) => code),
      ['mailbox.renumbered'],
    );
  });

  it('loses nothing when the server is put back to an earlier state under the same UIDVALIDITY', async () => {
    const server = await start();
    for (let n = 0; n < 5; n++) server.add(letter(n));
    const stage = await open(server);
    await stage.poll();
    server.putBack(2);
    server.add(letter('after the restore'));
    await stage.reopen();
    await stage.poll();
    assert.deepEqual(stage.taken().at(-1), letter('after the restore'));
    assert.equal(stage.taken().length, 6);
    server.add(letter('later'));
    await stage.poll();
    assert.equal(stage.taken().length, 7);
    assert.equal(stage.gateway.log.filter(({ code }) => code === 'mailbox.renumbered').length, 1);
  });

  it('takes in all of another account that counts its mails under the same UIDVALIDITY', async () => {
    const first = await start({ validity: 1 });
    for (let n = 0; n < 5; n++) first.add(letter(n));
    const stage = await open(first);
    await stage.poll();
    const second = await start({ validity: 1, user: 'qzjd@example.cn' });
    second.add(letter('to the other account'));
    const other = await open(second);
    await other.gateway.context().accept([], { cursor: (await stage.gateway.context().cursor()) ?? '' });
    await other.poll();
    assert.deepEqual(other.taken(), [letter('to the other account')]);
  });

  it('goes on where an earlier version had come to', async () => {
    const server = await start();
    server.add(letter('before'));
    const stage = await open(server);
    await stage.poll();
    const cursor = JSON.parse((await stage.gateway.context().cursor()) ?? '') as Record<string, { a?: string }>;
    for (const mark of Object.values(cursor)) delete mark.a;
    const later = await open(server);
    await later.gateway.context().accept([], { cursor: JSON.stringify(cursor) });
    server.add(letter('after'));
    await later.poll();
    assert.deepEqual(later.taken(), [letter('after')]);
    assert.deepEqual(later.gateway.log, []);
  });

  describe('starts', () => {
    const old = { receivedAt: new Date('2026-10-31T15:59:59Z') };
    const newer = { receivedAt: new Date('2026-10-31T16:00:00Z') };

    it('with what arrives after the first connection, over restarts and renumbering', async () => {
      const server = await start();
      server.add(letter('long answered'), old);
      const stage = await open(server, { since: 'connected' });
      await stage.poll();
      assert.deepEqual(stage.taken(), []);
      await stage.reopen();
      server.add(letter('came while it was closed'));
      await stage.poll();
      server.renumber();
      await stage.poll();
      assert.deepEqual(stage.taken(), [letter('came while it was closed')]);
    });

    it('with the midnight of a day in Shanghai, and goes back when an earlier one is set', async () => {
      const server = await start();
      server.add(letter('the day before'), old);
      server.add(letter('that day'), newer);
      const stage = await open(server, { since: '2026-11-01' });
      await stage.poll();
      assert.deepEqual(stage.taken(), [letter('that day')]);
      const cursor = await stage.gateway.context().cursor();
      const earlier = await open(server, { since: '2026-10-31' });
      await earlier.gateway.context().accept([], { cursor: cursor ?? '' });
      await earlier.poll();
      assert.deepEqual(earlier.taken(), [letter('the day before')]);
    });

    it('nowhere when the day is none', () => {
      const { error } = adapter.settings.validate({ host: 'a.cn', user: 'a', password: 'b', since: '2026-13-01' });
      assert.deepEqual(
        error?.details.map(({ path, type }) => [path, type]),
        [[['since'], 'mailbox.since_form']],
      );
    });
  });

  it('takes in several folders of one account, each mail once', async () => {
    const server = await start();
    server.add(letter(1));
    server.add(letter(2), { folder: '垃圾邮件' });
    server.add(letter(1), { folder: '垃圾邮件' });
    const stage = await open(server, { folders: ['INBOX', '垃圾邮件'] });
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter(1), letter(2)]);
    assert.ok(server.mails('垃圾邮件').every(({ flags }) => flags.has('$Huisu')));
  });

  it('names a folder that was never there, and waits for one that was', async () => {
    const server = await start();
    const wrong = await open(server, { folders: ['INBOX', '省长信箱'] });
    const isMisconfigured = (error: unknown) =>
      error instanceof Misconfigured && error.code === 'mailbox.folder_missing' && error.field === '/folders';
    await assert.rejects(wrong.poll(), isMisconfigured);
    await assert.rejects(wrong.channel.check?.() ?? Promise.resolve(), (error: unknown) => {
      assert.match((error as Misconfigured).found?.zh ?? '', /没有“省长信箱”;有:INBOX/);
      return isMisconfigured(error);
    });
    server.add(letter(1), { folder: '省长信箱' });
    await wrong.poll();
    server.remove('省长信箱');
    await assert.rejects(wrong.poll(), error => error instanceof Unavailable && error.code === 'mailbox.folder_gone');
    server.add(letter(2), { folder: '省长信箱' });
    await wrong.poll();
    assert.deepEqual(wrong.taken(), [letter(1), letter(2)]);
  });

  it('goes on past a mail that vanished after its head was read', async () => {
    const server = await start();
    server.add(letter(1));
    server.faults.vanishing.add(server.add(letter(2)));
    server.add(letter(3));
    const stage = await open(server);
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter(1), letter(3)]);
    assert.deepEqual(stage.gateway.log, []);
  });

  it('takes in a mail of which the server tells no time, and what came after it', async () => {
    const server = await start();
    server.add(letter('of no time'), { receivedAt: new Date(Number.NaN) });
    server.add(letter('after it'));
    const stage = await open(server, { since: 'all' });
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter('of no time'), letter('after it')]);
  });

  it('passes over a mail that the server cannot hand out, and takes it in when it can, over a restart too', async () => {
    const server = await start();
    const broken = server.add(letter('broken'));
    server.add(letter(2));
    server.faults.broken.add(broken);
    const stage = await open(server);
    await stage.poll();
    await stage.reopen();
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter(2)]);
    assert.ok(!server.flags(broken).has('$Huisu'));
    assert.deepEqual(stage.gateway.log, [{ level: 'warn', code: 'mailbox.mail_refused', values: { uid: broken } }]);
    server.faults.broken.clear();
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter(2), letter('broken')]);
    assert.ok(server.flags(broken).has('$Huisu'));
    // What has been had is not asked for again.
    const fetched = server.commands.filter(command => /FETCH/i.test(String(command))).length;
    await stage.poll();
    assert.equal(server.commands.filter(command => /FETCH/i.test(String(command))).length, fetched);
  });

  it('takes a server that hands out nothing to be in trouble, and its mails for none that are broken', async () => {
    const server = await start();
    for (const n of [1, 2]) server.faults.broken.add(server.add(letter(n)));
    const stage = await open(server);
    await assert.rejects(stage.poll(), Unavailable);
    server.faults.broken.clear();
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter(1), letter(2)]);
    assert.deepEqual(stage.gateway.log, []);
  });

  it('takes in the beginning of a mail over 25 MB, never fetches the rest, and says so in the ticket', async () => {
    const server = await start();
    const large = server.add(letter('large', `井盖丢失。${'x'.repeat(26 * 1024 * 1024)}`));
    const whole = server.add(letter('whole', `积水。${'x'.repeat(3 * 1024 * 1024)}`));
    const stage = await open(server);
    await stage.poll();
    const [first, second] = stage.gateway.stored();
    assert.equal(first?.body.length, 2 * 1024 * 1024);
    assert.equal(first?.meta['truncatedFrom'], String(server.mails()[0]?.bytes.length));
    assert.equal(second?.meta['truncatedFrom'], undefined);
    assert.ok(server.flags(large).has('$Huisu') && server.flags(whole).has('$Huisu'));
    assert.ok(server.commands.includes(`UID FETCH ${large} (UID BODY.PEEK[]<0.2097152>)`));
    assert.ok(first);
    const message = await adapter.parse(first, mailboxSettings(server));
    assert.ok(message.kind === 'appeal');
    assert.match(message.content, /^井盖丢失/);
    assert.match(message.content, /原邮件共 26 MB,超过 25 MB,此处只含开头 2 MB.*完整邮件仍在信箱文件夹 INBOX 中】$/);
  });

  it('takes up where it was when the connection is cut among the mails', async () => {
    const server = await start();
    for (let n = 0; n < 350; n++) server.add(letter(n));
    server.faults.cutAfterBodies = 250;
    const stage = await open(server);
    await assert.rejects(
      stage.poll(),
      error => error instanceof Unavailable && error.code === 'mailbox.connection_lost',
    );
    assert.equal(stage.taken().length, 200);
    await stage.poll();
    assert.deepEqual(
      stage.taken(),
      Array.from({ length: 350 }, (_, n) => letter(n)),
    );
    assert.ok(server.mails().every(({ flags }) => flags.has('$Huisu')));
  });

  it('sets the marks that a crash left out, without fetching anything again', async () => {
    const server = await start();
    const [first, second] = [server.add(letter(1)), server.add(letter(2))];
    const stage = await open(server);
    await stage.poll();
    for (const mail of server.mails()) mail.flags.clear();
    await stage.reopen();
    const before = server.commands.length;
    await stage.poll();
    assert.ok(server.flags(first).has('$Huisu') && server.flags(second).has('$Huisu'));
    assert.ok(!server.commands.slice(before).some(line => line.includes('BODY')));
  });

  it('marks nothing and moves nothing while the gateway cannot take mail in', async () => {
    const server = await start();
    server.add(letter(1));
    const stage = await open(server);
    stage.gateway.refuse(1, 1);
    await assert.rejects(stage.poll(), Unavailable);
    assert.equal(server.mails()[0]?.flags.size, 0);
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter(1)]);
    assert.equal(server.connections, 1);
  });

  it('sends nothing unencrypted to another machine unless that is allowed', () => {
    const settings = { host: 'mail.example.cn', tls: 'none', user: 'a', password: 'b' };
    assert.equal(adapter.settings.validate(settings).error?.details[0]?.type, 'mailbox.unencrypted');
    assert.equal(adapter.settings.validate({ ...settings, allowUnencrypted: true }).error, undefined);
    assert.equal(adapter.settings.validate({ ...settings, host: '127.0.0.1' }).error, undefined);
  });

  it('wants a password or OAuth 2.0, and not both', () => {
    const base = { host: 'mail.example.cn', user: 'a' };
    const said = (more: object) => adapter.settings.validate({ ...base, ...more }).error?.message ?? '';
    assert.match(said({}), /密码/);
    assert.match(said({ password: 'p', oauth: { accessToken: 't' } }), /密码.*OAuth2 登录/);
    assert.match(said({ oauth: { refreshToken: 't' } }), /令牌地址/);
    assert.equal(said({ oauth: { accessToken: 't' } }), '');
  });
});
