// What /metrics shows of the parts of a running gateway, asked of each when somebody looks.
import type { Store } from '../../store/store.ts';
import type { Alarms } from '../alarms/alarms.ts';
import type { Channels } from '../channels/channels.ts';
import type { Reload } from '../settings/reload.ts';
import type { DiskWatch } from './disk-watch.ts';
import type { MetricsSnapshot, SettingsFigures } from './metrics.ts';
import type { ProbeCounts } from './probe-counts.ts';
import type { WriteWatch } from './write-watch.ts';

export interface SnapshotSources {
  readonly store: Store;
  readonly counts: ProbeCounts;
  readonly channels: Channels;
  readonly disk: DiskWatch;
  readonly writes: WriteWatch;
  readonly alarms: Alarms;
}

/** Rejects when the store cannot answer. */
export async function snapshotOf({
  store,
  counts,
  channels,
  disk,
  writes,
  alarms,
}: SnapshotSources): Promise<MetricsSnapshot> {
  const [messages, outbox, tickets, health] = await Promise.all([
    counts.messages(),
    counts.outbox(),
    counts.tickets(),
    store.admin.health(),
  ]);
  const commitSeconds = [...disk.takeCommitSeconds(), ...health.commitSeconds];
  const { freeBytes } = health;
  const writable = writes.fault() === null;
  const figures = alarms.figures();
  return {
    messages,
    outbox,
    tickets,
    channels: channels.status(),
    commitSeconds,
    freeBytes,
    writable,
    alarms: figures,
  };
}

export function settingsFigures(reload: Reload): SettingsFigures {
  const { counts, refused, restart } = reload.state();
  const certificateEnds = reload.certificate()?.notAfter ?? null;
  return { ...counts, valid: refused === null, restart: restart.length, certificateEnds };
}
