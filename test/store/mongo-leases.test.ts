// Leases of several processes on one MongoDB: what renewing them all at once gives back, and what it leaves to others.
import assert from 'node:assert/strict';
import type { SharedStore } from '../../store/store.ts';
import { message, NOW, numberOf, ticketOf, withStore } from '../contracts/store-rows.ts';
import { withMongo } from '../servers/mongo-suite.ts';
import { mongoOpener } from './openers.ts';

const TTL = 1000;
const LATER = NOW + 60_000;

withMongo('leases on MongoDB, renewed all at once', server => {
  const open = mongoOpener(server, false);
  const sharedOf = ({ shared }: { readonly shared: SharedStore | null }) => shared as SharedStore;

  it(
    'are those of the owner whose name begins so',
    withStore(open, async store => {
      const own = await store.admin.lease('shard 1', 'one', NOW, TTL);
      await store.admin.lease('shard 2', 'two', NOW, TTL);
      await store.admin.lease('reader one', 'one', NOW, TTL);
      assert.deepEqual(await sharedOf(store).renewAll('shard ', 'one', NOW + 500, TTL), [own]);
      assert.equal(await store.admin.lease('shard 1', 'two', NOW + TTL + 400, TTL), null, 'it lasts longer now');
    }),
  );

  it(
    'include one that ran out and that nobody took, and its token still decides',
    withStore(open, async store => {
      await store.messages.accept([message('a')]);
      const own = await store.admin.lease('shard 1', 'one', NOW, TTL);
      assert.deepEqual(await sharedOf(store).renewAll('shard ', 'one', LATER, TTL), [own]);
      assert.equal(await store.admin.lease('shard 1', 'two', LATER + TTL - 1, TTL), null);
      assert.deepEqual(await store.decisions.commit([ticketOf('a', 'l')], own), ['committed']);
    }),
  );

  it(
    'do not include one that another took when it had run out',
    withStore(open, async store => {
      await store.messages.accept([message('a')]);
      await store.admin.lease('shard 1', 'one', NOW, TTL);
      const taken = await store.admin.lease('shard 1', 'two', LATER, TTL);
      assert.deepEqual(await sharedOf(store).renewAll('shard ', 'one', LATER, TTL), []);
      assert.equal(await store.admin.lease('shard 1', 'two', LATER + 1, TTL), taken);
      assert.equal((await store.messages.get(numberOf('a')))?.state, 'unread');
    }),
  );

  it(
    'do not include one that was given back',
    withStore(open, async store => {
      const given = await store.admin.lease('shard 1', 'one', NOW, TTL);
      await sharedOf(store).release(given as string);
      assert.deepEqual(await sharedOf(store).renewAll('shard ', 'one', NOW, TTL), []);
      assert.notEqual(await store.admin.lease('shard 1', 'two', NOW, TTL), null);
    }),
  );
});
