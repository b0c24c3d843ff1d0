// The thread beside the writer: moves the log into the database, and answers reads that may take long.
import type { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { failureOf, openCheckpointing, openReading } from './connection.ts';
import { createLongReads } from './long-reads.ts';
import type { BackgroundOptions, CallAnswer, CheckpointDone, FromBackground, ToBackground } from './protocol.ts';
import { createStatements } from './statements.ts';

const LOOK_MS = 200;
/** Pages waiting in the log that are worth a checkpoint at once; fewer wait for the slow turn. */
const WORTH_PAGES = 2000;
/** Passes of one checkpoint, and what is little enough to end it. */
const PASSES = 4;
const FEW_PAGES = 200;
const SLOW_TURN_MS = 15_000;
const CACHE_KILOBYTES = 8192;

function serve(options: BackgroundOptions, control: MessagePort): void {
  const checkpoints = openCheckpointing(options.folder);
  const reading = openReading(options.folder, CACHE_KILOBYTES);
  const reads = createLongReads(createStatements(reading), options, options.folder);
  let last = performance.now();

  const look = (): void => {
    try {
      const { log, checkpointed } = walState(checkpoints, 'NOOP');
      const waiting = log - checkpointed;
      const due = waiting >= WORTH_PAGES || (waiting > 0 && performance.now() - last >= SLOW_TURN_MS);
      if (!due) return;
      const done = catchUp(checkpoints);
      last = performance.now();
      options.writer.postMessage({ logPages: done.log, movedPages: done.checkpointed } satisfies CheckpointDone);
    } catch (error) {
      // A full disk or a busy moment: the log stays whole and the next turn tries again. Anything worse ends the process.
      const { code, message, fatal } = failureOf(error);
      if (fatal || code === 'store.defect') send(control, { kind: 'fatal', code, message });
    }
  };
  const timer = setInterval(look, LOOK_MS);

  const answer = (name: keyof typeof reads, args: readonly unknown[]): CallAnswer => {
    try {
      return { value: (reads[name] as (...args: readonly unknown[]) => unknown)(...args) };
    } catch (error) {
      const { code, message } = failureOf(error);
      return { failed: { code, message } };
    }
  };

  control.on('message', (message: ToBackground) => {
    if (message.kind === 'read') {
      return send(control, { kind: 'answer', id: message.id, answer: answer(message.name, message.args) });
    }
    clearInterval(timer);
    checkpoints.close();
    reading.close();
    options.writer.close();
    control.close();
  });
  send(control, { kind: 'ready' });
}

interface WalState {
  readonly log: number;
  readonly checkpointed: number;
}

/** Each pass moves what was written during the one before, so that little is left for the writer to move itself. */
function catchUp(db: DatabaseSync): WalState {
  let state = walState(db, 'PASSIVE');
  for (let pass = 1; pass < PASSES && state.log - state.checkpointed > FEW_PAGES; pass++)
    state = walState(db, 'PASSIVE');
  return state;
}

function walState(db: DatabaseSync, how: 'NOOP' | 'PASSIVE'): WalState {
  return db.prepare(`PRAGMA wal_checkpoint(${how})`).get() as unknown as WalState;
}

function send(control: MessagePort, message: FromBackground): void {
  control.postMessage(message);
}

if (parentPort === null) throw new Error('the background thread is not started by itself');
serve(workerData as BackgroundOptions, parentPort);
