// Replays a recorded run to many power cuts, opens what each would have left, and looks for acknowledged rows that are gone.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Random, seeded } from '../../../bench/random.ts';
import { CUTS, type Cut, forgetfulDisk } from './disk.ts';
import { type FileEvent, readLog } from './log.ts';

/** Name of the file in which the recorded process notes what it has acknowledged, a line each. */
export const ACKNOWLEDGED = 'acknowledged.log';

/** What a line of that file promises. */
export interface Promised {
  readonly number: string;
  /** `accepted`: the message is there; `decided`: its outcome too. */
  readonly what: 'accepted' | 'decided';
}

/** Reads what a copy of the data folder holds. */
export interface Survivors {
  has(promise: Promised): boolean;
  close(): void;
}

export interface ReplayResult {
  readonly points: number;
  readonly byCut: Readonly<Record<Cut, number>>;
  /** Points at which acknowledged rows were missing, and the most that were missing at one. */
  readonly pointsWithLoss: number;
  readonly mostLost: number;
  readonly lostInAll: number;
  /** Points at which the copy could not be opened or failed its integrity check, with the first reason. */
  readonly damaged: number;
  readonly firstDamage: string | null;
  readonly acknowledged: number;
  readonly events: number;
  readonly syncs: number;
  /** Greatest number of unsynced bytes met at a point. */
  readonly mostUnsynced: number;
}

export interface ReplayOptions {
  readonly log: string;
  /** Folder for the copies. */
  readonly scratch: string;
  readonly points: number;
  readonly seed: number;
  /** Name of the database file within the folder. */
  readonly database: string;
  readonly open: (folder: string) => Survivors;
  readonly progress: (done: number) => void;
}

function promisesIn(text: string): readonly Promised[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => {
      const [what, number] = line.split(' ');
      if ((what !== 'accepted' && what !== 'decided') || number === undefined)
        throw new Error(`not a line of ${ACKNOWLEDGED}: ${line}`);
      return { what, number };
    });
}

/** Moments to cut at: any event, and more often those around a sync, where order matters most. */
function pickPoints(events: readonly FileEvent[], count: number, random: Random): readonly number[] {
  const syncs = events.flatMap((event, at) => (event.kind === 'sync-begin' || event.kind === 'sync-end' ? [at] : []));
  const points: number[] = [];
  while (points.length < count) {
    const around = syncs.length > 0 && random.chance(0.5);
    const at = around ? random.pick(syncs) + random.below(3) - 1 : random.below(events.length);
    if (at >= 0 && at < events.length) points.push(at);
  }
  return points.sort((a, b) => a - b);
}

function writeCopy(folder: string, files: ReadonlyMap<string, Buffer>): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, bytes] of files) {
    if (name === ACKNOWLEDGED) continue;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
}

/** null when SQLite finds the copy sound, else what it says. */
function damageOf(path: string): string | null {
  try {
    const database = new DatabaseSync(path);
    try {
      const rows = database.prepare('PRAGMA integrity_check').all() as { integrity_check: string }[];
      return rows.length === 1 && rows[0]!.integrity_check === 'ok' ? null : JSON.stringify(rows.slice(0, 3));
    } finally {
      database.close();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs through the log once, stopping at each point. */
export function replay(options: ReplayOptions): ReplayResult {
  const events = readLog(options.log);
  const random = seeded(options.seed, options.points);
  const points = pickPoints(events, options.points, random);
  const disk = forgetfulDisk();
  const byCut: Record<Cut, number> = { dropped: 0, torn: 0, reordered: 0, prefix: 0 };
  const copy = join(options.scratch, 'copy');
  let acknowledged = '';
  let noted = -1;
  const sum = { pointsWithLoss: 0, mostLost: 0, lostInAll: 0, damaged: 0, mostUnsynced: 0 };
  let firstDamage: string | null = null;
  let next = 0;
  for (const [at, event] of events.entries()) {
    disk.take(event);
    if (event.kind === 'open' && event.name === ACKNOWLEDGED) noted = event.file;
    if (event.kind === 'write' && event.file === noted) acknowledged += event.bytes.toString();
    for (; next < points.length && points[next] === at; next++) {
      const cut = CUTS[next % CUTS.length]!;
      byCut[cut]++;
      sum.mostUnsynced = Math.max(sum.mostUnsynced, disk.unsynced());
      writeCopy(copy, disk.cut(cut, random));
      const lost = judge(copy, options, promisesIn(acknowledged));
      if (typeof lost === 'string') {
        sum.damaged++;
        firstDamage ??= `event ${at}, ${cut}: ${lost}`;
      } else {
        sum.pointsWithLoss += lost > 0 ? 1 : 0;
        sum.mostLost = Math.max(sum.mostLost, lost);
        sum.lostInAll += lost;
      }
      options.progress(next + 1);
    }
  }
  rmSync(copy, { recursive: true, force: true });
  return {
    points: points.length,
    byCut,
    ...sum,
    firstDamage,
    acknowledged: promisesIn(acknowledged).length,
    events: events.length,
    syncs: events.filter(event => event.kind === 'sync-end').length,
  };
}

/** Acknowledged rows that the copy lacks, or what is wrong with it as a whole. */
function judge(copy: string, options: ReplayOptions, promises: readonly Promised[]): number | string {
  const damage = damageOf(join(copy, options.database));
  if (damage !== null) return damage;
  if (promises.length === 0) return 0;
  try {
    const survivors = options.open(copy);
    try {
      return promises.filter(promise => !survivors.has(promise)).length;
    } finally {
      survivors.close();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Files whose bytes on disk are not what the log says they should be: a call that was not recorded. */
export function unrecorded(log: string, read: (name: string) => Buffer | null): readonly string[] {
  const disk = forgetfulDisk();
  for (const event of readLog(log)) disk.take(event);
  const wrong: string[] = [];
  for (const [name, bytes] of disk.whole()) {
    const real = read(name);
    if (real === null || !real.equals(bytes)) wrong.push(name);
  }
  return wrong;
}
