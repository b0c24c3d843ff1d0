// Delivery of outbox entries: claimed under a token, then finished, failed, taken back or replayed.
import type { AuditNote, EntryFilter, OutboxStore } from '../../store.ts';
import type { WriteContext } from '../context.ts';
import {
  CLAIMED_COLUMNS,
  type ClaimedLine,
  entryConditions,
  idOf,
  lineOf,
  type OutboxLine,
  partsOf,
} from '../entries.ts';
import { CREATED, DEAD, DONE, DUE, IN_FLIGHT, PARKED } from '../schema.ts';
import { inColumns, many, one } from '../statements.ts';
import { countMove, countState, createdDone, leaveLane, letNoticesIn, toEnd } from './lanes.ts';
import { markDispatched } from './tickets.ts';

const READY = `SELECT seq FROM outbox WHERE head = 1 AND state = ${DUE} AND urgent = ? AND due_at <= ? ORDER BY due_at, seq LIMIT ?`;

/** Claims are counted; below zero while the entry lies in a queue and nobody has begun with it. */
const CLAIMED = 'claims = abs(claims) + 1';
const QUEUED = 'claims = -abs(claims) - 1';
const BEGUN = '(claims > 0)';

export function claimEntries(
  context: WriteContext,
  now: number,
  limit: number,
  leaseMs: number,
  queued: boolean,
): ClaimedLine[] {
  const claim = inColumns(
    context.sql(
      `UPDATE outbox SET state = ${IN_FLIGHT}, ${queued ? QUEUED : CLAIMED}, lease_until = ?
       WHERE seq IN (${READY}) RETURNING ${CLAIMED_COLUMNS}`,
    ),
  );
  const claimed = (urgent: number, most: number) =>
    inTurn(many<ClaimedLine>(claim.all(now + leaseMs, urgent, now, most)));
  const urgent = claimed(1, limit);
  const lines = urgent.length < limit ? [...urgent, ...claimed(0, limit - urgent.length)] : urgent;
  countClaims(context, lines.length);
  return lines;
}

/** What is claimed together comes back in the order in which it lies, which need not be that in which it became due. */
function inTurn(lines: ClaimedLine[]): ClaimedLine[] {
  return lines.sort(([seq, dueAt], [otherSeq, otherDueAt]) => dueAt - otherDueAt || seq - otherSeq);
}

export function beginEntry(context: WriteContext, id: string, now: number, leaseMs: number): ClaimedLine | null {
  const found = lineOf(context.sql, id);
  if (found === undefined) return null;
  const begin = inColumns(
    context.sql(
      `UPDATE outbox SET ${CLAIMED}, lease_until = ?
       WHERE seq = ? AND state = ${IN_FLIGHT} AND NOT ${BEGUN} AND lease_until > ? RETURNING ${CLAIMED_COLUMNS}`,
    ),
  );
  return one<ClaimedLine>(begin.get(now + leaseMs, found.seq, now)) ?? null;
}

function countClaims(context: WriteContext, claimed: number): void {
  countState(context, DUE, -claimed);
  countState(context, IN_FLIGHT, claimed);
}

/** `seq.claims`, as it was given with a claim; null for anything else. */
function placeOf(token: string): { readonly seq: number; readonly claims: number } | null {
  const [seq, claims] = token.split('.').map(Number) as [number, number | undefined];
  return Number.isSafeInteger(seq) && Number.isSafeInteger(claims) ? { seq, claims: claims as number } : null;
}

/** The row a token was given for, if it is still in force: a later claim, a reclaim or an end has made it stale. */
function leased(context: WriteContext, id: string, token: string): OutboxLine | undefined {
  const place = placeOf(token);
  if (place === null) return undefined;
  const row = context
    .sql(`SELECT * FROM outbox WHERE seq = ? AND claims = ? AND state = ${IN_FLIGHT}`)
    .get(place.seq, place.claims);
  const line = one<OutboxLine>(row);
  return line !== undefined && idOf(line) === id ? line : undefined;
}

type Finish = Parameters<OutboxStore['finish']>;
type Fail = Parameters<OutboxStore['fail']>;

export function finishEntry(
  context: WriteContext,
  id: Finish[0],
  token: Finish[1],
  answer: Finish[2],
): 'finished' | 'lost-lease' {
  const place = placeOf(token);
  const parts = partsOf(id);
  if (place === null || parts === null) return 'lost-lease';
  const { at, caseNumber } = answer;
  // As `leased` finds it, in the same statement.
  const finish = inColumns(
    context.sql(
      `UPDATE outbox SET state = ${DONE}, head = 0, attempts = attempts + 1, lease_until = NULL, finished_at = ?, case_number = ?
       WHERE seq = ? AND claims = ? AND state = ${IN_FLIGHT} AND message_number = ? AND revision = ? AND kind = ?
       RETURNING lane, ticket`,
    ),
  );
  const row = finish.get(at, caseNumber, place.seq, place.claims, parts.message, parts.revision, parts.kind);
  const found = one<readonly [lane: string, ticket: number]>(row);
  if (found === undefined) return 'lost-lease';
  const [lane, ticket] = found;
  countMove(context, IN_FLIGHT, DONE);
  leaveLane(context, { lane, seq: place.seq });
  if (parts.kind === CREATED) {
    markDispatched(context, ticket, at, caseNumber);
    letNoticesIn(context, ticket, at);
  }
  return 'finished';
}

