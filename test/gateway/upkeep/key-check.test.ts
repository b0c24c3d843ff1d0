// Of two processes that bring different keys to one empty store in the same moment one begins, and the other is refused.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkKeys } from '../../../gateway/foundation.ts';
import { KeyError } from '../../../store/errors.ts';
import { createDevelopmentKeys, keyCheckValues, loadKeyRing, macKey, rotate } from '../../../store/key-ring.ts';
import { openSqliteStore } from '../../../store/sqlite/engine.ts';
import type { Store } from '../../../store/store.ts';

describe('the keys that a store is made with', () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-keys-'));
    const audit = {
      auditKey: macKey(createDevelopmentKeys(join(folder, 'one.json')), 'audit'),
      profile: 'intl',
    } as const;
    store = await openSqliteStore({ folder: join(folder, 'data'), ...audit });
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The store as a process sees it that is overtaken once, after it has asked what the store knows. */
  function overtakenBy(act: () => Promise<void>): Pick<Store, 'admin'> {
    let done = false;
    const meta: Store['admin']['meta'] = async name => {
      const kept = await store.admin.meta(name);
      if (!done && name === 'key-check') {
        done = true;
        await act();
      }
      return kept;
    };
    return { admin: { ...store.admin, meta } };
  }
  const told = async () => JSON.parse((await store.admin.meta('key-check')) ?? 'null') as object;

  it('are those of the first, where another brings its own in the same moment', async () => {
    const first = loadKeyRing({ file: join(folder, 'one.json') });
    const other = createDevelopmentKeys(join(folder, 'other.json'));
    const late = overtakenBy(() => checkKeys(store, () => first));
    await assert.rejects(
      checkKeys(late, () => other),
      KeyError,
    );
    assert.deepEqual(await told(), keyCheckValues(first));
  });

  it('are all of them, where two processes of one key file tell of theirs at once', async () => {
    const file = join(folder, 'one.json');
    await checkKeys(store, () => loadKeyRing({ file }));
    rotate(file, 'content');
    const late = overtakenBy(async () => {
      rotate(file, 'identity');
      await checkKeys(store, () => loadKeyRing({ file }));
    });
    await checkKeys(late, () => loadKeyRing({ file }));
    assert.deepEqual(await told(), keyCheckValues(loadKeyRing({ file })));
  });
});
