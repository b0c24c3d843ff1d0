// The commit of decisions: checks everything a row rests on, then writes all of it or nothing.
import type { BornRow, CommitAnswer, CommitRow, Outcome } from '../../store.ts';
import { ordinalOf, type WriteContext } from '../context.ts';
import { leadOf } from '../reads/incidents.ts';
import { one, unhex } from '../statements.ts';
import { addEntry, canVoid, voidEntry } from './lanes.ts';
import { eventFits, joinIncident, writeBorn, writeEvent } from './tickets.ts';

export function commitRows(context: WriteContext, rows: readonly CommitRow[], fence: string | null): CommitAnswer[] {
  if (fence !== null && !leaseHolds(context, fence)) return rows.map(() => 'lost-lease');
  return rows.map(row => commitRow(context, row));
}

/** A fence is what `lease` answered: the lease's name and the number of its taking. */
function leaseHolds(context: WriteContext, fence: string): boolean {
  const at = fence.lastIndexOf('#');
  const row = context
    .sql('SELECT 1 FROM leases WHERE name = ? AND token = ?')
    .get(fence.slice(0, at), Number(fence.slice(at + 1)));
  return row !== undefined;
}

/** Where a message stands: still unread, or decided with a kind. */
interface Standing {
  readonly ordinal: number;
  readonly next: number;
  readonly unread: boolean;
  readonly attempts: number;
  readonly kind: string | null;
  readonly joined: number | null;
}

function standingOf(context: WriteContext, number: string): Standing | undefined {
  const { sql } = context;
  const ordinal = ordinalOf(sql, number);
  if (ordinal === undefined) return undefined;
  const unread = one<{ revision: number; attempts: number }>(
    sql('SELECT revision, attempts FROM unread WHERE ordinal = ?').get(ordinal),
  );
  if (unread !== undefined) {
    return { ordinal, next: unread.revision, unread: true, attempts: unread.attempts, kind: null, joined: null };
  }
  // What was shredded has no key any more under which a decision could be kept.
  const reading = one<{ revision: number; attempts: number; kind: string | null; joined: number | null }>(
    sql('SELECT revision, attempts, kind, joined FROM readings WHERE ordinal = ? AND shredded_at IS NULL').get(ordinal),
  );
  if (reading === undefined) return undefined;
  return { ...reading, ordinal, next: reading.revision + 1, unread: false };
}

interface PartStanding {
  readonly standing: Standing;
  /** Already a part of this message. */
  readonly settled: boolean;
}

function commitRow(context: WriteContext, row: CommitRow): CommitAnswer {
  const standing = standingOf(context, row.number);
  if (standing === undefined || standing.next !== row.revision) return 'conflict';
  const parts = partsOf(context, row, standing.ordinal);
  if (parts === null || !row.voids.every(id => canVoid(context, id))) return 'conflict';
  const fits = row.events.map(event =>
    eventFits(context, event, event.number === row.number ? row.ticket?.state : undefined),
  );
  if (fits.some(fit => fit === 'missing' || fit === 'conflict')) return 'conflict';

  writeReading(context, row, standing);
  for (const part of parts) if (!part.settled) writePart(context, row, part.standing, standing.ordinal);
  if (row.ticket !== null) writeTicket(context, row, row.ticket, standing.ordinal);
  for (const id of row.voids) voidEntry(context, id, `decision.${row.revision}`);
  for (const [place, event] of row.events.entries()) if (fits[place] === 'fits') writeEvent(context, event);
  for (const entry of row.outbox) addEntry(context, entry, row.decidedAt);
  for (const number of row.notSame ?? []) keepApart(context, row.number, standing.ordinal, number);
  for (const { index, dueAt } of row.wanted) wantAttachment(context, standing.ordinal, index, dueAt);
  if (row.audit !== null) context.audit.append(row.audit, row.decidedAt);
  return 'committed';
}

/** What a clerk did with the incident since it was decided counts: it may be part of another by now. */
function writeTicket(context: WriteContext, row: CommitRow, ticket: BornRow, ordinal: number): void {
  const incident = ticket.incident === null ? null : leadOf(context.sql, ticket.incident);
  writeBorn(context, ordinal, row.revision, incident === ticket.incident ? ticket : { ...ticket, incident });
  if (incident === null) return;
  for (const number of row.gathers) joinIncident(context, number, incident);
}

