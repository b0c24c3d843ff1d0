// Changed rule files, whatever they are called: whoever changes one is told that a restart is due.
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRulesCheck } from '../../../gateway/settings/rules-check.ts';

const CONFIG = join(import.meta.dirname, '../../../config');

describe('rules check', () => {
  it('notices a change of every file in the folder of the rules', async function () {
    this.timeout(30_000);
    const folder = mkdtempSync(join(tmpdir(), 'huisu-rules-'));
    try {
      cpSync(join(CONFIG, 'rules'), folder, { recursive: true });
      const paths = { rulesFolder: folder, regionFile: join(CONFIG, 'regions/tonghua.yaml'), dataFolder: folder };
      const check = await createRulesCheck(paths);
      const files = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name));
      // No rule becomes another by it.
      for (const file of files) appendFileSync(file, '\n');
      const { changed, problems } = await check.look(paths);
      assert.deepEqual([[...changed].sort(), problems], [files.sort(), []]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
