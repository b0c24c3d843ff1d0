// 迁移: moves everything from the embedded store into a MongoDB, goes on where it was cut off, and compares both row by row.
import { createHash } from 'node:crypto';
import { type KeyRing, macKey, verifyKeyCheck } from '../../store/key-ring.ts';
import { type MoveInto, openMoveInto } from '../../store/mongo/move-into.ts';
import { createPrint, MOST_ROWS, type MoveSource } from '../../store/moving.ts';
import { openSqliteStore, type SqliteStore } from '../../store/sqlite/engine.ts';
import { openMoveSource } from '../../store/sqlite/moving.ts';
import { DeskError } from '../desk/desk-error.ts';

export interface MoveOrder {
  /** Data folder of the embedded store; no gateway may run on it. It is left as it is. */
  readonly folder: string;
  readonly url: string;
  readonly identityUrl: string | null;
  /** The keys the embedded store was made with. */
  readonly ring: KeyRing;
  readonly by: string;
  readonly now: number;
  /** Rows read and written at once. */
  readonly rows: number;
  readonly signal: AbortSignal;
  progress(stage: 'moving' | 'comparing', done: number, total: number): void;
}

export interface MoveReport {
  readonly messages: number;
  readonly entries: number;
  readonly records: number;
  readonly blobs: number;
  /** Prints of all rows of each kind, the same on both engines. */
  readonly prints: Readonly<Record<string, string>>;
}

/** Record of a move in the store that was moved into; the one moved from has none. */
const MOVED = 'store.moved';
const isOfMove = (row: unknown): boolean => (row as { readonly action?: string }).action === MOVED;
const BLOCKS = 128;
const BUCKETS = 4096;

/** @throws DeskError `migrate.differs`; KeyError; StoreUnavailable of either engine, `store.move_not_empty` among them */
export async function moveStore(order: MoveOrder): Promise<MoveReport> {
  const { folder, ring, url, identityUrl } = order;
  const own = { auditKey: Buffer.from(macKey(ring, 'audit')), profile: ring.profile };
  const store = await openSqliteStore({ folder, ...own });
  try {
    // Before the target is touched: with other keys all of it would be copied, and only the audit chain would not fit.
    verifyKeyCheck(JSON.parse((await store.admin.meta('key-check')) ?? '{}') as Record<string, string>, ring);
    const source = openMoveSource(folder);
    const into = await openMoveInto({ url, identityUrl, ...own }, await nameOf(store));
    try {
      const done = await copyAll(order, store, source, into);
      const report = await compareAll(order, store, source, into);
      // Killed before the claim is gone it compares again and ends; the record is there once.
      await into.audit.append({ by: order.by, action: MOVED, on: ['sqlite', 'mongo'] }, order.now, 'moved');
      await into.rows.finish();
      return { ...report, blobs: done };
    } finally {
      await source.close();
      await into.rows.close();
    }
  } finally {
    await store.close();
  }
}

/** Names this store among all: by its keys and its first records. */
async function nameOf(store: SqliteStore): Promise<string> {
  const first = await store.admin.auditList(0, 1);
  const text = `${await store.admin.meta('key-check')} ${first[0]?.mac ?? ''}`;
  return createHash('sha256').update(text).digest('hex');
}

type Stage = 'messages' | 'entries' | 'records';
const STAGES: readonly Stage[] = ['messages', 'entries', 'records'];

const placeOf: Readonly<Record<Stage, (row: never) => number>> = {
  messages: (row: { readonly ordinal: number }) => row.ordinal,
  entries: (row: { readonly seq: number }) => row.seq,
  records: (row: { readonly seq: number }) => row.seq,
};

async function copyAll(order: MoveOrder, store: SqliteStore, source: MoveSource, into: MoveInto): Promise<number> {
  const counts = await source.counts();
  const names: string[] = [];
  for await (const name of source.blobs()) names.push(name);
  const total = counts.messages + counts.entries + counts.records + names.length;
  let done = 0;
  const moved = (n: number) => {
    order.signal.throwIfAborted();
    done += n;
    order.progress('moving', Math.min(done, total), total);
  };
  // Blobs first: a message's row never names one that is not there.
  for (const name of names) {
    const bytes = await store.blobs.get(name);
    if (bytes !== null) await into.blobs.put(name, bytes);
    moved(1);
  }
  const put = { messages: into.rows.putMessages, entries: into.rows.putEntries, records: into.rows.putRecords };
  const there = await into.rows.counts();
  for (const stage of STAGES) {
    for await (const rows of pagesOf(
      source,
      stage,
      order.rows,
      await resumeAfter(into, stage, order.rows, there[stage]),
    )) {
      await (put[stage] as (rows: readonly unknown[]) => Promise<void>)(rows);
      moved(rows.length);
    }
  }
  await into.rows.putNames(await source.names());
  await copyIndex(store, into);
  return names.length;
}

