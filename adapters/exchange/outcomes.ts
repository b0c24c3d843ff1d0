// Rows taken whose reading is not over: remembered in work/, asked for again and again, until the error file is complete.
import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterContext, Outcome } from '../contract.ts';
import { setTail } from './error-file.ts';
import { type Folder, short, writeWhole } from './folder.ts';
import type { RowFault } from './row-errors.ts';

/** A row and the number it was taken under. */
export type NumberedRow = readonly [row: number, number: string];

/** What is remembered of one file. Holds no word of a citizen. */
interface Remembered {
  readonly v: 1;
  readonly errorFile: string;
  /** Bytes of the error file that were written at once. */
  readonly base: number;
  readonly takenAt: number;
  unread: NumberedRow[];
  faults: RowFault[];
}

type Asked = Pick<AdapterContext, 'progress' | 'now'>;

const SUFFIX = '.unread.json';
/** Rows are read much in their order, so behind so many unread ones there is little to find. */
const UNREAD_IN_A_ROW = 200;
/** The event loop gets its turn after so many answers. */
const AT_ONCE = 50;
const LOOK_AGAIN_MS = 250;

export interface Outcomes {
  /** Remembers a file's rows before it leaves in/. */
  remember(sum: string, file: { errorFile: string; base: number; rows: readonly NumberedRow[] }): Promise<void>;
  /** Asks for all, and again while some are unread and the time is not over. */
  settle(waitMs: number, signal: AbortSignal): Promise<void>;
  /** Rows whose reading is not over. */
  unread(): number;
}

/** Reads what an earlier process remembered. */
export async function openOutcomes(folder: Folder, context: Asked, giveUpMs: number): Promise<Outcomes> {
  const open = new Map<string, Remembered>();
  for (const name of await readdir(folder.work)) {
    if (name.endsWith(SUFFIX)) open.set(join(folder.work, name), await recalled(join(folder.work, name)));
  }

  async function ask(path: string, file: Remembered): Promise<void> {
    const { unread, faults } = await askAll(file.unread, context);
    const overdue = context.now() - file.takenAt > giveUpMs;
    const lost = overdue ? unread.map(row => stillUnread(row, giveUpMs)) : [];
    const found = [...faults, ...lost];
    if (unread.length === file.unread.length && lost.length === 0) return;
    file.unread = overdue ? [] : unread;
    if (found.length > 0) {
      file.faults = [...file.faults, ...found].sort((one, other) => one.row - other.row);
      await setTail(file.errorFile, file.base, file.faults);
    }
    if (file.unread.length > 0) return writeWhole(path, JSON.stringify(file));
    await unlink(path);
    open.delete(path);
  }

  return {
    async remember(sum, { errorFile, base, rows }) {
      if (rows.length === 0) return;
      const path = join(folder.work, `${short(sum)}${SUFFIX}`);
      const file: Remembered = { v: 1, errorFile, base, takenAt: context.now(), unread: [...rows], faults: [] };
      await writeWhole(path, JSON.stringify(file));
      open.set(path, file);
    },
    async settle(waitMs, signal) {
      const end = performance.now() + waitMs;
      for (;;) {
        for (const [path, file] of [...open]) {
          if (signal.aborted) return;
          await ask(path, file);
        }
        if (open.size === 0 || performance.now() >= end || signal.aborted) return;
        await sleep(Math.min(LOOK_AGAIN_MS, end - performance.now()), undefined, { signal }).catch(() => undefined);
      }
    },
    unread: () => [...open.values()].reduce((sum, file) => sum + file.unread.length, 0),
  };
}

async function recalled(path: string): Promise<Remembered> {
  return JSON.parse(await readFile(path, 'utf8')) as Remembered;
}

/** Asks row by row; stops where nothing seems to be read yet. */
export async function askAll(
  rows: readonly NumberedRow[],
  context: Pick<AdapterContext, 'progress'>,
): Promise<{ readonly unread: NumberedRow[]; readonly faults: RowFault[] }> {
  const unread: NumberedRow[] = [];
  const faults: RowFault[] = [];
  let inARow = 0;
  for (const [at, row] of rows.entries()) {
    if (inARow >= UNREAD_IN_A_ROW) return { unread: [...unread, ...rows.slice(at)], faults };
    if (at % AT_ONCE === AT_ONCE - 1) await new Promise(resolve => setImmediate(resolve));
    const progress = await context.progress(row[1]);
    // A number that nobody knows any more was purged, and has been read long ago.
    if (progress !== null && progress.outcome === null) {
      unread.push(row);
      inARow++;
      continue;
    }
    inARow = 0;
    const fault = progress === null ? null : faultOf(row, progress.outcome);
    if (fault !== null) faults.push(fault);
  }
  return { unread, faults };
}

function faultOf([row, number]: NumberedRow, outcome: Outcome | null): RowFault | null {
  if (outcome?.kind === 'quarantined') {
    return { code: 'exchange.quarantined', row, column: null, values: { number, reason: outcome.reason } };
  }
  if (outcome?.kind === 'not-an-appeal') {
    return { code: 'exchange.not_an_appeal', row, column: null, values: { number, reason: outcome.reason } };
  }
  return null;
}

function stillUnread([row, number]: NumberedRow, giveUpMs: number): RowFault {
  const hours = Math.round(giveUpMs / 3_600_000);
  return { code: 'exchange.still_unread', row, column: null, values: { number, hours } };
}
