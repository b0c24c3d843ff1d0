// `npm run bench:engine`: what the engines of several processes cost: sending by Bull beside raw Bull, accepting and sending on a
// MongoDB beside raw mongoose, one and two processes, and whether acknowledging feels that Redis is gone. Ratios of one run.
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import Bull from 'bull';
import mongoose from 'mongoose';
import { Pool } from 'undici';
import { createBullQueue } from '../gateway/dispatch/bull-queue.ts';
import { newNumber } from '../gateway/number.ts';
import { openMongoStore } from '../store/mongo/engine.ts';
import type { AcceptRow, Store } from '../store/store.ts';
import { openWorkbench, reportBug, until } from '../test/gateway/dispatch/workbench.ts';
import { runGateway } from '../test/gateway/running.ts';
import { several } from '../test/gateway/several.ts';
import { type Partner, partner } from '../test/platforms/app.ts';
import { sharedMongo, stopShared, whySkipped } from '../test/servers/mongo.ts';
import { type Redis, redisBinary, startRedis } from '../test/servers/redis.ts';
import { median, ratio } from './phases.ts';
import { openRecipe } from './recipe.ts';
import { systemFacts } from './system.ts';

const HELP = `npm run bench:engine -- [options]
  --entries N   entries sent in each round (1500)
  --concurrency N  sent at one time, by either (8)
  --rounds N    alternations of raw Bull and dispatch (3)
  --messages N  messages on MongoDB (300)
  --seconds N   length of each phase with and without Redis (5)
  --json        one JSON object as the last line on stdout`;

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '1500' },
    concurrency: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    messages: { type: 'string', default: '300' },
    seconds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}

const CONCURRENCY = Number(values.concurrency);
const BATCH = 25;
const entries = Number(values.entries);
const messages = Number(values.messages);
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const perSecond = (count: number, ms: number) => Math.round((count * 1000) / ms);

async function startTarget(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const child = fork(new URL('./servers/http-echo.ts', import.meta.url));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { url: `http://127.0.0.1:${port}`, child };
}

/** It echoes what it gets, and so gives no case number. */
const caseSystemAt = (url: string) => ({ url, success: { caseNumberRequired: false } });

