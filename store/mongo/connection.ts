// The connection to a MongoDB: its settings, its models, and the checks before anything is written.
import mongoose, { type Connection, type Model, type Mongoose, Schema } from 'mongoose';
import { StoreUnavailable } from '../errors.ts';
import type {
  AuditDoc,
  BlockDoc,
  ChannelDoc,
  CounterDoc,
  EntryDoc,
  IndexDoc,
  LeaseDoc,
  MessageDoc,
  NamedDoc,
  WritingDoc,
} from './documents.ts';
import { type Place, refusalOf, serversOf, WORDS } from './failures.ts';
import { failLostWrites } from './lost-writes.ts';

failLostWrites();

/** Times within which a server has to answer: whoever waits for an acknowledgement is told within two seconds. */
const SELECTION_MS = 2000;
const CONNECT_MS = 2000;
const ANSWER_MS = 20_000;
/** How often a server is asked whether it is there: a network that swallows everything is known by then, and what it has swallowed
 *  is not waited for any longer. */
const HEARTBEAT_MS = 5000;
const POOL = 24;
/** Oldest server whose commands are used. */
const OLDEST = 6;
/** Difference of clocks beyond which a lease of one process could run out for another before it does for its owner. */
const CLOCK_MS = 500;

export interface Models {
  readonly messages: Model<MessageDoc>;
  readonly outbox: Model<EntryDoc>;
  readonly audit: Model<AuditDoc>;
  readonly channels: Model<ChannelDoc>;
  readonly cursors: Model<NamedDoc>;
  readonly named: Model<NamedDoc>;
  readonly counters: Model<CounterDoc>;
  readonly leases: Model<LeaseDoc>;
  readonly index: Model<IndexDoc>;
  readonly writing: Model<WritingDoc>;
  readonly blocks: Model<BlockDoc>;
}

export interface Connected {
  readonly odm: Mongoose;
  readonly connection: Connection;
  readonly models: Models;
  readonly place: Place;
}

/** The binary form of documents, as copies of a store hold them. */
export const { BSON } = mongoose.mongo;

/** Marks a condition with operators as ours: any other object in a filter is taken for a value, whatever it holds. */
export const op = mongoose.trusted;

/** One of these. For one alone it is asked plainly, which some servers answer without reading the whole collection. */
export function among<T extends string | number>(values: readonly T[]) {
  const different = [...new Set(values)];
  return different.length === 1 ? (different[0] as T) : op({ $in: different });
}

/** So many documents are asked for one by one, side by side. */
const FEW = 16;

/** Documents of these values of one field, where the order does not matter. Some servers answer a question for one from an index, and
 *  read the whole collection for a list; MongoDB takes either the same. */
export async function documentsOf<T extends string | number, Doc>(
  values: readonly T[],
  find: (condition: ReturnType<typeof among<T>>) => Promise<Doc[]>,
): Promise<Doc[]> {
  const different = [...new Set(values)];
  if (different.length > FEW) return find(among(different));
  return (await Promise.all(different.map(value => find(value)))).flat();
}

const { Mixed } = Schema.Types;
/** Bytes go as they are: the driver takes any byte array, mongoose's own type only its own kind. */
const Bytes = Mixed;
const OPTIONS = {
  versionKey: false,
  autoIndex: false,
  autoCreate: false,
  minimize: false,
  strict: true,
  id: false,
} as const;

function model<T>(connection: Connection, name: string, fields: Record<string, unknown>): Model<T> {
  const schema = new Schema(fields as never, { ...OPTIONS, collection: name });
  return connection.model(name, schema) as unknown as Model<T>;
}

const MESSAGE = {
  ...{
    _id: String,
    number: String,
    ordinal: Number,
    fingerprint: String,
    channel: String,
    lane: String,
    shard: Number,
  },
  ...{ acceptedAt: Number, wrappedContent: Bytes, sealed: Bytes, blob: String },
  ...{ state: String, attempts: Number, next: Number, version: Number, fence: Number },
  ...{
    decidedAt: Number,
    knew: Number,
    kind: String,
    outcome: Mixed,
    joined: String,
    conversation: String,
    decision: Bytes,
  },
  ...{ print: String, wrappedIdentity: Bytes, identity: Bytes, identityAt: String, born: Bytes, shreddedAt: Number },
  ...{ ticket: Mixed, isTicket: Boolean, notSame: [String], attachments: Mixed, wantedAt: Number, hold: Mixed },
  ...{ gathered: Mixed, parts: [String], voided: [String], todo: Mixed, pending: Boolean },
};

const ENTRY = {
  ...{ _id: String, message: String, revision: Number, kind: String, ticket: String, lane: String, urgent: Boolean },
  ...{ notBefore: Number, afterCreated: Boolean, state: String, attempts: Number, createdAt: Number, dueAt: Number },
  ...{ cause: String, unknown: Boolean, caseNumber: String, finishedAt: Number, seq: Number, live: Boolean },
  ...{ firstCreatedAt: Number },
  ...{
    token: String,
    holder: String,
    leaseUntil: Number,
    setAt: Number,
    begun: Boolean,
    voiding: Mixed,
    pending: Boolean,
  },
};

