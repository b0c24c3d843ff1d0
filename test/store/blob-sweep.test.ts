// Halves of files whose writers died are swept away, and nothing else is: not what is whole, not what is being written.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { createFileBlobs } from '../../store/blobs.ts';
import { type MongoStore, openMongoStore } from '../../store/mongo/engine.ts';
import { type FaultyLink, openFaultyLink } from '../servers/mongo-faults.ts';
import { type MongoDatabase, withMongo } from '../servers/mongo-suite.ts';

const HOUR = 3_600_000;
const WHOLE = 'aa'.repeat(32);
const BROKEN = 'bb'.repeat(32);
const bytes = randomBytes(600_000);

describe('files beside the embedded store', () => {
  it('lose the halves that a killed writer left, an hour after they were first seen', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'huisu-blobs-'));
    try {
      const blobs = createFileBlobs(folder);
      assert.equal(await blobs.sweep(0), 0);
      await blobs.put(WHOLE, bytes);
      const half = (name: string) => {
        mkdirSync(join(folder, 'blobs', name.slice(0, 2)), { recursive: true });
        writeFileSync(join(folder, 'blobs', name.slice(0, 2), `${name}.0123456789ab.tmp`), bytes.subarray(0, 1000));
      };
      half(BROKEN);
      assert.deepEqual([await blobs.sweep(0), await blobs.sweep(HOUR / 2)], [0, 0]);
      // Begun just before the look: it may be finished yet.
      half('cc'.repeat(32));
      assert.equal(await blobs.sweep(HOUR), 1);
      const left = readdirSync(join(folder, 'blobs'), { recursive: true, encoding: 'utf8' });
      assert.deepEqual(left.filter(name => name.endsWith('.tmp')).length, 1);
      assert.ok(bytes.equals((await blobs.get(WHOLE)) ?? new Uint8Array()));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

withMongo('files in MongoDB', server => {
  let database: MongoDatabase;
  let link: FaultyLink;
  let store: MongoStore;
  let plain: mongoose.Connection;
  const seen = (name: string, command: unknown) => database.onCommand(name, command);

  beforeEach(async () => {
    database = server.database(randomBytes(6).toString('hex'));
    link = await openFaultyLink(database.url);
    const own = { auditKey: Buffer.alloc(32, 7), profile: 'intl' as const, folder: tmpdir() };
    store = await openMongoStore({ ...own, url: link.url, onCommand: seen });
    plain = await mongoose.createConnection(database.url).asPromise();
    await store.blobs.put(WHOLE, bytes);
  });
  afterEach(async () => {
    await plain.close();
    await store.close();
    await link.close();
    await database.drop();
  });

  const pieces = async () => (await plain.collection('blobs.chunks').distinct('files_id')).length;

  /** Cuts the network at each command of the upload in turn, until one is met that leaves pieces and no file. */
  async function breakUpload(): Promise<void> {
    for (let at = 1; (await pieces()) < 2; at++) {
      assert.ok(at < 20, 'no command of an upload leaves pieces behind');
      link.arm('cut-before', at);
      await assert.rejects(store.blobs.put(BROKEN, bytes), { name: 'StoreUnavailable' });
    }
    link.arm(null);
    assert.equal(await store.blobs.get(BROKEN), null);
  }

  it('lose the pieces of an upload that was cut off, an hour after they were first seen, and may come again', async () => {
    await breakUpload();
    assert.deepEqual([await store.blobs.sweep(0), await store.blobs.sweep(HOUR / 2)], [0, 0]);
    await store.blobs.put(BROKEN, bytes);
    const seenAtFirst = await store.blobs.sweep(HOUR);
    assert.ok(seenAtFirst > 0);
    // What was cut off may have been under way already: the server takes such pieces whenever it comes to them.
    await store.blobs.sweep(2 * HOUR);
    assert.equal(await pieces(), 2);
    for (const name of [WHOLE, BROKEN]) assert.ok(bytes.equals((await store.blobs.get(name)) ?? new Uint8Array()));
    assert.equal(await store.blobs.sweep(3 * HOUR), 0);
  }).timeout(60_000);

  it('keep what another process was writing at one look and has finished by the next', async () => {
    const other = new mongoose.mongo.GridFSBucket(plain.db as never, { bucketName: 'blobs' });
    const upload = other.openUploadStream(BROKEN);
    upload.write(bytes.subarray(0, 300_000));
    while ((await pieces()) < 2) await new Promise(setImmediate);
    assert.equal(await store.blobs.sweep(0), 0);
    await new Promise<void>(done => upload.end(bytes.subarray(300_000), () => done()));
    assert.equal(await store.blobs.sweep(HOUR), 0);
    assert.ok(bytes.equals((await store.blobs.get(BROKEN)) ?? new Uint8Array()));
  }).timeout(60_000);
});
