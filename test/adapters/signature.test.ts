// Signatures: published vectors, and every way a signature can be wrong.
import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import {
  hmac,
  isSecret,
  newSecret,
  sameBytes,
  sameText,
  secretKey,
  signWebhook,
  verifyWebhook,
  type WebhookCheck,
  webhookHeaders,
} from '../../adapters/kit/signature.ts';
import vectors from './vectors.json' with { type: 'json' };

const { standardWebhooks } = vectors;
const key = secretKey(standardWebhooks.secret);
const body = Buffer.from(standardWebhooks.body);
const good: WebhookCheck = {
  headers: {
    'webhook-id': standardWebhooks.id,
    'webhook-timestamp': String(standardWebhooks.timestamp),
    'webhook-signature': standardWebhooks.signature,
  },
  body,
  keys: [key],
  now: standardWebhooks.timestamp * 1000,
};
const withHeaders = (headers: Record<string, string | undefined>): WebhookCheck => ({
  ...good,
  headers: { ...good.headers, ...headers },
});
const faultOf = (check: WebhookCheck): string => {
  const verdict = verifyWebhook(check);
  return verdict.ok ? 'none' : verdict.fault;
};

describe('signature kit', () => {
  it('agrees with the published vectors', () => {
    const { id, timestamp, signature } = standardWebhooks;
    assert.equal(signWebhook(key, { id, timestamp, body }), signature);
    assert.deepEqual(verifyWebhook(good), { ok: true, id, timestamp, key: 0 });
    assert.equal(hmac('sha256', vectors.github.secret, vectors.github.body).toString('hex'), vectors.github.sha256);
    assert.equal(hmac('sha256', vectors.stripe.secret, vectors.stripe.signed).toString('hex'), vectors.stripe.sha256);
    const sm3 = hmac('sm3', Buffer.from(vectors.hmacSm3.keyHex, 'hex'), vectors.hmacSm3.message);
    assert.equal(sm3.toString('hex'), vectors.hmacSm3.sm3);
  });

  it('signs heads and bodies of every size as the plain HMAC does, whatever the length of the key', () => {
    const size = fc.oneof(fc.nat(300), fc.integer({ min: 16_000, max: 17_000 }));
    const content = fc.oneof(
      fc.tuple(fc.nat(255), size).map(([byte, length]) => new Uint8Array(length).fill(byte)),
      fc
        .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }), size)
        .map(([text, times]) => text.repeat(times)),
    );
    const keys = fc.uint8Array({ minLength: 1, maxLength: 130 }).map(bytes => createSecretKey(bytes));
    fc.assert(
      fc.property(
        keys,
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.nat(),
        content,
        (other, id, timestamp, told) => {
          const plain = createHmac('sha256', other).update(`${id}.${timestamp}.`).update(told).digest('base64');
          assert.equal(signWebhook(other, { id, timestamp, body: told }), `v1,${plain}`);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('takes one good signature among bad and unknown ones, joined by spaces or by a second header', () => {
    const { signature } = standardWebhooks;
    for (const header of [
      `v1,AAAA v1a,xyz v2,${signature.slice(3)} ${signature}`,
      `${signature}, v1,AAAA`,
      `v1,${Buffer.alloc(32).toString('base64')} ${signature}`,
    ]) {
      assert.equal(faultOf(withHeaders({ 'webhook-signature': header })), 'none', header);
    }
  });

  it('tries every key and tells which one matched', () => {
    const keys = [secretKey(newSecret()), key];
    assert.deepEqual(verifyWebhook({ ...good, keys }), { ...verifyWebhook(good), key: 1 });
    assert.equal(faultOf({ ...good, keys: [] }), 'signature_wrong');
  });

  it('allows 300 seconds either way and not one more', () => {
    for (const seconds of [-300, 0, 300]) assert.equal(faultOf({ ...good, now: good.now + seconds * 1000 }), 'none');
    for (const seconds of [-301, 301, 86_400]) {
      assert.equal(faultOf({ ...good, now: good.now + seconds * 1000 }), 'timestamp_out_of_window');
    }
  });

  it('names what is missing or malformed', () => {
    for (const header of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
      assert.equal(faultOf(withHeaders({ [header]: undefined })), 'header_missing');
    }
    for (const id of ['', 'a b', 'a\n', '订单', 'x'.repeat(257)])
      assert.equal(faultOf(withHeaders({ 'webhook-id': id })), 'id_malformed');
    for (const time of ['', '-1', '1e9', '1614265330.5', ' 1614265330', '0x60']) {
      assert.equal(faultOf(withHeaders({ 'webhook-timestamp': time })), 'timestamp_malformed');
    }
  });

  it('refuses signatures that are short, long, of another version, hex, or empty, and never throws', () => {
    const raw = standardWebhooks.signature.slice(3);
    for (const signature of [
      '',
      'v1,',
      'v1',
      raw,
      `v1a,${raw}`,
      `v1,${raw.slice(0, 20)}`,
      `v1,${raw}AAAA`,
      'v1,==',
      ' ',
    ]) {
      assert.equal(faultOf(withHeaders({ 'webhook-signature': signature })), 'signature_wrong', signature);
    }
    const header = fc.string({ unit: 'binary', maxLength: 200 });
    fc.assert(
      fc.property(header, header, header, fc.uint8Array(), (id, timestamp, signature, bytes) => {
        const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
        assert.equal(verifyWebhook({ ...good, headers, body: bytes }).ok, false);
        assert.equal(faultOf(withHeaders({ 'webhook-signature': `v1,${signature}` })), 'signature_wrong');
      }),
      { numRuns: 1_000 },
    );
  });

  it('refuses a body with any one bit changed, and takes bytes that are no text', () => {
    const bytes = Buffer.from([0xc2, 0xb7, 0xff, 0x00, 0xfe]);
    const headers = webhookHeaders([key], { id: 'm', body: bytes, now: good.now });
    assert.equal(faultOf({ ...good, headers, body: bytes }), 'none');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(faultOf({ ...good, headers, body: changed }), 'signature_wrong');
    }
  });

  it('signs with several keys at once while secrets rotate', () => {
    const other = secretKey(newSecret());
    const headers = webhookHeaders([other, key], { id: 'm', body, now: good.now });
    assert.equal(headers['webhook-signature'].split(' ').length, 2);
    assert.equal(faultOf({ ...good, headers }), 'none');
    assert.equal(faultOf({ ...good, headers, keys: [other] }), 'none');
  });

  it('makes secrets of 24 to 64 bytes and takes no others', () => {
    const secret = newSecret();
    assert.ok(isSecret(secret));
    assert.notEqual(secret, newSecret());
    assert.ok(isSecret(newSecret(24)) && isSecret(newSecret(64)));
    assert.throws(() => newSecret(23), RangeError);
    for (const bad of [
      '',
      'whsec_',
      `whsec_${Buffer.alloc(23).toString('base64')}`,
      `whsec_${Buffer.alloc(65).toString('base64')}`,
      secret.slice(6),
      `${secret}=`,
      'whsec_!!!!',
    ]) {
      assert.equal(isSecret(bad), false, bad);
      assert.throws(
        () => secretKey(bad),
        (error: Error) =>
          error instanceof RangeError && (bad === '' || !error.message.includes(bad) || bad === 'whsec_'),
      );
    }
  });

  it('compares without throwing on unequal length', () => {
    assert.equal(sameBytes(Buffer.from('ab'), Buffer.from('abc')), false);
    assert.equal(sameBytes(Buffer.from('abc'), Buffer.from('abc')), true);
    assert.equal(sameText('token', 'tokem'), false);
    assert.equal(sameText('token', 'token-and-more'), false);
    assert.equal(sameText('令牌', '令牌'), true);
  });
});
