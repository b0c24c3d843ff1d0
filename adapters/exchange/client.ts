// The channel: looks into in/, takes files that stand still, and lets go of each only when its rows are durable.
import { hash } from 'node:crypto';
import { readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterContext, ImportCall, ImportReport, OpenChannel, Original } from '../contract.ts';
import { errorFile, setTail } from './error-file.ts';
import { roomyName } from './file-names.ts';
import {
  claim,
  claimed,
  codeOf,
  exists,
  type Folder,
  freePath,
  lyingIn,
  onDisk,
  openFolder,
  prune,
  readWhole,
  short,
  sumOf,
  type Waiting,
  writeWhole,
} from './folder.ts';
import { createLeftLying, type LeftLying } from './left-lying.ts';
import { askAll, type Outcomes, openOutcomes } from './outcomes.ts';
import { claimFolder } from './owner.ts';
import type { RowFault } from './row-errors.ts';
import type { ExchangeSettings } from './settings.ts';
import { type Taken, takeRows } from './taking.ts';
import { createUnwritten, type Unwritten } from './unwritten.ts';
import { watchFolder } from './watching.ts';

type Context = AdapterContext<ExchangeSettings>;

const MEGABYTE = 1024 * 1024;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A longer standstill is not waited for within one look; the next looks see it. */
const WAIT_WITHIN_LOOK_S = 30;
const LOOK_AGAIN_MS = 250;

export async function openClient(context: Context): Promise<OpenChannel> {
  const { settings } = context;
  const base = settings.folder;
  const folder = await openFolder(base);
  await onDisk(base, () => claimFolder(folder, base, context.channel));
  const outcomes = await onDisk(base, () => openOutcomes(folder, context, settings.giveUpHours * HOUR_MS));
  const unwritten = createUnwritten(context);
  const left = createLeftLying(context);
  const still = standingStill(context, folder, unwritten, left);
  let turn: Promise<unknown> = Promise.resolve();

  /** @returns milliseconds until a file that is being written may stand still; 0 when there is none */
  async function look(signal: AbortSignal): Promise<number> {
    await openFolder(base);
    await finishClaimed(context, folder);
    await outcomes.settle(0, signal);
    const { ready, missing } = await still(signal);
    for (const file of ready) {
      if (signal.aborted) return 0;
      await ownFault(left, file, () => takeFile(context, { folder, outcomes, unwritten }, file));
    }
    await outcomes.settle(settings.waitSeconds * 1000, signal);
    if (settings.doneDays > 0) await prune(folder, context.now(), settings.doneDays * DAY_MS);
    return missing;
  }

  /** The poll and the watch must not take the same file at once. */
  function inTurn(signal: AbortSignal): Promise<number> {
    const mine = turn.then(() => (signal.aborted ? 0 : look(signal)));
    turn = mine.catch(() => undefined);
    return mine;
  }

  return {
    poll: signal => onDisk(base, async () => void (await inTurn(signal))),
    listen: signal => onDisk(base, () => watchFolder(folder.inbox, inTurn, signal)),
    importFile: (path, call) => importFile(context, path, call),
    check: () => onDisk(base, () => check(base, outcomes, unwritten)),
    notes: () => [...unwritten.notes(), ...left.notes()],
    close: async () => undefined,
  };
}

/** One file that may not be read, or not be moved away, must not hold up the others; it is told of once, and stays. */
async function ownFault(left: LeftLying, file: Waiting, take: () => Promise<void>): Promise<void> {
  try {
    await take();
    left.taken(file.name);
  } catch (error) {
    if (!isAboutFile(error, file.path)) throw error;
    left.refused(file.name);
  }
}

/** Where another program has it open, or it is somebody else's in a folder for all, it can be read and not be moved; where the
 *  folder has no rights that says so by another code. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  open: ['EACCES', 'EPERM', 'EBUSY'],
  rename: ['EPERM', 'EBUSY'],
};

function isAboutFile(error: unknown, file: string | Buffer): boolean {
  if (!(error instanceof Error && 'path' in error && 'syscall' in error)) return false;
  const codes = REFUSED[String(error.syscall)] ?? [];
  return String(error.path) === String(file) && codes.includes(codeOf(error));
}

/** Files whose size and times have not changed for the time the settings name. */
function standingStill({ settings }: Context, folder: Folder, unwritten: Unwritten, left: LeftLying) {
  const seen = new Map<string, { readonly mark: string; readonly since: number }>();
  const needed = settings.stableSeconds * 1000;

  async function still(): Promise<{ ready: Waiting[]; missing: number }> {
    const lying = await lyingIn(folder);
    left.strays(lying.strays);
    left.only(lying.files);
    const files = unwritten.written(lying.files);
    const now = performance.now();
    const names = new Set(files.map(({ name }) => name));
    for (const name of seen.keys()) if (!names.has(name)) seen.delete(name);
    const ready: Waiting[] = [];
    let missing = 0;
    for (const file of files) {
      const known = seen.get(file.name);
      if (known?.mark !== file.mark) seen.set(file.name, { mark: file.mark, since: now });
      const left = known?.mark === file.mark ? needed - (now - known.since) : needed;
      if (left <= 0) ready.push(file);
      else missing = Math.max(missing, left);
    }
    return { ready, missing };
  }

  return async (signal: AbortSignal): Promise<{ readonly ready: readonly Waiting[]; readonly missing: number }> => {
    const first = await still();
    if (first.missing === 0 || needed > WAIT_WITHIN_LOOK_S * 1000) return first;
    // A timer leaves out what is less than a millisecond, and may be early by as much.
    await sleep(Math.ceil(first.missing) + 1, undefined, { signal }).catch(() => undefined);
    return signal.aborted ? { ready: [], missing: 0 } : still();
  };
}

