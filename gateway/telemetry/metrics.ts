// The gateway's figures in Prometheus' text format, taken from their source when they are asked for.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MessageCounts, OutboxCounts, TicketCounts } from '../../store/store.ts';

/** What is counted elsewhere (in the store, by the channels) and only read here. Times are milliseconds since the epoch. */
export interface MetricsSnapshot {
  readonly messages: Omit<MessageCounts, 'total'>;
  readonly outbox: OutboxCounts;
  readonly tickets: Pick<TicketCounts, 'held' | 'byState'>;
  readonly channels: readonly { readonly id: string; readonly kind: string; readonly up: boolean }[];
  /** Seconds of the commits since the last snapshot. */
  readonly commitSeconds: readonly number[];
  readonly freeBytes: number;
  /** Whether the store takes what is written. */
  readonly writable: boolean;
  /** Alarms that are on by kind, and how the ways do by which a person is told. */
  readonly alarms?: {
    readonly on: readonly { readonly kind: string; readonly count: number }[];
    readonly ways: readonly {
      readonly way: string;
      readonly waiting: number;
      readonly failures: number;
      readonly delivered: number;
      readonly lost: number;
    }[];
  };
}

/** Fulfilled by the composition; rejects when the store cannot answer. */
export interface MetricsSource {
  snapshot(): Promise<MetricsSnapshot>;
  /** How the settings and the certificate stand; absent where nothing reloads them. */
  settings?(): SettingsFigures;
}

export interface SettingsFigures {
  /** Times newer settings were taken over, and refused. */
  readonly applied: number;
  readonly refused: number;
  /** False while newer settings than the ones at work are wrong. */
  readonly valid: boolean;
  /** Settings that take effect after a restart. */
  readonly restart: number;
  /** When the certificate ends, milliseconds since the epoch; null without TLS. */
  readonly certificateEnds: number | null;
}

export interface Metrics {
  /** Counts acknowledged messages; called once a batch, cheap. */
  acknowledged(channel: string, kind: string, delivery: 'fresh' | 'redelivery', count?: number): void;
  /** Counts requests refused before anything was stored, by problem code. */
  refused(channel: string, code: string): void;
  /** Prometheus text. Answers also while the store is down (`huisu_store_up 0`). */
  text(): Promise<string>;
  readonly contentType: string;
  close(): void;
}

/** Of several processes each answers for itself alone, or all of them the same for what they share. */
const OWN = '(of this process)';
const SHARED = '(of the store, the same at every process: take one, never the sum)';
const COMMIT_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** A counter's series by what it is asked for most, since finding one by its labels costs more than counting. */
function counted(counter: Counter<'channel' | 'kind' | 'delivery'>): Metrics['acknowledged'] {
  const series = { fresh: new Map<string, Counter.Internal>(), redelivery: new Map<string, Counter.Internal>() };
  return (channel, kind, delivery, count = 1) => {
    const known = series[delivery];
    const name = `${kind}/${channel}`;
    let one = known.get(name);
    if (one === undefined) {
      one = counter.labels({ channel, kind, delivery });
      known.set(name, one);
    }
    one.inc(count);
  };
}

export function createMetrics(source: MetricsSource, now: () => number): Metrics {
  const registry = new Registry();
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const registers = [registry];
  const acknowledged = new Counter({
    name: 'huisu_acknowledged_total',
    help: `Messages acknowledged to their platform since the start ${OWN}`,
    labelNames: ['channel', 'kind', 'delivery'],
    registers,
  });
  const refused = new Counter({
    name: 'huisu_refused_total',
    help: `Requests refused to their sender with nothing stored since the start ${OWN}`,
    labelNames: ['channel', 'code'],
    registers,
  });
  const commits = new Histogram({
    name: 'huisu_commit_seconds',
    help: `Time of one commit to disk ${OWN}`,
    buckets: COMMIT_BUCKETS,
    registers,
  });
  const fill = createGauges(registers);
  const fillSettings = createSettingsGauges(registers);
  const storeUp = gauge('huisu_store_up', `Whether the store answers and takes what is written ${OWN}`, registers);
  const lagGauge = gauge('huisu_loop_lag_seconds', `Delay of the main loop since the last reading ${OWN}`, registers, [
    'quantile',
  ]);
  return {
    acknowledged: counted(acknowledged),
    refused: (channel, code) => refused.inc({ channel, code }),
    async text() {
      readLag(lag, lagGauge);
      const settings = source.settings?.();
      if (settings !== undefined) fillSettings(settings);
      const snapshot = await source.snapshot().catch(() => null);
      storeUp.set(snapshot?.writable === true ? 1 : 0);
      if (snapshot !== null) {
        fill(snapshot, now());
        for (const seconds of snapshot.commitSeconds) commits.observe(seconds);
      }
      return registry.metrics();
    },
    contentType: registry.contentType,
    close: () => lag.disable(),
  };
}

function gauge(name: string, help: string, registers: Registry[], labelNames: string[] = []): Gauge {
  return new Gauge({ name, help, labelNames, registers });
}

