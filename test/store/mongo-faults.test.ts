// Nothing lost, nothing doubled, whatever happens to whichever command between the driver and the server.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { type MongoStore, openMongoStore } from '../../store/mongo/engine.ts';
import { FAULTS, type Fault, type FaultyLink, openFaultyLink } from '../servers/mongo-faults.ts';
import { type MongoDatabase, withMongo } from '../servers/mongo-suite.ts';
import { CASES, type FaultCase } from './mongo-fault-cases.ts';

/** Times a caller does it again. */
const TRIES = 6;

withMongo('faults between driver and MongoDB', server => {
  let database: MongoDatabase;
  let link: FaultyLink;
  let store: MongoStore;
  let runs = 0;
  let faults = 0;

  // A database for each case: this server reads all of a collection for each look.
  beforeEach(async () => {
    database = server.database(randomBytes(6).toString('hex'));
    link = await openFaultyLink(database.url);
    const own = { auditKey: Buffer.alloc(32, 7), profile: 'intl' as const, folder: tmpdir() };
    store = await openMongoStore({ ...own, url: link.url });
  });
  afterEach(async () => {
    await store.close();
    await link.close();
    await database.drop();
  });

  after(() => console.log(`      ${faults} faults: lost 0, doubled 0`));

  /** Acts as a caller does: again and again until it is not refused any more. Answers whether it ever was. */
  async function persist(one: FaultCase, n: string): Promise<void> {
    for (let retry = 0; ; retry++) {
      try {
        await one.act(store, n, retry);
        return;
      } catch (error) {
        if ((error as Error).name !== 'StoreUnavailable' || retry === TRIES) throw error;
      }
    }
  }

  async function commandsOf(one: FaultCase): Promise<number> {
    const n = `plain ${runs++}`;
    await one.before(store, n);
    link.count();
    await persist(one, n);
    const count = link.count();
    await one.after(store, n);
    return count;
  }

  async function run(one: FaultCase, fault: Fault, at: number): Promise<void> {
    const n = `${fault} ${runs++}`;
    await one.before(store, n);
    link.arm(fault, at);
    await persist(one, n);
    const did = link.arm(null);
    if (did !== null) faults++;
    try {
      await store.sweep(Date.now());
      await one.after(store, n);
    } catch (error) {
      throw new Error(`${one.name}: ${did ?? 'no fault'} (command ${at})`, { cause: error });
    }
  }

  for (const one of CASES) {
    it(`loses and doubles nothing: ${one.name}`, async function () {
      this.timeout(120_000);
      const commands = await commandsOf(one);
      assert.ok(commands > 0, 'nothing to disturb');
      for (const fault of FAULTS) for (let at = 0; at < commands; at++) await run(one, fault, at);
      assert.equal((await store.admin.auditVerify()).broken, null, 'the chain of records is broken');
    });
  }
});
