// npm test: runs every test/**/*.test.ts (or those whose path holds an argument) and ends with one line of counts.
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const TIMEOUT_MS = 20_000;
/** Handles left open keep a process alive for ever; a test that leaves one fails the run. */
const LINGER_MS = 5_000;

const wanted = process.argv.slice(2).map(word => word.replace(/^\.\//, '').replace(/\/$/, ''));
const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .map(file => join('test', file).replaceAll('\\', '/'))
  .filter(file => file.endsWith('.test.ts') && (wanted.length === 0 || wanted.some(word => file.includes(word))))
  .sort();

process.chdir(ROOT);
const mocha = new Mocha({
  timeout: TIMEOUT_MS,
  reporter: process.env['CI'] ? 'dot' : 'spec',
  color: process.stdout.isTTY,
});
for (const file of files) mocha.addFile(join(ROOT, file));

/** Tests that are named in the end because they take the longest. */
const LONGEST = 10;

const stats = { passed: 0, failed: 0, skipped: 0 };
const lasted: { readonly title: string; readonly ms: number }[] = [];
try {
  await mocha.loadFilesAsync();
  const ended = Promise.withResolvers<void>();
  mocha
    .run(() => ended.resolve())
    .on('pass', test => {
      stats.passed++;
      lasted.push({ title: test.fullTitle(), ms: test.duration ?? 0 });
    })
    .on('fail', () => stats.failed++)
    .on('pending', () => stats.skipped++);
  await ended.promise;
} catch (error) {
  // A file that cannot even be loaded: nothing ran, which must not look like success.
  console.error(error);
  stats.failed++;
}
if (files.length === 0) stats.failed++;
process.exitCode = stats.failed === 0 ? 0 : 1;
if (wanted.length === 0) longest();
report();
setTimeout(() => {
  console.error(`open handles after the tests: ${process.getActiveResourcesInfo().join(', ')}`);
  stats.failed++;
  report();
  process.exit(1);
}, LINGER_MS).unref();

/** Where a run's time goes. */
function longest(): void {
  const most = lasted.sort((one, other) => other.ms - one.ms).slice(0, LONGEST);
  for (const { title, ms } of most) console.log(`${(ms / 1000).toFixed(1).padStart(7)} s  ${title}`);
}

function report(): void {
  if (stats.skipped > 0) console.log(`${stats.skipped} skipped`);
  console.log(`${stats.passed} passed, ${stats.failed} failed`);
}