function containerOf(name: string, sum: string, body: Uint8Array): Original {
  return { platformId: sum, sender: null, body, mediaType: 'application/octet-stream', meta: { file: name } };
}

interface Place {
  readonly folder: Folder;
  readonly outcomes: Outcomes;
  readonly unwritten: Unwritten;
}

/** Read, taken, told of; only then it leaves in/. One with nothing in it is no file yet, and stays. */
async function takeFile(context: Context, { folder, outcomes, unwritten }: Place, file: Waiting): Promise<void> {
  const { settings, log } = context;
  if (file.size > settings.maxFileMegabytes * MEGABYTE) return setAside(context, folder, file);
  const bytes = await readWhole(file);
  if (bytes === null) return log.info('exchange.changed_while_read');
  const sum = await sumOf(bytes);
  const errorPath = join(folder.errors, `${roomyName(file.name)}.${short(sum)}.errors.csv`);
  const errors = errorFile(errorPath);
  const known = await receiptOf(context, folder, sum);
  if (known !== null) {
    log.info('exchange.seen_before', { sum: short(sum) });
    // One that a crash left in in/ came once only. What was wrong with a file then stands there still, and is worth more.
    if (known.left && !(await exists(errorPath))) {
      await errors.add({ code: 'exchange.seen_before', row: 0, column: null });
      await errors.finish();
    }
    return leave(context, folder, file, { sum, broken: false, bytes });
  }
  let taken: Taken;
  try {
    taken = await takeRows(context, containerOf(file.name, sum, bytes), errors, () => undefined);
  } catch (error) {
    await errors.drop();
    throw error;
  }
  if (taken.broken === 'exchange.empty_file') {
    await errors.drop();
    return unwritten.add(file);
  }
  const base = await errors.finish();
  await outcomes.remember(sum, { errorFile: errorPath, base, rows: taken.rows });
  if (taken.broken === null) await writeReceipt(context, folder, sum, taken);
  const { fresh, redelivered, faults, broken } = taken;
  const values = { sum: short(sum), fresh, redelivered, faults };
  if (broken === null) log.info('exchange.file_taken', values);
  else log.warn('exchange.file_broken', { ...values, reason: broken });
  await leave(context, folder, file, { sum, broken: broken !== null, bytes });
}

/** Too large to be read at all: it goes to errors/ unread. */
async function setAside({ settings, log }: Context, folder: Folder, file: Waiting): Promise<void> {
  const target = await freePath(join(folder.errors, roomyName(file.name)));
  const errors = errorFile(`${target}.errors.csv`);
  const values = { most: settings.maxFileMegabytes };
  await errors.add({ code: 'exchange.file_too_large', row: 0, column: null, values });
  await errors.finish();
  await rename(file.path, target);
  log.warn('exchange.file_broken', { reason: 'exchange.file_too_large', fresh: 0, redelivered: 0, faults: 0 });
}

/** What is remembered of a file whose rows are durable. */
interface Receipt {
  readonly at: number;
  readonly mapping: string;
  readonly fresh: number;
  readonly redelivered: number;
  readonly faults: number;
  /** It is out of in/. */
  readonly left: boolean;
}

