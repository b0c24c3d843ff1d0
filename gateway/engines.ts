// The only file that knows which store engine runs: opened by the composition, and once more in the decider thread.
// What speaks to MongoDB is loaded where it is used: it takes 50 MB of every thread that has it.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import type { MongoStoreOptions } from '../store/mongo/engine.ts';
import type { SnapshotReader } from '../store/retention.ts';
import { openSqliteClient } from '../store/sqlite/client.ts';
import { openSqliteStore } from '../store/sqlite/engine.ts';
import { lockFolder } from '../store/sqlite/lock.ts';
import { ENGINE, openSnapshot } from '../store/sqlite/snapshot.ts';
import type { Store } from '../store/store.ts';
import { createWhole } from '../store/whole-file.ts';

export interface EngineOptions {
  /** Addresses of a MongoDB; null: SQLite in the folder. */
  readonly mongo?: { readonly url: string; readonly identityUrl: string | null } | null;
  readonly folder: string;
  readonly auditKey: Buffer;
  readonly profile: 'intl' | 'gm';
  readonly groupCommitMs: number;
  /** An I/O error at a commit: nobody knows what reached the disk, the process must end. */
  onFatal(error: Error): void;
}

/** How another thread of this process reaches the same store; sent to it by structured clone, `transfer` beside it. */
export type StoreAddress =
  | { readonly engine: 'sqlite'; readonly folder: string; readonly port: MessagePort }
  | { readonly engine: 'mongo'; readonly options: Omit<MongoStoreOptions, 'onCommand'> };

export interface OpenedStore {
  readonly store: Store;
  /** A new address for one thread. */
  address(): { readonly address: StoreAddress; readonly transfer: readonly MessagePort[] };
}

export async function openStore(options: EngineOptions): Promise<OpenedStore> {
  if (options.mongo) return openMongo(options, options.mongo);
  const store = await openSqliteStore(options);
  return {
    store,
    address() {
      const port = store.connectPort();
      return { address: { engine: 'sqlite', folder: options.folder, port }, transfer: [port] };
    },
  };
}

/** The data folder is one process's on this engine too: by it a restart is told from another process. */
async function openMongo(
  { folder, auditKey, profile }: EngineOptions,
  mongo: NonNullable<EngineOptions['mongo']>,
): Promise<OpenedStore> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = lockFolder(folder);
  try {
    const { openMongoStore } = await import('../store/mongo/engine.ts');
    const own = { ...mongo, auditKey, profile, folder, holder: holderOf(folder), shared: true };
    const store = await openMongoStore(own);
    const close = async () => {
      await store.close();
      lock.release();
    };
    return {
      store: { ...store, close },
      address() {
        const port = store.connectPort();
        return { address: { engine: 'mongo', options: { ...own, port, first: false } }, transfer: [port] };
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A name that this folder's process keeps over restarts: what it held when it died is its own, and nobody else's of that name. */
function holderOf(folder: string): string {
  const file = join(folder, 'holder');
  // An empty one, as a power cut may have left it, would be the name of every such folder of this host.
  if (existsSync(file) && readFileSync(file, 'utf8').trim() === '') rmSync(file);
  if (!existsSync(file)) createWhole(file, Buffer.from(`${randomUUID()}\n`), 0o600);
  // The host as well, since whole machines are copied.
  return `${hostname()}:${readFileSync(file, 'utf8').trim()}`;
}

export async function openStoreAt(address: StoreAddress): Promise<Store> {
  if (address.engine === 'sqlite') return openSqliteClient({ folder: address.folder, port: address.port });
  const { openMongoStore } = await import('../store/mongo/engine.ts');
  return openMongoStore(address.options);
}

/** Reads a copy that `admin.snapshot` made; null for one of an engine that this version does not have. */
export async function openCopy(engine: string, folder: string): Promise<SnapshotReader | null> {
  if (engine === ENGINE) return openSnapshot(folder);
  const { ENGINE: MONGO } = await import('../store/mongo/snapshot.ts');
  if (engine !== MONGO) return null;
  const { openMongoSnapshot } = await import('../store/mongo/snapshot-reader.ts');
  return openMongoSnapshot(folder);
}
