// Numbered migrations of the MongoDB engine: the indexes, brought up to date before anything is taken in. Expand first, contract
// later: what a version adds, the one before it can still read.
import { StoreUnavailable } from '../errors.ts';
import { type Models, upserting } from './connection.ts';

interface Index {
  readonly on: keyof Models;
  readonly fields: Readonly<Record<string, 1 | -1>>;
  /** Only ids, numbers and HMACs are unique, so that no index holds what a citizen wrote. */
  readonly unique?: true;
}

const FIRST: readonly Index[] = [
  { on: 'messages', fields: { number: 1 }, unique: true },
  { on: 'messages', fields: { ordinal: 1 }, unique: true },
  { on: 'messages', fields: { state: 1, ordinal: 1 } },
  { on: 'messages', fields: { kind: 1, ordinal: 1 } },
  { on: 'messages', fields: { channel: 1, ordinal: 1 } },
  { on: 'messages', fields: { kind: 1, decidedAt: 1, ordinal: 1 } },
  { on: 'messages', fields: { joined: 1, kind: 1 } },
  { on: 'messages', fields: { conversation: 1, ordinal: -1 } },
  { on: 'messages', fields: { isTicket: 1, ordinal: 1 } },
  { on: 'messages', fields: { 'ticket.state': 1, ordinal: 1 } },
  { on: 'messages', fields: { 'ticket.incident': 1, ordinal: 1 } },
  { on: 'messages', fields: { 'ticket.identityKeys': 1, ordinal: 1 } },
  { on: 'messages', fields: { 'ticket.closedAt': 1, ordinal: 1 } },
  { on: 'messages', fields: { 'ticket.closing': 1 } },
  { on: 'messages', fields: { wantedAt: 1 } },
  { on: 'messages', fields: { pending: 1 } },
  { on: 'messages', fields: { 'gathered.at': 1 } },
  { on: 'messages', fields: { 'gathered.lead': 1 } },
  { on: 'messages', fields: { 'hold.at': 1 } },
  { on: 'outbox', fields: { state: 1, urgent: -1, dueAt: 1, seq: 1 } },
  { on: 'outbox', fields: { lane: 1, live: 1, seq: 1 } },
  { on: 'outbox', fields: { live: 1, seq: 1 } },
  { on: 'outbox', fields: { message: 1, revision: -1 } },
  { on: 'outbox', fields: { ticket: 1, seq: 1 } },
  { on: 'outbox', fields: { state: 1, leaseUntil: 1 } },
  { on: 'outbox', fields: { state: 1, seq: 1 } },
  { on: 'outbox', fields: { seq: 1 } },
  { on: 'outbox', fields: { token: 1 } },
  { on: 'outbox', fields: { pending: 1 } },
  { on: 'outbox', fields: { 'voiding.at': 1 } },
  { on: 'audit', fields: { tag: 1 }, unique: true },
  { on: 'blocks', fields: { key: 1 } },
];

const SECOND: readonly Index[] = [{ on: 'outbox', fields: { state: 1, createdAt: 1 } }];

const MIGRATIONS: readonly (readonly Index[])[] = [FIRST, SECOND];

/** The version of the documents that this program makes. */
export const SCHEMA = MIGRATIONS.length;

/** Id of the document that says which version the documents are of. */
export const VERSION = 'schema';

/** Builds what is missing; running it twice, or on two processes at once, does no harm. @throws StoreUnavailable */
export async function migrate(models: Models): Promise<void> {
  const found = (await models.counters.findById(VERSION).lean())?.value ?? 0;
  if (found > SCHEMA) throw newer(found);
  for (const indexes of MIGRATIONS.slice(found)) {
    for (const { on, fields, unique } of indexes) {
      await models[on].collection.createIndex(fields, { unique: unique ?? false });
    }
  }
  if (found === SCHEMA) return;
  await upserting(() => models.counters.updateOne({ _id: VERSION }, { $set: { value: SCHEMA } }, { upsert: true }));
}

function newer(found: number): StoreUnavailable {
  return new StoreUnavailable(
    'store.newer_schema',
    `数据由更新的版本建立，请升级本软件。 / The data was written by a newer version, upgrade this software. (schema version ${found} is newer than ${SCHEMA})`,
  );
}
