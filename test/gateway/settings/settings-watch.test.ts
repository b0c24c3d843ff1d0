// Watching the files of the settings: renames, links, files that come later, files written in pieces; one call when they rest.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SettingsWatch, watchSettings } from '../../../gateway/settings/settings-watch.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { until } from '../dispatch/workbench.ts';

describe('the watch over files', () => {
  let folder: string;
  let watch: SettingsWatch | null;
  let calls: number;
  let answer: boolean;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-watch-'));
    [watch, calls, answer] = [null, 0, true];
  });
  afterEach(async () => {
    await watch?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const at = (name: string) => join(folder, name);

  /** Resolves after the call that every watch begins with. */
  async function begin(names: readonly string[], pollMs: number): Promise<void> {
    watch = watchSettings({
      files: () => names.map(at),
      changed: async () => {
        calls++;
        return answer;
      },
      log: createLog({ level: 'silent' }),
      pollMs,
    });
    await until(() => calls === 1, 'the first look');
  }

  const seen = (count: number) => until(() => calls >= count, `call ${count}`);
  /** Longer than any look takes: what has not been called by then is not called. */
  const rest = () => new Promise(resolve => setTimeout(resolve, 600));

  it('is told at once of a file renamed into place, and of one that was not there before', async () => {
    writeFileSync(at('a'), '1');
    await begin(['a', 'b'], 60_000);
    await rest();
    writeFileSync(at('a~'), '2');
    renameSync(at('a~'), at('a'));
    await seen(2);
    await rest();
    writeFileSync(at('b'), '1');
    await seen(3);
    await rest();
    rmSync(at('b'));
    await seen(4);
    assert.equal(calls, 4);
  });

  it('finds out by looking what nobody tells: a folder behind a link that was exchanged', async () => {
    for (const [name, text] of [
      ['one', 'a'],
      ['two', 'b'],
    ] as const) {
      mkdirSync(at(name));
      writeFileSync(join(at(name), 'secret'), text);
    }
    symlinkSync('one', at('now'));
    await begin(['now/secret'], 50);
    symlinkSync('two', at('next'));
    renameSync(at('next'), at('now'));
    await seen(2);
  });

  it('waits until a file that is written in pieces has come to rest', async () => {
    writeFileSync(at('a'), '1');
    await begin(['a'], 60_000);
    await rest();
    for (let i = 0; i < 8; i++) {
      appendFileSync(at('a'), 'x'.repeat(i + 1));
      await new Promise(resolve => setTimeout(resolve, 40));
    }
    await seen(2);
    await rest();
    assert.ok(calls < 8, `${calls} calls for 8 pieces`);
  });

  it('does not care for other files, and calls again only when it is asked to', async () => {
    writeFileSync(at('a'), '1');
    await begin(['a'], 50);
    writeFileSync(at('other'), '1');
    await rest();
    assert.equal(calls, 1);
    answer = false;
    writeFileSync(at('a'), '12');
    await seen(4);
    answer = true;
    const before = calls;
    await seen(before + 1);
    const after = calls;
    await rest();
    assert.equal(calls, after);
  });

  it('keeps no process alive, and says nothing after it was closed', async () => {
    writeFileSync(at('a'), '1');
    await begin(['a'], 50);
    await watch?.close();
    writeFileSync(at('a'), '12');
    await rest();
    assert.equal(calls, 1);
  });
});
