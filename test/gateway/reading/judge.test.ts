// The judge over a store of its own: a ticket that others decided is entered once, however much is decided in between.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../../config/load.ts';
import { loadRepeats } from '../../../config/load-repeats.ts';
import { createJudge } from '../../../gateway/reading/judge.ts';
import { encodeFacts } from '../../../store/facts-codec.ts';
import { openSqliteStore } from '../../../store/sqlite/engine.ts';
import type { CandidateRow } from '../../../store/store.ts';

/** More than are remembered without asking the store. */
const MANY = 9000;

function decidedElsewhere(ordinal: number): CandidateRow {
  const facts = encodeFacts({
    terms: Uint32Array.of(ordinal * 1000),
    weights: Uint8Array.of(255),
    requesterKeys: [],
    placeKeys: new Uint32Array(0),
    division: '220502',
    topics: new Int8Array(0),
    titleRuns: new Uint16Array(0),
    textHash: ordinal,
    length: 10,
    acceptedAt: 1,
  });
  const number = `ticket ${ordinal}`;
  return { ordinal, number, facts, state: 'queued', confidential: false, incident: null, incidentOrdinal: null };
}

describe('what another process decided', function () {
  this.timeout(60_000);

  it('is entered once, also when it is met again after more were entered than are remembered', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'huisu-judge-'));
    const store = await openSqliteStore({ folder, auditKey: Buffer.alloc(32, 7), profile: 'intl' });
    try {
      const cipher = { mac: () => Buffer.alloc(32, 1) };
      const file = join(folder, 'huisu.yaml');
      writeFileSync(file, 'data: ./data\n');
      const { policy } = loadRepeats(loadConfig({ file, env: {} }).config.rules);
      const judge = createJudge({ candidates: store.candidates, cipher, policy, common: new Set() });
      await judge.open();
      for (let ordinal = 1; ordinal <= MANY; ordinal++)
        assert.equal(await judge.enter(decidedElsewhere(ordinal)), true);
      assert.equal(await judge.enter(decidedElsewhere(MANY)), false, 'remembered');
      assert.equal(await judge.enter(decidedElsewhere(1)), false, 'found where it was entered');
      judge.tidy();
      await judge.settled();
      assert.equal(await judge.enter(decidedElsewhere(2)), false, 'and found on the disk');
    } finally {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
