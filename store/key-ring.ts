// The key ring: sealing keys that rotate and keys for MACs, from a file or the environment, never from the database.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chownSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { isFilesUsedUp, KeyError } from './errors.ts';
import { createEmpty, type FileLock, isLocked, takeLock } from './file-lock.ts';
import {
  cannotRotate,
  insideDataFolder,
  inUse,
  keysMissing,
  keysWrong,
  malformed,
  missingKeys,
  notWritten,
  otherProfile,
  tooOpen,
  unreadable,
} from './key-errors.ts';
import { createWhole, replaceWhole } from './whole-file.ts';

/** `intl`: AES-256-GCM and SHA-256. `gm`: SM4-CBC, HMAC-SM3 and SM3. A store is made for one of them and keeps it. */
export type Profile = 'intl' | 'gm';

/** Keys that wrap data keys; a new one can be added at any time (`rotate`), older ones only open. */
export const SEALING_NAMES = ['content', 'identity', 'settings'] as const;
export type SealingName = (typeof SEALING_NAMES)[number];

/**
 * Keys for MACs: `dedupe` recognises redeliveries and is never rotated (a new one would forget every message seen),
 * `index` is the blind index of phones, e-mails and ID numbers, `term` seeds the hashes of words, `audit` chains the audit
 * records, `query` makes query codes.
 */
export const MAC_NAMES = ['dedupe', 'index', 'term', 'audit', 'query'] as const;
export type MacName = (typeof MAC_NAMES)[number];

