// One transaction for many callers: either all of it is durable and everybody is answered, or nothing is.

import { type Failure, failureOf } from './connection.ts';
import type { WriteContext } from './context.ts';
import { Unpacker, unpackAccept, unpackCommit } from './packing.ts';
import type { Batch, Call, CallAnswer, News, WriteCalls, WriteName } from './protocol.ts';
import { putChannel, removeChannel, setNamed, settleAttachment, takeLease } from './writes/admin.ts';
import { publishSegment, replaceBlocks, writeBlocks } from './writes/candidates.ts';
import { commitRows } from './writes/decisions.ts';
import { beginEntry, claimEntries, failEntry, finishEntry, reclaimEntries, replayEntries } from './writes/delivery.ts';
import { moveIncident } from './writes/incidents.ts';
import { acceptRows, countAttempts, readAgain } from './writes/messages.ts';
import { holdNumber, rewrapKeys, shredMessages, unholdNumber, untieMessages } from './writes/retention.ts';
import { addEvent } from './writes/tickets.ts';

export interface GroupAnswer {
  /** Per batch, per call. */
  readonly answers: readonly (readonly CallAnswer[])[];
  readonly news: News;
  readonly fatal: { readonly code: string; readonly message: string } | null;
}

export interface GroupCommit {
  /** @param also housekeeping in the same transaction; left out where a call fails, so it must be due again later. */
  run(batches: readonly Batch[], also?: () => void): GroupAnswer;
  /** Housekeeping in a transaction of its own; answers why it failed, or null. */
  inside(step: () => void): Failure | null;
}

const QUIET: News = { accepted: false, outbox: false };
const SECONDS_KEPT = 1024;

export function createGroupCommit(context: WriteContext): GroupCommit {
  const seconds: number[] = [];
  const handlers = createHandlers(context, seconds);

  /** All calls of a batch; `guard` decides what a failing one means for the others. */
  const each = (batch: Batch, guard: (step: () => unknown) => CallAnswer): CallAnswer[] => {
    const unpacker = new Unpacker(batch.packed);
    return batch.calls.map(call => {
      const step = prepare(context, handlers, call, unpacker);
      return guard(step);
    });
  };

  const transaction = (
    batches: readonly Batch[],
    guard: (step: () => unknown) => CallAnswer,
    also?: () => void,
  ): GroupAnswer => {
    const started = performance.now();
    context.refused.clear();
    context.db.exec('BEGIN IMMEDIATE');
    const answers = batches.map(batch => each(batch, guard));
    also?.();
    context.settle();
    context.db.exec('COMMIT');
    if (batches.some(writes)) keepSeconds(seconds, (performance.now() - started) / 1000);
    return { answers, news: takeNews(context), fatal: null };
  };

  /** Answers null where a single step failed, so that the others can be tried without it. */
  const attempt = (...steps: Parameters<typeof transaction>): GroupAnswer | Failure => {
    const undo = context.mark();
    try {
      return transaction(...steps);
    } catch (error) {
      const failure = failureOf(error);
      if (!failure.fatal) rollBack(context);
      undo();
      return failure;
    }
  };

  return {
    run: (batches, also) => {
      const quick = attempt(batches, step => ({ value: step() }), also);
      if ('answers' in quick) return quick;
      const careful = quick.whole ? quick : attempt(batches, step => savepoint(context, step));
      return 'answers' in careful ? careful : refuseAll(batches, careful);
    },
    inside: step => {
      const undo = context.mark();
      try {
        context.db.exec('BEGIN IMMEDIATE');
        step();
        context.settle();
        context.db.exec('COMMIT');
        return null;
      } catch (error) {
        rollBack(context);
        undo();
        const failure = failureOf(error);
        if (failure.fatal) throw error;
        return failure;
      }
    },
  };
}

/** A batch that only asks for figures is no commit. */
function writes(batch: Batch): boolean {
  return batch.calls.some(call => typeof call === 'string' || call.name !== 'commitSeconds');
}

function keepSeconds(seconds: number[], taken: number): void {
  if (seconds.length === SECONDS_KEPT) seconds.shift();
  seconds.push(taken);
}

