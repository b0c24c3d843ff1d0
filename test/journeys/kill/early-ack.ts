// A gateway that must fail: it acknowledges before the commit, as a write-behind cache would. Proves that the oracle sees it.
import { setTimeout as after } from 'node:timers/promises';
import { runGateway } from '../../../gateway/main.ts';
import type { AcceptRow, MessageStore, Store } from '../../../store/store.ts';

const FLUSH_MS = 50;

function acknowledgeEarly(inner: MessageStore): MessageStore {
  let held: AcceptRow[] = [];
  let flushing = false;
  const flush = async (): Promise<void> => {
    await after(FLUSH_MS);
    const rows = held;
    held = [];
    flushing = false;
    await inner.accept(rows);
  };
  return {
    ...inner,
    accept(rows) {
      held.push(...rows);
      if (!flushing) {
        flushing = true;
        void flush();
      }
      return Promise.resolve(rows.map(row => ({ kind: 'fresh', number: row.number }) as const));
    },
  };
}

await runGateway(process.argv.slice(2), {
  decorateStore: (store: Store): Store => ({ ...store, messages: acknowledgeEarly(store.messages) }),
});
