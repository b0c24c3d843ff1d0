// Keyed hashes, comparison in constant time, and Standard Webhooks 1.0 on raw bytes.
import {
  createHash,
  createHmac,
  createSecretKey,
  hash,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/** A secret as published by Standard Webhooks: `whsec_` and the base64 of 24 to 64 random bytes. */
const SECRET = /^whsec_(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const SECRET_BYTES = { least: 24, most: 64 };
/** Printable ASCII without spaces: what survives every proxy unchanged. */
const WEBHOOK_ID = /^[\x21-\x7e]{1,256}$/;
const UNIX_SECONDS = /^[0-9]{1,12}$/;
/** Version and base64 of 32 bytes, by its strict alphabet: Node decodes whatever follows the padding, too. */
const V1 = /^v1,([A-Za-z0-9+/]{43}=),?$/;
/** Signatures looked at in one header; more can only be an attempt to make us busy. */
const MOST_SIGNATURES = 16;

/** Seconds a timestamp may lie in the past or in the future. */
export const WEBHOOK_TOLERANCE_SECONDS = 300;

export type KeyedHash = 'sha1' | 'sha256' | 'sha512' | 'sm3';

/** HMAC over the parts in their order, without joining them first. */
export function hmac(
  algorithm: KeyedHash,
  key: KeyObject | Uint8Array | string,
  ...parts: (Uint8Array | string)[]
): Buffer {
  const mac = createHmac(algorithm, key);
  for (const part of parts) mac.update(part);
  // By way of a text the bytes lie in Node's pool: a buffer of their own costs more than the digest.
  return Buffer.from(mac.digest('binary'), 'latin1');
}

/** Of SHA-256: what it takes in at once, and what it gives. */
const BLOCK = 64;
const DIGEST = 32;
/** Head and body of up to so many bytes together are hashed in place. */
const ROOM = 16 * 1024;

const room = Buffer.alloc(BLOCK + ROOM);
const pads = new WeakMap<KeyObject, { readonly inner: Buffer; readonly outer: Buffer }>();

/** The two blocks that hold a key, for one no longer than a block. */
function padsOf(key: KeyObject): { readonly inner: Buffer; readonly outer: Buffer } {
  const known = pads.get(key);
  if (known !== undefined) return known;
  const bytes = key.export();
  const made = { inner: Buffer.alloc(BLOCK), outer: Buffer.alloc(BLOCK + DIGEST) };
  for (let i = 0; i < BLOCK; i++) {
    made.inner[i] = 0x36 ^ (bytes[i] ?? 0);
    made.outer[i] = 0x5c ^ (bytes[i] ?? 0);
  }
  pads.set(key, made);
  return made;
}

/** HMAC-SHA256 (RFC 2104) by two whole hashes: the object of `createHmac` costs more than hashing a body of usual size. */
function sha256Of(key: KeyObject, head: string, body: Uint8Array | string): Buffer {
  const most = (head.length + (typeof body === 'string' ? body.length : 0)) * 3 + body.length;
  if (most > ROOM || (key.symmetricKeySize ?? BLOCK + 1) > BLOCK) return hmac('sha256', key, head, body);
  const { inner, outer } = padsOf(key);
  room.set(inner);
  let end = BLOCK + room.write(head, BLOCK, 'utf8');
  if (typeof body === 'string') end += room.write(body, end, 'utf8');
  else {
    room.set(body, end);
    end += body.length;
  }
  outer.write(hash('sha256', room.subarray(0, end), 'binary'), BLOCK, 'latin1');
  return Buffer.from(hash('sha256', outer, 'binary'), 'latin1');
}

/** Compares two digests in constant time; unequal lengths are simply not the same (`timingSafeEqual` would throw). */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

/** Compares two texts (tokens, hex signatures) without telling by time how far they agree, nor how long the right one is. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

/** Makes a new secret; 32 random bytes unless told otherwise. */
export function newSecret(bytes = 32): string {
  if (bytes < SECRET_BYTES.least || bytes > SECRET_BYTES.most) throw new RangeError('a secret has 24 to 64 bytes');
  return `whsec_${randomBytes(bytes).toString('base64')}`;
}

/** Whether a text is a secret of the right form and length. */
export function isSecret(text: string): boolean {
  return SECRET.test(text) && lengthFits(secretBytes(text));
}

/** The key in a secret. Throws a `RangeError` that does not repeat the secret. */
export function secretKey(secret: string): KeyObject {
  if (!isSecret(secret)) throw new RangeError('a secret is whsec_ and the base64 of 24 to 64 bytes');
  return createSecretKey(secretBytes(secret));
}

function secretBytes(secret: string): Buffer {
  return Buffer.from(secret.slice('whsec_'.length), 'base64');
}

function lengthFits(bytes: Buffer): boolean {
  return bytes.length >= SECRET_BYTES.least && bytes.length <= SECRET_BYTES.most;
}

/** Why a request is not authentic. For counters and our own log; the sender is told none of it. */
export type SignatureFault =
  | 'header_missing'
  | 'id_malformed'
  | 'timestamp_malformed'
  | 'timestamp_out_of_window'
  | 'signature_wrong';

export type WebhookVerdict =
  | {
      readonly ok: true;
      readonly id: string;
      /** Unix seconds, as signed. */
      readonly timestamp: number;
      /** Which of the keys matched, so that an operator sees when the old one is no longer in use. */
      readonly key: number;
    }
  | { readonly ok: false; readonly fault: SignatureFault };

export interface WebhookCheck {
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The raw bytes: a body decoded and encoded again is another body. */
  readonly body: Uint8Array;
  /** All keys valid at this time, the newest first. */
  readonly keys: readonly KeyObject[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly toleranceSeconds?: number;
}

/**
 * Checks `webhook-id`, `webhook-timestamp` and `webhook-signature` (Standard Webhooks 1.0, symmetric scheme `v1`).
 * Several signatures in the header and several keys are tried; versions other than v1 are passed over. Never throws.
 */
export function verifyWebhook(check: WebhookCheck): WebhookVerdict {
  const id = check.headers['webhook-id'];
  const timestamp = check.headers['webhook-timestamp'];
  const signatures = check.headers['webhook-signature'];
  if (id === undefined || timestamp === undefined || signatures === undefined) return fault('header_missing');
  if (!WEBHOOK_ID.test(id)) return fault('id_malformed');
  if (!UNIX_SECONDS.test(timestamp)) return fault('timestamp_malformed');
  const seconds = Number(timestamp);
  const tolerance = check.toleranceSeconds ?? WEBHOOK_TOLERANCE_SECONDS;
  if (Math.abs(check.now / 1000 - seconds) > tolerance) return fault('timestamp_out_of_window');
  const key = matchingKey(check.keys, v1Digests(signatures), `${id}.${timestamp}.`, check.body);
  return key === -1 ? fault('signature_wrong') : { ok: true, id, timestamp: seconds, key };
}

function fault(reason: SignatureFault): WebhookVerdict {
  return { ok: false, fault: reason };
}

function v1Digests(header: string): Buffer[] {
  const digests: Buffer[] = [];
  // A header sent twice arrives joined by ", ", hence the comma that may end an entry.
  for (const entry of header.split(' ', MOST_SIGNATURES)) {
    const match = V1.exec(entry);
    if (match?.[1] !== undefined) digests.push(Buffer.from(match[1], 'base64'));
  }
  return digests;
}

function matchingKey(keys: readonly KeyObject[], given: readonly Buffer[], prefix: string, body: Uint8Array): number {
  if (given.length === 0) return -1;
  for (const [place, key] of keys.entries()) {
    const expected = sha256Of(key, prefix, body);
    for (const digest of given) if (timingSafeEqual(digest, expected)) return place;
  }
  return -1;
}

/** One `v1,…` signature. */
export function signWebhook(
  key: KeyObject,
  message: { id: string; timestamp: number; body: Uint8Array | string },
): string {
  return `v1,${sha256Of(key, `${message.id}.${message.timestamp}.`, message.body).toString('base64')}`;
}

/** The three headers of a signed webhook, one signature a key (several while secrets rotate). */
export function webhookHeaders(
  keys: readonly KeyObject[],
  message: { readonly id: string; readonly body: Uint8Array | string; readonly now: number },
): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string> {
  const timestamp = Math.floor(message.now / 1000);
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': keys.map(key => signWebhook(key, { id: message.id, timestamp, body: message.body })).join(' '),
  };
}
