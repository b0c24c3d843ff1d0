// A link of the audit chain: the MAC over the record before and this one, the same on every engine, so that a chain can move.
import { createHmac, type KeyObject } from 'node:crypto';

export interface AuditLink {
  readonly seq: number;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  /** JSON list. */
  readonly things: string;
  readonly why: string | null;
}

/** What the first record is chained to. */
export const CHAIN_START = Buffer.from('huisu audit chain 1');

export function auditMac(hash: string, key: KeyObject, before: Uint8Array, link: AuditLink): Buffer {
  const canonical = JSON.stringify([link.seq, link.at, link.actor, link.action, link.things, link.why]);
  return createHmac(hash, key).update(before).update(canonical).digest();
}
