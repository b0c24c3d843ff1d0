// The thread that does all writing: takes what every port has sent, writes it in one transaction, then answers all of it.
import type { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { StoreUnavailable } from '../errors.ts';
import { FILES_MOVED, failureOf, openWriting, watchFiles } from './connection.ts';
import { createContext } from './context.ts';
import { createGroupCommit } from './group-commit.ts';
import type { Batch, CheckpointDone, FromWriter, WriterOptions, WriterOrder, WriterReport } from './protocol.ts';
import { migrate, NewerStore } from './schema.ts';
import { endLeases } from './writes/admin.ts';
import { dropUnpublished, hasDropped, sweepDropped } from './writes/candidates.ts';
import { recoverEntries } from './writes/delivery.ts';

/** Pages of the log from which on the writer moves the last few itself, so that the log starts again at its beginning. */
const LOG_RESTART_PAGES = 6144;
/** So many left over count as few; above the second figure the writer moves them however many they are. */
const FEW_PAGES = 400;
const LOG_LIMIT_PAGES = 16_384;
const SWEEP_MS = 50;
/** Batches of all ports in one transaction, so that one commit never takes long. */
const BATCHES_AT_ONCE = 16;
/**
 * While originals keep coming, decisions wait so long to share a transaction with them: an original that comes meanwhile does
 * not wait for a commit of decisions alone, and there are fewer syncs for all.
 */
const PATIENCE_MS = 4;
const COMING_MS = 50;

interface Waiting {
  readonly port: MessagePort;
  readonly batch: Batch;
}

function serve(options: WriterOptions, control: MessagePort): void {
  const db = openWriting(options.folder, options.synchronous);
  if (options.maxBytes !== null) db.exec(`PRAGMA max_page_count = ${Math.ceil(options.maxBytes / 4096)}`);
  migrate(db, options.now);
  const context = createContext(db, options.auditKey, options.hash);
  const group = createGroupCommit(context);
  const recovery = group.inside(() => {
    recoverEntries(context, options.now);
    endLeases(context);
    dropUnpublished(context);
  });
  if (recovery !== null) throw new StoreUnavailable(recovery.code, recovery.message);
  const inPlace = watchFiles(options.folder);

  const waiting: Waiting[] = [];
  const ports = new Set<MessagePort>();
  const side = new Set<MessagePort>();
  let scheduled = false;
  let patient: NodeJS.Timeout | null = null;
  let originalsAt = Number.NEGATIVE_INFINITY;
  let sweeping: NodeJS.Timeout | null = null;
  let dropped = hasDropped(context);
  let closing = false;
  let broken = false;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(run);
  };

  function take(port: MessagePort, batch: Batch): void {
    waiting.push({ port, batch });
    const now = performance.now();
    if (batch.calls.includes('accept')) originalsAt = now;
    const only = batch.calls.every(call => call === 'commit');
    if (!only || now - originalsAt > COMING_MS) schedule();
    else patient ??= setTimeout(schedule, PATIENCE_MS);
  }

  function run(): void {
    scheduled = false;
    if (patient !== null) clearTimeout(patient);
    patient = null;
    const taken = waiting.splice(0, BATCHES_AT_ONCE);
    if (taken.length > 0 && !broken) commit(taken);
    if (waiting.length > 0) schedule();
    else if (closing) finish();
    else sweepLater();
  }

  function commit(taken: readonly Waiting[]): void {
    // A sweep of its own costs a sync of its own, which those who wait for theirs would wait for too.
    const { answers, news, fatal } = group.run(
      taken.map(({ batch }) => batch),
      dropped ? () => sweepDropped(context) : undefined,
    );
    if (fatal !== null || !inPlace()) {
      fail(fatal ?? FILES_MOVED);
      return;
    }
    dropped = hasDropped(context);
    const told = new Set<MessagePort>();
    for (const [place, { port, batch }] of taken.entries()) {
      told.add(port);
      // Kept here it would be garbage that only a collection of the whole heap gives back: several a second under load.
      const { bytes } = batch.packed;
      port.postMessage({ kind: 'done', answers: answers[place] ?? [], bytes, news } satisfies FromWriter, [bytes]);
    }
    if (!news.accepted && !news.outbox) return;
    for (const port of ports) if (!told.has(port)) send(port, { kind: 'news', news });
  }

  /** From here on nothing is written: what the disk holds is known only after the next start. */
  function fail({ code, message }: { readonly code: string; readonly message: string }): void {
    broken = true;
    for (const port of ports) send(port, { kind: 'fatal', code, message });
  }

  function sweepLater(): void {
    if (sweeping !== null) clearTimeout(sweeping);
    sweeping = !broken && !closing && dropped ? setTimeout(sweep, SWEEP_MS) : null;
  }

  /** Deletes dropped blocks a little at a time while nothing else is written. */
  function sweep(): void {
    sweeping = null;
    const failure = group.inside(() => sweepDropped(context));
    dropped = hasDropped(context);
    if (failure === null) sweepLater();
    else if (failure.fatal) fail(failure);
  }

  function checkpointed({ logPages, movedPages }: CheckpointDone): void {
    const left = logPages - movedPages;
    if (closing || broken || logPages < LOG_RESTART_PAGES || (left > FEW_PAGES && logPages < LOG_LIMIT_PAGES)) return;
    const failure = checkpoint(db, 'PASSIVE');
    if (failure?.fatal) fail(failure);
  }

  function finish(): void {
    if (sweeping !== null) clearTimeout(sweeping);
    if (!broken) checkpoint(db, 'TRUNCATE');
    db.close();
    for (const port of [...ports, ...side, control]) port.close();
  }

  function connect(port: MessagePort): void {
    ports.add(port);
    port.on('message', (batch: Batch) => take(port, batch));
    port.on('close', () => ports.delete(port));
  }

  control.on('message', (order: WriterOrder) => {
    if (order.kind === 'connect') return connect(order.port);
    if (order.kind === 'checkpoints') {
      side.add(order.port);
      order.port.on('message', checkpointed);
      return;
    }
    closing = true;
    schedule();
  });
  report(control, { kind: 'ready' });
  sweepLater();
}

function checkpoint(db: DatabaseSync, how: 'PASSIVE' | 'TRUNCATE') {
  try {
    db.exec(`PRAGMA wal_checkpoint(${how})`);
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

function send(port: MessagePort, message: FromWriter): void {
  port.postMessage(message);
}

function report(control: MessagePort, message: WriterReport): void {
  control.postMessage(message);
}

function refusal(error: unknown): WriterReport {
  if (error instanceof StoreUnavailable) return { kind: 'refused', code: error.code, message: error.message };
  if (error instanceof NewerStore) {
    const message = `数据由更新的版本建立，请升级本软件。 / The data was written by a newer version, upgrade this software. (${error.message})`;
    return { kind: 'refused', code: 'store.newer_schema', message };
  }
  const { code, message } = failureOf(error);
  return { kind: 'refused', code, message };
}

const control = parentPort;
if (control === null) throw new Error('the writer runs in a thread of its own');
try {
  serve(workerData as WriterOptions, control);
} catch (error) {
  report(control, refusal(error));
  control.close();
}
