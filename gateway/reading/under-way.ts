// The one message that the decider is at, in memory that outlives the thread: a death that nothing can catch, such as the want of
// memory, is then known to be this one's.

/** Longer than any number. */
const BYTES = 64;

export interface UnderWay {
  /** Nothing else is begun; null: nothing is, or several are and nobody could tell which. */
  set(number: string | null): void;
  get(): string | null;
}

/** Memory for one decider after the other. */
export function underWayMemory(): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(BYTES));
}

/** The same memory, seen from either thread. */
export function underWay(memory: Uint8Array): UnderWay {
  return {
    set(number) {
      // Its length comes last, so that half a number is none.
      memory[0] = 0;
      if (number === null) return;
      for (let i = 0; i < number.length; i++) memory[i + 1] = number.charCodeAt(i);
      memory[0] = number.length;
    },
    get() {
      const length = memory[0] as number;
      return length === 0 ? null : String.fromCharCode(...memory.subarray(1, length + 1));
    },
  };
}
