// npm test: runs every test/**/*.test.ts (or those whose path holds an argument) and ends with one line of counts. A whole run
// goes in two processes where there are two processors: half of the time goes by in waiting for timers, disks and servers.
import { fork } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NOTHING_RAN, type TestRun } from './test-run.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const RUN = fileURLToPath(new URL('./test-run.ts', import.meta.url));
/** Hundreds of gateways, commands and threads load the same files: what is compiled once serves all of them. */
const COMPILED = join(ROOT, 'node_modules/.cache/huisu-compiled');
/** Tests that are named in the end because they take the longest. */
const LONGEST = 10;

const wanted = process.argv.slice(2).map(word => word.replace(/^\.\//, '').replace(/\/$/, ''));
const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .map(file => join('test', file).replaceAll('\\', '/'))
  .filter(file => file.endsWith('.test.ts') && (wanted.length === 0 || wanted.some(word => file.includes(word))))
  .sort();

const parts = wanted.length === 0 ? Math.min(2, availableParallelism()) : 1;
/** Neighbours are of one kind and take about as long: each process gets every other file. */
const shares = Array.from({ length: parts }, (_, part) => files.filter((_, place) => place % parts === part));
/** What the second one says is shown when the first one has ended: two at once nobody could read. */
let shown: Promise<unknown> = Promise.resolve();
const runs = await Promise.all(shares.map(share => run(share)));

const all = runs.reduce((sum, one) => ({
  passed: sum.passed + one.passed,
  failed: sum.failed + one.failed,
  skipped: sum.skipped + one.skipped,
  failures: [...sum.failures, ...one.failures],
  lasted: [...sum.lasted, ...one.lasted],
}));
if (wanted.length === 0) longest(all);
const failed = files.length === 0 ? all.failed + 1 : all.failed;
// Said once more in the end, where whoever looks at a long log looks first.
for (const failure of all.failures) console.log(`failed: ${failure}`);
if (all.skipped > 0) console.log(`${all.skipped} skipped`);
console.log(`${all.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function run(share: readonly string[]): Promise<TestRun> {
  const child = fork(RUN, [process.stdout.isTTY ? 'color' : 'plain', ...share], {
    cwd: ROOT,
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let told: TestRun | null = null;
  child.on('message', (one: TestRun) => {
    told = one;
  });
  const kept: Buffer[] = [];
  let show = (words: Buffer): unknown => kept.push(words);
  child.stdout?.on('data', words => show(words));
  const gone = new Promise<number | null>(resolve => child.once('close', resolve));
  const before = shown;
  shown = gone;
  await before;
  for (const words of kept) process.stdout.write(words);
  show = words => process.stdout.write(words);
  const code = await gone;
  // Ended before it could say anything, or by something else than a failed test.
  if (told === null) return { ...NOTHING_RAN, failed: 1 };
  const run: TestRun = told;
  return code === 0 || run.failed > 0 ? run : { ...run, failed: 1 };
}

/** Where a run's time goes. */
function longest({ lasted }: TestRun): void {
  const most = [...lasted].sort((one, other) => other.ms - one.ms).slice(0, LONGEST);
  for (const { title, ms } of most) console.log(`${(ms / 1000).toFixed(1).padStart(7)} s  ${title}`);
}
