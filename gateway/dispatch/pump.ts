// The loop of a relay: one round after the other while there is news, a look at times without any, a sweep now and then.
import type { Clock } from './clock.ts';

export interface PumpOptions {
  readonly clock: Clock;
  /** Between two sweeps, milliseconds. */
  readonly sweepMs: number;
  /** Between two tries while the store or the queue does not answer, milliseconds. */
  readonly troubleMs: number;
  /** One round; answers after how long to go round again even if nobody says anything, null when something will wake us.
   *  `timed`: nobody has said anything. */
  round(timed: boolean): Promise<number | null>;
  /** Looks after what nobody tells of; goes before a round. */
  sweep(): Promise<void>;
  /** Told once when a round or a sweep fails, and with null once they have answered again. */
  readonly onTrouble: (error: unknown) => void;
}

export interface Pump {
  readonly stopped: boolean;
  /** Resolves after the first sweep. */
  start(): Promise<void>;
  /** There is news; comes to nothing while stopped. */
  wake(): void;
  /** What a round asked for was answered. */
  fine(): void;
  /** Waits for the round under way. */
  stop(): Promise<void>;
}

export function createPump(options: PumpOptions): Pump {
  const { clock, sweepMs, troubleMs } = options;
  let stopped = true;
  let again = false;
  let timed = false;
  let troubled = false;
  let running: Promise<void> | null = null;
  let cancelLook = (): void => undefined;
  let cancelSweep = (): void => undefined;

  function trouble(error: unknown): void {
    if (troubled === (error !== null)) return;
    troubled = error !== null;
    options.onTrouble(error);
  }

  function wake(): void {
    if (stopped) return;
    again = true;
    running ??= pump().finally(() => {
      running = null;
      // Told of something between the last look and here.
      if (again) wake();
    });
  }

  async function pump(): Promise<void> {
    while (again && !stopped) {
      again = false;
      cancelLook();
      const nobodySaid = timed;
      timed = false;
      try {
        lookIn(await options.round(nobodySaid));
      } catch (error) {
        lookIn(troubleMs);
        trouble(error);
      }
    }
  }

  function lookIn(ms: number | null): void {
    cancelLook();
    if (ms === null || stopped) return;
    cancelLook = clock.after(ms, () => {
      timed = true;
      wake();
    });
  }

  async function sweep(): Promise<void> {
    try {
      await options.sweep();
    } catch (error) {
      trouble(error);
    }
    if (stopped) return;
    cancelSweep = clock.after(sweepMs, () => void sweep());
    wake();
  }

  return {
    get stopped() {
      return stopped;
    },
    async start() {
      stopped = false;
      await sweep();
    },
    wake,
    fine: () => trouble(null),
    async stop() {
      stopped = true;
      cancelLook();
      cancelSweep();
      await running;
    },
  };
}
