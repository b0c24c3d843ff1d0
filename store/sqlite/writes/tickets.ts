// Writing steps on tickets: the born part a decision makes, the lived part that is only added to.
import type { AuditNote, BornRow, NewEntry, TicketEvent } from '../../store.ts';
import { ordinalOf, type WriteContext } from '../context.ts';
import { one, unhex } from '../statements.ts';
import { addEntry, dropOrphans } from './lanes.ts';

interface TicketLine {
  readonly state: string;
  readonly incident: string | null;
  readonly identity_keys: Uint8Array;
}

function ticketLine(context: WriteContext, ordinal: number): TicketLine | undefined {
  return one<TicketLine>(
    context.sql('SELECT state, incident, identity_keys FROM tickets WHERE ordinal = ?').get(ordinal),
  );
}

/** Writes the born part; what the ticket has lived through (its state, step, case number) stays as it is. */
export function writeBorn(context: WriteContext, ordinal: number, revision: number, born: BornRow): void {
  const before = revision === 0 ? undefined : ticketLine(context, ordinal);
  const keys = Buffer.concat(born.identityKeys.map(unhex));
  context
    .sql(
      `INSERT INTO tickets (ordinal, number, state, channel, type, category, urgency, division, confidential, accepted_at,
         closed_repeat_of, incident, revision, supervised, identity_keys, facts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)
       ON CONFLICT(ordinal) DO UPDATE SET channel = excluded.channel, type = excluded.type, category = excluded.category,
         urgency = excluded.urgency, division = excluded.division, confidential = excluded.confidential,
         accepted_at = excluded.accepted_at, closed_repeat_of = excluded.closed_repeat_of, incident = excluded.incident,
         revision = excluded.revision, identity_keys = excluded.identity_keys, facts = excluded.facts`,
    )
    .run(
      ordinal,
      born.number,
      born.state,
      born.channel,
      born.type,
      born.category,
      born.urgency,
      born.division,
      Number(born.confidential),
      born.acceptedAt,
      born.closedRepeatOf,
      born.incident,
      revision,
      keys,
      born.facts,
    );
  writeIdentityKeys(context, ordinal, before?.identity_keys ?? new Uint8Array(0), keys);
  countIncident(context, before?.incident ?? null, born.incident);
  if (before !== undefined) return;
  context.count('tickets.total', 1);
  context.count(`tickets.state:${born.state}`, 1);
}

const KEY_BYTES = 16;

function writeIdentityKeys(context: WriteContext, ordinal: number, before: Uint8Array, now: Uint8Array): void {
  for (let at = 0; at < before.length; at += KEY_BYTES) {
    context
      .sql('DELETE FROM identity_keys WHERE key = ? AND ordinal = ?')
      .run(before.subarray(at, at + KEY_BYTES), ordinal);
  }
  const add = context.sql('INSERT INTO identity_keys (key, ordinal) VALUES (?, ?) ON CONFLICT DO NOTHING');
  for (let at = 0; at < now.length; at += KEY_BYTES) add.run(now.subarray(at, at + KEY_BYTES), ordinal);
}

/** Keeps the number of incidents with two tickets or more, once the rows are written. */
export function countIncident(context: WriteContext, from: string | null, to: string | null): void {
  if (from === to) return;
  const members = (incident: string): number => {
    const row = context
      .sql('SELECT count(*) AS n FROM (SELECT 1 FROM tickets WHERE incident = ? LIMIT 3)')
      .get(incident);
    return one<{ n: number }>(row)?.n ?? 0;
  };
  if (from !== null && members(from) === 1) context.count('tickets.incidents', -1);
  if (to !== null && members(to) === 2) context.count('tickets.incidents', 1);
}

/** Gives an earlier ticket an incident it turned out to be part of, unless it has one. */
export function joinIncident(context: WriteContext, number: string, incident: string): void {
  const ordinal = ordinalOf(context.sql, number);
  if (ordinal === undefined) return;
  const { changes } = context
    .sql('UPDATE tickets SET incident = ? WHERE ordinal = ? AND incident IS NULL')
    .run(incident, ordinal);
  if (changes > 0) countIncident(context, null, incident);
}

