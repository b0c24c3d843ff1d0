// Reads the embedded store row by row for a move to another engine. The folder must be held by this process.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { MovedEntry, MovedMessage, MovedTicket, MoveSource } from '../moving.ts';
import type { Outcome, TicketEvent } from '../store.ts';
import { listAudit } from './audit-chain.ts';
import { openReading } from './connection.ts';
import { type OutboxLine, toEntry } from './entries.ts';
import { attachmentsOf, listChannels } from './reads/admin.ts';
import { createStatements, many, one, type Statements } from './statements.ts';

interface Line {
  readonly ordinal: number;
  readonly number: string;
  readonly key: Uint8Array;
  readonly fingerprint: Uint8Array;
  readonly channel: string;
  readonly lane: string;
  readonly shard: number;
  readonly accepted_at: number;
  readonly blob: string | null;
  readonly wrapped_content: Uint8Array;
  readonly sealed: Uint8Array | null;
  readonly unread_attempts: number | null;
  readonly unread_revision: number | null;
  readonly revision: number | null;
  readonly decided_at: number | null;
  readonly attempts: number | null;
  readonly outcome: string | null;
  readonly leads_to: string | null;
  readonly conversation: Uint8Array | null;
  readonly decision: Uint8Array | null;
  readonly wrapped_identity: Uint8Array | null;
  readonly identity: Uint8Array | null;
  readonly born: Uint8Array | null;
  readonly shredded_at: number | null;
  readonly hold_at: number | null;
  readonly hold_by: string | null;
  readonly hold_reason: string | null;
}

const PAGE = `SELECT m.*, u.attempts AS unread_attempts, u.revision AS unread_revision, r.revision, r.decided_at, r.attempts,
    r.outcome, j.number AS leads_to, r.conversation, r.decision, r.wrapped_identity, r.identity, r.born, r.shredded_at,
    h.at AS hold_at, h.actor AS hold_by, h.reason AS hold_reason
  FROM messages m LEFT JOIN unread u ON u.ordinal = m.ordinal LEFT JOIN readings r ON r.ordinal = m.ordinal
    LEFT JOIN messages j ON j.ordinal = r.joined LEFT JOIN holds h ON h.ordinal = m.ordinal
  WHERE m.ordinal > ? ORDER BY m.ordinal LIMIT ?`;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function toMoved(sql: Statements, line: Line): MovedMessage {
  const { ordinal, number, channel, lane, shard, sealed, blob, decision, identity, born } = line;
  const { hold_at: at, hold_by: by, hold_reason: reason } = line;
  const unread = line.unread_revision !== null;
  const outcome = line.outcome === null ? null : (JSON.parse(line.outcome) as Outcome);
  return {
    ...{ ordinal, number, channel, lane, shard, sealed, blob, decision, identity, born, unread, outcome },
    key: hex(line.key),
    fingerprint: hex(line.fingerprint),
    acceptedAt: line.accepted_at,
    wrappedContent: line.wrapped_content,
    attempts: line.unread_attempts ?? line.attempts ?? 0,
    next: line.unread_revision ?? (line.revision ?? -1) + 1,
    decidedAt: line.decided_at,
    joined: line.leads_to ?? leadsTo(outcome),
    conversation: line.conversation === null ? null : hex(line.conversation),
    wrappedIdentity: line.wrapped_identity,
    shreddedAt: line.shredded_at,
    ticket: ticketOf(sql, ordinal),
    notSame: many<{ number: string }>(
      sql('SELECT number FROM not_same WHERE ordinal = ? ORDER BY number').all(ordinal),
    ).map(row => row.number),
    attachments: attachmentsOf(sql, number).map(({ message: _message, ...rest }) => rest),
    hold: at === null || by === null || reason === null ? null : { at, by, reason },
  };
}

function leadsTo(outcome: Outcome | null): string | null {
  return outcome?.kind === 'repeat' || outcome?.kind === 'part' ? outcome.of : null;
}

