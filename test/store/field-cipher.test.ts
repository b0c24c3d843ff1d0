// Promises of sealing: published vectors, binding to row and field, detection of every change.
import assert from 'node:assert/strict';
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { SealBroken } from '../../store/errors.ts';
import {
  createCipher,
  type FieldCipher,
  fieldOf,
  packFields,
  unpackFields,
  wrappingId,
} from '../../store/field-cipher.ts';
import { createDevelopmentKeys, type Profile, rotate } from '../../store/key-ring.ts';

describe('algorithms of this Node', () => {
  const hex = (text: string) => Buffer.from(text, 'hex');

  it('SM3 gives the values of GB/T 32905', () => {
    const sm3 = (text: string) => createHash('sm3').update(text).digest('hex');
    assert.equal(sm3('abc'), '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0');
    assert.equal(sm3('abcd'.repeat(16)), 'debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732');
  });

  it('HMAC-SM3 agrees with another implementation', () => {
    const mac = createHmac('sm3', hex('00112233445566778899aabbccddeeff')).update('abc').digest('hex');
    assert.equal(mac, '0933617a88d312f6f9fb4b5f200e31a64d655e92f7fa2a43f55dfeeb8ab6788d');
  });

  it('SM4 gives the block of GB/T 32907', () => {
    const block = hex('0123456789abcdeffedcba9876543210');
    const ecb = createCipheriv('sm4-ecb', block, null).setAutoPadding(false);
    assert.equal(ecb.update(block, undefined, 'hex'), '681edf34d206965e86b3e94f536e4246');
    // CBC with a zero IV is ECB on the first block.
    const cbc = createCipheriv('sm4-cbc', block, Buffer.alloc(16)).setAutoPadding(false);
    assert.equal(cbc.update(block, undefined, 'hex'), '681edf34d206965e86b3e94f536e4246');
  });

  it('AES-256-GCM gives test cases 13, 14 and 16 of its specification', () => {
    const seal = (key: string, iv: string, plain: string, aad: string) => {
      const cipher = createCipheriv('aes-256-gcm', hex(key), hex(iv)).setAAD(hex(aad));
      return cipher.update(plain, 'hex', 'hex') + cipher.final('hex') + cipher.getAuthTag().toString('hex');
    };
    const zero = '00'.repeat(32);
    assert.equal(seal(zero, '00'.repeat(12), '', ''), '530f8afbc74536b9a963b4f1c4cb738b');
    assert.equal(
      seal(zero, '00'.repeat(12), '00'.repeat(16), ''),
      'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
    );
    assert.equal(
      seal(
        'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
        'cafebabefacedbaddecaf888',
        'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
        'feedfacedeadbeeffeedfacedeadbeefabaddad2',
      ),
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b',
    );
  });
});

