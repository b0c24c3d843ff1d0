// The measurements: alternations of the two yardsticks and the gateway, latency at a part of the load, and what is sustained.
import { setTimeout as after } from 'node:timers/promises';
import { type BenchGateway, CHANNEL, type Standing } from './bench-gateway.ts';
import type { BenchClient } from './client/client.ts';
import type { RoundResult } from './client/rounds.ts';
import type { Yardstick } from './servers/yardstick.ts';
import { processUse, threadUse } from './system.ts';

export const CONNECTIONS = 64;
const REDELIVERIES = 0.02;
const WARM_UP = 1;
const WARM_MESSAGES = 5000;
/** First index of the texts measured with; those below it fill the store. */
const FIRST_TEXT = 2_000_000;

export interface Bench {
  readonly client: BenchClient;
  readonly say: (line: string) => void;
  /** Texts handed out so far: no text is sent in two rounds. */
  used: number;
  round: number;
  bodyBytes: number;
}

/** What the gateway did while a round ran. */
export interface GatewayRound {
  readonly client: RoundResult;
  /** Messages a second read, compared and committed in the measured seconds. */
  readonly readPerSecond: number;
  readonly unreadBefore: number;
  readonly unreadAfter: number;
  /** Seconds afterwards until everything was read. */
  readonly drainSeconds: number;
  readonly residentMb: number;
  readonly peakMb: number;
  /** Processor seconds of the gateway per second of the round. */
  readonly cpu: number;
  /** The same by thread, the busiest first, those below 0.02 left out. */
  readonly threads: readonly { readonly name: string; readonly cpu: number }[];
  readonly tickets: number;
}

export interface Alternation {
  readonly a: RoundResult;
  readonly b: RoundResult;
  readonly c: GatewayRound;
}

/** Makes the next requests; the same ones serve every server of an alternation. */
async function prepare(bench: Bench, secret: string, count: number): Promise<void> {
  const from = FIRST_TEXT + bench.used;
  bench.used += count;
  const prepared = await bench.client.prepare({
    path: `/hooks/${CHANNEL}`,
    secret,
    round: `r${Date.now().toString(36)}${bench.round++}`,
    from,
    count,
    redeliveries: REDELIVERIES,
    signedAt: Math.floor(Date.now() / 1000),
  });
  bench.bodyBytes = prepared.bodyBytes;
}

