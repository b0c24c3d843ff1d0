// Taking in on a MongoDB beside raw insertMany of the same documents, and the whole way through one gateway and through two.
import { randomBytes } from 'node:crypto';
import mongoose from 'mongoose';
import { newNumber } from '../../gateway/number.ts';
import { openMongoStore } from '../../store/mongo/engine.ts';
import type { AcceptRow } from '../../store/store.ts';
import { several } from '../../test/gateway/reading/several.ts';
import type { Redis } from '../../test/servers/redis.ts';
import { median, ratio } from '../phases.ts';
import { openRecipe } from '../recipe.ts';
import { dropDatabase, ownDatabase, perSecond } from './figures.ts';
import { caseSystemAt } from './target.ts';

const BATCH = 25;
const SENDERS = 8;
const END_WITHIN_MS = 120_000;
const LOOK_MS = 250;

export interface Accepting {
  readonly perSecond: number;
  readonly rawInsertMany: number;
  readonly ratio: number;
}

export interface Through {
  readonly acceptedPerSecond: number;
  readonly readPerSecond: number;
  readonly sentPerSecond: number;
  /** Processor time of the gateways and of the sender, for one message, without the servers they talk to. */
  readonly cpuMs: number;
}

function acceptRows(count: number): AcceptRow[] {
  return Array.from({ length: count }, () => {
    const lane = randomBytes(8);
    return {
      ...{ key: randomBytes(16).toString('hex'), weakKey: null, fingerprint: randomBytes(16).toString('hex') },
      ...{ number: newNumber(Date.now()), channel: 'app-1' },
      ...{ lane: lane.toString('hex'), shard: (lane[0] as number) % 64 },
      ...{ acceptedAt: Date.now(), wrappedContent: randomBytes(60), sealed: randomBytes(2000), blob: null },
    };
  });
}

/** By the engine, and raw insertMany of the same documents with the same promise, in turns. */
export async function accepting(server: string, messages: number, rounds: number): Promise<Accepting> {
  const url = ownDatabase(server);
  const store = await openMongoStore({ url, auditKey: Buffer.alloc(32, 7), profile: 'intl' });
  const raw = await mongoose.createConnection(url, { writeConcern: { w: 'majority', journal: true } }).asPromise();
  const kept = raw.collection('messages');
  const collection = raw.collection('raw');
  await collection.createIndex({ number: 1 }, { unique: true });
  const rates: { engine: number[]; raw: number[] } = { engine: [], raw: [] };
  try {
    for (let turn = 0; turn < rounds; turn++) {
      const rows = acceptRows(messages);
      const began = performance.now();
      for (let from = 0; from < messages; from += BATCH) await store.messages.accept(rows.slice(from, from + BATCH));
      rates.engine.push(perSecond(messages, performance.now() - began));
      // The same documents, as the engine has written them.
      const docs = await kept.find({ number: { $in: rows.map(({ number }) => number) } }).toArray();
      const rawBegan = performance.now();
      for (let from = 0; from < messages; from += BATCH) {
        await collection.insertMany(docs.slice(from, from + BATCH), { ordered: false });
      }
      rates.raw.push(perSecond(messages, performance.now() - rawBegan));
    }
  } finally {
    await store.close();
    await raw.close();
    await dropDatabase(url);
  }
  const [engine, bare] = [median(rates.engine), median(rates.raw)];
  return { perSecond: engine, rawInsertMany: bare, ratio: ratio(engine, bare) };
}

export interface ThroughParts {
  readonly server: string;
  readonly redis: Redis;
  readonly target: string;
  readonly processes: number;
  readonly messages: number;
}

/** Taken in, read and sent by so many gateways on one MongoDB and one Redis. */
export async function throughGateways(parts: ThroughParts): Promise<Through> {
  const { redis, target, processes, messages } = parts;
  const url = ownDatabase(parts.server);
  const all = several(url, {
    queue: { redis: redis.url, prefix: `bench-${processes}` },
    caseSystem: caseSystemAt(target),
  });
  try {
    const members = await Promise.all(Array.from({ length: processes }, (_, i) => all.start(`gateway-${i}`)));
    const { store } = members[0]!.gateway.foundation;
    const recipe = openRecipe({ samePerson: 0, otherPerson: 0 });
    const cpuBefore = process.cpuUsage();
    const began = performance.now();
    let next = 0;
    const sendingTo = async (at: number): Promise<void> => {
      for (let i = next++; i < messages; i = next++) {
        const { content, phone, name } = recipe.appeal(3, i);
        const data = { content, contact: { name, phone } };
        const sender = members[at % processes]!.sender('one');
        const answer = await sender.send({ type: 'appeal.created', timestamp: new Date().toISOString(), data });
        if (answer.status !== 202) throw new Error(answer.text);
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, (_, at) => sendingTo(at)));
    const accepted = performance.now() - began;
    await endOf(async () => (await store.messages.counts()).unread === 0);
    const read = performance.now() - began;
    await endOf(async () => {
      const { due, parked, inFlight } = await store.outbox.counts();
      return due + parked + inFlight === 0;
    });
    const sent = performance.now() - began;
    const { user, system } = process.cpuUsage(cpuBefore);
    return {
      acceptedPerSecond: perSecond(messages, accepted),
      readPerSecond: perSecond(messages, read),
      sentPerSecond: perSecond(messages, sent),
      cpuMs: Math.round((user + system) / 10 / messages) / 100,
    };
  } finally {
    await all.close();
    await dropDatabase(url);
  }
}

async function endOf(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + END_WITHIN_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it did not come to an end within two minutes');
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
}
