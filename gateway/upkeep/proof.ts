// Reads a copy back: every file's hash, the database's own check, the audit chain, and what is sealed opened with the keys.
import { Worker } from 'node:worker_threads';
import type { RingData } from '../../store/key-ring.ts';
import type { SnapshotFile } from '../../store/retention.ts';
import { DeskError } from '../desk/desk-error.ts';
import { workerUrl } from '../worker-url.ts';

/** What the reading thread is started with. */
export interface ProofStart {
  readonly folder: string;
  readonly engine: string;
  readonly files: readonly SnapshotFile[];
  /** Keys `content`, `identity` and `audit`; null: only what can be seen without keys is checked. */
  readonly ring: RingData | null;
  /** Opens each n-th message; null: so many apart that about 50,000 are opened. */
  readonly every: number | null;
}

export interface ProofReport {
  readonly files: number;
  readonly messages: number;
  readonly tickets: number;
  readonly entries: number;
  /** Messages that were opened with the keys; 0 without keys. */
  readonly opened: number;
  /** Messages whose original was shredded or erased on purpose, among those looked at. */
  readonly shredded: number;
  /** Records of the audit chain; null without keys. */
  readonly auditRecords: number | null;
  /** Check values of the keys that the store was made with. */
  readonly keys: Readonly<Record<string, string>>;
  /** What is wrong, the first few; none when the copy is whole. */
  readonly faults: readonly ProofFault[];
}

export interface ProofFault {
  readonly kind: 'hash' | 'missing' | 'integrity' | 'audit' | 'content' | 'identity' | 'blob';
  /** A file's name, a message's number, or a sequence number. */
  readonly at: string;
}

export type FromProof =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'done'; readonly report: ProofReport }
  | { readonly kind: 'newer' };

/** Runs in a thread of its own, since opening takes long. @throws DeskError `backup.newer`, `backup.no_engine` */
export function prove(
  start: ProofStart,
  progress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<ProofReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl('./proof-thread', import.meta.url), { workerData: start, name: 'proof' });
    const abort = () => void worker.terminate().then(() => reject(signal.reason as Error));
    signal.addEventListener('abort', abort, { once: true });
    worker.on('message', (message: FromProof) => {
      if (message.kind === 'progress') return progress(message.done, message.total);
      signal.removeEventListener('abort', abort);
      if (message.kind === 'newer') reject(new DeskError('backup.newer'));
      else resolve(message.report);
    });
    worker.on('error', error => {
      signal.removeEventListener('abort', abort);
      reject(error);
    });
    if (signal.aborted) abort();
  });
}
