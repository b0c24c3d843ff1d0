// A real Dovecot in a temporary folder on a free port of this machine, for tests and measurements; no rights of root needed.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ImapFlow } from 'imapflow';
import type { Certificate } from './certificate.ts';
import { freePort } from './free-port.ts';

export interface Dovecot {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  /** An account exists as soon as somebody logs in to it. */
  readonly user: string;
  /** Puts mails into INBOX at once, before anybody has logged in; another account has the same password. */
  fill(mails: Iterable<string | Uint8Array>, user?: string): void;
  /** Runs commands as another client of the account, which logs out afterwards. */
  as<T>(work: (client: ImapFlow) => Promise<T>): Promise<T>;
  /** Another client of the account; whoever asks for it logs it out. */
  connect(): Promise<ImapFlow>;
  append(mail: string | Uint8Array, folder?: string): Promise<void>;
  /** Flags of all mails of a folder, in order. */
  flags(folder?: string): Promise<readonly (readonly string[])[]>;
  /** Makes a folder with these mails in it. */
  create(folder: string, mails: Iterable<string | Uint8Array>): Promise<void>;
  /** Deletes a folder, makes it anew (a new UIDVALIDITY) and puts the mails back into it. */
  renumber(folder: string, mails: Iterable<string | Uint8Array>): Promise<void>;
  /** Ends all connections of the account at the server. */
  kick(): Promise<void>;
  stop(): Promise<void>;
}

const BINARIES = ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot', '/opt/homebrew/sbin/dovecot'];
const READY_WITHIN_MS = 15_000;
const USER = 'szxx';
const PASSWORD = 'pass';

/**
 * Flags of the mails from place `first` to place `last`, in order. A change by another client comes in the same answer, as one more
 * line for its mail, whichever was asked for: the last line counts.
 */
export async function flagsFrom(
  client: ImapFlow,
  first: number,
  last: number,
): Promise<readonly ReadonlySet<string>[]> {
  const found = Array.from({ length: Math.max(0, last - first + 1) }, () => new Set<string>());
  if (found.length === 0) return found;
  for (const { seq, flags } of await client.fetchAll(`${first}:${last}`, { flags: true })) {
    if (seq >= first && seq <= last) found[seq - first] = flags ?? new Set();
  }
  return found;
}

/** Path of the server; null where none is installed. */
export function dovecotBinary(): string | null {
  for (const path of BINARIES) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next place may have it.
    }
  }
  return null;
}

/** As root the server's own users do the work, else whoever runs the tests. */
function users(): { readonly mail: string; readonly login: string; readonly internal: string; readonly ids: number[] } {
  const { username, uid, gid } = userInfo();
  if (uid !== 0) return { mail: username, login: username, internal: username, ids: [uid, gid] };
  const found = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map(line => line.split(':'))
    .find(([name]) => name === 'mail');
  if (found === undefined) throw new Error('this machine has no user mail');
  return { mail: 'mail', login: 'dovenull', internal: 'dovecot', ids: [Number(found[2]), Number(found[3])] };
}

function configuration(folder: string, port: number, tls: Certificate | undefined): string {
  const { mail, login, internal } = users();
  const own = login === internal ? 'chroot =' : '';
  return `protocols = imap
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/dovecot.log
${tls === undefined ? 'ssl = no' : `ssl = yes\nssl_cert = <${tls.certFile}\nssl_key = <${tls.keyFile}`}
disable_plaintext_auth = no
auth_failure_delay = 0
login_trusted_networks = 127.0.0.1
mail_max_userip_connections = 50
mail_location = maildir:${folder}/mail/%u
mail_uid = ${mail}
mail_gid = ${mail}
first_valid_uid = 1
default_login_user = ${login}
default_internal_user = ${internal}
passdb {
  driver = static
  args = password=${PASSWORD}
}
userdb {
  driver = static
  args = uid=${mail} gid=${mail} home=${folder}/mail/%u
}
service imap-login {
  ${own}
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  ${own}
}
service stats {
  ${own}
}
namespace inbox {
  inbox = yes
}
`;
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function ready(child: ChildProcess, port: number, folder: string): Promise<void> {
  const end = performance.now() + READY_WITHIN_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > end) {
      child.kill('SIGKILL');
      throw new Error(`dovecot did not start:\n${readFileSync(join(folder, 'dovecot.log'), 'utf8')}`);
    }
    await after(20);
  }
}