/** Adds and processes by Bull alone; the handler posts to the same target. */
async function rawBull(redis: Redis, target: string, prefix: string): Promise<number> {
  const options = { prefix, redis: { port: redis.port, host: '127.0.0.1' } };
  const queue = new Bull<{ id: string }>('raw', { ...options, defaultJobOptions: { removeOnComplete: true } });
  const pool = new Pool(target, { connections: CONCURRENCY });
  const body = JSON.stringify({ id: 'x', ticket: { content: '路灯不亮'.repeat(100) } });
  let done = 0;
  const all = Promise.withResolvers<void>();
  queue.process(CONCURRENCY, async () => {
    const answer = await pool.request({
      path: '/',
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    await answer.body.dump();
    if (++done === entries) all.resolve();
  });
  await queue.isReady();
  const began = performance.now();
  for (let from = 0; from < entries; from += BATCH) {
    await Promise.all(
      Array.from({ length: Math.min(BATCH, entries - from) }, (_, i) => queue.add({ id: `m${from + i}` })),
    );
  }
  await all.promise;
  const took = performance.now() - began;
  await queue.close();
  await pool.close();
  return perSecond(entries, took);
}

/** From a full outbox on SQLite to an empty one. */
async function dispatched(redis: Redis, target: string, prefix: string): Promise<number> {
  const bench = await openWorkbench({}, () => createBullQueue({ url: redis.url, prefix, onBug: reportBug }));
  try {
    for (let made = 0; made < entries; made += 500) {
      const count = Math.min(500, entries - made);
      await bench.tickets(Array.from({ length: count }, (_, i) => ({ lane: `lane-${made + i}` })));
    }
    const deadlines = { connect: 5, headers: 10, body: 10, total: 30 };
    const began = performance.now();
    await bench.dispatch({ ...caseSystemAt(target), deadlines }, CONCURRENCY);
    await until(async () => (await bench.store.outbox.counts()).done === entries, 'everything is sent');
    return perSecond(entries, performance.now() - began);
  } finally {
    await bench.close();
  }
}

/** p99 in milliseconds of acknowledgements by a gateway in this process. */
async function acknowledgements(sender: Partner, seconds: number): Promise<number> {
  const recipe = openRecipe({ samePerson: 0, otherPerson: 0 });
  const taken: number[] = [];
  const end = performance.now() + seconds * 1000;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const { content, phone } = recipe.appeal(7, taken.length);
      const began = performance.now();
      await sender.send({
        type: 'appeal.created',
        timestamp: new Date().toISOString(),
        data: { content, contact: { phone } },
      });
      taken.push(performance.now() - began);
      await new Promise(resolve => setTimeout(resolve, 10));
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  taken.sort((a, b) => a - b);
  return taken[Math.floor(taken.length * 0.99)] ?? Number.NaN;
}

/** Acknowledgements with Redis there and gone, in turns. */
async function intakeWithoutRedis(target: string) {
  const redis = await startRedis();
  const running = await runGateway({ queue: { redis: redis.url }, caseSystem: caseSystemAt(target) });
  const { id, secret } = running.gateway.firstChannel as { id: string; secret: string };
  const sender = partner({ url: `${running.gateway.url}/hooks/${id}`, secret });
  const up: number[] = [];
  const down: number[] = [];
  try {
    // Not counted: everything is loaded and compiled by then.
    await acknowledgements(sender, 2);
    for (let turn = 0; turn < 3; turn++) {
      up.push(await acknowledgements(sender, Number(values.seconds)));
      await redis.kill();
      down.push(await acknowledgements(sender, Number(values.seconds)));
      await redis.start();
    }
  } finally {
    sender.close();
    await running.close();
    await redis.stop();
  }
  const [upMs, downMs] = [median(up), median(down)];
  return { p99UpMs: Math.round(upMs * 10) / 10, p99DownMs: Math.round(downMs * 10) / 10, ratio: ratio(downMs, upMs) };
}

function acceptRows(count: number): AcceptRow[] {
  return Array.from({ length: count }, () => {
    const lane = randomBytes(8);
    return {
      ...{ key: randomBytes(16).toString('hex'), weakKey: null, fingerprint: randomBytes(16).toString('hex') },
      ...{
        number: newNumber(Date.now()),
        channel: 'app-1',
        lane: lane.toString('hex'),
        shard: (lane[0] as number) % 64,
      },
      ...{ acceptedAt: Date.now(), wrappedContent: randomBytes(60), sealed: randomBytes(2000), blob: null },
    };
  });
}

const openMongo = (url: string) => openMongoStore({ url, auditKey: Buffer.alloc(32, 7), profile: 'intl' });

/** Accepting by the engine, and raw insertMany of documents of the same size with the same promise, in turns. */
async function accepting(server: string) {
  const name = `bench_${randomBytes(4).toString('hex')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  const store: Store = await openMongo(url.href);
  const raw = await mongoose.createConnection(url.href, { writeConcern: { w: 'majority', journal: true } }).asPromise();
  const collection = raw.collection('raw');
  await collection.createIndex({ number: 1 }, { unique: true });
  const rates: { engine: number[]; raw: number[] } = { engine: [], raw: [] };
  try {
    for (let turn = 0; turn < Number(values.rounds); turn++) {
      const rows = acceptRows(messages);
      const began = performance.now();
      for (let from = 0; from < messages; from += BATCH) await store.messages.accept(rows.slice(from, from + BATCH));
      rates.engine.push(perSecond(messages, performance.now() - began));
      const docs = acceptRows(messages).map(({ key, ...row }) => ({ _id: key as never, ...row, state: 'unread' }));
      const rawBegan = performance.now();
      for (let from = 0; from < messages; from += BATCH) {
        await collection.insertMany(docs.slice(from, from + BATCH), { ordered: false });
      }
      rates.raw.push(perSecond(messages, performance.now() - rawBegan));
    }
  } finally {
    await store.close();
    await raw.dropDatabase();
    await raw.close();
  }
  const [engine, bare] = [median(rates.engine), median(rates.raw)];
  return { perSecond: engine, rawInsertMany: bare, ratio: ratio(engine, bare) };
}

/** Taken in, read and sent by so many gateways on one MongoDB and one Redis. */
async function throughGateways(server: string, redis: Redis, target: string, processes: number) {
  const url = new URL(server);
  url.pathname = `/bench_${randomBytes(4).toString('hex')}`;
  const all = several(url.href, {
    queue: { redis: redis.url, prefix: `bench-${processes}` },
    caseSystem: caseSystemAt(target),
  });
  try {
    const members = await Promise.all(Array.from({ length: processes }, (_, i) => all.start(`gateway-${i}`)));
    const { store } = members[0]!.gateway.foundation;
    const recipe = openRecipe({ samePerson: 0, otherPerson: 0 });
    const began = performance.now();
    let next = 0;
    const partnerOf = async (at: number): Promise<void> => {
      for (let i = next++; i < messages; i = next++) {
        const { content, phone, name } = recipe.appeal(3, i);
        const data = { content, contact: { name, phone } };
        const sender = members[at % processes]!.sender('one');
        const answer = await sender.send({ type: 'appeal.created', timestamp: new Date().toISOString(), data });
        if (answer.status !== 202) throw new Error(answer.text);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, at) => partnerOf(at)));
    const accepted = performance.now() - began;
    await endOf(async () => (await store.messages.counts()).unread === 0);
    const read = performance.now() - began;
    await endOf(async () => {
      const { due, parked, inFlight } = await store.outbox.counts();
      return due + parked + inFlight === 0;
    });
    const sent = performance.now() - began;
    return {
      acceptedPerSecond: perSecond(messages, accepted),
      readPerSecond: perSecond(messages, read),
      sentPerSecond: perSecond(messages, sent),
    };
  } finally {
    await all.close();
    const connection = await mongoose.createConnection(url.href).asPromise();
    await connection.dropDatabase();
    await connection.close();
  }
}

async function endOf(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it did not come to an end within two minutes');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

const result: Record<string, unknown> = { entries, messages, machine: systemFacts(tmpdir()) };
if (redisBinary() === null) say('left out: everything, since no redis-server is installed');
else {
  const redis = await startRedis();
  const target = await startTarget();
  try {
    const raw: number[] = [];
    const ours: number[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      raw.push(await rawBull(redis, target.url, `raw-${round}`));
      ours.push(await dispatched(redis, target.url, `ours-${round}`));
      say(`round ${round + 1}: raw Bull ${raw.at(-1)}/s, dispatch on SQLite with Bull ${ours.at(-1)}/s`);
    }
    const [rawRate, rate] = [median(raw), median(ours)];
    result['sqliteBull'] = { perSecond: rate, rawBull: rawRate, ratio: ratio(rate, rawRate) };
    say(`dispatch on SQLite with Bull: ${rate}/s of raw Bull's ${rawRate}/s, ${ratio(rate, rawRate)} (aim 0.5)`);
    const intake = await intakeWithoutRedis(target.url);
    result['redisDown'] = intake;
    say(
      `acknowledged, p99: ${intake.p99UpMs} ms with Redis, ${intake.p99DownMs} ms without, ${intake.ratio} (aim 1.5)`,
    );
    const missing = whySkipped();
    if (missing !== null) say(`left out: MongoDB: ${missing}`);
    else {
      const { url: server } = await sharedMongo();
      const accepted = await accepting(server);
      result['mongoAccept'] = accepted;
      say(
        `accepting on MongoDB: ${accepted.perSecond}/s of insertMany's ${accepted.rawInsertMany}/s, ${accepted.ratio} (aim 0.4)`,
      );
      for (const processes of [1, 2]) {
        const through = await throughGateways(server, redis, target.url, processes);
        result[`mongoBull${processes}`] = through;
        say(`${processes} gateway(s) on MongoDB with Bull: ${JSON.stringify(through)}`);
      }
    }
  } finally {
    target.child.disconnect();
    await redis.stop();
    await stopShared();
  }
}
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
