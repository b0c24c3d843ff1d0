// The two algorithms that seal: AES-256-GCM, and SM4-CBC with HMAC-SM3 (GB/T 32907, 32905) for the gm profile.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto';
import { SealBroken } from './errors.ts';
import { lengthMark } from './mac.ts';

/** A key as an algorithm uses it: made once where the key is used more than once. */
export type ReadyKey = readonly KeyObject[];

/** The bytes of one algorithm between head and end; `aad` is what is authenticated besides. */
export interface Algorithm {
  ready(key: Uint8Array): ReadyKey;
  encrypt(key: ReadyKey, plain: Uint8Array, head: Buffer, aad: Buffer): Buffer;
  decrypt(key: ReadyKey, sealed: Buffer, headLength: number, aad: Buffer): Buffer;
}

const KEY_BYTES = 32;
const GCM_NONCE = 12;
const GCM_TAG = 16;
const SM4_BLOCK = 16;
const SM3_BYTES = 32;

export function aesGcm(): Algorithm {
  // Nonce: six random bytes a cipher, then a counter. The counter never comes back within one cipher, and two ciphers with
  // one prefix are as likely as one in 2^48, so a wrapping key never sees a nonce twice.
  const nonce = Buffer.alloc(GCM_NONCE);
  randomFillSync(nonce, 0, 6);
  let counter = 0;
  return {
    ready: key => [createSecretKey(key)],
    encrypt([key], plain, head, aad) {
      const at = head.length;
      const out = Buffer.allocUnsafe(at + GCM_NONCE + plain.length + GCM_TAG);
      nonce.writeUIntBE(++counter, 6, 6);
      out.set(head);
      out.set(nonce, at);
      const cipher = createCipheriv('aes-256-gcm', key as KeyObject, nonce);
      cipher.setAAD(aad);
      out.set(cipher.update(plain), at + GCM_NONCE);
      cipher.final();
      out.set(cipher.getAuthTag(), at + GCM_NONCE + plain.length);
      return out;
    },
    decrypt([key], sealed, at, aad) {
      if (sealed.length < at + GCM_NONCE + GCM_TAG) throw broken();
      const decipher = createDecipheriv('aes-256-gcm', key as KeyObject, sealed.subarray(at, at + GCM_NONCE), {
        authTagLength: GCM_TAG,
      });
      decipher.setAAD(aad);
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
export function sm4CbcHmacSm3(random: (length: number) => Buffer): Algorithm {
  const tag = (key: KeyObject, aad: Buffer, body: Buffer): Buffer =>
    createHmac('sm3', key).update(lengthMark(aad.length)).update(aad).update(body).digest();
  return {
    ready: key => [createSecretKey(key.subarray(0, KEY_BYTES / 2)), createSecretKey(key.subarray(KEY_BYTES / 2))],
    encrypt([key, macKey], plain, head, aad) {
      const iv = random(SM4_BLOCK);
      const cipher = createCipheriv('sm4-cbc', key as KeyObject, iv);
      const body = Buffer.concat([iv, cipher.update(plain), cipher.final()]);
      return Buffer.concat([head, body, tag(macKey as KeyObject, aad, body)]);
    },
    decrypt([key, macKey], sealed, at, aad) {
      const end = sealed.length - SM3_BYTES;
      const body = sealed.subarray(at, end);
      if (end < at + 2 * SM4_BLOCK) throw broken();
      if (!timingSafeEqual(tag(macKey as KeyObject, aad, body), sealed.subarray(end))) throw broken();
      const decipher = createDecipheriv('sm4-cbc', key as KeyObject, body.subarray(0, SM4_BLOCK));
      return Buffer.concat([decipher.update(body.subarray(SM4_BLOCK)), decipher.final()]);
    },
  };
}

function broken(cause?: unknown): SealBroken {
  return new SealBroken('seal.broken', 'the sealed value does not open: other key, changed bytes or another place', {
    cause,
  });
}
