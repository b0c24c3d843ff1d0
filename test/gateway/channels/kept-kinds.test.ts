// The id of a channel that took messages in belongs to their kind, in the settings file and by command, while one of them is kept.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { loadConfig } from '../../../config/load.ts';
import { openFoundation } from '../../../gateway/foundation.ts';
import { partner } from '../../platforms/app.ts';
import { type Reloading, replaced, startReloading } from '../settings/reloading.ts';

const BASE = { data: './data', keys: { file: './keys.json' }, listen: { port: 0 }, reading: { parsers: 1 } };

describe('the kind of a channel', function () {
  this.timeout(30_000);
  let running: Reloading;
  const fileOf = () => join(running.folder, 'huisu.yaml');
  const exchange = (id: string) => ({ id, kind: 'exchange', settings: { folder: join(running.folder, id) } });

  beforeEach(async () => {
    running = await startReloading();
  });
  afterEach(() => running.close());

  /** Takes one message in by `steady`, of kind `app`. */
  async function used(): Promise<void> {
    const { gateway, secret } = running;
    const data = { content: '东昌区新华大街38号楼前路灯三天不亮' };
    const body = { type: 'appeal.created', timestamp: '2026-01-05T08:30:05+08:00', data };
    const answer = await partner({ url: `${gateway.url}/hooks/steady`, secret }).told(body);
    assert.ok(answer.status < 300);
  }

  const rewrite = (...channels: readonly object[]) => replaced(fileOf(), JSON.stringify({ ...BASE, channels }));

  it('may change where nothing was taken in', async () => {
    rewrite(exchange('steady'));
    assert.equal((await running.gateway.reload()).ok, true);
  });

  it('stays where something was, while it runs and at the next start', async () => {
    await used();
    rewrite(exchange('steady'), exchange('other'));
    const report = await running.gateway.reload();
    assert.deepEqual([report.ok, report.problems.map(({ code }) => code)], [false, ['config.channel_kind']]);
    assert.match(report.problems[0]?.zh ?? '', /“steady”收过“app”的来件，改为“exchange”/);
    await running.gateway.close(5000);
    const loaded = loadConfig({ file: fileOf(), env: {} });
    const foundation = await openFoundation(loaded, { env: {}, onFatal: assert.fail });
    try {
      await assert.rejects(foundation.book.all(), { code: 'config.channel_kind' });
    } finally {
      await foundation.close();
    }
  });

  it('is not another’s by command either, once the channel is out of the settings', async () => {
    await used();
    rewrite(exchange('other'));
    assert.equal((await running.gateway.reload()).ok, true);
    const { book } = running.gateway.context;
    await assert.rejects(book.add(exchange('steady'), 'test'), { code: 'channel.other_kind' });
    await book.add({ id: 'steady', kind: 'app', settings: {} }, 'test');
  });
});
