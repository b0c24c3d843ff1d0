// `npm run bench:exchange`: how fast files become durable rows, beside the bare reading libraries, and what memory that takes.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { loadConfig } from '../config/load.ts';
import { splitterOf } from '../gateway/compose.ts';
import { type Foundation, openFoundation } from '../gateway/foundation.ts';
import { importFile } from '../gateway/import-file.ts';
import { createIntake } from '../gateway/intake.ts';
import { createLog } from '../gateway/telemetry.ts';
import { median, ratio } from './phases.ts';
import type { ReaderResult, ReaderTask } from './servers/table-reader.ts';
import { processUse, systemFacts } from './system.ts';
import { writeTables } from './tables.ts';

const HELP = `npm run bench:exchange -- [options]
  --rows N     rows of each file (100000)
  --rounds N   alternations of the bare library and split (3)
  --seed N     seed of the recipe (1)
  --json       one JSON object as the last line on stdout`;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}

type Form = 'csv' | 'xlsx';

const FORMS: readonly Form[] = ['csv', 'xlsx'];
const READER = new URL('./servers/table-reader.ts', import.meta.url).pathname;
const LOOK_MS = 20;
/** A file of so many times fewer rows shows what memory grows with. */
const SMALL = 10;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function read(task: ReaderTask, rows: number): Promise<ReaderResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [READER, JSON.stringify(task)]);
  const result = JSON.parse(stdout) as ReaderResult;
  if (result.rows !== rows) throw new Error(`${task.way} read ${result.rows} of ${rows} rows of ${task.file}`);
  return result;
}

interface Accepted {
  readonly perSecond: number;
  /** Highest resident memory of the splitting process, in MB. */
  readonly peakMb: number | null;
}

/** The whole way of a file: split in a process of its own, sealed, committed to the store of a new folder. */
async function accept(folder: string, file: string, rows: number): Promise<Accepted> {
  mkdirSync(folder);
  const settings = { folder: join(folder, 'exchange'), ...{ maxFileMegabytes: 200, maxInflatedMegabytes: 2000 } };
  // The file is about twice as large as what a channel takes by default, and lies in the memory of the process that splits it.
  const reading = { split: { memoryMb: 512 } };
  const channels = [{ id: 'x', kind: 'exchange', settings }];
  const config = { data: './data', keys: { file: './keys.json' }, reading, channels };
  // JSON is YAML.
  writeFileSync(join(folder, 'huisu.yaml'), JSON.stringify(config));
  const loaded = loadConfig({ file: join(folder, 'huisu.yaml'), env: {} });
  const foundation: Foundation = await openFoundation(loaded, { env: {}, onFatal: fail });
  const { store, cipher, book, now } = foundation;
  const log = createLog({ level: 'error' });
  const intake = createIntake({ store, cipher, now, acknowledged: () => undefined });
  const splitter = splitterOf({ loaded }, log);
  const watch = watchChildren();
  try {
    const began = performance.now();
    const call = { waitMs: 0, signal: new AbortController().signal, step: () => undefined };
    const report = await importFile({ book, intake, splitter, store, cipher, log, now }, 'x', file, call);
    const ms = performance.now() - began;
    if (report.fresh !== rows) {
      const why = report.errorFile === null ? '' : readFileSync(report.errorFile, 'utf8').trim().split('\n').at(-1);
      throw new Error(`${report.fresh} of ${rows} rows were accepted: ${report.broken} (${why})`);
    }
    return { perSecond: Math.round((rows / ms) * 1000), peakMb: watch.stop() };
  } finally {
    watch.stop();
    await splitter.close();
    await foundation.close();
  }
}

function fail(error: Error): never {
  throw error;
}

/** The highest memory of any child of this process while it is watched; null where there is no /proc. */
function watchChildren() {
  let peak = 0;
  const look = () => {
    for (const pid of children()) peak = Math.max(peak, processUse(pid)?.peakMb ?? 0);
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    stop(): number | null {
      clearInterval(timer);
      return peak === 0 ? null : peak;
    },
  };
}

