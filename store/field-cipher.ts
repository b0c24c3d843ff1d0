// Seals and opens what is stored: data keys wrapped by the key ring, fields bound to their row and name, MACs.
import { randomFillSync } from 'node:crypto';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { KeyError, SealBroken } from './errors.ts';
import { type KeyRing, MAC_NAMES, type MacName, SEALING_NAMES, type SealingName } from './key-ring.ts';
import { createMac, type Mac } from './mac.ts';
import { type Algorithm, aesGcm, type ReadyKey, sm4CbcHmacSm3 } from './sealing-algorithms.ts';

/**
 * All methods are synchronous and cheap (some microseconds), for the thread that acknowledges. `aad` names what the bytes
 * belong to, as a rule `fieldOf(number, field)`; opening under another one fails.
 */
export interface FieldCipher {
  readonly profile: 'intl' | 'gm';
  /** A random data key and the same wrapped by the ring's current key of that name. */
  newDataKey(name: SealingName): { readonly key: Buffer; readonly wrapped: Buffer };
  openDataKey(wrapped: Uint8Array): Buffer;
  /** The data key wrapped by the current key; null when it is already. */
  rewrap(wrapped: Uint8Array): Buffer | null;
  /**
   * Takes over a ring with more sealing keys (after `rotate`): its newest seal from now on. Its other keys are the same. Keys
   * known before go on opening: a ring that was sent on its way before one that has overtaken it takes nothing away.
   */
  renew(ring: KeyRing): void;
  /** Compresses first where the plain bytes are over 8 kB and shrink by it. */
  seal(key: Uint8Array, plain: Uint8Array, aad: string): Buffer;
  /** Throws `SealBroken` for another key, changed bytes or another `aad`. */
  open(key: Uint8Array, sealed: Uint8Array, aad: string): Buffer;
  /** A record of texts, each sealed on its own under `number` and its name, packed into one value; nulls are left out. */
  sealFields(key: Uint8Array, number: string, fields: Readonly<Record<string, string | null>>): Buffer;
  openFields(key: Uint8Array, number: string, packed: Uint8Array): Record<string, string>;
  /** 32 bytes over the parts; each part is preceded by its length, so that no two lists of parts give the same input. */
  mac(name: MacName, ...parts: readonly (string | Uint8Array)[]): Buffer;
}

/** What a sealed field is bound to. */
export function fieldOf(number: string, field: string): string {
  return `${number}/${field}`;
}

const VERSION = 1;
const AES_GCM = 1;
const SM4_CBC_HMAC_SM3 = 2;
const DEFLATED = 1;
/** version, algorithm, flags. */
const HEAD = 3;
/** version, algorithm, id of the wrapping key. */
const WRAP_HEAD = 10;
const KEY_BYTES = 32;
/** Below it a value fills a page or two of the database either way, and compressing it costs more than writing it. */
const COMPRESS_OVER = 8192;
/** Bound on what a sealed value inflates to, against a record made by somebody who holds the keys of another version. */
const INFLATE_LIMIT = 512 * 1024 * 1024;

/** Id of the key that wrapped a data key. */
export function wrappingId(wrapped: Uint8Array): string {
  return asBuffer(wrapped).toString('hex', 2, WRAP_HEAD);
}

interface Wrapping {
  readonly name: SealingName;
  readonly id: Buffer;
  readonly key: Buffer;
  /** What a key wrapped by it begins with, and the bytes authenticated besides. */
  readonly head: Buffer;
  readonly aad: Buffer;
  /** The key as the current algorithm uses it. */
  readonly ready: ReadyKey;
}

/**
 * Makes a cipher over a ring; each has a nonce prefix of its own, so one a thread is enough.
 * @param newer asked where a data key was wrapped by a key that the ring lacks: a process beside this one may have rotated
 */
