// 时钟跳变: compares the wall clock with elapsed time from look to look, and remembers a step for a while.

export interface ClockWatch {
  /**
   * @param at wall clock
   * @param elapsedMs since the look before
   * @param lastRun wall clock of the last look of an earlier process; null at all but the first look
   * @param leastSeconds a smaller difference is none
   */
  seen(at: number, elapsedMs: number, lastRun: number | null, leastSeconds: number): void;
  /** The last step, in seconds with its sign; null: none, or long enough ago. */
  step(): { readonly seconds: number; readonly at: number } | null;
}

/** A step is an instant, an alarm lasts: it stays for so long after the last one. */
const HOLD_MS = 600_000;

export function createClockWatch(): ClockWatch {
  let before: number | null = null;
  let step: { seconds: number; at: number; heldMs: number } | null = null;
  return {
    seen(at, elapsedMs, lastRun, leastSeconds) {
      if (step !== null) step.heldMs += elapsedMs;
      if (step !== null && step.heldMs > HOLD_MS) step = null;
      // Between two processes only a clock that went back can be told from time that passed.
      const backMs = lastRun === null ? 0 : Math.min(0, at - lastRun);
      const jumpedMs = before === null ? backMs : at - before - elapsedMs;
      before = at;
      if (Math.abs(jumpedMs) > leastSeconds * 1000) step = { seconds: Math.round(jumpedMs / 1000), at, heldMs: 0 };
    },
    step: () => (step === null ? null : { seconds: step.seconds, at: step.at }),
  };
}
