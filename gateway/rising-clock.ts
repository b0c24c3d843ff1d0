// The wall clock as long as it goes forward; where it is set back, elapsed time instead, so that what waits by it is not held up.

/** @param elapsed milliseconds that only rise */
export function risingClock(now: () => number, elapsed: () => number = () => performance.now()): () => number {
  let top = now();
  let seen = elapsed();
  return () => {
    const at = elapsed();
    top = Math.max(now(), top + at - seen);
    seen = at;
    return Math.floor(top);
  };
}
