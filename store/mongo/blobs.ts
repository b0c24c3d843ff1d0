// Large sealed bytes in GridFS, so that every process of a city has them wherever it runs: whole once the file's own document
// is there, which is written last.

import type mongoose from 'mongoose';
import type { Connection } from 'mongoose';
import { StoreUnavailable } from '../errors.ts';
import type { BlobStore } from '../store.ts';

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
    async *names() {
      let last = '';
      for await (const { filename, length } of bucket.find({}).sort({ filename: 1 })) {
        if (filename !== last) yield { name: filename, length };
        last = filename;
      }
    },
  };
}
