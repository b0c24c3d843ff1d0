// `Prefer: wait=N` (RFC 7240): how long a sender is willing to wait for the outcome, and the waiting itself.

/** Longer wishes are cut to this. */
const MOST_SECONDS = 10;

/** Seconds asked for, at most ten; 0 when nothing was, or nothing that can be read. The first of several counts. */
export function waitSeconds(header: string | undefined): number {
  if (header === undefined) return 0;
  for (const preference of header.split(',')) {
    const match = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference);
    if (match !== null) return Math.min(Number(match[1]), MOST_SECONDS);
    if (/^\s*wait\b/i.test(preference)) return 0;
  }
  return 0;
}

/** Runs `wait` with a signal that aborts after so many seconds, or when `closing` does. */
export async function within<T>(
  seconds: number,
  closing: AbortSignal,
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const timer = setTimeout(stop, seconds * 1000);
  closing.addEventListener('abort', stop, { once: true });
  if (closing.aborted) stop();
  try {
    return await wait(controller.signal);
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', stop);
  }
}
