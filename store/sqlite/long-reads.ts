// Reads whose cost grows with the store: they run in the background thread of the process that owns it.
import { StoreUnavailable } from '../errors.ts';
import { listAudit, verifyAudit } from './audit-chain.ts';
import type { LongReads } from './protocol.ts';
import { listMessages } from './reads/messages.ts';
import { listEntries } from './reads/outbox.ts';
import { listTickets } from './reads/tickets.ts';
import type { Statements } from './statements.ts';

export interface ChainKey {
  readonly auditKey: Uint8Array;
  readonly hash: 'sha256' | 'sm3';
}

export function createLongReads(sql: Statements, chain: ChainKey | null): LongReads {
  return {
    listMessages: filter => listMessages(sql, filter),
    listTickets: filter => listTickets(sql, filter),
    listEntries: filter => listEntries(sql, filter),
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
  };
}
