// `npm run test:engines`: the contracts of store and queue on every pair of engines, the same cases on each, and how many.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { whySkipped } from './servers/mongo.ts';
import { redisBinary } from './servers/redis.ts';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const MOCHA = fileURLToPath(new URL('../node_modules/mocha/bin/mocha.js', import.meta.url));
const PAIR = fileURLToPath(new URL('./engines/pair.ts', import.meta.url));

interface Outcome {
  readonly store: string;
  readonly queue: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Titles of its cases, without the names of the engines. */
  readonly cases: readonly string[];
  readonly seconds: number;
}

interface Report {
  readonly stats: { readonly passes: number; readonly failures: number; readonly pending: number };
  readonly tests: readonly { readonly title: string }[];
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[];
}

async function run(store: string, queue: string): Promise<Outcome> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [MOCHA, '--no-config', '--exit', '--timeout', '120000', '--reporter', 'json', PAIR],
    { env: { ...process.env, HUISU_TEST_STORE: store, HUISU_TEST_QUEUE: queue }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [out] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const { stats, tests, failures } = JSON.parse(out.slice(out.indexOf('{\n'))) as Report;
  for (const { fullTitle, err } of failures)
    process.stderr.write(`${store} + ${queue}: ${fullTitle}: ${err.message}\n`);
  const cases = tests.map(({ title }) => title).sort();
  const { passes: passed, failures: failed, pending: skipped } = stats;
  return { store, queue, passed, failed, skipped, cases, seconds: Math.round((performance.now() - began) / 1000) };
}

const missing = whySkipped() ?? (redisBinary() === null ? 'no redis-server is installed' : null);
if (missing !== null) {
  process.stdout.write(`skipped: ${missing}\n`);
  process.exit(process.env['CI'] === undefined ? 0 : 1);
}
const outcomes: Outcome[] = [];
for (const store of ['sqlite', 'mongo']) {
  for (const queue of ['local', 'bull']) {
    const outcome = await run(store, queue);
    outcomes.push(outcome);
    const { passed, failed, skipped, seconds } = outcome;
    process.stdout.write(
      `${store.padEnd(6)} + ${queue.padEnd(5)}  ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds} s\n`,
    );
  }
}
const [first] = outcomes;
const same = outcomes.every(({ cases }) => cases.join('\n') === first?.cases.join('\n'));
const ok = same && outcomes.every(({ passed, failed, skipped }) => passed > 0 && failed + skipped === 0);
process.stdout.write(same ? `the same ${first?.cases.length} cases on each\n` : 'NOT the same cases on each\n');
if (values.json) {
  process.stdout.write(
    `${JSON.stringify({ ok, same, pairs: outcomes.map(({ cases, ...pair }) => ({ ...pair, cases: cases.length })) })}\n`,
  );
}
process.exitCode = ok ? 0 : 1;
