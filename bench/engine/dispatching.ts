// Sending from a full outbox to an empty one, beside raw Bull that adds, processes and posts to the same target at the same
// concurrency; on a MongoDB raw Bull also claims and finishes entries by raw mongoose calls.
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Bull from 'bull';
import mongoose from 'mongoose';
import { createBullQueue } from '../../gateway/dispatch/bull-queue.ts';
import { openMongoStore } from '../../store/mongo/engine.ts';
import { openSqliteStore } from '../../store/sqlite/engine.ts';
import type { Store } from '../../store/store.ts';

import { openWorkbench, reportBug, type StoreOf } from '../../test/gateway/dispatch/workbench.ts';
import type { Redis } from '../../test/servers/redis.ts';
import { dropDatabase, ownDatabase, perSecond } from './figures.ts';
import { caseSystemAt, rawSender } from './target.ts';

export interface DispatchRound {
  readonly redis: Redis;
  /** Address of the target. */
  readonly target: string;
  readonly entries: number;
  /** Sent at one time, by either. */
  readonly concurrency: number;
}

export interface Spent {
  readonly perSecond: number;
  /** Processor time of this process for one entry, microseconds. */
  readonly cpuMicros: number;
}

/** Jobs added with one round trip, as a relay does that tops its queue up. */
const BATCH = 32;
const TICKETS_AT_ONCE = 100;
const DEADLINES = { connect: 5, headers: 10, body: 10, total: 30 };
let place = 0;

async function spent(entries: number, work: () => Promise<void>): Promise<Spent> {
  const before = process.cpuUsage();
  const began = performance.now();
  await work();
  const took = performance.now() - began;
  const { user, system } = process.cpuUsage(before);
  return { perSecond: perSecond(entries, took), cpuMicros: Math.round((user + system) / entries) };
}

interface RawJob {
  readonly id: string;
}

/** @param add hands over jobs, in whatever pace its queue allows; `handle` is what a worker does beside posting. */
async function rawRound(
  { redis, target, entries, concurrency }: DispatchRound,
  add: (queue: Bull.Queue<RawJob>) => Promise<void>,
  handle: (id: string, post: () => Promise<void>) => Promise<void>,
): Promise<Spent> {
  const connection = { prefix: `raw-${place++}`, redis: { port: redis.port, host: '127.0.0.1' } };
  const queue = new Bull<RawJob>('raw', { ...connection, defaultJobOptions: { removeOnComplete: true } });
  const sender = rawSender(target, concurrency);
  let done = 0;
  const all = Promise.withResolvers<void>();
  const process = async ({ data }: Bull.Job<RawJob>): Promise<void> => {
    await handle(data.id, sender.post);
    if (++done === entries) all.resolve();
  };
  queue.on('failed', (_, error) => all.reject(error));
  queue.process(concurrency, process).catch(all.reject);
  await queue.isReady();
  try {
    return await spent(entries, async () => {
      await Promise.all([add(queue).catch(all.reject), all.promise]);
    });
  } finally {
    await queue.close();
    await sender.close();
  }
}

/** Adds and processes by Bull alone. */
export function rawBull(round: DispatchRound): Promise<Spent> {
  const { entries } = round;
  return rawRound(
    round,
    async queue => {
      for (let from = 0; from < entries; from += BATCH) {
        const count = Math.min(BATCH, entries - from);
        await Promise.all(Array.from({ length: count }, (_, i) => queue.add({ id: `m${from + i}` })));
      }
    },
    (_, post) => post(),
  );
}

/** From a full outbox to an empty one. */
async function dispatched(round: DispatchRound, storeOf: StoreOf): Promise<Spent> {
  const { redis, target, entries, concurrency } = round;
  const queue = { url: redis.url, prefix: `ours-${place++}`, onBug: reportBug };
  const end = ending(entries);
  const bench = await openWorkbench(
    {},
    () => createBullQueue(queue),
    async (...parts) => end.watch(await storeOf(...parts)),
  );
  try {
    for (let made = 0; made < entries; made += TICKETS_AT_ONCE) {
      const count = Math.min(TICKETS_AT_ONCE, entries - made);
      await bench.tickets(Array.from({ length: count }, (_, i) => ({ lane: `lane-${made + i}` })));
    }
    return await spent(entries, async () => {
      await bench.dispatch({ ...caseSystemAt(target), deadlines: DEADLINES }, concurrency);
      await end.reached;
    });
  } finally {
    await bench.close();
  }
}

