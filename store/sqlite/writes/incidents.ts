// Writing steps on incidents: a clerk's merging and splitting moves tickets from one to another.
import type { IncidentMove } from '../../store.ts';
import { ordinalOf, type WriteContext } from '../context.ts';
import { leadOf } from '../reads/incidents.ts';
import { many, one } from '../statements.ts';
import { keepApart } from './decisions.ts';
import { countIncident, writeEvent } from './tickets.ts';

interface Member {
  readonly ordinal: number;
  readonly number: string;
  readonly incident: string | null;
}

export function moveIncident(context: WriteContext, change: IncidentMove): 'moved' | 'conflict' {
  const { from, to, at, by, kind } = change;
  const members = membersOf(context, change);
  if (members === null || members.length === 0) return 'conflict';
  const moved = new Set(members.map(({ number }) => number));
  if (!moved.has(to) && !leads(context, to)) return 'conflict';
  for (const { ordinal, number, incident } of members) {
    context.sql('UPDATE tickets SET incident = ? WHERE ordinal = ?').run(to, ordinal);
    countIncident(context, incident, to);
    writeEvent(context, { number, at, by, kind, incident: { from, to } });
  }
  for (const [number, other] of change.notSame) {
    const ordinal = ordinalOf(context.sql, number);
    if (ordinal !== undefined) keepApart(context, number, ordinal, other);
  }
  context.audit.append(change.audit, at);
  return 'moved';
}

/** null where one of them is not where it should be. */
function membersOf(context: WriteContext, { from, tickets }: IncidentMove): readonly Member[] | null {
  const { sql } = context;
  if (tickets === 'all') {
    return many<Member>(
      sql('SELECT ordinal, number, incident FROM tickets WHERE incident = ? ORDER BY ordinal').all(from),
    );
  }
  const members = tickets.map(number => {
    const ordinal = ordinalOf(sql, number);
    return one<Member>(sql('SELECT ordinal, number, incident FROM tickets WHERE ordinal = ?').get(ordinal ?? -1));
  });
  return members.every(member => member !== undefined && member.incident === from) ? (members as Member[]) : null;
}

/** Whether tickets can be moved to this one: it leads its incident, or becomes the first of one. */
function leads(context: WriteContext, number: string): boolean {
  const ordinal = ordinalOf(context.sql, number);
  const row = context.sql('SELECT incident FROM tickets WHERE ordinal = ?').get(ordinal ?? -1);
  const ticket = one<{ incident: string | null }>(row);
  if (ticket === undefined) return false;
  if (ticket.incident !== null) return leadOf(context.sql, number) === number;
  context.sql('UPDATE tickets SET incident = ? WHERE ordinal = ?').run(number, ordinal as number);
  countIncident(context, null, number);
  return true;
}