/** Runs one round against the gateway and watches it meanwhile. */
async function gatewayRound(
  bench: Bench,
  gateway: BenchGateway,
  seconds: number,
  rate: number | null,
): Promise<GatewayRound> {
  const pid = gateway.process.pid!;
  const watched = async () => ({
    standing: await gateway.standing(),
    cpu: processUse(pid)?.cpuSeconds ?? Number.NaN,
    threads: threadUse(pid),
  });
  const running = bench.client.run({
    port: gateway.process.port,
    connections: CONNECTIONS,
    seconds,
    rate,
    warmUp: WARM_UP,
  });
  await after(WARM_UP * 1000);
  const before = await watched();
  await after(seconds * 1000 - 20);
  const then = await watched();
  const client = await running;
  const elapsed = (then.standing.at - before.standing.at) / 1000;
  const drainSeconds = await gateway.drained();
  const use = processUse(pid);
  return {
    client,
    readPerSecond: Math.round((then.standing.read - before.standing.read) / elapsed),
    unreadBefore: before.standing.unread,
    unreadAfter: then.standing.unread,
    drainSeconds: Math.round(drainSeconds * 10) / 10,
    residentMb: use?.residentMb ?? Number.NaN,
    peakMb: use?.peakMb ?? Number.NaN,
    cpu: Math.round(((then.cpu - before.cpu) / elapsed) * 100) / 100,
    threads: [...then.threads]
      .map(([name, used]) => ({
        name: name.replace(/#.*/, ''),
        cpu: Math.round(((used - (before.threads.get(name) ?? 0)) / elapsed) * 100) / 100,
      }))
      .filter(thread => thread.cpu >= 0.02)
      .sort((x, y) => y.cpu - x.cpu),
    tickets: then.standing.tickets,
  };
}

/** A gateway just started has compiled nothing and cached nothing; some thousand messages later it has. */
export async function warm(bench: Bench, gateway: BenchGateway): Promise<void> {
  await prepare(bench, gateway.secret, WARM_MESSAGES);
  const { port } = gateway.process;
  await bench.client.run({ port, connections: CONNECTIONS, seconds: 0, rate: null, once: true, warmUp: 0 });
  await gateway.drained();
}

/** A measured answer that is not the agreed one spoils the round. */
function only(status: string, round: RoundResult, what: string): void {
  const others = Object.keys(round.byStatus).filter(found => found !== status);
  if (others.length > 0 || round.broken > 0)
    throw new Error(`${what} answered ${JSON.stringify(round.byStatus)} with ${round.broken} connections broken`);
}

/** One alternation: bare echo, Express echo, gateway. */
export async function alternate(
  bench: Bench,
  servers: { readonly a: Yardstick; readonly b: Yardstick; readonly c: BenchGateway },
  seconds: { readonly yardstick: number; readonly gateway: number },
  mostPerSecond: number,
): Promise<Alternation> {
  await servers.c.idle();
  await prepare(bench, servers.c.secret, Math.ceil((seconds.gateway + WARM_UP + 1) * mostPerSecond));
  const load = (port: number): Promise<RoundResult> =>
    bench.client.run({ port, connections: CONNECTIONS, seconds: seconds.yardstick, rate: null, warmUp: WARM_UP });
  const a = await load(servers.a.port);
  only('200', a, 'the bare echo');
  const b = await load(servers.b.port);
  only('200', b, 'the Express echo');
  const c = await gatewayRound(bench, servers.c, seconds.gateway, null);
  only('202', c.client, 'the gateway');
  if (c.client.wrapped) throw new Error('the prepared messages ran out before the round ended');
  bench.say(
    `  a ${a.perSecond}/s · b ${b.perSecond}/s · c acknowledged ${c.client.perSecond}/s, read ${c.readPerSecond}/s · ` +
      `c/b ${ratio(c.client.perSecond, b.perSecond)} and ${ratio(c.readPerSecond, b.perSecond)} · p99 ${c.client.p99.toFixed(1)} ms · ` +
      `${c.residentMb} MB · cores: client ${c.client.clientCpu}, gateway ${c.cpu} (${c.threads.map(thread => `${thread.name} ${thread.cpu}`).join(', ')})`,
  );
  return { a, b, c };
}

/** Latency at a fixed rate, counted from the moment each request was due. */
export async function latencyAt(
  bench: Bench,
  gateway: BenchGateway,
  rate: number,
  seconds: number,
): Promise<GatewayRound> {
  await gateway.idle();
  await prepare(bench, gateway.secret, Math.ceil(rate * (seconds + WARM_UP)));
  const round = await gatewayRound(bench, gateway, seconds, rate);
  only('202', round.client, 'the gateway');
  bench.say(
    `  ${rate}/s offered: p50 ${round.client.p50.toFixed(1)} ms, p99 ${round.client.p99.toFixed(1)} ms, ` +
      `read ${round.readPerSecond}/s, unread at the end ${round.unreadAfter}`,
  );
  return round;
}

export interface SustainedTrial {
  readonly rate: number;
  readonly seconds: number;
  readonly held: boolean;
  readonly acknowledgedPerSecond: number;
  readonly readPerSecond: number;
  /** Growth of the backlog by the second, by least squares. */
  readonly backlogSlope: number;
  readonly unreadAtEnd: number;
  readonly unsent: number;
  readonly p50: number;
  readonly p99: number;
  readonly peakMb: number;
}

/** Least-squares slope of the unread count over time, messages a second. */
export function slopeOf(points: readonly { readonly at: number; readonly unread: number }[]): number {
  const count = points.length;
  const mean = (pick: (point: { at: number; unread: number }) => number): number =>
    points.reduce((sum, point) => sum + pick(point), 0) / count;
  const at = mean(point => point.at / 1000);
  const unread = mean(point => point.unread);
  let above = 0;
  let below = 0;
  for (const point of points) {
    above += (point.at / 1000 - at) * (point.unread - unread);
    below += (point.at / 1000 - at) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

/** A rate is held when all of it is acknowledged and the backlog neither grows nor ever holds more than a second's worth. */
const HELD = { slopeShare: 0.01, backlogSeconds: 1, unsentSeconds: 0.5 };

/** Offers a rate for some seconds and sees whether reading keeps up. */
export async function sustain(
  bench: Bench,
  gateway: BenchGateway,
  rate: number,
  seconds: number,
): Promise<SustainedTrial> {
  await gateway.idle();
  await prepare(bench, gateway.secret, Math.ceil(rate * (seconds + WARM_UP)));
  const running = bench.client.run({
    port: gateway.process.port,
    connections: CONNECTIONS,
    seconds,
    rate,
    warmUp: WARM_UP,
  });
  // The first second fills pipes and caches.
  await after((WARM_UP + 1) * 1000);
  const samples: Standing[] = [];
  const until = performance.now() + (seconds - 1) * 1000 - 100;
  while (performance.now() < until) {
    samples.push(await gateway.standing());
    await after(Math.min(1000, Math.max(250, (seconds * 1000) / 40)));
  }
  const client = await running;
  only('202', client, 'the gateway');
  const first = samples[0]!;
  const last = samples.at(-1)!;
  const slope = slopeOf(samples);
  const trial: SustainedTrial = {
    rate,
    seconds,
    held:
      slope <= rate * HELD.slopeShare &&
      Math.max(...samples.map(sample => sample.unread)) <= rate * HELD.backlogSeconds &&
      client.unsent <= rate * HELD.unsentSeconds,
    acknowledgedPerSecond: client.perSecond,
    readPerSecond: Math.round((last.read - first.read) / ((last.at - first.at) / 1000)),
    backlogSlope: Math.round(slope * 10) / 10,
    unreadAtEnd: last.unread,
    unsent: client.unsent,
    p50: client.p50,
    p99: client.p99,
    peakMb: processUse(gateway.process.pid!)?.peakMb ?? Number.NaN,
  };
  bench.say(
    `  ${rate}/s for ${seconds} s: ${trial.held ? 'held' : 'not held'}, read ${trial.readPerSecond}/s, ` +
      `backlog ${trial.backlogSlope >= 0 ? '+' : ''}${trial.backlogSlope}/s to ${trial.unreadAtEnd}, unsent ${trial.unsent}`,
  );
  return trial;
}

/** Halves the span between a rate that is held and one that is not. */
export async function searchSustained(
  bench: Bench,
  gateway: BenchGateway,
  span: { readonly held: number; readonly notHeld: number },
  probe: { readonly seconds: number; readonly halvings: number },
): Promise<{ readonly rate: number; readonly trials: readonly SustainedTrial[] }> {
  const trials: SustainedTrial[] = [];
  let { held, notHeld } = span;
  for (let turn = 0; turn < probe.halvings; turn++) {
    const rate = Math.round((held + notHeld) / 2);
    const trial = await sustain(bench, gateway, rate, probe.seconds);
    trials.push(trial);
    await gateway.drained();
    if (trial.held) held = rate;
    else notHeld = rate;
  }
  return { rate: Math.round(held), trials };
}

export function ratio(part: number, whole: number): number {
  return Math.round((part / whole) * 1000) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
