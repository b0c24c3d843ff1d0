// Bull on a real Redis: keeps the queue's contract, shares work between processes, and says what is wrong with its Redis.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBullQueue } from '../../../gateway/dispatch/bull-queue.ts';
import { type Queue, QueueUnavailable } from '../../../gateway/dispatch/queue.ts';
import { queueContract } from '../../contracts/queue.ts';
import { selfSigned } from '../../servers/certificate.ts';
import { freePort } from '../../servers/free-port.ts';
import { needsRedis, type Redis, startRedis } from '../../servers/redis.ts';

describe('queue on Redis', () => {
  let redis: Redis;
  let place = 0;
  const open: Queue[] = [];
  const bugs: unknown[] = [];

  before(async function () {
    needsRedis(this);
    redis = await startRedis();
  });
  after(() => redis?.stop());
  afterEach(async () => {
    await Promise.all(open.splice(0).map(queue => queue.close(0)));
    assert.deepEqual(bugs.splice(0), []);
  });

  function queueAt(
    prefix = `place-${place++}`,
    more: { readonly url?: string; readonly silentMs?: number } = {},
  ): Queue {
    const queue = createBullQueue({ url: redis.url, prefix, onBug: error => bugs.push(error), ...more });
    open.push(queue);
    return queue;
  }

  queueContract('Bull', async onBug => createBullQueue({ url: redis.url, prefix: `contract-${place++}`, onBug }));

  it('hands each id to one of many workers, urgent ones before what waits', async () => {
    const [adds, first, second] = ['shared', 'shared', 'shared'].map(prefix => queueAt(prefix)) as [
      Queue,
      Queue,
      Queue,
    ];
    const ids = Array.from({ length: 200 }, (_, i) => `m${i}:0:ticket.created`);
    for (const id of ids) await adds.add(id, { urgent: false });
    const seen: [string, string][] = [];
    const all = Promise.withResolvers<void>();
    const by = (name: string) => async (id: string) => {
      seen.push([name, id]);
      await new Promise(resolve => setImmediate(resolve));
      if (seen.length === ids.length) all.resolve();
    };
    first.work(by('first'), 4);
    second.work(by('second'), 4);
    await all.promise;
    assert.deepEqual(seen.map(([, id]) => id).sort(), [...ids].sort());
    assert.deepEqual(new Set(seen.map(([name]) => name)), new Set(['first', 'second']));
  });

  it('keeps nothing in Redis but ids of entries, and of those done nothing', async () => {
    const queue = queueAt('bare');
    await queue.add('m1:0:ticket.created', { urgent: false });
    const keys = await redis.command('KEYS', 'bare:*');
    const job = keys.find(key => /:\d+$/.test(key));
    assert.ok(job !== undefined, keys.join(' '));
    assert.deepEqual(await redis.command('HGET', job, 'data'), ['{"id":"m1:0:ticket.created"}']);
    const done = Promise.withResolvers<void>();
    queue.work(async () => done.resolve(), 1);
    await done.promise;
    await queue.close(1000);
    const left = await redis.command('KEYS', 'bare:*');
    assert.deepEqual(
      left.filter(key => /:(\d+|completed|failed|active|wait)$/.test(key)),
      [],
    );
  });

  it('lets its process end though Redis goes while it is told good-bye', async () => {
    let said = 0;
    let since = 0;
    // As a server that is being killed: what is open breaks off, and who comes now is let in first.
    const between = createServer(socket => {
      if (said > 0 && since++ === 0) return void socket.resetAndDestroy();
      const onwards = connect({ port: redis.port, host: '127.0.0.1' });
      socket.on('data', words => {
        if (!/quit/i.test(words.toString())) return;
        said++;
        socket.resetAndDestroy();
      });
      socket.pipe(onwards).pipe(socket);
      socket.on('error', () => onwards.destroy()).on('close', () => onwards.destroy());
      onwards.on('error', () => socket.destroy());
    });
    between.listen(0, '127.0.0.1');
    await once(between, 'listening');
    const { port } = between.address() as AddressInfo;
    const child = fork(new URL('queue-worker.ts', import.meta.url), [`redis://127.0.0.1:${port}`]);
    try {
      await once(child, 'message');
      const ended = once(child, 'exit', { signal: AbortSignal.timeout(15_000) });
      child.send('close');
      assert.deepEqual(await ended, [0, null]);
      assert.ok(since > 0);
    } finally {
      child.kill('SIGKILL');
      between.close();
    }
  }).timeout(20_000);

  it('gives what a dead worker held to another, however often workers die, and ends none as failed', async () => {
    const silentMs = 300;
    const deaths = 4;
    const holder = queueAt('deaths', { silentMs });
    await holder.add('m1:0:ticket.created', { urgent: false });
    for (let death = 0; death < deaths; death++) {
      const worker = queueAt('deaths', { silentMs });
      const got = Promise.withResolvers<void>();
      worker.work(() => {
        got.resolve();
        return new Promise(() => undefined);
      }, 1);
      await got.promise;
      // Without a word, as a killed process goes: its lock runs out.
      await worker.close(0);
    }
    const done = Promise.withResolvers<string>();
    queueAt('deaths', { silentMs }).work(async id => done.resolve(id), 1);
    assert.equal(await done.promise, 'm1:0:ticket.created');
    assert.deepEqual(await redis.command('ZRANGE', 'deaths:dispatch:failed', '0', '-1'), []);
  });

  it('tells whoever adds within 2 s that Redis is gone, and goes on when it is back', async () => {
    const server = await startRedis();
    try {
      const queue = queueAt('gone', { url: server.url });
      const got: string[] = [];
      const back = Promise.withResolvers<void>();
      await queue.add('before:0:ticket.created', { urgent: false });
      await server.kill();
      const from = performance.now();
      const add = queue.add('during:0:ticket.created', { urgent: false });
      await assert.rejects(add, error => error instanceof QueueUnavailable && error.code === 'queue.unreachable');
      assert.ok(performance.now() - from < 2500);
      assert.deepEqual(
        (await queue.faults()).map(({ code }) => code),
        ['queue.unreachable'],
      );
      await server.start();
      queue.work(async id => {
        got.push(id);
        if (id.startsWith('after')) back.resolve();
      }, 1);
      await queue.add('after:0:ticket.created', { urgent: false });
      await back.promise;
      // What was refused may have been on its way; what was taken before must be there.
      assert.equal(got[0], 'before:0:ticket.created');
      assert.deepEqual(await queue.faults(), []);
    } finally {
      await server.stop();
    }
  });

  it('does not wait longer than 2 s for a Redis that holds the line and says nothing', async () => {
    const server = await startRedis();
    try {
      const queue = queueAt('mute', { url: server.url });
      await queue.add('m1:0:ticket.created', { urgent: false });
      server.freeze();
      const from = performance.now();
      await assert.rejects(queue.add('m2:0:ticket.created', { urgent: false }), QueueUnavailable);
      await assert.rejects(queue.counts(), QueueUnavailable);
      assert.ok(performance.now() - from < 5000);
      server.thaw();
    } finally {
      await server.stop();
    }
  });

  it('works on after all of Redis was flushed under its jobs', async () => {
    const queue = queueAt('flushed');
    const started = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const next = Promise.withResolvers<void>();
    queue.work(async id => {
      if (id.startsWith('next')) return next.resolve();
      started.resolve();
      await go.promise;
    }, 2);
    await queue.add('m1:0:ticket.created', { urgent: false });
    await started.promise;
    await redis.command('FLUSHALL');
    go.resolve();
    await queue.add('next:0:ticket.created', { urgent: false });
    await next.promise;
  });

  it('works though it began while Redis took nothing, as soon as Redis does', async () => {
    const server = await startRedis();
    try {
      await server.command('REPLICAOF', '127.0.0.1', '1');
      const queue = queueAt('early', { url: server.url });
      const got = Promise.withResolvers<string>();
      queue.work(async id => got.resolve(id), 1);
      await assert.rejects(
        queue.add('m1:0:ticket.created', { urgent: false }),
        error => error instanceof QueueUnavailable && error.code === 'queue.unwritable',
      );
      assert.deepEqual(
        (await queue.faults()).map(({ code }) => code),
        ['queue.unwritable'],
      );
      await server.command('REPLICAOF', 'NO', 'ONE');
      await queue.add('m2:0:ticket.created', { urgent: false });
      assert.equal(await got.promise, 'm2:0:ticket.created');
    } finally {
      await server.stop();
    }
  }).timeout(20_000);

  it('says that its user may not do what a queue needs, and that its database is not there', async () => {
    const server = await startRedis();
    try {
      const user = (name: string, ...rules: string[]) => server.command('ACL', 'SETUSER', name, 'on', '>p/w', ...rules);
      await user('elsewhere', '~other:*', '&*', '+@all');
      await user('no-scripts', '~*', '&*', '+@all', '-@scripting');
      await user('enough', '~mine:*', '&*', '+@all', '-@dangerous', '+info', '+client');
      const found = async (url: string) => {
        const queue = queueAt('mine', { url });
        // One that may not work goes on trying, and is no bug.
        queue.work(async () => undefined, 1);
        return (await queue.faults()).map(({ code }) => code);
      };
      const as = (name: string) => `redis://${name}:p%2Fw@127.0.0.1:${server.port}`;
      assert.deepEqual(await found(as('elsewhere')), ['queue.refused']);
      assert.deepEqual(await found(as('no-scripts')), ['queue.refused']);
      assert.deepEqual(await found(`redis://127.0.0.1:${server.port}/99`), ['queue.database']);
      assert.deepEqual(await found(as('enough')), []);
    } finally {
      await server.stop();
    }
  });

  it('tells another installation under the same prefix, and not the other processes of its own', async () => {
    const at = (installation: string) => {
      const queue = createBullQueue({
        url: redis.url,
        prefix: 'one-prefix',
        installation,
        onBug: error => bugs.push(error),
      });
      open.push(queue);
      return queue;
    };
    assert.deepEqual(await at('city-a').faults(), []);
    assert.deepEqual(await at('city-a').faults(), []);
    assert.deepEqual(await at('city-b').faults(), [{ code: 'queue.foreign', found: 'one-prefix' }]);
  });

  it('says why no connection comes about, by the code of the network', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'huisu-redis-tls-'));
    const certificate = selfSigned(folder);
    const gone = queueAt('gone', { url: `redis://127.0.0.1:${await freePort()}` });
    assert.deepEqual(await gone.faults(), [{ code: 'queue.unreachable', found: 'ECONNREFUSED' }]);
    if (certificate === null) return console.log('      skipped in part: no openssl is installed');
    const server = await startRedis({ tls: certificate });
    const warned: string[] = [];
    const hear = (warning: Error) => void warned.push(warning.message);
    process.on('warning', hear);
    try {
      const stranger = queueAt('tls', { url: `rediss://127.0.0.1:${server.tlsPort}` });
      assert.deepEqual(await stranger.faults(), [{ code: 'queue.certificate', found: 'DEPTH_ZERO_SELF_SIGNED_CERT' }]);
      assert.deepEqual(warned, []);
    } finally {
      process.off('warning', hear);
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }).timeout(20_000);

  it('says what of its Redis would lose jobs in silence', async () => {
    const queue = queueAt();
    assert.deepEqual(await queue.faults(), []);
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    assert.deepEqual(await queue.faults(), [{ code: 'queue.evicts', found: 'allkeys-lru' }]);
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis.command('CONFIG', 'SET', 'appendonly', 'no');
    assert.deepEqual(
      (await queue.faults()).map(({ code }) => code),
      ['queue.forgets'],
    );
    await redis.command('CONFIG', 'SET', 'appendonly', 'yes');
    await redis.command('CONFIG', 'SET', 'maxmemory', '1048577');
    assert.deepEqual(
      (await queue.faults()).map(({ code }) => code),
      ['queue.full'],
    );
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    assert.deepEqual(await queue.faults(), []);
  });

  it('says that Redis wants another password', async () => {
    const server = await startRedis({ password: 'a b/c' });
    try {
      const right = queueAt('word', { url: server.url });
      assert.deepEqual(await right.faults(), []);
      for (const url of [`redis://127.0.0.1:${server.port}`, `redis://:wrong@127.0.0.1:${server.port}`]) {
        const queue = queueAt('word', { url });
        assert.deepEqual(
          (await queue.faults()).map(({ code }) => code),
          ['queue.refused'],
          url,
        );
        await assert.rejects(queue.add('m:0:ticket.created', { urgent: false }), QueueUnavailable);
      }
    } finally {
      await server.stop();
    }
  });
});
