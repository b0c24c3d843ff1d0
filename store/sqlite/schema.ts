// The tables of the embedded engine, as numbered migrations that run once each, in a transaction of their own.
import type { DatabaseSync } from 'node:sqlite';

/** Numbers stored for the states of an outbox entry; those below `DONE` are live or parked. */
export const ENTRY_STATES = ['due', 'in-flight', 'parked', 'done', 'dead', 'void'] as const;
export const DUE = 0;
export const IN_FLIGHT = 1;
export const PARKED = 2;
export const DONE = 3;
export const DEAD = 4;
export const VOID = 5;

/** Numbers stored for the kinds of outbox entries. */
export const ENTRY_KINDS = [
  'ticket.created',
  'ticket.followed-up',
  'ticket.corrected',
  'ticket.link-undone',
  'ticket.withdrawn',
] as const;
export const CREATED = 0;

/** States of a segment of the candidate index. */
export const WRITING = 0;
export const VISIBLE = 1;
export const DROPPED = 2;

/** A block's row is its segment's number times this, plus its bucket. */
export const BLOCK_STRIDE = 1 << 20;

/** Name under which the statistics of terms are kept. */
export const STATISTICS = 'candidates.statistics';

/**
 * Why it is cut this way: a message's row is large, written once and never touched again (rewriting it would cost a page of
 * log each time); what changes stands in small rows (`unread`) or in rows appended at the decision (`readings`, `tickets`).
 * Everything is joined by the message's ordinal.
 */
const FIRST = `
CREATE TABLE messages (
  ordinal INTEGER PRIMARY KEY,
  number TEXT NOT NULL UNIQUE,
  key BLOB NOT NULL UNIQUE,
  fingerprint BLOB NOT NULL,
  channel TEXT NOT NULL,
  lane TEXT NOT NULL,
  shard INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  blob TEXT,
  wrapped_content BLOB NOT NULL,
  sealed BLOB
) STRICT;

-- Messages not yet decided; "revision" is the one their next decision carries.
CREATE TABLE unread (
  ordinal INTEGER PRIMARY KEY,
  shard INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  revision INTEGER NOT NULL
) STRICT;

-- The latest decision of a message. "kind" is null while a message is read again.
CREATE TABLE readings (
  ordinal INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  kind TEXT,
  outcome TEXT,
  joined INTEGER,
  conversation BLOB,
  decision BLOB,
  wrapped_identity BLOB,
  identity BLOB,
  born BLOB
) STRICT;
CREATE INDEX readings_quarantined ON readings(ordinal) WHERE kind = 'quarantined';
CREATE INDEX readings_joined ON readings(joined, kind) WHERE joined IS NOT NULL;
CREATE INDEX readings_conversation ON readings(conversation) WHERE conversation IS NOT NULL;

-- A ticket stands under the ordinal and number of the message it was born of.
CREATE TABLE tickets (
  ordinal INTEGER PRIMARY KEY,
  number TEXT NOT NULL,
  state TEXT NOT NULL,
  channel TEXT NOT NULL,
  type TEXT NOT NULL,
  category TEXT,
  urgency TEXT NOT NULL,
  division TEXT,
  confidential INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  closed_repeat_of TEXT,
  incident TEXT,
  revision INTEGER NOT NULL,
  step TEXT,
  case_number TEXT,
  supervised INTEGER NOT NULL,
  closed_at INTEGER,
  identity_keys BLOB NOT NULL,
  facts BLOB NOT NULL
) STRICT;
CREATE INDEX tickets_state ON tickets(state);
CREATE INDEX tickets_channel ON tickets(channel);
CREATE INDEX tickets_incident ON tickets(incident) WHERE incident IS NOT NULL;

CREATE TABLE identity_keys (
  key BLOB NOT NULL,
  ordinal INTEGER NOT NULL,
  PRIMARY KEY (key, ordinal)
) STRICT, WITHOUT ROWID;

-- Pairs a clerk has said are not about the same matter; each pair stands twice, so that it is found from either side.
CREATE TABLE not_same (
  ordinal INTEGER NOT NULL,
  number TEXT NOT NULL,
  PRIMARY KEY (ordinal, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_events (
  seq INTEGER PRIMARY KEY,
  ticket INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  event_id TEXT,
  detail TEXT NOT NULL,
  note BLOB
) STRICT;
CREATE INDEX ticket_events_ticket ON ticket_events(ticket);
CREATE UNIQUE INDEX ticket_events_once ON ticket_events(ticket, event_id) WHERE event_id IS NOT NULL;

-- "seq" is the place in the lane. "head" is 1 for urgent entries and for the earliest live entry of a lane, so that
-- claiming is a look-up in outbox_ready.
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  ticket INTEGER NOT NULL,
  message_number TEXT NOT NULL,
  ticket_number TEXT,
  lane TEXT NOT NULL,
  urgent INTEGER NOT NULL,
  head INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  after_created INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  claims INTEGER NOT NULL,
  lease_until INTEGER,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  unknown INTEGER NOT NULL,
  cause TEXT,
  case_number TEXT
) STRICT;
CREATE UNIQUE INDEX outbox_id ON outbox(message, revision, kind);
CREATE INDEX outbox_ready ON outbox(urgent, due_at, seq) WHERE head = 1 AND state = 0;
CREATE INDEX outbox_live ON outbox(seq, created_at) WHERE state < 2;
CREATE INDEX outbox_in_flight ON outbox(lease_until) WHERE state = 1;
CREATE INDEX outbox_parked ON outbox(ticket, seq, created_at) WHERE state = 2;
CREATE INDEX outbox_dead ON outbox(seq) WHERE state = 4;
CREATE INDEX outbox_ticket ON outbox(ticket);

CREATE TABLE attachments (
  message INTEGER NOT NULL,
  place INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  blob TEXT,
  size INTEGER,
  media_type TEXT,
  cause TEXT,
  PRIMARY KEY (message, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_due ON attachments(due_at) WHERE state = 'wanted';

CREATE TABLE segments (
  no INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  tier INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  state INTEGER NOT NULL
) STRICT;
CREATE TABLE blocks (
  place INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE channels (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  settings BLOB NOT NULL,
  enabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE cursors (channel TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  token INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  things TEXT NOT NULL,
  why TEXT,
  mac BLOB NOT NULL
) STRICT;
CREATE TABLE named (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
`;

