// Packs the build, unpacks it as an installed package in another folder and runs it there as plain JavaScript.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(join(tmpdir(), 'huisu-package-'));
const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** An operator who starts it looks at the terminal for no longer; here, where nothing else is at work on the machine. */
const START_MS = 3000;

/** Milliseconds from the start of a gateway on an empty folder to its first answer. */
async function firstStart(entry: string): Promise<number> {
  writeFileSync(join(folder, 'huisu.yaml'), 'listen: { port: 0 }\n');
  const began = performance.now();
  const gateway = spawn(process.execPath, [entry, 'start', '--config', 'huisu.yaml', '--json'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(gateway, 'exit');
  try {
    for await (const line of createInterface({ input: gateway.stdout })) {
      if (!line.startsWith('{"url"')) continue;
      const { url } = JSON.parse(line) as { url: string };
      const health = await fetch(`${url}/healthz`);
      if (!health.ok) throw new Error(`/healthz answers ${health.status}`);
      return performance.now() - began;
    }
    throw new Error('the gateway ended before it listened');
  } finally {
    gateway.kill('SIGTERM');
    await ended;
  }
}

/** A third party's adapter, and a script that has it split: threads and processes find their entry files in the build. */
const ADAPTER = `import { Unreadable } from 'huisu/adapter';
import Joi from 'joi';
export default {
  kind: 'line-box', title: { zh: '行', en: 'Lines' }, settings: Joi.object({}),
  capabilities: { validates: false, weakIds: false, receives: ['poll'], replies: false, attachments: false, conversations: false },
  parse: () => ({ kind: 'not-an-appeal', reason: 'empty' }),
  open: async () => ({ close: async () => undefined }),
  *split(container) {
    yield { ...container, platformId: 'first' };
    throw new Unreadable('line-box.no_more', 'one part is all there is');
  },
};`;
const SPLIT = `import { createSplitter } from './node_modules/huisu/dist/gateway/reading/splitter.js';
const limits = { atOnce: 1, memoryMb: 64, silenceMs: 9000, totalMs: 9000, parts: 9, partBytes: 999, totalBytes: 999 };
const splitter = createSplitter({ adapters: ['./line-box.mjs'], baseFolder: import.meta.dirname, limits, report: console.error });
const of = { channel: 'one', kind: 'line-box', settings: {} };
const container = { platformId: 'c', sender: null, mediaType: 'text/plain', meta: {}, body: Buffer.from('c') };
const told = [];
try {
  for await (const part of splitter.split(of, container, new AbortController().signal)) told.push(part.platformId);
} catch (error) {
  told.push(error.code);
}
await splitter.close();
console.log(told.join());`;

try {
  const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], ROOT)) as [
    { filename: string },
  ];
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  run('tar', ['-xzf', join(folder, filename), '-C', folder], folder);
  // Links instead of an install: the same packages, and no network. Node strips no types under node_modules, so a
  // TypeScript file that slipped into the package would fail here as it would for a user.
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  run('mv', [join(folder, 'package'), join(modules, 'huisu')], folder);
  const entry = join(modules, 'huisu', 'dist', 'gateway', 'main.js');
  if (!existsSync(entry)) throw new Error('the package has no dist: run npm run build first');
  const answer = run(process.execPath, [entry, 'check', '--json'], folder);
  if ((JSON.parse(answer.trim().split('\n').at(-1) as string) as { ok?: boolean }).ok !== true) throw new Error(answer);
  writeFileSync(join(folder, 'line-box.mjs'), ADAPTER);
  writeFileSync(join(folder, 'split.mjs'), SPLIT);
  const told = run(process.execPath, ['split.mjs'], folder).trim();
  if (told !== 'first,line-box.no_more') throw new Error(`a container was split into: ${told}`);
  const demo = run(process.execPath, [entry, 'demo', '--json'], folder).trim().split('\n').at(-1) as string;
  const { sent, acknowledged } = JSON.parse(demo) as { sent: number; acknowledged: number };
  if (sent === 0 || sent !== acknowledged) throw new Error(`the demo acknowledged ${acknowledged} of ${sent}`);
  const ms = await firstStart(entry);
  if (ms > START_MS) throw new Error(`a first start took ${Math.round(ms)} ms, with ${START_MS} at the most`);
  console.log(`serves ${(ms / 1000).toFixed(1)} s after its first start`);
  console.log(`${filename} runs from another folder, its demo too`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
