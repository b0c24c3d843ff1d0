// Prepared statements by their text, prepared once a connection.
import type { DatabaseSync, StatementSync } from 'node:sqlite';

export type Statements = (sql: string) => StatementSync;

export function createStatements(db: DatabaseSync): Statements {
  const prepared = new Map<string, StatementSync>();
  return sql => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const made = db.prepare(sql);
    prepared.set(sql, made);
    return made;
  };
}

/** Like `createStatements`, but for rows as lists of their columns: a row of many columns is made in half the time. */
export function inColumns(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
}

/** A row as the statement's columns make it; the caller names the shape. */
export function one<T>(rows: unknown): T | undefined {
  return rows as T | undefined;
}

export function many<T>(rows: unknown): T[] {
  return rows as T[];
}

/** Hex as the bytes that are stored. */
export function unhex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
