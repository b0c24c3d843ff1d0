// Settings while running: under load nothing is lost, wrong ones leave the old at work, channels change without touching others.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: settings files refer to files in just this way
import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { newSecret } from '../../../adapters/kit/signature.ts';
import { SHIPPED } from '../../../config/load.ts';
import { type Partner, partner } from '../../platforms/app.ts';
import { until } from '../dispatch/workbench.ts';
import { script } from '../fixtures/scripted-box.ts';
import { appChannel, type Reloading, startReloading, type Written } from './reloading.ts';

const BOX = fileURLToPath(new URL('../fixtures/scripted-box.ts', import.meta.url));
const appeal = (content: string) => ({
  type: 'appeal.created',
  timestamp: new Date().toISOString(),
  data: { content, contact: {} },
});

/** More of them for a long run; the figures are those of a night: 1,000, a third of them wrong. */
const RELOADS = Number(process.env['HUISU_TEST_RELOADS'] ?? 60);

describe('settings while running', function () {
  this.timeout(60_000 + RELOADS * 500);
  const partners: Partner[] = [];
  let running: Reloading;
  afterEach(async () => {
    for (const one of partners.splice(0)) one.close();
    await running.close();
  });

  function sender(id: string, secret: string): Partner {
    const made = partner({ url: `${running.gateway.url}/hooks/${id}`, secret });
    partners.push(made);
    return made;
  }

  const statusOf = (id: string) => running.gateway.context.live?.channelStates().find(state => state.id === id);
  const state = () => running.gateway.context.live?.settings() ?? assert.fail('it runs');
  const codes = () => running.logged.map(line => line['code']);

  it('lose no request through many reloads under load, a third of them wrong', async () => {
    running = await startReloading();
    let secrets = [newSecret()];
    running.writeChannel('busy', appChannel('busy', secrets));
    assert.equal((await running.gateway.reload()).ok, true);
    const steady = sender('steady', running.secret);
    const busy = sender('busy', 'whsec_');
    let [on, sent] = [true, 0];
    const refused: string[] = [];
    const send = async (to: Partner, own: () => readonly string[] | undefined) => {
      while (on) {
        const current = own();
        const answer = await to.send(
          appeal(`路灯第${sent++}盏不亮`),
          current === undefined ? {} : { secrets: current },
        );
        if (answer.status !== 202) refused.push(`${answer.status} ${answer.text}`);
      }
    };
    const senders = Array.from({ length: 8 }, (_, i) =>
      i % 2 === 0 ? send(steady, () => undefined) : send(busy, () => secrets.slice(0, 1)),
    );
    const wrong: Written[] = [
      { id: 'busy', kind: 'apq' },
      { id: 'steady', kind: 'app' },
      { id: 'busy', kin: 'app' },
    ];
    for (let round = 0; round < RELOADS; round++) {
      if (round % 3 === 2) {
        running.writeChannel('busy', wrong[round % wrong.length] as Written);
        const report = await running.gateway.reload();
        assert.deepEqual([report.ok, report.problems.length > 0], [false, true]);
        running.writeChannel('busy', appChannel('busy', secrets, { quietSeconds: (round % 3600) + 1 }));
      } else {
        // The partner changes over once both secrets are known, and so on.
        const next = [newSecret(), ...secrets.slice(0, 1)];
        running.writeChannel('busy', appChannel('busy', next, { quietSeconds: (round % 3600) + 1 }));
        const report = await running.gateway.reload();
        assert.deepEqual([report.ok, report.problems], [true, []]);
        secrets = next;
      }
    }
    on = false;
    await Promise.all(senders);
    assert.deepEqual(refused, []);
    assert.ok(sent > RELOADS, `${sent} requests`);
    assert.equal((await running.gateway.foundation.store.messages.counts()).total, sent);
    assert.equal(codes().filter(code => code === 'channel.bug' || code === 'settings.failed').length, 0);
  });

  it('are noticed when a file is renamed into place, and told with file, line and reason when they are wrong', async () => {
    running = await startReloading();
    running.writeChannel('late', appChannel('late', [newSecret()]));
    await until(() => statusOf('late')?.up === true, 'the channel of the new file is up');
    running.writeChannel('late', 'id: late\nkind: app\nsettings:\n  secrts: []\n');
    await until(() => state().refused !== null, 'the wrong file is refused');
    const status = await running.status();
    const [finding] = (status['findings'] as Written[]).filter(({ code }) => code === 'settings-refused');
    assert.match(String(finding?.['zh']), /channels\/late\.yaml:4:3 \$\.settings\.secrts .*是不是想写“secrets”/);
    assert.match(String(finding?.['en']), /did you mean "secrets"/);
    const ready = await fetch(`${running.gateway.url}/readyz`);
    assert.equal(ready.status, 200);
    assert.match(await ready.text(), /settings\.refused.*late\.yaml/);
    assert.match(await running.page('/metrics'), /huisu_settings_valid 0/);
    assert.equal(statusOf('late')?.up, true, 'the old one works on');
    running.writeChannel('late', null);
    await until(() => state().refused === null, 'all is well again');
    assert.equal(statusOf('late'), undefined);
    assert.match(await running.page('/metrics'), /huisu_settings_valid 1/);
    const told = running.logged.filter(({ code }) => code === 'settings.refused');
    assert.ok(
      told.some(
        ({ file, line, reason }) => file === 'channels/late.yaml' && line === 4 && reason === 'config.unknown_key',
      ),
    );
  });

  it('that have become an empty file are taken for one half written', async () => {
    running = await startReloading();
    writeFileSync(join(running.folder, 'huisu.yaml'), '');
    const report = await running.gateway.reload();
    assert.equal(report.problems[0]?.code, 'config.emptied');
    assert.equal(statusOf('steady')?.up, true);
  });

  it('take up a secret from its file when that changes, and let go of the old one', async () => {
    running = await startReloading();
    const [old, fresh] = [newSecret(), newSecret()];
    const file = join(running.folder, 'secret');
    writeFileSync(file, old);
    running.writeChannel('filed', appChannel('filed', ['${file:../secret}']));
    await running.gateway.reload();
    assert.equal((await sender('filed', old).send(appeal('井盖丢失'))).status, 202);
    writeFileSync(file, fresh);
    const changed = async () => (await sender('filed', fresh).send(appeal('井盖丢失'))).status === 202;
    await until(changed, 'the new secret is known');
    assert.equal((await sender('filed', old).send(appeal('井盖丢失'))).status, 401);
  });

  it('of a channel change under a request that has begun, which is answered all the same', async () => {
    running = await startReloading();
    for (const [name, next] of [
      ['changed', appChannel('changed', [running.secret], { quietSeconds: 7 })],
      ['removed', null],
    ] as const) {
      running.writeChannel(name, appChannel(name, [running.secret]));
      await running.gateway.reload();
      const { headers, body } = sender(name, running.secret).prepare(appeal('噪音扰民'));
      const begun = request(`${running.gateway.url}/hooks/${name}`, {
        method: 'POST',
        headers: { ...headers, 'content-length': body.length },
      });
      const answered = new Promise<string>((resolve, reject) => {
        begun.on('response', answer => resolve(text(answer).then(said => `${answer.statusCode} ${said}`)));
        begun.on('error', reject);
      });
      await new Promise<void>(resolve => begun.write(body.subarray(0, 20), () => resolve()));
      // Another request proves that the gateway has taken up the first.
      assert.equal((await sender(name, running.secret).send(appeal('占道经营'))).status, 202);
      running.writeChannel(name, next);
      const report = await running.gateway.reload();
      assert.deepEqual([...report.channels.changed, ...report.channels.removed], [name]);
      const status = (await sender(name, running.secret).send(appeal('占道经营'))).status;
      assert.equal(status, next === null ? 404 : 202);
      begun.end(body.subarray(20));
      assert.match(await answered, /^202 /);
    }
    await until(
      async () => (await running.gateway.foundation.store.messages.counts()).unread === 0,
      'what a channel that is gone had accepted is read',
    );
    assert.equal((await running.gateway.foundation.store.messages.counts()).quarantined, 0);
  });

  it('touch only the channels that differ, and never run two of one mailbox', async () => {
    const box = (id: string, note?: string): Written => ({ id, kind: 'scripted-box', settings: { note } });
    const polling = new Map<string, number>();
    let [most, ended] = [0, 0];
    Object.assign(script, { open: () => undefined, close: () => undefined, opened: 0, closed: 0 });
    script.poll = async (signal, { channel }) => {
      polling.set(channel, (polling.get(channel) ?? 0) + 1);
      most = Math.max(most, ...polling.values());
      await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
      polling.set(channel, (polling.get(channel) ?? 0) - 1);
      ended++;
    };
    running = await startReloading({ adapters: [BOX], channels: [box('one'), box('two')] });
    await until(() => polling.get('one') === 1 && polling.get('two') === 1, 'both are polled');
    running.write({ adapters: [BOX], channels: [box('one', 'other'), box('two')] });
    const report = await running.gateway.reload();
    assert.deepEqual(report.channels, { added: [], removed: [], changed: ['one'] });
    await until(() => polling.get('one') === 1 && script.opened === 3, 'the new one polls');
    assert.deepEqual([most, ended, script.closed], [1, 1, 1]);
    script.poll = null;
  });

  it('open a channel again that met a defect, and tell when', async () => {
    Object.assign(script, { poll: null, close: () => undefined });
    let defects = 2;
    script.open = () => {
      if (defects-- > 0) throw new TypeError('a defect of the adapter');
    };
    running = await startReloading({ adapters: [BOX], channels: [{ id: 'boxed', kind: 'scripted-box' }] });
    const state = statusOf('boxed');
    assert.equal(state?.reason, 'channel.bug');
    assert.ok((state?.retryAt ?? 0) > Date.now() - 5000);
    assert.match(JSON.stringify(await running.status()), /秒后重试/);
    await until(() => statusOf('boxed')?.up === true, 'it is up');
    assert.equal(codes().filter(code => code === 'channel.bug').length, 1, 'told of once');
    script.open = () => undefined;
  });

  it('that wait for a restart are named, and a group of them is not taken over by halves', async () => {
    running = await startReloading();
    running.write({ listen: { port: 1, publicUrl: 'https://hooks.example.gov.cn' }, log: { level: 'warn' } });
    const report = await running.gateway.reload();
    assert.deepEqual(report.settings, ['$.log.level']);
    assert.deepEqual(report.restart, ['$.listen.port', '$.listen.publicUrl']);
    assert.equal(running.gateway.foundation.loaded.config.listen.publicUrl, null);
    assert.match(await running.page('/readyz'), /settings\.restart_needed/);
    assert.match(JSON.stringify(await running.status()), /"restart-needed"/);
    running.write({ listen: { port: 0, publicUrl: 'https://hooks.example.gov.cn' } });
    assert.deepEqual((await running.gateway.reload()).restart, []);
    assert.equal(running.gateway.foundation.loaded.config.listen.publicUrl, 'https://hooks.example.gov.cn');
  });

  it('include the rules, which are proved for the restart that they wait for', async () => {
    running = await startReloading();
    const rules = join(running.folder, 'rules');
    cpSync(join(SHIPPED, 'rules'), rules, { recursive: true });
    running.write({ rules: './rules' });
    assert.ok((await running.gateway.reload()).restart.includes('$.rules'));
    writeFileSync(join(rules, 'urgency.yaml'), 'words: 7\n');
    const report = await running.gateway.reload();
    assert.equal(report.ok, false);
    assert.ok(report.problems.every(({ file, zh }) => /urgency/.test(file) && /\p{Script=Han}/u.test(zh)));
  });

  it('name a new adapter’s channels as waiting for a restart', async () => {
    running = await startReloading();
    running.write({ adapters: [BOX], channels: [{ id: 'boxed', kind: 'scripted-box' }] });
    const report = await running.gateway.reload();
    assert.deepEqual([report.ok, report.restart], [true, ['$.adapters', '$.channels']]);
    assert.equal(statusOf('boxed'), undefined);
    running.write({ adapters: ['./nowhere.ts'] });
    assert.equal((await running.gateway.reload()).problems[0]?.code, 'registry.cannot_load');
  });
});
