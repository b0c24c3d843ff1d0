// A blob in a file is told of as kept only once neither its bytes nor its name can be lost with the power.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { createFileBlobs } from '../../store/blobs.ts';

const NAME = 'ab'.repeat(32);
const BYTES = Buffer.alloc(100_000, 'x');

describe('a blob in a file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-blobs-'));
  });
  afterEach(() => {
    mock.restoreAll();
    rmSync(folder, { recursive: true, force: true });
  });

  const file = () => join(folder, 'blobs', 'ab', NAME);

  /** What was made durable, in order: how many bytes of a file, or a folder; and whether the blob had its name by then. */
  async function watched(): Promise<{ readonly of: number | 'folder'; readonly named: boolean }[]> {
    const synced: { of: number | 'folder'; named: boolean }[] = [];
    const handle = await open(folder, 'r');
    const kind = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const { sync } = kind;
    mock.method(kind, 'sync', async function (this: FileHandle) {
      const stats = await this.stat();
      synced.push({ of: stats.isDirectory() ? 'folder' : stats.size, named: existsSync(file()) });
      return sync.call(this);
    });
    return synced;
  }

  it('is whole on the disk before it has its name, and the name and its folders are before anybody is told', async () => {
    const synced = await watched();
    await createFileBlobs(folder).put(NAME, BYTES);
    const named = { of: 'folder', named: true };
    assert.deepEqual(synced, [{ of: BYTES.length, named: false }, named, named, named]);
    assert.deepEqual(readdirSync(join(folder, 'blobs', 'ab')), [NAME]);
  });

  it('that is there already is told of only once its name is on the disk: another may just have given it', async () => {
    const blobs = createFileBlobs(folder);
    await blobs.put(NAME, BYTES);
    const synced = await watched();
    await blobs.put(NAME, BYTES);
    assert.deepEqual(synced, [{ of: 'folder', named: true }]);
  });
});
