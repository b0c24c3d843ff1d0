// Reads whose cost grows with the store: they run in the background thread of the process that owns it.
import { StoreUnavailable } from '../errors.ts';
import { listAudit, verifyAudit } from './audit-chain.ts';
import { openCheckpointing } from './connection.ts';
import type { LongReads } from './protocol.ts';
import { listIncidents } from './reads/incidents.ts';
import { listMessages } from './reads/messages.ts';
import { listEntries } from './reads/outbox.ts';
import { closedBefore, finishedBefore, listHolds, listWrappedKeys } from './reads/retention.ts';
import { listTickets } from './reads/tickets.ts';
import type { Statements } from './statements.ts';

export interface ChainKey {
  readonly auditKey: Uint8Array;
  readonly hash: 'sha256' | 'sm3';
}

export function createLongReads(sql: Statements, chain: ChainKey | null, folder: string): LongReads {
  return {
    listMessages: filter => listMessages(sql, filter),
    listTickets: filter => listTickets(sql, filter),
    listEntries: filter => listEntries(sql, filter),
    listIncidents: filter => listIncidents(sql, filter),
    auditList: (after, limit) => listAudit(sql, after, limit),
    auditVerify: () => {
      if (chain === null) {
        throw new StoreUnavailable(
          'store.no_audit_key',
          '本线程没有审计密钥。 / This thread was not given the audit key.',
        );
      }
      return verifyAudit(sql, chain.auditKey, chain.hash);
    },
    finished: (until, after, limit) => finishedBefore(sql, until, after, limit),
    closed: (until, after, limit) => closedBefore(sql, until, after, limit),
    holds: () => listHolds(sql),
    wrappedKeys: (after, limit) => listWrappedKeys(sql, after, limit),
    scrub: () => scrub(folder),
  };
}

/** What the writer waits for it at most. */
const SCRUB_WAIT_MS = 50;

/** Moves the whole log into the database and cuts it off: pages from before a deletion stand in it until then. */
function scrub(folder: string): boolean {
  const db = openCheckpointing(folder);
  try {
    db.exec(`PRAGMA busy_timeout = ${SCRUB_WAIT_MS}; PRAGMA wal_checkpoint(PASSIVE)`);
    return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0;
  } finally {
    db.close();
  }
}
