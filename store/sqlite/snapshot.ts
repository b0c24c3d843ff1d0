// A copy of a data folder of one moment: started here, made by a thread of its own; and reading such a copy.
import { Worker } from 'node:worker_threads';
import { createFileBlobs } from '../blobs.ts';
import { StoreUnavailable } from '../errors.ts';
import type { Snapshot, SnapshotReader, SnapshotWatch } from '../retention.ts';
import { verifyAudit } from './audit-chain.ts';
import { openReading } from './connection.ts';
import { ordinalOf } from './context.ts';
import { attachmentsOf, readMeta } from './reads/admin.ts';
import { countMessages, messagesAfter } from './reads/messages.ts';
import { countEntries } from './reads/outbox.ts';
import { countTickets, getTicket } from './reads/tickets.ts';
import { SCHEMA } from './schema.ts';
import { createStatements, one } from './statements.ts';
import { threadFile } from './thread-file.ts';

/** What the copying thread is started with. */
export interface SnapshotOptions {
  readonly folder: string;
  readonly target: string;
  /** One Int32; anything but 0 ends the copying. */
  readonly stop: SharedArrayBuffer;
}

export type FromSnapshot =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'done'; readonly snapshot: Snapshot }
  | { readonly kind: 'failed'; readonly message: string };

export const ENGINE = 'sqlite';

/** Rejects with `store.snapshot_failed`, and with the signal's reason where it was aborted. */
export function takeSnapshot(folder: string, target: string, { progress, signal }: SnapshotWatch): Promise<Snapshot> {
  return new Promise((resolve, reject) => {
    const stop = new SharedArrayBuffer(4);
    const workerData: SnapshotOptions = { folder, target, stop };
    const worker = new Worker(threadFile('snapshot-thread', import.meta.url), { workerData, name: 'huisu-snapshot' });
    const abort = () => Atomics.store(new Int32Array(stop), 0, 1);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    let ended: (() => void) | null = null;
    worker.on('message', (message: FromSnapshot) => {
      if (message.kind === 'progress') progress(message.done, message.total);
      else if (message.kind === 'done') ended = () => resolve(message.snapshot);
      else ended = () => reject(signal.aborted ? signal.reason : failed(message.message));
    });
    worker.on('error', error => reject(failed(error.message, error)));
    worker.on('exit', () => {
      signal.removeEventListener('abort', abort);
      if (ended === null) reject(failed('the copying thread ended'));
      else ended();
    });
  });
}

function failed(detail: string, cause?: unknown): StoreUnavailable {
  return new StoreUnavailable(
    'store.snapshot_failed',
    `数据复制失败，备份未完成：${detail} / Copying failed, the backup is not complete: ${detail}`,
    { cause },
  );
}

/** Throws `store.newer_schema` for a copy of a newer version. */
export function openSnapshot(folder: string): SnapshotReader {
  const db = openReading(folder, 16 * 1024);
  const sql = createStatements(db);
  const version = one<{ version: number }>(sql('SELECT max(version) AS version FROM migrations').get())?.version ?? 0;
  if (version > SCHEMA) {
    db.close();
    throw new StoreUnavailable(
      'store.newer_schema',
      `数据由更新的版本建立，请升级本软件。 / The data was written by a newer version, upgrade this software. (${version} > ${SCHEMA})`,
    );
  }
  return {
    schema: version,
    blobs: createFileBlobs(folder),
    integrity: () => {
      const answer = String(one<{ integrity_check: string }>(sql('PRAGMA integrity_check(1)').get())?.integrity_check);
      return answer === 'ok' ? null : answer;
    },
    counts: () => {
      const { total: messages } = countMessages(sql);
      const entries = countEntries(sql);
      const all = entries.due + entries.parked + entries.inFlight + entries.dead + entries.done + entries.void;
      return { messages, tickets: countTickets(sql).total, entries: all };
    },
    meta: name => readMeta(sql, name),
    messagesAfter: (ordinal, limit) => messagesAfter(sql, ordinal, limit),
    ticket: number => (ordinalOf(sql, number) === undefined ? null : getTicket(sql, number)),
    attachments: message => attachmentsOf(sql, message),
    verifyAudit: (auditKey, profile) => verifyAudit(sql, auditKey, profile === 'gm' ? 'sm3' : 'sha256'),
    close: () => db.close(),
  };
}

/** The database's own file inside a copy. */
export const DATABASE = 'huisu.db';
