// One crash run: sends, kills, restarts, waits until nothing is left to do, and gathers the evidence.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePort, type GatewayProcess, gatewayProcess } from '../../../bench/gateway-process.ts';
import { type Random, seeded } from '../../../bench/random.ts';
import { type CaseSystemSimulator, type Faults, startCaseSystem } from '../../platforms/case-system.ts';
import { sendFiles } from './exchange-sender.ts';
import { readKept } from './kept.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { type MailHost, startMailHost } from './mail-host.ts';
import { sendMails } from './mail-sender.ts';
import { judge, type Verdict } from './oracle.ts';
import { type PlannedLane, planMessages } from './plan.ts';
import { sendAll } from './sender.ts';

export interface CrashRunOptions {
  readonly messages: number;
  readonly kills: number;
  readonly seed: number;
  readonly entry: URL;
  /** Through the mailbox and the exchange folder, too; else by webhook alone. */
  readonly allAdapters: boolean;
  /** Times the mail server ends the gateway's connections. */
  readonly cuts: number;
  /** Called now and then with a line for a person who watches. */
  readonly watch: (line: string) => void;
  /** A control: its folder is thrown away whatever was found. */
  readonly expectFaults?: boolean;
}

export interface CrashRunResult {
  readonly verdict: Verdict;
  readonly figures: Readonly<Record<string, number>>;
  /** `Dovecot`, or `simulator` where none is installed; null without a mailbox. */
  readonly mailServer: string | null;
  readonly effectsByKind: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Folder with settings, logs and data; kept when something was wrong. */
  readonly folder: string;
}

/** Faults of the case system while the gateway is being killed. */
export const FAULTS: Readonly<Record<string, number>> = {
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
  /** Null where only webhooks are sent. */
  readonly mail: MailHost | null;
  /** Folder of the exchange channel. */
  readonly exported: string;
}

/** Shares of the lanes that go by two webhook channels, by mail and by exported files. */
export const SHARES = { webhooks: [0.35, 0.35], mail: 0.15, files: 0.15 };
export const MAILBOX = 'letters';
export const EXCHANGE = 'exports';

async function setScene(options: CrashRunOptions): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-kill-'));
  const faults: Faults = { seed: options.seed, shares: FAULTS };
  const simulator = await startCaseSystem({ journal: join(folder, 'case-system.jsonl'), faults });
  const port = await freePort();
  const channels = ['app-one', 'app-two'].map(id => ({ id, key: randomBytes(32) }));
  const exported = join(folder, 'exchange');
  mkdirSync(exported, { mode: 0o700 });
  const mail = options.allAdapters ? await startMailHost() : null;
  const pulled =
    mail === null
      ? []
      : [
          { id: MAILBOX, kind: 'mailbox', settings: mail.settings },
          { id: EXCHANGE, kind: 'exchange', settings: { folder: exported, stableSeconds: 0, waitSeconds: 0 } },
        ];
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
      channels: [
        ...channels.map(({ id, key }) => ({
          id,
          kind: 'app',
          settings: { secrets: [`whsec_${key.toString('base64')}`], ratePerSecond: 100_000, burst: 100_000 },
        })),
        ...pulled,
      ],
    }),
  );
  const gateway = gatewayProcess({ entry: options.entry, settings, port, log: join(folder, 'gateway.log') });
  return { folder, gateway, simulator, channels, mail, exported };
}

/** Lets messages out at a rate, in bursts, so that kills meet both busy and quiet moments. */
export function createPace() {
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

/** Everything is sent and acknowledged, by every way at once. */
async function sendEverything(
  scene: Scene,
  options: CrashRunOptions,
  lanes: readonly PlannedLane[],
  ledger: Ledger,
  allowance: () => Promise<void>,
) {
  const { gateway, channels, mail, exported } = scene;
  const [webhooks, mails, files] = [0, 1, 2].map(way => lanes.filter(lane => wayOf(lane, channels.length) === way));
  const platformIds = new Map<string, string>();
  const random = seeded(options.seed, 11);
  const [, byMail, byFile] = await Promise.all([
    sendAll({
      port: () => gateway.port,
      channels,
      connections: CONNECTIONS,
      lanes: webhooks as readonly PlannedLane[],
      ledger,
      allowance,
    }),
    mail === null
      ? null
      : sendMails({
          ...{ host: mail, lanes: mails as readonly PlannedLane[], ledger, allowance },
          ...{ cuts: options.cuts, random, platformIds },
        }),
    mail === null ? null : sendFiles({ folder: exported, lanes: files as readonly PlannedLane[], ledger, allowance }),
  ]);
  for (const lane of files as readonly PlannedLane[]) for (const { id } of lane.messages) platformIds.set(id, id);
  return { byMail, byFile, platformIds };
}

/** 0 for a webhook, 1 for a mail, 2 for a file. */
export function wayOf(lane: PlannedLane, webhooks: number): number {
  const channel = lane.messages[0]?.channel ?? 0;
  return channel < webhooks ? 0 : channel - webhooks + 1;
}

/** Runs once and judges. */
export async function crashRun(options: CrashRunOptions): Promise<CrashRunResult> {
  const scene = await setScene(options);
  const { gateway, simulator, folder } = scene;
  let right = false;
  try {
    const ledger = createLedger();
    const pace = createPace();
    const shares = options.allAdapters ? [...SHARES.webhooks, SHARES.mail, SHARES.files] : SHARES.webhooks;
    const lanes = planMessages(options.messages, shares, options.seed);
    const firstStartMs = Math.round(await gateway.start());
    const began = performance.now();
    const sending = sendEverything(scene, options, lanes, ledger, pace.next);
    const [killed, { byMail, byFile, platformIds }] = await Promise.all([
      killRepeatedly(scene, options, pace, ledger),
      sending,
    ]);
    const underFire = (performance.now() - began) / 1000;
    simulator.setFaults(null);
    await settle(scene, options);
    const seconds = (performance.now() - began) / 1000;
    const exit = await gateway.stop();
    const { byPlatformId, ...kept } = await readKept(folder, [MAILBOX, EXCHANGE]);
    const effects = simulator.lines.flatMap(line =>
      line.effect && line.key !== null && line.kind !== null && line.ticket !== null
        ? [{ key: line.key, kind: line.kind, ticket: line.ticket }]
        : [],
    );
    const obligations = ledger.all();
    for (const { id, numbers } of obligations) {
      for (const number of byPlatformId.get(platformIds.get(id) ?? '') ?? []) numbers.add(number);
    }
    const verdict = judge({ obligations, effects, ...kept });
    right = options.expectFaults === true || (wrongIn(verdict) === 0 && exit === 0 && kept.auditBroken === null);
    const summary = simulator.summary();
    return {
      verdict,
      mailServer: byMail?.mailServer ?? null,
      figures: {
        messages: obligations.length,
        lanes: lanes.length,
        acknowledged: ledger.acknowledgedIds,
        sends: obligations.reduce((sum, obligation) => sum + obligation.sends, 0),
        acknowledgements: obligations.reduce((sum, obligation) => sum + obligation.acknowledgements, 0),
        mails: byMail?.mails ?? 0,
        connectionsCut: byMail?.cuts ?? 0,
        foldersRenumbered: byMail?.renumbered ?? 0,
        files: byFile?.files ?? 0,
        rows: byFile?.rows ?? 0,
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
    await scene.mail?.stop();
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
