// The disk of the power-cut rig keeps what was synced and may forget the rest.
import assert from 'node:assert/strict';
import { seeded } from '../../bench/random.ts';
import { CUTS, forgetfulDisk, SECTOR } from './power-cut/disk.ts';
import type { FileEvent } from './power-cut/log.ts';

const open: FileEvent = { kind: 'open', file: 0, name: 'db' };
const write = (offset: number, bytes: Buffer): FileEvent => ({ kind: 'write', file: 0, offset, bytes });
const begin = (turn: number): FileEvent => ({ kind: 'sync-begin', file: 0, turn });
const end = (turn: number): FileEvent => ({ kind: 'sync-end', file: 0, turn });

function diskAfter(...events: FileEvent[]) {
  const disk = forgetfulDisk();
  for (const event of [open, ...events]) disk.take(event);
  return disk;
}

const text = (disk: ReturnType<typeof diskAfter>, cut: (typeof CUTS)[number]): string =>
  disk.cut(cut, seeded(1)).get('db')!.toString();

describe('the forgetful disk', () => {
  it('keeps what a finished sync covers, whatever the cut', () => {
    const disk = diskAfter(write(0, Buffer.from('kept')), begin(0), end(0));
    for (const cut of CUTS) assert.equal(text(disk, cut), 'kept');
  });
  it('drops what no sync covers', () => {
    assert.equal(text(diskAfter(write(0, Buffer.from('gone'))), 'dropped'), '');
  });
  it('promises nothing of a sync that has only begun', () => {
    assert.equal(text(diskAfter(write(0, Buffer.from('gone')), begin(0)), 'dropped'), '');
  });
  it('does not cover with a sync what was written after it began', () => {
    const disk = diskAfter(write(0, Buffer.from('one')), begin(0), write(3, Buffer.from('two')), end(0));
    assert.equal(text(disk, 'dropped'), 'one');
    assert.equal(disk.unsynced(), 3);
  });
  it('takes a sync that ends late for what it covered only, also when another came between', () => {
    const disk = diskAfter(
      write(0, Buffer.from('aa')),
      begin(0),
      write(0, Buffer.from('bb')),
      begin(1),
      end(1),
      end(0),
    );
    assert.equal(text(disk, 'dropped'), 'bb');
  });
  it('tears writes at sectors and nowhere else', () => {
    const disk = diskAfter(write(0, Buffer.alloc(SECTOR * 64, 1)));
    let torn = 0;
    for (let seed = 0; seed < 20; seed++) {
      const bytes = disk.cut('torn', seeded(seed)).get('db')!;
      for (let at = 0; at < bytes.length; at += SECTOR)
        assert.equal(new Set(bytes.subarray(at, at + SECTOR)).size, 1, 'a sector is whole or missing');
      if (bytes.includes(0) && bytes.includes(1)) torn++;
    }
    assert.ok(torn > 0);
  });
  it('follows truncation, removal and renaming', () => {
    const disk = diskAfter(write(0, Buffer.from('long')), { kind: 'truncate', file: 0, size: 2 }, begin(0), end(0), {
      kind: 'rename',
      file: 0,
      name: 'moved',
    });
    assert.deepEqual(
      [...disk.whole()].map(([name, bytes]) => [name, bytes.toString()]),
      [['moved', 'lo']],
    );
    disk.take({ kind: 'unlink', file: 0 });
    assert.equal(disk.whole().size, 0);
  });
});
