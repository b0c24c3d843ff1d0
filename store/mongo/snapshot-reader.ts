// Reads a copy that the MongoDB engine made, without a server: its files of BSON documents, walked through once and then by place.

import { createSecretKey } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { auditMac, CHAIN_START } from '../audit-link.ts';
import { createFileBlobs } from '../blobs.ts';
import { StoreUnavailable } from '../errors.ts';
import type { SnapshotReader } from '../retention.ts';
import { BSON } from './connection.ts';
import type { AuditDoc, CounterDoc, MessageDoc, NamedDoc } from './documents.ts';
import { toMessage } from './messages.ts';
import { SCHEMA } from './schema.ts';
import type { COLLECTIONS } from './snapshot.ts';
import { toTicket } from './tickets.ts';

type Name = (typeof COLLECTIONS)[number];

const LENGTH = 4;
const NONE = new Uint8Array(0);

export const fileOf = (folder: string, name: Name): string => join(folder, `${name}.bson`);

/** All documents of one file in order, with where each begins. Throws on one that is cut off. */
export function* documentsOf<T>(folder: string, name: Name): Generator<{ readonly doc: T; readonly at: number }> {
  const file = fileOf(folder, name);
  const size = statSync(file).size;
  const handle = openSync(file, 'r');
  try {
    for (let at = 0; at < size; ) {
      const { doc, length } = documentAt<T>(handle, at);
      yield { doc, at };
      at += length;
    }
  } finally {
    closeSync(handle);
  }
}

function documentAt<T>(handle: number, at: number): { readonly doc: T; readonly length: number } {
  const head = Buffer.alloc(LENGTH);
  readSync(handle, head, 0, LENGTH, at);
  const length = head.readInt32LE(0);
  const bytes = Buffer.alloc(Math.max(length, LENGTH));
  if (readSync(handle, bytes, 0, length, at) !== length) throw new Error('a document is cut off');
  return { doc: BSON.deserialize(bytes, { promoteBuffers: true }) as T, length };
}

interface Walked {
  readonly places: readonly { readonly ordinal: number; readonly at: number }[];
  readonly byNumber: ReadonlyMap<string, number>;
  readonly tickets: number;
}

function walk(folder: string): Walked {
  const places: { ordinal: number; at: number }[] = [];
  const byNumber = new Map<string, number>();
  let tickets = 0;
  for (const { doc, at } of documentsOf<MessageDoc>(folder, 'messages')) {
    places.push({ ordinal: doc.ordinal, at });
    byNumber.set(doc.number, at);
    if (doc.isTicket) tickets++;
  }
  return { places, byNumber, tickets };
}

/** Throws `store.newer_schema` for a copy of a newer version. */
export function openMongoSnapshot(folder: string): SnapshotReader {
  const counters = [...documentsOf<CounterDoc>(folder, 'counters')];
  const schema = counters.find(({ doc }) => doc._id === 'schema')?.doc.value ?? 0;
  if (schema > SCHEMA) {
    throw new StoreUnavailable(
      'store.newer_schema',
      `数据由更新的版本建立，请升级本软件。 / The data was written by a newer version, upgrade this software. (${schema} > ${SCHEMA})`,
    );
  }
  const { places, byNumber, tickets } = walk(folder);
  const handle = openSync(fileOf(folder, 'messages'), 'r');
  const at = (place: number) => documentAt<MessageDoc>(handle, place).doc;
  const find = (number: string) => {
    const place = byNumber.get(number);
    return place === undefined ? null : at(place);
  };
  const count = (name: Name) => [...documentsOf(folder, name)].length;
  return {
    schema,
    blobs: createFileBlobs(folder),
    integrity: () =>
      places.some((place, i) => i > 0 && place.ordinal <= (places[i - 1]?.ordinal ?? 0)) ? 'order' : null,
    counts: () => ({ messages: places.length, tickets, entries: count('outbox') }),
    meta: name => [...documentsOf<NamedDoc>(folder, 'named')].find(({ doc }) => doc._id === name)?.doc.value ?? null,
    messagesAfter: (ordinal, limit) => {
      const first = firstAfter(places, ordinal);
      return places.slice(first, first + limit).map(place => toMessage(at(place.at)));
    },
    ticket: number => {
      const doc = find(number);
      if (doc === null || doc.ticket === null) return null;
      return toTicket(doc, doc.ticket, doc.identity ?? NONE);
    },
    attachments: number => (find(number)?.attachments ?? []).map(attachment => ({ message: number, ...attachment })),
    verifyAudit: (auditKey, profile) => verifyChain(folder, auditKey, profile === 'gm' ? 'sm3' : 'sha256'),
    close: () => closeSync(handle),
  };
}

/** Place of the first with a higher ordinal. */
function firstAfter(places: Walked['places'], ordinal: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle]?.ordinal ?? 0) > ordinal) high = middle;
    else low = middle + 1;
  }
  return low;
}

function verifyChain(folder: string, auditKey: Uint8Array, hash: string) {
  const key = createSecretKey(auditKey);
  let seq = 0;
  let mac: Buffer = CHAIN_START;
  for (const { doc } of documentsOf<AuditDoc>(folder, 'audit')) {
    const { _id, at, by, action, things, why } = doc;
    mac = auditMac(hash, key, mac, { seq: _id, at, actor: by, action, things, why: why ?? null });
    if (_id !== seq + 1 || mac.toString('hex') !== doc.mac) return { records: seq, broken: seq + 1 };
    seq = _id;
  }
  return { records: seq, broken: null };
}
