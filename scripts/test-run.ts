// Runs test files in a process of their own, for scripts/test.ts: `color` or `plain`, then the files; says how it went to its parent.
import { resolve } from 'node:path';
import Mocha from 'mocha';

export interface TestRun {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Titles of those that failed, each with the first line of why. */
  readonly failures: readonly string[];
  readonly lasted: readonly { readonly title: string; readonly ms: number }[];
}

export const NOTHING_RAN: TestRun = { passed: 0, failed: 0, skipped: 0, failures: [], lasted: [] };

const TIMEOUT_MS = 20_000;
/** Handles left open keep a process alive for ever; a test that leaves one fails the run. */
const LINGER_MS = 5_000;

async function runFiles(color: boolean, files: readonly string[]): Promise<TestRun> {
  const mocha = new Mocha({ timeout: TIMEOUT_MS, reporter: process.env['CI'] ? 'dot' : 'spec', color });
  for (const file of files) mocha.addFile(resolve(file));
  const run = { ...NOTHING_RAN, failures: [] as string[], lasted: [] as { title: string; ms: number }[] };
  try {
    await mocha.loadFilesAsync();
    const ended = Promise.withResolvers<void>();
    mocha
      .run(() => ended.resolve())
      .on('pass', test => {
        run.passed++;
        run.lasted.push({ title: test.fullTitle(), ms: test.duration ?? 0 });
      })
      .on('fail', (test, error: Error) => {
        run.failed++;
        run.failures.push(`${test.fullTitle()}: ${firstLine(error)}`);
      })
      .on('pending', () => run.skipped++);
    await ended.promise;
  } catch (error) {
    // A file that cannot even be loaded: nothing ran, which must not look like success.
    console.error(error);
    run.failed++;
  }
  return run;
}

function firstLine(error: Error): string {
  return (error.message ?? String(error)).trimStart().split('\n', 1)[0] ?? '';
}

if (process.send !== undefined && import.meta.main) {
  const [color, ...files] = process.argv.slice(2);
  const run = await runFiles(color === 'color', files);
  process.exitCode = run.failed === 0 ? 0 : 1;
  process.send(run);
  // Whoever waits for messages is no handle that a test has left.
  process.channel?.unref();
  setTimeout(() => {
    console.error(`open handles after the tests: ${process.getActiveResourcesInfo().join(', ')}`);
    process.send?.({ ...run, failed: run.failed + 1 }, () => process.exit(1));
  }, LINGER_MS).unref();
}
