// Large sealed bytes in GridFS, so that every process of a city has them wherever it runs: whole once the file's own document
// is there, which is written last.

import type mongoose from 'mongoose';
import type { Connection } from 'mongoose';
import type { BlobStore } from '../blob-store.ts';
import { StoreUnavailable } from '../errors.ts';
import { createLeftovers } from '../leftovers.ts';

const NAME = /^[0-9a-f]{64}$/;
type Bucket = InstanceType<typeof mongoose.mongo.GridFSBucket>;

export interface GridBlobs extends BlobStore {
  /** Names and sizes of all blobs, each once. */
  names(): AsyncGenerator<{ readonly name: string; readonly length: number }>;
}

export function createGridBlobs(connection: Connection, mongo: typeof mongoose.mongo): GridBlobs {
  const { db } = connection;
  if (db === undefined) throw new StoreUnavailable('store.mongo_unreachable', 'no database');
  const bucket: Bucket = new mongo.GridFSBucket(db, { bucketName: 'blobs' });

  const sweep = createSweep(db.collection('blobs.files'), db.collection('blobs.chunks'), mongo);
  const find = async (filename: string) => {
    if (!NAME.test(filename)) {
      throw new StoreUnavailable('store.blob_name', 'a blob is named by 64 lower-case hex digits');
    }
    return bucket.find({ filename }).sort({ uploadDate: 1 }).toArray();
  };

  return {
    // Two that put the same name at once both write it: the bytes are the same message's, and both go when it is removed.
    put: async (name, sealed) => {
      if ((await find(name)).length > 0) return;
      const upload = bucket.openUploadStream(name);
      const done = new Promise<void>((resolve, reject) => {
        upload.once('finish', () => resolve());
        upload.once('error', reject);
      });
      upload.end(Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength));
      await done;
    },
    get: async name => {
      const [file] = await find(name);
      if (file === undefined) return null;
      const chunks: Buffer[] = [];
      for await (const chunk of bucket.openDownloadStream(file._id)) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    },
    remove: async name => {
      for (const { _id } of await find(name)) await bucket.delete(_id);
    },
    sweep,
    async *names() {
      let last = '';
      for await (const { filename, length } of bucket.find({}).sort({ filename: 1 })) {
        if (filename !== last) yield { name: filename, length };
        last = filename;
      }
    },
  };
}

/** Pieces that one look goes through, and how many are asked for at a time. */
const PIECES = 20_000;
const AT_ONCE = 500;

type Driver = typeof mongoose.mongo;
type FileId = InstanceType<Driver['ObjectId']>;
type Collection = ReturnType<NonNullable<Connection['db']>['collection']>;

/** Pieces are written before their file's own document, and removed after it: whoever dies in between leaves pieces of nothing. */
function createSweep(files: Collection, pieces: Collection, mongo: Driver): BlobStore['sweep'] {
  const leftovers = createLeftovers();
  let place: FileId | null = null;

  async function withoutFile(ids: readonly FileId[]): Promise<readonly string[]> {
    const found = await files.find({ _id: { $in: [...ids] } }, { projection: { _id: 1 } }).toArray();
    const whole = new Set(found.map(file => String(file._id)));
    return ids.map(String).filter(id => !whole.has(id));
  }

  async function removeLong(elapsed: number): Promise<number> {
    let removed = 0;
    for (const id of leftovers.take(elapsed).map(hex => mongo.ObjectId.createFromHexString(hex))) {
      if ((await withoutFile([id])).length === 0) continue;
      await pieces.deleteMany({ files_id: id });
      removed++;
    }
    return removed;
  }

  return async elapsed => {
    const removed = await removeLong(elapsed);
    for (let looked = 0; looked < PIECES; looked += AT_ONCE) {
      const page: { readonly files_id: FileId }[] = await pieces
        .find<{ readonly files_id: FileId }>(place === null ? {} : { files_id: { $gt: place } }, {
          projection: { _id: 0, files_id: 1 },
        })
        .sort({ files_id: 1 })
        .limit(AT_ONCE)
        .toArray();
      const ids = new Map(page.map(({ files_id }) => [String(files_id), files_id]));
      if (ids.size > 0) leftovers.seen(await withoutFile([...ids.values()]), elapsed);
      place = page.length < AT_ONCE ? null : (page.at(-1)?.files_id ?? null);
      if (place === null) break;
    }
    return removed;
  };
}
