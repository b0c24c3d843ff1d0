// Promises of rotating beside others: no key that was told of, or has sealed anything, is ever out of the file.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCipher } from '../../store/field-cipher.ts';
import { createDevelopmentKeys, loadKeyRing, rotate, SEALING_NAMES, sealingKeys } from '../../store/key-ring.ts';

const PROCESS = join(import.meta.dirname, 'fixtures', 'rotating-process.ts');
const HOLDER = join(import.meta.dirname, 'fixtures', 'holding-process.ts');

interface Told {
  readonly id: string;
  readonly wrapped: string;
}

describe('key rotation beside others', function () {
  this.timeout(120_000);
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-rotation-'));
    file = join(folder, 'keys.json');
    createDevelopmentKeys(file);
  });
  const children = new Set<ChildProcess>();
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(program: string, ...args: readonly string[]): ChildProcess {
    const child = fork(program, args);
    children.add(child);
    return child;
  }

  /** Processes that are ready to rotate; all that they tell of is put down. */
  async function rotating(count: number, times: number, told: Told[]): Promise<readonly ChildProcess[]> {
    const begun = Array.from({ length: count }, () => start(PROCESS, file, String(times)));
    await Promise.all(begun.map(child => once(child, 'message')));
    for (const child of begun) child.on('message', message => told.push(message as Told));
    return begun;
  }

  function assertAllThere(told: readonly Told[]): void {
    const ring = loadKeyRing({ file });
    const ids = new Set(SEALING_NAMES.flatMap(name => sealingKeys(ring, name).map(({ id }) => id)));
    const lost = told.filter(({ id }) => !ids.has(id)).length;
    assert.equal(lost, 0, `${lost} of ${told.length} keys that were told of are lost`);
    const cipher = createCipher(ring);
    for (const { wrapped } of told) assert.equal(cipher.openDataKey(Buffer.from(wrapped, 'base64')).length, 32);
  }

  it('loses no key of many processes that rotate in the same instant', async () => {
    const told: Told[] = [];
    const begun = await rotating(6, 12, told);
    const ended = Promise.all(begun.map(child => once(child, 'exit')));
    for (const child of begun) child.send('go');
    assert.deepEqual(
      (await ended).map(([code]) => code),
      begun.map(() => 0),
    );
    assert.equal(told.length, 6 * 12);
    assertAllThere(told);
    const ring = loadKeyRing({ file });
    assert.equal(SEALING_NAMES.flatMap(name => sealingKeys(ring, name)).length, 3 + 6 * 12);
  });

  it('is held up by no process that was killed, whatever it was about, and finds a whole file', async () => {
    const told: Told[] = [];
    const begun = await rotating(4, 1000, told);
    const ended = Promise.all(begun.map(child => once(child, 'exit')));
    for (const child of begun) child.send('go');
    for (const [place, child] of begun.entries()) {
      while (told.length < (place + 1) * 9) await once(child, 'message');
      child.kill('SIGKILL');
    }
    await ended;
    assertAllThere(told);
    const id = sealingKeys(rotate(file, 'content'), 'content').at(-1)?.id as string;
    assert.ok(sealingKeys(loadKeyRing({ file }), 'content').some(key => key.id === id));
  });

  it('says so where another process does not let go of the file, and goes on once that one has ended', async () => {
    const child = start(HOLDER, `${file}.lock`);
    await once(child, 'message');
    const ended = once(child, 'exit');
    assert.throws(() => rotate(file, 'content', new Date(), 50), { code: 'keys.in_use' });
    assert.equal(sealingKeys(loadKeyRing({ file }), 'content').length, 1);
    child.kill('SIGKILL');
    await ended;
    assert.equal(sealingKeys(rotate(file, 'content', new Date(), 50), 'content').length, 2);
  });

  it('leaves no lock behind beside a file that is not there', () => {
    const nowhere = join(folder, 'nowhere.json');
    assert.throws(() => rotate(nowhere, 'content'), { code: 'keys.unreadable_file' });
    assert.deepEqual(readdirSync(folder), ['keys.json']);
  });

  it('changes the file that a link leads to, not the link', () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const real = join(disk, 'keys.json');
    createDevelopmentKeys(real);
    const link = join(folder, 'link.json');
    symlinkSync(real, link);
    const ring = rotate(link, 'identity');
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.deepEqual(loadKeyRing({ file: real }), ring);
    assert.ok(!readdirSync(folder).some(name => name.startsWith('link.json.')));
  });
});
