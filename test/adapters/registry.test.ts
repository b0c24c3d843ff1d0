// The registry: ours by folder, a third party's by name or path, and words for what cannot be loaded.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Misconfigured, Unauthentic } from '../../adapters/contract.ts';
import { loadRegistry } from '../../adapters/registry.ts';
import { registryListIsCurrent } from '../../scripts/registry.ts';

const adapterSource = (kind: string): string => `
import Joi from 'joi';
import { Unauthentic } from 'huisu/adapter';
export const Seen = Unauthentic;
export default {
  kind: '${kind}',
  title: { zh: '测试', en: 'Test' },
  settings: Joi.object({}),
  capabilities: { validates: false, weakIds: false, receives: [], replies: false, attachments: false, conversations: false },
  parse: () => ({ kind: 'not-an-appeal', reason: 'test' }),
  open: async () => { throw new Unauthentic('test.x', 'x'); },
};
`;

describe('registry', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'huisu-registry-'));
    await writeFile(join(folder, 'one.mjs'), adapterSource('one-box'));
    await writeFile(join(folder, 'typed.ts'), adapterSource('typed-box').replace('Seen =', 'Seen: unknown ='));
    await writeFile(join(folder, 'app.mjs'), adapterSource('app'));
    await writeFile(join(folder, 'empty.mjs'), 'export const nothing = 1;');
    await writeFile(
      join(folder, 'half.mjs'),
      "export default { kind: 'Half', title: { zh: '半' }, parse: 1, capabilities: {} };",
    );
    await writeFile(join(folder, 'broken.mjs'), 'export default {');
    for (const [name, exports] of [
      ['plain-box', './index.mjs'],
      ['import-box', { '.': { import: './index.mjs' } }],
    ] as const) {
      const home = join(folder, 'node_modules', name);
      await mkdir(home, { recursive: true });
      await writeFile(join(home, 'package.json'), JSON.stringify({ name, version: '1.0.0', type: 'module', exports }));
      await writeFile(join(home, 'index.mjs'), adapterSource(name));
    }
  });
  after(() => rm(folder, { recursive: true }));

  it('has a list that matches the folders', () => {
    assert.ok(registryListIsCurrent(), 'run: node scripts/registry.ts');
  });

  it('knows ours, each under its own kind', async () => {
    const registry = await loadRegistry([], folder);
    for (const kind of registry.kinds()) assert.equal((await registry.get(kind)).kind, kind);
    assert.ok(registry.kinds().includes('app'));
  });

  it('names the kinds there are when one is unknown', async () => {
    const registry = await loadRegistry([], folder);
    for (const kind of ['ap', '__proto__', 'constructor', '']) {
      await assert.rejects(
        registry.get(kind),
        (error: unknown) => error instanceof Misconfigured && /there are: .*app/.test(error.message),
      );
    }
  });

  it("loads a third party's by path and by package name, in JavaScript and in TypeScript", async () => {
    const registry = await loadRegistry(['./one.mjs', join(folder, 'typed.ts'), 'plain-box', 'import-box'], folder);
    for (const kind of ['one-box', 'typed-box', 'plain-box', 'import-box']) {
      assert.ok(registry.kinds().includes(kind));
      assert.equal((await registry.get(kind)).kind, kind);
    }
  });

  it('lends it the very error classes of this gateway, though nothing is installed beside it', async () => {
    const registry = await loadRegistry(['./one.mjs'], folder);
    const definition = await registry.get('one-box');
    await assert.rejects(definition.open({} as never), Unauthentic);
  });

  const faults: Record<string, [string, RegExp]> = {
    './no-such-file.mjs': ['registry.cannot_load', /no-such-file/],
    'no-such-package': ['registry.cannot_load', /no-such-package/],
    './broken.mjs': ['registry.cannot_load', /broken\.mjs cannot be loaded/],
    './empty.mjs': ['registry.not_an_adapter', /not an object/],
    './half.mjs': [
      'registry.not_an_adapter',
      /kind must be.*title needs zh and en.*Joi\.object.*parse must be a function.*receives/,
    ],
    './app.mjs': ['registry.kind_taken', /kind app already/],
  };
  for (const [name, [code, words]] of Object.entries(faults)) {
    it(`says what is wrong with ${name}`, async () => {
      await assert.rejects(loadRegistry(['./one.mjs', name], folder), (error: unknown) => {
        assert.ok(error instanceof Misconfigured);
        assert.equal(error.code, code);
        assert.equal(error.field, '/adapters/1');
        assert.match(error.message, words);
        return true;
      });
    });
  }

  it('refuses two of one kind', async () => {
    await assert.rejects(loadRegistry(['./one.mjs', './one.mjs'], folder), { code: 'registry.kind_taken' });
  });
});