function takeNews(context: WriteContext): News {
  const news = { ...context.news };
  Object.assign(context.news, QUIET);
  return news;
}

function rollBack(context: WriteContext): void {
  // A full disk may have ended the transaction already.
  if (context.db.isTransaction) context.db.exec('ROLLBACK');
}

function refuseAll(batches: readonly Batch[], failure: Failure): GroupAnswer {
  const { code, message, fatal } = failure;
  const answer: CallAnswer = { failed: { code, message } };
  return {
    answers: batches.map(batch => batch.calls.map(() => answer)),
    news: QUIET,
    fatal: fatal ? { code, message } : null,
  };
}

/** Runs one call so that its failure undoes it alone. Only after a first try without, since it costs two statements. */
function savepoint(context: WriteContext, step: () => unknown): CallAnswer {
  const { db } = context;
  const undo = context.mark();
  db.exec('SAVEPOINT call');
  try {
    const value = step();
    db.exec('RELEASE call');
    return { value };
  } catch (error) {
    const failure = failureOf(error);
    if (failure.whole) throw error;
    db.exec('ROLLBACK TO call; RELEASE call');
    undo();
    return { failed: { code: failure.code, message: failure.message } };
  }
}

type Handlers = { readonly [K in WriteName]: (...args: Parameters<WriteCalls[K]>) => ReturnType<WriteCalls[K]> };

/** Reads the packed values now, in the order of the calls, whether or not the step is run. */
function prepare(context: WriteContext, handlers: Handlers, call: Call, unpacker: Unpacker): () => unknown {
  if (call === 'accept') {
    const { rows, cursor } = unpackAccept(unpacker);
    return () => acceptRows(context, rows, cursor);
  }
  if (call === 'commit') {
    const { rows, fence } = unpackCommit(unpacker);
    return () => commitRows(context, rows, fence);
  }
  const handler = handlers[call.name] as (...args: readonly unknown[]) => unknown;
  return () => handler(...call.args);
}

/** Audit records of steps that carry no time are dated by this thread's clock. */
function createHandlers(context: WriteContext, seconds: number[]): Handlers {
  return {
    attempted: numbers => countAttempts(context, numbers),
    reread: (number, by) => readAgain(context, number, by, Date.now()),
    writeBlocks: (segment, blocks) => writeBlocks(context, segment, blocks),
    publish: (segment, replaces, statistics) => publishSegment(context, segment, replaces, statistics),
    replaceBlocks: (segment, blocks) => replaceBlocks(context, segment, blocks),
    claim: (now, limit, leaseMs, queued) => claimEntries(context, now, limit, leaseMs, queued),
    begin: (id, now, leaseMs) => beginEntry(context, id, now, leaseMs),
    finish: (id, token, answer) => finishEntry(context, id, token, answer),
    fail: (id, token, failure) => failEntry(context, id, token, failure),
    reclaim: now => reclaimEntries(context, now),
    replay: (filter, now, by) => replayEntries(context, filter, now, by),
    addEvent: (event, outbox, audit) => addEvent(context, event, outbox, audit),
    moveIncident: change => moveIncident(context, change),
    putChannel: (row, audit, seen) => putChannel(context, row, audit, seen, Date.now()),
    removeChannel: (id, audit) => removeChannel(context, id, audit, Date.now()),
    lease: (name, owner, now, ttlMs) => takeLease(context, name, owner, now, ttlMs),
    audit: (note, now) => {
      context.audit.append(note, now);
      return null;
    },
    setMeta: (name, value, seen) => setNamed(context, name, value, seen),
    settleAttachment: (row, now) => settleAttachment(context, row, now),
    shred: (items, audit, now) => shredMessages(context, items, audit, now),
    untie: rows => untieMessages(context, rows),
    hold: (number, reason, audit, now) => holdNumber(context, { number, reason, audit, now }),
    unhold: (number, audit, now) => unholdNumber(context, number, audit, now),
    rewrap: rows => rewrapKeys(context, rows),
    commitSeconds: () => seconds.splice(0),
  };
}
