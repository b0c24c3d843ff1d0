// A gateway of two partners' channels on a folder of its own, whose settings a test rewrites while it runs.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { newSecret } from '../../../adapters/kit/signature.ts';
import { loadConfig } from '../../../config/load.ts';
import type { CommandContext } from '../../../gateway/cli/command.ts';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import { type Gateway, startGateway } from '../../../gateway/compose.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { BASE } from '../running.ts';

export type Written = Readonly<Record<string, unknown>>;

export interface Reloading {
  readonly folder: string;
  readonly gateway: Gateway;
  readonly secret: string;
  /** Lines logged so far. */
  readonly logged: Record<string, unknown>[];
  /** Writes the settings file as an editor does: another file, renamed into its place. */
  write(settings: Written): void;
  /** The same for `channels/NAME.yaml`; null removes it. */
  writeChannel(name: string, channel: unknown): void;
  /** What `huisu status` answers. */
  status(): Promise<Written>;
  page(path: string): Promise<string>;
  close(): Promise<void>;
}

/** A channel of the app kind that takes as much as a test sends. */
export function appChannel(id: string, secrets: readonly string[], more: Written = {}): Written {
  return { id, kind: 'app', settings: { secrets, ratePerSecond: 100_000, burst: 1_000_000, ...more } };
}

export function replaced(file: string, text: string): void {
  writeFileSync(`${file}~`, text);
  renameSync(`${file}~`, file);
}

/**
 * @param settings over a base with one channel `steady`; its `channels` come beside that one
 * @param prepare puts further files into the folder before the start
 * @param now the gateway's clock
 */
export async function startReloading(
  settings: Written = {},
  prepare: (folder: string) => void = () => undefined,
  now = Date.now,
): Promise<Reloading> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-reload-'));
  const file = join(folder, 'huisu.yaml');
  const secret = newSecret();
  const write = ({ channels = [], ...more }: Written) => {
    const all = [appChannel('steady', [secret]), ...(channels as Written[])];
    replaced(file, stringify({ ...BASE, ...more, channels: all }));
  };
  mkdirSync(join(folder, 'channels'));
  write(settings);
  prepare(folder);
  const logged: Record<string, unknown>[] = [];
  const log = createLog({ level: 'debug', destination: { write: line => void logged.push(JSON.parse(line)) } });
  const onFatal = (error: Error) => {
    throw error;
  };
  const gateway = await startGateway(loadConfig({ file, env: {} }), {
    ...{ log, logLevel: log.setLevel, commands: COMMANDS, env: {}, onFatal, now },
  });
  return {
    ...{ folder, gateway, secret, logged, write },
    writeChannel(name, channel) {
      const path = join(folder, 'channels', `${name}.yaml`);
      if (channel === null) rmSync(path);
      else replaced(path, typeof channel === 'string' ? channel : stringify(channel));
    },
    status: () => run('status', gateway.context),
    page: async path => (await fetch(`${gateway.url}${path}`)).text(),
    async close() {
      await gateway.close(5000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A command inside the gateway. */
export function run(name: string, context: CommandContext): Promise<Written> {
  const command = COMMANDS.find(one => one.name === name);
  if (command?.kind !== 'one') throw new Error(`no command ${name}`);
  return command.run(context, {}, { by: 'test', signal: new AbortController().signal, progress: () => undefined });
}
