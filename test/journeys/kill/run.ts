// One crash run: sends, kills, restarts, waits until nothing is left to do, and gathers the evidence.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePort, type GatewayProcess, gatewayProcess } from '../../../bench/gateway-process.ts';
import { type Random, seeded } from '../../../bench/random.ts';
import { type CaseSystemSimulator, type Faults, startCaseSystem } from '../../platforms/case-system.ts';
import { readKept } from './kept.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { judge, type Verdict } from './oracle.ts';
import { planMessages } from './plan.ts';
import { sendAll } from './sender.ts';

export interface CrashRunOptions {
  readonly messages: number;
  readonly kills: number;
  readonly seed: number;
  readonly entry: URL;
  /** Called now and then with a line for a person who watches. */
  readonly watch: (line: string) => void;
  /** A control: its folder is thrown away whatever was found. */
  readonly expectFaults?: boolean;
}

export interface CrashRunResult {
  readonly verdict: Verdict;
  readonly figures: Readonly<Record<string, number>>;
  readonly effectsByKind: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Folder with settings, logs and data; kept when something was wrong. */
  readonly folder: string;
}

/** Faults of the case system while the gateway is being killed. */
const FAULTS: Readonly<Record<string, number>> = {
  '500': 0.03,
  'timeout-after': 0.01,
  reset: 0.005,
  'reset-after': 0.005,
  html: 0.01,
  redirect: 0.005,
};
const CONNECTIONS = 24;
const KILL_AFTER_SECONDS = { least: 0.3, most: 1.8 };
/** The last kills come when everything has been sent, so that they meet reading and dispatch alone. */
const SENDING_SHARE = 0.8;
const JUST_NOW_MS = 25;
const CONCURRENCY = 16;
const SETTLE_WITHIN_MS = 240_000;

interface Scene {
  readonly folder: string;
  readonly gateway: GatewayProcess;
  readonly simulator: CaseSystemSimulator;
  readonly channels: readonly { readonly id: string; readonly key: Buffer }[];
}

async function setScene(options: CrashRunOptions): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-kill-'));
  const faults: Faults = { seed: options.seed, shares: FAULTS };
  const simulator = await startCaseSystem({ journal: join(folder, 'case-system.jsonl'), faults });
  const port = await freePort();
  const channels = ['app-one', 'app-two'].map(id => ({ id, key: randomBytes(32) }));
  const settings = join(folder, 'huisu.yaml');
  writeFileSync(
    settings,
    stringify({
      data: join(folder, 'data'),
      keys: { file: join(folder, 'keys.json') },
      listen: { host: '127.0.0.1', port },
      intake: { minFreeMb: 0, minFreePercent: 0 },
      dispatch: { concurrency: CONCURRENCY },
      caseSystem: {
        url: simulator.url,
        deadlines: { connect: 1, headers: 1, body: 2, total: 4 },
        retry: { steps: [0.2, 0.5, 1, 2, 4], every: 5, hours: 1 },
        breaker: { failures: 10, openSeconds: 0.5, maxOpenSeconds: 2 },
      },
      channels: channels.map(({ id, key }) => ({
        id,
        kind: 'app',
        settings: { secrets: [`whsec_${key.toString('base64')}`], ratePerSecond: 100_000, burst: 100_000 },
      })),
    }),
  );
  const gateway = gatewayProcess({ entry: options.entry, settings, port, log: join(folder, 'gateway.log') });
  return { folder, gateway, simulator, channels };
}

/** Lets messages out at a rate, in bursts, so that kills meet both busy and quiet moments. */
function createPace() {
  let allowed = 0;
  const waiting: (() => void)[] = [];
  return {
    release(count: number): void {
      allowed += count;
      while (allowed > 0 && waiting.length > 0) {
        allowed--;
        waiting.shift()!();
      }
    },
    next(): Promise<void> {
      if (allowed > 0) {
        allowed--;
        return Promise.resolve();
      }
      return new Promise(resolve => waiting.push(resolve));
    },
  };
}

interface KillFigures {
  kills: number;
  inFlightAtKills: number;
  killsWithRequestsInFlight: number;
  /** Something was acknowledged a moment before: reading was under way. */
  killsWhileReading: number;
  killsWithEntriesInFlight: number;
  slowestStartMs: number;
}

/** Kills and restarts while messages are let out; ends after the last restart. */
async function killRepeatedly(
  scene: Scene,
  options: CrashRunOptions,
  pace: ReturnType<typeof createPace>,
  ledger: Ledger,
): Promise<KillFigures> {
  const random = seeded(options.seed, 3);
  const figures: KillFigures = {
    kills: 0,
    inFlightAtKills: 0,
    killsWithRequestsInFlight: 0,
    killsWhileReading: 0,
    killsWithEntriesInFlight: 0,
    slowestStartMs: 0,
  };
  const sendingKills = Math.max(1, Math.round(options.kills * SENDING_SHARE));
  let released = 0;
  const release = (count: number): void => {
    const now = Math.min(count, options.messages - released);
    released += now;
    pace.release(now);
  };
  for (let kill = 0; kill < options.kills; kill++) {
    const { least, most } = KILL_AFTER_SECONDS;
    const lifeMs = (least + random.next() * (most - least)) * 1000;
    const share = Math.ceil((options.messages - released) / Math.max(1, sendingKills - kill));
    await live(lifeMs, share, random, release);
    figures.kills++;
    figures.inFlightAtKills += ledger.inFlight;
    if (ledger.inFlight > 0) figures.killsWithRequestsInFlight++;
    if (performance.now() - ledger.lastAcknowledgedAt < JUST_NOW_MS) figures.killsWhileReading++;
    if (entriesInFlight(scene)) figures.killsWithEntriesInFlight++;
    await scene.gateway.kill();
    const startMs = await scene.gateway.start();
    figures.slowestStartMs = Math.max(figures.slowestStartMs, Math.round(startMs));
    options.watch(
      `${figures.kills}/${options.kills} kills, ${ledger.acknowledgedIds}/${options.messages} acknowledged`,
    );
  }
  release(options.messages);
  return figures;
}

