// The stage of the demo: a temporary folder, a case system, a mail server, an exporting platform and a gateway; all gone in the end.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outgoing } from '../../adapters/kit/http.ts';
import { newSecret } from '../../adapters/kit/signature.ts';
import { type ControlClient, callControl } from '../control.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { workerUrl } from '../worker-url.ts';
import type { Row, Terminal } from './command.ts';
import { appSender, end, launch, type Program, programSender, type Send, type Way } from './demo-platforms.ts';

/** Conversations of the samples end with their last part or soon after. */
const QUIET_SECONDS = 2;
export const CONNECTIONS = 16;

export interface Stage {
  readonly send: Readonly<Record<Way, Send>>;
  /** Journal of the case system. */
  readonly journal: string;
  /** Program that serves mails: a Dovecot where one is installed. */
  readonly mailServer: string;
  /** Aborts when the user has had enough. */
  readonly signal: AbortSignal;
  /** Asks the gateway as the command line does. */
  ask(command: string, args?: Readonly<Record<string, string | number>>): Promise<readonly Row[]>;
  lower(): Promise<void>;
}

/** Starts all of it, each a process of its own. */
export async function raise({ env }: Terminal): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-demo-'));
  const children: ChildProcess[] = [];
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  const lower = async () => {
    process.removeListener('SIGINT', interrupt);
    await Promise.all(children.toReversed().map(end));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const [secret, caseSecret] = [newSecret(), newSecret()];
    const journal = join(folder, 'case-system.jsonl');
    const exported = join(folder, 'exchange');
    const start = (name: string, ...args: string[]) =>
      launch(children, [fileURLToPath(workerUrl(name, import.meta.url)), ...args], env);
    const [caseSystem, mail, exchange] = await Promise.all([
      start('../../test/platforms/case-system', '--port', '0', '--journal', journal, '--secret', caseSecret),
      start('../../test/platforms/demo-mailbox'),
      start('../../test/platforms/demo-exchange', '--folder', exported),
    ]);
    const config = join(folder, 'huisu.yaml');
    const channels = channelsOf(secret, mail.ready, exported);
    writeFileSync(config, JSON.stringify(settings(folder, channels, String(caseSystem.ready['url']), caseSecret)), {
      mode: 0o600,
    });
    const gateway = await start('../main', 'start', '--config', config, '--json');
    const url = String(gateway.ready['url']);
    const client = outgoing({ allow: [new URL(url).host], connections: CONNECTIONS, totalTimeoutMs: 60_000 });
    return {
      send: {
        app: appSender(client, `${url}/hooks/app`, secret),
        mailbox: sender(mail, 'mailbox'),
        exchange: sender(exchange, 'exchange'),
      },
      journal,
      mailServer: String(mail.ready['server']),
      signal: stop.signal,
      ask: (command, args = {}) => rowsOf(join(folder, 'data'), command, args),
      lower: async () => {
        await client.close();
        await lower();
      },
    };
  } catch (error) {
    await lower();
    throw error;
  }
}

const sender = (program: Program, way: Way): Send => programSender(program, way);

/** A channel of each adapter, named after it. */
function channelsOf(secret: string, mail: Row, exported: string): readonly unknown[] {
  const { host, port, user, password } = mail;
  return [
    {
      id: 'app',
      kind: 'app',
      settings: { secrets: [secret], quietSeconds: QUIET_SECONDS, ratePerSecond: 100_000, burst: 1_000_000 },
    },
    { id: 'mailbox', kind: 'mailbox', settings: { host, port, user, password, tls: 'none', since: 'all' } },
    { id: 'exchange', kind: 'exchange', settings: { folder: exported, stableSeconds: 0, waitSeconds: 0 } },
  ];
}

/** YAML reads JSON, so the settings file is written as JSON. */
function settings(folder: string, channels: readonly unknown[], url: string, caseSecret: string): unknown {
  return {
    data: join(folder, 'data'),
    keys: { file: join(folder, 'keys.json') },
    listen: { host: '127.0.0.1', port: 0 },
    intake: { minFreeMb: 0, minFreePercent: 0 },
    caseSystem: { url, auth: { kind: 'signature', secret: caseSecret } },
    channels,
    log: { level: 'error' },
  };
}

async function rowsOf(
  data: string,
  command: string,
  args: Readonly<Record<string, string | number>>,
): Promise<readonly Row[]> {
  const client: ControlClient | null = await callControl(data);
  if (client === null) throw new DeskError('cli.gateway_gone', {}, EXIT.unavailable);
  const rows: Row[] = [];
  for await (const reply of client.run(command, args, 'demo')) {
    if ('row' in reply) rows.push(reply.row);
    if ('result' in reply) rows.push(reply.result);
    if ('failure' in reply) throw new DeskError('demo.command_failed', { command, code: reply.failure.code }, EXIT.bug);
  }
  client.close();
  return rows;
}
