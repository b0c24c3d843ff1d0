// Messages by a running number, for the tests of the embedded engine.
import { createHash } from 'node:crypto';
import type { AcceptRow } from '../../../store/store.ts';

export const AUDIT_KEY = Buffer.alloc(32, 7);

export function row(place: number | string, bytes = 1300): AcceptRow {
  const hash = createHash('sha256').update(String(place)).digest('hex');
  return {
    key: hash.slice(0, 32),
    weakKey: null,
    fingerprint: hash.slice(32),
    number: `261124-${place}`,
    channel: 'app-1',
    lane: hash.slice(0, 16),
    shard: Number.parseInt(hash.slice(0, 2), 16) % 64,
    acceptedAt: 1_795_000_000_000,
    wrappedContent: Buffer.alloc(70, 1),
    sealed: Buffer.alloc(bytes, 2),
    blob: null,
  };
}
