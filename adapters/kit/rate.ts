// Rate limits in this process: a steady rate with room for bursts, for each key.

export interface RateLimitOptions {
  readonly ratePerSecond: number;
  /** Requests above the rate that may come at once; the room fills again at the rate. */
  readonly burst: number;
  /** Milliseconds of a clock that never goes back. */
  readonly clock?: () => number;
}

export interface RateLimit {
  /** Takes one request of `key`: 0 when it may go on, else the whole seconds to wait. */
  take(key: string): number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Above it, keys whose bucket is full again are forgotten before another is taken on. */
const KEYS_KEPT = 10_000;

/** A token bucket a key: one second's rate and the burst. Counts live in memory, so each gateway process allows the full rate. */
export function rateLimit({ ratePerSecond, burst, clock = () => performance.now() }: RateLimitOptions): RateLimit {
  const room = ratePerSecond + burst;
  const buckets = new Map<string, Bucket>();
  return {
    take(key) {
      const now = clock();
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        if (buckets.size >= KEYS_KEPT) forgetFull(buckets, now, (room / ratePerSecond) * 1000);
        bucket = { tokens: room, filledAt: now };
        buckets.set(key, bucket);
      }
      bucket.tokens = Math.min(room, bucket.tokens + ((now - bucket.filledAt) / 1000) * ratePerSecond);
      bucket.filledAt = now;
      if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return 0;
      }
      return Math.max(1, Math.ceil((1 - bucket.tokens) / ratePerSecond));
    },
  };
}

function forgetFull(buckets: Map<string, Bucket>, now: number, fullAfterMs: number): void {
  for (const [key, { filledAt }] of buckets) if (now - filledAt >= fullAfterMs) buckets.delete(key);
}
