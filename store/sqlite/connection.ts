// Opens connections to the database with the settings durability rests on, and tells its errors apart.
import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreUnavailable } from '../errors.ts';
import { createEmpty } from '../file-lock.ts';

export type Synchronous = 'FULL' | 'NORMAL';

/** Below this a defect of the write-ahead log can damage a database. */
const OLDEST_SQLITE = [3, 51, 3] as const;
const BUSY_MS = 5000;
const SYNCHRONOUS_VALUES: Readonly<Record<Synchronous, number>> = { FULL: 2, NORMAL: 1 };

function databaseFile(folder: string): string {
  return join(folder, 'huisu.db');
}

/** Makes the data folder (0700) and an empty database file (0600): log and shared memory files copy its mode. */
export function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!existsSync(databaseFile(folder)) && LEFT_BEHIND.some(name => isFile(join(folder, name)))) {
      throw databaseMissing(folder);
    }
    createEmpty(databaseFile(folder));
    accessSync(databaseFile(folder), constants.R_OK | constants.W_OK);
    if (process.platform === 'win32') return;
    const handle = openSync(folder, 'r');
    fsyncSync(handle);
    closeSync(handle);
  } catch (error) {
    throw error instanceof StoreUnavailable ? error : unusable(folder, error);
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Made behind the database only, so that where they are and it is not, it was taken away. */
const LEFT_BEHIND = ['lock.db', 'huisu.db-wal'];

/** A new and empty one in its place would know nothing of what was acknowledged. */
function databaseMissing(folder: string): StoreUnavailable {
  return new StoreUnavailable(
    'store.database_missing',
    `数据目录 ${folder} 里的数据库 huisu.db 不见了：请放回原处，或从备份恢复到新目录；原来用 MongoDB 的，请写上 store.url；确要从头开始，请先清空该目录。 / ` +
      `The database huisu.db of the data folder ${folder} is gone: put it back, or restore a backup into a new folder; set store.url if a MongoDB was used; to begin anew empty this folder first.`,
  );
}

/**
 * Tells whether the files that are written to are still those found under their names: what goes into one that was deleted,
 * moved or replaced is gone with the next start, though every write succeeds.
 */
export function watchFiles(folder: string): () => boolean {
  const files = [databaseFile(folder), `${databaseFile(folder)}-wal`];
  const idOf = (file: string): string => {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    return found === undefined ? 'gone' : `${found.dev} ${found.ino}`;
  };
  const opened = files.map(idOf);
  return () => files.every((file, place) => idOf(file) === opened[place]);
}

export const FILES_MOVED = {
  code: 'store.moved',
  message:
    '数据库文件在运行中被移走、删除或换掉：刚收到的没有应答，进程必须退出；请把原来的文件放回原处。 / ' +
    'The database was moved, deleted or replaced under the running gateway: nothing more is acknowledged and the process must end; put the files back.',
} as const;

/** The account has no rights there, another one has made the files, something else has the name, the disk is read-only. */
export function unusable(folder: string, cause: unknown): StoreUnavailable {
  const { code, errstr } = cause as { code?: string; errstr?: string };
  const reason = errstr ?? code ?? 'unknown';
  return new StoreUnavailable(
    'store.folder_unusable',
    `数据目录 ${folder} 不能使用（${reason}）：请检查路径，以及它和其中的文件是否归运行网关的账号所有、可写。 / ` +
      `The data folder ${folder} cannot be used (${reason}): check its path, and that it and its files belong to the gateway's account and may be written to.`,
    { cause },
  );
}

/** The one connection that writes. */
export function openWriting(folder: string, synchronous: Synchronous): DatabaseSync {
  const db = new DatabaseSync(databaseFile(folder), { timeout: BUSY_MS });
  checkVersion(db);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${synchronous};
    PRAGMA fullfsync = ON;
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -24576;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 67108864;
  `);
  checkDurability(db, synchronous);
  return db;
}

/** A connection that moves the log into the database. */
export function openCheckpointing(folder: string): DatabaseSync {
  const db = new DatabaseSync(databaseFile(folder), { timeout: BUSY_MS });
  db.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -2048;
    PRAGMA temp_store = MEMORY;
  `);
  return db;
}

