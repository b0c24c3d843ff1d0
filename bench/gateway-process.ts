// One gateway as an operator runs it: a process of its own, on a folder of its own, that can be killed and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface GatewayProcess {
  readonly port: number;
  /** Starts and resolves when it says it is ready; answers the milliseconds that took. */
  start(): Promise<number>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
  /** Values of `/metrics` by name and labels as written there. */
  /** Rejects where no answer comes in time, milliseconds; default 5,000. */
  metrics(withinMs?: number): Promise<ReadonlyMap<string, number>>;
  readonly pid: number | null;
}

export interface GatewayOptions {
  /** Entry file; `gateway/main.ts` unless a variant is to be shown to fail. */
  readonly entry: URL;
  readonly settings: string;
  readonly port: number;
  /** What it writes to stdout and stderr is added here. */
  readonly log: string;
}

const READY_WITHIN_MS = 30_000;

/** A port that was free a moment ago; the gateway must come back on the same one. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  return address.port;
}

/** Parses Prometheus text; the key is the name with its labels. */
function parseMetrics(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const end = line.lastIndexOf(' ');
    if (line !== '' && !line.startsWith('#') && end > 0) values.set(line.slice(0, end), Number(line.slice(end + 1)));
  }
  return values;
}

let endsOnSignals = false;

/** Without a listener a signal ends a process past its exit listeners. */
function endOnSignals(): void {
  if (endsOnSignals) return;
  endsOnSignals = true;
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}

export function gatewayProcess(options: GatewayOptions): GatewayProcess {
  let child: ChildProcess | null = null;
  endOnSignals();
  // A run that is broken off must not leave a gateway behind.
  process.once('exit', () => child?.kill('SIGKILL'));
  const url = `http://127.0.0.1:${options.port}`;

  const ended = async (of: ChildProcess): Promise<number | null> => {
    if (of.exitCode === null && of.signalCode === null) await once(of, 'exit');
    return of.exitCode;
  };

  const ready = async (): Promise<boolean> => {
    try {
      const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) });
      await answer.arrayBuffer();
      return answer.ok;
    } catch (error) {
      // Nothing listens yet; anything that is not a failure to connect or to answer is a bug of ours.
      if (error instanceof TypeError || (error instanceof Error && error.name === 'TimeoutError')) return false;
      throw error;
    }
  };

  return {
    port: options.port,
    get pid() {
      return child?.pid ?? null;
    },
    async start() {
      const started = performance.now();
      const process_ = spawn(process.execPath, [fileURLToPath(options.entry), 'start', '--config', options.settings], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child = process_;
      for (const stream of [process_.stdout, process_.stderr])
        stream.on('data', (bytes: Buffer) => appendFileSync(options.log, bytes));
      while (!(await ready())) {
        if (process_.exitCode !== null) {
          const tail = readFileSync(options.log, 'utf8').slice(-2000);
          throw new Error(`the gateway ended with ${process_.exitCode} instead of starting:\n${tail}`);
        }
        if (performance.now() - started > READY_WITHIN_MS) {
          process_.kill('SIGKILL');
          throw new Error(`the gateway was not ready within 30 s; see ${options.log}`);
        }
        await after(15);
      }
      return performance.now() - started;
    },
    async kill() {
      if (child === null) return;
      child.kill('SIGKILL');
      await ended(child);
    },
    async stop() {
      if (child === null) return null;
      child.kill('SIGTERM');
      return ended(child);
    },
    async metrics(withinMs = 5000) {
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(withinMs) });
      return parseMetrics(await answer.text());
    },
  };
}
