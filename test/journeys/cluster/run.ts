// One cluster run: three gateways on one database and one Redis, under kills and outages, then judged like a crash run.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import mongoose from 'mongoose';
import { seeded } from '../../../bench/random.ts';
import { startCaseSystem } from '../../platforms/case-system.ts';
import { startFerretDb } from '../../servers/mongo.ts';
import { startRedis } from '../../servers/redis.ts';
import { sendFiles } from '../kill/exchange-sender.ts';
import { readKept } from '../kill/kept.ts';
import { createLedger } from '../kill/ledger.ts';
import { startMailHost } from '../kill/mail-host.ts';
import { sendMails } from '../kill/mail-sender.ts';
import { judge, type Verdict } from '../kill/oracle.ts';
import { type PlannedLane, planMessages } from '../kill/plan.ts';
import { createPace, EXCHANGE, FAULTS, MAILBOX, SHARES, wayOf, wrongIn } from '../kill/run.ts';
import { sendAll } from '../kill/sender.ts';
import { CONCURRENCY, clusterGateways } from './settings.ts';
import { killNowAndThen, rollOver, startAll, stopAndSee, type TroubleFigures, takeAway } from './trouble.ts';

export interface ClusterRunOptions {
  readonly messages: number;
  readonly seed: number;
  readonly processes: number;
  /** How long Redis and the database are each away; null: nothing is taken away and nobody killed, all are restarted in turn. */
  readonly awaySeconds: number | null;
  readonly say: (line: string) => void;
}

export interface ClusterRunResult {
  readonly verdict: Verdict;
  readonly figures: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly mailServer: string;
  /** Kept when something was wrong. */
  readonly folder: string;
}

const CONNECTIONS = 12;
/** How long it takes says how busy the machine is; that nothing moves for so long says that it never will. */
const STUCK_MS = 90_000;
/** Of a message; a server that reads all documents for each question takes the longer the more there are. */
const SETTLE_MS = 1500;
/** Between two looks, of a message, but three seconds at least: each counts whole collections, which a server without indexes has
 *  to read for it. */
const LOOK_MS = 4;
const LOOK_LEAST_MS = 3000;
const LOOK_WITHIN_MS = 20_000;
const TAKEOVER_WITHIN_MS = 60_000;
const DATABASE = 'huisu_cluster';

export async function clusterRun(options: ClusterRunOptions): Promise<ClusterRunResult> {
  const { seed, say } = options;
  const folder = mkdtempSync(join(tmpdir(), 'huisu-cluster-'));
  const exported = join(folder, 'exchange');
  mkdirSync(exported, { mode: 0o700 });
  const faults = { seed, shares: FAULTS };
  const [simulator, database, redis, mail] = await Promise.all([
    startCaseSystem({ journal: join(folder, 'case-system.jsonl'), faults }),
    startFerretDb(),
    startRedis(),
    startMailHost(),
  ]);
  const mongo = `${database.url}${DATABASE}`;
  const place = { folder, mongo, redis: redis.url, caseSystem: simulator.url, mailbox: mail.settings, exported };
  const { gateways, channels } = await clusterGateways(place, options.processes);
  const figures: TroubleFigures = {
    ...{
      kills: 0,
      stops: 0,
      slowestExitMs: 0,
      unclean: 0,
      starts: 0,
      redisFlushed: 0,
      redisStoppedSeconds: 0,
      databaseKilled: 0,
      databaseStoppedSeconds: 0,
    },
  };
  let right = false;
  try {
    const ledger = createLedger();
    const pace = createPace();
    const lanes = planMessages(options.messages, [...SHARES.webhooks, SHARES.mail, SHARES.files], seed);
    const [webhooks, mails, files] = [0, 1, 2].map(way =>
      lanes.filter(lane => wayOf(lane, channels.length) === way),
    ) as [PlannedLane[], PlannedLane[], PlannedLane[]];
    const random = seeded(seed, 5);
    const platformIds = new Map<string, string>();
    let troubled = true;
    const rolling = options.awaySeconds === null;
    const trouble = { gateways, redis, database, random, awayMs: (options.awaySeconds ?? 0) * 1000, say };
    const running = await startAll(gateways, figures);
    const began = performance.now();
    const killing = rolling ? null : killNowAndThen(running, trouble, figures, () => !troubled);
    const going = () => gateways.filter(({ pid }) => pid !== null);
    let turn = 0;
    const port = () => (going()[turn++ % Math.max(1, going().length)] ?? gateways[0]!).port;
    const common = { ledger, allowance: pace.next };
    const sending = Promise.all([
      sendAll({ port, channels, connections: CONNECTIONS, lanes: webhooks, ...common }),
      sendMails({
        host: mail,
        lanes: mails,
        ...common,
        cuts: rolling ? 0 : 2,
        renumbers: false,
        random: seeded(seed, 11),
        platformIds,
      }),
      sendFiles({ folder: exported, lanes: files, ...common }),
    ]);
    const releasing = release(options.messages, pace.release, () => troubled);
    await (rolling ? rollOver(gateways, trouble, figures) : takeAway(trouble, figures));
    troubled = false;
    await killing;
    await Promise.all([releasing, ...running.map(one => one.starting)]);
    say('all are up again');
    const underFire = (performance.now() - began) / 1000;
    const [, byMail] = await sending;
    simulator.setFaults(null);
    const drained = await settle(gateways, { messages: options.messages, asked: () => simulator.lines.length, say });
    const seconds = (performance.now() - began) / 1000;
    const taken = drained && !rolling ? await takeover(mongo, gateways) : null;
    const living = gateways.filter(gateway => gateway !== taken?.victim);
    await Promise.all(living.map(gateway => stopAndSee(gateway, figures)));
    for (const lane of files) for (const { id } of lane.messages) platformIds.set(id, id);
    const { byPlatformId, ...found } = await readKept(folder, [MAILBOX, EXCHANGE], { url: mongo, identityUrl: null });
    const obligations = ledger.all();
    for (const { id, numbers } of obligations) {
      for (const number of byPlatformId.get(platformIds.get(id) ?? '') ?? []) numbers.add(number);
    }
    const effects = simulator.lines.flatMap(line =>
      line.effect && line.key !== null && line.kind !== null && line.ticket !== null
        ? [{ key: line.key, kind: line.kind, ticket: line.ticket }]
        : [],
    );
    const verdict = judge({ obligations, effects, ...found });
    const summary = simulator.summary();
    right = wrongIn(verdict) === 0 && drained && figures.unclean === 0;
    return {
      verdict,
      figures: {
        messages: obligations.length,
        lanes: lanes.length,
        acknowledged: ledger.acknowledgedIds,
        ...figures,
        drained: drained ? 1 : 0,
        takeoverMs: taken?.ms ?? Number.NaN,
        caseRequests: summary.requests,
        effects: summary.effects,
        sentAgainAfterEffect: summary.repeats,
        sentAgainAtMost:
          Object.entries(summary.faults).reduce((sum, [name, n]) => sum + (name.endsWith('-after') ? n : 0), 0) +
          // At a kill, and when the database goes, what is on its way is sent again under its key; whoever is told to stop finishes it.
          (rolling ? 0 : (figures.kills + figures.stops + options.processes * 3) * CONCURRENCY),
        auditRecordsBroken: found.auditBroken === null ? 0 : 1,
        secondsUnderFire: Math.round(underFire),
        seconds: Math.round(seconds),
      },
      outcomes: countBy(found.messages.map(message => message.outcome?.kind ?? message.state)),
      faults: summary.faults,
      mailServer: byMail.mailServer,
      folder,
    };
  } finally {
    await Promise.all(gateways.map(gateway => gateway.kill()));
    await Promise.all([simulator.close(), mail.stop(), redis.stop(), database.stop()]);
    if (right) rmSync(folder, { recursive: true, force: true });
  }
}

