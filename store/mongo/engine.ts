// Opens the store on a MongoDB: connects, checks, migrates, finishes what a process before it left half done, and puts the port
// together.
import { statfs } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import { StoreUnavailable } from '../errors.ts';
import type { Profile } from '../key-ring.ts';
import type {
  AcceptAnswer,
  AdminStore,
  CommitAnswer,
  DecisionStore,
  IncidentStore,
  OutboxStore,
  SharedStore,
  Store,
  TicketStore,
} from '../store.ts';
import { type AcceptCall, acceptCalls, weightOf } from './accept.ts';
import * as admin from './admin.ts';
import { provesAtomic } from './atomicity.ts';
import { createAuditTrail } from './audit.ts';
import { createBatches } from './batches.ts';
import { createGridBlobs, type GridBlobs } from './blobs.ts';
import { candidateStore, dropUnpublished, sweepDropped } from './candidates.ts';
import { type Connected, connectMongo } from './connection.ts';
import type { Context } from './context.ts';
import { type CommitCall, commitCalls } from './decisions.ts';
import * as delivery from './delivery.ts';
import { findEntries, toEntry } from './entries.ts';
import { closed, type Place, unavailable } from './failures.ts';
import { type Finish, finishEntries } from './finishing.ts';
import { countArrivals, getIncident, listIncidents, moveIncident } from './incidents.ts';
import { takeLease } from './leases.ts';
import * as messages from './messages.ts';
import { MOVING } from './moving.ts';
import { createNews, type NewsBoard } from './news.ts';
import * as retention from './retention.ts';
import { rollForward } from './roll-forward.ts';
import { migrate } from './schema.ts';
import { sharedStore } from './several-processes.ts';
import { takeSnapshot } from './snapshot.ts';
import { type Swept, sweep } from './sweep.ts';
import { addEvent } from './ticket-part.ts';
import { countFollowUps, countTickets, getTicket, listTickets, sealedTicket } from './tickets.ts';
import { createVault, INLINE_VAULT, type Vault } from './vault.ts';
import { checkBond } from './vault-bond.ts';

export interface MongoStoreOptions {
  /** mongodb:// or mongodb+srv://, with the database's name in its path. */
  readonly url: string;
  /** A database of its own, with credentials of its own, for originals, identities and attachments; null: all in one. */
  readonly identityUrl?: string | null | undefined;
  /** Key of the audit chain. */
  readonly auditKey: Uint8Array;
  readonly profile: Profile;
  /** Folder whose disk `health` tells of; default the temporary folder's. */
  readonly folder?: string | undefined;
  /** Name of this process that its restarts share; default host and folder. */
  readonly holder?: string | undefined;
  /** True where several processes decide: entries then wait for the sweep that links what two of them missed. */
  readonly shared?: boolean | undefined;
  /** This end of a channel to another thread of the process that has the same store open; news goes both ways. */
  readonly port?: MessagePort | undefined;
  /** False for a second connection of a process: what the process before left half done is the first one's to finish. */
  readonly first?: boolean | undefined;
  readonly onCommand?: ((name: string, command: unknown) => void) | undefined;
}

export interface MongoStore extends Store {
  /** A further listener of this process's news, in another thread; `openMongoStore` takes it as `port`. */
  connectPort(): MessagePort;
  readonly shared: SharedStore;
  /** One pass over what was left half done, and what it came to; `shared.sweep` without the answer. */
  sweep(now: number): Promise<Swept>;
}

/** Rows and bytes written at once at most. */
const ACCEPT_BYTES = 8 * 1024 * 1024;
const COMMIT_ROWS = 256;
const ENTRIES = 64;
const SECONDS_KEPT = 1024;
/** What was set aside for a decision is left alone for so long by the sweep. */
const QUIET_MS = 10_000;

/** @throws StoreUnavailable `store.mongo_*`, `store.newer_schema` */
export async function openMongoStore(options: MongoStoreOptions): Promise<MongoStore> {
  const { main, apart } = await connectAll(options);
  try {
    return await openConnected(options, main, apart);
  } catch (error) {
    await Promise.all([main.connection.close(), apart?.connection.close()]);
    throw unavailable(error, placesOf(main, apart));
  }
}

