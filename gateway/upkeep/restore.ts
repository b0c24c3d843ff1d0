// 恢复: puts a backup into a new data folder and proves it there; nothing that exists is touched.
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exportRing, type KeyRing, macKey, verifyKeyCheck } from '../../store/key-ring.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { openStore } from '../engines.ts';
import { isTaken } from './backup.ts';
import { type BackupContents, type Manifest, readBackup } from './manifest.ts';
import { makePartial } from './partial.ts';
import { type ProofReport, prove } from './proof.ts';

export interface RestoreOrder {
  readonly backup: string;
  /** The new data folder: not there yet, or empty. */
  readonly data: string;
  /** null: the keys are not at hand, so only hashes and the database's own check are proven. */
  readonly ring: KeyRing | null;
  readonly every: number | null;
  readonly by: string;
  readonly now: number;
  readonly signal: AbortSignal;
  progress(stage: 'copying' | 'proving', done: number, total: number): void;
}

export interface RestoreResult {
  readonly manifest: Manifest;
  readonly proof: ProofReport;
}

/** @throws DeskError `backup.*` or `restore.*`, `KeyError`; then the new folder is as it was */
export async function restoreBackup(order: RestoreOrder): Promise<RestoreResult> {
  const { backup, data, ring, every, signal } = order;
  if (isTaken(data)) throw new DeskError('restore.not_empty', { folder: data }, EXIT.usage);
  const contents = readBackup(backup);
  const { manifest, files } = contents;
  if (ring !== null) verifyKeyCheck(manifest.keys, ring);
  const partial = makePartial(data);
  try {
    await copy(contents, order, partial);
    const keys = ring === null ? null : exportRing(ring, ['content', 'identity', 'audit']);
    const proving = (done: number, total: number) => order.progress('proving', done, total);
    const proof = await prove({ folder: partial, engine: manifest.engine, files, ring: keys, every }, proving, signal);
    checkProof(manifest, proof, ring !== null);
    rmSync(data, { recursive: true, force: true });
    renameSync(partial, data);
    if (ring !== null) await record(order, ring);
    return { manifest, proof };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Not in one go: a signal is heard between two files. */
async function copy(
  { files }: BackupContents,
  { backup, signal, progress }: RestoreOrder,
  partial: string,
): Promise<void> {
  const folders = new Set<string>([partial]);
  for (const [done, { name }] of files.entries()) {
    signal.throwIfAborted();
    const to = join(partial, name);
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    for (let folder = dirname(to); folder.length > partial.length; folder = dirname(folder)) folders.add(folder);
    try {
      await copyFile(join(backup, name), to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new DeskError('backup.damaged', { file: name });
      throw error;
    }
    chmodSync(to, 0o600);
    sync(to);
    progress('copying', done + 1, files.length);
  }
  if (process.platform !== 'win32') for (const folder of folders) sync(folder);
}

export function checkProof({ counts }: Manifest, proof: ProofReport, withKeys: boolean): void {
  const [first] = proof.faults;
  if (first !== undefined) throw new DeskError('backup.not_whole', { kind: first.kind, at: first.at });
  const same =
    counts.messages === proof.messages &&
    counts.tickets === proof.tickets &&
    counts.entries === proof.entries &&
    (!withKeys || counts.auditRecords === proof.auditRecords);
  if (!same) throw new DeskError('backup.not_whole', { kind: 'count', at: 'manifest.json' });
}

/** The restored store's own chain says when and by whom it was restored; opening it proves that it opens. */
async function record({ data, by, now }: RestoreOrder, ring: KeyRing): Promise<void> {
  const { store } = await openStore({
    mongo: null,
    folder: data,
    auditKey: Buffer.from(macKey(ring, 'audit')),
    profile: ring.profile,
    groupCommitMs: 0,
    onFatal: error => {
      throw error;
    },
  });
  try {
    await store.admin.audit({ by, action: 'backup.restored', on: [] }, now);
  } finally {
    await store.close();
  }
}

function sync(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
