// A gateway that starts on a disk with too little room: unready from its first answer on, and nothing is taken in.
import assert from 'node:assert/strict';
import type { Store } from '../../../store/store.ts';
import { type Running, runGateway } from '../running.ts';

describe('a start on a full disk', () => {
  let running: Running | null = null;
  afterEach(async () => {
    await running?.close();
    running = null;
  });

  it('is told of by the first answer of /readyz, and no appeal is acknowledged', async () => {
    const full = (store: Store): Store => ({
      ...store,
      admin: { ...store.admin, health: async () => ({ ...(await store.admin.health()), freeBytes: 0 }) },
    });
    running = await runGateway({ intake: { minFreeMb: 1, minFreePercent: 0 } }, [], { decorateStore: full });
    const answer = await fetch(new URL('/readyz', running.gateway.url));
    const { reasons } = (await answer.json()) as { reasons: { code: string; blocking: boolean }[] };
    assert.equal(answer.status, 503);
    assert.ok(reasons.some(({ code, blocking }) => code === 'intake.disk_low' && blocking));
    const refused = await running.send({
      type: 'appeal.created',
      timestamp: new Date().toISOString(),
      data: { content: '路灯不亮' },
    });
    assert.equal(refused.status, 503);
    assert.equal((await running.gateway.context.store.messages.counts()).total, 0);
  });
});
