// Clauses about the definition itself: settings, purity of parse, and nothing done by importing it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fc from 'fast-check';
import type { Description } from 'joi';
import { describe, it } from 'mocha';
import { type AdapterDefinition, type Original, Unreadable } from '../contract.ts';
import { type ConformanceBench, onStage, type Stage } from './bench.ts';
import { GARBAGE, garbage } from './garbage.ts';
import { receiveSome } from './receive.ts';

export function definitionClauses<S>(definition: AdapterDefinition<S>, bench: ConformanceBench<S>): void {
  describe('definition', () => {
    it('has a kind that can be a folder and part of an address', () => {
      assert.match(definition.kind, /^[a-z][a-z0-9-]{0,39}$/);
    });

    it('labels every setting in Chinese and marks the secret ones', () => {
      for (const [path, description] of leaves(definition.settings.describe(), '')) {
        const label = (description.flags as { label?: string } | undefined)?.label ?? '';
        assert.match(label, /\p{Script=Han}/u, `${path} has no Chinese label`);
        if (!/secret|password|token|aeskey|privatekey|appkey/i.test(path)) continue;
        const metas: readonly { secret?: boolean }[] = description.metas ?? [];
        assert.ok(
          metas.some(meta => meta.secret === true),
          `${path} is not marked with meta({ secret: true })`,
        );
      }
    });

    it('refuses settings with an unknown field', () => {
      const settings = definition.sample?.settings;
      const { error } = definition.settings.validate({ ...settings, noSuchField: true });
      assert.ok(error, 'an unknown field was taken');
    });

    if (definition.sample !== undefined) {
      it('has sample settings that are valid and complete', () => {
        const { error, value } = definition.settings.validate(definition.sample?.settings, { convert: false });
        assert.equal(error, undefined);
        assert.deepEqual(value, definition.sample?.settings);
      });
    }

    if (bench.file !== undefined) {
      it('does nothing by being imported', async () => {
        const { stdout, stderr } = await importAlone(bench.file as URL);
        assert.equal(stdout + stderr, '');
      }).timeout(20_000);
    }

    it('parses the same bytes to the same message and leaves them as they are', () =>
      onStage(definition, bench, async stage => {
        for (const original of await receiveSome(stage, 3)) {
          const bytes = Buffer.from(original.body);
          const first = await definition.parse(frozen(original), stage.platform.settings);
          const second = await definition.parse(frozen(original), stage.platform.settings);
          assert.deepEqual(first, second);
          assert.deepEqual(Buffer.from(original.body), bytes, 'parse changed the bytes');
          if (first.kind !== 'appeal' || definition.readAsAppeal === undefined) continue;
          const asAppeal = await definition.readAsAppeal(frozen(original), stage.platform.settings);
          assert.deepEqual(asAppeal, first, 'readAsAppeal reads an appeal otherwise than parse');
        }
      }));

    it('parses garbage to a message or says Unreadable, and nothing else', () =>
      onStage(definition, bench, async stage => {
        const [original] = await receiveSome(stage, 1);
        assert.ok(original);
        for (const body of GARBAGE) await parseGarbage(stage, { ...original, body });
        await fc.assert(
          fc.asyncProperty(garbage, body => parseGarbage(stage, { ...original, body })),
          { numRuns: 100 },
        );
      })).timeout(20_000);
  });
}

/** Every setting with its path; the entries of a list stand for the list's own elements. */
function* leaves(description: Description, path: string): Iterable<[string, Description]> {
  const keys = Object.entries(description.keys ?? {});
  if (path !== '') yield [path, description];
  for (const [key, child] of keys) yield* leaves(child as Description, `${path}/${key}`);
}

function frozen(original: Original): Original {
  return Object.freeze({ ...original, meta: Object.freeze({ ...original.meta }) });
}

async function parseGarbage<S>({ definition, platform }: Stage<S>, original: Original): Promise<void> {
  try {
    await definition.parse(frozen(original), platform.settings);
    await definition.readAsAppeal?.(frozen(original), platform.settings);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
  }
}

/** Imports the module in a process of its own, which must end by itself and say nothing. */
async function importAlone(file: URL): Promise<{ stdout: string; stderr: string }> {
  const registry = import.meta.url.replace(/conformance\/definition\.(\w+)$/, 'registry.$1');
  const script = `const { lendOurModules } = await import(${JSON.stringify(registry)}); lendOurModules(); await import(${JSON.stringify(file.href)});`;
  return promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { timeout: 15_000 });
}
