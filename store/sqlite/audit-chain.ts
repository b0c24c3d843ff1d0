// The chain of audit records: each carries a MAC over the one before and itself, so that no change goes unseen.
import { createSecretKey } from 'node:crypto';
import { type AuditLink, auditMac, CHAIN_START } from '../audit-link.ts';
import type { AuditNote, AuditRecord } from '../store.ts';
import { many, one, type Statements } from './statements.ts';

export interface AuditChain {
  /** Adds a record inside the running transaction. */
  append(note: AuditNote, at: number): void;
  /** Marks the end of the chain in memory; the answer brings it back after a rollback. */
  mark(): () => void;
}

interface AuditLine extends AuditLink {
  readonly mac: Uint8Array;
}

const PAGE = 5000;

export function createAuditChain(sql: Statements, keyBytes: Uint8Array, hash: string): AuditChain {
  const key = createSecretKey(keyBytes);
  const last = one<AuditLine>(sql('SELECT * FROM audit ORDER BY seq DESC LIMIT 1').get());
  let seq = last?.seq ?? 0;
  let mac: Uint8Array = last?.mac ?? CHAIN_START;
  return {
    append: (note, at) => {
      const line = {
        seq: seq + 1,
        at,
        actor: note.by,
        action: note.action,
        things: JSON.stringify(note.on),
        why: note.why ?? null,
      };
      const next = auditMac(hash, key, mac, line);
      sql('INSERT INTO audit (seq, at, actor, action, things, why, mac) VALUES (?, ?, ?, ?, ?, ?, ?)').run(
        line.seq,
        line.at,
        line.actor,
        line.action,
        line.things,
        line.why,
        next,
      );
      seq = line.seq;
      mac = next;
    },
    mark: () => {
      const before = { seq, mac };
      return () => {
        ({ seq, mac } = before);
      };
    },
  };
}

export function listAudit(sql: Statements, after: number, limit: number): AuditRecord[] {
  return lines(sql, after, limit).map(line => ({
    seq: line.seq,
    at: line.at,
    by: line.actor,
    action: line.action,
    on: JSON.parse(line.things) as string[],
    ...(line.why === null ? {} : { why: line.why }),
    mac: Buffer.from(line.mac).toString('hex'),
  }));
}

/** Recomputes the chain; `broken` is the first sequence number that is missing or does not fit. */
export function verifyAudit(
  sql: Statements,
  keyBytes: Uint8Array,
  hash: string,
): { records: number; broken: number | null } {
  const key = createSecretKey(keyBytes);
  let seq = 0;
  let mac: Uint8Array = CHAIN_START;
  for (;;) {
    const page = lines(sql, seq, PAGE);
    for (const line of page) {
      const expected = auditMac(hash, key, mac, line);
      if (line.seq !== seq + 1 || !expected.equals(line.mac)) return { records: seq, broken: seq + 1 };
      seq = line.seq;
      mac = expected;
    }
    if (page.length < PAGE) return { records: seq, broken: null };
  }
}

function lines(sql: Statements, after: number, limit: number): AuditLine[] {
  return many<AuditLine>(sql('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?').all(after, limit));
}
