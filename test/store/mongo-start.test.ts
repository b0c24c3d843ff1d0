// How the MongoDB engine refuses to start, in one sentence that says what to change.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import mongoose from 'mongoose';
import type { StoreUnavailable } from '../../store/errors.ts';
import { openMongoStore } from '../../store/mongo/engine.ts';
import { openFaultyLink } from '../servers/mongo-faults.ts';
import { withMongo } from '../servers/mongo-suite.ts';

const OPTIONS = { auditKey: Buffer.alloc(32, 7), profile: 'intl' as const };

async function refusal(url: string): Promise<string> {
  return (await refused(url)).code;
}

async function refused(
  url: string,
  identityUrl: string | null = null,
): Promise<{ code: string; place: string | null }> {
  const started = performance.now();
  const error = await openMongoStore({ ...OPTIONS, url, identityUrl }).then(
    async store => {
      await store.close();
      return new Error('it opened');
    },
    (thrown: Error) => thrown,
  );
  assert.equal(error.name, 'StoreUnavailable', String(error));
  assert.ok(performance.now() - started < 6000, 'it takes its time');
  assert.ok(!error.message.includes('secret'), 'no password in a message');
  const { code, place } = error as StoreUnavailable;
  assert.ok(!place?.includes('secret'), 'no password in a place');
  return { code, place };
}

withMongo('MongoDB that cannot be used', server => {
  const fresh = () => server.database(randomBytes(6).toString('hex'));

  it('refuses an address where nothing listens', async () => {
    assert.equal(await refusal('mongodb://user:secret@127.0.0.1:9/huisu'), 'store.mongo_unreachable');
  });

  it('says which of its addresses is meant, which server, and what the network said', async () => {
    const { url, drop } = fresh();
    const nowhere = 'mongodb://user:sec%40ret-secret@127.0.0.1:9/huisu?authSource=admin';
    assert.equal((await refused(nowhere)).place, 'store.url 127.0.0.1:9: ECONNREFUSED');
    assert.equal((await refused(url, nowhere)).place, 'store.identityUrl 127.0.0.1:9: ECONNREFUSED');
    await drop();
  });

  it('refuses another identity database than the first start had, none, and that of another store', async () => {
    const [main, identity, empty, second, third] = [fresh(), fresh(), fresh(), fresh(), fresh()];
    const opens = async (url: string, identityUrl: string | null) => {
      await (await openMongoStore({ ...OPTIONS, url, identityUrl })).close();
    };
    await opens(main.url, identity.url);
    await opens(main.url, identity.url);
    const other = { code: 'store.mongo_identity_other', place: null };
    assert.deepEqual(await refused(main.url), other);
    assert.deepEqual(await refused(main.url, empty.url), other);
    assert.deepEqual(await refused(second.url, identity.url), other);
    await opens(main.url, identity.url);
    await opens(third.url, null);
    assert.deepEqual(await refused(third.url, second.url), other);
    for (const database of [main, identity, empty, second, third]) await database.drop();
  });

  it('refuses what is no address', async () => {
    assert.equal(await refusal('postgres://user:secret@127.0.0.1/huisu'), 'store.mongo_address');
  });

  it('refuses to work by another clock than the server, ahead or behind', async () => {
    const database = fresh();
    const { now } = Date;
    for (const ms of [10_000, -10_000]) {
      Date.now = () => now() + ms;
      try {
        assert.equal(await refusal(database.url), 'store.mongo_clock');
      } finally {
        Date.now = now;
      }
    }
  });

  it('refuses documents of a newer version, and leaves them as they are', async () => {
    const database = fresh();
    const store = await openMongoStore({ ...OPTIONS, url: database.url });
    await store.close();
    const connection = await mongoose.createConnection(database.url).asPromise();
    const counters = connection.collection<{ _id: string; value: number }>('counters');
    await counters.updateOne({ _id: 'schema' }, { $set: { value: 99 } });
    assert.equal(await refusal(database.url), 'store.newer_schema');
    assert.equal((await counters.findOne({ _id: 'schema' }))?.value, 99);
    await connection.close();
    await database.drop();
  });

  it('refuses a server that lets two changes of one document overwrite each other', async function () {
    const database = server.raw(randomBytes(6).toString('hex'));
    // A server that was given stands by its own word; the case above all others that it opens is in the contract suite.
    if (database === null) return this.skip();
    assert.equal(await refusal(database.url), 'store.mongo_not_atomic');
    await database.drop();
  });

  /** The refusal where the server answers otherwise when it is asked what it is. */
  async function refusalOf(answer: (reply: Record<string, unknown>) => Record<string, unknown>): Promise<string> {
    const database = fresh();
    const rewrite = (name: string, reply: Record<string, unknown>) => (name === 'buildInfo' ? answer(reply) : reply);
    const link = await openFaultyLink(database.url, undefined, rewrite);
    try {
      return await refusal(link.url);
    } finally {
      await link.close();
      await database.drop();
    }
  }

  it('refuses a MongoDB older than 6', async () => {
    assert.equal(await refusalOf(reply => ({ ...reply, version: '5.0.31' })), 'store.mongo_too_old');
  });

  it('says that it is the login where the server refuses it', async () => {
    const refused = { ok: 0, code: 18, codeName: 'AuthenticationFailed', errmsg: 'Authentication failed.' };
    assert.equal(await refusalOf(() => refused), 'store.mongo_login_refused');
  });

  it('says that it is the rights of the account where the server knows it and does not let it', async () => {
    const denied = { ok: 0, code: 13, codeName: 'Unauthorized', errmsg: 'not authorized on admin to execute command' };
    assert.equal(await refusalOf(() => denied), 'store.mongo_not_allowed');
  });

  it('does not count as if all were well while its identity database is gone or hangs', async () => {
    const [main, identity] = [fresh(), fresh()];
    const { hostname, port, pathname } = new URL(identity.url);
    const sockets = new Set<Socket>();
    const between = createServer(socket => {
      const onwards = connect(Number(port), hostname);
      for (const one of [socket, onwards]) {
        sockets.add(one);
        one.on('error', () => undefined).on('close', () => sockets.delete(one));
      }
      socket.pipe(onwards).pipe(socket);
    });
    between.listen(0, '127.0.0.1');
    await once(between, 'listening');
    const identityUrl = `mongodb://127.0.0.1:${(between.address() as AddressInfo).port}${pathname}?directConnection=true`;
    const store = await openMongoStore({ ...OPTIONS, url: main.url, identityUrl });
    const unreachable = (error: unknown) => (error as StoreUnavailable).code === 'store.mongo_unreachable';
    try {
      assert.equal((await store.messages.counts()).total, 0);
      for (const socket of sockets) socket.unpipe().pause();
      await assert.rejects(store.messages.counts(), unreachable);
      between.close();
      for (const socket of sockets) socket.destroy();
      await assert.rejects(store.messages.counts(), unreachable);
    } finally {
      await store.close();
      between.close();
      await main.drop();
      await identity.drop();
    }
  }).timeout(60_000);
});