/** Where its databases are. */
export function placesOf(main: Connected, apart: Connected | null): readonly Place[] {
  return apart === null ? [main.place] : [main.place, apart.place];
}

/** Both connections, or one where nothing is kept apart. */
export async function connectAll({ url, identityUrl, onCommand }: MongoStoreOptions) {
  const main = await connectMongo({ url, setting: 'store.url', onCommand });
  if (identityUrl === undefined || identityUrl === null) return { main, apart: null };
  try {
    return { main, apart: await connectMongo({ url: identityUrl, setting: 'store.identityUrl', onCommand }) };
  } catch (error) {
    await main.connection.close();
    throw error;
  }
}

export function partsOf(options: MongoStoreOptions, main: Connected, apart: Connected | null) {
  const { models } = main;
  const news = createNews(options.port);
  const audit = createAuditTrail(models, options.auditKey, options.profile === 'gm' ? 'sm3' : 'sha256');
  const folder = options.folder ?? tmpdir();
  const holder = options.holder ?? `${hostname()}:${folder}`;
  const { shared = false } = options;
  const mark = { value: 0, since: null };
  const context: Context = { models, holder, audit, news, seconds: [], shared, swept: { parked: 0 }, mark };
  const sealed = apart ?? main;
  const vault = apart === null ? INLINE_VAULT : createVault(apart.connection);
  return { context, vault, news, folder, blobs: createGridBlobs(sealed.connection, sealed.odm.mongo) };
}

async function openConnected(
  options: MongoStoreOptions,
  main: Connected,
  apart: Connected | null,
): Promise<MongoStore> {
  const { context, vault, news, folder, blobs } = partsOf(options, main, apart);
  if (options.first ?? true) {
    await checkBond(main.connection, apart?.connection ?? null);
    await begin(context);
  }
  const guard = createGuard(placesOf(main, apart), () => {
    context.mark.since = null;
  });
  const swept = (now: number) => guard.run(() => sweep(context, now, QUIET_MS));
  const store = putTogether({ context, vault, blobs, news, guard, folder });
  return {
    ...store,
    connectPort: () => news.connect(),
    sweep: swept,
    shared: guardedAll(
      sharedStore(context, async now => {
        await swept(now);
      }),
      guard.run,
    ),
    close: async () => {
      if (!(await guard.close())) return;
      news.close();
      await Promise.all([main.connection.close(), apart?.connection.close()]);
    },
  };
}

/** Nothing of this process's own can be under way at its start. */
async function begin(context: Context): Promise<void> {
  await prepare(context);
  if ((await context.models.named.findById(MOVING).lean()) !== null) throw unfinished();
  await delivery.recoverEntries(context);
  await dropUnpublished(context);
  await sweep(context, Date.now(), QUIET_MS);
  await sweepDropped(context, Date.now());
}

/** Up to date, and on a server that keeps what it promises. */
export async function prepare(context: Context): Promise<void> {
  await migrate(context.models);
  await provesAtomic(context.models);
}

function unfinished(): StoreUnavailable {
  return new StoreUnavailable(
    'store.move_unfinished',
    '迁移或恢复尚未完成：请重新运行原来的 huisu migrate 或 huisu restore，它会接着做完。 / A move or a restore into this database is not finished: run the same huisu migrate or huisu restore again, it goes on where it was.',
  );
}

interface Guard {
  /** Every way into the engine: refused once closed, and rejecting with what the port promises. */
  run<T>(step: () => Promise<T>): Promise<T>;
  /** Waits for what is under way; false where it was closed before. */
  close(): Promise<boolean>;
}

/** @param failed told whenever something could not be done */
function createGuard(places: readonly Place[], failed: () => void): Guard {
  const underWay = new Set<Promise<unknown>>();
  let over = false;
  return {
    run: async step => {
      if (over) throw closed();
      const running = step();
      underWay.add(running);
      try {
        return await running;
      } catch (error) {
        failed();
        throw unavailable(error, places);
      } finally {
        underWay.delete(running);
      }
    },
    close: async () => {
      if (over) return false;
      over = true;
      await Promise.allSettled([...underWay]);
      return true;
    },
  };
}

