// Takes one file as a gateway does, on a new folder and with the gateway's own limits of memory; tells time and memory of both processes.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { contextOf } from '../../gateway/channels/channel-context.ts';
import { type Foundation, openFoundation } from '../../gateway/foundation.ts';
import { createIntake } from '../../gateway/intake.ts';
import { splitterOf } from '../../gateway/reading/settings-splitter.ts';
import { createLog } from '../../gateway/telemetry/telemetry.ts';
import { processUse } from '../system.ts';

export interface TakingTask {
  /** Made by this process. */
  readonly folder: string;
  /** A file of the first few rows that is taken before, so that both processes are at work before they are weighed. */
  readonly first: string;
  readonly file: string;
  readonly rows: number;
  /** Settings of the channel besides its folder. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Resident memory in MB: before the file came, and the highest in each quarter of the time it took. */
export interface MemoryUse {
  readonly baseMb: number;
  readonly quartersMb: readonly [number, number, number, number];
}

export interface TakingResult {
  readonly ms: number;
  /** null where the system does not tell. */
  readonly gateway: MemoryUse | null;
  readonly split: MemoryUse | null;
}

const LOOK_MS = 10;

/** What the channel remembers of a file it has taken. */
interface Receipt {
  readonly fresh: number;
  readonly redelivered: number;
}

interface Sample {
  readonly at: number;
  readonly mb: number;
}

/** Weighs this process and the one it splits in. */
function weigh() {
  const own: Sample[] = [];
  const split: Sample[] = [];
  const look = () => {
    const at = performance.now();
    own.push({ at, mb: processUse(process.pid)?.residentMb ?? 0 });
    for (const pid of children()) split.push({ at, mb: processUse(pid)?.residentMb ?? 0 });
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  return {
    stop() {
      clearInterval(timer);
      return { gateway: useOf(own), split: useOf(split) };
    },
  };
}

function useOf(samples: readonly Sample[]): MemoryUse | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.mb === 0) return null;
  const quarter = (last.at - first.at) / 4;
  const most = (turn: number) => {
    const from = first.at + turn * quarter;
    return Math.max(...samples.filter(({ at }) => at >= from && at <= from + quarter).map(({ mb }) => mb));
  };
  return { baseMb: first.mb, quartersMb: [most(0), most(1), most(2), most(3)] };
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

async function take({ folder, first, file, rows, settings }: TakingTask): Promise<TakingResult> {
  mkdirSync(folder);
  const exchange = join(folder, 'exchange');
  const channel = { id: 'x', kind: 'exchange', settings: { folder: exchange, stableSeconds: 0, ...settings } };
  // JSON is YAML.
  const written = JSON.stringify({ data: './data', keys: { file: './keys.json' }, channels: [channel] });
  writeFileSync(join(folder, 'huisu.yaml'), written);
  const loaded = loadConfig({ file: join(folder, 'huisu.yaml'), env: {} });
  const foundation: Foundation = await openFoundation(loaded, { env: {}, onFatal: fail });
  const { store, cipher, book, now } = foundation;
  const log = createLog({ level: 'error' });
  const intake = createIntake({ store, cipher, now, acknowledged: () => undefined });
  const splitter = splitterOf({ loaded }, log);
  const known = await book.find('x');
  if (known === null) throw new Error('the channel is not there');
  const { signal } = new AbortController();
  const context = contextOf({ intake, splitter, store, cipher, log, now }, known, signal);
  const open = await known.definition.open(context);
  const drop = (path: string) => copyFileSync(path, join(exchange, 'in', basename(path)));
  try {
    drop(first);
    await open.poll?.(signal);
    drop(file);
    const scales = weigh();
    const began = performance.now();
    await open.poll?.(signal);
    const ms = performance.now() - began;
    const use = scales.stop();
    checkTaken(exchange, rows);
    return { ms, ...use };
  } finally {
    await open.close();
    await splitter.close();
    await foundation.close();
  }
}

function checkTaken(exchange: string, rows: number): void {
  const texts = (folder: string) =>
    readdirSync(folder)
      .filter(name => !statSync(join(folder, name)).isDirectory())
      .map(name => readFileSync(join(folder, name), 'utf8'));
  const taken = texts(join(exchange, 'work', 'seen')).map(text => JSON.parse(text) as Receipt);
  if (taken.some(({ fresh, redelivered }) => fresh + redelivered === rows)) return;
  throw new Error(`not all of ${rows} rows were accepted: ${texts(join(exchange, 'errors')).join('\n').slice(-500)}`);
}

function fail(error: Error): never {
  throw error;
}

const result = await take(JSON.parse(process.argv[2] as string) as TakingTask);
process.stdout.write(JSON.stringify(result));
