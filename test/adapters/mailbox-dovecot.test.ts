// The mailbox against a real Dovecot: IDLE, broken connections, rebuilt folders, several folders, a wrong password, STARTTLS.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../adapters/conformance/bench.ts';
import { CredentialsRefused, Unavailable } from '../../adapters/contract.ts';
import { selfSigned } from '../servers/certificate.ts';
import { type Dovecot, dovecotBinary, flagsFrom, startDovecot } from '../servers/dovecot.ts';
import { letter, type MailboxStage, mailboxSettings, mailboxStage } from './mailbox-stage.ts';

describe('mailbox on Dovecot', function () {
  this.timeout(60_000);
  let dovecot: Dovecot;
  const stages: MailboxStage[] = [];

  before(function () {
    if (dovecotBinary() !== null) return;
    console.log('      skipped: no dovecot is installed (apt-get install dovecot-imapd)');
    this.skip();
  });
  beforeEach(async () => {
    dovecot = await startDovecot();
  });
  afterEach(async () => {
    for (const stage of stages.splice(0)) await stage.close();
    await dovecot?.stop();
  });

  async function open(more: Readonly<Record<string, unknown>> = {}): Promise<MailboxStage> {
    const stage = await mailboxStage(mailboxSettings(dovecot, more));
    stages.push(stage);
    return stage;
  }
  const marked = async (folder?: string) =>
    (await dovecot.flags(folder)).filter(flags => flags.includes('$Huisu')).length;

  it('takes in and marks what is there, byte for byte, and what comes by IDLE', async () => {
    dovecot.fill(Array.from({ length: 250 }, (_, n) => letter(n)));
    const stage = await open();
    const listening = stage.listen();
    await until('the backlog is taken in', () => stage.taken().length === 250);
    assert.deepEqual(
      stage.taken(),
      Array.from({ length: 250 }, (_, n) => letter(n)),
    );
    await dovecot.append(letter('late'));
    await until('the new one is taken in', () => stage.taken().length === 251);
    assert.equal(stage.taken().at(-1), letter('late'));
    await until('all are marked', async () => (await marked()) === 251);
    await listening.stop();
    assert.deepEqual(listening.failures, []);
  });

  it('tells a client of a mark that another sets while it asks for others, and the suites count each mail once', async () => {
    dovecot.fill([letter(1), letter(2), letter(3)]);
    const client = await dovecot.connect();
    await client.mailboxOpen('INBOX', { readOnly: true });
    await dovecot.as(async other => {
      await other.mailboxOpen('INBOX');
      await other.messageFlagsAdd('1', ['$Huisu']);
    });
    const found = await flagsFrom(client, 2, 3);
    assert.deepEqual(
      found.map(flags => flags.has('$Huisu')),
      [false, false],
    );
    await client.logout();
  });

  it('comes back by itself each time its connection is ended, and loses and doubles nothing', async () => {
    const stage = await open();
    const listening = stage.listen();
    for (let n = 1; n <= 3; n++) {
      await dovecot.append(letter(n));
      await until('it is taken in', () => stage.taken().length === n);
      await dovecot.kick();
    }
    await dovecot.append(letter(4));
    await stage.poll().catch(ofTheConnection);
    await until('the last is taken in', () => stage.taken().length === 4);
    await listening.stop();
    assert.deepEqual(listening.failures, []);
    assert.deepEqual(
      stage.taken(),
      [1, 2, 3, 4].map(n => letter(n)),
    );
  });

  it('goes through a folder that was deleted and made anew, and takes in only what is new', async () => {
    const stage = await open({ folders: ['Letters'] });
    await dovecot.create('Letters', [letter(1), letter(2)]);
    const listening = stage.listen();
    await until('both are taken in', () => stage.taken().length === 2);
    await dovecot.renumber('Letters', [letter(1), letter(2), letter(3)]);
    await until('the new one is taken in', async () => {
      // The server ends connections to a folder that is deleted under them.
      await stage.poll().catch(ofTheConnection);
      return stage.taken().length === 3;
    });
    await until('all are marked', async () => (await marked('Letters')) === 3);
    await listening.stop();
    assert.deepEqual(
      stage.taken(),
      [1, 2, 3].map(n => letter(n)),
    );
    assert.ok(stage.gateway.log.some(({ code }) => code === 'mailbox.renumbered'));
  });

  it('takes in several folders, one with a Chinese name, each mail once', async () => {
    await dovecot.create('垃圾邮件', [letter(1), letter(2)]);
    await dovecot.append(letter(1));
    const stage = await open({ folders: ['INBOX', '垃圾邮件'] });
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter(1), letter(2)]);
    assert.equal(await marked('垃圾邮件'), 2);
    const found = await stage.channel.check?.();
    assert.match(found?.zh ?? '', /INBOX 有 1 封邮件.*垃圾邮件 有 2 封邮件.*支持 IDLE/);
    assert.match(found?.en ?? '', /marked with \$Huisu/);
  });

  it('starts with what arrives after it was first connected', async () => {
    dovecot.fill([letter('old'), letter('older')]);
    const stage = await open({ since: 'connected' });
    await stage.poll();
    await dovecot.append(letter('new'));
    await stage.reopen();
    await stage.poll();
    assert.deepEqual(stage.taken(), [letter('new')]);
    assert.equal(await marked(), 1);
  });

  it('calls a wrong password by its name', async () => {
    const stage = await open({ password: 'wrong' });
    await assert.rejects(
      stage.poll(),
      error => error instanceof CredentialsRefused && error.code === 'mailbox.login_refused',
    );
  });

  it('upgrades by STARTTLS, to a server it can trust only', async function () {
    const folder = mkdtempSync(join(tmpdir(), 'huisu-mailbox-tls-'));
    const pair = selfSigned(folder);
    if (pair === null) {
      console.log('      skipped: openssl is not installed');
      return this.skip();
    }
    const secure = await startDovecot(pair);
    try {
      const settings = (more: object) => mailboxSettings(secure, { tls: 'starttls', ...more });
      const strict = await mailboxStage(settings({}));
      await assert.rejects(
        strict.poll(),
        error => error instanceof Unavailable && error.code === 'mailbox.tls_untrusted',
      );
      await strict.close();
      await secure.append(letter(1));
      const trusting = await mailboxStage(settings({ caFile: pair.certFile }));
      await trusting.poll();
      await trusting.close();
      assert.deepEqual(trusting.taken(), [letter(1)]);
    } finally {
      await secure.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function ofTheConnection(error: unknown): void {
  if (!(error instanceof Unavailable)) throw error;
}
