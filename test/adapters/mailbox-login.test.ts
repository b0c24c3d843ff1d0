// Logging in to a mailbox: passwords, OAuth 2.0, TLS, and the name that each refusal has for the operator.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CredentialsRefused, Misconfigured, PlatformError, Unavailable } from '../../adapters/contract.ts';
import { asPlatformError } from '../../adapters/mailbox/faults.ts';
import { adapter } from '../../adapters/mailbox/index.ts';
import { type MailboxSimulator, type MailboxSimulatorOptions, startMailboxSimulator } from '../platforms/mailbox.ts';
import { type Certificate, selfSigned } from '../servers/certificate.ts';
import { letter, type MailboxStage, mailboxSettings, mailboxStage } from './mailbox-stage.ts';

type ErrorClass = typeof CredentialsRefused | typeof Unavailable | typeof Misconfigured;

describe('mailbox login', () => {
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

  const refusals: readonly (readonly [string, string, ErrorClass, string])[] = [
    ['a wrong password', '[AUTHENTICATIONFAILED] wrong', CredentialsRefused, 'mailbox.login_refused'],
    ['QQ without an app password', 'Login fail. Password error', CredentialsRefused, 'mailbox.login_refused'],
    ['IMAP that is switched off', 'Your account has IMAP access disabled', CredentialsRefused, 'mailbox.imap_disabled'],
    ['163 without an app password', 'LOGIN Unsafe Login', CredentialsRefused, 'mailbox.unsafe_login'],
    ['a server in trouble', '[UNAVAILABLE] Temporary failure', Unavailable, 'mailbox.login_unavailable'],
  ];
  for (const [what, text, type, code] of refusals) {
    it(`calls ${what} ${code}, when polled, listened to and checked`, async () => {
      const server = await start();
      server.faults.login = { status: 'NO', text };
      const stage = await open(server);
      const { channel } = stage;
      const { signal } = new AbortController();
      for (const way of [() => channel.poll?.(signal), () => channel.listen?.(signal), () => channel.check?.()]) {
        await assert.rejects(
          async () => way(),
          error => error instanceof type && error.code === code,
        );
      }
      server.faults.login = null;
      await stage.reopen();
      await stage.poll();
    });
  }

  it('asks once with a password that was refused, since providers lock accounts', async () => {
    const server = await start();
    const stage = await open(server, { password: 'wrong' });
    for (let turn = 0; turn < 3; turn++) await assert.rejects(stage.poll(), CredentialsRefused);
    assert.equal(server.connections, 1);
  });

  it('calls 163’s refusal to select a folder unsafe_login', async () => {
    const server = await start({ capabilities: ['IDLE'] });
    server.faults.wantsId = true;
    const { channel } = await open(server);
    await assert.rejects(
      async () => channel.poll?.(new AbortController().signal),
      error => error instanceof CredentialsRefused && error.code === 'mailbox.unsafe_login',
    );
  });

  const codes: readonly (readonly [string, string])[] = [
    ['ENOTFOUND', 'mailbox.host_unknown'],
    ['ECONNREFUSED', 'mailbox.unreachable'],
    ['EAI_AGAIN', 'mailbox.unreachable'],
    ['CONNECT_TIMEOUT', 'mailbox.unreachable'],
    ['CERT_HAS_EXPIRED', 'mailbox.tls_untrusted'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'mailbox.tls_untrusted'],
    ['EPROTO', 'mailbox.tls_failed'],
    ['EConnectionClosed', 'mailbox.connection_lost'],
  ];
  it('names what network and TLS say, and leaves a defect a defect', () => {
    for (const [code, ours] of codes) {
      const error = asPlatformError(Object.assign(new Error('of the network'), { code }));
      assert.ok(error instanceof Unavailable, code);
      assert.equal(error.code, ours);
    }
    const defect = new TypeError('undefined is not a function');
    assert.equal(asPlatformError(defect), defect);
  });

  it('does not wait for ever for a port at which nobody listens', async () => {
    const server = await start();
    const { channel } = await open(server);
    await server.stop();
    servers.pop();
    await assert.rejects(
      async () => channel.poll?.(new AbortController().signal),
      error => error instanceof Unavailable && error.code === 'mailbox.unreachable',
    );
  });

  describe('over TLS', () => {
    let folder: string;
    let pair: Certificate;

    before(function () {
      folder = mkdtempSync(join(tmpdir(), 'huisu-mailbox-tls-'));
      const made = selfSigned(folder);
      if (made === null) {
        console.log('      skipped: openssl is not installed');
        return this.skip();
      }
      pair = made;
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    it('speaks to a server of an authority of its own only where its file is set', async () => {
      const server = await start({ tls: pair });
      server.add(letter(1));
      const strict = await open(server, { tls: 'implicit' });
      await assert.rejects(
        strict.poll(),
        error => error instanceof Unavailable && error.code === 'mailbox.tls_untrusted',
      );
      assert.deepEqual(server.commands, []);
      const trusting = await open(server, { tls: 'implicit', caFile: pair.certFile });
      await trusting.poll();
      assert.equal(trusting.taken().length, 1);
    });

    it('refuses to open with a file of authorities that is not there', async () => {
      const server = await start();
      await assert.rejects(
        open(server, { tls: 'implicit', caFile: join(folder, 'none.pem') }),
        error => error instanceof Misconfigured && error.code === 'mailbox.ca_unreadable' && error.field === '/caFile',
      );
    });

    it('never logs in where STARTTLS is wanted and not offered, nor by TLS to a port without it', async () => {
      const server = await start();
      const upgrading = await open(server, { tls: 'starttls' });
      await assert.rejects(
        upgrading.poll(),
        error => error instanceof Unavailable && error.code === 'mailbox.no_starttls',
      );
      const implicit = await open(server, { tls: 'implicit' });
      await assert.rejects(
        implicit.poll(),
        error => error instanceof Unavailable && error.code === 'mailbox.tls_failed',
      );
      assert.deepEqual(
        server.commands.filter(line => /LOGIN|AUTHENTICATE/.test(line)),
        [],
      );
    });
  });

  describe('by OAuth 2.0', () => {
    let endpoint: Server;
    let asked: Record<string, string>[];
    let answer: { status: number; body: string };

    beforeEach(async () => {
      asked = [];
      answer = { status: 200, body: JSON.stringify({ access_token: 'token-1', expires_in: 3600 }) };
      endpoint = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          asked.push(Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())));
          response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
        });
      });
      endpoint.listen(0, '127.0.0.1');
      await once(endpoint, 'listening');
    });
    afterEach(async () => {
      endpoint.closeAllConnections();
      endpoint.close();
      await once(endpoint, 'close');
    });

    const refreshing = () => ({
      password: undefined,
      oauth: {
        endpoint: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/token`,
        clientId: 'client',
        clientSecret: 'secret',
        refreshToken: 'refresh-1',
      },
    });

    it('logs in with an access token made elsewhere, and halts when it is refused', async () => {
      const server = await start({ accessToken: 'token-1' });
      server.add(letter(1));
      const stage = await open(server, { password: undefined, oauth: { accessToken: 'token-1' } });
      await stage.poll();
      assert.equal(stage.taken().length, 1);
      server.accessToken('another');
      await stage.reopen();
      await assert.rejects(stage.poll(), CredentialsRefused);
    });

    it('fetches a token once and anew before it expires, with the newest refresh token', async () => {
      let now = Date.UTC(2026, 10, 1);
      const server = await start({ accessToken: 'token-1' });
      const stage = await open(server, refreshing(), () => now);
      answer.body = JSON.stringify({ access_token: 'token-1', expires_in: 3600, refresh_token: 'refresh-2' });
      await stage.poll();
      server.drop();
      now += 54 * 60_000;
      await untilPolls(stage);
      assert.deepEqual(asked, [
        { grant_type: 'refresh_token', refresh_token: 'refresh-1', client_id: 'client', client_secret: 'secret' },
      ]);
      server.accessToken('token-2');
      answer.body = JSON.stringify({ access_token: 'token-2', expires_in: 3600 });
      server.drop();
      now += 2 * 60_000;
      await untilPolls(stage);
      assert.equal(asked.length, 2);
      assert.equal(asked[1]?.['refresh_token'], 'refresh-2');
    });

    it('tries once more with a fresh token where the one at hand was revoked early', async () => {
      const server = await start({ accessToken: 'token-1' });
      const stage = await open(server, refreshing());
      await stage.poll();
      server.accessToken('token-2');
      answer.body = JSON.stringify({ access_token: 'token-2', expires_in: 3600 });
      server.drop();
      await untilPolls(stage);
      assert.equal(asked.length, 2);
      answer.body = JSON.stringify({ access_token: 'never right', expires_in: 3600 });
      server.accessToken('token-3');
      server.drop();
      await assert.rejects(untilPolls(stage), CredentialsRefused);
      assert.equal(asked.length, 3);
    });

    it('asks for no other token where one that is fresh is refused', async () => {
      const server = await start({ accessToken: 'token-1' });
      answer.body = JSON.stringify({ access_token: 'never right', expires_in: 3600 });
      const stage = await open(server, refreshing());
      await assert.rejects(stage.poll(), CredentialsRefused);
      assert.deepEqual([asked.length, server.connections], [1, 1]);
    });

    it('halts when the grant is refused, and goes on trying while the endpoint fails', async () => {
      const server = await start({ accessToken: 'token-1' });
      const stage = await open(server, refreshing());
      answer = { status: 503, body: 'busy' };
      await assert.rejects(
        stage.poll(),
        error => error instanceof Unavailable && error.code === 'mailbox.token_unavailable',
      );
      answer = { status: 200, body: '<html>a portal</html>' };
      await assert.rejects(
        stage.poll(),
        error => error instanceof Unavailable && error.code === 'mailbox.token_unavailable',
      );
      answer = { status: 400, body: JSON.stringify({ error: 'invalid_grant' }) };
      await assert.rejects(
        stage.poll(),
        error => error instanceof CredentialsRefused && error.code === 'mailbox.token_refused',
      );
      assert.equal(server.connections, 0);
    });

    it('halts where the endpoint knows the client no more', async () => {
      for (const status of [401, 403]) {
        answer = { status, body: JSON.stringify({ error: 'invalid_client' }) };
        const stage = await open(await start({ accessToken: 'token-1' }), refreshing());
        await assert.rejects(stage.poll(), error => error instanceof CredentialsRefused, String(status));
      }
    });

    it('names a server that takes no tokens', async () => {
      const server = await start({ capabilities: ['IDLE', 'AUTH=PLAIN'] });
      const stage = await open(server, { password: undefined, oauth: { accessToken: 'token-1' } });
      await assert.rejects(
        stage.poll(),
        error => error instanceof Misconfigured && error.code === 'mailbox.no_oauth' && error.field === '/oauth',
      );
    });

    it('keeps its secrets out of every message', async () => {
      const server = await start();
      server.faults.login = { status: 'NO', text: 'refused for app-password' };
      const stage = await open(server);
      const error = await stage.poll().catch((caught: unknown) => caught);
      assert.ok(error instanceof PlatformError);
      assert.doesNotMatch(error.message, /app-password|szxx/);
    });
  });

  it('has every secret of its settings marked as one', () => {
    const described = JSON.stringify(adapter.settings.describe());
    assert.equal(described.split('"secret":true').length - 1, 4);
  });
});

/** The first poll after a cut may still meet the old connection. */
async function untilPolls(stage: MailboxStage): Promise<void> {
  try {
    await stage.poll();
  } catch (error) {
    if (!(error instanceof Unavailable) || error.code !== 'mailbox.connection_lost') throw error;
    await stage.poll();
  }
}
