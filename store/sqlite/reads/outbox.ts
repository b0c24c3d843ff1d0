// Reads of the outbox: one entry, lists, counts, when something is due next.
import type { Entry, EntryFilter, OutboxCounts } from '../../store.ts';
import { readCounters } from '../context.ts';
import { entryConditions, lineOf, type OutboxLine, toEntry } from '../entries.ts';
import { many, one, type Statements } from '../statements.ts';

export function getEntry(sql: Statements, id: string): Entry | null {
  const line = lineOf(sql, id);
  return line === undefined ? null : toEntry(line);
}

/** Newest place in a lane last. */
export function listEntries(sql: Statements, filter: EntryFilter): Entry[] {
  const { where, values } = entryConditions(sql, filter);
  const rows = sql(`SELECT * FROM outbox WHERE ${where} ORDER BY seq LIMIT ?`).all(...values, filter.limit);
  return many<OutboxLine>(rows).map(toEntry);
}

export function countEntries(sql: Statements): OutboxCounts {
  const by = readCounters(sql, 'outbox.');
  // The first in line stands for all that are live, for they may be many; what is parked is little.
  const oldest = one<{ at: number | null }>(
    sql(
      `SELECT min(at) AS at FROM (SELECT * FROM (SELECT created_at AS at FROM outbox WHERE state < 2 ORDER BY seq LIMIT 1)
       UNION ALL SELECT min(created_at) FROM outbox WHERE state = 2)`,
    ).get(),
  );
  return {
    due: by['due'] ?? 0,
    parked: by['parked'] ?? 0,
    inFlight: by['in-flight'] ?? 0,
    dead: by['dead'] ?? 0,
    done: by['done'] ?? 0,
    void: by['void'] ?? 0,
    oldest: oldest?.at ?? null,
  };
}

export function nextDue(sql: Statements): number | null {
  const earliest = (urgent: number) =>
    one<{ at: number | null }>(
      sql('SELECT min(due_at) AS at FROM outbox WHERE head = 1 AND state = 0 AND urgent = ?').get(urgent),
    )?.at;
  const times = [earliest(0), earliest(1)].filter(at => at !== null && at !== undefined);
  return times.length === 0 ? null : Math.min(...times);
}
