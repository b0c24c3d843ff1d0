// A whole gateway whose folder outlives it: stopped in the middle, started again, its threads ended at will.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { stringify } from 'yaml';
import { loadConfig } from '../../../config/load.ts';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import { type Gateway, startGateway } from '../../../gateway/compose.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import type { Outcome } from '../../../normalizer/ticket.ts';
import { type Partner, partner, type SendOptions } from '../../platforms/app.ts';

export const BOX = fileURLToPath(new URL('../fixtures/moody-box.ts', import.meta.url));
export const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

export interface BoxMessage {
  readonly id: string;
  readonly text: string;
  readonly from?: string;
  readonly person?: string;
  readonly conversation?: string;
  readonly last?: boolean;
  readonly quiet?: number;
}

export interface Told {
  readonly number: string;
  readonly outcome: Outcome;
}

export interface ReadingBench {
  readonly folder: string;
  gateway: Gateway;
  /** Lines logged since the beginning, as objects. */
  readonly logged: Record<string, unknown>[];
  start(): Promise<void>;
  /** @param deadlineMs 0 cuts whatever is under way */
  stop(deadlineMs?: number): Promise<void>;
  /** Ends the thread that decides, as a defect would. */
  endDecider(): Promise<void>;
  /** Makes a file that the moody box looks for. */
  mark(name: 'gate' | 'armed' | 'mended'): void;
  /** Messages of the moody box, accepted in one batch; resolves when they are durable. */
  post(messages: readonly BoxMessage[]): Promise<readonly { readonly number: string }[]>;
  /** The same, or once more the same, resolved when all of them are decided. */
  read(messages: readonly BoxMessage[]): Promise<readonly Told[]>;
  /** An appeal of the app channel. */
  appeal(data: Readonly<Record<string, unknown>>, options?: SendOptions): Promise<Told>;
  readonly sender: Partner;
  /** Sets the clock of the gateway's main thread back by so much. */
  setBack(ms: number): void;
  close(): Promise<void>;
}

/** @param quietSeconds of conversations; where they end with a last part it must not end them on a slow machine */
export async function openReadingBench(
  settings: Readonly<Record<string, unknown>> = {},
  quietSeconds = 30,
): Promise<ReadingBench> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-reading-'));
  const file = join(folder, 'huisu.yaml');
  writeFileSync(file, stringify({ ...SETTINGS, channels: channels(folder, quietSeconds), ...settings }));
  const logged: Record<string, unknown>[] = [];
  const log = createLog({ level: 'debug', destination: { write: line => void logged.push(JSON.parse(line)) } });
  const onFatal = (error: Error) => {
    throw error;
  };
  let running: Gateway | null = null;
  let sender: Partner | null = null;
  let decider: Worker | null = null;
  let behindMs = 0;
  const now = () => Date.now() - behindMs;
  const watch = (worker: Worker) => {
    if ((worker as { threadName?: string | null }).threadName === 'decider') decider = worker;
  };
  process.on('worker', watch);

  const bench: ReadingBench = {
    folder,
    logged,
    get gateway() {
      return running as Gateway;
    },
    get sender() {
      return sender as Partner;
    },
    async start() {
      const options = { log, commands: COMMANDS, env: {}, onFatal, now };
      running = await startGateway(loadConfig({ file, env: {} }), options);
      sender = partner({ url: `${running.url}/hooks/app`, secret: SECRET });
    },
    async stop(deadlineMs = 10_000) {
      sender?.close();
      const ending = running;
      running = null;
      await ending?.close(deadlineMs);
    },
    setBack(ms) {
      behindMs = ms;
    },
    async endDecider() {
      await (decider as Worker | null)?.terminate();
    },
    mark: name => writeFileSync(join(folder, name), ''),
    post: messages => box(messages, ''),
    read: messages => box(messages, '/wait'),
    async appeal(data, options = {}) {
      const body = { type: 'appeal.created', timestamp: new Date().toISOString(), data };
      const answer = await bench.sender.told(body, options);
      if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.text}`);
      return answer.json() as unknown as Told;
    },
    async close() {
      process.off('worker', watch);
      await bench.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };

  async function box(messages: readonly BoxMessage[], rest: string) {
    const body = JSON.stringify(messages.map(message => ({ from: null, ...message })));
    const answer = await fetch(`${bench.gateway.url}/hooks/box${rest}`, { method: 'POST', body });
    if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as Told[];
  }

  try {
    await bench.start();
  } catch (error) {
    await bench.close();
    throw error;
  }
  return bench;
}

const SETTINGS = {
  data: './data',
  keys: { file: './keys.json' },
  listen: { port: 0 },
  reading: { parsers: 1, messageSeconds: 1, memoryMb: 64, batch: 16 },
  intake: { minFreeMb: 0, minFreePercent: 0 },
  adapters: [BOX],
  log: { level: 'debug' },
};

function channels(folder: string, quietSeconds: number) {
  return [
    { id: 'box', kind: 'moody-box', settings: { folder } },
    {
      id: 'app',
      kind: 'app',
      settings: { secrets: [SECRET], quietSeconds, attachmentHosts: ['127.0.0.1'], ratePerSecond: 10_000 },
    },
  ];
}
