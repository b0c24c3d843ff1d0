// When a failed entry is sent again, and when it has failed often enough to be a dead letter.
import type { CaseSystemSettings } from '../../config/case-system.ts';

/**
 * Milliseconds until the next attempt; null when the last one was made. Counts attempts and not age: hours in which the
 * circuit was open and nothing was tried do not bring an entry nearer to its end.
 * @param failures counted failures so far, this one included (1 after the first)
 * @param random 0 to 1
 */
export function retryDelayMs(failures: number, retry: CaseSystemSettings['retry'], random: number): number | null {
  const { steps, every, hours, jitter } = retry;
  const within = steps.slice(0, failures - 1).reduce((sum, seconds) => sum + seconds, 0);
  const elapsed = within + Math.max(0, failures - 1 - steps.length) * every;
  const seconds = steps[failures - 1] ?? every;
  if (elapsed + seconds > hours * 3600) return null;
  return Math.round(seconds * 1000 * (1 + jitter * (2 * random - 1)));
}

/** A wait the other side asked for counts when it is longer than ours, but not beyond the longest of our own. */
export function notBefore(ownMs: number, askedMs: number | null, retry: CaseSystemSettings['retry']): number {
  const longest = Math.max(retry.every, ...retry.steps) * 1000;
  return Math.max(ownMs, Math.min(askedMs ?? 0, longest));
}