interface Parts {
  readonly context: Context;
  readonly vault: Vault;
  readonly blobs: GridBlobs;
  readonly news: NewsBoard;
  readonly guard: Guard;
  readonly folder: string;
}

type Port = Omit<Store, 'close' | 'shared'>;

function putTogether(parts: Parts): Port {
  const { context, vault, blobs, news, guard } = parts;
  const { run } = guard;
  const accepting = createBatches<AcceptCall, readonly AcceptAnswer[]>(
    calls => timed(context, () => acceptCalls(context, vault, calls)),
    ACCEPT_BYTES,
    weightOf,
  );
  return {
    messages: {
      accept: (rows, cursor) => run(() => accepting.add({ rows, cursor })),
      unread: (shards, after, limit) => run(() => messages.listUnread(context, vault, shards, after, limit)),
      attempted: numbers => run(() => messages.countAttempts(context, numbers)),
      get: number => run(() => messages.getMessage(context, vault, number)),
      list: filter => run(() => messages.listMessages(context, vault, filter)),
      joined: ticket => run(() => messages.listJoined(context, vault, ticket)),
      reread: (number, by) => run(() => messages.readAgain(context, number, by, Date.now())),
      counts: () =>
        run(async () => {
          const [counts] = await Promise.all([messages.countMessages(context), vault.answers()]);
          return counts;
        }),
    },
    decisions: decisionStore(parts),
    candidates: guardedAll(candidateStore(context), run),
    outbox: outboxStore(parts),
    tickets: ticketStore(parts),
    incidents: incidentStore(parts),
    blobs: {
      put: (name, sealed) => run(() => blobs.put(name, sealed)),
      get: name => run(() => blobs.get(name)),
      remove: name => run(() => blobs.remove(name)),
      sweep: elapsed => run(() => blobs.sweep(elapsed)),
    },
    admin: adminStore(parts),
    onAccepted: listener => news.onAccepted(listener),
    onOutbox: listener => news.onOutbox(listener),
  };
}

function decisionStore({ context, vault, guard }: Parts): DecisionStore {
  const committing = createBatches<CommitCall, readonly CommitAnswer[]>(
    calls => timed(context, () => commitCalls(context, vault, calls)),
    COMMIT_ROWS,
    call => call.rows.length,
  );
  return {
    commit: (rows, fence) => guard.run(() => committing.add({ rows, fence })),
    conversation: key => guard.run(() => messages.findConversation(context, key)),
  };
}

/** The same object with every method run by the guard. */
export function guardedAll<T extends object>(port: T, run: Guard['run']): T {
  const methods = Object.entries(port).map(([name, method]) => [
    name,
    (...args: readonly unknown[]) => run(() => (method as (...args: readonly unknown[]) => Promise<unknown>)(...args)),
  ]);
  return Object.fromEntries(methods) as T;
}

async function timed<T>({ seconds }: Context, step: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const answer = await step();
  if (seconds.length === SECONDS_KEPT) seconds.shift();
  seconds.push((performance.now() - started) / 1000);
  return answer;
}

function outboxStore({ context, guard: { run } }: Parts): OutboxStore {
  const finishing = createBatches((calls: readonly Finish[]) => finishEntries(context, calls), ENTRIES);
  return {
    claim: (now, limit, leaseMs, queued = false) =>
      run(() => delivery.claimEntries(context, { now, limit, leaseMs, queued })),
    begin: (id, now, leaseMs) => run(() => delivery.beginEntry(context, id, now, leaseMs)),
    nextDue: () => run(() => delivery.nextDue(context)),
    finish: (id, token, answer) => run(() => finishing.add({ id, token, answer })),
    fail: (id, token, failure) => run(() => delivery.failEntry(context, id, token, failure)),
    reclaim: now => run(() => delivery.reclaimEntries(context, now)),
    get: id => run(async () => (await findEntries(context, { id, limit: 1 })).map(toEntry)[0] ?? null),
    list: filter => run(async () => (await findEntries(context, filter)).map(toEntry)),
    replay: (filter, now, by) => run(() => delivery.replayEntries(context, filter, now, by)),
    counts: () => run(() => delivery.countEntries(context)),
  };
}

