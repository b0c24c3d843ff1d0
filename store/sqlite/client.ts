// The Store port over a reading connection of this thread and the writing thread behind a message port.
import { statfs } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import type { MessagePort } from 'node:worker_threads';
import { createFileBlobs } from '../blobs.ts';
import { Conflict } from '../errors.ts';
import type { RetentionStore } from '../retention.ts';
import type { AdminStore, CandidateStore, IncidentStore, OutboxStore, Store, TicketStore } from '../store.ts';
import { openReading } from './connection.ts';
import { ordinalOf } from './context.ts';
import { toClaimed } from './entries.ts';
import { type ChainKey, createLongReads } from './long-reads.ts';
import type { LongReads } from './protocol.ts';
import { attachmentsDue, attachmentsOf, listChannels, readCursor, readMeta } from './reads/admin.ts';
import { countArrivals, getIncident } from './reads/incidents.ts';
import { countMessages, findConversation, getMessage, listJoined, listUnread } from './reads/messages.ts';
import { countEntries, getEntry, nextDue } from './reads/outbox.ts';
import { isHeld, newestAt } from './reads/retention.ts';
import {
  candidatesSince,
  countFollowUps,
  countTickets,
  getTicket,
  listSegments,
  loadCandidates,
  readBlocks,
  readStatistics,
  sealedTicket,
} from './reads/tickets.ts';
import { takeSnapshot } from './snapshot.ts';
import { createStatements, type Statements, unhex } from './statements.ts';
import { createWriteClient, type WriteClient } from './write-client.ts';

/** Long reads as the port sees them, wherever they run. */
export type AskLong = <K extends keyof LongReads>(
  name: K,
  ...args: Parameters<LongReads[K]>
) => Promise<ReturnType<LongReads[K]>>;

export interface StoreParts {
  readonly folder: string;
  readonly reading: DatabaseSync;
  readonly writes: WriteClient;
  readonly ask: AskLong;
  readonly close: () => Promise<void>;
}

/** Puts the parts of one thread together to the port. */
export function createStore(parts: StoreParts): Store {
  const { folder, writes, ask } = parts;
  const sql = createStatements(parts.reading);
  return {
    messages: {
      accept: (rows, cursor) => writes.accept(rows, cursor),
      unread: async (shards, after, limit) => listUnread(sql, shards, after, limit),
      attempted: numbers => writes.call('attempted', numbers),
      get: async number => getMessage(sql, number),
      list: filter => ask('listMessages', filter),
      joined: async ticket => listJoined(sql, ticket),
      reread: (number, by) => writes.call('reread', number, by),
      counts: async () => countMessages(sql),
    },
    decisions: {
      commit: (rows, fence) => writes.commit(rows, fence),
      conversation: async key => findConversation(sql, unhex(key)),
    },
    candidates: candidateStore(sql, writes),
    outbox: outboxStore(sql, writes, ask),
    tickets: ticketStore(sql, writes, ask),
    incidents: incidentStore(sql, writes, ask),
    blobs: createFileBlobs(folder),
    admin: adminStore(sql, writes, ask, folder),
    shared: null,
    onAccepted: listener => writes.onNews(news => news.accepted && listener()),
    onOutbox: listener => writes.onNews(news => news.outbox && listener()),
    close: parts.close,
  };
}

function candidateStore(sql: Statements, writes: WriteClient): CandidateStore {
  return {
    segments: async () => listSegments(sql),
    blocks: async wanted => readBlocks(sql, wanted),
    writeBlocks: async (segment, made) => {
      await writes.call(
        'writeBlocks',
        segment,
        made.map(({ bucket, bytes }) => ({ bucket, bytes: own(bytes) })),
      );
    },
    publish: async (segment, replaces, statistics) => {
      await writes.call('publish', segment, replaces, own(statistics));
    },
    statistics: async () => readStatistics(sql),
    replaceBlocks: async (segment, made) => {
      await writes.call(
        'replaceBlocks',
        segment,
        made.map(({ bucket, bytes }) => ({ bucket, bytes: own(bytes) })),
      );
    },
    load: async ordinals => loadCandidates(sql, ordinals),
    since: async (after, limit) => candidatesSince(sql, after, limit),
  };
}

function outboxStore(sql: Statements, writes: WriteClient, ask: AskLong): OutboxStore {
  return {
    claim: async (now, limit, leaseMs, queued = false) =>
      (await writes.call('claim', now, limit, leaseMs, queued)).map(toClaimed),
    begin: async (id, now, leaseMs) => {
      const line = await writes.call('begin', id, now, leaseMs);
      return line === null ? null : toClaimed(line);
    },
    nextDue: async () => nextDue(sql),
    finish: (id, token, answer) => writes.call('finish', id, token, answer),
    fail: (id, token, failure) => writes.call('fail', id, token, failure),
    reclaim: now => writes.call('reclaim', now),
    get: async id => getEntry(sql, id),
    list: filter => ask('listEntries', filter),
    replay: (filter, now, by) => writes.call('replay', filter, now, by),
    counts: async () => countEntries(sql),
  };
}

