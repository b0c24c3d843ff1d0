// An operator changes the settings of a gateway that runs: by file, by command, by signal; a mistake is told and changes nothing.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { newSecret } from '../../adapters/kit/signature.ts';
import { until } from '../gateway/dispatch/workbench.ts';
import { type GatewayProcess, openPlace, type Place, START } from './process.ts';

const BASE = { listen: { port: 0 }, intake: { minFreeMb: 0, minFreePercent: 0 }, reading: { parsers: 1 } };

describe('an operator who changes settings', function () {
  this.timeout(60_000);
  let place: Place;
  beforeEach(() => {
    place = openPlace();
    place.settings(BASE);
  });
  afterEach(() => place.remove());

  const reload = (...more: string[]) => place.run(['reload', '--config', 'huisu.yaml', ...more]);
  const result = ({ stdout }: GatewayProcess) => JSON.parse(stdout().trim().split('\n').at(-1) ?? '');

  it('is told by huisu reload what changed, what waits, and what is wrong even when the file cannot be read', async () => {
    assert.equal(await reload().ended, 69, 'nothing runs that could reload');
    const gateway = place.run(START);
    await gateway.started;
    mkdirSync(join(place.folder, 'channels'));
    const channel = { id: 'partner', kind: 'app', settings: { secrets: [newSecret()] } };
    writeFileSync(join(place.folder, 'channels', 'partner.yaml'), stringify(channel));
    const first = reload();
    assert.equal(await first.ended, 0);
    // The file was noticed by itself at the same time: whichever came first, the channel is there now.
    await until(() => /channel\.up.*partner|partner.*channel\.up/.test(gateway.stderr()), 'the channel is up');
    place.settings({ ...BASE, listen: { port: 0 }, dispatch: { concurrency: 2 } });
    const second = reload();
    assert.equal(await second.ended, 0);
    assert.deepEqual(result(second).restart, ['$.dispatch.concurrency']);
    assert.match(second.stdout(), /重启后才生效：\$\.dispatch\.concurrency/);
    place.settings('listen:\n  prot: 1\nx: [\n');
    const third = reload('--lang', 'en');
    assert.equal(await third.ended, 78);
    assert.match(third.stdout(), /the old ones stay:\n {2}\S*huisu\.yaml:\d/);
    const status = place.run(['status', '--config', 'huisu.yaml', '--json']);
    assert.equal(await status.ended, 0);
    assert.equal(result(status).running, true);
    assert.match(status.stdout(), /settings-refused/);
  });

  it('may send SIGHUP, which reloads and ends nothing', async () => {
    const gateway = place.run(START);
    const { url, pid } = await gateway.started;
    process.kill(pid, 'SIGHUP');
    await until(() => gateway.stderr().includes('settings.asked'), 'the signal is told of');
    place.settings({
      ...BASE,
      log: { level: 'debug' },
      listen: { port: 0, publicUrl: 'https://hooks.example.gov.cn' },
    });
    process.kill(pid, 'SIGHUP');
    await until(() => gateway.stderr().includes('settings.reloaded'), 'the settings are at work');
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    process.kill(pid, 'SIGTERM');
    assert.equal(await gateway.ended, 0);
  });

  it('is refused a start on an outer address in plain text, with the ways out in both languages', async () => {
    place.settings({ ...BASE, listen: { port: 0, host: '0.0.0.0' } });
    const refused = place.run(START);
    assert.equal(await refused.ended, 78);
    assert.match(refused.stderr(), /huisu\.yaml:\d+:\d+ \$\.listen\.host .*listen\.trustedProxies[\s\S]*plain text/);
    place.settings({ ...BASE, listen: { port: 0, host: '0.0.0.0', plain: true } });
    const started = place.run(START);
    assert.match((await started.started).url, /0\.0\.0\.0/);
  });
});
