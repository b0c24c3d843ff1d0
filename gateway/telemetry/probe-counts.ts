// Counts for probes, which come every few seconds from each watcher: on an engine that counts documents they are asked for no
// more often than a large store can bear.
import type { MessageCounts, OutboxCounts, Store, TicketCounts } from '../../store/store.ts';

/** As the store counts them, or a little while ago. */
export interface ProbeCounts {
  messages(): Promise<MessageCounts>;
  outbox(): Promise<OutboxCounts>;
  tickets(): Promise<TicketCounts>;
  /** What was told last of messages and entries; null: one of them was never told. */
  lately(): { readonly at: number; readonly messages: MessageCounts; readonly outbox: OutboxCounts } | null;
}

/** What took less is counted anew each time. */
const COSTLY_MS = 50;
/** What took longer serves for so many times as long as it took, and never for longer than `MOST_MS`. */
const TIMES = 10;
const MOST_MS = 15_000;

export function probeCounts(
  { messages, outbox, tickets }: Pick<Store, 'messages' | 'outbox' | 'tickets'>,
  now: () => number,
): ProbeCounts {
  let last: { readonly messages?: MessageCounts; readonly outbox?: OutboxCounts } = {};
  let at = 0;
  const remember = (told: typeof last) => {
    last = { ...last, ...told };
    at = now();
  };
  return {
    messages: paced(async () => {
      const counts = await messages.counts();
      remember({ messages: counts });
      return counts;
    }),
    outbox: paced(async () => {
      const counts = await outbox.counts();
      remember({ outbox: counts });
      return counts;
    }),
    tickets: paced(() => tickets.counts()),
    lately: () =>
      last.messages === undefined || last.outbox === undefined
        ? null
        : { at, messages: last.messages, outbox: last.outbox },
  };
}

/** Those who ask while it is being counted get what that comes to. A failure is told, and never kept. */
export function paced<T>(count: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let last: { readonly value: T; readonly until: number } | null = null;

  async function counted(): Promise<T> {
    const began = performance.now();
    try {
      const value = await count();
      const now = performance.now();
      const took = now - began;
      last = took < COSTLY_MS ? null : { value, until: now + Math.min(MOST_MS, took * TIMES) };
      return value;
    } finally {
      running = null;
    }
  }

  return () => {
    if (last !== null && performance.now() < last.until) return Promise.resolve(last.value);
    running ??= counted();
    return running;
  };
}