/** Hears of the last finish without asking the store again and again. */
function ending(entries: number): { watch(store: Store): Store; readonly reached: Promise<void> } {
  let done = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    reached: promise,
    watch: store => ({
      ...store,
      outbox: {
        ...store.outbox,
        async finish(...args) {
          const answer = await store.outbox.finish(...args);
          if (++done === entries) resolve();
          return answer;
        },
      },
    }),
  };
}

export const dispatchedOnSqlite = (round: DispatchRound): Promise<Spent> =>
  dispatched(round, (folder, audit) => openSqliteStore({ folder: join(folder, 'data'), ...audit }));

export async function dispatchedOnMongo(round: DispatchRound, server: string): Promise<Spent> {
  const url = ownDatabase(server);
  try {
    return await dispatched(round, (_, audit) => openMongoStore({ url, ...audit }));
  } finally {
    await dropDatabase(url);
  }
}

interface RawEntry {
  readonly _id: string;
  readonly lane: string;
  readonly state: string;
  readonly seq: number;
  readonly dueAt: number;
  readonly token: string | null;
}

interface RawTicket {
  readonly number: string;
  readonly state: string;
  readonly sealed: Uint8Array;
  readonly events: { readonly at: number; readonly kind: string }[];
}

/** Bytes of a ticket at rest, about what the workbench's have. */
const TICKET_BYTES = 2500;

/** So many entries that are due, each with its ticket under the entry's id. */
async function filled(connection: mongoose.Connection, entries: number) {
  const outbox = connection.collection<RawEntry>('outbox');
  const tickets = connection.collection<RawTicket>('tickets');
  await outbox.createIndex({ state: 1, dueAt: 1, seq: 1 });
  await outbox.createIndex({ token: 1 });
  await tickets.createIndex({ number: 1 }, { unique: true });
  const ids = Array.from({ length: entries }, () => `${randomBytes(8).toString('hex')}:0:ticket.created`);
  await outbox.insertMany(
    ids.map((_id, seq) => ({
      ...{ _id, lane: randomBytes(8).toString('hex'), state: 'due', seq, dueAt: 0 },
      ...{ token: null, attempts: 0, cause: null, createdAt: Date.now() },
    })),
  );
  await tickets.insertMany(
    ids.map(number => ({ number, state: 'queued', sealed: randomBytes(TICKET_BYTES), events: [] })),
  );
  return { outbox, tickets };
}

/** Raw Bull, with each entry claimed, begun with and finished, and its ticket dispatched, by one call each. */
export async function rawBullOnMongo(round: DispatchRound, server: string): Promise<Spent> {
  const { entries, concurrency } = round;
  const url = ownDatabase(server);
  const connection = await mongoose
    .createConnection(url, { writeConcern: { w: 'majority', journal: true } })
    .asPromise();
  const { outbox, tickets } = await filled(connection, entries);
  const claim = async (limit: number): Promise<readonly string[]> => {
    const due = await outbox.find({ state: 'due' }).sort({ dueAt: 1, seq: 1 }).limit(limit).toArray();
    const token = randomUUID();
    const ids = due.map(({ _id }) => _id);
    await outbox.updateMany({ _id: { $in: ids }, state: 'due' }, { $set: { state: 'in-flight', token } });
    return (await outbox.find({ token }).toArray()).map(({ _id }) => _id);
  };
  try {
    return await rawRound(
      round,
      async queue => {
        for (let left = entries; left > 0; ) {
          const ids = await claim(Math.min(left, concurrency * 4));
          await Promise.all(ids.map(id => queue.add({ id })));
          left -= ids.length;
          while ((await queue.getWaitingCount()) > concurrency * 2) await new Promise(setImmediate);
        }
      },
      async (id, post) => {
        const token = randomUUID();
        await outbox.findOneAndUpdate({ _id: id, state: 'in-flight' }, { $set: { token } });
        await post();
        const done = { state: 'done', token: null, finishedAt: Date.now() };
        await outbox.findOneAndUpdate({ _id: id, token, state: 'in-flight' }, { $set: done });
        const event = { at: Date.now(), kind: 'ticket.dispatched' };
        const dispatched = { $set: { state: 'dispatched' }, $push: { events: event } };
        await tickets.updateOne({ number: id, state: 'queued' }, dispatched);
      },
    );
  } finally {
    await connection.close();
    await dropDatabase(url);
  }
}