/** The messages gathered into this one; null when one of them was decided as something else. */
function partsOf(context: WriteContext, row: CommitRow, lead: number): PartStanding[] | null {
  const parts: PartStanding[] = [];
  for (const number of row.parts) {
    const standing = standingOf(context, number);
    if (standing === undefined || standing.ordinal === lead) return null;
    const settled = standing.kind === 'part' && standing.joined === lead;
    if (!standing.unread && !settled) return null;
    parts.push({ standing, settled });
  }
  return parts;
}

/** The number a message leads to, for a repeat or a part. */
function leadsTo(outcome: Outcome): string | null {
  return outcome.kind === 'repeat' || outcome.kind === 'part' ? outcome.of : null;
}

function writeReading(context: WriteContext, row: CommitRow, standing: Standing): void {
  const leads = leadsTo(row.outcome);
  putReading(context, standing, {
    revision: row.revision,
    decidedAt: row.decidedAt,
    outcome: row.outcome,
    joined: leads === null ? null : (ordinalOf(context.sql, leads) ?? null),
    conversation: row.conversation === null ? null : unhex(row.conversation),
    decision: row.decision,
    wrappedIdentity: row.ticket?.wrappedIdentity ?? null,
    identity: row.ticket?.identity ?? null,
    born: row.ticket?.born ?? null,
  });
}

function writePart(context: WriteContext, row: CommitRow, standing: Standing, lead: number): void {
  putReading(context, standing, {
    revision: standing.next,
    decidedAt: row.decidedAt,
    outcome: { kind: 'part', of: row.number },
    joined: lead,
    conversation: null,
    decision: null,
    wrappedIdentity: null,
    identity: null,
    born: null,
  });
}

interface Reading {
  readonly revision: number;
  readonly decidedAt: number;
  readonly outcome: Outcome;
  readonly joined: number | null;
  readonly conversation: Uint8Array | null;
  readonly decision: Uint8Array | null;
  readonly wrappedIdentity: Uint8Array | null;
  readonly identity: Uint8Array | null;
  readonly born: Uint8Array | null;
}

/** A later decision that makes no ticket keeps the born part that an earlier one made. */
const PUT_READING = `
INSERT INTO readings (ordinal, revision, decided_at, attempts, kind, outcome, joined, conversation, decision, wrapped_identity,
  identity, born) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(ordinal) DO UPDATE SET revision = excluded.revision, decided_at = excluded.decided_at,
  attempts = excluded.attempts, kind = excluded.kind, outcome = excluded.outcome, joined = excluded.joined,
  conversation = coalesce(excluded.conversation, conversation), decision = excluded.decision,
  wrapped_identity = coalesce(excluded.wrapped_identity, wrapped_identity),
  identity = coalesce(excluded.identity, identity), born = coalesce(excluded.born, born)`;

function putReading(context: WriteContext, standing: Standing, reading: Reading): void {
  const { sql } = context;
  sql(PUT_READING).run(
    standing.ordinal,
    reading.revision,
    reading.decidedAt,
    standing.attempts,
    reading.outcome.kind,
    JSON.stringify(reading.outcome),
    reading.joined,
    reading.conversation,
    reading.decision,
    reading.wrappedIdentity,
    reading.identity,
    reading.born,
  );
  if (standing.unread) {
    sql('DELETE FROM unread WHERE ordinal = ?').run(standing.ordinal);
    context.count('messages.unread', -1);
  }
  if (standing.kind !== null) context.count(`messages.outcome:${standing.kind}`, -1);
  context.count(`messages.outcome:${reading.outcome.kind}`, 1);
}

/** Remembered for good, under both. */
export function keepApart(context: WriteContext, number: string, ordinal: number, otherNumber: string): void {
  const other = ordinalOf(context.sql, otherNumber);
  if (other === undefined) return;
  const put = context.sql('INSERT INTO not_same (ordinal, number) VALUES (?, ?) ON CONFLICT DO NOTHING');
  put.run(ordinal, otherNumber);
  put.run(other, number);
}

function wantAttachment(context: WriteContext, message: number, place: number, dueAt: number): void {
  context
    .sql(
      `INSERT INTO attachments (message, place, state, attempts, due_at) VALUES (?, ?, 'wanted', 0, ?)
       ON CONFLICT(message, place) DO NOTHING`,
    )
    .run(message, place, dueAt);
}
