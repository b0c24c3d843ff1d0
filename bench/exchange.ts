// `npm run bench:exchange`: how fast files become durable rows, beside the bare reading libraries, and what memory that takes.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { adapter } from '../adapters/exchange/index.ts';
import type { ExchangeSettings } from '../adapters/exchange/settings.ts';
import { median, ratio } from './phases.ts';
import type { MemoryUse, TakingResult, TakingTask } from './servers/file-taker.ts';
import type { ReaderResult, ReaderTask } from './servers/table-reader.ts';
import { systemFacts } from './system.ts';
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
const TAKER = new URL('./servers/file-taker.ts', import.meta.url).pathname;
const MB = 1024 * 1024;
/** The first rows of the table, by which both processes come to work before they are weighed. */
const FIRST_SHARE = 0.1;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function child<T>(script: string, task: unknown): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(task)]);
  return JSON.parse(stdout) as T;
}

async function read(task: ReaderTask, rows: number): Promise<ReaderResult> {
  const result = await child<ReaderResult>(READER, task);
  if (result.rows !== rows) throw new Error(`${task.way} read ${result.rows} of ${rows} rows of ${task.file}`);
  return result;
}

/** The limits of a channel that such a file needs raised; reading's own limits of memory stay as they are shipped. */
function raisedFor(bytes: number, inflated: number): Readonly<Record<string, number>> {
  const usual = adapter.settings.validate({ folder: '/usual' }).value as ExchangeSettings;
  const needed = { maxFileMegabytes: Math.ceil(bytes / MB), maxInflatedMegabytes: Math.ceil(inflated / MB) };
  return Object.fromEntries(
    Object.entries(needed).filter(([name, least]) => least > usual[name as keyof typeof needed]),
  );
}

interface FormFigures {
  readonly bytes: number;
  /** Limits of the channel that had to be raised for a file of this size. */
  readonly raised: Readonly<Record<string, number>>;
  readonly barePerSecond: number;
  readonly splitPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly splitToBare: number;
  readonly acceptedToBare: number;
  readonly all: { readonly bare: readonly number[]; readonly split: readonly number[] };
  readonly memory: {
    readonly barePeakMb: number;
    readonly gateway: MemoryUse | null;
    readonly split: MemoryUse | null;
  };
}

interface Table {
  readonly form: Form;
  readonly rows: number;
  readonly bytes: number;
  readonly inflated: number;
}

/** The whole way of a file: split in a process of its own, sealed, committed to the store of a new folder. */
function take(root: string, { form, rows, bytes, inflated }: Table): Promise<TakingResult> {
  const path = (name: string) => join(root, `${name}.${form}`);
  const settings = { ...raisedFor(bytes, inflated), waitSeconds: 0 };
  const task: TakingTask = { folder: join(root, form), first: path('first'), file: path('table'), rows, settings };
  return child<TakingResult>(TAKER, task);
}

async function measure(root: string, table: Table): Promise<FormFigures> {
  const { form, rows } = table;
  const file = join(root, `table.${form}`);
  const perSecond = (ms: number) => Math.round((rows / ms) * 1000);
  const bare: ReaderResult[] = [];
  const split: ReaderResult[] = [];
  for (let turn = 0; turn < Number(values.rounds); turn++) {
    const [one, other] = [await read({ way: 'bare', file }, rows), await read({ way: 'split', file }, rows)];
    bare.push(one);
    split.push(other);
    say(`  ${form}: bare ${perSecond(one.ms)}/s, split ${perSecond(other.ms)}/s`);
  }
  const taken = await take(root, table);
  const acceptedPerSecond = perSecond(taken.ms);
  say(`  ${form}: split and accepted ${acceptedPerSecond}/s`);
  const barePerSecond = median(bare.map(({ ms }) => perSecond(ms)));
  const splitPerSecond = median(split.map(({ ms }) => perSecond(ms)));
  return {
    bytes: table.bytes,
    raised: raisedFor(table.bytes, table.inflated),
    barePerSecond,
    splitPerSecond,
    acceptedPerSecond,
    splitToBare: ratio(splitPerSecond, barePerSecond),
    acceptedToBare: ratio(acceptedPerSecond, barePerSecond),
    all: { bare: bare.map(({ ms }) => perSecond(ms)), split: split.map(({ ms }) => perSecond(ms)) },
    memory: {
      barePeakMb: Math.max(...bare.map(({ peakMb }) => peakMb)),
      gateway: taken.gateway,
      split: taken.split,
    },
  };
}

function printMemory(figures: Partial<Record<Form, FormFigures>>, row: (cells: readonly (string | number)[]) => void) {
  say('\nresident memory, MB: before the file, and the highest in each quarter of the time it took');
  row(['', 'file', 'process', 'before', '1/4', '2/4', '3/4', '4/4']);
  for (const [form, { bytes, memory }] of Object.entries(figures)) {
    const { barePeakMb, split, gateway } = memory;
    const line = (name: string, use: MemoryUse | null) =>
      row([form, Math.round(bytes / MB), name, ...(use === null ? [] : [use.baseMb, ...use.quartersMb])]);
    line('split', split);
    line('gateway', gateway);
    row([form, Math.round(bytes / MB), 'bare', '', '', '', '', barePeakMb]);
  }
  for (const [form, { raised }] of Object.entries(figures)) {
    const names = Object.entries(raised).map(([name, to]) => `${name} ${to}`);
    if (names.length > 0) say(`  ${form}: over the usual limits of a channel, so set for it: ${names.join(', ')}`);
  }
}

const root = mkdtempSync(join(tmpdir(), 'huisu-bench-exchange-'));
try {
  const rows = Number(values.rows);
  const seed = Number(values.seed);
  const facts = writeTables({ csv: join(root, 'table.csv'), xlsx: join(root, 'table.xlsx') }, rows, seed);
  writeTables({ csv: join(root, 'first.csv'), xlsx: join(root, 'first.xlsx') }, Math.ceil(rows * FIRST_SHARE), seed);
  say(`files: ${JSON.stringify(facts)}`);
  const figures: Partial<Record<Form, FormFigures>> = {};
  for (const form of FORMS) {
    const sizes = {
      csv: { bytes: facts.csvBytes, inflated: 0 },
      xlsx: { bytes: facts.xlsxBytes, inflated: facts.inflatedBytes },
    };
    figures[form] = await measure(root, { form, rows, ...sizes[form] });
  }
  const row = (cells: readonly (string | number)[]) =>
    say(`  ${cells.map(cell => String(cell).padStart(14)).join('')}`);
  say('\nrows a second');
  row(['', 'bare', 'split', 'accepted', 'split/bare', 'accepted/bare']);
  for (const [form, one] of Object.entries(figures)) {
    row([form, one.barePerSecond, one.splitPerSecond, one.acceptedPerSecond, one.splitToBare, one.acceptedToBare]);
  }
  printMemory(figures, row);
  const summary = { ...facts, seed, rounds: Number(values.rounds), ...figures, system: systemFacts(root) };
  process.stdout.write(values.json ? `${JSON.stringify(summary)}\n` : '');
} finally {
  rmSync(root, { recursive: true, force: true });
}
