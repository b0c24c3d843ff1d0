// Files that channels keep outside of the store: sealed piece by piece, opened whole, by their own channel alone.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openForChannel, sealForChannel } from '../../../gateway/channels/channel-seal.ts';
import { SealBroken } from '../../../store/errors.ts';
import { createCipher } from '../../../store/field-cipher.ts';
import { createDevelopmentKeys } from '../../../store/key-ring.ts';

describe('a sealed file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-seal-'));
  const cipher = createCipher(createDevelopmentKeys(join(folder, 'keys.json')));
  const other = createCipher(createDevelopmentKeys(join(folder, 'other.json')));
  const seal = (bytes: Uint8Array) => sealForChannel(cipher, 'letters', bytes);

  after(() => rmSync(folder, { recursive: true }));

  for (const size of [0, 1, 1024 * 1024, 2 * 1024 * 1024 + 5]) {
    it(`of ${size} bytes opens as it was`, async () => {
      const bytes = Buffer.alloc(size, '路灯');
      const sealed = await seal(bytes);
      assert.ok(!sealed.includes('路灯'));
      assert.deepEqual(openForChannel(cipher, 'letters', sealed), bytes);
    });
  }

  it('does not open for another channel, other keys, changed bytes, or with a piece cut off', async () => {
    const sealed = await seal(Buffer.alloc(3 * 1024 * 1024, 'x'));
    assert.throws(() => openForChannel(cipher, 'other', sealed), SealBroken);
    assert.throws(() => openForChannel(other, 'letters', sealed), SealBroken);
    const changed = Buffer.from(sealed);
    changed[changed.length - 20] = (changed[changed.length - 20] as number) ^ 1;
    assert.throws(() => openForChannel(cipher, 'letters', changed), SealBroken);
    for (const cut of [0, 10, 40, sealed.length - 3000, sealed.length - 1]) {
      assert.throws(() => openForChannel(cipher, 'letters', sealed.subarray(0, cut)), SealBroken);
    }
    assert.throws(() => openForChannel(cipher, 'letters', Buffer.from('编号,内容')), SealBroken);
  });
});
