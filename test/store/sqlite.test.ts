// Promises of the embedded engine that are its own: one process a folder, durable settings, group commit, other threads.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { checkDurability, openWriting } from '../../store/sqlite/connection.ts';
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from '../../store/sqlite/engine.ts';
import { decided, NOW, ticketOf } from '../contracts/store-rows.ts';
import { AUDIT_KEY, row } from './sqlite/rows.ts';

const PROCESS = join(import.meta.dirname, 'sqlite', 'process.ts');

describe('sqlite engine', () => {
  let folder: string;
  let store: SqliteStore | null = null;

  const open = async (more: Partial<SqliteStoreOptions> = {}): Promise<SqliteStore> => {
    store = await openSqliteStore({ folder: join(folder, 'data'), auditKey: AUDIT_KEY, profile: 'intl', ...more });
    return store;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-sqlite-'));
  });
  afterEach(async () => {
    await store?.close();
    store = null;
    rmSync(folder, { recursive: true, force: true });
  });

  it('keeps its folder and files to their owner', async () => {
    await open();
    await store?.blobs.put('ab'.repeat(32), Buffer.from('x'));
    const data = join(folder, 'data');
    assert.equal(statSync(data).mode & 0o777, 0o700);
    assert.equal(statSync(join(data, 'blobs', 'ab')).mode & 0o777, 0o700);
    for (const name of readdirSync(data, { recursive: true, withFileTypes: true })) {
      if (name.isFile()) assert.equal(statSync(join(name.parentPath, name.name)).mode & 0o077, 0, name.name);
    }
  });

  it('refuses a second process on the same folder, naming the one that holds it, and lets it in afterwards', async () => {
    const first = await open();
    const second = await answerOf('open', join(folder, 'data'));
    assert.equal(second['code'], 'store.folder_in_use');
    assert.match(String(second['message']), new RegExp(`process ${process.pid}`));
    await assert.rejects(open(), { code: 'store.folder_in_use' });
    assert.equal((await first.messages.accept([row(1)]))[0]?.kind, 'fresh');
    await first.close();
    assert.deepEqual(await answerOf('open', join(folder, 'data')), { opened: true });
  });

  it('keeps everything acknowledged when it is killed, and the folder is free again at once', async () => {
    const child = spawn(process.execPath, [PROCESS, 'accept', join(folder, 'data')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      const { acknowledged: number } = JSON.parse(line) as { acknowledged?: string };
      if (number !== undefined) acknowledged.push(number);
      if (acknowledged.length === 300) child.kill('SIGKILL');
    }
    await ended(child);
    const later = await open();
    const found = new Set((await later.messages.unread('all', 0, 100_000)).map(({ number }) => number));
    assert.deepEqual(
      acknowledged.filter(number => !found.has(number)),
      [],
    );
    assert.ok(acknowledged.length >= 300);
  });

  it('reads its durability settings back after a query and refuses others', () => {
    mkdirSync(join(folder, 'data'));
    const db = openWriting(join(folder, 'data'), 'FULL');
    assert.equal(db.prepare('PRAGMA synchronous').get()?.['synchronous'], 2);
    assert.equal(db.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal');
    assert.equal(db.prepare('PRAGMA secure_delete').get()?.['secure_delete'], 1);
    assert.equal(db.prepare('PRAGMA wal_autocheckpoint').get()?.['wal_autocheckpoint'], 0);
    db.exec('PRAGMA synchronous = NORMAL');
    assert.throws(() => checkDurability(db, 'FULL'), { code: 'store.not_durable' });
    checkDurability(db, 'NORMAL');
    db.close();
  });

  it('refuses a store that a newer version made, in words', async () => {
    await (await open()).close();
    const db = new DatabaseSync(join(folder, 'data', 'huisu.db'));
    db.exec('INSERT INTO migrations VALUES (99, 0)');
    db.close();
    await assert.rejects(open(), { name: 'StoreUnavailable', code: 'store.newer_schema' });
  });

  it('commits what comes in one turn together', async () => {
    const opened = await open();
    await opened.admin.health();
    await Promise.all(Array.from({ length: 400 }, (_, place) => opened.messages.accept([row(place)])));
    const { commitSeconds } = await opened.admin.health();
    assert.ok(commitSeconds.length <= 3, `${commitSeconds.length} commits`);
    assert.equal((await opened.messages.counts()).total, 400);
  });

  it('waits a given time for more before it commits', async () => {
    const opened = await open({ groupCommitMs: 20 });
    await opened.admin.health();
    const all: Promise<unknown>[] = [];
    for (let place = 0; place < 5; place++) {
      all.push(opened.messages.accept([row(place)]));
      await new Promise(resolve => setImmediate(resolve));
    }
    await Promise.all(all);
    assert.equal((await opened.admin.health()).commitSeconds.length, 1);
  });

  it('lets one call that cannot be done fail alone, and the others of its commit stand', async () => {
    const opened = await open();
    const taken = { ...row('other'), number: row(1).number };
    const answers = await Promise.allSettled([
      opened.messages.accept([row(0), row(1)]),
      opened.messages.accept([row(2), taken]),
      opened.messages.accept([row(3)], { channel: 'mail', value: '3' }),
      opened.admin.audit({ by: 'system', action: 'x', on: [] }, 1),
    ]);
    assert.deepEqual(
      answers.map(answer => answer.status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    const numbers = (await opened.messages.unread('all', 0, 9)).map(({ number }) => number);
    assert.deepEqual(
      numbers,
      [0, 1, 3].map(place => row(place).number),
    );
    assert.deepEqual([(await opened.messages.counts()).total, await opened.admin.cursor('mail')], [3, '3']);
    assert.deepEqual(await opened.admin.auditVerify(), { records: 1, broken: null });
  });

  it('refuses with disk_full at its bound, writes nothing of what it refused, and goes on with what fits', async () => {
    const opened = await open({ maxBytes: 2 * 1024 * 1024 });
    const large = Array.from({ length: 40 }, (_, place) => row(`large ${place}`, 100_000));
    await assert.rejects(opened.messages.accept(large), { name: 'StoreUnavailable', code: 'store.disk_full' });
    assert.equal((await opened.messages.counts()).total, 0);
    assert.equal((await opened.messages.accept([row(1)]))[0]?.kind, 'fresh');
    assert.deepEqual(
      (await opened.messages.unread('all', 0, 9)).map(({ number }) => number),
      [row(1).number],
    );
  });

  it('stands a full disk: nothing acknowledged is lost, nothing refused is kept, and it goes on once there is room', async function () {
    const mount = join(folder, 'disk');
    mkdirSync(mount);
    const script = 'mount -t tmpfs -o size=12m tmpfs "$1" && mkdir "$1/data" && exec "$2" "$3" fill "$1/data"';
    if (spawnSync('unshare', ['-Urm', 'true']).status !== 0) {
      console.log('      not run here: a small disk cannot be mounted (unshare is missing or not allowed)');
      this.skip();
    }
    const child = spawn('unshare', ['-Urm', 'sh', '-c', script, 'sh', mount, process.execPath, PROCESS], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { refused, full, acknowledged, same, broken } = await lastLine(child);
    assert.deepEqual(refused, ['store.disk_full']);
    assert.ok(Number(full) > 500 && Number(acknowledged) >= Number(full) + 50);
    assert.deepEqual([same, broken], [true, null]);
  }).timeout(30_000);

  it('ends the process when the disk fails at a commit, and loses nothing acknowledged before', async function () {
    const strace = [
      '-f',
      '-o',
      join(folder, 'trace'),
      '-e',
      'trace=fdatasync,fsync',
      '-e',
      'inject=fdatasync,fsync:error=EIO:when=60+',
    ];
    if (spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0) {
      console.log('      not run here: strace is missing or not allowed');
      this.skip();
    }
    const child = spawn('strace', [...strace, process.execPath, PROCESS, 'accept', join(folder, 'data')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const acknowledged: string[] = [];
    let fatal: unknown = null;
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as { acknowledged?: string; fatal?: string };
      if (said.acknowledged !== undefined) acknowledged.push(said.acknowledged);
      fatal ??= said.fatal ?? null;
    }
    assert.equal(await ended(child), 70);
    assert.equal(fatal, 'store.broken');
    const found = new Set((await (await open()).messages.unread('all', 0, 100_000)).map(({ number }) => number));
    assert.ok(acknowledged.length > 0);
    assert.deepEqual(
      acknowledged.filter(number => !found.has(number)),
      [],
    );
  }).timeout(60_000);

  it('acknowledges nothing into a database that was moved away under it, and does not begin a new one in its place', async () => {
    const data = join(folder, 'data');
    for (const name of ['huisu.db', 'huisu.db-wal']) {
      const file = join(data, name);
      const away = join(folder, `${name}.away`);
      const child = spawn(process.execPath, [PROCESS, 'accept', data], { stdio: ['ignore', 'pipe', 'inherit'] });
      const acknowledged: string[] = [];
      let fatal: unknown = null;
      for await (const line of createInterface({ input: child.stdout })) {
        const said = JSON.parse(line) as { acknowledged?: string; fatal?: string };
        if (said.acknowledged !== undefined && acknowledged.push(said.acknowledged) === 50) renameSync(file, away);
        fatal ??= said.fatal ?? null;
      }
      assert.deepEqual([await ended(child), fatal], [70, 'store.moved'], name);
      if (name === 'huisu.db') assert.equal((await answerOf('open', data))['code'], 'store.database_missing');
      renameSync(away, file);
      const found = new Set((await (await open()).messages.unread('all', 0, 100_000)).map(({ number }) => number));
      assert.deepEqual(
        acknowledged.filter(number => !found.has(number)),
        [],
      );
      await store?.close();
      store = null;
      rmSync(data, { recursive: true });
    }
  }).timeout(60_000);

  it('finds any record of the audit chain that was changed, removed, swapped or slipped in', async () => {
    const opened = await open();
    for (let place = 1; place <= 6; place++) {
      await opened.admin.audit({ by: 'clerk', action: 'identity.read', on: [`n${place}`] }, place);
    }
    await opened.close();
    const tampering: [string, number][] = [
      ["UPDATE audit SET actor = 'other' WHERE seq = 3", 3],
      ['UPDATE audit SET at = at + 1 WHERE seq = 6', 6],
      ["UPDATE audit SET why = 'x' WHERE seq = 2", 2],
      ['DELETE FROM audit WHERE seq = 4', 4],
      ['DELETE FROM audit WHERE seq = 1', 1],
      [
        'UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 100',
        2,
      ],
      ['INSERT INTO audit SELECT 7, at, actor, action, things, why, mac FROM audit WHERE seq = 6', 7],
    ];
    for (const [sql, broken] of tampering) {
      const db = new DatabaseSync(join(folder, 'data', 'huisu.db'));
      db.exec(`CREATE TEMP TABLE kept AS SELECT * FROM audit; ${sql}`);
      const verified = await open();
      assert.deepEqual((await verified.admin.auditVerify()).broken, broken, sql);
      await verified.close();
      db.exec('DELETE FROM audit; INSERT INTO audit SELECT * FROM kept');
      db.close();
    }
    assert.deepEqual(await (await open()).admin.auditVerify(), { records: 6, broken: null });
    await store?.close();
    const other = await open({ auditKey: Buffer.alloc(32, 8) });
    assert.equal((await other.admin.auditVerify()).broken, 1);
  });

  it('serves another thread, which hears of what is accepted here and is heard of here', async () => {
    const opened = await open();
    const port = opened.connectPort();
    const worker = new Worker(join(import.meta.dirname, 'sqlite', 'client-thread.ts'), {
      workerData: { folder: join(folder, 'data'), port },
      transferList: [port],
    });
    await once(worker, 'message');
    const all = new Promise<void>(resolve => {
      worker.on('message', ({ decided: count }: { decided: number }) => count === 200 && resolve());
    });
    for (let place = 0; place < 200; place += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, more) => opened.messages.accept([row(place + more)])));
    }
    await all;
    assert.deepEqual((await opened.messages.counts()).byOutcome, { 'not-an-appeal': 200 });
    worker.postMessage('close');
    await once(worker, 'exit');
    assert.equal((await opened.messages.accept([row('last')]))[0]?.kind, 'fresh');
  });

  it('deletes the blocks of replaced segments behind the commits', async () => {
    const opened = await open();
    const blocks = Array.from({ length: 1000 }, (_, bucket) => ({ bucket, bytes: Buffer.alloc(100) }));
    await opened.candidates.writeBlocks('s1', blocks);
    await opened.candidates.publish({ id: 's1', tier: 0, first: 1, last: 2 }, [], Buffer.of());
    await opened.candidates.publish({ id: 's2', tier: 1, first: 1, last: 2 }, ['s1'], Buffer.of());
    const db = new DatabaseSync(join(folder, 'data', 'huisu.db'), { readOnly: true });
    const left = db.prepare(
      'SELECT (SELECT count(*) FROM blocks) AS blocks, (SELECT count(*) FROM segments) AS segments',
    );
    const deadline = Date.now() + 5000;
    while (left.get()?.['blocks'] !== 0 && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20));
    assert.deepEqual({ ...left.get() }, { blocks: 0, segments: 1 });
    db.close();
  });

  it('starts its log again and again, so that it stays bounded while writing never pauses', async () => {
    const opened = await open();
    for (let place = 0; place < 100; place++) {
      await opened.messages.accept(Array.from({ length: 20 }, (_, more) => row(place * 20 + more, 50_000)));
    }
    const log = statSync(join(folder, 'data', 'huisu.db-wal')).size;
    assert.ok(log < 96 * 1024 * 1024, `${log} bytes`);
  }).timeout(60_000);

  it('keeps its counters right through everything that moves them', async () => {
    const opened = await open();
    await decided(opened, [ticketOf('a', 'l'), ticketOf('b', 'l')]);
    const [claimed] = await opened.outbox.claim(NOW, 1, 1000);
    await opened.outbox.finish(claimed?.id ?? '', claimed?.token ?? '', { at: 1, caseNumber: null });
    await opened.close();
    const db = new DatabaseSync(join(folder, 'data', 'huisu.db'), { readOnly: true });
    const counted = db
      .prepare(
        `SELECT 'outbox.done' AS name, count(*) AS value FROM outbox WHERE state = 3
         UNION SELECT 'outbox.due', count(*) FROM outbox WHERE state = 0
         UNION SELECT 'messages.total', count(*) FROM messages
         UNION SELECT 'tickets.state:' || state, count(*) FROM tickets GROUP BY state
         UNION SELECT 'tickets.total', count(*) FROM tickets
         UNION SELECT 'messages.outcome:' || kind, count(*) FROM readings GROUP BY kind ORDER BY 1`,
      )
      .all();
    const kept = db.prepare('SELECT name, value FROM counters WHERE value <> 0 ORDER BY 1').all();
    db.close();
    assert.deepEqual(kept, counted);
  });
});

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

async function lastLine(child: ChildProcess): Promise<Record<string, unknown>> {
  let last = '{}';
  if (child.stdout !== null) for await (const line of createInterface({ input: child.stdout })) last = line;
  await ended(child);
  return JSON.parse(last) as Record<string, unknown>;
}

function answerOf(task: string, folder: string): Promise<Record<string, unknown>> {
  return lastLine(spawn(process.execPath, [PROCESS, task, folder], { stdio: ['ignore', 'pipe', 'inherit'] }));
}
