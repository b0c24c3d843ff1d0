// The clock of the outgoing side: time that does not jump with the wall clock, and timers that can be called off.

export interface Clock {
  /** Milliseconds since the epoch, for what is written to the store. */
  now(): number;
  /** Runs `task` after so many milliseconds of elapsed time; the answer calls it off. */
  after(ms: number, task: () => void): () => void;
}

/** Longest delay Node's timers can hold. */
const LONGEST_MS = 2_147_483_647;

/** What the wall clock says at any time: of several processes on one store none may wait by a time that the others do not have. */
export const wallClock: Clock = { now: Date.now, after };

/**
 * Reads the wall clock once and then counts elapsed time, so that an operator or a time server who sets the clock back by a
 * day holds up no retry. Signatures have to carry the wall clock's time; they do not ask here.
 */
export function steadyClock(): Clock {
  const base = Date.now() - performance.now();
  return { now: () => Math.floor(base + performance.now()), after };
}

function after(ms: number, task: () => void): () => void {
  const timer = setTimeout(task, Math.min(Math.max(ms, 0), LONGEST_MS));
  timer.unref();
  return () => clearTimeout(timer);
}
