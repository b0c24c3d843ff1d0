// Writing steps that end keeping: shredding of originals and data keys, legal hold, other wrappings of data keys.
import type { RewrapRow, ShredAnswer, ShredExtent, UntiedRow } from '../../retention.ts';
import type { AuditNote } from '../../store.ts';
import { ordinalOf, type WriteContext } from '../context.ts';
import { isHeld } from '../reads/retention.ts';
import { DONE } from '../schema.ts';
import { many, one } from '../statements.ts';

/** What a key or sealed value leaves behind where its column must hold something. */
const NOTHING = new Uint8Array(0);

export function shredMessages(
  context: WriteContext,
  items: readonly { readonly number: string; readonly extent: ShredExtent }[],
  audit: AuditNote,
  now: number,
): ShredAnswer[] {
  const answers = items.map(({ number, extent }) => shredOne(context, number, extent, now));
  const done = items.flatMap(({ number }, place) => (answers[place] === 'shredded' ? [number] : []));
  if (done.length > 0) context.audit.append({ ...audit, on: done }, now);
  return answers;
}

function shredOne(context: WriteContext, number: string, extent: ShredExtent, now: number): ShredAnswer {
  const { sql } = context;
  const ordinal = ordinalOf(sql, number);
  if (ordinal === undefined) return 'missing';
  if (isHeld(sql, ordinal)) return 'held';
  const row = sql(
    'SELECT kind FROM readings WHERE ordinal = ? AND NOT EXISTS (SELECT 1 FROM unread u WHERE u.ordinal = readings.ordinal)',
  ).get(ordinal);
  const kind = one<{ kind: string | null }>(row)?.kind;
  if (kind === undefined || kind === null) return 'conflict';
  if (extent === 'original') {
    sql('UPDATE messages SET sealed = NULL, blob = NULL WHERE ordinal = ?').run(ordinal);
    return 'shredded';
  }
  if (kind !== 'quarantined' && kind !== 'not-an-appeal') return 'conflict';
  shredWhole(context, ordinal, now);
  const parts = sql(`SELECT ordinal FROM readings WHERE joined = ? AND kind = 'part'`).all(ordinal);
  for (const part of many<{ ordinal: number }>(parts)) shredWhole(context, part.ordinal, now);
  return 'shredded';
}

function shredWhole({ sql }: WriteContext, ordinal: number, now: number): void {
  sql('UPDATE messages SET wrapped_content = ?, sealed = NULL, blob = NULL WHERE ordinal = ?').run(NOTHING, ordinal);
  sql('UPDATE readings SET decision = NULL, shredded_at = ? WHERE ordinal = ?').run(now, ordinal);
}

export function untieMessages({ sql }: WriteContext, rows: readonly UntiedRow[]): null {
  for (const { number, lane } of rows) {
    const ordinal = ordinalOf(sql, number);
    if (ordinal === undefined) continue;
    sql('UPDATE messages SET lane = ? WHERE ordinal = ?').run(lane, ordinal);
    sql('UPDATE readings SET conversation = NULL WHERE ordinal = ?').run(ordinal);
    sql('UPDATE ticket_events SET note = NULL WHERE ticket = ? AND note IS NOT NULL').run(ordinal);
    sql('UPDATE outbox SET lane = ? WHERE message = ? AND state >= ?').run(lane, ordinal, DONE);
  }
  return null;
}

interface Hold {
  readonly number: string;
  readonly reason: string;
  readonly audit: AuditNote;
  readonly now: number;
}

export function holdNumber(context: WriteContext, { number, reason, audit, now }: Hold): boolean {
  const ordinal = ordinalOf(context.sql, number);
  if (ordinal === undefined) return false;
  context
    .sql(
      `INSERT INTO holds (ordinal, at, actor, reason) VALUES (?, ?, ?, ?)
       ON CONFLICT(ordinal) DO UPDATE SET at = excluded.at, actor = excluded.actor, reason = excluded.reason`,
    )
    .run(ordinal, now, audit.by, reason);
  context.audit.append(audit, now);
  return true;
}

export function unholdNumber(context: WriteContext, number: string, audit: AuditNote, now: number): boolean {
  const ordinal = ordinalOf(context.sql, number);
  if (ordinal === undefined) return false;
  const { changes } = context.sql('DELETE FROM holds WHERE ordinal = ?').run(ordinal);
  if (changes > 0) context.audit.append(audit, now);
  return changes > 0;
}

/** A key that was shredded, erased or wrapped anew meanwhile is left as it is. */
export function rewrapKeys({ sql }: WriteContext, rows: readonly RewrapRow[]): number {
  let written = 0;
  for (const { ordinal, which, from, to } of rows) {
    const text =
      which === 'content'
        ? 'UPDATE messages SET wrapped_content = ? WHERE ordinal = ? AND wrapped_content = ?'
        : 'UPDATE readings SET wrapped_identity = ? WHERE ordinal = ? AND wrapped_identity = ?';
    written += Number(sql(text).run(to, ordinal, from).changes);
  }
  return written;
}
