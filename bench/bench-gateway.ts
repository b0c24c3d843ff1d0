// The gateway as it is measured: an ordinary process with its shipped settings, and what its metrics say.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePort, type GatewayProcess, gatewayProcess } from './gateway-process.ts';
import { processUse } from './system.ts';

export const CHANNEL = 'bench';

/** What the gateway has done so far. */
export interface Standing {
  /** Milliseconds of a monotonic clock. */
  readonly at: number;
  /** Messages read, compared and committed, whatever became of them. */
  readonly read: number;
  readonly unread: number;
  readonly tickets: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface BenchGateway {
  readonly process: GatewayProcess;
  readonly secret: string;
  readonly startMs: number;
  standing(): Promise<Standing>;
  /** Waits until at most `left` are unread; answers the seconds that took. */
  drained(left?: number): Promise<number>;
  /** Waits until everything is read and its threads rest, so that the next measurement has the machine to itself. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

const DRAIN_WITHIN_MS = 900_000;
const REST_SHARE = 0.08;

/** The secret stays with the folder, so that a store made earlier can be used again. */
function secretOf(folder: string): string {
  const path = join(folder, 'secret');
  if (!existsSync(path)) writeFileSync(path, `whsec_${randomBytes(32).toString('base64')}`, { mode: 0o600 });
  return readFileSync(path, 'utf8').trim();
}

function sumOf(metrics: ReadonlyMap<string, number>, name: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [key, value] of metrics) {
    const label = new RegExp(`^${name}\\{[a-z]+="([^"]+)"\\}$`).exec(key)?.[1];
    if (label !== undefined) values[label] = value;
  }
  return values;
}

const total = (values: Readonly<Record<string, number>>): number => Object.values(values).reduce((a, b) => a + b, 0);

/** Settings besides the shipped ones and the channel that is measured. */
export interface MoreSettings {
  readonly adapters: readonly string[];
  readonly channels: readonly { readonly id: string; readonly kind: string; readonly settings: unknown }[];
}

const NO_MORE: MoreSettings = { adapters: [], channels: [] };

/** Starts the gateway on `folder` (data, keys, settings and log lie in it). */
export async function startBenchGateway(folder: string, more: MoreSettings = NO_MORE): Promise<BenchGateway> {
  mkdirSync(folder, { recursive: true });
  const secret = secretOf(folder);
  const port = await freePort();
  const settings = join(folder, 'huisu.yaml');
  writeFileSync(
    settings,
    stringify({
      data: join(folder, 'data'),
      keys: { file: join(folder, 'keys.json') },
      listen: { port },
      log: { level: 'warn' },
      adapters: more.adapters,
      // The partner's rate limit is there to slow a partner down; everything else is as shipped.
      channels: [
        { id: CHANNEL, kind: 'app', settings: { secrets: [secret], ratePerSecond: 100_000, burst: 1_000_000 } },
        ...more.channels,
      ],
    }),
  );
  const gateway = gatewayProcess({
    entry: new URL('../gateway/main.ts', import.meta.url),
    settings,
    port,
    log: join(folder, 'gateway.log'),
  });
  const startMs = Math.round(await gateway.start());

  const standing = async (): Promise<Standing> => {
    const metrics = await gateway.metrics();
    const outcomes = sumOf(metrics, 'huisu_messages');
    return {
      at: performance.now(),
      read: total(outcomes),
      unread: metrics.get('huisu_unread') ?? Number.NaN,
      tickets: total(sumOf(metrics, 'huisu_tickets')),
      outcomes,
    };
  };

  const drained = async (left = 0): Promise<number> => {
    const from = performance.now();
    for (;;) {
      if ((await standing()).unread <= left) return (performance.now() - from) / 1000;
      if (performance.now() - from > DRAIN_WITHIN_MS) throw new Error('the gateway does not finish reading');
      await after(100);
    }
  };

  return {
    process: gateway,
    secret,
    startMs,
    standing,
    drained,
    async idle() {
      await drained();
      for (let turn = 0; turn < 60; turn++) {
        const before = gateway.pid === null ? null : processUse(gateway.pid);
        await after(500);
        const now = gateway.pid === null ? null : processUse(gateway.pid);
        if (before === null || now === null || now.cpuSeconds - before.cpuSeconds < REST_SHARE * 0.5) return;
      }
    },
    async stop() {
      const code = await gateway.stop();
      if (code !== 0) throw new Error(`the gateway ended with ${code}; see ${join(folder, 'gateway.log')}`);
    },
  };
}
