// What stands in front of one target: places for so many attempts at a time, and a circuit breaker that after failures in a row
// lets nothing through but one probe at a time.
import {
  bulkhead,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhenResult,
} from 'cockatiel';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Until the first probe; each probe that fails doubles the wait, up to `maxOpenMs`. */
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** Milliseconds that only rise; a wall clock set back must not keep the circuit open. Default `performance.now`. */
  readonly monotonic?: () => number;
  readonly onChange?: (state: BreakerState) => void;
}

export interface Breaker {
  readonly state: BreakerState;
  /** How many attempts may begin now: 0 while open, 1 for a probe, otherwise as many as one likes. */
  room(): number;
  /** Milliseconds until a probe may begin; 0 when something may begin now. */
  waitMs(): number;
  /** Runs an attempt, or answers null without running it while there is no room. */
  run<T>(attempt: () => Promise<T>, failed: (result: T) => boolean): Promise<T | null>;
}

interface Judged<T> {
  readonly result: T;
  readonly failed: boolean;
}

/** 熔断器. */
export function createBreaker(options: BreakerOptions): Breaker {
  const monotonic = options.monotonic ?? (() => performance.now());
  let reopensAt = 0;
  let waited = options.openMs;
  let probing = false;

  const policy: CircuitBreakerPolicy = circuitBreaker(
    handleWhenResult(judged => (judged as Judged<unknown>).failed),
    {
      breaker: new ConsecutiveBreaker(options.failures),
      // The library measures by the wall clock. It is told never to wait itself; the wait is measured below.
      halfOpenAfter: Number.NEGATIVE_INFINITY,
    },
  );
  policy.onBreak(() => {
    waited = probing ? Math.min(waited * 2, options.maxOpenMs) : options.openMs;
    reopensAt = monotonic() + waited;
  });
  policy.onStateChange(() => options.onChange?.(stateOf(policy.state)));

  const waitMs = (): number => {
    if (policy.state === CircuitState.Closed) return 0;
    return Math.max(0, Math.ceil(reopensAt - monotonic()));
  };
  const room = (): number => {
    if (policy.state === CircuitState.Closed) return Number.POSITIVE_INFINITY;
    return probing || waitMs() > 0 ? 0 : 1;
  };

  return {
    get state() {
      return stateOf(policy.state);
    },
    room,
    waitMs,
    async run(attempt, failed) {
      if (room() === 0) return null;
      const isProbe = policy.state !== CircuitState.Closed;
      if (isProbe) probing = true;
      try {
        const judged = await policy.execute(async () => {
          const result = await attempt();
          return { result, failed: failed(result) };
        });
        return judged.result;
      } finally {
        if (isProbe) probing = false;
      }
    },
  };
}

function stateOf(state: CircuitState): BreakerState {
  if (state === CircuitState.Closed) return 'closed';
  return state === CircuitState.HalfOpen ? 'half-open' : 'open';
}

/** Runs no more than `count` at a time; the others wait their turn. */
export function createPlaces(count: number): <T>(attempt: () => Promise<T>) => Promise<T> {
  const policy = bulkhead(count, Number.POSITIVE_INFINITY);
  return attempt => policy.execute(attempt);
}
