// What the writing thread holds in memory beside the database, and how it is undone with a transaction.
import type { DatabaseSync } from 'node:sqlite';
import { type AuditChain, createAuditChain } from './audit-chain.ts';
import { type LiveLanes, loadLanes } from './live-lanes.ts';
import { createStatements, many, one, type Statements } from './statements.ts';

export interface WriteContext {
  readonly db: DatabaseSync;
  readonly sql: Statements;
  readonly audit: AuditChain;
  readonly lanes: LiveLanes;
  /** Adds to a counter that is kept with the data, so that nothing is ever counted by scanning. */
  count(name: string, delta: number): void;
  nextOrdinal(): number;
  nextSeq(): number;
  /** Set by steps that others wait for. */
  readonly news: { accepted: boolean; outbox: boolean };
  /** Channels of which something was refused in this transaction: no cursor moves past it. */
  readonly refused: Set<string>;
  /** Marks the memory so that `undo` brings it back to this point. */
  mark(): () => void;
  /** Writes the counters that changed; the last thing before a commit. */
  settle(): void;
}

export function createContext(db: DatabaseSync, auditKey: Uint8Array, hash: string): WriteContext {
  const sql = createStatements(db);
  const audit = createAuditChain(sql, auditKey, hash);
  const lanes = loadLanes(sql);
  const news = { accepted: false, outbox: false };
  let ordinal = maximum(sql, 'SELECT max(ordinal) AS top FROM messages');
  let seq = maximum(sql, 'SELECT max(seq) AS top FROM outbox');
  let changed = new Map<string, number>();

  return {
    db,
    sql,
    audit,
    lanes,
    news,
    refused: new Set(),
    count: (name, delta) => {
      if (delta !== 0) changed.set(name, (changed.get(name) ?? 0) + delta);
    },
    nextOrdinal: () => ++ordinal,
    nextSeq: () => ++seq,
    mark: () => {
      // Outside a transaction there is nothing before this point to go back to.
      if (!db.isTransaction) lanes.forget();
      const before = { ordinal, seq, changed: new Map(changed), news: { ...news } };
      const undo = [audit.mark(), lanes.mark()];
      return () => {
        ({ ordinal, seq } = before);
        changed = new Map(before.changed);
        Object.assign(news, before.news);
        for (const step of undo) step();
      };
    },
    settle: () => {
      const add = sql(
        'INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = value + excluded.value',
      );
      for (const [name, delta] of changed) if (delta !== 0) add.run(name, delta);
      changed.clear();
    },
  };
}

function maximum(sql: Statements, text: string): number {
  return one<{ top: number | null }>(sql(text).get())?.top ?? 0;
}

/** All counters that begin with a prefix, without it. */
export function readCounters(sql: Statements, prefix: string): Record<string, number> {
  const rows = many<{ name: string; value: number }>(
    sql('SELECT name, value FROM counters WHERE name >= ? AND name < ?').all(prefix, `${prefix}\u{10ffff}`),
  );
  return Object.fromEntries(rows.filter(row => row.value !== 0).map(row => [row.name.slice(prefix.length), row.value]));
}

export function readCounter(sql: Statements, name: string): number {
  return one<{ value: number }>(sql('SELECT value FROM counters WHERE name = ?').get(name))?.value ?? 0;
}

/** The ordinal of a message, or undefined. */
export function ordinalOf(sql: Statements, number: string): number | undefined {
  return one<{ ordinal: number }>(sql('SELECT ordinal FROM messages WHERE number = ?').get(number))?.ordinal;
}
