// The MAC over lists of texts is HMAC, whichever way the bytes take.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { createMac } from '../../store/mac.ts';

/** The same by the library: each part after its length in eight hex digits. */
function reference(algorithm: string, key: Uint8Array, parts: readonly (string | Uint8Array)[]): Buffer {
  const hmac = createHmac(algorithm, key);
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    hmac.update(bytes.byteLength.toString(16).padStart(8, '0')).update(bytes);
  }
  return hmac.digest();
}

for (const algorithm of ['sha256', 'sm3'] as const) {
  describe(`MAC by ${algorithm}`, () => {
    it('is HMAC with keys shorter, as long as, and longer than a block', () => {
      for (const length of [0, 1, 32, 63, 64, 65, 200]) {
        const key = Buffer.alloc(length, 0xa7);
        const parts = ['dedupe', '诉求-1'];
        assert.deepEqual(createMac(algorithm, key)(parts), reference(algorithm, key, parts), `key of ${length}`);
      }
    });

    it('is HMAC of texts and bytes of any length, one after the other under one key', () => {
      const key = Buffer.alloc(32, 7);
      const mac = createMac(algorithm, key);
      const text = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.string({ minLength: 600, maxLength: 800 }),
      );
      const part = fc.oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) });
      fc.assert(
        fc.property(fc.array(part, { maxLength: 4 }), parts => {
          assert.deepEqual(mac(parts), reference(algorithm, key, parts));
        }),
        { numRuns: 500 },
      );
    });

    it('leaves nothing of a longer text behind for a shorter one', () => {
      const key = Buffer.alloc(32, 9);
      const mac = createMac(algorithm, key);
      for (const length of [0, 680, 3, 681, 682, 683, 2048, 1]) {
        const parts = ['x'.repeat(length), '号'];
        assert.deepEqual(mac(parts), reference(algorithm, key, parts), `${length}`);
      }
    });
  });
}
