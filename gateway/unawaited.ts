// What nobody waits for: a promise left alone ends nothing, an error thrown into the void ends the process; neither's text gets into a log.
import type { Log } from './telemetry/telemetry.ts';

/**
 * Node would end the process for either, with the error's text, which may hold a citizen's words. One adapter's forgotten
 * `await` must not stop every channel; after an error that was thrown past everybody nobody knows what was left half-done.
 *
 * @param end ends the process; nothing acknowledged is lost by it
 */
export function tellUnawaited(log: Log, end: () => void): void {
  process.on('unhandledRejection', reason => log.bug('gateway.unawaited', reason));
  process.on('uncaughtException', error => {
    log.bug('gateway.uncaught', error);
    end();
  });
}