/** Whether an event may be added: `state` stands in for the ticket's own where it is made by the same step. */
export function eventFits(
  context: WriteContext,
  event: TicketEvent,
  state?: string,
): 'fits' | 'duplicate' | 'missing' | 'conflict' {
  const ordinal = ordinalOf(context.sql, event.number);
  const now = ordinal === undefined ? undefined : (ticketLine(context, ordinal)?.state ?? state);
  if (ordinal === undefined || now === undefined) return 'missing';
  if (event.eventId !== undefined) {
    const seen = context
      .sql('SELECT 1 FROM ticket_events WHERE ticket = ? AND event_id = ?')
      .get(ordinal, event.eventId);
    if (seen !== undefined) return 'duplicate';
  }
  return event.expect !== undefined && !(event.expect as readonly string[]).includes(now) ? 'conflict' : 'fits';
}

/** Adds to the history and moves the ticket as the event says. */
export function writeEvent(context: WriteContext, event: TicketEvent): void {
  const ordinal = ordinalOf(context.sql, event.number) as number;
  writeEventOf(context, ordinal, ticketLine(context, ordinal)?.state, event);
}

/** @param from the state the ticket is in; undefined where there is no ticket of its own */
function writeEventOf(context: WriteContext, ordinal: number, from: string | undefined, event: OwnEvent): void {
  keepEvent(context, ordinal, event);
  const told = [event.step ?? null, event.caseNumber ?? null, tellsSupervised(event)];
  if (event.state === undefined || from === undefined) {
    context.sql(`UPDATE tickets SET ${TOLD} WHERE ordinal = ?`).run(...told, ordinal);
    return;
  }
  context
    .sql(`UPDATE tickets SET ${TOLD}, state = ?, closed_at = ? WHERE ordinal = ?`)
    .run(...told, event.state, event.state === 'closed' ? event.at : null, ordinal);
  countStateMove(context, from, event.state);
  if (event.state === 'refused' || event.state === 'joined') dropOrphans(context, ordinal, `ticket.${event.state}`);
}

function countStateMove(context: WriteContext, from: string, to: string): void {
  context.count(`tickets.state:${from}`, -1);
  context.count(`tickets.state:${to}`, 1);
}

/** What an event says nothing of stays as it is. */
const TOLD = 'step = coalesce(?, step), case_number = coalesce(?, case_number), supervised = coalesce(?, supervised)';

function tellsSupervised({ supervised }: OwnEvent): number | null {
  return supervised === undefined ? null : Number(supervised);
}

/** An event of a ticket that is known by its ordinal. */
type OwnEvent = Omit<TicketEvent, 'number'> & { readonly number?: string };

function keepEvent(context: WriteContext, ordinal: number, event: OwnEvent): void {
  const { number: _number, at, by, kind, expect: _expect, eventId, note, ...detail } = event;
  context
    .sql('INSERT INTO ticket_events (ticket, at, actor, kind, event_id, detail, note) VALUES (?, ?, ?, ?, ?, ?, ?)')
    .run(ordinal, at, by, kind, eventId ?? null, JSON.stringify(detail), note ?? null);
}

/** The case system has the ticket. Progress that it reported before its answer was recorded is not undone. */
export function markDispatched(context: WriteContext, ordinal: number, at: number, caseNumber: string | null): void {
  const { changes } = context
    .sql(
      `UPDATE tickets SET state = 'dispatched', case_number = coalesce(?, case_number)
       WHERE ordinal = ? AND state = 'queued'`,
    )
    .run(caseNumber, ordinal);
  const event = { at, by: 'system', kind: 'ticket.dispatched', ...(caseNumber === null ? {} : { caseNumber }) };
  if (changes > 0) {
    // Mostly, and so without a look at the ticket.
    keepEvent(context, ordinal, { ...event, state: 'dispatched' });
    countStateMove(context, 'queued', 'dispatched');
    return;
  }
  const row = context.sql('SELECT state FROM tickets WHERE ordinal = ?').get(ordinal);
  const ticket = one<{ state: string }>(row);
  if (ticket !== undefined) writeEventOf(context, ordinal, ticket.state, event);
}

export function addEvent(
  context: WriteContext,
  event: TicketEvent,
  outbox: readonly NewEntry[],
  audit: AuditNote | null,
): 'added' | 'duplicate' | 'missing' | 'conflict' {
  const fits = eventFits(context, event);
  if (fits !== 'fits') return fits;
  writeEvent(context, event);
  for (const entry of outbox) addEntry(context, entry, event.at);
  if (audit !== null) context.audit.append(audit, event.at);
  return 'added';
}
