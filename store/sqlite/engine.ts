// Opens the embedded store: takes the folder, starts the writing and the background thread, puts the port together.
import { once } from 'node:events';
import { MessageChannel, type MessagePort, type TransferListItem, Worker } from 'node:worker_threads';
import { StoreUnavailable } from '../errors.ts';
import type { Profile } from '../key-ring.ts';
import type { Store } from '../store.ts';
import { type AskLong, createStore } from './client.ts';
import { openReading, prepareFolder, type Synchronous } from './connection.ts';
import { type FolderLock, lockFolder } from './lock.ts';
import type {
  BackgroundOptions,
  CallAnswer,
  FromBackground,
  WriterOptions,
  WriterOrder,
  WriterReport,
} from './protocol.ts';
import { threadFile } from './thread-file.ts';
import { createWriteClient } from './write-client.ts';

export interface SqliteStoreOptions {
  /** Data folder; made with mode 0700 where it is not there. */
  readonly folder: string;
  /** Key of the audit chain; only the threads that write and verify it get it. */
  readonly auditKey: Uint8Array;
  readonly profile: Profile;
  /** Default FULL. NORMAL loses acknowledged messages at a power cut and is there to show just that. */
  readonly synchronous?: Synchronous | undefined;
  /** Milliseconds to gather writes before a commit while none is under way; default 0, the end of the loop's turn. */
  readonly groupCommitMs?: number | undefined;
  /** Page cache of this thread's reading connection; default 8 MB. */
  readonly cacheBytes?: number | undefined;
  /** Upper bound of the database file, where the disk is shared with others; at the bound it counts as full. */
  readonly maxBytes?: number | undefined;
  /** Nobody knows what reached the disk: the process must end (exit code 70) and start again. Without it the error is thrown. */
  readonly onFatal?: ((error: StoreUnavailable) => void) | undefined;
}

export interface SqliteStore extends Store {
  /** A port for `openSqliteClient` in another thread of this process; transfer it there. */
  connectPort(): MessagePort;
}

const CACHE_BYTES = 8 * 1024 * 1024;
/** Megabytes for young objects of a thread that mostly runs statements. */
const YOUNG_MB = 12;

/** Rejects with `StoreUnavailable`: `store.database_missing`, `store.folder_in_use`, `store.folder_unusable`, `store.not_durable`, `store.sqlite_too_old`, `store.newer_schema`. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { folder } = options;
  prepareFolder(folder);
  const lock = lockFolder(folder);
  try {
    return await openLocked(options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openLocked(options: SqliteStoreOptions, lock: FolderLock): Promise<SqliteStore> {
  const { folder } = options;
  let fatal: StoreUnavailable | null = null;
  let closing = false;
  const fail = (error: StoreUnavailable): void => {
    if (fatal !== null || closing) return;
    fatal = error;
    if (options.onFatal === undefined) throw error;
    options.onFatal(error);
  };

  const writer = await startWriter(options);
  const background = await startBackground(options, writer, fail).catch(async error => {
    await stop(writer, worker => order(worker, { kind: 'close' }));
    throw error;
  });
  watch(writer, 'writer', fail);
  watch(background.worker, 'background', fail);
  const writes = createWriteClient(connect(writer), { windowMs: options.groupCommitMs ?? 0, onFatal: fail });
  const reading = openReading(folder, Math.ceil((options.cacheBytes ?? CACHE_BYTES) / 1024));

  const close = async (): Promise<void> => {
    if (closing) return;
    await writes.close();
    closing = true;
    await stop(background.worker, worker => worker.postMessage({ kind: 'close' }));
    // The writer closes last: the connection that does removes the log.
    reading.close();
    await stop(writer, worker => order(worker, { kind: 'close' }));
    lock.release();
  };
  const store = createStore({ folder, reading, writes, ask: background.ask, close });
  return { ...store, connectPort: () => connect(writer) };
}

async function startWriter(options: SqliteStoreOptions): Promise<Worker> {
  const workerData: WriterOptions = {
    folder: options.folder,
    auditKey: Uint8Array.from(options.auditKey),
    hash: hashOf(options.profile),
    synchronous: options.synchronous ?? 'FULL',
    maxBytes: options.maxBytes ?? null,
    now: Date.now(),
  };
  const worker = new Worker(threadFile('writer', import.meta.url), {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    name: 'huisu-writer',
  });
  const [report] = (await once(worker, 'message')) as [WriterReport];
  if (report.kind === 'ready') return worker;
  await stop(worker, () => undefined);
  throw new StoreUnavailable(report.code, report.message);
}

function hashOf(profile: Profile): 'sha256' | 'sm3' {
  return profile === 'gm' ? 'sm3' : 'sha256';
}

function order(worker: Worker, message: WriterOrder, transfer: TransferListItem[] = []): void {
  worker.postMessage(message, transfer);
}

/** A channel to the writer; answers this side's end. */
function connect(writer: Worker): MessagePort {
  const { port1, port2 } = new MessageChannel();
  order(writer, { kind: 'connect', port: port1 }, [port1]);
  return port2;
}

interface Background {
  readonly worker: Worker;
  readonly ask: AskLong;
}

async function startBackground(
  options: SqliteStoreOptions,
  writer: Worker,
  fail: (error: StoreUnavailable) => void,
): Promise<Background> {
  const { port1, port2 } = new MessageChannel();
  order(writer, { kind: 'checkpoints', port: port1 }, [port1]);
  const workerData: BackgroundOptions = {
    folder: options.folder,
    auditKey: Uint8Array.from(options.auditKey),
    hash: hashOf(options.profile),
    writer: port2,
  };
  const worker = new Worker(threadFile('background', import.meta.url), {
    workerData,
    transferList: [port2],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    name: 'huisu-background',
  });
  await once(worker, 'message');
  return { worker, ask: asker(worker, fail) };
}

function asker(worker: Worker, fail: (error: StoreUnavailable) => void): AskLong {
  const asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: StoreUnavailable) => void }>();
  let next = 0;
  let gone = false;
  worker.on('message', (message: FromBackground) => {
    if (message.kind === 'fatal') return fail(new StoreUnavailable(message.code, message.message));
    if (message.kind !== 'answer') return;
    const waiting = asked.get(message.id);
    asked.delete(message.id);
    const answer: CallAnswer = message.answer;
    if ('failed' in answer) waiting?.reject(new StoreUnavailable(answer.failed.code, answer.failed.message));
    else waiting?.resolve(answer.value);
  });
  worker.on('exit', () => {
    gone = true;
    for (const { reject } of asked.values()) reject(closed());
    asked.clear();
  });
  return (name, ...args) =>
    new Promise((resolve, reject) => {
      if (gone) return reject(closed());
      const id = next++;
      asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
      worker.postMessage({ kind: 'read', id, name, args });
    });
}

function closed(): StoreUnavailable {
  return new StoreUnavailable('store.closed', '存储已关闭。 / The store is closed.');
}

/** A thread that ends by itself has met a defect; the store cannot go on without it. */
function watch(worker: Worker, name: string, fail: (error: StoreUnavailable) => void): void {
  const gone = (cause?: unknown): void =>
    fail(
      new StoreUnavailable(
        'store.thread_gone',
        `存储线程 ${name} 意外退出。 / The store's ${name} thread ended unexpectedly.`,
        { cause },
      ),
    );
  worker.on('error', gone);
  worker.on('exit', () => gone());
}

async function stop(worker: Worker, tell: (worker: Worker) => void): Promise<void> {
  if (worker.threadId === -1) return;
  const ended = once(worker, 'exit');
  tell(worker);
  await ended;
}
