// Halves of files whose writers died: what is unfinished is one only once it has been so for longer than any writing takes.

/** By elapsed time, since a clock may be wrong and the writer another process. */
const SETTLE_MS = 50 * 60_000;
/** Kept in mind at one time; the others are found again later. */
const MOST = 1000;

export interface Leftovers {
  /** These are unfinished now. */
  seen(names: Iterable<string>, elapsed: number): void;
  /** Those that have been unfinished for long; each is named once, and whoever asks looks whether it still is. */
  take(elapsed: number): readonly string[];
}

export function createLeftovers(): Leftovers {
  const since = new Map<string, number>();
  return {
    seen(names, elapsed) {
      for (const name of names) {
        if (since.size >= MOST) return;
        if (!since.has(name)) since.set(name, elapsed);
      }
    },
    take(elapsed) {
      const long = [...since].filter(([, from]) => elapsed - from >= SETTLE_MS).map(([name]) => name);
      for (const name of long) since.delete(name);
      return long;
    },
  };
}
