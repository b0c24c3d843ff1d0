// What a gateway knows of itself without asking its store, for whoever has to find out why that does not answer.
import type { MessageCounts, OutboxCounts } from '../../store/store.ts';
import type { Dispatch, DispatchStatus } from '../dispatch/dispatch.ts';
import type { Intake } from '../intake.ts';
import type { Reading } from '../reading/reading.ts';
import type { Role } from '../role.ts';
import type { DiskState, DiskWatch } from './disk-watch.ts';
import type { ProbeCounts } from './probe-counts.ts';
import type { WriteWatch } from './write-watch.ts';

export interface Vitals {
  readonly role: Role;
  readonly pid: number;
  /** Since when the store takes nothing, milliseconds since the epoch; null: it takes what is written, as far as is known. */
  readonly storeDownSince: number | null;
  /** Code of why intake is stopped, whatever the store does; null: it is not. */
  readonly intakePaused: string | null;
  /** False while the reader is being started again. */
  readonly reading: boolean;
  /** null: no case system is configured, or this process does not send. */
  readonly caseSystem: DispatchStatus | null;
  /** The queue is on Redis. */
  readonly redis: boolean;
  /** null: not measured yet. */
  readonly disk: DiskState | null;
  /** What the store said last; null: it was never asked. */
  readonly counted: Counted | null;
}

export interface Counted {
  readonly at: number;
  readonly messages: MessageCounts;
  readonly outbox: OutboxCounts;
}

export interface VitalsParts {
  readonly role: Role;
  readonly intake: Pick<Intake, 'paused'>;
  readonly reading: Pick<Reading, 'up'>;
  readonly dispatch: Pick<Dispatch, 'status'> | null;
  readonly counts: Pick<ProbeCounts, 'lately'>;
  readonly writes: Pick<WriteWatch, 'since'>;
  readonly disk: Pick<DiskWatch, 'latest'>;
  readonly redis: boolean;
}

export function vitalsOf(parts: VitalsParts): () => Vitals {
  const { role, intake, reading, dispatch, counts, writes, disk, redis } = parts;
  return () => ({
    ...{ role, pid: process.pid, redis },
    storeDownSince: writes.since(),
    intakePaused: intake.paused,
    reading: reading.up,
    caseSystem: dispatch?.status() ?? null,
    disk: disk.latest(),
    counted: counts.lately(),
  });
}
