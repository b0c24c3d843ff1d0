// HMAC over lists of texts, for keys by which things are known: many a message, each of a few bytes.
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

/** 32 bytes over the parts; each part is preceded by its length, so that no two lists of parts give the same input. */
export type Mac = (parts: readonly (string | Uint8Array)[]) => Buffer;

/** Block of SHA-256 and of SM3, and their output. */
const MAC_BLOCK = 64;
const MAC_BYTES = 32;
/** Texts up to so many bytes are hashed in place. */
const MAC_ROOM = 2048;

/**
 * HMAC (RFC 2104) by two whole hashes over blocks that hold the key already: the object of `createHmac` costs more than
 * hashing such short texts, when it is made and when it is collected. Whatever is long or not text takes that way.
 */
export function createMac(algorithm: 'sha256' | 'sm3', key: Uint8Array): Mac {
  const keyObject = createSecretKey(key);
  const block = key.length > MAC_BLOCK ? hash(algorithm, key, 'buffer') : key;
  const inner = Buffer.alloc(MAC_BLOCK + MAC_ROOM);
  const outer = Buffer.alloc(MAC_BLOCK + MAC_BYTES);
  for (let i = 0; i < MAC_BLOCK; i++) {
    inner[i] = 0x36 ^ (block[i] ?? 0);
    outer[i] = 0x5c ^ (block[i] ?? 0);
  }
  return parts => {
    let input = '';
    for (const part of parts) {
      if (typeof part !== 'string') return macOf(algorithm, keyObject, parts);
      input += lengthMark(Buffer.byteLength(part)) + part;
    }
    // A UTF-16 unit takes at most three bytes.
    if (input.length * 3 > MAC_ROOM) return macOf(algorithm, keyObject, parts);
    const end = MAC_BLOCK + inner.write(input, MAC_BLOCK, 'utf8');
    outer.write(hash(algorithm, inner.subarray(0, end), 'binary'), MAC_BLOCK, 'latin1');
    return Buffer.from(hash(algorithm, outer, 'binary'), 'latin1');
  };
}

function macOf(algorithm: string, key: KeyObject, parts: readonly (string | Uint8Array)[]): Buffer {
  const hmac = createHmac(algorithm, key);
  for (const part of parts) hmac.update(lengthMark(Buffer.byteLength(part))).update(part);
  return hmac.digest();
}

/** A length as eight hex digits. */
export function lengthMark(length: number): string {
  return length.toString(16).padStart(8, '0');
}
