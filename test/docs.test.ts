// Documentation that is made from code is what the code says, and every error code is explained, both ways.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AdapterDefinition } from '../adapters/contract.ts';
import { BUILT_IN } from '../adapters/registry-list.ts';
import { catalogue } from '../gateway/catalogue.ts';
import { pages, sentences } from '../scripts/docs.ts';

const ROOT = resolve(import.meta.dirname, '..');
const ROOMS = ['adapters', 'config', 'gateway', 'normalizer', 'store'];

const CODE = '[a-z][a-z0-9_-]*(?:\\.[a-z0-9_-]+)+';
/** The places at which a code is named so that a person will see it. */
const NAMED = [
  `new (?:Unavailable|CredentialsRefused|Misconfigured|Unreadable|Refused|Unauthentic|StoreUnavailable|KeyError|SealBroken|HttpProblem|ListenError|DeskError)\\(\\s*'(${CODE})'`,
  `\\blog\\.(?:debug|info|warn|fail|bug)\\(\\s*'(${CODE})'`,
  `\\breport\\(\\s*'(${CODE})'`,
  `\\breason\\(\\s*'(${CODE})'`,
  `\\bproblems\\.push\\(\\s*'(${CODE})'`,
  `\\b(?:code|reason): '(${CODE})'`,
].map(pattern => new RegExp(pattern, 'g'));
/** Made up by the conformance suite, or a detail inside a problem that has a code of its own. */
const ELSEWHERE = new Set(['conformance.store_down', 'date.future']);

const source = ROOMS.flatMap(room =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => readFileSync(join(ROOT, room, file), 'utf8')),
).join('\n');

describe('the docs', () => {
  it('made from code are what the code says (else: npm run docs)', async () => {
    for (const [name, text] of Object.entries(await pages())) {
      assert.equal(readFileSync(join(ROOT, 'docs', name), 'utf8'), text, name);
    }
  });

  it('have a page for each adapter and for nothing else', async () => {
    const kinds = Object.keys(BUILT_IN).map(kind => `${kind}.md`);
    const there = readdirSync(join(ROOT, 'docs/adapters')).filter(name => name.endsWith('.md') && name !== 'README.md');
    assert.deepEqual(there.sort(), kinds.sort());
  });

  it('of each adapter explain its errors, and name every one of its settings', async () => {
    const made = await pages();
    for (const [kind, load] of Object.entries(BUILT_IN)) {
      const page = made[`adapters/${kind}.md`] ?? '';
      const { settings } = (await load()) as AdapterDefinition<unknown>;
      for (const key of Object.keys(settings.describe()['keys'] as object))
        assert.ok(
          ['`', '.'].some(end => page.includes(`| \`${key}${end}`)),
          key,
        );
      for (const code of catalogue().keys())
        if (code.startsWith(`${kind}.`)) assert.ok(page.includes(`\`${code}\``), code);
    }
  });

  it('explain every code that the code names', () => {
    const known = new Set([...catalogue().keys(), ...sentences().map(([code]) => code), ...ELSEWHERE]);
    const missing = new Set<string>();
    for (const pattern of NAMED) {
      for (const [, code] of source.matchAll(pattern)) if (!known.has(code as string)) missing.add(code as string);
    }
    assert.deepEqual([...missing], []);
  });

  it('explain no code that nothing names any more', () => {
    const named = (code: string) =>
      [`'${code}'`, `'error.${code}'`].some(text => source.includes(text)) ||
      source.includes(`\${prefix}.${code.slice(code.indexOf('.') + 1)}`);
    assert.deepEqual(
      [...catalogue().keys(), ...sentences().map(([code]) => code)].filter(code => !named(code)),
      [],
    );
  });

  it('lead nowhere that is not there', () => {
    const files = ['.', 'docs', 'docs/adapters'].flatMap(folder =>
      readdirSync(join(ROOT, folder))
        .filter(name => name.endsWith('.md'))
        .map(name => join(folder, name)),
    );
    for (const file of files) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
        assert.ok(existsSync(resolve(ROOT, file, '..', link as string)), `${file} leads to ${link}`);
      }
    }
  });
});
