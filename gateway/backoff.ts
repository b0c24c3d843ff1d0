// Waiting between attempts: longer each time, scattered, and cut short when what it waits for is given up.

const FIRST_MS = 1000;
const MOST_MS = 5 * 60_000;

export interface Backoff {
  /** The next wait in milliseconds, scattered so that many do not come back in the same instant. */
  next(): number;
  /** After a success: the next wait is a short one again. */
  reset(): void;
}

export function createBackoff(): Backoff {
  let wait = FIRST_MS;
  return {
    next() {
      const scattered = wait * (0.8 + Math.random() * 0.4);
      wait = Math.min(MOST_MS, wait * 2);
      return scattered;
    },
    reset() {
      wait = FIRST_MS;
    },
  };
}

/** Resolves after a time, or at once when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
