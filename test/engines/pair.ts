// Both contracts on one pair of a store and a queue, named by HUISU_TEST_STORE and HUISU_TEST_QUEUE; run by `npm run test:engines`.
import { createBullQueue } from '../../gateway/dispatch/bull-queue.ts';
import { createLocalQueue } from '../../gateway/dispatch/local-queue.ts';
import { queueContract } from '../contracts/queue.ts';
import { storeContract } from '../contracts/store.ts';
import { withMongo } from '../servers/mongo-suite.ts';
import { type Redis, startRedis } from '../servers/redis.ts';
import { mongoOpener, openSqlite } from '../store/openers.ts';

/** Random histories as many and as long on each store, and such as a slow server can do. */
const HISTORIES = { runs: 1, steps: 20, crowds: 1 };

if (process.env['HUISU_TEST_STORE'] === 'mongo') {
  withMongo('store', server => storeContract('mongo', mongoOpener(server, false), HISTORIES));
} else storeContract('sqlite', openSqlite, HISTORIES);

if (process.env['HUISU_TEST_QUEUE'] === 'bull') {
  let redis: Redis;
  let place = 0;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());
  queueContract('bull', async onBug => createBullQueue({ url: redis.url, prefix: `pair-${place++}`, onBug }));
} else queueContract('in process', async onBug => createLocalQueue({ onBug }));
