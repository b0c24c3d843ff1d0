// Reads by which keeping ends: what is old enough, what is on hold, which keys wrap what.
import type { ClosedPlace, ClosedRow, FinishedRow, HoldRow, WrappedKeysRow } from '../../retention.ts';
import { many, one, type Statements } from '../statements.ts';

/** A hold covers what is held itself and every message that leads to it. */
const HELD = `EXISTS (SELECT 1 FROM holds h WHERE h.ordinal = r.ordinal OR h.ordinal = r.joined
  OR EXISTS (SELECT 1 FROM readings p WHERE p.joined = r.ordinal AND p.kind = 'part' AND p.ordinal = h.ordinal))`;

export function isHeld(sql: Statements, ordinal: number): boolean {
  if (sql('SELECT 1 FROM holds WHERE ordinal = ?').get(ordinal) !== undefined) return true;
  return sql(`SELECT 1 FROM readings r WHERE r.ordinal = ? AND ${HELD}`).get(ordinal) !== undefined;
}

/** Rows read at a time while some are left out. */
const PAGE = 200;

export function finishedBefore(
  sql: Statements,
  until: number,
  after: FinishedRow | null,
  limit: number,
): FinishedRow[] {
  const page = sql(
    `SELECT m.number, r.ordinal, r.kind, r.decided_at AS decidedAt, m.accepted_at AS acceptedAt
     FROM readings r CROSS JOIN messages m ON m.ordinal = r.ordinal
     WHERE r.kind IN ('quarantined', 'not-an-appeal') AND r.shredded_at IS NULL
       AND r.decided_at <= ? AND (r.decided_at, r.ordinal) > (?, ?) AND NOT ${HELD}
     ORDER BY r.decided_at, r.ordinal LIMIT ?`,
  );
  return oldEnough(
    after === null ? FIRST : [after.decidedAt, after.ordinal],
    limit,
    ([at, ordinal]) => many<FinishedRow & { readonly acceptedAt: number }>(page.all(until, at, ordinal, PAGE)),
    row => [row.decidedAt, row.ordinal],
    row => row.acceptedAt <= until && agedTruly(place => acceptedNear(sql, place), row.ordinal, until),
  ).map(({ number, ordinal, kind, decidedAt }) => ({ number, ordinal, kind, decidedAt }));
}

export function closedBefore(sql: Statements, until: number, after: ClosedPlace | null, limit: number): ClosedRow[] {
  const page = sql(
    `SELECT t.number, t.ordinal, t.closed_at AS closedAt, t.accepted_at AS acceptedAt,
       (SELECT max(e.seq) FROM ticket_events e WHERE e.ticket = t.ordinal) AS event
     FROM tickets t CROSS JOIN readings r ON r.ordinal = t.ordinal
     WHERE t.closed_at IS NOT NULL AND t.closed_at <= ? AND (t.closed_at, t.ordinal) > (?, ?) AND NOT ${HELD}
     ORDER BY t.closed_at, t.ordinal LIMIT ?`,
  );
  type Line = Omit<ClosedRow, 'young'> & { readonly acceptedAt: number; readonly event: number | null };
  const [at, ordinal] = after === null ? FIRST : [after.closedAt, after.ordinal];
  return many<Line>(page.all(until, at, ordinal, limit)).map(({ acceptedAt, event, ...row }) => {
    const isAged = event === null || agedTruly(seq => eventNear(sql, seq), event, until);
    return { ...row, young: acceptedAt > until || !isAged };
  });
}

type Place = readonly [number, number];
/** Before all there are. */
const FIRST: Place = [Number.MIN_SAFE_INTEGER, 0];

/** Reads on while rows are left out, so that a short answer means the end. */
function oldEnough<T>(
  from: Place,
  limit: number,
  page: (after: Place) => readonly T[],
  placeOf: (row: T) => Place,
  wanted: (row: T) => boolean,
): T[] {
  const found: T[] = [];
  for (let after = from; ; ) {
    const rows = page(after);
    for (const row of rows) {
      if (wanted(row)) found.push(row);
      if (found.length === limit) return found;
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return found;
    after = placeOf(last);
  }
}

/**
 * Clocks can be wrong: a record dated years back is as young as what was recorded before it. Looks 1, 2, 4, 8 … places back,
 * so that a clock that was wrong for a while is seen past.
 */
function agedTruly(timeNear: (place: number) => number | null, place: number, until: number): boolean {
  for (let back = 1; back < place; back *= 2) {
    const time = timeNear(place - back);
    if (time === null) return true;
    if (time > until) return false;
  }
  return true;
}

function acceptedNear(sql: Statements, ordinal: number): number | null {
  const row = sql('SELECT accepted_at AS at FROM messages WHERE ordinal <= ? ORDER BY ordinal DESC LIMIT 1').get(
    ordinal,
  );
  return one<{ at: number }>(row)?.at ?? null;
}

function eventNear(sql: Statements, seq: number): number | null {
  const row = sql('SELECT at FROM ticket_events WHERE seq <= ? ORDER BY seq DESC LIMIT 1').get(seq);
  return one<{ at: number }>(row)?.at ?? null;
}

export function listHolds(sql: Statements): HoldRow[] {
  const rows = sql(
    `SELECT m.number, h.at, h.actor AS "by", h.reason FROM holds h CROSS JOIN messages m ON m.ordinal = h.ordinal
     ORDER BY h.ordinal`,
  ).all();
  return many<HoldRow>(rows).map(({ number, at, by, reason }) => ({ number, at, by, reason }));
}

export function newestAt(sql: Statements): number | null {
  const row = sql(
    `SELECT max((SELECT coalesce((SELECT accepted_at FROM messages ORDER BY ordinal DESC LIMIT 1), -1)),
       (SELECT coalesce((SELECT at FROM audit ORDER BY seq DESC LIMIT 1), -1))) AS at`,
  ).get();
  const at = one<{ at: number }>(row)?.at ?? -1;
  return at < 0 ? null : at;
}

export function listWrappedKeys(sql: Statements, after: number, limit: number): WrappedKeysRow[] {
  const rows = sql(
    `SELECT m.ordinal, m.wrapped_content AS content, r.wrapped_identity AS identity
     FROM messages m LEFT JOIN readings r ON r.ordinal = m.ordinal WHERE m.ordinal > ? ORDER BY m.ordinal LIMIT ?`,
  ).all(after, limit);
  return many<WrappedKeysRow>(rows).map(({ ordinal, content, identity }) => ({
    ordinal,
    content: present(content),
    identity: present(identity),
  }));
}

const present = (bytes: Uint8Array | null) => (bytes === null || bytes.length === 0 ? null : bytes);
