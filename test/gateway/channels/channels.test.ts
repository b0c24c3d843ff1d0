// Channels: opened, polled under a lease, halted and healed; nothing an adapter or the store does ends the gateway.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { CredentialsRefused, Misconfigured, Unavailable, type WebhookRequest } from '../../../adapters/contract.ts';
import { loadConfig } from '../../../config/load.ts';
import { type Channels, createChannels } from '../../../gateway/channels/channels.ts';
import { type Foundation, openFoundation } from '../../../gateway/foundation.ts';
import { createIntake } from '../../../gateway/intake.ts';
import { createSplitter, type Splitter } from '../../../gateway/reading/splitter.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { StoreUnavailable } from '../../../store/errors.ts';
import type { Store } from '../../../store/store.ts';
import { until } from '../dispatch/workbench.ts';
import { script } from '../fixtures/scripted-box.ts';

const BOX = fileURLToPath(new URL('../fixtures/scripted-box.ts', import.meta.url));

describe('channels', () => {
  let root: string;
  let foundation: Foundation;
  let logged: Record<string, unknown>[];
  let changes: string[][];
  const running: Channels[] = [];

  beforeEach(async () => {
    Object.assign(script, { open: () => undefined, poll: null, close: () => undefined, opened: 0, closed: 0 });
    root = mkdtempSync(join(tmpdir(), 'huisu-channels-'));
    const file = join(root, 'huisu.yaml');
    const channels = [
      { id: 'one', kind: 'scripted-box' },
      { id: 'off', kind: 'scripted-box', enabled: false },
    ];
    writeFileSync(file, stringify({ data: './data', keys: { file: './keys.json' }, adapters: [BOX], channels }));
    foundation = await openFoundation(loadConfig({ file, env: {} }), { env: {}, onFatal: error => assert.fail(error) });
    logged = [];
    changes = [];
  });
  afterEach(async () => {
    for (const channels of running.splice(0)) await channels.close();
    for (const one of splitters.splice(0)) await one.close();
    await foundation.close();
    rmSync(root, { recursive: true, force: true });
  });

  const splitters: Splitter[] = [];
  function splitter(): Splitter {
    const limits = {
      atOnce: 1,
      memoryMb: 64,
      silenceMs: 5000,
      totalMs: 5000,
      parts: 9,
      partBytes: 999,
      totalBytes: 999,
    };
    const report = (code: string) => assert.fail(code);
    const one = createSplitter({ adapters: [BOX], baseFolder: root, limits, report });
    splitters.push(one);
    return one;
  }

  function open(around: (store: Store) => Store = store => store, owner = 'this'): Channels {
    const store = around(foundation.store);
    const log = createLog({ level: 'debug', destination: { write: line => void logged.push(JSON.parse(line)) } });
    const { cipher, book, now } = foundation;
    const channels = createChannels({
      ...{ book, store, cipher, log, now, owner, opens: true, splitter: splitter() },
      intake: createIntake({ store, cipher, now, acknowledged: () => undefined }),
      changed: known => void changes.push(Object.keys(known).sort()),
    });
    running.push(channels);
    return channels;
  }

  const statusOf = (channels: Channels) => channels.status().find(({ id }) => id === 'one');
  const said = (code: string) => logged.filter(line => line['code'] === code);
  const request = {} as WebhookRequest;

  it('are known to the readers before they can accept anything', async () => {
    script.open = () => assert.deepEqual(changes.at(-1), ['off', 'one']);
    const channels = open();
    await channels.open();
    assert.equal(statusOf(channels)?.up, true);
    await channels.refresh('one');
    assert.equal(statusOf(channels)?.up, true);
    assert.deepEqual([script.opened, script.closed], [2, 1]);
  });

  it('that are disabled or not there answer nothing', async () => {
    const channels = open();
    await channels.open();
    assert.equal((await channels.webhook('one', request))?.status, 200);
    assert.equal(await channels.webhook('off', request), null);
    assert.equal(await channels.webhook('nobody', request), null);
    assert.deepEqual(channels.status().find(({ id }) => id === 'off')?.reason, 'channel.disabled');
  });

  it('are opened once, however often at one time they are refreshed', async () => {
    const channels = open();
    await channels.open();
    await Promise.all(Array.from({ length: 5 }, () => channels.refresh('one')));
    assert.equal(script.opened - script.closed, 1);
  });

  it('that cannot open yet are tried again, told of once, and up when they can', async () => {
    let failures = 2;
    script.open = () => {
      if (failures-- > 0) throw new Unavailable('scripted-box.away', 'away');
    };
    const channels = open();
    await channels.open();
    assert.equal(statusOf(channels)?.reason, 'channel.unavailable');
    await assert.rejects(channels.webhook('one', request), Unavailable);
    await until(() => statusOf(channels)?.up === true, 'the channel is up');
    assert.equal(said('channel.down').length, 1);
    assert.equal(said('channel.up').length, 1);
  });

  it('that are wrongly set up wait for new settings, with the field named', async () => {
    script.open = () => {
      throw new Misconfigured('scripted-box.no_host', '/host', 'no such host');
    };
    const channels = open();
    await channels.open();
    assert.deepEqual([statusOf(channels)?.reason, statusOf(channels)?.field], ['channel.misconfigured', '/host']);
  });

  it('poll until they are closed, and stop where credentials are refused', async () => {
    let polls = 0;
    const first = Promise.withResolvers<void>();
    script.poll = async (_signal, context) => {
      polls++;
      const [answer] = await context.accept([
        { platformId: 'm1', sender: null, body: Buffer.from('路灯不亮'), mediaType: 'text/plain', meta: {} },
      ]);
      assert.equal(answer?.kind, 'fresh');
      first.resolve();
      throw new CredentialsRefused('scripted-box.login', 'refused');
    };
    const channels = open();
    await channels.open();
    await first.promise;
    await until(() => statusOf(channels)?.up === false, 'the channel is down');
    assert.equal(statusOf(channels)?.reason, 'channel.credentials_refused');
    assert.equal((await channels.webhook('one', request))?.status, 200, 'webhooks go on');
    await channels.refresh('one');
    assert.ok(polls <= 2);
  });

  it('have their containers split outside this process', async () => {
    const container = { platformId: 'c', sender: null, body: Buffer.from('c'), mediaType: 'text/csv', meta: {} };
    const pids: number[] = [];
    const done = Promise.withResolvers<void>();
    script.poll = async (_signal, context) => {
      for await (const { body } of context.split(container)) pids.push(Number(Buffer.from(body).toString()));
      done.resolve();
    };
    await open().open();
    await done.promise;
    assert.equal(pids.length, 1);
    assert.notEqual(pids[0], process.pid);
  });

  it('poll again when the store was away for a moment', async () => {
    let failures = 1;
    const polled = Promise.withResolvers<void>();
    script.poll = async () => polled.resolve();
    const channels = open(store => ({
      ...store,
      admin: {
        ...store.admin,
        lease: async (...args) => {
          if (failures-- > 0) throw new StoreUnavailable('store.disk_full', 'full');
          return store.admin.lease(...args);
        },
      },
    }));
    await channels.open();
    await polled.promise;
    await until(() => statusOf(channels)?.up === true, 'the channel is up');
    assert.equal(said('channel.down').length, 1);
  });

  it('are polled by one process at a time', async () => {
    let at = 0;
    let most = 0;
    const begun = Promise.withResolvers<void>();
    script.poll = async signal => {
      most = Math.max(most, ++at);
      begun.resolve();
      await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
      at--;
    };
    const [mine, theirs] = [open(), open(undefined, 'another')];
    await mine.open();
    await begun.promise;
    await theirs.open();
    const leaseOf = (owner: string) => foundation.store.admin.lease('channel:one', owner, Date.now(), 1000);
    assert.equal(await leaseOf('another'), null);
    assert.equal(most, 1);
  });

  it('that fail to close are told of, and the others close', async () => {
    script.close = () => {
      throw new TypeError('cannot close');
    };
    const channels = open();
    await channels.open();
    await channels.close();
    assert.equal(said('channel.bug').length, 1);
    assert.equal(channels.status().length, 0);
  });

  it('that never finish closing are told of, and are not waited for', async function () {
    this.timeout(20_000);
    script.close = () => new Promise<void>(() => undefined);
    const channels = open();
    await channels.open();
    await channels.close();
    assert.deepEqual(
      said('channel.slow_stop').map(line => line['phase']),
      ['close'],
    );
  });

  it('stay closed whoever looks for changes then', async () => {
    const channels = open();
    await channels.open();
    const closing = channels.close();
    // One that began to look before the end, and others that come behind it.
    const looks = [channels.sync(), channels.refresh('one')];
    await Promise.all([closing, ...looks]);
    await channels.sync(true);
    assert.deepEqual([script.opened, script.closed], [1, 1]);
    assert.deepEqual(channels.status(), []);
  });
});
