// What should be known of a channel that works all the same is said by `huisu status` and `huisu channels list`.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { POLL_LONG, type PollState } from '../../../gateway/channels/poll-progress.ts';
import type { Row } from '../../../gateway/cli/command.ts';
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

  it('says of a poll that runs for long how long, what it took in, and whether it still gets on', async () => {
    const { context } = running.gateway;
    const status = COMMANDS.find(({ name }) => name === 'status');
    assert.ok(status?.kind === 'one' && context.live !== null);
    const { live } = context;
    const said = async (poll: PollState) => {
      const states = live
        .channelStates()
        .filter(({ id }) => id === 'letters')
        .map(state => ({ ...state, notes: [POLL_LONG], poll }));
      const call = { by: 'tester', signal: new AbortController().signal, progress: () => undefined };
      const asked = { ...context, live: { ...live, channelStates: () => states } };
      const { findings } = (await status.run(asked, {}, call)) as { findings: Row[] };
      return findings.filter(row => row['code'] === POLL_LONG);
    };
    const [backlog] = await said({ seconds: 7200, idleSeconds: 5, staleSeconds: 5, accepted: 90_000, known: 10 });
    assert.match(String(backlog?.['en']), /letters.* 120 min.*90000 new messages.* 0 min/);
    assert.equal(backlog?.['stuck'], false);
    const [hung] = await said({ seconds: 1500, idleSeconds: 1260, staleSeconds: 1260, accepted: 0, known: 0 });
    assert.match(String(hung?.['zh']), /25 分钟.*0 件.*21 分钟/);
    assert.equal(hung?.['stuck'], true);
    // A rebuilt mailbox at first; after an hour somebody has to look.
    const old = { seconds: 7200, idleSeconds: 1, staleSeconds: 1800, accepted: 3, known: 40_000 };
    const [paging] = await said(old);
    assert.match(String(paging?.['en']), /letters.* 120 min.* 30 min.*taken in before \(40000 of them, 3 new ones\)/);
    assert.equal(paging?.['stuck'], false);
    assert.equal((await said({ ...old, staleSeconds: 3600 }))[0]?.['stuck'], true);
    assert.deepEqual(await said({ seconds: 30, idleSeconds: 30, staleSeconds: 30, accepted: 0, known: 0 }), []);
  });
});