export function createCipher(ring: KeyRing, newer: () => KeyRing | null = () => null): FieldCipher {
  const random = randomPool();
  const algorithms: Record<number, Algorithm> = { [AES_GCM]: aesGcm(), [SM4_CBC_HMAC_SM3]: sm4CbcHmacSm3(random) };
  const current = ring.profile === 'gm' ? SM4_CBC_HMAC_SM3 : AES_GCM;
  const algorithm = algorithms[current] as Algorithm;
  let wraps = wrappings(ring, current, algorithm);
  const macs = macsOf(ring);
  const heads = [0, DEFLATED].map(flags => {
    const bytes = Buffer.of(VERSION, current, flags);
    return { bytes, text: bytes.toString('latin1') };
  }) as [Head, Head];

  const wrap = (wrapping: Wrapping, key: Uint8Array): Buffer =>
    algorithm.encrypt(wrapping.ready, key, wrapping.head, wrapping.aad);
  const sealWith = (key: ReadyKey, plain: Uint8Array, aad: string): Buffer => {
    const small = plain.length > COMPRESS_OVER ? deflateRawSync(plain, { level: constants.Z_BEST_SPEED }) : plain;
    const deflated = small.length < plain.length;
    const head = deflated ? heads[1] : heads[0];
    return algorithm.encrypt(key, deflated ? small : plain, head.bytes, Buffer.from(head.text + aad, 'utf8'));
  };
  const renew = (next: KeyRing) => {
    const { byId, current: newest } = wrappings(next, current, algorithm);
    wraps = { byId: new Map([...wraps.byId, ...byId]), current: newest };
  };
  const renewed = (next: KeyRing | null) => {
    if (next === null) return undefined;
    renew(next);
    return wraps.byId;
  };
  const wrappingOf = (wrapped: Buffer): Wrapping => {
    algorithmOf(wrapped, WRAP_HEAD);
    const id = wrapped.toString('hex', 2, WRAP_HEAD);
    const found = wraps.byId.get(id) ?? renewed(newer())?.get(id);
    if (found === undefined)
      throw new SealBroken('seal.unknown_key', 'the data key was wrapped by a key that is not in the ring');
    return found;
  };
  const algorithmOf = (sealed: Buffer, least: number): Algorithm => {
    const found = sealed.length > least && sealed[0] === VERSION ? algorithms[sealed[1] as number] : undefined;
    if (found === undefined) throw new SealBroken('seal.unknown_format', 'not a sealed value of a known version');
    return found;
  };

  const cipher: FieldCipher = {
    profile: ring.profile,
    newDataKey(name) {
      const wrapping = wraps.current.get(name);
      if (wrapping === undefined) throw noKey(name);
      const key = random(KEY_BYTES);
      return { key, wrapped: wrap(wrapping, key) };
    },
    openDataKey(value) {
      const wrapped = asBuffer(value);
      const wrapping = wrappingOf(wrapped);
      const used = algorithmOf(wrapped, WRAP_HEAD);
      const ready = used === algorithm ? wrapping.ready : used.ready(wrapping.key);
      const key = used.decrypt(ready, wrapped, WRAP_HEAD, wrapAad(wrapped, wrapping.name));
      if (key.length !== KEY_BYTES) throw new SealBroken('seal.broken', 'a data key of the wrong length');
      return key;
    },
    rewrap(value) {
      const wrapped = asBuffer(value);
      const { name, id } = wrappingOf(wrapped);
      const newest = wraps.current.get(name) as Wrapping;
      if (newest.id.equals(id) && wrapped[1] === current) return null;
      return wrap(newest, cipher.openDataKey(wrapped));
    },
    renew,
    seal: (key, plain, aad) => sealWith(algorithm.ready(key), plain, aad),
    open(key, value, aad) {
      const sealed = asBuffer(value);
      const used = algorithmOf(sealed, HEAD);
      const plain = used.decrypt(used.ready(key), sealed, HEAD, boundBytes(sealed, HEAD, aad));
      if ((sealed[2] as number) & ~DEFLATED)
        throw new SealBroken('seal.unknown_format', 'a sealed value with unknown flags');
      return sealed[2] === DEFLATED ? inflateRawSync(plain, { maxOutputLength: INFLATE_LIMIT }) : plain;
    },
    sealFields(key, number, fields) {
      const sealed: Record<string, Buffer> = Object.create(null);
      const ready = algorithm.ready(key);
      for (const [name, value] of Object.entries(fields)) {
        if (value !== null) sealed[name] = sealWith(ready, Buffer.from(value, 'utf8'), fieldOf(number, name));
      }
      return packFields(sealed);
    },
    openFields(key, number, packed) {
      const opened: Record<string, string> = Object.create(null);
      for (const [name, value] of Object.entries(unpackFields(packed))) {
        opened[name] = cipher.open(key, value, fieldOf(number, name)).toString('utf8');
      }
      return opened;
    },
    mac(name, ...parts) {
      const mac = macs.get(name);
      if (mac === undefined) throw noKey(name);
      return mac(parts);
    },
  };
  return cipher;
}

