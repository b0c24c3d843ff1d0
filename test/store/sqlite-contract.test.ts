// The embedded engine under the contract of the Store port.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../store/sqlite/engine.ts';
import { storeContract } from '../contracts/store.ts';

storeContract('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-store-'));
  const open = () => openSqliteStore({ folder, auditKey: Buffer.alloc(32, 7), profile: 'intl' });
  let store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await open();
      return store;
    },
    remove: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