function readLag(lag: ReturnType<typeof monitorEventLoopDelay>, into: Gauge): void {
  const seconds = (nanoseconds: number) => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0);
  into.set({ quantile: '0.5' }, seconds(lag.percentile(50)));
  into.set({ quantile: '0.99' }, seconds(lag.percentile(99)));
  into.set({ quantile: '1' }, lag.count === 0 ? 0 : seconds(lag.max));
  lag.reset();
}

function createSettingsGauges(registers: Registry[]): (figures: SettingsFigures) => void {
  const reloads = gauge('huisu_settings_reloads', `Newer settings since the start, by result ${OWN}`, registers, [
    'result',
  ]);
  const valid = gauge('huisu_settings_valid', `Whether the newest settings are at work ${OWN}`, registers);
  const restart = gauge('huisu_settings_restart', `Settings that wait for a restart ${OWN}`, registers);
  const ends = gauge(
    'huisu_certificate_end_seconds',
    `When the certificate ends, Unix time; 0: no TLS ${OWN}`,
    registers,
  );
  return figures => {
    reloads.set({ result: 'applied' }, figures.applied);
    reloads.set({ result: 'refused' }, figures.refused);
    valid.set(figures.valid ? 1 : 0);
    restart.set(figures.restart);
    ends.set((figures.certificateEnds ?? 0) / 1000);
  };
}

function createGauges(registers: Registry[]): (snapshot: MetricsSnapshot, now: number) => void {
  const unread = gauge('huisu_unread', `Messages acknowledged and not yet read ${SHARED}`, registers);
  const unreadAge = gauge('huisu_unread_oldest_seconds', `Age of the oldest unread message ${SHARED}`, registers);
  const outcomes = gauge('huisu_messages', `Messages by what became of them ${SHARED}`, registers, ['outcome']);
  const quarantined = gauge('huisu_quarantined', `Messages that nobody could read ${SHARED}`, registers);
  const outbox = gauge('huisu_outbox', `Entries for the case system by state ${SHARED}`, registers, ['state']);
  const outboxAge = gauge(
    'huisu_outbox_oldest_seconds',
    `Age of the oldest entry still to deliver ${SHARED}`,
    registers,
  );
  const dead = gauge('huisu_dead', `Entries that could not be delivered ${SHARED}`, registers);
  const tickets = gauge('huisu_tickets', `Tickets by state ${SHARED}`, registers, ['state']);
  const channelUp = gauge('huisu_channel_up', `Whether a channel works ${OWN}`, registers, ['channel', 'kind']);
  const free = gauge('huisu_free_bytes', `Free space under the data folder ${OWN}`, registers);
  const alarms = alarmGauges(registers);
  const age = (from: number | null, now: number) => (from === null ? 0 : Math.max(0, (now - from) / 1000));
  return ({ messages, outbox: entries, tickets: held, channels, freeBytes, alarms: raised }, now) => {
    unread.set(messages.unread);
    unreadAge.set(age(messages.oldestUnread, now));
    quarantined.set(messages.quarantined);
    // A state that no ticket is in any more is not named by the store.
    for (const gauge of [outcomes, tickets, channelUp]) gauge.reset();
    for (const [outcome, count] of Object.entries(messages.byOutcome)) outcomes.set({ outcome }, count);
    const { oldest, inFlight, ...states } = entries;
    for (const [state, count] of Object.entries({ ...states, 'in-flight': inFlight })) outbox.set({ state }, count);
    outboxAge.set(age(oldest, now));
    dead.set(entries.dead);
    for (const [state, count] of Object.entries(held.byState)) tickets.set({ state }, count);
    for (const { id, kind, up } of channels) channelUp.set({ channel: id, kind }, up ? 1 : 0);
    free.set(freeBytes);
    if (raised !== undefined) alarms(raised);
  };
}

function alarmGauges(registers: Registry[]): (alarms: NonNullable<MetricsSnapshot['alarms']>) => void {
  const on = gauge('huisu_alarms', `Alarms that are on ${SHARED}`, registers, ['alarm']);
  const waiting = gauge('huisu_alarm_notices_waiting', `Notices still to be delivered ${SHARED}`, registers, ['way']);
  const failures = gauge('huisu_alarm_failures', `Failures in a row of a way to tell a person ${SHARED}`, registers, [
    'way',
  ]);
  const delivered = gauge('huisu_alarm_notices_delivered', `Notices delivered, ever ${SHARED}`, registers, ['way']);
  const lost = gauge('huisu_alarm_notices_lost', `Notices given up, ever ${SHARED}`, registers, ['way']);
  return alarms => {
    on.reset();
    for (const { kind, count } of alarms.on) on.set({ alarm: kind }, count);
    for (const { way, ...figures } of alarms.ways) {
      waiting.set({ way }, figures.waiting);
      failures.set({ way }, figures.failures);
      delivered.set({ way }, figures.delivered);
      lost.set({ way }, figures.lost);
    }
  };
}
