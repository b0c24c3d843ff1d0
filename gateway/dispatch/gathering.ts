// Lets answers that come close together wait for each other, so that they are written down together.
import type { Clock } from './clock.ts';

export interface GatheringOptions {
  readonly clock: Clock;
  /** The first to come waits so long for others, milliseconds. */
  readonly waitMs: number;
  /** So many wait for no more: whoever works on them would stand idle until the time is over. */
  readonly enough: number;
}

/** Joins the gathering under way, or begins one; resolves when it is over. */
export function createGathering({ clock, waitMs, enough }: GatheringOptions): () => Promise<void> {
  let current: { readonly over: Promise<void>; readonly end: () => void; count: number } | null = null;

  function begin(): NonNullable<typeof current> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => {
      cancel();
      current = null;
      resolve();
    };
    const cancel = clock.after(waitMs, end);
    return { over: promise, end, count: 0 };
  }

  return () => {
    current ??= begin();
    const { over, end } = current;
    if (++current.count >= enough) end();
    return over;
  };
}
