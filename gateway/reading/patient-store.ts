// Reads that a decision rests on wait for a store that is away: the decision could only be made later all the same.
import { StoreUnavailable } from '../../store/errors.ts';
import type { Store } from '../../store/store.ts';
import { pause } from './read-batch.ts';

/** The same store, asked again every second while it does not answer, until `over`. Writes are left to their callers. */
export function patientStore(store: Store, over: () => boolean): Store {
  const { candidates, decisions, messages, tickets } = store;
  const { load, blocks, segments, since, statistics } = candidates;
  const { get, joined } = messages;
  const wait = <A extends readonly unknown[], R>(ask: (...args: A) => Promise<R>) => patiently(ask, over);
  return {
    ...store,
    candidates: {
      ...candidates,
      ...{ load: wait(load), blocks: wait(blocks), segments: wait(segments), since: wait(since) },
      statistics: wait(statistics),
    },
    decisions: { ...decisions, conversation: wait(decisions.conversation) },
    messages: { ...messages, get: wait(get), joined: wait(joined) },
    tickets: { ...tickets, get: wait(tickets.get) },
  };
}

/** The same question, asked again every second while the store does not answer, until `over`. */
export function patiently<A extends readonly unknown[], R>(
  ask: (...args: A) => Promise<R>,
  over: () => boolean,
): (...args: A) => Promise<R> {
  return async (...args) => {
    for (;;) {
      try {
        return await ask(...args);
      } catch (error) {
        const away = error instanceof StoreUnavailable && error.code !== 'store.closed';
        if (!away || over()) throw error;
        await pause();
      }
    }
  };
}
