// Lanes of the outbox. A lane is a queue: its earliest live entry is its head, and only heads and urgent entries are claimed.
// `head` is kept up by every step that adds an entry to a lane or takes one out.
import type { NewEntry } from '../../store.ts';
import { ordinalOf, type WriteContext } from '../context.ts';
import { lineOf, type OutboxLine } from '../entries.ts';
import { CREATED, DONE, DUE, ENTRY_KINDS, ENTRY_STATES, IN_FLIGHT, PARKED, VOID } from '../schema.ts';
import { many, one } from '../statements.ts';

/** Adds an entry to the end of its lane, or parks it; the same id again changes nothing. */
export function addEntry(context: WriteContext, entry: NewEntry, now: number): void {
  const { sql } = context;
  const message = knownOrdinal(context, entry.message);
  const ticket = entry.ticket === entry.message ? message : knownOrdinal(context, entry.ticket);
  const parked = entry.afterCreated && !createdDone(context, ticket);
  const state = parked ? PARKED : DUE;
  const head = !parked && (entry.urgent || laneIsFree(context, entry.lane));
  const seq = context.nextSeq();
  const { changes } = sql(
    `INSERT INTO outbox (seq, message, revision, kind, ticket, message_number, ticket_number, lane, urgent, head, state,
       due_at, not_before, after_created, attempts, claims, created_at, unknown)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, 0) ON CONFLICT(message, revision, kind) DO NOTHING`,
  ).run(
    seq,
    message,
    entry.revision,
    ENTRY_KINDS.indexOf(entry.kind),
    ticket,
    entry.message,
    entry.ticket === entry.message ? null : entry.ticket,
    entry.lane,
    Number(entry.urgent),
    Number(head),
    state,
    Math.max(entry.notBefore, now),
    entry.notBefore,
    Number(entry.afterCreated),
    now,
  );
  if (changes === 0) return;
  countState(context, state, 1);
  if (parked) return;
  context.lanes.add(entry.lane, seq);
  context.news.outbox = true;
}

function knownOrdinal(context: WriteContext, number: string): number {
  const ordinal = ordinalOf(context.sql, number);
  if (ordinal === undefined) throw new Error('an outbox entry about a message that is not in the store');
  return ordinal;
}

/** True when the latest created entry of the ticket has been answered. A created entry's message is its ticket. */
export function createdDone(context: WriteContext, ticket: number): boolean {
  const row = context
    .sql(
      `SELECT state FROM outbox WHERE message = ? AND kind = ${CREATED} AND state <> ${VOID} ORDER BY revision DESC LIMIT 1`,
    )
    .get(ticket);
  return one<{ state: number }>(row)?.state === DONE;
}

function laneIsFree(context: WriteContext, lane: string): boolean {
  return context.lanes.first(lane) === undefined;
}

/** Takes an entry out of its lane and makes the earliest one left its head. */
export function leaveLane(context: WriteContext, line: Pick<OutboxLine, 'lane' | 'seq'>): void {
  context.lanes.remove(line.lane, line.seq);
  const next = context.lanes.first(line.lane);
  if (next === undefined) return;
  const { changes } = context.sql('UPDATE outbox SET head = 1 WHERE seq = ? AND head = 0').run(next);
  if (changes > 0) context.news.outbox = true;
}

export function countState(context: WriteContext, state: number, delta: number): void {
  context.count(`outbox.${ENTRY_STATES[state]}`, delta);
}

export function countMove(context: WriteContext, from: number, to: number): void {
  countState(context, from, -1);
  countState(context, to, 1);
}

/** False when the entry is under way or delivered already, so that it can no longer be made void. */
export function canVoid(context: WriteContext, id: string): boolean {
  const line = lineOf(context.sql, id);
  return line === undefined || (line.state !== IN_FLIGHT && line.state !== DONE);
}

export function voidEntry(context: WriteContext, id: string, cause: string): void {
  const line = lineOf(context.sql, id);
  if (line !== undefined && line.state !== VOID) makeVoid(context, line, cause);
}

function makeVoid(context: WriteContext, line: OutboxLine, cause: string): void {
  context.sql(`UPDATE outbox SET state = ${VOID}, head = 0, cause = ? WHERE seq = ?`).run(cause, line.seq);
  countMove(context, line.state, VOID);
  if (line.state === DUE) leaveLane(context, line);
}

/** Makes parked notices void when no created entry of their ticket will ever let them in. */
export function dropOrphans(context: WriteContext, ticket: number, cause: string): void {
  const { sql } = context;
  const created = sql(`SELECT 1 FROM outbox WHERE message = ? AND kind = ${CREATED} AND state <> ${VOID} LIMIT 1`).get(
    ticket,
  );
  if (created !== undefined) return;
  for (const line of parkedOf(context, ticket)) makeVoid(context, line, cause);
}

function parkedOf(context: WriteContext, ticket: number): OutboxLine[] {
  return many<OutboxLine>(
    context.sql(`SELECT * FROM outbox WHERE ticket = ? AND state = ${PARKED} ORDER BY seq`).all(ticket),
  );
}

/** Parked notices of a ticket join the ends of their lanes, in the order they came. */
export function letNoticesIn(context: WriteContext, ticket: number, now: number): void {
  for (const line of parkedOf(context, ticket)) {
    toEnd(context, line, Math.max(line.not_before, now));
    countMove(context, PARKED, DUE);
  }
}

/** Puts an entry that is not live to the end of its lane, due at a time. */
export function toEnd(context: WriteContext, line: OutboxLine, dueAt: number): void {
  const head = line.urgent === 1 || laneIsFree(context, line.lane);
  const seq = context.nextSeq();
  context
    .sql(`UPDATE outbox SET seq = ?, state = ${DUE}, head = ?, due_at = ? WHERE seq = ?`)
    .run(seq, Number(head), dueAt, line.seq);
  context.lanes.add(line.lane, seq);
  context.news.outbox = true;
}

/** Entries of a message that waited for its attachments need wait no longer. */
export function stopWaiting(context: WriteContext, message: number, now: number): void {
  const { sql } = context;
  sql(`UPDATE outbox SET not_before = ? WHERE message = ? AND state = ${PARKED} AND not_before > ?`).run(
    now,
    message,
    now,
  );
  const { changes } = sql(
    `UPDATE outbox SET due_at = ?, not_before = ? WHERE message = ? AND state = ${DUE} AND attempts = 0 AND not_before > ?`,
  ).run(now, now, message, now);
  if (changes > 0) context.news.outbox = true;
}
