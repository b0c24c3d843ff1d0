// The only file that knows which store engine runs: opened by the composition, and once more in the decider thread.
import type { MessagePort } from 'node:worker_threads';
import type { SnapshotReader } from '../store/retention.ts';
import { openSqliteClient } from '../store/sqlite/client.ts';
import { openSqliteStore } from '../store/sqlite/engine.ts';
import { ENGINE, openSnapshot } from '../store/sqlite/snapshot.ts';
import type { Store } from '../store/store.ts';

export interface EngineOptions {
  readonly folder: string;
  readonly auditKey: Buffer;
  readonly profile: 'intl' | 'gm';
  readonly groupCommitMs: number;
  /** An I/O error at a commit: nobody knows what reached the disk, the process must end. */
  onFatal(error: Error): void;
}

/** How another thread of this process reaches the same store; sent to it by structured clone, `transfer` beside it. */
export interface StoreAddress {
  readonly engine: 'sqlite';
  readonly folder: string;
  readonly port: MessagePort;
}

export interface OpenedStore {
  readonly store: Store;
  /** A new address for one thread. */
  address(): { readonly address: StoreAddress; readonly transfer: readonly MessagePort[] };
}

export async function openStore(options: EngineOptions): Promise<OpenedStore> {
  const store = await openSqliteStore(options);
  return {
    store,
    address() {
      const port = store.connectPort();
      return { address: { engine: 'sqlite', folder: options.folder, port }, transfer: [port] };
    },
  };
}

export async function openStoreAt(address: StoreAddress): Promise<Store> {
  return openSqliteClient({ folder: address.folder, port: address.port });
}

/** Reads a copy that `admin.snapshot` made; null for one of an engine that this version does not have. */
export function openCopy(engine: string, folder: string): SnapshotReader | null {
  return engine === ENGINE ? openSnapshot(folder) : null;
}
