// Brings together what two processes decided apart, pair by pair; where somebody is at the same tickets, or the store is away, later.
import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailable } from '../../store/errors.ts';
import { DeskError } from '../desk/desk-error.ts';
import type { Log } from '../telemetry/telemetry.ts';
import type { MissedPair } from './peers.ts';

export interface LateLinksParts {
  /** Rejects where the pair cannot be linked. */
  link(pair: MissedPair): Promise<unknown>;
  readonly log: Pick<Log, 'info' | 'fail'>;
  /** True when nothing is to be waited for any more. */
  closing(): boolean;
  /** Between two tries, milliseconds. Default 250. */
  readonly againMs?: number;
}

const AGAIN_MS = 250;
/** Decisions of the same tickets under way end within seconds; by then they stand in the way for another reason. */
const TRIES = 20;
/** What is logged of pairs. */
const WORDS = {
  repeat: { done: 'reading.linked_late', failed: 'reading.not_linked' },
  incident: { done: 'reading.merged_late', failed: 'reading.not_merged' },
} as const;

/** Answers a function that resolves when each pair has been linked, or cannot be: it stays apart then, and holds up no other. */
export function lateLinks(parts: LateLinksParts): (pairs: readonly MissedPair[]) => Promise<void> {
  async function link(pair: MissedPair): Promise<void> {
    for (let tried = 1; ; tried++) {
      try {
        await parts.link(pair);
        return;
      } catch (error) {
        const passes = error instanceof StoreUnavailable || (tried < TRIES && isInUse(error));
        if (!passes || parts.closing()) throw error;
        await delay(parts.againMs ?? AGAIN_MS);
      }
    }
  }

  return async pairs => {
    for (const pair of pairs) {
      const values = { number: pair.number, of: pair.to };
      try {
        await link(pair);
        parts.log.info(WORDS[pair.as].done, values);
      } catch (error) {
        parts.log.fail(WORDS[pair.as].failed, error, values);
      }
    }
  };
}

function isInUse(error: unknown): boolean {
  return error instanceof DeskError && error.code === 'desk.changed_meanwhile';
}