function ticketStore(sql: Statements, writes: WriteClient, ask: AskLong): TicketStore {
  return {
    get: async number => getTicket(sql, number),
    sealed: async number => sealedTicket(sql, number),
    list: filter => ask('listTickets', filter),
    followUps: async numbers => countFollowUps(sql, numbers),
    add: async (event, outbox, audit) => {
      const own_ = event.note === undefined ? event : { ...event, note: own(event.note) };
      const answer = await writes.call('addEvent', own_, outbox, audit);
      if (answer === 'conflict')
        throw new Conflict(`ticket ${event.number} is not in a state that allows ${event.kind}`);
      return answer;
    },
    counts: async () => countTickets(sql),
  };
}

function incidentStore(sql: Statements, writes: WriteClient, ask: AskLong): IncidentStore {
  return {
    list: filter => ask('listIncidents', filter),
    get: async id => getIncident(sql, id),
    arrivals: async (id, from, until) => countArrivals(sql, id, from, until),
    move: change => writes.call('moveIncident', change),
  };
}

function adminStore(sql: Statements, writes: WriteClient, ask: AskLong, folder: string): AdminStore {
  const done = async (step: Promise<null>): Promise<void> => {
    await step;
  };
  return {
    cursor: async channel => readCursor(sql, channel),
    channels: async () => listChannels(sql),
    putChannel: (row, audit, seen) =>
      writes.call(
        'putChannel',
        { ...row, settings: own(row.settings) },
        audit,
        seen ? { settings: own(seen.settings), enabled: seen.enabled } : seen,
      ),
    removeChannel: (id, audit) => writes.call('removeChannel', id, audit),
    lease: (name, owner, now, ttlMs) => writes.call('lease', name, owner, now, ttlMs),
    audit: (note, now) => done(writes.call('audit', note, now)),
    auditList: (after, limit) => ask('auditList', after, limit),
    auditVerify: () => ask('auditVerify'),
    meta: async name => readMeta(sql, name),
    setMeta: (name, value, seen) => writes.call('setMeta', name, value, seen),
    attachmentsDue: async (now, limit) => attachmentsDue(sql, now, limit),
    attachments: async message => attachmentsOf(sql, message),
    settleAttachment: (row, now) => done(writes.call('settleAttachment', row, now)),
    ...retentionStore(sql, writes, ask, folder),
    health: async () => {
      const [commitSeconds, disk] = await Promise.all([writes.call('commitSeconds'), statfs(folder)]);
      return { commitSeconds, freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize };
    },
  };
}

function retentionStore(sql: Statements, writes: WriteClient, ask: AskLong, folder: string): RetentionStore {
  return {
    finished: (until, after, limit) => ask('finished', until, after, limit),
    closed: (until, after, limit) => ask('closed', until, after, limit),
    shred: (items, audit, now) => writes.call('shred', items, audit, now),
    untie: async rows => void (await writes.call('untie', rows)),
    hold: (number, reason, audit, now) => writes.call('hold', number, reason, audit, now),
    unhold: (number, audit, now) => writes.call('unhold', number, audit, now),
    holds: () => ask('holds'),
    onHold: async number => {
      const ordinal = ordinalOf(sql, number);
      return ordinal !== undefined && isHeld(sql, ordinal);
    },
    newestAt: async () => newestAt(sql),
    wrappedKeys: (after, limit) => ask('wrappedKeys', after, limit),
    rewrap: rows =>
      writes.call(
        'rewrap',
        rows.map(row => ({ ...row, from: own(row.from), to: own(row.to) })),
      ),
    scrub: () => ask('scrub'),
    snapshot: (target, watch) => takeSnapshot(folder, target, watch),
  };
}

/** Bytes with memory of their own: a slice of Node's pool would take the whole pool along to the other thread. */
function own(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes);
}

export interface SqliteClientOptions {
  readonly folder: string;
  /** What `connectPort` of the process's store answered, transferred to this thread. */
  readonly port: MessagePort;
  readonly groupCommitMs?: number | undefined;
  /** Page cache of this thread's reading connection; default 16 MB. */
  readonly cacheBytes?: number | undefined;
  /** Only for `admin.auditVerify` in this thread. */
  readonly audit?: ChainKey | undefined;
  /** The writer cannot go on; the thread that opened the store is told as well and ends the process. */
  readonly onFatal?: ((error: Error) => void) | undefined;
}

const CACHE_BYTES = 16 * 1024 * 1024;

/** The same store in another thread: reads here, writes through the one writing thread. */
export async function openSqliteClient(options: SqliteClientOptions): Promise<Store> {
  const reading = openReading(options.folder, Math.ceil((options.cacheBytes ?? CACHE_BYTES) / 1024));
  const long = createLongReads(createStatements(reading), options.audit ?? null, options.folder);
  const writes = createWriteClient(options.port, {
    windowMs: options.groupCommitMs ?? 0,
    onFatal: error => options.onFatal?.(error),
  });
  const ask: AskLong = async (name, ...args) => {
    const read = long[name] as (...args: readonly unknown[]) => never;
    return read(...args);
  };
  const close = async (): Promise<void> => {
    await writes.close();
    reading.close();
  };
  return createStore({ folder: options.folder, reading, writes, ask, close });
}
