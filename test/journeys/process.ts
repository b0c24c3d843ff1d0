// The gateway as its operator starts it: a process of its own on a folder of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const ENTRY = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url));

/** What others have compiled already (`scripts/test.ts`). */
const CACHE = process.env['NODE_COMPILE_CACHE'];
const COMPILED = CACHE === undefined ? {} : { NODE_COMPILE_CACHE: CACHE };

/** What `huisu start` prints as its last line. */
export interface Started {
  readonly url: string;
  readonly pid: number;
  readonly firstChannel: { readonly id: string; readonly secret: string; readonly url: string } | null;
}

export interface GatewayProcess {
  readonly child: ChildProcess;
  /** Resolves when it serves; rejects with what it said when it ended instead. */
  readonly started: Promise<Started>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  stdout(): string;
  stderr(): string;
}

export interface Place {
  readonly folder: string;
  /** Writes the settings anew. */
  settings(more: unknown): void;
  /** @param openFiles as many as it may have open (`ulimit -n`); default: as the tests may */
  run(args: readonly string[], env?: NodeJS.ProcessEnv, openFiles?: number): GatewayProcess;
  /** Ends whatever still runs and removes the folder. */
  remove(): Promise<void>;
}

export function openPlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-journey-'));
  const running = new Set<GatewayProcess>();
  const place: Place = {
    folder,
    settings: more => writeFileSync(join(folder, 'huisu.yaml'), typeof more === 'string' ? more : stringify(more)),
    run(args, env = {}, openFiles) {
      const command = [process.execPath, ENTRY, ...args];
      const limit = ['/bin/sh', '-c', `ulimit -n ${openFiles} && exec "$0" "$@"`];
      const one = begin(openFiles === undefined ? command : [...limit, ...command], folder, env);
      running.add(one);
      return one;
    },
    async remove() {
      for (const { child, ended } of running) {
        child.kill('SIGKILL');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
  place.settings({ listen: { port: 0 }, intake: { minFreeMb: 0, minFreePercent: 0 } });
  return place;
}

function begin([program = '', ...args]: readonly string[], cwd: string, env: NodeJS.ProcessEnv): GatewayProcess {
  const child = spawn(program, args, {
    cwd,
    // Neither settings nor colours of whoever runs the tests.
    env: { PATH: process.env['PATH'], HOME: cwd, LANG: 'zh_CN.UTF-8', ...COMPILED, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  const started = new Promise<Started>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const line = stdout.split('\n').find(one => one.startsWith('{"url"'));
      if (line !== undefined && stdout.endsWith('\n')) resolve(JSON.parse(line) as Started);
    });
    void ended.then(code => reject(new Error(`ended with ${code}: ${stdout}${stderr}`)));
  });
  // Who only waits for the end need not look at this one.
  started.catch(() => undefined);
  return { child, started, ended, stdout: () => stdout, stderr: () => stderr };
}

export const START = ['start', '--config', 'huisu.yaml'] as const;
