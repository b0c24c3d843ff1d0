// 备份: a copy of everything of one moment while the gateway goes on, proven by reading it back before it counts as one.
import { existsSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { exportRing, type KeyRing, keyCheckValues, saveKeyRing } from '../../store/key-ring.ts';
import type { Store } from '../../store/store.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { VERSION } from '../version.ts';
import { FORMAT, type Manifest, writeManifest } from './manifest.ts';
import { makePartial } from './partial.ts';
import { type ProofReport, prove } from './proof.ts';

export interface BackupParts {
  readonly store: Store;
  /** The keys there are when it is asked: another process may rotate while this one copies, and seal by what it made. */
  ring(): Promise<KeyRing>;
  readonly dataFolder: string;
  now(): number;
}

export interface BackupOrder {
  /** Absolute path of a folder that is not there yet, or empty. */
  readonly target: string;
  /** Absolute path of a new file outside the backup that gets the keys; null: they stay where they are. */
  readonly keysTo: string | null;
  /** Opens each n-th message; null: about 50,000 of them. */
  readonly every: number | null;
  readonly by: string;
  readonly signal: AbortSignal;
  progress(stage: 'copying' | 'proving', done: number, total: number): void;
}

export interface BackupResult {
  readonly manifest: Manifest;
  readonly proof: ProofReport;
}

/** @throws DeskError `backup.*`, or `StoreUnavailable`; then there is no folder of that name */
export async function makeBackup(parts: BackupParts, order: BackupOrder): Promise<BackupResult> {
  const { store, now } = parts;
  const { target, by } = order;
  checkPlaces(parts, order);
  const name = basename(target);
  await store.admin.audit({ by, action: 'backup.begin', on: [name] }, now());
  const partial = makePartial(target);
  try {
    const result = await copyAndProve(parts, order, partial);
    if (order.keysTo !== null) saveKeyRing(order.keysTo, await parts.ring());
    // An empty folder gives way to the whole one.
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
    const withKeys = order.keysTo === null ? 'without keys' : 'keys in a file of their own';
    await store.admin.audit({ by, action: 'backup.done', on: [name], why: withKeys }, now());
    return result;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    await store.admin.audit({ by, action: 'backup.failed', on: [name] }, now());
    throw error;
  }
}

async function copyAndProve({ store, now, ...parts }: BackupParts, order: BackupOrder, folder: string) {
  const { signal, every, progress } = order;
  const createdAt = new Date(now()).toISOString();
  const copying = (done: number, total: number) => progress('copying', done, total);
  const copy = await store.admin.snapshot(folder, { progress: copying, signal });
  const ring = await parts.ring();
  const start = {
    folder,
    engine: copy.engine,
    files: copy.files,
    ring: exportRing(ring, ['content', 'identity', 'audit']),
    every,
  };
  const proof = await prove(start, (done, total) => progress('proving', done, total), signal);
  const [first] = proof.faults;
  if (first !== undefined) throw new DeskError('backup.not_whole', { kind: first.kind, at: first.at });
  const manifest = writeManifest(
    folder,
    {
      format: FORMAT,
      product: VERSION,
      engine: copy.engine,
      schema: copy.schema,
      createdAt,
      counts: {
        messages: proof.messages,
        tickets: proof.tickets,
        entries: proof.entries,
        auditRecords: proof.auditRecords ?? 0,
      },
      keys: keyCheckValues(ring),
    },
    copy.files,
  );
  return { manifest, proof };
}

function checkPlaces({ dataFolder }: BackupParts, { target, keysTo }: BackupOrder): void {
  if (isTaken(target)) throw new DeskError('backup.not_empty', { folder: target }, EXIT.usage);
  if (isInside(target, dataFolder)) throw new DeskError('backup.inside_data', { folder: target }, EXIT.usage);
  if (keysTo === null) return;
  if (existsSync(keysTo)) throw new DeskError('backup.keys_exist', { file: keysTo }, EXIT.usage);
  if (isInside(keysTo, target) || isInside(keysTo, dataFolder))
    throw new DeskError('backup.keys_inside', { file: keysTo }, EXIT.usage);
}

/** Something that is no empty folder stands there. */
export function isTaken(path: string): boolean {
  try {
    return readdirSync(path).length > 0;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code === 'ENOTDIR') return true;
    throw error;
  }
}

function isInside(path: string, folder: string): boolean {
  const way = relative(real(folder), real(path));
  return way === '' || !(way.startsWith('..') || isAbsolute(way));
}

/** The path with links resolved as far as it exists. */
function real(path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return realpathSync(full);
  return dirname(full) === full ? full : join(real(dirname(full)), basename(full));
}
