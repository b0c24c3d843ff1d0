// Promise of the packing: what the writing thread unpacks is what was asked, every member of it.
import assert from 'node:assert/strict';
import { Packer, packAccept, packCommit, Unpacker, unpackAccept, unpackCommit } from '../../store/sqlite/packing.ts';
import type { AcceptRow, CommitRow } from '../../store/store.ts';
import { born, decision, entry, message, SYSTEM } from '../contracts/store-rows.ts';

/** Every member that a row can have, but for what only a store of several processes keeps: a new one in the port makes this fail to compile until the packing carries it. */
const whole: Required<Omit<CommitRow, 'knew'>> = {
  ...decision('a', { kind: 'ticket', held: true, incident: 'i' }),
  ticket: born('a', { identityKeys: ['ab'.repeat(16), 'cd'.repeat(16)], confidential: true, closedRepeatOf: 'x' }),
  parts: ['p1', 'p2'],
  gathers: ['f', 'g'],
  conversation: 'ef'.repeat(16),
  outbox: [entry('a', 'ticket.created', { urgent: true, notBefore: 9 }), entry('a', 'ticket.corrected')],
  voids: ['v'],
  wanted: [{ index: 3, dueAt: 4 }],
  events: [
    { number: 'n', at: 1, by: 'x', kind: 'k', expect: ['held'], note: Buffer.from('note') },
    { number: 'm', at: 2, by: 'y', kind: 'k' },
  ],
  notSame: ['z'],
  audit: SYSTEM,
};

/** Byte arrays of any kind as plain ones, for comparing. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

describe('packing', () => {
  it('carries decisions whole, several calls in one batch', () => {
    const packer = new Packer();
    const bare: CommitRow = { ...decision('b', { kind: 'quarantined', reason: 'x' }), decision: null, notSame: [] };
    packCommit(packer, [whole, bare], 'decider#1');
    packCommit(packer, [], null);
    packCommit(packer, [whole], null);
    const unpacker = new Unpacker(packer.done());
    assert.deepEqual(plain(unpackCommit(unpacker)), plain({ rows: [whole, bare], fence: 'decider#1' }));
    assert.deepEqual(plain(unpackCommit(unpacker)), { rows: [], fence: null });
    assert.deepEqual(plain(unpackCommit(unpacker)), plain({ rows: [whole], fence: null }));
  });

  it('carries accepted messages whole', () => {
    const rows: Required<AcceptRow>[] = [
      message('a', { weakKey: '00'.repeat(16) }),
      message('b', { sealed: null, blob: 'x' }),
    ];
    const packer = new Packer();
    packAccept(packer, rows, { channel: 'mail', value: '7' });
    packAccept(packer, rows.slice(1), undefined);
    const unpacker = new Unpacker(packer.done());
    assert.deepEqual(plain(unpackAccept(unpacker)), plain({ rows, cursor: { channel: 'mail', value: '7' } }));
    assert.deepEqual(plain(unpackAccept(unpacker)), plain({ rows: rows.slice(1), cursor: null }));
  });
});