export interface SealingKey {
  /** 16 hex digits, stored with everything the key wraps. */
  readonly id: string;
  /** ISO 8601. */
  readonly created: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** Keys in memory. A ring made by `importRing` may lack names; using one that is not there is a `KeyError`. */
export interface KeyRing {
  readonly profile: Profile;
  /** Newest last; the newest is the one that seals. */
  readonly sealing: Readonly<Partial<Record<SealingName, readonly SealingKey[]>>>;
  /** 32 bytes each. */
  readonly macs: Readonly<Partial<Record<MacName, Uint8Array>>>;
}

export type KeyName = SealingName | MacName;

/** A ring as plain data that a structured clone carries to another thread. */
export interface RingData {
  readonly profile: Profile;
  readonly sealing: readonly { readonly name: SealingName; readonly keys: readonly SealingKey[] }[];
  readonly macs: readonly { readonly name: MacName; readonly bytes: Uint8Array }[];
}

/** Where keys come from; `HUISU_KEYS` in the environment comes before the file. */
export interface KeySources {
  readonly file?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** A key file inside this folder is refused: whoever copies the data must not get the keys with it. */
  readonly dataFolder?: string | undefined;
}

export const KEYS_VARIABLE = 'HUISU_KEYS';
const FORMAT = 'huisu-keys-1';
const KEY_BYTES = 32;

interface RingFile {
  readonly format: string;
  readonly profile: Profile;
  readonly sealing: Record<SealingName, { id: string; created: string; key: string }[]>;
  readonly macs: Record<MacName, string>;
}

/** Reads the key ring; every failure is a `KeyError` that says what to do. */
export function loadKeyRing(sources: KeySources): KeyRing {
  const inline = sources.env?.[KEYS_VARIABLE];
  if (inline !== undefined && inline.trim() !== '') return parseRing(inlineText(inline.trim()), KEYS_VARIABLE);
  if (sources.file === undefined) throw missingKeys(KEYS_VARIABLE, KEYS_VARIABLE);
  checkPlace(sources.file, sources.dataFolder);
  return readRing(sources.file);
}

/**
 * Follows a ring that another process may rotate: each call answers the ring where its file has changed since the call before
 * (the first: since this one), else null. Keys from the environment never change.
 * The function throws `KeyError` where the changed file cannot be read.
 */
export function ringChanges({ file, env }: KeySources): () => KeyRing | null {
  if (file === undefined || (env?.[KEYS_VARIABLE] ?? '').trim() !== '') return () => null;
  let seen = stampOf(file);
  return () => {
    const stamp = stampOf(file);
    if (stamp === null || stamp === seen) return null;
    const ring = readRing(file);
    seen = stamp;
    return ring;
  };
}

function stampOf(file: string): string | null {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? null : `${stats.ino} ${stats.mtimeNs} ${stats.size}`;
}

/**
 * Makes a new ring in a new file (mode 0600); a file that is there already is never overwritten, nor is one that another
 * process makes at the same moment.
 */
export function createDevelopmentKeys(
  file: string,
  profile: Profile = 'intl',
  { dataFolder, now = new Date() }: { readonly dataFolder?: string; readonly now?: Date } = {},
): KeyRing {
  checkPlace(file, dataFolder);
  const sealing = Object.fromEntries(SEALING_NAMES.map(name => [name, [newSealingKey(now)]]));
  const macs = Object.fromEntries(MAC_NAMES.map(name => [name, freshBytes(KEY_BYTES)]));
  const ring: KeyRing = { profile, sealing, macs };
  saveKeyRing(file, ring);
  return ring;
}

/** Writes a ring to a new file (mode 0600), for its custodians; one that is there already is never overwritten. */
export function saveKeyRing(file: string, ring: KeyRing): void {
  write(file, ring, (name, bytes) => createWhole(name, bytes, 0o600));
}

/** Whether a file holds every key of a ring. Where it does not, a gateway runs on by the keys in its memory and cannot be started again. */
export function isKeptIn(file: string, ring: KeyRing): boolean {
  let kept: KeyRing;
  try {
    // Its mode does not matter here, only whether the keys are in it.
    kept = parseRing(readFileSync(file, 'utf8'), file);
  } catch (error) {
    // What cannot be read now cannot be read by the next start either; but that no more files may be open says nothing of this one.
    return isFilesUsedUp(error);
  }
  const checks = keyCheckValues(kept);
  return Object.entries(keyCheckValues(ring)).every(([key, value]) => checks[key] === value);
}

/** Others hold the file for some milliseconds at a time. */
const LOCK_WAIT_MS = 5000;

/**
 * Adds a new current key of that name to the file and answers the new ring; what older keys sealed still opens. Of processes
 * that rotate in the same instant each adds its key to those of the others. When this returns, the key is on the disk.
 * @param waitMs how long to wait for another process that is changing the file; after that `keys.in_use` is thrown
 */
export function rotate(file: string, name: KeyName, now: Date = new Date(), waitMs: number = LOCK_WAIT_MS): KeyRing {
  if (!isSealingName(name)) throw cannotRotate(name, SEALING_NAMES);
  const real = realPath(file);
  return alone(real, waitMs, () => {
    const ring = readRing(real);
    const keys = [...(ring.sealing[name] ?? []), newSealingKey(now)];
    const rotated: KeyRing = { ...ring, sealing: { ...ring.sealing, [name]: keys } };
    write(real, rotated, replaceWhole);
    return rotated;
  });
}

/** Under the file's lock: of two processes that read the ring, add a key and write it back at once, one would lose its key. */
function alone<T>(file: string, waitMs: number, act: () => T): T {
  const lock = lockOf(file, waitMs);
  try {
    return act();
  } finally {
    lock.release();
  }
}

function lockOf(file: string, waitMs: number): FileLock {
  const path = `${file}.lock`;
  // Read first, so that a key file that is missing or open to others is reported as that, and no lock file is left beside it.
  readRing(file);
  try {
    createEmpty(path);
    const { uid, gid } = statSync(file);
    // Root rotates for the gateway's account, which has to be able to take the lock as well.
    if (process.getuid?.() === 0) chownSync(path, uid, gid);
    return takeLock(path, waitMs);
  } catch (error) {
    if (!isLocked(error)) throw notWritten(file, error);
    throw inUse(file, error);
  }
}

/** Copies the keys of the given names (default: all) for another thread; each thread gets only what it needs. */
export function exportRing(ring: KeyRing, names: readonly KeyName[] = [...SEALING_NAMES, ...MAC_NAMES]): RingData {
  return {
    profile: ring.profile,
    sealing: names.filter(isSealingName).map(name => ({
      name,
      keys: sealingKeys(ring, name).map(key => ({ ...key, bytes: Uint8Array.from(key.bytes) })),
    })),
    macs: names.filter(isMacName).map(name => ({ name, bytes: Uint8Array.from(macKey(ring, name)) })),
  };
}

export function importRing(data: RingData): KeyRing {
  return {
    profile: data.profile,
    sealing: Object.fromEntries(data.sealing.map(entry => [entry.name, entry.keys])),
    macs: Object.fromEntries(data.macs.map(entry => [entry.name, entry.bytes])),
  };
}

/** All keys of a name, the current one last. */
export function sealingKeys(ring: KeyRing, name: SealingName): readonly SealingKey[] {
  const keys = ring.sealing[name];
  if (keys === undefined || keys.length === 0) throw missingKeys(name, KEYS_VARIABLE);
  return keys;
}

export function macKey(ring: KeyRing, name: MacName): Uint8Array {
  const key = ring.macs[name];
  if (key === undefined) throw missingKeys(name, KEYS_VARIABLE);
  return key;
}

/** One short value a key, by `profile`, `dedupe` or `content/<id>`: kept in the store to recognise the keys it was made with. */
export function keyCheckValues(ring: KeyRing): Readonly<Record<string, string>> {
  const values: Record<string, string> = { profile: ring.profile };
  for (const name of SEALING_NAMES) {
    for (const key of ring.sealing[name] ?? []) values[`${name}/${key.id}`] = checkValue(name, key.bytes);
  }
  for (const name of MAC_NAMES) {
    const key = ring.macs[name];
    if (key !== undefined) values[name] = checkValue(name, key);
  }
  return values;
}

/**
 * Compares what a store keeps of its keys with the ring: every key it knows must be there and be the same one. Keys that
 * the store does not know yet (rotated since) are fine. Throws a `KeyError` that names those missing or wrong.
 */
export function verifyKeyCheck(stored: Readonly<Record<string, string>>, ring: KeyRing): void {
  const have = keyCheckValues(ring);
  if (stored['profile'] !== undefined && stored['profile'] !== ring.profile) {
    throw otherProfile(stored['profile'], ring.profile);
  }
  const missing = Object.keys(stored).filter(name => have[name] === undefined);
  if (missing.length > 0) throw keysMissing(missing);
  const wrong = Object.keys(stored).filter(name => !sameText(stored[name] as string, have[name] as string));
  if (wrong.length > 0) throw keysWrong(wrong);
}

/** Throws `KeyError` for a key file inside the data folder: whoever copies the data would have the keys with it. */
export function checkPlace(file: string, dataFolder: string | undefined): void {
  if (dataFolder === undefined) return;
  const way = relative(realPath(dataFolder), realPath(file));
  if (way.startsWith('..') || isAbsolute(way)) return;
  throw insideDataFolder(file, dataFolder);
}

/** The path with links resolved as far as it exists. */
function realPath(path: string): string {
  const full = resolve(path);
  try {
    return realpathSync(full);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(full) === full) throw error;
    return join(realPath(dirname(full)), basename(full));
  }
}

