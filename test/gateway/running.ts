// A whole gateway in this process on a folder of its own, a partner that sends to it and a case system behind it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import type { Arguments, Command } from '../../gateway/cli/command.ts';
import { COMMANDS } from '../../gateway/cli/commands.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../gateway/compose.ts';
import { callControl, type Reply } from '../../gateway/control.ts';
import { createLog } from '../../gateway/telemetry/telemetry.ts';
import { type PartnerAnswer, partner } from '../platforms/app.ts';

export interface Running {
  readonly folder: string;
  readonly gateway: Gateway;
  /** Every line logged so far. */
  readonly logged: string[];
  /** Sends an appeal and waits until it is read. */
  appeal(
    content: string,
    contact?: Readonly<Record<string, string>>,
  ): Promise<{ readonly number: string; readonly outcome: Readonly<Record<string, unknown>> }>;
  /** Any body; what is taken in is waited for until it is read. */
  send(body: unknown): Promise<PartnerAnswer>;
  /** Runs a command over the gateway's socket, as somebody at its machine would; answers all that it said. */
  call(command: string, args?: Arguments, by?: string): Promise<readonly Reply[]>;
  /** Waits until the condition holds; fails after ten seconds. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

const YEAR = new Date().getFullYear();

/** That the coming year's holidays are not announced yet is said in some months only: tests do not change with them. */
const CALENDAR = [YEAR, YEAR + 1].map(year => ({ year, holidays: [`${year}-01-01`] }));

/** Settings of a gateway on a folder of its own, on any port, that takes as little of the machine as it can. */
export const BASE = {
  data: './data',
  keys: { file: './keys.json' },
  listen: { port: 0 },
  reading: { parsers: 1 },
  intake: { minFreeMb: 0, minFreePercent: 0 },
  calendar: CALENDAR,
} as const;

/**
 * @param settings over the shipped defaults
 * @param more commands beside those there are
 * @param options what breaks a promise on purpose
 */
export async function runGateway(
  settings: Readonly<Record<string, unknown>> = {},
  more: readonly Command[] = [],
  options: Pick<GatewayOptions, 'decorateStore'> = {},
): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-test-'));
  const file = join(folder, 'huisu.yaml');
  writeFileSync(file, stringify({ ...BASE, ...settings }));
  const logged: string[] = [];
  const log = createLog({ level: 'debug', destination: { write: line => void logged.push(line) } });
  const onFatal = (error: Error) => {
    throw error;
  };
  const commands = [...COMMANDS, ...more];
  const gateway = await startGateway(loadConfig({ file, env: {} }), { log, commands, env: {}, onFatal, ...options });
  const { id, secret } = gateway.firstChannel as { id: string; secret: string };
  const sender = partner({ url: `${gateway.url}/hooks/${id}`, secret });
  const send = (body: unknown) => sender.told(body);
  return {
    folder,
    gateway,
    logged,
    send,
    async appeal(content, contact = {}) {
      const answer = await send({
        type: 'appeal.created',
        timestamp: new Date().toISOString(),
        data: { content, contact },
      });
      if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.text}`);
      return answer.json() as unknown as Awaited<ReturnType<Running['appeal']>>;
    },
    call: (command, args = {}, by = 'tester') => call(join(folder, 'data'), command, args, by),
    until,
    async close() {
      sender.close();
      await gateway.close(5000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function call(data: string, command: string, args: Arguments, by: string): Promise<readonly Reply[]> {
  const client = await callControl(data);
  if (client === null) throw new Error('no gateway listens');
  const replies: Reply[] = [];
  for await (const reply of client.run(command, args, by)) replies.push(reply);
  client.close();
  return replies;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('the condition did not come true within 10 s');
    await sleep(20);
  }
}
