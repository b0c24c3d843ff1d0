// Keeps a defect of ours that one message sets off in deciding from holding up all others, now and after every start.
import { StoreUnavailable } from '../../store/errors.ts';
import type { Store } from '../../store/store.ts';
import type { UnderWay } from './under-way.ts';

export interface CautionParts {
  readonly store: { readonly messages: Pick<Store['messages'], 'attempted'> };
  /** Readers that a message may end before it is set aside. */
  readonly attempts: number;
  /** True when nothing is to be waited for any more. */
  closing(): boolean;
  /** Told where its attempt is counted here: whoever comes after must not count it once more. */
  readonly underWay?: Pick<UnderWay, 'set'>;
  report(code: string, values: Readonly<Record<string, string | number>>, cause?: unknown): void;
}

/**
 * Does what deciding on one message needs; null where that has failed so often that the others go on without it. Before that it
 * rejects with what was thrown: the thread ends by it and is started again, since what it keeps in memory may be what is broken.
 */
export type Cautiously = <T>(number: string, decide: () => T | Promise<T>) => Promise<T | null>;

export function createCaution(parts: CautionParts): Cautiously {
  const { store, attempts, closing, report } = parts;
  return async (number, decide) => {
    try {
      return await decide();
    } catch (error) {
      if (closing() || error instanceof StoreUnavailable) throw error;
      const [tried = attempts] = await store.messages.attempted([number]);
      parts.underWay?.set(null);
      if (tried < attempts) throw error;
      report('reading.judge_failed', { number, attempts: tried }, error);
      return null;
    }
  };
}
