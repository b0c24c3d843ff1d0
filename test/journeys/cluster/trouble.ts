// What is done to a cluster while it works: processes killed one after the other, Redis and the database taken away; or a new version
// rolled out, which nothing should be able to tell from a quiet day.
import { setTimeout as after } from 'node:timers/promises';
import type { GatewayProcess } from '../../../bench/gateway-process.ts';
import type { Random } from '../../../bench/random.ts';
import type { MongoServer } from '../../servers/mongo.ts';
import type { Redis } from '../../servers/redis.ts';

export interface TroubleParts {
  readonly gateways: readonly GatewayProcess[];
  readonly redis: Redis;
  readonly database: MongoServer;
  readonly random: Random;
  /** How long each of them is taken away for. */
  readonly awayMs: number;
  readonly say: (line: string) => void;
}

export interface TroubleFigures {
  kills: number;
  /** Told to stop, under load and at the end. */
  stops: number;
  slowestExitMs: number;
  /** Exits with another code than 0. */
  unclean: number;
  starts: number;
  redisFlushed: number;
  redisStoppedSeconds: number;
  databaseKilled: number;
  databaseStoppedSeconds: number;
}

const KILL_AFTER_SECONDS = { least: 0.5, most: 2 };
/** Of so many one is told to stop, as in an upgrade. */
const TOLD_EACH = 4;
const RESTART_MS = 300;

/** A gateway that is started again whenever it ends, as by a supervisor. */
export interface Kept {
  readonly gateway: GatewayProcess;
  up: boolean;
  starting: Promise<void>;
}

/** Starts it when `gone` resolves, again and again where it cannot be started (its database is away). */
export function keep(gateway: GatewayProcess, figures: TroubleFigures, gone: Promise<void> = Promise.resolve()): Kept {
  const kept: Kept = { gateway, up: false, starting: Promise.resolve() };
  const start = async (): Promise<void> => {
    await gone;
    for (;;) {
      figures.starts++;
      try {
        await gateway.start();
        kept.up = true;
        return;
      } catch {
        // It has said why in its log; a supervisor tries again.
        await after(RESTART_MS);
      }
    }
  };
  kept.starting = start();
  return kept;
}

/** Tells it to stop, and sees how it goes. */
export async function stopAndSee(gateway: GatewayProcess, figures: TroubleFigures): Promise<void> {
  const from = performance.now();
  const code = await gateway.stop();
  figures.stops++;
  figures.slowestExitMs = Math.max(figures.slowestExitMs, Math.round(performance.now() - from));
  if (code !== 0) figures.unclean++;
}

/** Starts all of them for the first time. */
export async function startAll(gateways: readonly GatewayProcess[], figures: TroubleFigures): Promise<Kept[]> {
  const all = gateways.map(gateway => keep(gateway, figures));
  await Promise.all(all.map(one => one.starting));
  return all;
}

/** Kills or stops, and restarts, until it is told that it is over. */
export async function killNowAndThen(
  all: Kept[],
  { random, say }: TroubleParts,
  figures: TroubleFigures,
  over: () => boolean,
): Promise<void> {
  for (let turn = 1; !over(); turn++) {
    const { least, most } = KILL_AFTER_SECONDS;
    await after((least + random.next() * (most - least)) * 1000);
    const at = random.below(all.length);
    const victim = all[at] as Kept;
    // One that is still starting has nothing in its hands that a kill could tear away.
    if (!victim.up) continue;
    if (turn % TOLD_EACH === 0) {
      // The others are killed meanwhile.
      all[at] = keep(victim.gateway, figures, stopAndSee(victim.gateway, figures));
      continue;
    }
    await victim.gateway.kill();
    figures.kills++;
    all[at] = keep(victim.gateway, figures);
    say(`${figures.kills} kills, ${figures.stops} stops`);
  }
}

/** One after the other is told to stop and started anew, as in an upgrade; the next one only once the one before it serves. */
export async function rollOver(
  gateways: readonly GatewayProcess[],
  { say }: Pick<TroubleParts, 'say'>,
  figures: TroubleFigures,
): Promise<void> {
  for (const [place, gateway] of gateways.entries()) {
    await stopAndSee(gateway, figures);
    await gateway.start();
    figures.starts++;
    say(`${place + 1} of ${gateways.length} are new`);
  }
}

/** Redis flushed once and away once, the database killed twice and away once, one after the other. */
export async function takeAway({ redis, database, awayMs, say }: TroubleParts, figures: TroubleFigures): Promise<void> {
  const pause = () => after(2500);
  await pause();
  await redis.command('FLUSHALL');
  figures.redisFlushed++;
  say('Redis flushed');
  for (let n = 0; n < 2; n++) {
    await pause();
    await database.kill('SIGKILL');
    figures.databaseKilled++;
    say('database killed');
    await database.restart();
  }
  await pause();
  say('Redis stopped');
  await redis.kill();
  await after(awayMs);
  await redis.start();
  figures.redisStoppedSeconds += awayMs / 1000;
  await pause();
  say('database stopped');
  await database.kill('SIGKILL');
  await after(awayMs);
  await database.restart();
  figures.databaseStoppedSeconds += awayMs / 1000;
  await pause();
}
