// Changes of a channel that come in the same instant: none is taken back by another, and whoever is late is told.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../../config/load.ts';
import { type Foundation, openFoundation } from '../../../gateway/foundation.ts';
import { replaced } from '../settings/reloading.ts';

describe('the book of channels', () => {
  let folder: string;
  let foundation: Foundation;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-book-'));
    const file = join(folder, 'huisu.yaml');
    replaced(file, 'data: ./data\nkeys: { file: ./keys.json }\n');
    const onFatal = (error: Error) => {
      throw error;
    };
    foundation = await openFoundation(loadConfig({ file, env: {} }), { env: {}, onFatal });
  });
  afterEach(async () => {
    await foundation.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const secrets = async () => {
    const channel = await foundation.book.find('app-1');
    return (channel?.settings as { readonly secrets?: readonly string[] } | undefined)?.secrets;
  };

  it('makes one first channel, whose secret all are told that begin in the same instant', async () => {
    const { book } = foundation;
    const told = await Promise.all([book.first('one'), book.first('two'), book.first('three')]);
    assert.deepEqual(
      told.map(first => first?.secret),
      Array.from({ length: 3 }, () => told[0]?.secret),
    );
    assert.deepEqual(await secrets(), [told[0]?.secret]);
  });

  it('takes one of two new secrets, and says to the other that something else has changed the channel', async () => {
    const { book } = foundation;
    const first = await book.first('system');
    const made = await Promise.allSettled([
      book.secret('app-1', 'rotate', 'one'),
      book.secret('app-1', 'rotate', 'two'),
    ]);
    const won = made.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []));
    assert.equal(won.length, 1);
    assert.ok(made.some(one => one.status === 'rejected' && one.reason.code === 'desk.changed_meanwhile'));
    assert.deepEqual(await secrets(), [won[0], first?.secret]);
  });
});
