// docs/huisu.service: systemd takes it, and what it starts serves, takes up settings on a signal and ends in time.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { OVERRIDES } from '../../config/load.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const UNIT = readFileSync(join(ROOT, 'docs/huisu.service'), 'utf8');
const values = (name: string): readonly string[] =>
  [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value as string);

describe('the systemd unit', function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-unit-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** As installed, but here. */
  const here = (text: string) =>
    text.replaceAll('/opt/huisu', ROOT).replaceAll('/var/lib/huisu', folder).replaceAll('/etc/huisu', folder);

  it('is one that systemd takes without a word', async function () {
    const file = join(folder, 'huisu.service');
    // Accounts are made when it is installed.
    writeFileSync(file, here(UNIT).replace(/^(User|Group)=.*$/gm, ''));
    try {
      const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', file]);
      assert.equal(stderr, '');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      console.log('      skipped: there is no systemd-analyze');
      this.skip();
    }
  });

  it('starts a gateway that serves, and ends it within its time', async () => {
    const pairs = values('Environment').map(pair => pair.split('=') as [string, string]);
    const known = new Set([...Object.keys(OVERRIDES), 'HUISU_CONFIG', 'NODE_ENV']);
    for (const [name] of pairs) assert.ok(known.has(name), name);
    writeFileSync(join(folder, 'huisu.yaml'), 'listen: { port: 0 }\nintake: { minFreeMb: 0, minFreePercent: 0 }\n');
    const [command = '', ...args] = here(values('ExecStart')[0] ?? '').split(' ');
    const env = { PATH: process.env['PATH'], ...Object.fromEntries(pairs.map(([name, value]) => [name, here(value)])) };
    const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(child, 'exit');
    try {
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      for await (const line of createInterface({ input: child.stdout })) {
        if (!line.startsWith('{"url"')) continue;
        const { url, firstChannel } = JSON.parse(line) as { url: string; firstChannel: { secret: string } };
        assert.equal((await fetch(`${url}/readyz`)).status, 200);
        // The journal is read by more people than may send appeals in a partner's name.
        assert.deepEqual([values('StandardOutput'), values('StandardError')], [['null'], ['journal']]);
        assert.ok(!said.includes(firstChannel.secret), 'a secret in the journal');
        break;
      }
      // ExecReload.
      child.kill('SIGHUP');
      while (!said.includes('settings.asked')) await once(child.stderr, 'data');
      child.kill('SIGTERM');
      assert.equal((await ended)[0], 0);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  });
});