for (const profile of ['intl', 'gm'] as const) {
  describe(`field cipher, profile ${profile}`, () => {
    let folder: string;
    let cipher: FieldCipher;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'huisu-cipher-'));
      cipher = createCipher(createDevelopmentKeys(join(folder, 'keys.json'), profile));
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    it('opens what it sealed, of any length, under the same name only', () => {
      const { key } = cipher.newDataKey('content');
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 9000 }), fc.string(), (plain, aad) => {
          const sealed = cipher.seal(key, plain, aad);
          assert.deepEqual(new Uint8Array(cipher.open(key, sealed, aad)), plain);
          assert.throws(() => cipher.open(key, sealed, `${aad}x`), { name: 'SealBroken', code: 'seal.broken' });
        }),
        { numRuns: 60 },
      );
    });

    it('detects a change of any single byte, and any cut', () => {
      const { key, wrapped } = cipher.newDataKey('identity');
      const sealed = cipher.seal(key, Buffer.from('张三 13800138000'), 'n/name');
      for (const [bytes, open] of [
        [sealed, (value: Buffer) => cipher.open(key, value, 'n/name')],
        [wrapped, (value: Buffer) => cipher.openDataKey(value)],
      ] as const) {
        for (let at = 0; at < bytes.length; at++) {
          const changed = Buffer.from(bytes);
          changed[at] = (changed[at] as number) ^ 1;
          assert.throws(() => open(changed), SealBroken, `byte ${at}`);
          assert.throws(() => open(bytes.subarray(0, at)), SealBroken, `cut at ${at}`);
        }
      }
    });

    it('does not open under the data key of another message, nor under a ring that lacks the wrapping key', () => {
      const one = cipher.newDataKey('content');
      const two = cipher.newDataKey('content');
      const sealed = cipher.seal(one.key, Buffer.from('x'), 'a/b');
      assert.throws(() => cipher.open(two.key, sealed, 'a/b'), { code: 'seal.broken' });
      const stranger = createCipher(createDevelopmentKeys(join(folder, 'other.json'), profile));
      assert.throws(() => stranger.openDataKey(one.wrapped), { code: 'seal.unknown_key' });
    });

    it('wraps a data key anew by the newest key, once, and it stays the same data key', () => {
      const file = join(folder, 'rotated.json');
      const before = createCipher(createDevelopmentKeys(file, profile));
      const { key, wrapped } = before.newDataKey('identity');
      assert.equal(before.rewrap(wrapped), null);
      const ring = rotate(file, 'identity');
      const rotated = createCipher(ring);
      const anew = rotated.rewrap(wrapped);
      assert.ok(anew !== null);
      assert.equal(wrappingId(anew), ring.sealing.identity?.at(-1)?.id);
      assert.notEqual(wrappingId(anew), wrappingId(wrapped));
      assert.deepEqual(rotated.openDataKey(anew), key);
      assert.equal(rotated.rewrap(anew), null);
    });

    it('compresses what is over 8 kB and shrinks, and nothing else', () => {
      const { key } = cipher.newDataKey('content');
      const long = Buffer.from('路灯不亮，请尽快修理。'.repeat(400));
      assert.ok(cipher.seal(key, long, 'a').length < long.length / 4);
      const short = long.subarray(0, 8192);
      assert.ok(cipher.seal(key, short, 'a').length > short.length);
      assert.deepEqual(cipher.open(key, cipher.seal(key, long, 'a'), 'a'), long);
    });

    it('never seals the same bytes twice to the same value', () => {
      const { key } = cipher.newDataKey('content');
      const seen = new Set<string>();
      for (let i = 0; i < 2000; i++) seen.add(cipher.seal(key, Buffer.from('x'), 'a').toString('hex'));
      assert.equal(seen.size, 2000);
      const keys = Array.from({ length: 2000 }, () => cipher.newDataKey('content').key.toString('hex'));
      assert.equal(new Set(keys).size, 2000);
    });

    it('seals a record field by field, so that no field opens under the name of another', () => {
      const { key } = cipher.newDataKey('identity');
      const packed = cipher.sealFields(key, 'n1', { name: '张三', phone: '+8613800138000', email: null });
      assert.deepEqual({ ...cipher.openFields(key, 'n1', packed) }, { name: '张三', phone: '+8613800138000' });
      assert.throws(() => cipher.openFields(key, 'n2', packed), { code: 'seal.broken' });
      const { name, phone } = unpackFields(packed);
      assert.throws(
        () => cipher.openFields(key, 'n1', packFields({ name: phone as Buffer, phone: name as Buffer })),
        SealBroken,
      );
    });

    it('tells lists of parts apart that would read the same when joined', () => {
      const macs = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc']].map(parts =>
        cipher.mac('dedupe', ...parts).toString('hex'),
      );
      assert.equal(new Set(macs).size, macs.length);
      assert.deepEqual(cipher.mac('dedupe', 'a', '浐'), cipher.mac('dedupe', Buffer.from('a'), Buffer.from('浐')));
      assert.notDeepEqual(cipher.mac('dedupe', 'a'), cipher.mac('index', 'a'));
      assert.equal(cipher.mac('query').length, 32);
    });
  });
}

describe('packed records', () => {
  it('come back as they were, and a cut one is refused', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 40 })), fields => {
        const packed = packFields(fields);
        const back = Object.entries(unpackFields(packed)).map(([name, bytes]) => [name, new Uint8Array(bytes)]);
        assert.deepEqual(back, Object.entries(fields));
        if (packed.length > 1) assert.throws(() => unpackFields(packed.subarray(0, packed.length - 1)), SealBroken);
      }),
    );
  });

  it('a ring of one profile still opens what another profile sealed under the same keys', () => {
    const folder = mkdtempSync(join(tmpdir(), 'huisu-cipher-'));
    const ring = createDevelopmentKeys(join(folder, 'keys.json'), 'intl');
    rmSync(folder, { recursive: true });
    const under = (profile: Profile) => createCipher({ ...ring, profile });
    const { key, wrapped } = under('gm').newDataKey('content');
    const sealed = under('gm').seal(key, Buffer.from('x'), fieldOf('n', 'f'));
    assert.deepEqual(under('intl').openDataKey(wrapped), key);
    assert.equal(under('intl').open(key, sealed, fieldOf('n', 'f')).toString(), 'x');
    assert.notEqual(under('intl').rewrap(wrapped), null);
  });
});
