// Rate limits in this process: a steady rate with room for bursts, for each key.
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

export interface RateLimitOptions {
  readonly ratePerSecond: number;
  /** Requests above the rate that may come at once; the room fills again at the rate. */
  readonly burst: number;
}

export interface RateLimit {
  /** Takes one request of `key`: 0 when it may go on, else the whole seconds to wait. */
  take(key: string): Promise<number>;
}

/** Counts live in memory, so with several gateway processes each allows the full rate. */
export function rateLimit(options: RateLimitOptions): RateLimit {
  const steady = new RateLimiterMemory({ points: options.ratePerSecond, duration: 1 });
  const burst = new RateLimiterMemory({
    keyPrefix: 'burst',
    points: options.burst,
    duration: Math.max(1, Math.ceil(options.burst / options.ratePerSecond)),
  });
  const limiter = new BurstyRateLimiter(steady, burst);
  return {
    take: key =>
      limiter.consume(key).then(
        () => 0,
        (refused: unknown) => {
          if (!(refused instanceof RateLimiterRes)) throw refused;
          return Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
        },
      ),
  };
}