function modelsOf(connection: Connection): Models {
  const named = { _id: String, value: String };
  return {
    messages: model(connection, 'messages', MESSAGE),
    outbox: model(connection, 'outbox', ENTRY),
    audit: model(connection, 'audit', {
      ...{ _id: Number, at: Number, by: String, action: String, things: String, why: String, mac: String, tag: String },
    }),
    channels: model(connection, 'channels', {
      ...{ _id: String, kind: String, settings: Bytes, enabled: Boolean, createdAt: Number },
    }),
    cursors: model(connection, 'cursors', named),
    named: model(connection, 'named', named),
    counters: model(connection, 'counters', { _id: String, value: Number }),
    leases: model(connection, 'leases', {
      _id: String,
      owner: String,
      token: Number,
      until: Number,
      ttl: Number,
      fenced: Number,
    }),
    index: model(connection, 'candidates', {
      ...{ _id: String, version: Number, segments: Mixed, dropped: Mixed, statistics: Bytes },
    }),
    writing: model(connection, 'writing', { _id: String, key: String, holder: String }),
    blocks: model(connection, 'blocks', { _id: String, key: String, bytes: Bytes }),
  };
}

export interface ConnectOptions {
  readonly url: string;
  /** Where it stands in the settings, for whoever has to change it. */
  readonly setting?: string;
  /** Hears of every command, for tests that hold the engine to the list of what it may use. */
  readonly onCommand?: ((name: string, command: unknown) => void) | undefined;
}

/** Connects within two seconds. @throws StoreUnavailable in one sentence that says what to change */
export async function connectMongo({ url, setting = 'store.url', onCommand }: ConnectOptions): Promise<Connected> {
  const place = { setting, servers: serversOf(url) };
  const odm = new mongoose.Mongoose();
  odm.set('sanitizeFilter', true);
  odm.set('strictQuery', true);
  const connection = odm.createConnection();
  connection.on('error', () => undefined);
  try {
    await connection.openUri(url, {
      serverSelectionTimeoutMS: SELECTION_MS,
      connectTimeoutMS: CONNECT_MS,
      socketTimeoutMS: ANSWER_MS,
      heartbeatFrequencyMS: HEARTBEAT_MS,
      maxPoolSize: POOL,
      bufferCommands: false,
      autoIndex: false,
      autoCreate: false,
      promoteBuffers: true,
      // Sessions are left alone, and every write is such that its caller may do it again.
      retryWrites: false,
      writeConcern: { w: 'majority', journal: true },
      readConcern: { level: 'local' },
      readPreference: 'primary',
      monitorCommands: onCommand !== undefined,
      appName: 'huisu',
    });
    if (onCommand !== undefined) {
      connection.getClient().on('commandStarted', event => onCommand(event.commandName, event.command));
    }
    await checkServer(connection);
  } catch (error) {
    await connection.close();
    throw refusalOf(error, place);
  }
  return { odm, connection, models: modelsOf(connection), place };
}

async function checkServer(connection: Connection): Promise<void> {
  const { db } = connection;
  if (db === undefined) throw new StoreUnavailable('store.mongo_unreachable', WORDS.unreachable);
  const { version } = (await db.admin().command({ buildInfo: 1 })) as { version?: string };
  if (Number.parseInt(version ?? '0', 10) < OLDEST) throw new StoreUnavailable('store.mongo_too_old', tooOld(version));
  await checkClock(db);
}

/** Leases are dated by whoever takes them: with a clock that is ahead, what others have under way would be taken from them. */
async function checkClock(db: NonNullable<Connection['db']>): Promise<void> {
  const before = Date.now();
  const { localTime } = (await db.admin().command({ hello: 1 })) as { localTime?: Date };
  if (localTime === undefined) return;
  const ahead = Math.max(before - localTime.getTime(), localTime.getTime() - Date.now());
  if (ahead > CLOCK_MS) throw new StoreUnavailable('store.mongo_clock', otherClock(ahead));
}

function tooOld(version = '?'): string {
  return `MongoDB ${version} 太旧，请升级到 6 或更新的版本。 / MongoDB ${version} is too old, upgrade to 6 or newer.`;
}

function otherClock(ms: number): string {
  return `本机时钟与 MongoDB 相差 ${ms} 毫秒，请先校时（NTP）。 / The clock of this machine and MongoDB's are ${ms} ms apart, set them right first (NTP).`;
}

/** A write that makes its document where it is not there: of two that make it at once one is refused, and then it is there. */
export async function upserting<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    return write();
  }
}

/** True for a unique key that is taken. */
export function isDuplicate(error: unknown): boolean {
  return (error as { code?: unknown }).code === DUPLICATE;
}

/** Makes a document; false where there is one of its id already. */
export async function insertNew<T extends { readonly _id: string }>(
  model: { insertMany(docs: readonly T[], options: { lean: true }): Promise<unknown> },
  doc: T,
): Promise<boolean> {
  try {
    await model.insertMany([doc], { lean: true });
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/** What a batch of writes answers where some of it was not written. */
interface WriteErrors {
  readonly writeErrors?: readonly { readonly index: number; readonly code?: number }[];
  readonly result?: { getWriteConcernError?(): unknown };
}

/** The writes of a batch that failed; throws on where it is not known which, or where they are not durable as promised. */
export function failedWrites(error: unknown): NonNullable<WriteErrors['writeErrors']> {
  const { writeErrors = [], result } = error as WriteErrors;
  if (writeErrors.length === 0 || result?.getWriteConcernError?.()) throw error;
  return writeErrors;
}

/** True where all that failed of a batch stands there already. Throws on what it cannot tell. */
export function areDuplicates(error: unknown): boolean {
  return failedWrites(error).every(({ code }) => code === DUPLICATE);
}

export const DUPLICATE = 11000;
