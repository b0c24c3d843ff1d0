// The two ways of loading a server: as fast as it answers (closed), and at a fixed rate whatever it answers (open).
import { seeded } from '../random.ts';
import { type Connection, openConnection } from './connection.ts';
import type { BenchRequest } from './requests.ts';

export interface RoundResult {
  readonly seconds: number;
  readonly answered: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly broken: number;
  /** Offered but never sent, because the round ended first (fixed rate). */
  readonly unsent: number;
  /** True when the prepared requests ran out and were sent again from the first. */
  readonly wrapped: boolean;
  readonly perSecond: number;
  /** Milliseconds; in an open round from the moment a request was due, not from when it could be sent. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** Processor seconds of the client per second of the round. */
  readonly clientCpu: number;
}

export interface RoundSpec {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second; null for a closed round. */
  readonly rate: number | null;
  /** A closed round that ends when every prepared request was sent once, however long that takes. */
  readonly once?: boolean;
  /** Seconds at the start whose answers are sent but not counted. */
  readonly warmUp: number;
}

/** Counts and latencies of one round, in memory laid out before it starts. */
function tally(capacity: number) {
  const latencies = new Float64Array(capacity);
  const byStatus = new Uint32Array(600);
  let count = 0;
  return {
    add(status: number, milliseconds: number): void {
      byStatus[status]!++;
      if (count < capacity) latencies[count++] = milliseconds;
    },
    result() {
      const sorted = latencies.subarray(0, count).sort();
      const at = (share: number): number => sorted[Math.min(count - 1, Math.floor(share * count))] ?? Number.NaN;
      const statuses: Record<string, number> = {};
      for (const [status, times] of byStatus.entries()) if (times > 0) statuses[status] = times;
      const answered = Object.values(statuses).reduce((sum, times) => sum + times, 0);
      return { answered, byStatus: statuses, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
    },
  };
}

/** Runs one round over prepared requests, starting at `requests[0]`. */
export function runRound(spec: RoundSpec, requests: readonly BenchRequest[]): Promise<RoundResult> {
  return spec.rate === null ? closedRound(spec, requests) : openRound(spec, spec.rate, requests);
}

const round3 = (value: number): number => Math.round(value * 1000) / 1000;

async function closedRound(spec: RoundSpec, requests: readonly BenchRequest[]): Promise<RoundResult> {
  const counts = tally(spec.once === true ? requests.length : Math.ceil(spec.seconds * 40_000));
  let next = 0;
  let broken = 0;
  let running = true;
  // Without a warm-up the first answer counts, however soon it comes.
  let measuring = spec.warmUp === 0;
  const exhausted = Promise.withResolvers<void>();
  const send = (connection: Connection): void => {
    if (spec.once === true && next >= requests.length) {
      running = false;
      exhausted.resolve();
      return;
    }
    const request = requests[next % requests.length]!;
    next++;
    connection.since = performance.now();
    connection.send(request);
  };
  const answered = (connection: Connection, status: number): void => {
    if (measuring) counts.add(status, performance.now() - connection.since);
    if (running) send(connection);
  };
  const open = (): Connection =>
    openConnection(spec.port, answered, connection => {
      connections.delete(connection);
      if (!running) return;
      broken++;
      if (broken > 1000) return;
      const again = open();
      connections.add(again);
      send(again);
    });
  const connections = new Set<Connection>();
  for (let index = 0; index < spec.connections; index++) connections.add(open());
  for (const connection of connections) send(connection);
  await after(spec.warmUp);
  measuring = true;
  const cpu = process.cpuUsage();
  const from = performance.now();
  await (spec.once === true ? exhausted.promise : after(spec.seconds));
  running = false;
  if (spec.once === true) await settled(connections);
  measuring = false;
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  await quiet(connections);
  const figures = counts.result();
  return {
    seconds: round3(seconds),
    ...figures,
    broken,
    unsent: 0,
    wrapped: next > requests.length,
    perSecond: Math.round(figures.answered / seconds),
    clientCpu: round3((used.user + used.system) / 1e6 / seconds),
  };
}

/** Waits until nothing is in flight (10 s at most), then lets go: a later round must not meet what is left of this one. */
async function quiet(connections: Set<Connection>): Promise<void> {
  await settled(connections);
  connections.clear();
}

async function settled(connections: ReadonlySet<Connection>): Promise<void> {
  const until = performance.now() + 10_000;
  while ([...connections].some(connection => connection.busy) && performance.now() < until) await after(0.01);
}

function after(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000));
}

/**
 * Arrivals at random (exponential gaps) at a fixed mean rate. A request waits for a free connection when all are busy, and
 * its latency counts from its arrival, so that a stall of the server is charged to every request it delayed.
 */
async function openRound(spec: RoundSpec, rate: number, requests: readonly BenchRequest[]): Promise<RoundResult> {
  const total = Math.round(rate * (spec.warmUp + spec.seconds));
  const arrivals = new Float64Array(total);
  const random = seeded(total, spec.port);
  for (let index = 0, at = 0; index < total; index++) {
    at += (-Math.log(1 - random.next()) / rate) * 1000;
    arrivals[index] = at;
  }
  const counts = tally(total);
  const free: Connection[] = [];
  let next = 0;
  let broken = 0;
  let running = true;
  const start = performance.now() + 20;
  const measureFrom = start + spec.warmUp * 1000;
  const send = (connection: Connection): void => {
    connection.since = start + arrivals[next]!;
    connection.send(requests[next % requests.length]!);
    next++;
  };
  const due = (now: number): boolean => next < total && start + arrivals[next]! <= now;
  const answered = (connection: Connection, status: number): void => {
    const now = performance.now();
    const arrival = connection.since;
    if (arrival >= measureFrom) counts.add(status, now - arrival);
    if (running && due(now)) send(connection);
    else free.push(connection);
  };
  const connections = new Set<Connection>();
  const open = (): void => {
    const connection = openConnection(spec.port, answered, gone => {
      connections.delete(gone);
      const at = free.indexOf(gone);
      if (at >= 0) free.splice(at, 1);
      if (running && ++broken <= 1000) open();
    });
    connections.add(connection);
    free.push(connection);
  };
  for (let index = 0; index < spec.connections; index++) open();
  let cpu = process.cpuUsage();
  let cpuFrom = performance.now();
  let cpuSet = false;
  await new Promise<void>(resolve => {
    const end = start + (spec.warmUp + spec.seconds) * 1000;
    const tick = setInterval(() => {
      const now = performance.now();
      if (!cpuSet && now >= measureFrom) {
        cpuSet = true;
        cpu = process.cpuUsage();
        cpuFrom = now;
      }
      while (free.length > 0 && due(now)) send(free.pop()!);
      if (now >= end) {
        clearInterval(tick);
        resolve();
      }
    }, 1);
  });
  running = false;
  const used = process.cpuUsage(cpu);
  const cpuSeconds = (performance.now() - cpuFrom) / 1000;
  await quiet(connections);
  const figures = counts.result();
  return {
    seconds: spec.seconds,
    ...figures,
    broken,
    unsent: total - next,
    wrapped: next > requests.length,
    perSecond: Math.round(figures.answered / spec.seconds),
    clientCpu: round3((used.user + used.system) / 1e6 / cpuSeconds),
  };
}
