// The power-cut rig: records the store engine at work, then replays the record to many power cuts.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { type ReplayResult, replay, type Survivors, unrecorded } from './replay.ts';

export interface PowerCutOptions {
  readonly synchronous: 'FULL' | 'NORMAL';
  readonly rows: number;
  readonly points: number;
  readonly seed: number;
  readonly progress: (done: number) => void;
}

/** Why the rig cannot run here; null when it can. */
export function cannotRecord(): string | null {
  if (process.platform !== 'linux') return `recording works by LD_PRELOAD, which ${process.platform} has not`;
  const compiler = spawnSync('cc', ['--version'], { encoding: 'utf8' });
  return compiler.status === 0 ? null : 'there is no C compiler ("cc") to build the recorder with';
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
  const done = spawnSync(command, args, { env, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0)
    throw new Error(`${command} ended with ${done.status ?? done.signal}:\n${done.stderr.slice(-3000)}`);
}

const beside = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** Which rows a copy still holds, asked of SQLite itself and not of the engine that wrote them. */
function openCopy(folder: string): Survivors {
  const database = new DatabaseSync(join(folder, 'huisu.db'));
  const tables = database
    .prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name IN ('messages', 'readings')")
    .get();
  const column = (sql: string): Set<string> =>
    tables?.['n'] === 2
      ? new Set((database.prepare(sql).all() as { number: string }[]).map(row => row.number))
      : new Set<string>();
  const accepted = column('SELECT number FROM messages WHERE length(sealed) > 0');
  const decided = column('SELECT m.number FROM readings r JOIN messages m USING (ordinal) WHERE r.kind IS NOT NULL');
  return {
    has: ({ what, number }) => accepted.has(number) && (what === 'accepted' || decided.has(number)),
    close: () => database.close(),
  };
}

/** Records one run and replays it. */
export function powerCut(options: PowerCutOptions): ReplayResult {
  const scratch = mkdtempSync(join(tmpdir(), 'huisu-power-cut-'));
  try {
    const folder = join(scratch, 'data');
    mkdirSync(folder, { mode: 0o700 });
    const recorder = join(scratch, 'recorder.so');
    const log = join(scratch, 'events.log');
    run('cc', ['-O2', '-shared', '-fPIC', '-o', recorder, beside('recorder.c'), '-ldl', '-lpthread'], process.env);
    run(
      process.execPath,
      [beside('driver.ts'), folder, options.synchronous, String(options.rows), String(options.seed)],
      {
        ...process.env,
        LD_PRELOAD: recorder,
        HUISU_RECORD_FOLDER: folder,
        HUISU_RECORD_LOG: log,
      },
    );
    const wrong = unrecorded(log, name => {
      try {
        return readFileSync(join(folder, name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    });
    if (wrong.length > 0) throw new Error(`the recorder missed writes to ${wrong.join(', ')}`);
    const { points, seed, progress } = options;
    return replay({ log, scratch, points, seed, progress, database: 'huisu.db', open: openCopy });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
