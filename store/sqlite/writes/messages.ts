// Writing steps on messages: accept, attempts of a reader, reading again.
import type { AcceptRow, AuditNote, CursorMove } from '../../store.ts';
import { ordinalOf, type WriteContext } from '../context.ts';
import { one, unhex } from '../statements.ts';

/** Per row: 0 fresh, 1 id reused, or the number of the message it repeats. */
export type AcceptMark = 0 | 1 | string;

export function acceptRows(context: WriteContext, rows: readonly AcceptRow[], cursor: CursorMove | null): AcceptMark[] {
  if (cursor === null) return rows.map(row => acceptRow(context, row));
  try {
    const marks = rows.map(row => acceptRow(context, row));
    moveCursor(context, cursor);
    return marks;
  } catch (error) {
    context.refused.add(cursor.channel);
    throw error;
  }
}

/** Not past what came before it and was refused: its source must hand that out again. */
function moveCursor({ sql, refused }: WriteContext, { channel, value }: CursorMove): void {
  if (refused.has(channel)) return;
  sql(
    'INSERT INTO cursors (channel, value) VALUES (?, ?) ON CONFLICT(channel) DO UPDATE SET value = excluded.value',
  ).run(channel, value);
}

function acceptRow(context: WriteContext, row: AcceptRow): AcceptMark {
  const key = unhex(row.key);
  const fingerprint = unhex(row.fingerprint);
  if (insert(context, row, key, fingerprint)) return 0;
  const known = knownBy(context, key);
  if (fingerprint.equals(known.fingerprint)) return known.number;
  if (row.weakKey === null) return 1;
  const weakKey = unhex(row.weakKey);
  return insert(context, row, weakKey, fingerprint) ? 0 : knownBy(context, weakKey).number;
}

/** False where the key is taken. The insert comes first, since nearly every message is new. */
function insert(context: WriteContext, row: AcceptRow, key: Uint8Array, fingerprint: Uint8Array): boolean {
  const ordinal = context.nextOrdinal();
  const { changes } = context
    .sql(
      `INSERT INTO messages (ordinal, number, key, fingerprint, channel, lane, shard, accepted_at, blob, wrapped_content, sealed)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO NOTHING`,
    )
    .run(
      ordinal,
      row.number,
      key,
      fingerprint,
      row.channel,
      row.lane,
      row.shard,
      row.acceptedAt,
      row.blob,
      row.wrappedContent,
      row.sealed,
    );
  if (changes === 0) return false;
  context.sql('INSERT INTO unread (ordinal, shard, attempts, revision) VALUES (?, ?, 0, 0)').run(ordinal, row.shard);
  context.count('messages.total', 1);
  context.count('messages.unread', 1);
  context.news.accepted = true;
  return true;
}

function knownBy(context: WriteContext, key: Uint8Array): { number: string; fingerprint: Uint8Array } {
  return one<{ number: string; fingerprint: Uint8Array }>(
    context.sql('SELECT number, fingerprint FROM messages WHERE key = ?').get(key),
  ) as { number: string; fingerprint: Uint8Array };
}

export function countAttempts(context: WriteContext, numbers: readonly string[]): number[] {
  return numbers.map(number => {
    const ordinal = ordinalOf(context.sql, number);
    if (ordinal === undefined) return 0;
    const row = context
      .sql('UPDATE unread SET attempts = attempts + 1 WHERE ordinal = ? RETURNING attempts')
      .get(ordinal);
    return one<{ attempts: number }>(row)?.attempts ?? 0;
  });
}

export function readAgain(context: WriteContext, number: string, by: AuditNote, now: number): boolean {
  const { sql } = context;
  const ordinal = ordinalOf(sql, number);
  if (ordinal === undefined) return false;
  const row = one<{ revision: number; shard: number }>(
    sql(
      `SELECT r.revision, m.shard FROM readings r JOIN messages m ON m.ordinal = r.ordinal
       WHERE r.ordinal = ? AND r.kind = 'quarantined' AND r.shredded_at IS NULL`,
    ).get(ordinal),
  );
  if (row === undefined) return false;
  sql('UPDATE readings SET kind = NULL, outcome = NULL WHERE ordinal = ?').run(ordinal);
  sql('INSERT INTO unread (ordinal, shard, attempts, revision) VALUES (?, ?, 0, ?)').run(
    ordinal,
    row.shard,
    row.revision + 1,
  );
  context.count('messages.outcome:quarantined', -1);
  context.count('messages.unread', 1);
  context.audit.append(by, now);
  context.news.accepted = true;
  return true;
}