/** What it takes to end keeping: when an original was shredded, what is on hold, and finding what is old enough. */
const RETENTION = `
ALTER TABLE readings ADD COLUMN shredded_at INTEGER;
CREATE INDEX readings_finished ON readings(decided_at, ordinal)
  WHERE kind IN ('quarantined', 'not-an-appeal') AND shredded_at IS NULL;
CREATE INDEX tickets_closed ON tickets(closed_at, ordinal) WHERE closed_at IS NOT NULL;
CREATE TABLE holds (
  ordinal INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
`;

const MIGRATIONS: readonly string[] = [FIRST, RETENTION];

/** The version of the tables that this program makes. */
export const SCHEMA = MIGRATIONS.length;

/** Brings the tables up to date; a store made by a newer version is refused. */
export function migrate(db: DatabaseSync, now: number): void {
  db.exec('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT');
  const done = db.prepare('SELECT coalesce(max(version), 0) AS version FROM migrations').get()?.['version'] as number;
  if (done > MIGRATIONS.length) throw new NewerStore(done, MIGRATIONS.length);
  for (let version = done + 1; version <= MIGRATIONS.length; version++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(MIGRATIONS[version - 1] as string);
      db.prepare('INSERT INTO migrations (version, at) VALUES (?, ?)').run(version, now);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

/** The store was written by a newer version of this program. */
export class NewerStore extends Error {
  constructor(found: number, known: number) {
    super(`schema version ${found} is newer than ${known}`);
  }
}
