// A real Redis in a temporary folder on a free port of this machine, for tests and measurements; never the machine's own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { freePorts } from './free-port.ts';

export interface Redis {
  readonly port: number;
  /** Where it speaks TLS, if it was given a certificate. */
  readonly tlsPort: number;
  /** With the password, where there is one. */
  readonly url: string;
  /** Runs a command and answers what Redis says, arrays as their items. Not while it is stopped. */
  command(...words: readonly string[]): Promise<readonly string[]>;
  /** Ends it like a power cut would (SIGKILL). */
  kill(): Promise<void>;
  /** Starts it again on the same port and the same files. */
  start(): Promise<void>;
  /** Holds it: connections stay, nothing is answered. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export interface RedisSettings {
  readonly password?: string;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** As in redis.conf. Defaults: noeviction, append-only file written at each command. */
  readonly more?: Readonly<Record<string, string>>;
}

const BINARIES = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'];
const READY_WITHIN_MS = 10_000;

/** Path of the server; null where none is installed. */
export function redisBinary(): string | null {
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

/** Skips the tests of a suite, with the reason, where there is no Redis. */
export function needsRedis(suite: Mocha.Context): void {
  if (redisBinary() !== null) return;
  console.log('      skipped: no redis-server is installed (Debian: apt-get install redis-server)');
  suite.skip();
}

/** A port that was free may be somebody else's a moment later. */
const TRIES = 3;

/** Starts the server. Throws where `redisBinary()` is null. */
export async function startRedis(settings: RedisSettings = {}): Promise<Redis> {
  for (let left = TRIES; ; left--) {
    try {
      return await startOnce(settings);
    } catch (error) {
      if (left === 1 || !String(error).includes('Address already in use')) throw error;
    }
  }
}

async function startOnce(settings: RedisSettings): Promise<Redis> {
  const binary = redisBinary();
  if (binary === null) throw new Error('no redis-server is installed');
  const folder = mkdtempSync(join(tmpdir(), 'huisu-redis-'));
  const { password, tls } = settings;
  // Asked for at once, so that they are two.
  const [port, tlsPort] = (await freePorts(2)) as [number, number];
  const options: Readonly<Record<string, string>> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    logfile: join(folder, 'redis.log'),
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
    ...(password === undefined ? {} : { requirepass: password }),
    ...(tls === undefined
      ? {}
      : {
          'tls-port': String(tlsPort),
          'tls-cert-file': tls.certFile,
          'tls-key-file': tls.keyFile,
          'tls-auth-clients': 'no',
        }),
    ...settings.more,
  };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  let child: ChildProcess | null = null;
  const killed = () => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', killed);

  async function start(): Promise<void> {
    child = spawn(binary as string, words, { stdio: 'ignore' });
    const end = performance.now() + READY_WITHIN_MS;
    while (!(await ready(port, password))) {
      if (child.exitCode !== null || performance.now() > end) {
        throw new Error(`redis did not start:\n${readFileSync(join(folder, 'redis.log'), 'utf8')}`);
      }
      await after(20);
    }
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    const one = child;
    child = null;
    if (one === null || one.exitCode !== null) return;
    const ended = once(one, 'exit');
    one.kill(signal);
    await ended;
  }

  try {
    await start();
  } catch (error) {
    process.off('exit', killed);
    killed();
    throw error;
  }
  return {
    port,
    tlsPort,
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    command: (...command) => ask(port, password, command),
    kill: () => end('SIGKILL'),
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async stop() {
      process.off('exit', killed);
      child?.kill('SIGCONT');
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Answering, and done with reading its files. */
async function ready(port: number, password: string | undefined): Promise<boolean> {
  try {
    return (await ask(port, password, ['PING']))[0] === 'PONG';
  } catch {
    return false;
  }
}

/** One command on a connection of its own, in Redis' wire protocol (RESP 2). */
function ask(port: number, password: string | undefined, command: readonly string[]): Promise<readonly string[]> {
  const auth = password === undefined ? [] : [['AUTH', password]];
  const requests = [...auth, command];
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('connect', () => socket.write(requests.map(encode).join('')));
    socket.on('data', (more: string) => {
      text += more;
      const answers = decode(text, requests.length);
      if (answers === null) return;
      socket.destroy();
      const last = answers.at(-1) as readonly string[] | Error;
      if (last instanceof Error) reject(last);
      else resolve(last);
    });
  });
}

const encode = (words: readonly string[]) =>
  `*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

/** So many answers; null while they have not all come. Flat arrays only, and ASCII: enough for tests. */
function decode(text: string, count: number): readonly (readonly string[] | Error)[] | null {
  const answers: (readonly string[] | Error)[] = [];
  let at = 0;
  const line = (): string | null => {
    const end = text.indexOf('\r\n', at);
    if (end === -1) return null;
    const found = text.slice(at, end);
    at = end + 2;
    return found;
  };
  const item = (): string | readonly string[] | Error | null => {
    const head = line();
    if (head === null) return null;
    const rest = head.slice(1);
    if (head[0] === '-') return new Error(rest);
    if (head[0] === '$') {
      if (rest === '-1') return '';
      if (text.length < at + Number(rest) + 2) return null;
      const found = text.slice(at, at + Number(rest));
      at += Number(rest) + 2;
      return found;
    }
    if (head[0] !== '*') return rest;
    const items: string[] = [];
    for (let n = 0; n < Number(rest); n++) {
      const one = item();
      if (one === null) return null;
      items.push(String(one));
    }
    return items;
  };
  while (answers.length < count) {
    const one = item();
    if (one === null) return null;
    answers.push(typeof one === 'string' ? [one] : one);
  }
  return answers;
}
