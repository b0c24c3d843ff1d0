// Many callers, one round trip: what comes while a batch is on its way makes up the next one, in the order in which it came.

export interface Batches<I, O> {
  add(item: I): Promise<O>;
  /** Resolves when nothing waits or is on its way. */
  idle(): Promise<void>;
}

interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (value: O) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param run answers per item, in order; what it throws is everybody's failure, an Error among its answers that item's own
 * @param most weight of a batch at most, one item at least
 */
export function createBatches<I, O>(
  run: (items: readonly I[]) => Promise<readonly (O | Error)[]>,
  most: number,
  weightOf: (item: I) => number = () => 1,
): Batches<I, O> {
  let waiting: Waiting<I, O>[] = [];
  let running: Promise<void> | null = null;

  function take(): Waiting<I, O>[] {
    let weight = 0;
    let count = 0;
    for (const { item } of waiting) {
      weight += weightOf(item);
      if (count > 0 && weight > most) break;
      count++;
    }
    const taken = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return taken;
  }

  async function runAll(): Promise<void> {
    // What is added in the same turn goes together.
    await Promise.resolve();
    while (waiting.length > 0) {
      const taken = take();
      try {
        const answers = await run(taken.map(({ item }) => item));
        for (const [place, { resolve, reject }] of taken.entries()) {
          const answer = answers[place] as O | Error;
          if (answer instanceof Error) reject(answer);
          else resolve(answer);
        }
      } catch (error) {
        for (const { reject } of taken) reject(error);
      }
    }
    running = null;
  }

  return {
    add: item =>
      new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        running ??= runAll();
      }),
    idle: async () => {
      while (running !== null) await running;
    },
  };
}
