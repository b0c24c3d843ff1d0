// `npm run new-adapter` makes an adapter that passes the tests, the formatter and the type checker as it stands.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

describe('npm run new-adapter', function () {
  this.timeout(180_000);
  let clone: string;

  before(() => {
    clone = mkdtempSync(join(tmpdir(), 'huisu-scaffold-'));
    const left = new Set(['node_modules', '.git', 'dist', 'data'].map(name => join(ROOT, name)));
    cpSync(ROOT, clone, { recursive: true, filter: source => !left.has(source) });
    symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'), 'dir');
  });
  after(() => rmSync(clone, { recursive: true, force: true }));

  const node = (...args: string[]) => run(process.execPath, args, { cwd: clone });
  const make = (...args: string[]) => node('scripts/new-adapter.ts', ...args);

  it('makes what is green from the first moment', async () => {
    const { stdout } = await make('city-portal', '--zh', '城市门户', '--en', 'City portal');
    const made = stdout.split('\n').flatMap(line => line.match(/^ {2}(\S+\/\S+)$/)?.[1] ?? []);
    assert.equal(made.length, 9);
    for (const path of made) assert.ok(existsSync(join(clone, path)), path);
    const tests = await node('scripts/test.ts', 'city-portal', 'docs.test', 'registry.test', 'architecture.test');
    assert.match(tests.stdout, /\n\d+ passed, 0 failed\n/);
    // Its own files only: what else is in the clone is looked at elsewhere. No git, which the formatter asks what to ignore.
    const biome = join(clone, 'node_modules/@biomejs/biome/bin/biome');
    await node(biome, 'check', '--vcs-enabled=false', ...made.filter(path => !path.endsWith('.md')));
    await node(join(clone, 'node_modules/typescript-compiler/bin/tsc'), '--noEmit');
  });

  it('writes over nothing, and says what a kind looks like', async () => {
    const said = async (...args: string[]): Promise<string> => {
      const error = await make(...args).then(
        () => null,
        (failed: { code: number; stderr: string }) => failed,
      );
      assert.equal(error?.code, 65);
      return error.stderr;
    };
    assert.match(await said('app'), /adapters\/app is there already/);
    assert.match(await said('City_Portal'), /lower-case words joined by hyphens/);
    assert.match(await said('../portal'), /lower-case words joined by hyphens/);
  });
});