function children(): readonly number[] {
  try {
    return readdirSync('/proc/self/task').flatMap(task =>
      readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    // Another system, or a thread that ended in between.
    return [];
  }
}

interface FormFigures {
  readonly bytes: number;
  readonly barePerSecond: number;
  readonly splitPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly splitToBare: number;
  readonly acceptedToBare: number;
  readonly all: { readonly bare: readonly number[]; readonly split: readonly number[] };
  readonly memory: {
    readonly barePeakMb: number;
    readonly splitPeakMb: number;
    /** The same with a tenth of the rows. */
    readonly smallPeakMb: number;
    readonly splittingProcessPeakMb: number | null;
  };
}

async function measure(root: string, form: Form, rows: number, bytes: number): Promise<FormFigures> {
  const file = join(root, `table.${form}`);
  const perSecond = (result: ReaderResult) => Math.round((result.rows / result.ms) * 1000);
  const bare: ReaderResult[] = [];
  const split: ReaderResult[] = [];
  for (let turn = 0; turn < Number(values.rounds); turn++) {
    bare.push(await read({ way: 'bare', file }, rows));
    split.push(await read({ way: 'split', file }, rows));
    say(
      `  ${form}: bare ${perSecond(bare.at(-1) as ReaderResult)}/s, split ${perSecond(split.at(-1) as ReaderResult)}/s`,
    );
  }
  const small = await read({ way: 'split', file: join(root, `small.${form}`) }, Math.ceil(rows / SMALL));
  const accepted = await accept(join(root, form), file, rows);
  say(`  ${form}: split and accepted ${accepted.perSecond}/s`);
  const barePerSecond = median(bare.map(perSecond));
  const splitPerSecond = median(split.map(perSecond));
  return {
    bytes,
    barePerSecond,
    splitPerSecond,
    acceptedPerSecond: accepted.perSecond,
    splitToBare: ratio(splitPerSecond, barePerSecond),
    acceptedToBare: ratio(accepted.perSecond, barePerSecond),
    all: { bare: bare.map(perSecond), split: split.map(perSecond) },
    memory: {
      barePeakMb: Math.max(...bare.map(({ peakMb }) => peakMb)),
      splitPeakMb: Math.max(...split.map(({ peakMb }) => peakMb)),
      smallPeakMb: small.peakMb,
      splittingProcessPeakMb: accepted.peakMb,
    },
  };
}

const root = mkdtempSync(join(tmpdir(), 'huisu-bench-exchange-'));
try {
  const rows = Number(values.rows);
  const seed = Number(values.seed);
  const facts = writeTables({ csv: join(root, 'table.csv'), xlsx: join(root, 'table.xlsx') }, rows, seed);
  writeTables({ csv: join(root, 'small.csv'), xlsx: join(root, 'small.xlsx') }, Math.ceil(rows / SMALL), seed);
  say(`files: ${JSON.stringify(facts)}`);
  const figures: Partial<Record<Form, FormFigures>> = {};
  for (const form of FORMS) {
    figures[form] = await measure(root, form, rows, form === 'csv' ? facts.csvBytes : facts.xlsxBytes);
  }
  const row = (cells: readonly (string | number)[]) =>
    say(`  ${cells.map(cell => String(cell).padStart(12)).join('')}`);
  say('\nrows a second');
  row(['', 'bare', 'split', 'accepted', 'split/bare', 'accepted/bare']);
  for (const [form, one] of Object.entries(figures)) {
    row([form, one.barePerSecond, one.splitPerSecond, one.acceptedPerSecond, one.splitToBare, one.acceptedToBare]);
  }
  say('\nhighest memory, MB');
  row(['', 'file', 'bare', 'split', `split 1/${SMALL}`, 'split process']);
  for (const [form, { bytes, memory }] of Object.entries(figures)) {
    const { barePeakMb, splitPeakMb, smallPeakMb, splittingProcessPeakMb } = memory;
    row([form, Math.round(bytes / 1024 / 1024), barePeakMb, splitPeakMb, smallPeakMb, splittingProcessPeakMb ?? '–']);
  }
  const summary = { ...facts, seed, rounds: Number(values.rounds), ...figures, system: systemFacts(root) };
  process.stdout.write(values.json ? `${JSON.stringify(summary)}\n` : '');
} finally {
  rmSync(root, { recursive: true, force: true });
}