/** Starts the server, with STARTTLS where there is a certificate; `stop` ends it and removes its folder. Throws where `dovecotBinary()` is null. */
export async function startDovecot(tls?: Certificate): Promise<Dovecot> {
  const binary = dovecotBinary();
  if (binary === null) throw new Error('no dovecot is installed');
  const folder = mkdtempSync(join(tmpdir(), 'huisu-dovecot-'));
  // The server's own users look into it.
  chmodSync(folder, 0o755);
  const mail = join(folder, 'mail');
  owned(mail);
  writeFileSync(join(folder, 'dovecot.log'), '');
  const port = await freePort();
  const settings = join(folder, 'dovecot.conf');
  writeFileSync(settings, configuration(folder, port, tls));
  const child = spawn(binary, ['-F', '-c', settings], { stdio: 'ignore' });
  const killed = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', killed);
  await ready(child, port, folder);
  return {
    host: '127.0.0.1',
    port,
    user: USER,
    password: PASSWORD,
    fill: (mails, user = USER) => fill(join(mail, user), mails),
    ...clientOf(port),
    kick: async () => {
      await promisify(execFile)(join(binary, '../../bin/doveadm'), ['-c', settings, 'kick', USER]);
    },
    async stop() {
      process.off('exit', killed);
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function owned(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const [uid, gid] = users().ids;
  chownSync(folder, uid as number, gid as number);
}

function fill(maildir: string, mails: Iterable<string | Uint8Array>): void {
  const [uid, gid] = users().ids as [number, number];
  for (const part of ['', 'cur', 'new', 'tmp']) owned(join(maildir, part));
  let n = 0;
  for (const bytes of mails) {
    // Names in rising order get UIDs in that order.
    const path = join(maildir, 'new', `${1_700_000_000 + n}.M${String(n++).padStart(6, '0')}.filled`);
    writeFileSync(path, bytes);
    chownSync(path, uid, gid);
  }
}

function clientOf(port: number): Pick<Dovecot, 'as' | 'connect' | 'append' | 'create' | 'flags' | 'renumber'> {
  async function login(): Promise<ImapFlow> {
    const client = new ImapFlow({
      host: '127.0.0.1',
      port,
      secure: false,
      doSTARTTLS: false,
      auth: { user: USER, pass: PASSWORD },
      logger: false,
      disableAutoIdle: true,
    });
    await client.connect();
    return client;
  }
  async function as<T>(work: (client: ImapFlow) => Promise<T>): Promise<T> {
    const client = await login();
    try {
      return await work(client);
    } finally {
      await client.logout();
    }
  }
  const put = async (client: ImapFlow, mail: string | Uint8Array, folder: string) => {
    for (let refusals = 0; ; refusals++) {
      try {
        return void (await client.append(folder, Buffer.from(mail)));
      } catch (error) {
        // Just after a folder was made anew the server may say for a moment that it was deleted under us.
        if ((error as { responseStatus?: unknown }).responseStatus !== 'NO' || refusals === 20) throw error;
        await after(50);
      }
    }
  };
  const create = async (client: ImapFlow, folder: string, mails: Iterable<string | Uint8Array>) => {
    await client.mailboxCreate(folder);
    for (const mail of mails) await put(client, mail, folder);
  };
  return {
    as,
    connect: login,
    create: (folder, mails) => as(client => create(client, folder, mails)),
    append: (mail, folder = 'INBOX') => as(client => put(client, mail, folder)),
    flags: (folder = 'INBOX') =>
      as(async client => {
        const { exists } = await client.mailboxOpen(folder, { readOnly: true });
        return (await flagsFrom(client, 1, exists)).map(flags => [...flags]);
      }),
    renumber: (folder, mails) =>
      as(async client => {
        await client.mailboxDelete(folder);
        await create(client, folder, mails);
      }),
  };
}
