// Reading one message at a time after a death, so that it shows which of several it was.
import type { DeathMark } from './death-mark.ts';

/** More than a reader has under way at any time. */
const UNDER_SUSPICION = 256;

export interface OneByOneParts {
  /** The thread before this one died: whatever is unread first may have been it. */
  readonly afterDeath: boolean;
  /** The process before this one died while these were read. */
  readonly suspects: readonly string[];
  /** Where a death of the whole process finds what was read; null: nobody asks. */
  readonly mark: Pick<DeathMark, 'set'> | null;
  /** Resolves when all that was begun is committed, and what takes long as well. */
  nothingUnderWay(): Promise<void>;
}

export interface OneByOne {
  /** These are begun with next: one that is read by itself, or those before it. */
  next<T extends { readonly number: string }>(rows: readonly T[], known: (number: string) => boolean): readonly T[];
  /** How many may be begun with at once. */
  most(batch: number): number;
  /** Nothing is unread: whatever it was has passed. */
  over(): void;
  /** Does what begins with these, with nothing beside it where one is to be read by itself. */
  begin(numbers: readonly string[], start: () => void): Promise<void>;
  /** These are neither parsed nor judged any more. */
  end(numbers: readonly string[]): void;
}

export function createOneByOne({ afterDeath, suspects, mark, nothingUnderWay }: OneByOneParts): OneByOne {
  const suspected = new Set(suspects);
  const underWay = new Set<string>();
  let left = afterDeath ? UNDER_SUSPICION : 0;
  return {
    next(rows, known) {
      // What was begun with before and stays unread, such as a part of a conversation, keeps none of them waiting.
      const fresh = rows.filter(({ number }) => !known(number));
      const at = fresh.findIndex(({ number }) => suspected.has(number));
      return at === -1 ? rows : fresh.slice(0, Math.max(1, at));
    },
    most: batch => (left > 0 ? 1 : batch),
    over() {
      left = 0;
    },
    async begin(numbers, start) {
      const alone = left > 0 || numbers.some(number => suspected.delete(number));
      if (alone) await nothingUnderWay();
      for (const number of numbers) underWay.add(number);
      mark?.set(underWay);
      start();
      if (!alone) return;
      left = Math.max(0, left - 1);
      await nothingUnderWay();
    },
    end(numbers) {
      for (const number of numbers) underWay.delete(number);
      // While others are begun with all the time the next of them says it.
      if (underWay.size === 0) mark?.set(underWay);
    },
  };
}
