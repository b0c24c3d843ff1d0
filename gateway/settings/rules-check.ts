// Whether the rule files are as they were at the start, and if not, whether a restart would take them.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ConfigProblem } from '../../config/errors.ts';
import { OWN_WEIGHTS, SHIPPED_MODELS } from '../../config/load-repeats.ts';
import { type RulePaths, TRAINED_MODELS } from '../../config/load-rules.ts';
import { isFilesUsedUp } from '../../store/errors.ts';
import { workerUrl } from '../worker-url.ts';

/** Where the rules lie, and the weights that the data folder may hold in place of the shipped ones. */
export interface WatchedPaths extends RulePaths {
  readonly dataFolder: string;
}

export interface RulesCheck {
  /** Files that differ from those at the start, and what is wrong with them. */
  look(
    paths: WatchedPaths,
  ): Promise<{ readonly changed: readonly string[]; readonly problems: readonly ConfigProblem[] }>;
  /** The files of the last look. */
  readonly files: readonly string[];
}

/** @param paths those of the start; the files are looked at now */
export async function createRulesCheck(paths: WatchedPaths): Promise<RulesCheck> {
  const atStart = await hashes(paths, new Map());
  let last = atStart;
  let problems: readonly ConfigProblem[] = [];
  return {
    async look(next) {
      const now = await hashes(next, last);
      if (!same(now, last)) problems = same(now, atStart) ? [] : await compiled(next);
      last = now;
      const files = new Set([...atStart.keys(), ...now.keys()]);
      return { changed: [...files].filter(file => now.get(file) !== atStart.get(file)), problems };
    },
    get files() {
      return [...last.keys()];
    },
  };
}

type Hashes = ReadonlyMap<string, string>;

const same = (one: Hashes, other: Hashes) =>
  one.size === other.size && [...one].every(([file, hash]) => other.get(file) === hash);

async function hashes({ rulesFolder, regionFile, dataFolder }: WatchedPaths, before: Hashes): Promise<Hashes> {
  const names = await readdir(rulesFolder).catch(() => []);
  const rules = [...names.filter(name => name.endsWith('.yaml')), ...SHIPPED_MODELS, ...TRAINED_MODELS];
  const files = [...rules.map(name => join(rulesFolder, name)), regionFile, join(dataFolder, OWN_WEIGHTS)];
  const hashed = new Map<string, string>();
  for (const file of files) hashed.set(file, await hashOf(file, before.get(file)));
  return hashed;
}

/** One that cannot be read differs from one that could, and compiling says why; that no more files may be open changes none. */
async function hashOf(file: string, before = UNREADABLE): Promise<string> {
  try {
    return createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  } catch (error) {
    return isFilesUsedUp(error) ? before : UNREADABLE;
  }
}

const UNREADABLE = 'unreadable';

function compiled(paths: WatchedPaths): Promise<readonly ConfigProblem[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl('./rules-check-thread', import.meta.url), {
      workerData: paths,
      name: 'rules-check',
    });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the rules could not be checked')));
  });
}
