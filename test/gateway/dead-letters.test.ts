// Many dead letters are sent again step by step: seen while it goes on, stopped between two steps, each once where two do it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Call, CommandContext } from '../../gateway/cli/command.ts';
import { deadLetterCommands } from '../../gateway/cli/dead-letters.ts';
import { openSqliteStore, type SqliteStore } from '../../store/sqlite/engine.ts';
import { decided, NOW, ticketOf } from '../contracts/store-rows.ts';

const DEAD = 600;

describe('many dead letters', () => {
  let folder: string;
  let store: SqliteStore;
  let steps: number[];
  const command = deadLetterCommands.find(({ name }) => name === 'dead-letters replay');
  const replay = (more: Partial<Call> = {}) => {
    assert.ok(command?.kind === 'one');
    const call: Call = {
      ...{ by: 'tester', signal: new AbortController().signal },
      progress: (_, share) => void steps.push(share?.done ?? -1),
      ...more,
    };
    return command.run({ store, now: () => NOW } as unknown as CommandContext, { all: true }, call);
  };

  beforeEach(async () => {
    steps = [];
    folder = mkdtempSync(join(tmpdir(), 'huisu-dead-'));
    store = await openSqliteStore({ folder, auditKey: Buffer.alloc(32, 1), profile: 'intl' });
    await decided(
      store,
      Array.from({ length: DEAD }, (_, i) => ticketOf(`d${i}`, `lane ${i}`)),
    );
    const failure = { at: NOW, retryAt: null, cause: 'case-system.refused', unknown: false };
    const claimed = await store.outbox.claim(NOW, DEAD, 60_000);
    for (const { id, token } of claimed) await store.outbox.fail(id, token, failure);
    assert.equal((await store.outbox.counts()).dead, DEAD);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('go in steps that are seen, each with a record of its own', async () => {
    assert.deepEqual(await replay(), { replayed: DEAD });
    assert.deepEqual(steps, [250, 500, 600]);
    const records = (await store.admin.auditList(0, 10)).filter(({ action }) => action === 'outbox.replay');
    assert.deepEqual(
      records.map(({ on }) => on.length).sort((a, b) => a - b),
      [101, 251, 251],
    );
  });

  it('are replayed once by two people who do so at one time', async () => {
    const both = await Promise.all([replay(), replay()]);
    assert.equal(
      both.reduce((sum, { replayed }) => sum + Number(replayed), 0),
      DEAD,
    );
    assert.deepEqual([(await store.outbox.counts()).due, (await store.outbox.counts()).dead], [DEAD, 0]);
  });

  it('stay dead behind the step after which somebody stops it, and go when it is typed again', async () => {
    const stop = new AbortController();
    await assert.rejects(replay({ signal: stop.signal, progress: () => stop.abort() }));
    assert.equal((await store.outbox.counts()).dead, DEAD - 250);
    assert.deepEqual(await replay(), { replayed: DEAD - 250 });
  });
});