/** Lets messages out evenly while there is trouble, and the rest when it is over. */
async function release(messages: number, let_: (count: number) => void, troubled: () => boolean): Promise<void> {
  const step = Math.max(1, Math.round(messages / 120));
  let left = messages;
  while (left > 0 && troubled()) {
    let_(Math.min(step, left));
    left -= step;
    await after(400);
  }
  if (left > 0) let_(left);
}

type Gateways = Awaited<ReturnType<typeof clusterGateways>>['gateways'];

interface Settling {
  readonly messages: number;
  /** Requests that the case system has had: what moves is seen there too while no gateway has the time to say how much is left. */
  asked(): number;
  readonly say: (line: string) => void;
}

/** Waits until nothing is unread or due; false where that does not come about. */
async function settle(gateways: Gateways, { messages, asked, say }: Settling): Promise<boolean> {
  const until = performance.now() + messages * SETTLE_MS;
  let moved = { at: performance.now(), left: Number.POSITIVE_INFINITY, asked: asked() };
  for (let calm = 0; calm < 3; ) {
    if (performance.now() > Math.min(until, moved.at + STUCK_MS)) return false;
    await after(Math.max(LOOK_LEAST_MS, messages * LOOK_MS));
    if (asked() > moved.asked) moved = { ...moved, at: performance.now(), asked: asked() };
    const metrics = await figuresOf(gateways[0]!);
    if (metrics === null) continue;
    const unread = metrics.get('huisu_unread') ?? Number.NaN;
    const waiting = ['due', 'parked', 'in-flight'].map(
      state => metrics.get(`huisu_outbox{state="${state}"}`) ?? Number.NaN,
    );
    const left = unread + waiting.reduce((sum, count) => sum + count, 0);
    if (left < moved.left) moved = { ...moved, at: performance.now(), left };
    calm = left === 0 ? calm + 1 : 0;
    say(`${unread} unread, ${waiting.join('+')} entries to deliver`);
  }
  return true;
}

/** null: it has too much to do to answer in time. */
async function figuresOf(gateway: Gateways[number]): Promise<ReadonlyMap<string, number> | null> {
  try {
    return await gateway.metrics(LOOK_WITHIN_MS);
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError') return null;
    throw error;
  }
}

/** Kills whoever reads the mailbox, and waits until another does; answers the milliseconds in between. */
async function takeover(
  mongo: string,
  gateways: Gateways,
): Promise<{ readonly ms: number; readonly victim: Gateways[number] }> {
  const connection = await mongoose.createConnection(mongo).asPromise();
  const leases = connection.collection<{ _id: string; owner: string; until: number }>('leases');
  const holder = async (): Promise<Gateways[number] | null> => {
    const lease = await leases.findOne({ _id: `channel:${MAILBOX}` });
    // An owner is named by machine, process and a mark of its start.
    const pid = lease === null || lease.until <= Date.now() ? null : Number(lease.owner.split(':').at(-2));
    return gateways.find(gateway => gateway.pid === pid) ?? null;
  };
  const until = async (holds: (one: Gateways[number]) => boolean): Promise<Gateways[number]> => {
    for (const end = performance.now() + TAKEOVER_WITHIN_MS; performance.now() < end; await after(100)) {
      const one = await holder();
      if (one !== null && holds(one)) return one;
    }
    throw new Error(`nobody reads the mailbox after ${TAKEOVER_WITHIN_MS / 1000} s`);
  };
  try {
    const victim = await until(() => true);
    const from = performance.now();
    await victim.kill();
    await until(one => one !== victim);
    return { ms: Math.round(performance.now() - from), victim };
  } finally {
    await connection.close();
  }
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
