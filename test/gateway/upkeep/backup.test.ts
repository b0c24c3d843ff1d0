// A backup made while appeals come in, restored into another folder: the same tickets, the same audit chain; and every refusal.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfig } from '../../../config/load.ts';
import { restoreCommand } from '../../../gateway/cli/backup.ts';
import type { Arguments, Row, Terminal } from '../../../gateway/cli/command.ts';
import type { Failure } from '../../../gateway/failure.ts';
import { openFoundation } from '../../../gateway/foundation.ts';
import { makeBackup } from '../../../gateway/upkeep/backup.ts';
import { loadKeyRing, rotate, sealingKeys } from '../../../store/key-ring.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { type Running, runGateway } from '../running.ts';

const ENTRY = resolve(import.meta.dirname, '../../../gateway/main.ts');
const WANG = { name: '王桂芬', phone: '13800001014' };
const streets = ['江南', '滨江', '新站', '龙泉', '光明', '民主', '团结', '建设'];
const lamp = (i: number) => `东昌区${streets[i % 8]}大街与第${i}号路口往北三百米，路灯灭了一排，请安排检修。`;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe('backup and restore', function () {
  // Eleven programs and as many gateways: on a machine with other work each takes ten times as long.
  this.timeout(240_000);
  let running: Running;
  beforeEach(async () => {
    running = await runGateway();
  });
  afterEach(() => running.close());

  const inFolder = (...path: string[]) => join(running.folder, ...path);

  const call = (command: string, args?: Arguments) => running.call(command, args);
  async function result(command: string, args?: Arguments): Promise<Row> {
    const replies = await call(command, args);
    const found = replies.flatMap(reply => ('result' in reply ? [reply.result] : []))[0];
    assert.ok(found !== undefined, JSON.stringify(replies));
    return found;
  }
  const refusal = async (command: string, args?: Arguments) =>
    (await call(command, args)).flatMap(reply => ('failure' in reply ? [reply.failure] : []))[0] as Failure;

  function huisu(...args: string[]): Promise<Ended> {
    const env = { PATH: process.env['PATH'], HOME: running.folder, LANG: 'en_US.UTF-8' };
    return new Promise(settle =>
      execFile(process.execPath, [ENTRY, ...args], { cwd: running.folder, env }, (error, out, err) =>
        settle({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
      ),
    );
  }
  const restore = (backup: string, ...more: string[]) =>
    huisu('restore', backup, '--data', 'restored', '--keys', 'keys.json', '--json', ...more);

  it('says that a restore was interrupted, and leaves nothing of it', async () => {
    await running.appeal(lamp(1), WANG);
    await result('backup', { folder: inFolder('copy') });
    const terminal: Terminal = {
      ...{ language: 'en', json: true, env: {}, configFile: undefined },
      out: line => assert.fail(line),
      err: () => undefined,
    };
    const args = { backup: inFolder('copy'), data: inFolder('restored'), keys: inFolder('keys.json') };
    const refused = assert.rejects(restoreCommand.run(terminal, args), { code: 'cli.interrupted_again', exit: 69 });
    process.emit('SIGTERM', 'SIGTERM');
    await refused;
    assert.deepEqual(
      readdirSync(running.folder).filter(name => name.startsWith('restored')),
      [],
    );
  });

  it('takes over nothing of one that was killed, although its process had the same number', async () => {
    await running.appeal(lamp(1), WANG);
    const leave = (name: string) => {
      mkdirSync(`${name}.${process.pid}.partial`);
      for (const file of ['manifest.json', 'huisu.db', 'huisu.db-wal', 'stray'])
        writeFileSync(join(`${name}.${process.pid}.partial`, file), 'torn');
    };
    leave(inFolder('copy'));
    const { messages } = await result('backup', { folder: inFolder('copy') });
    assert.deepEqual([messages, existsSync(inFolder('copy', 'stray'))], [1, false]);
    const killed = execFile(process.execPath, [ENTRY, 'restore', 'copy', '--data', 'restored', '--keys', 'keys.json'], {
      cwd: running.folder,
    });
    await running.until(async () => readdirSync(running.folder).some(name => name.startsWith('restored.')));
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    assert.equal(existsSync(inFolder('restored')), false);
    leave(inFolder('restored'));
    const { code, err } = await restore('copy');
    assert.equal(code, 0, err);
    assert.equal(existsSync(inFolder('restored', 'stray')), false);
  });

  it('writes down keys that another process made and sealed by while it was copying', async () => {
    const file = inFolder('keys.json');
    const { store, loaded, now } = running.gateway.context;
    let made: string | undefined;
    const order = {
      ...{ target: inFolder('backup'), keysTo: inFolder('custody.json'), every: null, by: 'tester' },
      signal: new AbortController().signal,
      progress: () => undefined,
    };
    const snapshot: typeof store.admin.snapshot = async (...copy) => {
      made = sealingKeys(rotate(file, 'content'), 'content').at(-1)?.id;
      return store.admin.snapshot(...copy);
    };
    const rotating = { ...store, admin: { ...store.admin, snapshot } };
    const parts = { store: rotating, ring: async () => loadKeyRing({ file }), dataFolder: loaded.config.data, now };
    const { manifest } = await makeBackup(parts, order);
    assert.ok(made !== undefined && `content/${made}` in manifest.keys);
    assert.equal(sealingKeys(loadKeyRing({ file: order.keysTo }), 'content').at(-1)?.id, made);
  });

  it('finds in another folder the very tickets and audit records that stood there when it began, under load', async () => {
    const sentFirst = await Promise.all(
      streets.map((_, i) => running.appeal(lamp(i), { phone: `139000${10_000 + i}` })),
    );
    const before = sentFirst.filter(({ outcome }) => outcome['kind'] === 'ticket');
    assert.equal(before.length, streets.length);
    let loading = true;
    const underWay = Promise.withResolvers<void>();
    const load = (async () => {
      for (let i = 100; loading; i++) {
        await running.appeal(lamp(i), { phone: `138000${10_000 + i}` });
        if (i === 103) underWay.resolve();
      }
    })();
    await Promise.race([underWay.promise, load]);
    const { store } = running.gateway.context;
    await store.admin.health();
    const made = await result('backup', { folder: inFolder('backup') });
    const { commitSeconds } = await store.admin.health();
    loading = false;
    await load;
    assert.ok(Number(made['messages']) >= before.length && Number(made['opened']) === Number(made['messages']));
    assert.ok(Math.max(...commitSeconds) < 2, 'the writer was held up');
    assert.ok(!readFileSync(inFolder('backup', 'manifest.json'), 'utf8').includes('13800001014'));
    assert.deepEqual(readdirSync(inFolder('backup')).sort(), ['files.sha256', 'huisu.db', 'manifest.json']);
    assert.equal(statSync(inFolder('backup', 'huisu.db')).mode & 0o077, 0);

    const ended = await restore('backup');
    assert.equal(ended.code, 0, ended.err);
    assert.equal(JSON.parse(ended.out)['messages'], made['messages']);
    const file = inFolder('restored.yaml');
    writeFileSync(file, 'data: ./restored\nkeys: { file: ./keys.json }\n');
    const onFatal = (error: Error) => {
      throw error;
    };
    const restored = await openFoundation(loadConfig({ file, env: {} }), { env: {}, onFatal });
    try {
      for (const { number } of before) {
        const [here, there] = await Promise.all([store.tickets.get(number), restored.store.tickets.get(number)]);
        assert.ok(here !== null && there !== null, number);
        const { cipher } = running.gateway.context;
        assert.deepEqual(openTicketContent(restored.cipher, there), openTicketContent(cipher, here));
      }
      const verified = await restored.store.admin.auditVerify();
      assert.deepEqual(verified, { records: Number(made['auditRecords']) + 1, broken: null });
      const old = await store.admin.auditList(0, Number(made['auditRecords']));
      const same = await restored.store.admin.auditList(0, Number(made['auditRecords']));
      assert.deepEqual(same, old);
      const [last] = (await restored.store.admin.auditList(verified.records - 1, 1)).slice(-1);
      assert.equal(last?.action, 'backup.restored');
    } finally {
      await restored.close();
    }
  });

  it('writes the keys only where it is told, never beside the data', async () => {
    await running.appeal(lamp(1), WANG);
    await result('backup', { folder: inFolder('one'), withKeys: inFolder('custody.json') });
    assert.equal(statSync(inFolder('custody.json')).mode & 0o777, 0o600);
    assert.deepEqual(
      JSON.parse(readFileSync(inFolder('custody.json'), 'utf8')),
      JSON.parse(readFileSync(inFolder('keys.json'), 'utf8')),
    );
    const inside = await refusal('backup', { folder: inFolder('two'), withKeys: inFolder('two', 'keys.json') });
    assert.equal(inside.code, 'backup.keys_inside');
    const again = await refusal('backup', { folder: inFolder('two'), withKeys: inFolder('custody.json') });
    assert.equal(again.code, 'backup.keys_exist');
    const actions = (await running.gateway.context.store.admin.auditList(0, 99)).map(record => record.action);
    assert.deepEqual(
      actions.filter(action => action.startsWith('backup.')),
      ['backup.begin', 'backup.done'],
    );
  });

  it('overwrites nothing and stays out of the data folder', async () => {
    mkdirSync(inFolder('full'));
    writeFileSync(inFolder('full', 'x'), '');
    assert.equal((await refusal('backup', { folder: inFolder('full') })).code, 'backup.not_empty');
    assert.equal((await refusal('backup', { folder: inFolder('data', 'backup') })).code, 'backup.inside_data');
    await result('backup', { folder: inFolder('backup') });
    const onto = await huisu('restore', 'backup', '--data', 'full', '--keys', 'keys.json');
    assert.deepEqual([onto.code, /restore\.not_empty/.test(onto.err)], [64, true]);
    assert.deepEqual(readdirSync(inFolder('full')), ['x']);
  });

  it('restores nothing from a backup that was changed, cut off, made with other keys, or is none', async () => {
    await running.appeal(lamp(1), WANG);
    await result('backup', { folder: inFolder('backup') });
    const code = async (ended: Promise<Ended>) => /\(([a-z]+\.[a-z_]+)\)/.exec((await ended).err)?.[1];
    assert.equal(await code(huisu('restore', 'keys.json', '--data', 'restored', '--keys', 'keys.json')), 'backup.none');
    const whole = readFileSync(inFolder('backup', 'huisu.db'));
    const bent = Buffer.from(whole);
    bent[whole.length - 100] = (bent[whole.length - 100] as number) ^ 1;
    writeFileSync(inFolder('backup', 'huisu.db'), bent);
    assert.equal(await code(restore('backup')), 'backup.not_whole');
    truncateSync(inFolder('backup', 'huisu.db'), 4096);
    assert.equal(await code(restore('backup')), 'backup.not_whole');
    rmSync(inFolder('backup', 'huisu.db'));
    assert.equal(await code(restore('backup')), 'backup.damaged');
    writeFileSync(inFolder('backup', 'huisu.db'), whole);
    const other = await runGateway();
    try {
      const foreign = huisu('restore', 'backup', '--data', 'restored', '--keys', join(other.folder, 'keys.json'));
      assert.equal(await code(foreign), 'keys.missing');
    } finally {
      await other.close();
    }
    assert.equal(existsSync(inFolder('restored')), false);
    assert.deepEqual(
      readdirSync(running.folder).filter(name => name.includes('partial')),
      [],
    );
    assert.equal((await restore('backup')).code, 0);
  });

  it('restores without keys what can be proven without them, and says so', async () => {
    await running.appeal(lamp(1), WANG);
    await result('backup', { folder: inFolder('backup') });
    const ended = await huisu('restore', 'backup', '--data', 'restored');
    assert.equal(ended.code, 0, ended.err);
    assert.match(ended.err, /No key file was found/);
    assert.match(ended.out, /Restored to/);
    assert.equal(JSON.parse(ended.out.trim().split('\n').at(-1) as string)['opened'], 0);
  });
});
