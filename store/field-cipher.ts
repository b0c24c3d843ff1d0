// Seals and opens what is stored: data keys wrapped by the key ring, fields bound to their row and name, MACs.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { KeyError, SealBroken } from './errors.ts';
import { type KeyRing, MAC_NAMES, type MacName, SEALING_NAMES, type SealingName } from './key-ring.ts';

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
  /** Compresses first where the plain bytes are over 4 kB and shrink by it. */
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
const GCM_NONCE = 12;
const GCM_TAG = 16;
const SM4_BLOCK = 16;
const SM3_BYTES = 32;
const COMPRESS_OVER = 4096;
/** Bound on what a sealed value inflates to, against a record made by somebody who holds the keys of another version. */
const INFLATE_LIMIT = 512 * 1024 * 1024;

interface Wrapping {
  readonly name: SealingName;
  readonly id: Buffer;
  readonly key: Buffer;
}

/** The bytes of one algorithm between head and end; `bound` is what is authenticated besides. */
interface Algorithm {
  encrypt(key: Uint8Array, plain: Uint8Array, head: Buffer, bound: string): Buffer;
  decrypt(key: Uint8Array, sealed: Buffer, headLength: number, bound: string): Buffer;
}

/** Makes a cipher over a ring; each has a nonce prefix of its own, so one a thread is enough. */
export function createCipher(ring: KeyRing): FieldCipher {
  const random = randomPool();
  const algorithms: Record<number, Algorithm> = { [AES_GCM]: aesGcm(), [SM4_CBC_HMAC_SM3]: sm4CbcHmacSm3(random) };
  const current = ring.profile === 'gm' ? SM4_CBC_HMAC_SM3 : AES_GCM;
  const wraps = wrappings(ring);
  const macs = macKeys(ring);
  const hash = ring.profile === 'gm' ? 'sm3' : 'sha256';

  const wrap = (wrapping: Wrapping, key: Uint8Array): Buffer => {
    const head = Buffer.concat([Buffer.of(VERSION, current), wrapping.id]);
    return algorithms[current]!.encrypt(wrapping.key, key, head, `data key/${wrapping.name}`);
  };
  const wrappingOf = (wrapped: Buffer): Wrapping => {
    algorithmOf(wrapped, WRAP_HEAD);
    const found = wraps.byId.get(wrapped.toString('hex', 2, WRAP_HEAD));
    if (found === undefined)
      throw new SealBroken('seal.unknown_key', 'the data key was wrapped by a key that is not in the ring');
    return found;
  };
  const algorithmOf = (sealed: Buffer, least: number): Algorithm => {
    const algorithm = sealed.length > least && sealed[0] === VERSION ? algorithms[sealed[1] as number] : undefined;
    if (algorithm === undefined) throw new SealBroken('seal.unknown_format', 'not a sealed value of a known version');
    return algorithm;
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
      const key = algorithmOf(wrapped, WRAP_HEAD).decrypt(
        wrapping.key,
        wrapped,
        WRAP_HEAD,
        `data key/${wrapping.name}`,
      );
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
    seal(key, plain, aad) {
      const small = plain.length > COMPRESS_OVER ? deflateRawSync(plain, { level: constants.Z_BEST_SPEED }) : plain;
      const deflated = small.length < plain.length;
      const head = Buffer.of(VERSION, current, deflated ? DEFLATED : 0);
      return algorithms[current]!.encrypt(key, deflated ? small : plain, head, aad);
    },
    open(key, value, aad) {
      const sealed = asBuffer(value);
      const plain = algorithmOf(sealed, HEAD).decrypt(key, sealed, HEAD, aad);
      if ((sealed[2] as number) & ~DEFLATED)
        throw new SealBroken('seal.unknown_format', 'a sealed value with unknown flags');
      return sealed[2] === DEFLATED ? inflateRawSync(plain, { maxOutputLength: INFLATE_LIMIT }) : plain;
    },
    sealFields(key, number, fields) {
      const sealed: Record<string, Buffer> = Object.create(null);
      for (const [name, value] of Object.entries(fields)) {
        if (value !== null) sealed[name] = cipher.seal(key, Buffer.from(value, 'utf8'), fieldOf(number, name));
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
      const key = macs.get(name);
      if (key === undefined) throw noKey(name);
      return macOf(hash, key, parts);
    },
  };
  return cipher;
}

function macOf(hash: string, key: KeyObject, parts: readonly (string | Uint8Array)[]): Buffer {
  let input = '';
  const hmac = createHmac(hash, key);
  // Texts go in as one: calls into the native side cost more than the bytes.
  for (const part of parts) {
    if (typeof part === 'string') {
      input += lengthMark(Buffer.byteLength(part)) + part;
    } else {
      hmac.update(input + lengthMark(part.byteLength)).update(part);
      input = '';
    }
  }
  return (input === '' ? hmac : hmac.update(input)).digest();
}

/** A length as eight hex digits. */
function lengthMark(length: number): string {
  return length.toString(16).padStart(8, '0');
}

function aesGcm(): Algorithm {
  // Nonce: six random bytes a cipher, then a counter. The counter never comes back within one cipher, and two ciphers with
  // one prefix are as likely as one in 2^48, so a wrapping key never sees a nonce twice.
  const prefix = randomBytes(6);
  let counter = 0;
  return {
    encrypt(key, plain, head, bound) {
      const at = head.length;
      const out = Buffer.allocUnsafe(at + GCM_NONCE + plain.length + GCM_TAG);
      head.copy(out);
      prefix.copy(out, at);
      out.writeUIntBE(++counter, at + 6, 6);
      const cipher = createCipheriv('aes-256-gcm', keyObject(key), out.subarray(at, at + GCM_NONCE));
      cipher.setAAD(boundBytes(head, bound));
      cipher.update(plain).copy(out, at + GCM_NONCE);
      cipher.final();
      cipher.getAuthTag().copy(out, at + GCM_NONCE + plain.length);
      return out;
    },
    decrypt(key, sealed, at, bound) {
      if (sealed.length < at + GCM_NONCE + GCM_TAG) throw broken();
      const decipher = createDecipheriv('aes-256-gcm', keyObject(key), sealed.subarray(at, at + GCM_NONCE), {
        authTagLength: GCM_TAG,
      });
      decipher.setAAD(boundBytes(sealed.subarray(0, at), bound));
      decipher.setAuthTag(sealed.subarray(sealed.length - GCM_TAG));
      const plain = decipher.update(sealed.subarray(at + GCM_NONCE, sealed.length - GCM_TAG));
      try {
        decipher.final();
      } catch (error) {
        throw broken(error);
      }
      return plain;
    },
  };
}

/** Encrypt, then MAC: the key's first half encrypts, its second half authenticates head, bound text, IV and ciphertext. */
function sm4CbcHmacSm3(random: (length: number) => Buffer): Algorithm {
  const tag = (key: Uint8Array, head: Buffer, bound: string, body: Buffer): Buffer => {
    const aad = boundBytes(head, bound);
    return createHmac('sm3', keyObject(key.subarray(KEY_BYTES / 2)))
      .update(lengthMark(aad.length))
      .update(aad)
      .update(body)
      .digest();
  };
  return {
    encrypt(key, plain, head, bound) {
      const iv = random(SM4_BLOCK);
      const cipher = createCipheriv('sm4-cbc', keyObject(key.subarray(0, KEY_BYTES / 2)), iv);
      const body = Buffer.concat([iv, cipher.update(plain), cipher.final()]);
      return Buffer.concat([head, body, tag(key, head, bound, body)]);
    },
    decrypt(key, sealed, at, bound) {
      const end = sealed.length - SM3_BYTES;
      const body = sealed.subarray(at, end);
      if (end < at + 2 * SM4_BLOCK) throw broken();
      if (!timingSafeEqual(tag(key, sealed.subarray(0, at), bound, body), sealed.subarray(end))) throw broken();
      const half = keyObject(key.subarray(0, KEY_BYTES / 2));
      const decipher = createDecipheriv('sm4-cbc', half, body.subarray(0, SM4_BLOCK));
      return Buffer.concat([decipher.update(body.subarray(SM4_BLOCK)), decipher.final()]);
    },
  };
}

/** Node 24 tells a raw key from a key object by a caught exception (10 µs), so raw ones are wrapped first (under 1 µs). */
function keyObject(key: Uint8Array): KeyObject {
  return createSecretKey(key);
}

function boundBytes(head: Buffer, bound: string): Buffer {
  return Buffer.from(head.toString('latin1') + bound, 'utf8');
}

function broken(cause?: unknown): SealBroken {
  return new SealBroken('seal.broken', 'the sealed value does not open: other key, changed bytes or another place', {
    cause,
  });
}

function noKey(name: string): KeyError {
  return new KeyError('keys.missing', {
    zh: `这个线程没有密钥“${name}”。`,
    en: `This thread was not given the key "${name}".`,
  });
}

function wrappings(ring: KeyRing): { byId: Map<string, Wrapping>; current: Map<SealingName, Wrapping> } {
  const byId = new Map<string, Wrapping>();
  const current = new Map<SealingName, Wrapping>();
  for (const name of SEALING_NAMES) {
    for (const key of ring.sealing[name] ?? []) {
      const wrapping = { name, id: Buffer.from(key.id, 'hex'), key: Buffer.from(key.bytes) };
      byId.set(key.id, wrapping);
      current.set(name, wrapping);
    }
  }
  return { byId, current };
}

function macKeys(ring: KeyRing): Map<MacName, KeyObject> {
  const keys = new Map<MacName, KeyObject>();
  for (const name of MAC_NAMES) {
    const bytes = ring.macs[name];
    if (bytes !== undefined) keys.set(name, createSecretKey(bytes));
  }
  return keys;
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
export function packFields(fields: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Uint8Array[] = [Buffer.of(VERSION)];
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