interface TicketLine {
  readonly state: MovedTicket['state'];
  readonly channel: string;
  readonly type: string;
  readonly category: string | null;
  readonly urgency: string;
  readonly division: string | null;
  readonly confidential: number;
  readonly accepted_at: number;
  readonly closed_repeat_of: string | null;
  readonly incident: string | null;
  readonly revision: number;
  readonly step: MovedTicket['step'];
  readonly case_number: string | null;
  readonly supervised: number;
  readonly closed_at: number | null;
  readonly identity_keys: Uint8Array;
  readonly facts: Uint8Array;
}

function ticketOf(sql: Statements, ordinal: number): MovedTicket | null {
  const line = one<TicketLine>(sql('SELECT * FROM tickets WHERE ordinal = ?').get(ordinal));
  if (line === undefined) return null;
  const { state, channel, type, category, urgency, division, incident, revision, step, facts } = line;
  return {
    ...{ state, channel, type, category, urgency, division, incident, revision, step, facts },
    confidential: line.confidential === 1,
    acceptedAt: line.accepted_at,
    closedRepeatOf: line.closed_repeat_of,
    caseNumber: line.case_number,
    supervised: line.supervised === 1,
    closedAt: line.closed_at,
    identityKeys: hex(line.identity_keys).match(/.{32}/g) ?? [],
    events: eventsOf(sql, ordinal),
  };
}

interface EventLine {
  readonly at: number;
  readonly actor: string;
  readonly kind: string;
  readonly event_id: string | null;
  readonly detail: string;
  readonly note: Uint8Array | null;
}

function eventsOf(sql: Statements, ordinal: number): MovedTicket['events'] {
  const rows = sql('SELECT * FROM ticket_events WHERE ticket = ? ORDER BY seq').all(ordinal);
  return many<EventLine>(rows).map(({ at, actor, kind, event_id, detail, note }) => ({
    ...{ at, by: actor, kind },
    ...(JSON.parse(detail) as Partial<TicketEvent>),
    ...(event_id === null ? {} : { eventId: event_id }),
    ...(note === null ? {} : { note }),
  }));
}

export function openMoveSource(folder: string): MoveSource {
  const db = openReading(folder, 16 * 1024);
  const sql = createStatements(db);
  const count = (table: string) => one<{ n: number }>(sql(`SELECT count(*) AS n FROM ${table}`).get())?.n ?? 0;
  const pairs = (text: string) =>
    many<{ name: string; value: string }>(sql(text).all()).map(({ name, value }) => [name, value] as const);
  return {
    counts: async () => ({ messages: count('messages'), entries: count('outbox'), records: count('audit') }),
    messages: async (after, limit) => many<Line>(sql(PAGE).all(after, limit)).map(line => toMoved(sql, line)),
    entries: async (after, limit) =>
      many<OutboxLine>(sql('SELECT * FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?').all(after, limit)).map(
        (line): MovedEntry => ({ ...toEntry(line), seq: line.seq }),
      ),
    records: async (after, limit) => listAudit(sql, after, limit),
    names: async () => ({
      channels: listChannels(sql),
      cursors: pairs('SELECT channel AS name, value FROM cursors ORDER BY channel'),
      named: pairs(
        `SELECT substr(name, 6) AS name, CAST(value AS TEXT) AS value FROM named WHERE name LIKE 'meta.%' ORDER BY name`,
      ),
    }),
    blobs: () => blobNames(folder),
    close: async () => db.close(),
  };
}

function* blobNames(folder: string): Generator<string> {
  const root = join(folder, 'blobs');
  if (statSync(root, { throwIfNoEntry: false }) === undefined) return;
  for (const part of readdirSync(root).sort()) {
    for (const name of readdirSync(join(root, part)).sort()) if (/^[0-9a-f]{64}$/.test(name)) yield name;
  }
}
