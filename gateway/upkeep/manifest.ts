// What stands beside the data in a backup: a manifest, and the hashes of all files in the form that sha256sum reads.
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { SnapshotFile } from '../../store/retention.ts';
import { DeskError } from '../desk/desk-error.ts';

export const FORMAT = 'huisu-backup-1';
const MANIFEST = 'manifest.json';
const HASHES = 'files.sha256';

export interface Manifest {
  readonly format: typeof FORMAT;
  /** Version of this program that made it. */
  readonly product: string;
  readonly engine: string;
  readonly schema: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly counts: {
    readonly messages: number;
    readonly tickets: number;
    readonly entries: number;
    readonly auditRecords: number;
  };
  readonly files: number;
  readonly bytes: number;
  /** SHA-256 of `files.sha256`. */
  readonly hashes: string;
  /** Check values of the keys it was made with, by name; they tell nothing of the keys. */
  readonly keys: Readonly<Record<string, string>>;
}

export interface BackupContents {
  readonly manifest: Manifest;
  readonly files: readonly SnapshotFile[];
}

/** Writes both files durably; the manifest last, so that a folder without one is no backup. */
export function writeManifest(
  folder: string,
  manifest: Omit<Manifest, 'hashes' | 'files' | 'bytes'>,
  files: readonly SnapshotFile[],
): Manifest {
  const text = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
  writeDurably(join(folder, HASHES), text);
  const whole: Manifest = {
    ...manifest,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    hashes: sha256(text),
  };
  writeDurably(join(folder, MANIFEST), `${JSON.stringify(whole, null, 2)}\n`);
  return whole;
}

function writeDurably(file: string, text: string): void {
  const handle = openSync(file, 'wx', 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Throws `backup.none`, `backup.other_format` or `backup.damaged`. */
export function readBackup(folder: string): BackupContents {
  const manifest = readManifest(folder);
  const text = read(folder, HASHES);
  if (sha256(text) !== manifest.hashes) throw new DeskError('backup.damaged', { file: HASHES });
  const files = text
    .split('\n')
    .filter(line => line !== '')
    .map(line => ({ sha256: line.slice(0, 64), name: line.slice(66), bytes: -1 }));
  for (const { name } of files) if (!SAFE.test(name)) throw new DeskError('backup.damaged', { file: HASHES });
  return { manifest, files };
}

/** Names inside the backup only: letters, digits, dots that do not lead upwards. */
const SAFE = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;

function readManifest(folder: string): Manifest {
  const text = read(folder, MANIFEST);
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(text) as Partial<Manifest>;
  } catch {
    throw new DeskError('backup.damaged', { file: MANIFEST });
  }
  if (manifest.format !== FORMAT)
    throw new DeskError('backup.other_format', { found: String(manifest.format), known: FORMAT });
  const whole =
    typeof manifest.engine === 'string' &&
    typeof manifest.schema === 'number' &&
    typeof manifest.hashes === 'string' &&
    typeof manifest.counts === 'object' &&
    typeof manifest.keys === 'object';
  if (!whole) throw new DeskError('backup.damaged', { file: MANIFEST });
  return manifest as Manifest;
}

function read(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR')
      throw new DeskError('backup.none', { folder, file: name });
    throw error;
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
