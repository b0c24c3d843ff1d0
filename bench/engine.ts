// `npm run bench:engine`: what the engines of several processes cost: sending by Bull beside raw Bull, accepting and sending on a
// MongoDB beside raw mongoose, one and two processes, and whether acknowledging feels that Redis is gone. Ratios of one run.
import { writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { sharedMongo, stopShared, whySkipped } from '../test/servers/mongo.ts';
import { redisBinary, startRedis } from '../test/servers/redis.ts';
import {
  type DispatchRound,
  dispatchedOnMongo,
  dispatchedOnSqlite,
  rawBull,
  rawBullOnMongo,
  type Spent,
} from './engine/dispatching.ts';
import { type EngineSummary, pageOf, type Sending } from './engine/page.ts';
import { intakeWithoutRedis } from './engine/redis-down.ts';
import { startTarget } from './engine/target.ts';
import { accepting, throughGateways } from './engine/through-mongo.ts';
import { median, ratio } from './phases.ts';
import { systemFacts } from './system.ts';

const PARTS = ['sqlite', 'redis', 'accept', 'mongo', 'gateways'] as const;
const HELP = `npm run bench:engine -- [options]
  --only PARTS         of ${PARTS.join(',')}: sending on SQLite with Bull, acknowledging without Redis, accepting on
                       MongoDB, sending on MongoDB with Bull, the whole way through one and two gateways (all)
  --entries N          entries sent in each round on SQLite (24000)
  --concurrency N,N    sent at one time, by either side (8,32)
  --rounds N           alternations with the yardstick (3)
  --messages N         messages on MongoDB (200); ten times as many are accepted in a round
  --seconds N          length of each phase with and without Redis (4)
  --page FILE          write the figures there as a page
  --json               one JSON object as the last line on stdout`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: PARTS.join(',') },
    entries: { type: 'string', default: '24000' },
    concurrency: { type: 'string', default: '8,32' },
    rounds: { type: 'string', default: '3' },
    messages: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '4' },
    page: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const only = values.only.split(',');
const unknown = only.find(part => !PARTS.some(one => one === part));
if (values.help || unknown !== undefined) {
  process.stdout.write(`${unknown === undefined ? '' : `no part is called ${unknown}\n`}${HELP}\n`);
  process.exit(unknown === undefined ? 0 : 64);
}
if (redisBinary() === null) {
  process.stderr.write('left out: everything, since no redis-server is installed\n');
  process.exit(69);
}

/** Accepted in a round, for each message sent: taking in reads nothing, and so few would be over in a tenth of a second. */
const ACCEPTED = 10;
/** What runs for the first times is compiled meanwhile, and tells of the compiler; a gateway runs for weeks. */
const WARM_UPS = 2;
const rounds = Number(values.rounds);
const messages = Number(values.messages);
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const wants = (part: (typeof PARTS)[number]) => only.includes(part);

/** The yardstick and ours in turns, so that what else the machine does meets both; medians of each. */
async function inTurns(
  name: string,
  concurrency: number,
  bare: () => Promise<Spent>,
  ours: () => Promise<Spent>,
): Promise<Sending> {
  const [them, us]: [Spent[], Spent[]] = [[], []];
  for (let warm = 0; warm < WARM_UPS; warm++) {
    await bare();
    await ours();
  }
  for (let round = 0; round < rounds; round++) {
    them.push(await bare());
    us.push(await ours());
    say(`  ${name}, ${concurrency} at a time: bare ${them.at(-1)?.perSecond}/s, ours ${us.at(-1)?.perSecond}/s`);
  }
  const rate = (all: readonly Spent[]) => median(all.map(({ perSecond }) => perSecond));
  const cpu = (all: readonly Spent[]) => median(all.map(({ cpuMicros }) => cpuMicros));
  const sending: Sending = {
    ...{ concurrency, perSecond: rate(us), bare: rate(them), ratio: ratio(rate(us), rate(them)) },
    ...{ cpuMicros: cpu(us), bareCpuMicros: cpu(them) },
  };
  say(`${name}, ${concurrency} at a time: ${sending.perSecond}/s of ${sending.bare}/s, ${sending.ratio}`);
  return sending;
}

const redis = await startRedis();
const target = await startTarget();
const result: { -readonly [K in keyof EngineSummary]: EngineSummary[K] } = {
  ...{ entries: Number(values.entries), messages, system: systemFacts(tmpdir()) },
  load: Math.round((loadavg()[0] as number) * 10) / 10,
};
try {
  const levels = values.concurrency.split(',').map(Number);
  const roundOf = (entries: number, concurrency: number): DispatchRound => ({
    ...{ redis, target: target.url, entries, concurrency },
  });
  if (wants('sqlite')) {
    const sent: Sending[] = [];
    for (const concurrency of levels) {
      const round = roundOf(Number(values.entries), concurrency);
      const ours = () => dispatchedOnSqlite(round);
      sent.push(await inTurns('sending on SQLite with Bull', concurrency, () => rawBull(round), ours));
    }
    result.sqlite = sent;
  }
  if (wants('redis')) {
    const found = await intakeWithoutRedis(target.url, Number(values.seconds), rounds);
    result.redisDown = found;
    say(`acknowledged, p99: ${found.p99UpMs} ms with Redis, ${found.p99DownMs} ms without, ${found.ratio}`);
  }
  const missing = whySkipped();
  if (missing !== null) say(`left out: MongoDB: ${missing}`);
  else if (wants('accept') || wants('mongo') || wants('gateways')) await onMongo((await sharedMongo()).url, levels);

  async function onMongo(server: string, concurrencies: readonly number[]): Promise<void> {
    if (wants('accept')) {
      const found = await accepting(server, messages * ACCEPTED, rounds);
      result.accept = found;
      say(`accepting on MongoDB: ${found.perSecond}/s of insertMany's ${found.rawInsertMany}/s, ${found.ratio}`);
    }
    if (wants('mongo')) {
      const round = roundOf(messages, concurrencies[0] ?? 8);
      const bare = () => rawBullOnMongo(round, server);
      const ours = () => dispatchedOnMongo(round, server);
      result.mongo = await inTurns('sending on MongoDB with Bull', round.concurrency, bare, ours);
    }
    if (!wants('gateways')) return;
    result.gateways = [];
    for (const processes of [1, 2]) {
      const through = await throughGateways({ server, redis, target: target.url, processes, messages });
      result.gateways.push({ processes, ...through });
      say(`${processes} gateway(s) on MongoDB with Bull: ${JSON.stringify(through)}`);
    }
  }
} finally {
  target.close();
  await redis.stop();
  await stopShared();
}
if (values.page !== undefined) writeFileSync(values.page, pageOf(result));
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