export function failEntry(
  context: WriteContext,
  id: Fail[0],
  token: Fail[1],
  failure: Fail[2],
): 'failed' | 'lost-lease' {
  const line = leased(context, id, token);
  if (line === undefined) return 'lost-lease';
  const dead = failure.retryAt === null;
  context
    .sql(
      `UPDATE outbox SET state = ?, head = ?, due_at = ?, attempts = attempts + ?, lease_until = NULL, cause = ?, unknown = ?
       WHERE seq = ?`,
    )
    .run(
      dead ? DEAD : DUE,
      dead ? 0 : line.head,
      failure.retryAt ?? line.due_at,
      failure.counted === false ? 0 : 1,
      failure.cause,
      Number(failure.unknown),
      line.seq,
    );
  countMove(context, IN_FLIGHT, dead ? DEAD : DUE);
  if (dead) leaveLane(context, line);
  context.news.outbox = true;
  return 'failed';
}

/** Who only lay in a queue has had no attempt that could have ended without an answer. */
const RETURNED = `unknown = max(unknown, ${BEGUN}), attempts = attempts + ${BEGUN}, lease_until = NULL`;

/** Leases that ran out. */
export function reclaimEntries(context: WriteContext, now: number): number {
  const { changes } = context
    .sql(`UPDATE outbox SET state = ${DUE}, due_at = ?, ${RETURNED} WHERE state = ${IN_FLIGHT} AND lease_until <= ?`)
    .run(now, now);
  return putBack(context, Number(changes));
}

/** At the start of a process nothing can be under way: what was, was in the hands of one that died. */
export function recoverEntries(context: WriteContext, now: number): number {
  const { changes } = context.sql(`UPDATE outbox SET state = ${DUE}, ${RETURNED} WHERE state = ${IN_FLIGHT}`).run();
  shortenWaits(context, now);
  return putBack(context, Number(changes));
}

/** Longer than any wait for another attempt is by default. */
const LONGEST_RETRY_MS = 15 * 60_000;

/**
 * A clock that was set back while no process ran leaves waits behind that would take as long as it was wrong. What waits for
 * another attempt waits no longer than such a wait, what waits for its attachments no longer than it was to at first.
 */
function shortenWaits({ sql }: WriteContext, now: number): void {
  sql(
    `UPDATE outbox SET due_at = min(due_at, ? + iif(cause IS NULL, max(0, not_before - created_at), ${LONGEST_RETRY_MS}))
     WHERE state < 2 AND state = ${DUE} AND due_at > ?`,
  ).run(now, now);
  sql(`UPDATE attachments SET due_at = min(due_at, ? + ${LONGEST_RETRY_MS}) WHERE state = 'wanted' AND due_at > ?`).run(
    now,
    now,
  );
}

function putBack(context: WriteContext, entries: number): number {
  countState(context, IN_FLIGHT, -entries);
  countState(context, DUE, entries);
  if (entries > 0) context.news.outbox = true;
  return entries;
}

export function replayEntries(context: WriteContext, filter: EntryFilter, now: number, by: AuditNote): string[] {
  if (filter.state !== undefined && filter.state !== 'dead') return [];
  const { where, values } = entryConditions(context.sql, { ...filter, state: 'dead' });
  const found = context.sql(`SELECT * FROM outbox WHERE ${where} ORDER BY seq LIMIT ?`).all(...values, filter.limit);
  const lines = many<OutboxLine>(found);
  for (const line of lines) revive(context, line, now);
  const ids = lines.map(idOf);
  if (ids.length > 0) context.audit.append({ ...by, on: [...by.on, ...ids] }, now);
  return ids;
}

function revive(context: WriteContext, line: OutboxLine, now: number): void {
  context.sql('UPDATE outbox SET attempts = 0, cause = NULL WHERE seq = ?').run(line.seq);
  if (line.after_created === 1 && !createdDone(context, line.ticket)) {
    context.sql(`UPDATE outbox SET seq = ?, state = ${PARKED} WHERE seq = ?`).run(context.nextSeq(), line.seq);
    countMove(context, DEAD, PARKED);
  } else {
    toEnd(context, line, now);
    countMove(context, DEAD, DUE);
  }
}
