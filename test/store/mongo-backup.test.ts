// A backup of the MongoDB engine is read back with the keys, goes into another database, and is the same there row by row.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeBackup } from '../../gateway/upkeep/backup.ts';
import { type MoveOrder, moveStore } from '../../gateway/upkeep/move.ts';
import { type MongoRestoreOrder, restoreToMongo } from '../../gateway/upkeep/restore-mongo.ts';
import { createDevelopmentKeys, type KeyRing, loadKeyRing, macKey, saveKeyRing } from '../../store/key-ring.ts';
import { connectMongo } from '../../store/mongo/connection.ts';
import { openMongoStore } from '../../store/mongo/engine.ts';
import { runGateway } from '../gateway/running.ts';
import { openFaultyLink } from '../servers/mongo-faults.ts';
import { type MongoDatabase, withMongo } from '../servers/mongo-suite.ts';

const ENTRY = resolve(import.meta.dirname, '../../gateway/main.ts');
const APPEALS = ['路灯坏了三天，东昌区新华大街晚上很黑', '小区供热不足，室内只有十五度', '楼下垃圾无人清运，气味很大'];

withMongo('backups of MongoDB', server => {
  let place: string;
  let ring: KeyRing;
  const used: MongoDatabase[] = [];
  const fresh = () => {
    const database = server.database(randomBytes(6).toString('hex'));
    used.push(database);
    return database;
  };
  const signal = new AbortController().signal;
  const quiet = { by: 'tester', now: Date.now(), signal, progress: () => undefined };
  const open = (url: string, identityUrl: string | null = null) =>
    openMongoStore({ url, identityUrl, auditKey: Buffer.from(macKey(ring, 'audit')), profile: ring.profile });

  before(function () {
    this.timeout(60_000);
    place = mkdtempSync(join(tmpdir(), 'huisu-mongo-backup-'));
  });
  after(async () => {
    rmSync(place, { recursive: true, force: true });
    for (const database of used) await database.drop();
  });

  /** A move that was cut off within one large step, of which a cluster has taken what came later, goes on in small ones. */
  async function movedInSmallerSteps(order: MoveOrder): Promise<void> {
    const cut = new AbortController();
    const progress = (stage: string) => stage === 'moving' && cut.abort(new Error('cut off'));
    await assert.rejects(moveStore({ ...order, rows: 100, signal: cut.signal, progress }), /cut off/);
    const { models, connection } = await connectMongo({ url: order.url });
    assert.equal((await models.messages.deleteOne({ ordinal: 2 })).deletedCount, 1);
    await connection.close();
    assert.equal((await moveStore({ ...order, rows: 1 })).messages, 6);
  }

  /** A restore whose process is killed when it inserts for the n-th time; false where it came to its end before. */
  async function killedRestore(order: MongoRestoreOrder, at: number): Promise<boolean> {
    const keys = join(place, 'keys.json');
    if (!existsSync(keys)) saveKeyRing(keys, ring);
    let inserts = 0;
    let kill = (): unknown => undefined;
    const link = await openFaultyLink(order.url, name => name === 'insert' && ++inserts === at && kill());
    try {
      const args = [order.backup, '--url', link.url, '--keys', keys];
      const apart = order.identityUrl === null ? [] : ['--identity-url', order.identityUrl];
      const child = spawn(process.execPath, [ENTRY, 'restore', ...args, ...apart], { cwd: place });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      kill = () => child.kill('SIGKILL');
      const [code, signal] = await once(child, 'close');
      if (signal === null) assert.equal(code, 0, `at insert ${at}: ${said}`);
      return signal === 'SIGKILL';
    } finally {
      await link.close();
    }
  }

  it('are whole, and restored the same although they were killed at each step, with identities apart too; a damaged one and a used database are refused', async function () {
    this.timeout(240_000);
    const running = await runGateway();
    for (const content of [...APPEALS, ...APPEALS]) await running.appeal(content, { phone: '13900001111' });
    await running.gateway.close(5000);
    ring = loadKeyRing({ file: join(running.folder, 'keys.json') });
    const first = fresh();
    const move = { ...quiet, folder: join(running.folder, 'data'), url: first.url, identityUrl: null, rows: 3 };
    const otherKeys = createDevelopmentKeys(join(place, 'other.json'));
    await assert.rejects(moveStore({ ...move, ring: otherKeys }), { code: 'keys.missing' });
    const untouched = await open(first.url);
    assert.equal((await untouched.messages.counts()).total, 0);
    await untouched.close();
    await first.drop();
    await moveStore({ ...move, ring });
    await movedInSmallerSteps({ ...move, ring, url: fresh().url });
    rmSync(running.folder, { recursive: true, force: true });

    const store = await open(first.url);
    const target = join(place, 'backup');
    const parts = { store, ring: async () => ring, dataFolder: join(place, 'data'), now: Date.now };
    const { manifest, proof } = await makeBackup(parts, { ...quiet, target, keysTo: null, every: 1 });
    assert.deepEqual([manifest.engine, proof.messages, proof.opened, proof.faults.length], ['mongo', 6, 6, 0]);
    const counts = [await store.messages.counts(), await store.tickets.counts(), await store.outbox.counts()];
    const [ticket] = await store.tickets.list({ limit: 1 });
    await store.close();

    for (const identity of [null, fresh().url]) {
      const second = fresh();
      const order = { ...quiet, backup: target, ring, every: 1, url: second.url, identityUrl: identity };
      let kills = 0;
      while (await killedRestore(order, kills + 1)) kills++;
      assert.ok(kills > 3, `killed ${kills} times only`);
      const again = await open(second.url, identity);
      assert.deepEqual(
        [await again.messages.counts(), await again.tickets.counts(), await again.outbox.counts()],
        counts,
      );
      const restored = await again.tickets.get(ticket?.number ?? '');
      assert.deepEqual(Buffer.from(restored?.identity ?? []), Buffer.from(ticket?.identity ?? []));
      assert.equal((await again.admin.auditVerify()).broken, null);
      assert.equal((await again.admin.auditList(0, 1000)).at(-1)?.action, 'backup.restored');
      await again.close();
      await assert.rejects(restoreToMongo(order), { code: 'store.move_not_empty' });
    }
    appendFileSync(join(target, 'messages.bson'), 'x');
    await assert.rejects(
      restoreToMongo({ ...quiet, backup: target, ring, every: 1, url: fresh().url, identityUrl: null }),
      { code: 'backup.not_whole' },
    );
  });
});
