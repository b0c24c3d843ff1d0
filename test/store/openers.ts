// An empty store of each engine, for the suites that run on all of them.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMongoStore } from '../../store/mongo/engine.ts';
import { openSqliteStore } from '../../store/sqlite/engine.ts';
import type { Store } from '../../store/store.ts';
import type { OpenStore } from '../contracts/store-rows.ts';
import type { MongoSuite } from '../servers/mongo-suite.ts';

const AUDIT = { auditKey: Buffer.alloc(32, 7), profile: 'intl' as const };

export const openSqlite: OpenStore = () => {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-store-'));
  return opened(
    () => openSqliteStore({ folder, ...AUDIT }),
    async () => rmSync(folder, { recursive: true, force: true }),
  );
};

/** A database of its own each time; `apart`: with originals, identities and attachments in a second one. */
export function mongoOpener(server: MongoSuite, apart: boolean): OpenStore {
  return () => {
    const name = randomBytes(6).toString('hex');
    const main = server.database(name);
    const identity = apart ? server.database(`${name}_identity`) : null;
    const { url, onCommand } = main;
    return opened(
      () => openMongoStore({ url, identityUrl: identity?.url, onCommand, ...AUDIT, folder: tmpdir() }),
      async () => {
        await identity?.drop();
        await main.drop();
      },
    );
  };
}

async function opened(open: () => Promise<Store>, drop: () => Promise<void>): ReturnType<OpenStore> {
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
      await drop();
    },
  };
}
