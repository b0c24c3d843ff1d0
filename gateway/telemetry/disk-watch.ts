// Stops intake while there is still room for what has been accepted to be read and forwarded, and tells how much is free.
import type { Config } from '../../config/schema.ts';
import type { Store } from '../../store/store.ts';
import type { Intake } from '../intake.ts';
import { createOutages, type Log } from './telemetry.ts';

export interface DiskState {
  readonly freeBytes: number;
  /** Free space at which intake stops. */
  readonly leastFreeBytes: number;
}

export interface DiskWatch {
  /** Resolves when the disk has been looked at for the first time; nothing is to be taken in before. */
  readonly looked: Promise<void>;
  /** null: not measured yet. */
  latest(): DiskState | null;
  /** Seconds that commits took since the last call: measuring the disk takes them from the store, which tells each once. */
  takeCommitSeconds(): readonly number[];
  close(): void;
}

const LOOK_MS = 2000;
/** As many as the store itself remembers. */
const MOST_SECONDS = 1024;

/** The greater of the two limits of the settings. */
export function leastFreeBytes(
  limits: Pick<Config['intake'], 'minFreeMb' | 'minFreePercent'>,
  totalBytes: number,
): number {
  return Math.max(limits.minFreeMb * 1024 * 1024, (totalBytes * limits.minFreePercent) / 100);
}

/** @param limits asked at every look, so that changed settings count at once */
export function watchDisk(
  store: Store,
  limits: () => Config['intake'],
  intake: Intake,
  { log, now }: { readonly log: Log; readonly now: () => number },
): DiskWatch {
  const outages = createOutages(log, now);
  let latest: DiskState | null = null;
  let seconds: readonly number[] = [];
  const look = async () => {
    try {
      const { freeBytes, totalBytes, commitSeconds } = await store.admin.health();
      seconds = [...seconds, ...commitSeconds].slice(-MOST_SECONDS);
      latest = { freeBytes, leastFreeBytes: leastFreeBytes(limits(), totalBytes) };
      outages.up('disk', 'store.measured');
      const low = freeBytes < latest.leastFreeBytes;
      if (low === (intake.paused !== null)) return;
      intake.pause(low ? 'intake.disk_low' : null);
      log.warn(low ? 'intake.disk_low' : 'intake.resumed', { freeMb: Math.round(freeBytes / 1024 / 1024) });
    } catch (error) {
      outages.down('disk', 'store.health', error);
    }
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return {
    looked: look(),
    latest: () => latest,
    takeCommitSeconds() {
      const taken = seconds;
      seconds = [];
      return taken;
    },
    close: () => clearInterval(timer),
  };
}