function readRing(file: string): KeyRing {
  let text: string;
  try {
    checkMode(file);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof KeyError) throw error;
    throw unreadable(file, error);
  }
  return parseRing(text, file);
}

function checkMode(file: string): void {
  const mode = statSync(file).mode & 0o777;
  if (process.platform === 'win32' || (mode & 0o077) === 0) return;
  throw tooOpen(file, mode);
}

function inlineText(value: string): string {
  return value.startsWith('{') ? value : Buffer.from(value, 'base64').toString('utf8');
}

function parseRing(text: string, source: string): KeyRing {
  let file: Partial<RingFile>;
  try {
    file = JSON.parse(text) as Partial<RingFile>;
  } catch {
    // The parser's own words quote the text, which is keys.
    throw malformed(source, '不是 JSON', 'it is not JSON');
  }
  if (file === null || file.format !== FORMAT)
    throw malformed(source, `format 不是 ${FORMAT}`, `format is not ${FORMAT}`);
  if (file.profile !== 'intl' && file.profile !== 'gm')
    throw malformed(source, 'profile 有误', 'profile must be intl or gm');
  const sealing = Object.fromEntries(SEALING_NAMES.map(name => [name, parseSealing(file, name, source)]));
  const macs = Object.fromEntries(MAC_NAMES.map(name => [name, parseBytes(file.macs?.[name], `macs.${name}`, source)]));
  return { profile: file.profile, sealing, macs };
}

function parseSealing(file: Partial<RingFile>, name: SealingName, source: string): SealingKey[] {
  const entries = file.sealing?.[name];
  if (!Array.isArray(entries) || entries.length === 0)
    throw malformed(source, `缺少 sealing.${name}`, `sealing.${name} is missing`);
  return entries.map((entry, place) => {
    const at = `sealing.${name}[${place}]`;
    if (!/^[0-9a-f]{16}$/.test(entry?.id ?? ''))
      throw malformed(source, `${at}.id 有误`, `${at}.id must be 16 hex digits`);
    if (typeof entry.created !== 'string') throw malformed(source, `缺少 ${at}.created`, `${at}.created is missing`);
    return { id: entry.id, created: entry.created, bytes: parseBytes(entry.key, `${at}.key`, source) };
  });
}

function parseBytes(value: unknown, at: string, source: string): Uint8Array {
  const bytes = typeof value === 'string' ? Uint8Array.from(Buffer.from(value, 'base64')) : new Uint8Array(0);
  if (bytes.length !== KEY_BYTES)
    throw malformed(source, `${at} 应为 32 字节的 base64`, `${at} must be 32 bytes in base64`);
  return bytes;
}

function write(file: string, ring: KeyRing, put: (file: string, bytes: Uint8Array) => void): void {
  const bytes = Buffer.from(`${JSON.stringify(toFile(ring), null, 2)}\n`);
  try {
    put(file, bytes);
  } catch (error) {
    throw notWritten(file, error);
  } finally {
    bytes.fill(0);
  }
}

function toFile(ring: KeyRing): RingFile {
  const sealing = SEALING_NAMES.map(name => [
    name,
    sealingKeys(ring, name).map(key => ({ id: key.id, created: key.created, key: base64(key.bytes) })),
  ]);
  const macs = MAC_NAMES.map(name => [name, base64(macKey(ring, name))]);
  return {
    format: FORMAT,
    profile: ring.profile,
    sealing: Object.fromEntries(sealing),
    macs: Object.fromEntries(macs),
  };
}

function newSealingKey(now: Date): SealingKey {
  return { id: randomBytes(8).toString('hex'), created: now.toISOString(), bytes: freshBytes(KEY_BYTES) };
}

/** Random bytes with memory of their own: a slice of Node's pool would carry its neighbours along when cloned. */
function freshBytes(length: number): Uint8Array {
  return Uint8Array.from(randomBytes(length));
}

function checkValue(name: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`huisu key check ${name}`).digest('hex').slice(0, 16);
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function isSealingName(name: string): name is SealingName {
  return (SEALING_NAMES as readonly string[]).includes(name);
}

function isMacName(name: string): name is MacName {
  return (MAC_NAMES as readonly string[]).includes(name);
}
