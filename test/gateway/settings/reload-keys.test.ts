// A key file that another process has rotated, such as a second gateway on the same MongoDB.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import { loadKeyRing, rotate, sealingKeys } from '../../../store/key-ring.ts';
import { type Reloading, startReloading, type Written } from './reloading.ts';

describe('reload › keys', () => {
  let running: Reloading;
  before(async () => {
    running = await startReloading();
  });
  after(() => running.close());

  it('takes newer keys over by itself and without a restart; a file that cannot be read leaves the old ones at work', async () => {
    const file = join(running.folder, 'keys.json');
    const { foundation } = running.gateway;
    const newest = () => sealingKeys(foundation.ring, 'content').at(-1)?.id;
    const made = sealingKeys(rotate(file, 'content'), 'content').at(-1)?.id;
    await running.gateway.reload();
    assert.equal(newest(), made);

    rotate(file, 'content');
    chmodSync(file, 0o644);
    assert.ok((await running.gateway.reload()).ok, 'settings are taken over all the same');
    assert.equal(newest(), made);
    assert.ok(running.logged.some(line => line['code'] === 'keys.file_too_open'));
    assert.ok(foundation.keysKept(), 'nothing is lost by a mode that is too open');

    chmodSync(file, 0o600);
    await running.gateway.reload();
    assert.equal(newest(), sealingKeys(loadKeyRing({ file }), 'content').at(-1)?.id);
  });

  it('tells of a key file that is gone while it runs, backs up all the same, and writes the keys back on request', async () => {
    const file = join(running.folder, 'keys.json');
    const { context } = running.gateway;
    const run = (name: string, args: Readonly<Record<string, string>>) => {
      const command = COMMANDS.find(one => one.name === name);
      assert.ok(command?.kind === 'one');
      return command.run(context, args, {
        by: 'tester',
        signal: new AbortController().signal,
        progress: () => undefined,
      });
    };
    const told = async () => {
      const findings = (await running.status())['findings'] as Written[];
      return [findings.some(({ code }) => code === 'keys-gone'), /keys\.gone/.test(await running.page('/readyz'))];
    };
    assert.deepEqual(await told(), [false, false]);
    rmSync(file);
    assert.deepEqual(await told(), [true, true]);
    assert.equal((await run('backup', { folder: join(running.folder, 'backup') }))['keysIn'], null);
    await assert.rejects(run('keys save', { file: join(running.folder, 'data', 'keys.json') }), {
      code: 'keys.inside_data_folder',
    });
    await run('keys save', { file });
    assert.deepEqual(await told(), [false, false]);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(loadKeyRing({ file }), running.gateway.foundation.ring);
    await assert.rejects(run('keys save', { file }), { code: 'keys.file_exists' });
    const saved = (await context.store.admin.auditList(0, 100)).filter(({ action }) => action === 'keys.save');
    assert.ok(saved.some(({ by, on }) => by === 'tester' && on[0] === file));
    // A copy that lacks the newest key is no key file of this gateway.
    const whole = readFileSync(file);
    rotate(file, 'content');
    await running.gateway.reload();
    writeFileSync(file, whole);
    assert.deepEqual(await told(), [true, true]);
    rmSync(file);
    await run('keys save', { file });
  });

  it('has the keys of all where another process rotates while a command of its own does', async () => {
    const file = join(running.folder, 'keys.json');
    const { foundation, context } = running.gateway;
    const command = COMMANDS.find(one => one.name === 'keys rotate');
    assert.ok(command?.kind === 'one');
    const call = { by: 'tester', signal: new AbortController().signal, progress: () => undefined };
    // The command has rotated by itself when it first waits for the store.
    const answer = command.run(context, { name: 'content' }, call);
    const others = sealingKeys(rotate(file, 'content'), 'content');
    assert.equal((await answer)['id'], others.at(-2)?.id);
    assert.deepEqual(sealingKeys(foundation.ring, 'content'), others);
    const kept = JSON.parse((await foundation.store.admin.meta('key-check')) ?? '{}') as object;
    for (const { id } of others.slice(-2)) assert.ok(`content/${id}` in kept);
  });
});