export function openReading(folder: string, cacheKilobytes: number): DatabaseSync {
  const db = new DatabaseSync(databaseFile(folder), { readOnly: true, timeout: BUSY_MS });
  db.exec(`PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${cacheKilobytes};`);
  return db;
}

function checkVersion(db: DatabaseSync): void {
  const version = String(db.prepare('SELECT sqlite_version() AS version').get()?.['version']);
  const parts = version.split('.').map(Number);
  for (const [place, least] of OLDEST_SQLITE.entries()) {
    const part = parts[place] ?? 0;
    if (part > least) return;
    if (part < least) {
      const needed = OLDEST_SQLITE.join('.');
      throw new StoreUnavailable(
        'store.sqlite_too_old',
        `Node 自带的 SQLite ${version} 过旧，需要 ${needed} 以上：请改用随本软件安装的 Node 24。 / ` +
          `The SQLite ${version} of this Node is too old, ${needed} is needed: use the Node 24 that is installed with this software.`,
      );
    }
  }
}

/** Reads the settings back after a query: right after WAL is set the pragma may print a value that is not yet in force. */
export function checkDurability(db: DatabaseSync, synchronous: Synchronous): void {
  db.prepare('SELECT count(*) FROM sqlite_schema').get();
  const live = {
    journal_mode: db.prepare('PRAGMA journal_mode').get()?.['journal_mode'],
    synchronous: db.prepare('PRAGMA synchronous').get()?.['synchronous'],
    secure_delete: db.prepare('PRAGMA secure_delete').get()?.['secure_delete'],
  };
  if (live.journal_mode === 'wal' && live.synchronous === SYNCHRONOUS_VALUES[synchronous] && live.secure_delete === 1)
    return;
  throw new StoreUnavailable(
    'store.not_durable',
    `数据库未能启用 WAL 与 synchronous=${synchronous}（当前 ${JSON.stringify(live)}），该磁盘不能保证已确认的来件不丢。 / ` +
      `The database does not run in WAL with synchronous=${synchronous} (found ${JSON.stringify(live)}), so this disk cannot keep what is acknowledged.`,
  );
}

const SQLITE_BUSY = 5;
const SQLITE_NOMEM = 7;
const SQLITE_FULL = 13;
const SQLITE_CONSTRAINT = 19;
/** READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL, NOTADB: nobody knows what reached the disk. */
const FATAL = new Set([8, 10, 11, 14, 15, 26]);

export interface Failure {
  readonly code: string;
  readonly message: string;
  /** The process must end: what is on the disk is not known. */
  readonly fatal: boolean;
  /** The whole transaction is gone, not only the statement. */
  readonly whole: boolean;
}

/** What an error of the engine means. The text carries no values, since those may be personal. */
export function failureOf(error: unknown): Failure {
  const { errcode, errstr, message } = error as { errcode?: number; errstr?: string; message?: string };
  if (errcode === undefined)
    return { code: 'store.defect', message: String(message ?? error), fatal: false, whole: false };
  const primary = errcode & 0xff;
  const detail = `SQLite ${errcode}: ${errstr ?? 'error'}`;
  if (primary === SQLITE_FULL) {
    return {
      code: 'store.disk_full',
      message: `磁盘已满，未写入；腾出空间后自动恢复。 / The disk is full, nothing was written; it goes on once there is space. (${detail})`,
      fatal: false,
      whole: true,
    };
  }
  if (FATAL.has(primary)) {
    return {
      code: 'store.broken',
      message: `读写数据库出错，进程必须退出重启。 / The database cannot be read or written, the process must end and start again. (${detail})`,
      fatal: true,
      whole: true,
    };
  }
  const code = codeOf(primary);
  return { code, message: detail, fatal: false, whole: primary === SQLITE_BUSY || primary === SQLITE_NOMEM };
}

function codeOf(primary: number): string {
  if (primary === SQLITE_BUSY) return 'store.busy';
  if (primary === SQLITE_NOMEM) return 'store.out_of_memory';
  return primary === SQLITE_CONSTRAINT ? 'store.constraint' : 'store.defect';
}
