// Reads of incidents: figures of their tickets, for nothing of an incident is kept apart from them.
import type { IncidentFilter, IncidentRow } from '../../store.ts';
import { many, one, type Statements } from '../statements.ts';

interface IncidentLine {
  readonly id: string;
  readonly ordinal: number;
  readonly tickets: number;
  readonly messages: number;
  readonly first_at: number;
  readonly last_at: number;
}

/** Of one incident, `?1`; the follow-ups of a ticket that was joined to another lead to that one. */
const FIGURES = `SELECT t.incident AS id, max(t.ordinal) AS ordinal, count(*) FILTER (WHERE t.state <> 'joined') AS tickets,
    count(*) FILTER (WHERE t.state <> 'joined') + coalesce(sum((SELECT count(*) FROM readings r
      WHERE r.joined = t.ordinal AND r.kind = 'repeat')), 0) AS messages,
    min(t.accepted_at) AS first_at,
    max(max(t.accepted_at, coalesce((SELECT max(m.accepted_at) FROM readings r CROSS JOIN messages m ON m.ordinal = r.ordinal
      WHERE r.joined = t.ordinal AND r.kind = 'repeat'), t.accepted_at))) AS last_at
  FROM tickets t WHERE t.incident = ?1 GROUP BY t.incident`;

export function getIncident(sql: Statements, id: string): IncidentRow | null {
  const line = one<IncidentLine>(sql(FIGURES).get(id));
  if (line === undefined) return null;
  const { ordinal, tickets, messages, first_at: firstAt, last_at: lastAt } = line;
  return { id: line.id, ordinal, tickets, messages, firstAt, lastAt };
}

/** Each incident stands at its youngest ticket, provided it has another. */
const YOUNGEST = `SELECT t.incident AS id FROM tickets t WHERE t.ordinal < ? AND t.incident IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM tickets u WHERE u.incident = t.incident AND u.ordinal > t.ordinal)
  AND EXISTS (SELECT 1 FROM tickets u WHERE u.incident = t.incident AND u.ordinal < t.ordinal)
  ORDER BY t.ordinal DESC LIMIT ?`;

export function listIncidents(sql: Statements, { before, limit }: IncidentFilter): IncidentRow[] {
  const rows = sql(YOUNGEST).all(before ?? Number.MAX_SAFE_INTEGER, limit);
  return many<{ id: string }>(rows)
    .map(({ id }) => getIncident(sql, id))
    .filter(row => row !== null);
}

export function countArrivals(sql: Statements, id: string, from: number, until: number): number {
  const row = sql('SELECT count(*) AS n FROM tickets WHERE incident = ? AND accepted_at >= ? AND accepted_at < ?').get(
    id,
    from,
    until,
  );
  return one<{ n: number }>(row)?.n ?? 0;
}

/** The incident that goes by this id now: what it became part of, when a clerk merged it. */
export function leadOf(sql: Statements, id: string): string {
  const row = sql(
    'SELECT t.incident FROM messages m CROSS JOIN tickets t ON t.ordinal = m.ordinal WHERE m.number = ?',
  ).get(id);
  return one<{ incident: string | null }>(row)?.incident ?? id;
}
