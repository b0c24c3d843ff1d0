// One act of a clerk at a time, in all processes: two that each look before the other has written would join tickets in a ring.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../../store/store.ts';
import { DeskError } from './desk-error.ts';

const LEASE = 'desk';
/** An act takes milliseconds; one whose process died holds up the next for so long. */
const LEASE_MS = 10_000;
const ASK_AGAIN_MS = 50;

export interface TurnParts {
  readonly store: { readonly admin: Pick<Store['admin'], 'lease'> };
  readonly now: () => number;
}

/** Runs acts one after the other. Rejects with `desk.changed_meanwhile` where another process is at it for too long. */
export function createDeskTurns({ store, now }: TurnParts): <T>(act: () => Promise<T>) => Promise<T> {
  const owner = randomUUID();
  let last: Promise<unknown> = Promise.resolve();

  async function take(): Promise<void> {
    const end = performance.now() + 2 * LEASE_MS;
    while ((await store.admin.lease(LEASE, owner, now(), LEASE_MS)) === null) {
      if (performance.now() > end) throw new DeskError('desk.changed_meanwhile');
      await delay(ASK_AGAIN_MS);
    }
  }

  async function turn<T>(act: () => Promise<T>): Promise<T> {
    await take();
    try {
      return await act();
    } finally {
      // Given back. Where the store does not answer it runs out by itself, and what was done stays done.
      await store.admin.lease(LEASE, owner, now(), 0).catch(() => null);
    }
  }

  return act => {
    const mine = last.then(() => turn(act));
    last = mine.catch(() => undefined);
    return mine;
  };
}
