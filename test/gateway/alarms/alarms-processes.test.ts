// Status and alarms of processes that share the work on one MongoDB and one Redis: what one lacks is told by all, and told once.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { statusCommand } from '../../../gateway/cli/status.ts';
import type { Finding } from '../../../gateway/cli/status-finding.ts';
import { startCaseSystem } from '../../platforms/case-system.ts';
import { withMongo } from '../../servers/mongo-suite.ts';
import { needsRedis, type Redis, startRedis } from '../../servers/redis.ts';
import { type Member, type Several, several } from '../reading/several.ts';
import { type Receiver, SECRET, startReceiver } from './alarms-workbench.ts';

withMongo('processes that share the work', server => {
  let all: Several;
  let redis: Redis;
  let target: Awaited<ReturnType<typeof startCaseSystem>>;
  let receiver: Receiver;
  let database: ReturnType<typeof server.database>;

  before(function () {
    needsRedis(this);
  });
  beforeEach(async () => {
    database = server.database(`processes_${randomBytes(4).toString('hex')}`);
    [redis, target, receiver] = [await startRedis(), await startCaseSystem(), await startReceiver()];
    all = several(database.url, {
      caseSystem: { url: target.url },
      queue: { redis: redis.url },
      alarms: {
        ...{ name: 'city', lookSeconds: 0.2, limits: { caseSystemDownMinutes: 0 } },
        webhook: { url: receiver.url, secrets: [SECRET] },
      },
    });
  });
  afterEach(async () => {
    await all?.close();
    await receiver?.close();
    await target?.close();
    await redis?.stop();
    await database?.drop();
  });

  async function status({
    gateway,
  }: Member): Promise<{ readonly roles: readonly string[]; readonly codes: readonly string[] }> {
    assert.ok(statusCommand.kind === 'one');
    const call = { by: 'test', signal: AbortSignal.timeout(20_000), progress: () => undefined };
    const { processes, findings } = await statusCommand.run(gateway.context, {}, call);
    return {
      roles: (processes as readonly { readonly role: string }[]).map(({ role }) => role).toSorted(),
      codes: (findings as readonly Finding[]).map(({ code }) => code),
    };
  }

  async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
    const end = performance.now() + 60_000;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`never came about: ${what}`);
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }

  it('know of each other, and tell once that the queue of one of them takes nothing', async () => {
    const [intake, worker] = [await all.start('intake', 'intake'), await all.start('worker', 'worker')];
    await until(async () => (await status(intake)).roles.join() === 'intake,worker', 'both are known');
    await redis.command('REPLICAOF', '127.0.0.1', '1');
    await until(
      async () => (await status(intake)).codes.includes('queue.unwritable'),
      'the one without a queue says so',
    );
    assert.ok((await status(worker)).codes.includes('queue.unwritable'));
    await until(() => receiver.received.length > 0, 'a person is told');
    await worker.close();
    await until(async () => (await status(intake)).roles.join() === 'intake', 'one has gone');
    assert.deepEqual(
      receiver.received.map(({ body }) => [body.type, body.data.kind, body.data.gateway]),
      [['alarm.began', 'queue-down', 'city']],
    );
  }).timeout(120_000);
});
