// Ctrl-C and SIGTERM as something that a command can tidy up after.
import { DeskError, EXIT } from '../desk/desk-error.ts';

export interface Interruption {
  readonly signal: AbortSignal;
  /** To be called when the command is over. */
  forget(): void;
}

/**
 * The first signal lets a command tidy up what it has begun (half a backup); a second one ends the process at once.
 * @param code what the person is told, under `error.` in the locale
 */
export function interrupted(code = 'cli.interrupted'): Interruption {
  const stop = new AbortController();
  const abort = () => stop.abort(new DeskError(code, {}, EXIT.unavailable));
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, abort);
  return {
    signal: stop.signal,
    forget: () => {
      for (const signal of signals) process.off(signal, abort);
    },
  };
}
