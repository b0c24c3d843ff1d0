// A gateway on Redis: refuses one that would lose jobs, says so when it becomes one, and takes in appeals without it.
import assert from 'node:assert/strict';
import { statusCommand } from '../../gateway/cli/status.ts';
import type { Finding } from '../../gateway/cli/status-finding.ts';
import { failureOf } from '../../gateway/failure.ts';
import { startCaseSystem } from '../platforms/case-system.ts';
import { needsRedis, type Redis, startRedis } from '../servers/redis.ts';
import { type Running, runGateway } from './running.ts';

interface Ready {
  readonly status: 'ready' | 'not-ready';
  readonly reasons: readonly { readonly code: string; readonly blocking: boolean; readonly zh: string }[];
}

describe('a gateway on Redis', () => {
  let redis: Redis;
  let target: Awaited<ReturnType<typeof startCaseSystem>>;
  before(async function () {
    needsRedis(this);
    target = await startCaseSystem();
  });
  beforeEach(async () => {
    redis = await startRedis({ password: 'se/cret' });
  });
  afterEach(() => redis?.stop());
  after(() => target?.close());

  const on = (url: string) => runGateway({ queue: { redis: url }, caseSystem: { url: target.url } });
  const readyz = async (running: Running) =>
    (await (await fetch(`${running.gateway.url}/readyz`)).json()) as unknown as Ready;
  const queueReasons = async (running: Running) =>
    (await readyz(running)).reasons.filter(({ code }) => code.startsWith('queue.'));

  async function statusOf({ gateway }: Running): Promise<readonly Finding[]> {
    assert.ok(statusCommand.kind === 'one');
    const call = { by: 'test', signal: AbortSignal.timeout(10_000), progress: () => undefined };
    const { findings } = await statusCommand.run(gateway.context, {}, call);
    return findings as readonly Finding[];
  }
  const statusCodes = async (running: Running) => (await statusOf(running)).map(({ code }) => code);

  async function refusal(url: string): Promise<{ readonly code: string; readonly exit: number; readonly zh: string }> {
    const error = await on(url).then(
      async running => {
        await running.close();
        throw new Error('it started');
      },
      (reason: unknown) => reason,
    );
    const { code, exit, sentence } = failureOf(error);
    return { code, exit, zh: sentence.zh };
  }

  it('does not start on one that would lose jobs or does not let it in, and says what to change', async () => {
    const wrong = await refusal(`redis://:wrong@127.0.0.1:${redis.port}`);
    assert.deepEqual([wrong.code, wrong.exit], ['queue.refused', 78]);
    assert.match(wrong.zh, /queue\.redis/);
    assert.doesNotMatch(wrong.zh, /wrong@/);
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    const evicts = await refusal(redis.url);
    assert.deepEqual([evicts.code, evicts.exit], ['queue.evicts', 78]);
    assert.match(evicts.zh, /maxmemory-policy noeviction.*volatile-lru/);
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis.command('CONFIG', 'SET', 'appendonly', 'no');
    const forgets = await refusal(redis.url);
    assert.deepEqual([forgets.code, forgets.exit], ['queue.forgets', 78]);
    assert.match(forgets.zh, /appendonly yes/);
  });

  it('turns red with the reason when it becomes one that would lose jobs, and green when that is mended', async () => {
    const running = await on(redis.url);
    try {
      assert.deepEqual(await queueReasons(running), []);
      for (const [name, bad, good, code] of [
        ['maxmemory-policy', 'allkeys-lru', 'noeviction', 'queue.evicts'],
        ['appendonly', 'no', 'yes', 'queue.forgets'],
        ['maxmemory', '1mb', '0', 'queue.full'],
      ] as const) {
        await redis.command('CONFIG', 'SET', name, bad);
        const { status, reasons } = await readyz(running);
        assert.equal(status, 'not-ready');
        const found = reasons.find(reason => reason.code === code);
        assert.equal(found?.blocking, true, code);
        await redis.command('CONFIG', 'SET', name, good);
        assert.deepEqual(await queueReasons(running), [], code);
      }
    } finally {
      await running.close();
    }
  });

  it('says what a Redis that answers and takes nothing lacks, once in the log, and sends what waited when it takes it', async () => {
    const running = await on(redis.url);
    /** Errors of Redis so far, of the kinds in question. */
    const refusals = async () => {
      const [said = ''] = await redis.command('INFO', 'errorstats');
      const counts = [...said.matchAll(/errorstat_(?:READONLY|NOREPLICAS):count=(\d+)/g)];
      return counts.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    const lines = (code: string) => running.logged.filter(line => line.includes(`"${code}"`)).length;
    try {
      for (const [bad, good, found] of [
        [['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE'], /READONLY|replica/],
        [
          ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
          ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
          /NOREPLICAS/,
        ],
      ] as const) {
        const [before, stalled, resumed] = [
          target.summary().effects,
          lines('dispatch.stalled'),
          lines('dispatch.resumed'),
        ];
        await redis.command(...bad);
        await running.appeal(`新站广场路灯不亮，请维修，${found}。`);
        await running.until(() => lines('dispatch.stalled') > stalled);
        const { status, reasons } = await readyz(running);
        assert.equal(status, 'ready', JSON.stringify(reasons));
        const notes = reasons.filter(({ code }) => code.startsWith('queue.'));
        assert.deepEqual(
          notes.map(({ code, blocking }) => [code, blocking]),
          [['queue.unwritable', false]],
        );
        assert.match(notes[0]?.zh ?? '', found);
        assert.ok((await statusCodes(running)).includes('queue.unwritable'));
        // Two tries later it is still one outage.
        const refused = await refusals();
        await running.until(async () => (await refusals()) >= refused + 2);
        await redis.command(...good);
        await running.until(() => target.summary().effects === before + 1);
        assert.deepEqual([lines('dispatch.stalled'), lines('dispatch.resumed')], [stalled + 1, resumed + 1]);
        assert.deepEqual(await queueReasons(running), []);
      }
    } finally {
      await running.close();
    }
  });

  it('takes in and reads appeals while Redis is away, stays ready with a note, and sends them when it is back', async () => {
    const running = await on(redis.url);
    try {
      await redis.kill();
      const effects = () => target.summary().effects;
      const before = effects();
      for (const content of ['新站广场路灯不亮，请维修。', '光明路下水井盖丢失，请尽快处理。']) {
        const { outcome } = await running.appeal(content);
        assert.equal(outcome['kind'], 'ticket');
      }
      const { status, reasons } = await readyz(running);
      assert.equal(status, 'ready');
      const note = reasons.find(({ code }) => code === 'queue.unreachable');
      assert.equal(note?.blocking, false);
      const findings = await statusOf(running);
      const waiting = findings.find(({ code }) => code === 'waiting');
      assert.ok(findings.some(({ code, stuck }) => code === 'queue.unreachable' && stuck));
      assert.deepEqual([waiting?.count, waiting?.command], [2, null], 'nothing is to be tried at the case system');
      assert.equal(effects(), before);
      await redis.start();
      await running.until(() => effects() === before + 2);
      assert.ok(running.logged.some(line => line.includes('dispatch.stalled')));
    } finally {
      await running.close();
    }
  });

  it('starts while Redis is away', async () => {
    await redis.kill();
    const running = await on(redis.url);
    try {
      await running.appeal('西大桥路面塌陷，请派人查看。');
      assert.deepEqual(
        (await queueReasons(running)).map(({ code }) => code),
        ['queue.unreachable'],
      );
      const before = target.summary().effects;
      await redis.start();
      await running.until(() => target.summary().effects === before + 1);
    } finally {
      await running.close();
    }
  });
});
