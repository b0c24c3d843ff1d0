// Reads of tickets: one with its life, lists, counts, and what the candidate index asks for.
import type {
  BornRow,
  CandidateRow,
  SealedTicket,
  Segment,
  TicketCounts,
  TicketEvent,
  TicketFilter,
  TicketRow,
} from '../../store.ts';
import { readCounter, readCounters } from '../context.ts';
import { BLOCK_STRIDE, STATISTICS, VISIBLE } from '../schema.ts';
import { inColumns, many, one, type Statements, unhex } from '../statements.ts';

interface TicketLine {
  readonly ordinal: number;
  readonly number: string;
  readonly state: TicketRow['state'];
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
  readonly step: TicketRow['step'];
  readonly case_number: string | null;
  readonly supervised: number;
  readonly closed_at: number | null;
  readonly identity_keys: Uint8Array;
  readonly facts: Uint8Array;
  readonly wrapped_identity: Uint8Array;
  readonly identity: Uint8Array;
  readonly born: Uint8Array;
  readonly wrapped_content: Uint8Array;
  readonly lane: string;
}

const SELECT = `SELECT t.*, r.wrapped_identity, r.identity, r.born, m.wrapped_content, m.lane
  FROM tickets t CROSS JOIN readings r ON r.ordinal = t.ordinal CROSS JOIN messages m ON m.ordinal = t.ordinal`;

const BY_NUMBER = `${SELECT} WHERE t.ordinal = (SELECT ordinal FROM messages WHERE number = ?)`;

function toTicket(sql: Statements, line: TicketLine): TicketRow {
  return {
    ...bornOf(line),
    ordinal: line.ordinal,
    revision: line.revision,
    step: line.step,
    caseNumber: line.case_number,
    supervised: line.supervised === 1,
    closedAt: line.closed_at,
    wrappedContent: line.wrapped_content,
    lane: line.lane,
    events: eventsOf(sql, line),
  };
}

