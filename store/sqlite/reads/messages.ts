// Reads of messages: what is unread, what became of one, lists, counts.
import type { MessageCounts, MessageFilter, MessageRow, MessageState, Outcome, UnreadRow } from '../../store.ts';
import { ordinalOf, readCounter, readCounters } from '../context.ts';
import { inColumns, many, one, type Statements } from '../statements.ts';

interface MessageLine {
  readonly ordinal: number;
  readonly number: string;
  readonly channel: string;
  readonly lane: string;
  readonly shard: number;
  readonly accepted_at: number;
  readonly blob: string | null;
  readonly wrapped_content: Uint8Array;
  readonly sealed: Uint8Array | null;
  /** null unless unread. */
  readonly attempts: number | null;
  readonly next: number | null;
  /** null unless decided at least once. */
  readonly attempts_then: number | null;
  readonly revision: number | null;
  readonly decided_at: number | null;
  readonly outcome: string | null;
  readonly decision: Uint8Array | null;
}

const COLUMNS = `m.ordinal, m.number, m.channel, m.lane, m.shard, m.accepted_at, m.blob, m.wrapped_content, m.sealed,
  u.attempts, u.revision AS next, r.attempts AS attempts_then, r.revision, r.decided_at, r.outcome, r.decision`;
const JOINED = `messages m LEFT JOIN unread u ON u.ordinal = m.ordinal LEFT JOIN readings r ON r.ordinal = m.ordinal`;

function toMessage(line: MessageLine): MessageRow {
  const unread = line.next !== null;
  const outcome = unread || line.outcome === null ? null : (JSON.parse(line.outcome) as Outcome);
  const state: MessageState = unread ? 'unread' : outcome?.kind === 'quarantined' ? 'quarantined' : 'decided';
  return {
    number: line.number,
    ordinal: line.ordinal,
    channel: line.channel,
    lane: line.lane,
    shard: line.shard,
    acceptedAt: line.accepted_at,
    wrappedContent: line.wrapped_content,
    sealed: line.sealed,
    blob: line.blob,
    attempts: line.attempts ?? line.attempts_then ?? 0,
    revision: line.next ?? (line.revision ?? -1) + 1,
    state,
    outcome,
    decidedAt: unread ? null : line.decided_at,
    decision: unread ? null : line.decision,
  };
}

export function getMessage(sql: Statements, number: string): MessageRow | null {
  const line = one<MessageLine>(sql(`SELECT ${COLUMNS} FROM ${JOINED} WHERE m.number = ?`).get(number));
  return line === undefined ? null : toMessage(line);
}

const UNREAD = `SELECT m.ordinal, m.number, m.channel, m.lane, m.shard, m.accepted_at, m.blob, m.wrapped_content, m.sealed,
  u.attempts, u.revision FROM unread u CROSS JOIN messages m ON m.ordinal = u.ordinal`;
const UNREAD_AFTER = `${UNREAD} WHERE u.ordinal > ? ORDER BY u.ordinal LIMIT ?`;
const UNREAD_OF_SHARDS = `${UNREAD} WHERE u.ordinal > ? AND u.shard IN (SELECT value FROM json_each(?)) ORDER BY u.ordinal LIMIT ?`;

type UnreadLine = readonly [
  ordinal: number,
  number: string,
  channel: string,
  lane: string,
  shard: number,
  acceptedAt: number,
  blob: string | null,
  wrappedContent: Uint8Array,
  sealed: Uint8Array | null,
  attempts: number,
  revision: number,
];

export function listUnread(
  sql: Statements,
  shards: readonly number[] | 'all',
  after: number,
  limit: number,
): UnreadRow[] {
  const rows =
    shards === 'all'
      ? inColumns(sql(UNREAD_AFTER)).all(after, limit)
      : inColumns(sql(UNREAD_OF_SHARDS)).all(after, JSON.stringify(shards), limit);
  return many<UnreadLine>(rows).map(toUnread);
}

