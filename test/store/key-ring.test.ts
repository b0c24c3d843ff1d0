// Promises of the key ring: where keys may come from, how they rotate, and that wrong ones are named.
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyError } from '../../store/errors.ts';
import { createCipher, fieldOf } from '../../store/field-cipher.ts';
import { unreadable } from '../../store/key-errors.ts';
import {
  createDevelopmentKeys,
  exportRing,
  importRing,
  type KeyRing,
  keyCheckValues,
  loadKeyRing,
  ringChanges,
  rotate,
  sealingKeys,
  verifyKeyCheck,
} from '../../store/key-ring.ts';

function keyError(code: string, named?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof KeyError, String(error));
    assert.equal(error.code, code);
    assert.match(error.zh, /[\u4e00-\u9fff]/);
    assert.doesNotMatch(error.en, /[\u4e00-\u9fff]/);
    if (named !== undefined) assert.ok(error.en.includes(named) && error.zh.includes(named), error.message);
    return true;
  };
}

describe('key ring', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-keys-'));
    file = join(folder, 'keys.json');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('makes development keys once, readable by their owner only, and reads them back', () => {
    const made = createDevelopmentKeys(file, 'gm');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ['keys.json']);
    assert.deepEqual(loadKeyRing({ file }), made);
    assert.equal(made.profile, 'gm');
    assert.throws(() => createDevelopmentKeys(file), keyError('keys.file_exists', file));
  });

  it('makes none in the place of a link to a disk that is away, and says what keeps it from writing', () => {
    symlinkSync(join(folder, 'disk', 'keys.json'), file);
    assert.throws(() => createDevelopmentKeys(file), keyError('keys.file_exists', file));
    assert.deepEqual(readdirSync(folder), ['keys.json']);
    const nowhere = join(folder, 'disk', 'keys.json');
    assert.throws(() => createDevelopmentKeys(nowhere), keyError('keys.unwritable_file', nowhere));
    assert.throws(
      () => createDevelopmentKeys(join(folder, 'other.json'), 'intl', { dataFolder: folder }),
      keyError('keys.inside_data_folder', folder),
    );
  });

  it('takes the keys from HUISU_KEYS before the file, as JSON or as base64 of it', () => {
    const made = createDevelopmentKeys(file, 'intl');
    const text = readFileSync(file, 'utf8');
    const absent = join(folder, 'absent.json');
    assert.deepEqual(loadKeyRing({ file: absent, env: { HUISU_KEYS: text } }), made);
    assert.deepEqual(loadKeyRing({ env: { HUISU_KEYS: Buffer.from(text).toString('base64') } }), made);
  });

  it('refuses a file that others can read', () => {
    createDevelopmentKeys(file);
    chmodSync(file, 0o640);
    assert.throws(() => loadKeyRing({ file }), keyError('keys.file_too_open', 'chmod 600'));
    chmodSync(file, 0o400);
    assert.equal(loadKeyRing({ file }).profile, 'intl');
  });

  it('refuses a file inside the data folder', () => {
    createDevelopmentKeys(file);
    const data = join(folder, 'data');
    mkdirSync(data);
    assert.equal(loadKeyRing({ file, dataFolder: data }).profile, 'intl');
    assert.throws(() => loadKeyRing({ file, dataFolder: folder }), keyError('keys.inside_data_folder', file));
  });

  it('says of a file that belongs to another account whose it has to be, not that it may be lost', () => {
    const { message, code } = unreadable(file, Object.assign(new Error('no'), { code: 'EACCES' }));
    assert.equal(code, 'keys.unreadable_file');
    assert.match(message, /chown/);
    assert.doesNotMatch(message, /lost|丢失/);
  });

  it('says what is wrong with keys that are absent or malformed, without repeating them', () => {
    assert.throws(() => loadKeyRing({}), keyError('keys.missing', 'HUISU_KEYS'));
    assert.throws(() => loadKeyRing({ file }), keyError('keys.unreadable_file', file));
    createDevelopmentKeys(file);
    const whole = JSON.parse(readFileSync(file, 'utf8'));
    const secret = whole.macs.dedupe as string;
    const bad: [string, unknown][] = [
      ['JSON', `{"${secret}`],
      ['format', { ...whole, format: 'other' }],
      ['profile', { ...whole, profile: 'none' }],
      ['sealing.identity', { ...whole, sealing: { ...whole.sealing, identity: [] } }],
      ['macs.audit', { ...whole, macs: { ...whole.macs, audit: secret.slice(4) } }],
      ['sealing.content[0].id', { ...whole, sealing: { ...whole.sealing, content: [{ id: 'x', key: secret }] } }],
    ];
    for (const [named, value] of bad) {
      writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
      assert.throws(
        () => loadKeyRing({ file }),
        error => keyError('keys.malformed', named)(error) && !(error as Error).message.includes(secret),
      );
    }
  });

  it('rotates a sealing key: the new one seals, the old one still opens, and re-wrapping moves a data key over', () => {
    const before = createCipher(createDevelopmentKeys(file));
    const { key, wrapped } = before.newDataKey('content');
    const sealed = before.seal(key, Buffer.from('路灯不亮'), fieldOf('n', 'content'));
    assert.equal(before.rewrap(wrapped), null);

    const ring = rotate(file, 'content');
    assert.equal(sealingKeys(ring, 'content').length, 2);
    assert.equal(sealingKeys(ring, 'identity').length, 1);
    assert.deepEqual(loadKeyRing({ file }), ring);
    const after = createCipher(ring);
    const moved = after.rewrap(wrapped);
    assert.ok(moved !== null);
    assert.deepEqual(after.openDataKey(moved), key);
    assert.equal(after.open(after.openDataKey(wrapped), sealed, fieldOf('n', 'content')).toString(), '路灯不亮');
    assert.throws(() => before.openDataKey(moved), { code: 'seal.unknown_key' });
  });

  it('opens what another process sealed by a key it rotated to meanwhile, and seals by that key from then on', () => {
    const other = createCipher(createDevelopmentKeys(file));
    const here = createCipher(loadKeyRing({ file }), ringChanges({ file }));
    other.renew(rotate(file, 'content'));
    const { key, wrapped } = other.newDataKey('content');
    assert.deepEqual(here.openDataKey(wrapped), key);
    assert.equal(here.rewrap(here.newDataKey('content').wrapped), null);
    assert.equal(other.rewrap(here.newDataKey('content').wrapped), null, 'both wrap by the same key');
  });

  it('forgets no key over a ring that comes later than one that has overtaken it', () => {
    const cipher = createCipher(createDevelopmentKeys(file), ringChanges({ file }));
    const slow = rotate(file, 'content');
    const newest = createCipher(rotate(file, 'content'));
    const { key, wrapped } = newest.newDataKey('content');
    assert.deepEqual(cipher.openDataKey(wrapped), key);
    cipher.renew(slow);
    assert.deepEqual(cipher.openDataKey(wrapped), key);
  });

  it('tells each change of the file once, and never one of keys from the environment', () => {
    createDevelopmentKeys(file);
    const changes = ringChanges({ file });
    assert.equal(changes(), null);
    const ring = rotate(file, 'identity');
    assert.deepEqual(changes(), ring);
    assert.equal(changes(), null);
    const fixed = ringChanges({ file, env: { HUISU_KEYS: readFileSync(file, 'utf8') } });
    rotate(file, 'identity');
    assert.equal(fixed(), null);
  });

  it('keeps the mode of a key file that rotates, and never rotates what redeliveries are known by', () => {
    createDevelopmentKeys(file);
    chmodSync(file, 0o400);
    rotate(file, 'settings');
    assert.equal(statSync(file).mode & 0o777, 0o400);
    assert.throws(() => rotate(file, 'dedupe'), keyError('keys.cannot_rotate', 'dedupe'));
  });

  it('gives another thread only the keys it needs', () => {
    const ring = createDevelopmentKeys(file);
    const there = importRing(structuredClone(exportRing(ring, ['content', 'audit'])));
    assert.deepEqual(Object.keys(keyCheckValues(there)).sort(), [
      'audit',
      `content/${sealingKeys(ring, 'content')[0]?.id}`,
      'profile',
    ]);
    const cipher = createCipher(there);
    assert.deepEqual(cipher.mac('audit', 'x'), createCipher(ring).mac('audit', 'x'));
    assert.throws(() => cipher.mac('index', 'x'), keyError('keys.missing', 'index'));
    assert.throws(() => cipher.newDataKey('identity'), keyError('keys.missing', 'identity'));
    assert.throws(() => exportRing(there, ['query']), keyError('keys.missing', 'query'));
  });

  it('names the key that is missing or another one than the store was made with', () => {
    const ring = createDevelopmentKeys(file);
    const stored = keyCheckValues(ring);
    verifyKeyCheck(stored, ring);
    verifyKeyCheck(stored, rotate(file, 'identity'));

    const id = sealingKeys(ring, 'content')[0]?.id;
    const other: KeyRing = createDevelopmentKeys(join(folder, 'other.json'));
    assert.throws(
      () => verifyKeyCheck(stored, { ...ring, macs: { ...ring.macs, dedupe: other.macs.dedupe as Uint8Array } }),
      keyError('keys.wrong', 'dedupe'),
    );
    assert.throws(() => verifyKeyCheck(stored, other), keyError('keys.missing', `content/${id}`));
    assert.throws(() => verifyKeyCheck(stored, { ...ring, profile: 'gm' }), keyError('keys.other_profile', 'gm'));
  });
});
