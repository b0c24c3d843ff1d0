// Alarms on a real store with a clock that the test moves, an HTTP receiver that checks signatures, and a mail server.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { newSecret, secretKey, verifyWebhook } from '../../../adapters/kit/signature.ts';
import type { AlarmSettings } from '../../../config/alarms.ts';
import { loadConfig } from '../../../config/load.ts';
import type { Expiry, SettingsRefusal } from '../../../gateway/alarms/alarm.ts';
import { type AlarmSources, type Alarms, createAlarms } from '../../../gateway/alarms/alarms.ts';
import type { ChannelFact, DiskFacts } from '../../../gateway/alarms/rules.ts';
import type { NoticeBody } from '../../../gateway/alarms/way.ts';
import { probeCounts } from '../../../gateway/telemetry/probe-counts.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { openSqliteStore, type SqliteStore } from '../../../store/sqlite/engine.ts';
import type { Store } from '../../../store/store.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const SECRET = newSecret();

/** One delivery at the receiver. */
export interface Received {
  readonly id: string;
  /** null: the signature holds. */
  readonly fault: string | null;
  readonly body: NoticeBody;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** Statuses of the next answers; then 204. */
  readonly answers: number[];
  /** Requests that were answered with anything. */
  seen(): number;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers: number[] = [];
  let seen = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const headers = request.headers as Record<string, string>;
    const verdict = verifyWebhook({ headers, body, keys: [secretKey(SECRET)], now: Date.now() });
    const status = answers.shift() ?? 204;
    seen++;
    if (status < 300) {
      received.push({
        id: headers['webhook-id'] ?? '',
        fault: verdict.ok ? null : verdict.fault,
        body: JSON.parse(body.toString()) as NoticeBody,
      });
    }
    response.writeHead(status, status === 302 ? { location: 'http://127.0.0.1:1/' } : {}).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alarms`,
    received,
    answers,
    seen: () => seen,
    async close() {
      server.closeAllConnections();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}

export interface MailServer {
  readonly port: number;
  /** Whole messages as they were taken. */
  readonly mails: string[];
  close(): Promise<void>;
}

export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    disableReverseLookup: true,
    onData(stream, _session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString());
        callback(null, 'queued as 1');
      });
    },
    ...options,
  });
  // A client that does not trust us breaks the handshake; that is for the client to tell.
  server.on('error', () => undefined);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const port = (server.server.address() as AddressInfo).port;
  return { port, mails, close: () => new Promise(resolve => server.close(() => resolve())) };
}

/** What the test says is the case; read at every look. */
export interface World {
  now: number;
  elapsed: number;
  channels: ChannelFact[];
  paused: string | null;
  disk: DiskFacts | null;
  caseSystem: { down: boolean; since: number } | null;
  queue: string | null;
  expiries: Expiry[];
  refused: SettingsRefusal | null;
  keysKept: boolean;
  writable: boolean;
}

export interface AlarmBench {
  readonly world: World;
  readonly store: Store;
  readonly logged: Record<string, unknown>[];
  /** From now on this is the case. */
  be(changes: Partial<World>): void;
  readonly alarms: () => Alarms;
  /** Time passes, then one look and one delivery. */
  pass(ms: number): Promise<void>;
  /** Only the clock on the wall moves. */
  step(ms: number): void;
  /** Ends this process' alarms and begins anew on the same store. */
  restart(): Promise<void>;
  set(settings: Partial<AlarmSettings>): void;
  close(): Promise<void>;
}

const GB = 1024 ** 3;

/** Shipped settings of alarms with these over them. */
export function alarmSettings(over: Partial<AlarmSettings> = {}): AlarmSettings {
  return { ...loadConfig({ env: {} }).config.alarms, name: 'test', ...over };
}

/** Where alarms get their facts: what the world is at the time. */
export function sourcesOf(world: Omit<World, 'now' | 'elapsed'>): AlarmSources {
  return {
    channels: async () => world.channels,
    intakePaused: () => world.paused,
    disk: () => world.disk,
    caseSystem: () => world.caseSystem,
    queue: async () => world.queue,
    expiries: () => world.expiries,
    settingsRefused: () => world.refused,
    writable: () => world.writable,
    keysKept: () => world.keysKept,
  };
}

export async function openBench(
  over: Partial<AlarmSettings> = {},
  around: (store: Store) => Store = store => store,
): Promise<AlarmBench> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-alarms-'));
  const opened: SqliteStore = await openSqliteStore({ folder, auditKey: Buffer.alloc(32, 7), profile: 'intl' });
  const store = around(opened);
  let settings = alarmSettings(over);
  const world: World = {
    now: Date.UTC(2026, 10, 24, 1, 0, 0),
    elapsed: 1000,
    channels: [{ id: 'mail-1', enabled: true, up: true, reason: null }],
    paused: null,
    disk: { freeBytes: 100 * GB, leastFreeBytes: GB },
    caseSystem: null,
    queue: null,
    expiries: [],
    refused: null,
    keysKept: true,
    writable: true,
  };
  const logged: Record<string, unknown>[] = [];
  const log = createLog({ level: 'debug', destination: { write: line => void logged.push(JSON.parse(line)) } });
  const open = () =>
    createAlarms({
      ...{
        store,
        counts: probeCounts(store, () => world.now),
        log,
        settings: () => settings,
        company: null,
        role: 'all' as const,
      },
      sources: sourcesOf(world),
      now: () => world.now,
      monotonic: () => world.elapsed,
      random: () => 0.5,
    });
  let alarms = open();
  const bench: AlarmBench = {
    world,
    store,
    logged,
    be: changes => void Object.assign(world, changes),
    alarms: () => alarms,
    async pass(ms) {
      world.now += ms;
      world.elapsed += ms;
      await alarms.look();
      await alarms.deliver();
    },
    step: ms => {
      world.now += ms;
    },
    async restart() {
      await alarms.close();
      alarms = open();
    },
    set: next => {
      settings = { ...settings, ...next };
    },
    async close() {
      await alarms.close();
      await opened.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await bench.pass(0);
  return bench;
}