function toUnread(line: UnreadLine): UnreadRow {
  const [ordinal, number, channel, lane, shard, acceptedAt, blob, wrappedContent, sealed, attempts, revision] = line;
  return { ordinal, number, channel, lane, shard, acceptedAt, blob, wrappedContent, sealed, attempts, revision };
}

/** The order of the joins follows the filter, so that rare states are found without reading every message. */
function sourceOf(filter: MessageFilter): string {
  if (filter.state === 'unread') {
    return 'unread u CROSS JOIN messages m ON m.ordinal = u.ordinal LEFT JOIN readings r ON r.ordinal = m.ordinal';
  }
  if (filter.state === 'quarantined' || filter.outcome === 'quarantined') {
    return `readings r CROSS JOIN messages m ON m.ordinal = r.ordinal AND r.kind = 'quarantined' LEFT JOIN unread u ON u.ordinal = m.ordinal`;
  }
  return JOINED;
}

export function listMessages(sql: Statements, filter: MessageFilter): MessageRow[] {
  const source = sourceOf(filter);
  const order = source.startsWith('unread') ? 'u.ordinal' : source.startsWith('readings') ? 'r.ordinal' : 'm.ordinal';
  const rows = sql(
    `SELECT ${COLUMNS} FROM ${source} WHERE ${order} < ?1 AND (?2 IS NULL OR m.channel = ?2) AND (?3 IS NULL OR r.kind = ?3)
     AND CASE ?4 WHEN 'unread' THEN u.ordinal IS NOT NULL WHEN 'quarantined' THEN r.kind = 'quarantined'
       WHEN 'decided' THEN u.ordinal IS NULL AND r.kind <> 'quarantined' ELSE 1 END
     ORDER BY ${order} DESC LIMIT ?5`,
  ).all(
    filter.before ?? Number.MAX_SAFE_INTEGER,
    filter.channel ?? null,
    filter.outcome ?? null,
    filter.state ?? null,
    filter.limit,
  );
  return many<MessageLine>(rows).map(toMessage);
}

/** By rising ordinal. */
export function messagesAfter(sql: Statements, after: number, limit: number): MessageRow[] {
  const rows = sql(`SELECT ${COLUMNS} FROM ${JOINED} WHERE m.ordinal > ? ORDER BY m.ordinal LIMIT ?`).all(after, limit);
  return many<MessageLine>(rows).map(toMessage);
}

export function listJoined(sql: Statements, ticket: string): MessageRow[] {
  const ordinal = ordinalOf(sql, ticket);
  if (ordinal === undefined) return [];
  const rows = sql(
    `SELECT ${COLUMNS} FROM readings r CROSS JOIN messages m ON m.ordinal = r.ordinal LEFT JOIN unread u ON u.ordinal = m.ordinal
     WHERE r.joined = ? AND r.kind IN ('repeat', 'part') ORDER BY r.ordinal`,
  ).all(ordinal);
  return many<MessageLine>(rows).map(toMessage);
}

export function countMessages(sql: Statements): MessageCounts {
  const oldest = one<{ accepted_at: number }>(
    sql(
      'SELECT m.accepted_at FROM unread u CROSS JOIN messages m ON m.ordinal = u.ordinal ORDER BY u.ordinal LIMIT 1',
    ).get(),
  );
  const byOutcome = readCounters(sql, 'messages.outcome:');
  return {
    total: readCounter(sql, 'messages.total'),
    unread: readCounter(sql, 'messages.unread'),
    oldestUnread: oldest?.accepted_at ?? null,
    quarantined: byOutcome['quarantined'] ?? 0,
    byOutcome,
  };
}

export function findConversation(sql: Statements, key: Uint8Array): string | null {
  const row = sql(
    `SELECT m.number FROM readings r JOIN messages m ON m.ordinal = r.ordinal WHERE r.conversation = ?
     ORDER BY r.ordinal DESC LIMIT 1`,
  ).get(key);
  return one<{ number: string }>(row)?.number ?? null;
}