function ticketStore({ context, vault, guard: { run } }: Parts): TicketStore {
  return {
    get: number => run(() => getTicket(context, vault, number)),
    sealed: number => run(() => sealedTicket(context, vault, number)),
    list: filter => run(() => listTickets(context, vault, filter)),
    followUps: numbers => run(() => countFollowUps(context, numbers)),
    add: (event, outbox, audit) =>
      run(async () => {
        const answer = await addEvent(context, event, outbox, audit);
        if (answer === 'added') await rollForward(context, [event.number]);
        return answer;
      }),
    counts: () => run(() => countTickets(context)),
  };
}

function incidentStore({ context, guard: { run } }: Parts): IncidentStore {
  return {
    list: filter => run(() => listIncidents(context, filter)),
    get: id => run(() => getIncident(context, id)),
    arrivals: (id, from, until) => run(() => countArrivals(context, id, from, until)),
    move: change =>
      run(async () => {
        const answer = await moveIncident(context, change);
        if (answer === 'moved') await rollForward(context, [change.to]);
        return answer;
      }),
  };
}

function adminStore({ context, vault, blobs, guard: { run }, folder }: Parts): AdminStore {
  return {
    cursor: channel => run(() => admin.readCursor(context, channel)),
    channels: () => run(() => admin.listChannels(context)),
    putChannel: (row, audit, seen) => run(() => admin.putChannel(context, row, audit, seen, Date.now())),
    removeChannel: (id, audit) => run(() => admin.removeChannel(context, id, audit, Date.now())),
    lease: (name, owner, now, ttlMs) => run(() => takeLease(context, name, owner, now, ttlMs)),
    audit: (note, now) => run(() => context.audit.append(note, now)),
    auditList: (after, limit) => run(() => context.audit.list(after, limit)),
    auditVerify: () => run(() => context.audit.verify()),
    meta: name => run(() => admin.readMeta(context, name)),
    setMeta: (name, value, seen) => run(() => timed(context, () => admin.setMeta(context, name, value, seen))),
    attachmentsDue: (now, limit) => run(() => admin.attachmentsDue(context, now, limit)),
    attachments: message => run(() => admin.attachmentsOf(context, message)),
    settleAttachment: (row, now) => run(() => admin.settleAttachment(context, row, now)),
    finished: (until, after, limit) => run(() => retention.finishedBefore(context, until, after, limit)),
    closed: (until, after, limit) => run(() => retention.closedBefore(context, until, after, limit)),
    shred: (items, audit, now) => run(() => retention.shredMessages(context, vault, items, audit, now)),
    untie: rows => run(() => retention.untieMessages(context, vault, rows)),
    hold: (number, reason, audit, now) => run(() => retention.holdNumber(context, { number, reason, audit, now })),
    unhold: (number, audit, now) => run(() => retention.unholdNumber(context, number, audit, now)),
    holds: () => run(() => retention.listHolds(context)),
    onHold: number => run(() => retention.isOnHold(context, number)),
    newestAt: () => run(() => retention.newestAt(context)),
    wrappedKeys: (after, limit) => run(() => retention.listWrappedKeys(context, after, limit)),
    rewrap: rows => run(() => retention.rewrapKeys(context, rows)),
    // A deleted value is not in any document any more; when the server's files forget it is the server's affair.
    scrub: () => run(async () => true),
    snapshot: (target, watch) => run(() => takeSnapshot({ models: context.models, vault, blobs }, target, watch)),
    health: () =>
      run(async () => {
        const disk = await statfs(folder);
        const commitSeconds = context.seconds.splice(0);
        return { commitSeconds, freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize };
      }),
  };
}