/** Known by its content, and under the same mapping: after a change of the mapping rows sent back may be right. */
async function receiptOf(context: Context, folder: Folder, sum: string): Promise<Receipt | null> {
  try {
    const kept = JSON.parse(await readFile(receiptPath(folder, sum), 'utf8')) as Partial<Receipt>;
    // Those of earlier versions say nothing of it.
    const receipt = { left: true, ...kept } as Receipt;
    return receipt.mapping === mappingSum(context.settings) ? receipt : null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

const receiptPath = ({ seen }: Folder, sum: string): string => join(seen, `${sum}.json`);

function mappingSum(settings: ExchangeSettings): string {
  const { columns, values, ignoreColumns, sheet, encoding, delimiter, maxRows, maxInflatedMegabytes } = settings;
  const mapping = { columns, values, ignoreColumns, sheet, encoding, delimiter, maxRows, maxInflatedMegabytes };
  return short(hash('sha256', JSON.stringify(mapping), 'hex'));
}

async function writeReceipt(context: Context, folder: Folder, sum: string, taken: Taken): Promise<void> {
  const { fresh, redelivered, faults } = taken;
  const mapping = mappingSum(context.settings);
  const receipt: Receipt = { at: context.now(), mapping, fresh, redelivered, faults, left: false };
  await writeWhole(receiptPath(folder, sum), JSON.stringify(receipt));
}

interface Leaving {
  readonly sum: string;
  readonly broken: boolean;
  readonly bytes: Uint8Array;
}

/** Out of in/, unless another file has taken its name meanwhile, which is then looked at anew. */
async function leave(context: Context, folder: Folder, file: Waiting, leaving: Leaving): Promise<void> {
  const path = await claim(folder, file, leaving.sum);
  if (path === null) return context.log.info('exchange.changed_while_read');
  await dispose(context, folder, { path, name: file.name }, leaving);
}

async function dispose(
  context: Context,
  folder: Folder,
  { path, name }: { readonly path: string; readonly name: string },
  { sum, broken, bytes }: Leaving,
): Promise<void> {
  const receipt = await receiptOf(context, folder, sum);
  const { done } = context.settings;
  if (broken) await rename(path, await freePath(join(folder.errors, roomyName(name))));
  else if (done === 'keep') await rename(path, await freePath(join(folder.done, roomyName(name))));
  else {
    if (done === 'seal')
      await writeWhole(join(folder.done, `${roomyName(name)}.${short(sum)}.sealed`), await context.seal(bytes));
    await unlink(path);
  }
  if (receipt?.left === false) await writeWhole(receiptPath(folder, sum), JSON.stringify({ ...receipt, left: true }));
}

/** What a crash left half-way: if it is what was taken, it goes on to its end, else back to in/. */
async function finishClaimed(context: Context, folder: Folder): Promise<void> {
  for (const { path, name, sum } of await claimed(folder)) {
    const bytes = await readFile(path);
    const whole = await sumOf(bytes);
    if (short(whole) !== sum) await rename(path, await freePath(join(folder.inbox, name)));
    else {
      const broken = (await receiptOf(context, folder, whole)) === null;
      await dispose(context, folder, { path, name }, { sum: whole, broken, bytes });
    }
  }
}

/** By hand: the same way for one file that stays where it is, its error file beside it. */
async function importFile(context: Context, path: string, call: ImportCall): Promise<ImportReport> {
  const most = context.settings.maxFileMegabytes;
  const errorPath = `${path}.errors.csv`;
  const errors = errorFile(errorPath);
  const { size } = await stat(path);
  if (size > most * MEGABYTE) {
    await errors.add({ code: 'exchange.file_too_large', row: 0, column: null, values: { most } });
    await errors.finish();
    return { ...NOTHING, broken: 'exchange.file_too_large', errorFile: errorPath };
  }
  const bytes = await readFile(path);
  const container = containerOf(basename(path), await sumOf(bytes), bytes);
  let taken: Taken;
  try {
    taken = await takeRows(context, container, errors, rows => call.step('taken', rows, null));
  } catch (error) {
    await errors.drop();
    throw error;
  }
  const base = await errors.finish();
  const read = await readingOf(context, taken, call);
  await setTail(errorPath, base, read.faults);
  return {
    rows: taken.rows.length + taken.faults,
    fresh: taken.fresh,
    redelivered: taken.redelivered,
    sentBack: taken.faults,
    notTickets: read.faults.length,
    unread: read.unread,
    broken: taken.broken,
    errorFile: base > 0 || read.faults.length > 0 ? errorPath : null,
  };
}

const NOTHING = { rows: 0, fresh: 0, redelivered: 0, sentBack: 0, notTickets: 0, unread: 0 } as const;

/** Asks what became of the rows until all are read or the caller's time is over. */
async function readingOf(context: Context, { rows }: Taken, { waitMs, signal, step }: ImportCall) {
  const end = performance.now() + waitMs;
  const faults: RowFault[] = [];
  let left = [...rows];
  for (;;) {
    const { unread, faults: found } = await askAll(left, context);
    left = unread;
    faults.push(...found);
    step('read', rows.length - left.length, rows.length);
    if (left.length === 0 || performance.now() >= end || signal.aborted) break;
    await sleep(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
  faults.sort((one, other) => one.row - other.row);
  return { faults, unread: left.length };
}

async function check(
  base: string,
  outcomes: Outcomes,
  unwritten: Unwritten,
): Promise<{ readonly zh: string; readonly en: string }> {
  const folder = await openFolder(base);
  const probe = join(folder.work, `check-${process.pid}`);
  await writeWhole(probe, '');
  await unlink(probe);
  const { files: waiting, strays } = await lyingIn(folder);
  unwritten.written(waiting);
  const empty = unwritten.count();
  const unread = outcomes.unread();
  const [zh, en] =
    empty === 0 ? ['', ''] : [`（其中 ${empty} 个是空的，等待写入）`, ` (${empty} of them empty, waited for)`];
  const [lyingZh, lyingEn] =
    strays === 0
      ? ['', '']
      : [`;另有 ${strays} 个子文件夹或链接,不会收`, `; ${strays} folders or links there are not taken`];
  return {
    zh: `文件夹可用;in/ 中有 ${waiting.length} 个文件${zh},${unread} 行尚在研读${lyingZh}`,
    en: `the folder can be used; ${waiting.length} files in in/${en}, ${unread} rows still being read${lyingEn}`,
  };
}
