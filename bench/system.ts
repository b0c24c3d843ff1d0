// What the figures depend on besides our code: processor, versions, and how long the disk takes to keep its word.
import { closeSync, existsSync, fdatasyncSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

export interface SystemFacts {
  readonly processor: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly platform: string;
  readonly node: string;
  readonly sqlite: string;
  /** Milliseconds of a 4 kB append with fdatasync in the store's folder. */
  readonly syncMs: { readonly p50: number; readonly p99: number };
}

const SYNCS = 200;

function syncLatency(folder: string): SystemFacts['syncMs'] {
  const path = join(folder, `sync-probe-${process.pid}`);
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const times: number[] = [];
  try {
    for (let turn = 0; turn < SYNCS; turn++) {
      writeSync(file, block);
      const from = performance.now();
      fdatasyncSync(file);
      times.push(performance.now() - from);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(times[Math.floor(share * SYNCS)]! * 1000) / 1000;
  return { p50: at(0.5), p99: at(0.99) };
}

export function systemFacts(folder: string): SystemFacts {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryMb: Math.round(totalmem() / 1024 / 1024),
    platform: `${process.platform} ${process.arch} ${release()}`,
    node: process.version,
    sqlite: process.versions['sqlite'] ?? 'unknown',
    syncMs: syncLatency(folder),
  };
}

export interface ProcessUse {
  /** Resident memory now and at its highest, in MB. */
  readonly residentMb: number;
  readonly peakMb: number;
  /** Processor seconds used so far, all threads. */
  readonly cpuSeconds: number;
}

const TICKS_PER_SECOND = 100;

/** Processor seconds in a `stat` file. The name in brackets may hold blanks; fields are counted from behind it. */
function cpuSecondsIn(path: string): { readonly name: string; readonly seconds: number } {
  const stat = readFileSync(path, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  return { name, seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
}

/** Reads another process's use; null where there is no /proc. */
export function processUse(pid: number): ProcessUse | null {
  if (!existsSync(`/proc/${pid}/status`)) return null;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  const { seconds } = cpuSecondsIn(`/proc/${pid}/stat`);
  return { residentMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM'), cpuSeconds: seconds };
}

/** Processor seconds by thread (`name#id`) so far; empty where there is no /proc. */
export function threadUse(pid: number): ReadonlyMap<string, number> {
  const folder = `/proc/${pid}/task`;
  const use = new Map<string, number>();
  if (!existsSync(folder)) return use;
  for (const id of readdirSync(folder)) {
    const path = `${folder}/${id}/stat`;
    // A thread may end while we look.
    if (!existsSync(path)) continue;
    const { name, seconds } = cpuSecondsIn(path);
    use.set(`${name}#${id}`, seconds);
  }
  return use;
}