/** A page that was cut off may be there in part, so it is written again from its beginning, however large pages were then. */
async function resumeAfter(into: MoveInto, stage: Stage, atOnce: number, there: number): Promise<number> {
  const whole = there - MOST_ROWS;
  if (whole <= 0) return 0;
  let after = 0;
  let seen = 0;
  for await (const page of pagesOf(into.rows, stage, atOnce)) {
    seen += page.length;
    if (seen > whole) break;
    after = placeOf[stage](page.at(-1) as never);
  }
  return after;
}

async function* pagesOf(
  source: MoveSource,
  stage: Stage,
  atOnce: number,
  from = 0,
): AsyncGenerator<readonly unknown[]> {
  for (let after = from; ; ) {
    const rows: readonly unknown[] = await source[stage](after, atOnce);
    if (rows.length > 0) yield rows;
    if (rows.length < atOnce) return;
    after = placeOf[stage](rows.at(-1) as never);
  }
}

/** Ordinals stay what they are, so the blocks of the candidate index do too. */
async function copyIndex(store: SqliteStore, into: MoveInto): Promise<void> {
  const there = new Set((await into.candidates.segments()).map(segment => segment.id));
  const statistics = (await store.candidates.statistics()) ?? new Uint8Array(0);
  for (const segment of await store.candidates.segments()) {
    if (there.has(segment.id)) continue;
    for (let from = 0; from < BUCKETS; from += BLOCKS) {
      const wanted = Array.from({ length: BLOCKS }, (_, i) => ({ segment: segment.id, bucket: from + i }));
      const blocks = await store.candidates.blocks(wanted);
      const made = blocks.flatMap((bytes, i) => (bytes === null ? [] : [{ bucket: from + i, bytes }]));
      await into.candidates.writeBlocks(segment.id, made);
    }
    await into.candidates.publish(segment, [], statistics);
  }
}

async function compareAll(
  order: MoveOrder,
  store: SqliteStore,
  source: MoveSource,
  into: MoveInto,
): Promise<Omit<MoveReport, 'blobs'>> {
  const counts = await source.counts();
  const total = 2 * (counts.messages + counts.entries + counts.records);
  let done = 0;
  const prints: Record<string, string> = {};
  for (const stage of STAGES) {
    const both = [source, into.rows].map(async side => {
      const print = createPrint();
      for await (const rows of pagesOf(side, stage, order.rows)) {
        for (const row of rows) if (!isOfMove(row)) print.add(row);
        done += rows.length;
        order.progress('comparing', Math.min(done, total), total);
      }
      return print.done();
    });
    prints[stage] = same(stage, await Promise.all(both));
  }
  prints['names'] = same('names', await Promise.all([source, into.rows].map(printOfNames)));
  prints['blobs'] = same('blobs', [await printOfBlobs(source, store.blobs), await printOfBlobs(into.rows, into.blobs)]);
  if ((await into.audit.verify()).broken !== null) throw new DeskError('migrate.differs', { what: 'audit' });
  return { ...counts, prints };
}

function same(what: string, [a, b]: readonly string[]): string {
  if (a === undefined || a !== b) throw new DeskError('migrate.differs', { what });
  return a;
}

async function printOfNames(side: MoveSource): Promise<string> {
  const print = createPrint();
  print.add(await side.names());
  return print.done();
}

async function printOfBlobs(side: MoveSource, blobs: MoveInto['blobs']): Promise<string> {
  const print = createPrint();
  for await (const name of side.blobs()) {
    const bytes = await blobs.get(name);
    print.add([name, bytes === null ? null : createHash('sha256').update(bytes).digest('hex')]);
  }
  return print.done();
}
