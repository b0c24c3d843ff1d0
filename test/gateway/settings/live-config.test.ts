// Which newer settings are taken over at once: group by group, whole or not at all.
import assert from 'node:assert/strict';
import { loadConfig } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { createLiveConfig, takeOver } from '../../../gateway/settings/live-config.ts';

const loaded = loadConfig({ env: {}, cwd: '/srv/huisu' });
const { config } = loaded;
const channel = { id: 'a', kind: 'app', enabled: true, settings: {} };
const withListen = (listen: Partial<Config['listen']>): Config => ({
  ...config,
  listen: { ...config.listen, ...listen },
});

describe('newer settings', () => {
  const table: readonly [string, Config, readonly string[], readonly string[]][] = [
    ['nothing', { ...config, log: { ...config.log } }, [], []],
    ['channels', { ...config, channels: [channel] }, ['$.channels'], []],
    ['a level of the log', { ...config, log: { level: 'debug' } }, ['$.log.level'], []],
    ['proxies', withListen({ trustedProxies: ['10.0.0.1'] }), ['$.listen.trustedProxies'], []],
    [
      'TLS switched on',
      withListen({ tls: { certFile: '/c', keyFile: '/k', caFile: null, minVersion: 'TLSv1.2' } }),
      [],
      ['$.listen.tls'],
    ],
    ['half of a group', withListen({ port: 1, maxConnections: 9 }), [], ['$.listen.port', '$.listen.maxConnections']],
    ['the data folder', { ...config, data: '/elsewhere' }, [], ['$.data']],
    [
      'adapters with their channels',
      { ...config, adapters: ['x'], channels: [channel] },
      [],
      ['$.adapters', '$.channels'],
    ],
  ];
  for (const [what, next, now, restart] of table) {
    it(`with ${what}: ${now.join(', ') || 'nothing'} at once, ${restart.join(', ') || 'nothing'} after a restart`, () => {
      const taken = takeOver(config, next);
      assert.deepEqual([taken.now, taken.restart], [now, restart]);
      for (const key of Object.keys(config) as (keyof Config)[]) {
        const changed = now.some(path => path === `$.${key}` || path.startsWith(`$.${key}.`));
        assert.deepEqual(taken.config[key], changed ? next[key] : config[key], key);
      }
    });
  }

  it('let a signing secret of the case system change at once, and its address after a restart', () => {
    const caseSystem = { url: 'https://a.example', events: { secrets: ['one'] } } as unknown as Config['caseSystem'];
    const at: Config = { ...config, caseSystem };
    const secret = { url: 'https://a.example', events: { secrets: ['two', 'one'] } } as unknown as Config['caseSystem'];
    assert.deepEqual(takeOver(at, { ...at, caseSystem: secret }).now, ['$.caseSystem.events.secrets']);
    assert.deepEqual(takeOver(at, { ...at, caseSystem: null }).restart, ['$.caseSystem']);
  });

  it('are seen by whoever asks, and channels keep the places of the files they came from', () => {
    const live = createLiveConfig(loaded);
    const next = { ...loaded, file: '/new', locate: () => ({ file: '/new', line: 1, column: 1 }) };
    live.swap(next, { ...config, log: { level: 'error' } });
    assert.deepEqual([live.config.log.level, live.file], ['error', '/new']);
    assert.equal(live.locate(['log']).file, '/new');
    const newer = { ...next, file: '/newer', locate: () => ({ file: '/newer', line: 1, column: 1 }) };
    live.swap({ ...newer, config: { ...config, channels: [channel] } }, config);
    assert.deepEqual([live.locate(['log']).file, live.locate(['channels', 0]).file], ['/newer', '/new']);
  });
});
