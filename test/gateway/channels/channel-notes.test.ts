// What should be known of a channel that works all the same is said by `huisu status` and `huisu channels list`.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import { type Reloading, startReloading } from '../settings/reloading.ts';

const NOTE = 'exchange.file_unwritten';

describe('notes of a channel', () => {
  let running: Reloading;
  let ahead = 0;
  before(async () => {
    let folder = '';
    const prepare = (root: string) => {
      folder = join(root, 'letters');
      mkdirSync(join(folder, 'in'), { recursive: true, mode: 0o700 });
      writeFileSync(join(folder, 'in', 'a.csv'), '');
    };
    running = await startReloading({}, prepare, () => Date.now() + ahead);
    await running.gateway.context.book.add({ id: 'letters', kind: 'exchange', settings: { folder } }, 'tester');
    await running.gateway.context.live?.reopen('letters');
  });
  after(() => running.close());

  it('leaves it up, and stands beside it in words', async () => {
    const states = () => running.gateway.context.live?.channelStates() ?? [];
    const letters = () => states().find(({ id }) => id === 'letters');
    for (let turn = 0; letters()?.notes.length !== 1 && turn < 400; turn++) {
      ahead += 10_000;
      await sleep(25);
    }
    assert.deepEqual([letters()?.up, letters()?.notes], [true, [NOTE]]);
    const { findings } = (await running.status()) as { findings: { code: string; en: string; stuck: boolean }[] };
    const found = findings.find(({ code }) => code === 'channel-note');
    assert.match(found?.en ?? '', new RegExp(`letters.*${NOTE}`));
    assert.equal(found?.stuck, false);
    const list = COMMANDS.find(({ name }) => name === 'channels list');
    assert.ok(list?.kind === 'list');
    const call = { by: 'tester', signal: new AbortController().signal, progress: () => undefined };
    for await (const row of list.run(running.gateway.context, {}, call)) {
      if (row['id'] === 'letters') assert.deepEqual([row['state'], row['reason']], ['up', NOTE]);
    }
  });
});