interface Head {
  readonly bytes: Buffer;
  /** The same, a character a byte. */
  readonly text: string;
}

/** What is authenticated besides the bytes themselves: the head, a character a byte, and the text they are bound to. */
function boundBytes(sealed: Buffer, headLength: number, bound: string): Buffer {
  return Buffer.from(sealed.toString('latin1', 0, headLength) + bound, 'utf8');
}

function wrapAad(wrapped: Buffer, name: SealingName): Buffer {
  return boundBytes(wrapped, WRAP_HEAD, `data key/${name}`);
}

function noKey(name: string): KeyError {
  return new KeyError('keys.missing', {
    zh: `这个线程没有密钥“${name}”。`,
    en: `This thread was not given the key "${name}".`,
  });
}

function wrappings(
  ring: KeyRing,
  current: number,
  algorithm: Algorithm,
): { byId: Map<string, Wrapping>; current: Map<SealingName, Wrapping> } {
  const byId = new Map<string, Wrapping>();
  const newest = new Map<SealingName, Wrapping>();
  for (const name of SEALING_NAMES) {
    for (const key of ring.sealing[name] ?? []) {
      const id = Buffer.from(key.id, 'hex');
      const head = Buffer.concat([Buffer.of(VERSION, current), id]);
      const bytes = Buffer.from(key.bytes);
      const wrapping = { name, id, key: bytes, head, aad: wrapAad(head, name), ready: algorithm.ready(bytes) };
      byId.set(key.id, wrapping);
      newest.set(name, wrapping);
    }
  }
  return { byId, current: newest };
}

function macsOf(ring: KeyRing): Map<MacName, Mac> {
  const algorithm = ring.profile === 'gm' ? 'sm3' : 'sha256';
  const macs = new Map<MacName, Mac>();
  for (const name of MAC_NAMES) {
    const bytes = ring.macs[name];
    if (bytes !== undefined) macs.set(name, createMac(algorithm, bytes));
  }
  return macs;
}

/** Random bytes from a store of many, since each call into the generator costs microseconds; what was given out is wiped. */
function randomPool(size = 16 * 1024): (length: number) => Buffer {
  const pool = Buffer.alloc(size);
  let used = size;
  return length => {
    if (used + length > size) {
      randomFillSync(pool);
      used = 0;
    }
    const taken = Buffer.allocUnsafeSlow(length);
    pool.copy(taken, 0, used, used + length);
    pool.fill(0, used, used + length);
    used += length;
    return taken;
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Packs named byte strings: version, then for each the name's length (1 byte), name, length (4 bytes), bytes. */
export function packFields(
  fields: Readonly<Record<string, Uint8Array>>,
  before: Uint8Array = new Uint8Array(0),
): Buffer {
  const parts: Uint8Array[] = [before, Buffer.of(VERSION)];
  for (const [name, bytes] of Object.entries(fields)) {
    const label = Buffer.from(name, 'utf8');
    if (label.length > 255) throw new RangeError('a field name longer than 255 bytes');
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(bytes.length);
    parts.push(Buffer.of(label.length), label, length, bytes);
  }
  return Buffer.concat(parts);
}

/** The fields of `packFields`; throws `SealBroken` where the bytes are not whole. */
export function unpackFields(packed: Uint8Array): Record<string, Buffer> {
  const bytes = asBuffer(packed);
  const fields: Record<string, Buffer> = Object.create(null);
  if (bytes[0] !== VERSION) throw new SealBroken('seal.unknown_format', 'not a packed record of a known version');
  let at = 1;
  while (at < bytes.length) {
    const labelEnd = at + 1 + (bytes[at] as number);
    const start = labelEnd + 4;
    const end = start <= bytes.length ? start + bytes.readUInt32BE(labelEnd) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw new SealBroken('seal.unknown_format', 'a packed record that is cut off');
    fields[bytes.toString('utf8', at + 1, labelEnd)] = bytes.subarray(start, end);
    at = end;
  }
  return fields;
}
