// The MongoDB engine under the contract of the Store port, held to the commands that every server of its kind has.
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { openMongoStore } from '../../store/mongo/engine.ts';
import { storeContract } from '../contracts/store.ts';
import type { OpenStore } from '../contracts/store-rows.ts';
import { type MongoSuite, withMongo } from '../servers/mongo-suite.ts';

/** A store of its own each time; `apart`: with originals, identities and attachments in a second database. */
function opener(server: MongoSuite, apart: boolean): OpenStore {
  return async () => {
    const name = randomBytes(6).toString('hex');
    const main = server.database(name);
    const identity = apart ? server.database(`${name}_identity`) : null;
    const open = () =>
      openMongoStore({
        ...{ url: main.url, identityUrl: identity?.url, onCommand: main.onCommand },
        ...{ auditKey: Buffer.alloc(32, 7), profile: 'intl', folder: tmpdir() },
      });
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
        await identity?.drop();
        await main.drop();
      },
    };
  };
}

withMongo('store on MongoDB', server => {
  storeContract('mongo', opener(server, false), { runs: 3, steps: 60 });
  storeContract('mongo, identity apart', opener(server, true), { runs: 1, steps: 20 });
});
