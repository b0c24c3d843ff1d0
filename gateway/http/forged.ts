// Why requests were not authentic, for the operator's log: the sender is told none of it, so somebody has to be able to tell them.
import { Unauthentic } from '../../adapters/contract.ts';
import type { Log } from '../telemetry/telemetry.ts';

/** Told at once, and then at most so often: anybody can send what is not authentic. */
const EVERY_MS = 60_000;
/** An adapter's reason is a word (`timestamp_out_of_window`); sentences of others are left out. */
const REASON = /^[a-z][a-z_]{2,39}$/;

export interface Forged {
  /** Takes note of what a channel refused; errors of other kinds are nothing to it. */
  note(channel: string, error: unknown): void;
}

export function createForged(log: Pick<Log, 'warn'>, now: () => number = () => performance.now()): Forged {
  const seen = new Map<string, { toldAt: number; untold: number }>();
  return {
    note(channel, error) {
      if (!(error instanceof Unauthentic)) return;
      const reason = REASON.test(error.message) ? error.message : 'other';
      const key = `${channel} ${reason}`;
      const known = seen.get(key);
      if (known !== undefined && now() - known.toldAt < EVERY_MS) {
        known.untold++;
        return;
      }
      seen.set(key, { toldAt: now(), untold: 0 });
      log.warn('http.forged', { channel, reason, count: 1 + (known?.untold ?? 0) });
    },
  };
}
