// A gateway that must fail: it acknowledges before the commit, as a write-behind cache would. Proves that the oracle sees it.
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../../config/load.ts';
import { startGateway } from '../../../gateway/compose.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
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

const { values } = parseArgs({ allowPositionals: true, options: { config: { type: 'string' } } });
const loaded = loadConfig({ file: values.config, env: process.env });
const gateway = await startGateway(loaded, {
  log: createLog({ level: loaded.config.log.level }),
  commands: [],
  onFatal: error => {
    throw error;
  },
  decorateStore: (store: Store): Store => ({ ...store, messages: acknowledgeEarly(store.messages) }),
});
process.once('SIGTERM', () => {
  void gateway.close(10_000);
});