/** Whether the case system got a request within the last moment: then a dispatch was on its way at the kill. */
function entriesInFlight(scene: Scene): boolean {
  const last = scene.simulator.lines.at(-1);
  return last !== undefined && Date.now() - last.at < JUST_NOW_MS;
}

/** One life of the gateway: its share of the messages in bursts, every other life ending within a burst. */
async function live(lifeMs: number, share: number, random: Random, release: (count: number) => void): Promise<void> {
  const endsInBurst = random.chance(0.5);
  const bursts = 4;
  const size = Math.ceil(share / bursts);
  for (let burst = 0; burst < bursts; burst++) {
    const last = burst === bursts - 1;
    if (last && endsInBurst) {
      await after(lifeMs / bursts);
      release(size);
      await after(random.next() * 25);
      return;
    }
    release(size);
    await after(lifeMs / bursts);
  }
}

/** Waits until nothing is unread or due. */
async function settle(scene: Scene, options: CrashRunOptions): Promise<void> {
  const until = performance.now() + SETTLE_WITHIN_MS;
  for (let calm = 0; calm < 3; ) {
    if (performance.now() > until) return;
    await after(200);
    const metrics = await scene.gateway.metrics();
    const unread = metrics.get('huisu_unread') ?? Number.NaN;
    const waiting = ['due', 'parked', 'in-flight'].map(
      state => metrics.get(`huisu_outbox{state="${state}"}`) ?? Number.NaN,
    );
    const left = unread + waiting.reduce((sum, count) => sum + count, 0);
    calm = left === 0 ? calm + 1 : 0;
    options.watch(`${unread} unread, ${waiting.join('+')} entries to deliver`);
  }
}

/** Runs once and judges. */
export async function crashRun(options: CrashRunOptions): Promise<CrashRunResult> {
  const scene = await setScene(options);
  const { gateway, simulator, folder } = scene;
  let right = false;
  try {
    const ledger = createLedger();
    const pace = createPace();
    const lanes = planMessages(options.messages, scene.channels.length, options.seed);
    const firstStartMs = Math.round(await gateway.start());
    const began = performance.now();
    const sending = sendAll({
      port: gateway.port,
      channels: scene.channels,
      connections: CONNECTIONS,
      lanes,
      ledger,
      allowance: pace.next,
    });
    const [killed] = await Promise.all([killRepeatedly(scene, options, pace, ledger), sending]);
    const underFire = (performance.now() - began) / 1000;
    simulator.setFaults(null);
    await settle(scene, options);
    const seconds = (performance.now() - began) / 1000;
    const exit = await gateway.stop();
    const kept = await readKept(folder);
    const effects = simulator.lines.flatMap(line =>
      line.effect && line.key !== null && line.kind !== null && line.ticket !== null
        ? [{ key: line.key, kind: line.kind, ticket: line.ticket }]
        : [],
    );
    const obligations = ledger.all();
    const verdict = judge({ obligations, effects, ...kept });
    right = options.expectFaults === true || (wrongIn(verdict) === 0 && exit === 0 && kept.auditBroken === null);
    const summary = simulator.summary();
    return {
      verdict,
      figures: {
        messages: obligations.length,
        lanes: lanes.length,
        acknowledged: ledger.acknowledgedIds,
        sends: obligations.reduce((sum, obligation) => sum + obligation.sends, 0),
        acknowledgements: obligations.reduce((sum, obligation) => sum + obligation.acknowledgements, 0),
        ...killed,
        firstStartMs,
        exitCode: exit ?? -1,
        caseRequests: summary.requests,
        effects: summary.effects,
        sentAgainAfterEffect: summary.repeats,
        // An answer that was lost on purpose, or that was not yet recorded at a kill, is sent again under its key.
        sentAgainAtMost:
          Object.entries(summary.faults).reduce(
            (sum, [name, count]) => sum + (name.endsWith('-after') ? count : 0),
            0,
          ) +
          killed.kills * CONCURRENCY,
        auditRecordsBroken: kept.auditBroken === null ? 0 : 1,
        secondsUnderFire: Math.round(underFire * 10) / 10,
        seconds: Math.round(seconds * 10) / 10,
      },
      effectsByKind: summary.effectsByKind,
      faults: summary.faults,
      outcomes: Object.fromEntries(countBy(kept.messages.map(message => message.outcome?.kind ?? message.state))),
      folder,
    };
  } finally {
    await gateway.kill();
    await simulator.close();
    if (right) rmSync(folder, { recursive: true, force: true });
  }
}

/** Number of faults of all kinds. */
export function wrongIn({ examples: _, ...faults }: Verdict): number {
  return Object.values(faults).reduce((sum, count) => sum + count, 0);
}

function countBy(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