function bornOf(line: TicketLine): BornRow {
  return {
    number: line.number,
    state: line.state,
    channel: line.channel,
    type: line.type,
    category: line.category,
    urgency: line.urgency,
    division: line.division,
    confidential: line.confidential === 1,
    acceptedAt: line.accepted_at,
    closedRepeatOf: line.closed_repeat_of,
    incident: line.incident,
    wrappedIdentity: line.wrapped_identity,
    born: line.born,
    identity: line.identity,
    identityKeys: Buffer.from(line.identity_keys).toString('hex').match(/.{32}/g) ?? [],
    facts: line.facts,
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

function eventsOf(sql: Statements, ticket: TicketLine): TicketEvent[] {
  const rows = sql(
    'SELECT at, actor, kind, event_id, detail, note FROM ticket_events WHERE ticket = ? ORDER BY seq',
  ).all(ticket.ordinal);
  return many<EventLine>(rows).map(line => ({
    number: ticket.number,
    at: line.at,
    by: line.actor,
    kind: line.kind,
    ...(JSON.parse(line.detail) as Partial<TicketEvent>),
    ...(line.event_id === null ? {} : { eventId: line.event_id }),
    ...(line.note === null ? {} : { note: line.note }),
  }));
}

export function getTicket(sql: Statements, number: string): TicketRow | null {
  const line = one<TicketLine>(sql(BY_NUMBER).get(number));
  return line === undefined ? null : toTicket(sql, line);
}

const SEALED = `SELECT t.type, t.confidential, t.incident, t.case_number, r.born, m.wrapped_content, r.identity, r.wrapped_identity
  FROM messages m CROSS JOIN tickets t ON t.ordinal = m.ordinal CROSS JOIN readings r ON r.ordinal = m.ordinal
  WHERE m.number = ?`;

type SealedLine = [
  type: SealedTicket['type'],
  confidential: number,
  incident: string | null,
  caseNumber: string | null,
  born: Uint8Array,
  wrappedContent: Uint8Array,
  identity: Uint8Array,
  wrappedIdentity: Uint8Array,
];

export function sealedTicket(sql: Statements, number: string): SealedTicket | null {
  const line = one<SealedLine>(inColumns(sql(SEALED)).get(number));
  if (line === undefined) return null;
  const [type, confidential, incident, caseNumber, born, wrappedContent, identity, wrappedIdentity] = line;
  return {
    number,
    type,
    confidential: confidential === 1,
    incident,
    caseNumber,
    born,
    wrappedContent,
    identity,
    wrappedIdentity,
  };
}

const FOLLOW_UPS = `SELECT count(*) AS n FROM readings
  WHERE joined = (SELECT ordinal FROM messages WHERE number = ?) AND kind = 'repeat'`;

export function countFollowUps(sql: Statements, numbers: readonly string[]): Map<string, number> {
  const counted = numbers.map((number): [string, number] => [
    number,
    one<{ n: number }>(sql(FOLLOW_UPS).get(number))?.n ?? 0,
  ]);
  return new Map(counted.filter(([, n]) => n > 0));
}

/** Only the conditions asked for stand in the statement, so that the planner sees which index serves. */
export function listTickets(sql: Statements, filter: TicketFilter): TicketRow[] {
  const conditions = ['t.ordinal < ?'];
  const values: (string | number | Uint8Array)[] = [filter.before ?? Number.MAX_SAFE_INTEGER];
  for (const name of ['channel', 'state', 'type', 'urgency', 'division', 'incident'] as const) {
    const value = filter[name];
    if (value === undefined) continue;
    conditions.push(`t.${name} = ?`);
    values.push(value);
  }
  if (filter.identityKey !== undefined) {
    conditions.push('t.ordinal IN (SELECT ordinal FROM identity_keys WHERE key = ?)');
    values.push(unhex(filter.identityKey));
  }
  const rows = sql(`${SELECT} WHERE ${conditions.join(' AND ')} ORDER BY t.ordinal DESC LIMIT ?`).all(
    ...values,
    filter.limit,
  );
  return many<TicketLine>(rows).map(line => toTicket(sql, line));
}

export function countTickets(sql: Statements): TicketCounts {
  const byState = readCounters(sql, 'tickets.state:');
  return {
    total: readCounter(sql, 'tickets.total'),
    held: byState['held'] ?? 0,
    byState,
    incidents: readCounter(sql, 'tickets.incidents'),
  };
}

export function listSegments(sql: Statements): Segment[] {
  const rows = sql('SELECT id, tier, first, last FROM segments WHERE state = ? ORDER BY first, no').all(VISIBLE);
  return many<Segment>(rows).map(({ id, tier, first, last }) => ({ id, tier, first, last }));
}

export function readBlocks(
  sql: Statements,
  wanted: readonly { readonly segment: string; readonly bucket: number }[],
): (Uint8Array | null)[] {
  const numbers = new Map<string, number>();
  for (const { segment } of wanted) {
    if (numbers.has(segment)) continue;
    const no = one<{ no: number }>(sql('SELECT no FROM segments WHERE id = ?').get(segment))?.no;
    if (no !== undefined) numbers.set(segment, no);
  }
  return wanted.map(({ segment, bucket }) => {
    const no = numbers.get(segment);
    if (no === undefined) return null;
    const row = sql('SELECT bytes FROM blocks WHERE place = ?').get(no * BLOCK_STRIDE + bucket);
    return one<{ bytes: Uint8Array }>(row)?.bytes ?? null;
  });
}

export function readStatistics(sql: Statements): Uint8Array | null {
  return one<{ value: Uint8Array }>(sql('SELECT value FROM named WHERE name = ?').get(STATISTICS))?.value ?? null;
}

type CandidateLine = readonly [
  ordinal: number,
  number: string,
  facts: Uint8Array,
  state: CandidateRow['state'],
  incident: string | null,
  /** Numbers joined by commas, which no number holds. */
  apart: string | null,
  lead: number | null,
  confidential: number,
];

const LEAD =
  'CASE WHEN incident IS NULL THEN NULL ELSE (SELECT m.ordinal FROM messages m WHERE m.number = incident) END';
const APART = '(SELECT group_concat(n.number) FROM not_same n WHERE n.ordinal = tickets.ordinal)';
const CANDIDATE = (apart: string) =>
  `SELECT ordinal, number, facts, state, incident, ${apart} AS apart, ${LEAD} AS lead, confidential FROM`;
/** In one statement, since each begins and ends a look into the log. */
const LISTED = 'json_each(?) AS wanted CROSS JOIN tickets ON ordinal = wanted.value';
const AFTER = 'tickets WHERE ordinal > ? ORDER BY ordinal LIMIT ?';
const LOAD = { plain: `${CANDIDATE('NULL')} ${LISTED}`, apart: `${CANDIDATE(APART)} ${LISTED}` };
const SINCE = { plain: `${CANDIDATE('NULL')} ${AFTER}`, apart: `${CANDIDATE(APART)} ${AFTER}` };

/** Pairs kept apart are few and mostly none, and a look-up for each candidate is not free. */
function candidateSelect(sql: Statements, select: typeof LOAD) {
  return inColumns(sql(sql('SELECT 1 FROM not_same LIMIT 1').get() === undefined ? select.plain : select.apart));
}

function toCandidate([
  ordinal,
  number,
  facts,
  state,
  incident,
  apart,
  lead,
  confidential,
]: CandidateLine): CandidateRow {
  const row = { ordinal, number, facts, state, confidential: confidential === 1, incident, incidentOrdinal: lead };
  return apart === null ? row : { ...row, notSame: apart.split(',') };
}

export function loadCandidates(sql: Statements, ordinals: readonly number[]): CandidateRow[] {
  return many<CandidateLine>(candidateSelect(sql, LOAD).all(JSON.stringify(ordinals))).map(toCandidate);
}

export function candidatesSince(sql: Statements, after: number, limit: number): CandidateRow[] {
  return many<CandidateLine>(candidateSelect(sql, SINCE).all(after, limit)).map(toCandidate);
}
