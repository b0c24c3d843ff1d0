// So many at a time: others wait their turn, in order, but not for ever.

export interface Turns {
  /** @returns gives the turn back. Throws the signal's reason, or what `tooLate` makes when none came free in time. */
  take(signal: AbortSignal): Promise<() => void>;
}

export function createTurns(atOnce: number, waitMs: number, tooLate: () => Error): Turns {
  const waiting: (() => void)[] = [];
  let free = atOnce;

  function release(): void {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }

  function once(): () => void {
    let released = false;
    return () => {
      if (!released) release();
      released = true;
    };
  }

  return {
    async take(signal) {
      signal.throwIfAborted();
      if (free > 0) {
        free--;
        return once();
      }
      const turn = Promise.withResolvers<void>();
      const go = () => turn.resolve();
      const leave = (error: unknown) => {
        const at = waiting.indexOf(go);
        if (at < 0) return;
        waiting.splice(at, 1);
        turn.reject(error);
      };
      const aborted = () => leave(signal.reason);
      const timer = setTimeout(() => leave(tooLate()), waitMs);
      signal.addEventListener('abort', aborted, { once: true });
      waiting.push(go);
      try {
        await turn.promise;
        return once();
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
      }
    },
  };
}
