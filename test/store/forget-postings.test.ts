// What is taken out of the candidate index is found no more: in memory, in segments, after merges and after a restart.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Facts } from '../../normalizer/facts.ts';
import { forgetPostings, requesterTerm } from '../../store/forget-postings.ts';
import { POSTINGS_DEFAULTS, Postings } from '../../store/postings.ts';
import { openSqliteStore, type SqliteStore } from '../../store/sqlite/engine.ts';

const ERASED = 'abcdef0123456789';
const OTHER = 'abcdef0223456789';
const TICKETS = 300;
const isErased = (ordinal: number) => ordinal % 3 === 0;

function factsOf(ordinal: number, requester: string): Facts {
  return {
    terms: Uint32Array.from([Math.imul(ordinal, 0x9e37_79b1) >>> 0]),
    weights: Uint8Array.of(255),
    requesterKeys: [requester],
    placeKeys: new Uint32Array(0),
    division: null,
    topics: new Int8Array(0),
    titleRuns: new Uint16Array(0),
    textHash: ordinal,
    length: 10,
    acceptedAt: 1,
  };
}

describe('forgetting postings', function () {
  this.timeout(30_000);
  let folder: string;
  let store: SqliteStore;
  const openStore = () => openSqliteStore({ folder, auditKey: Buffer.alloc(32, 7), profile: 'intl' });
  const options = { ...POSTINGS_DEFAULTS, newest: 16, perTerm: 1000, limit: 1000 };
  const openPostings = () => new Postings(store.candidates, () => Buffer.from('statistics'), options);
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-forget-'));
    store = await openStore();
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function fill(postings: Postings): Promise<void> {
    for (let ordinal = 1; ordinal <= TICKETS; ordinal++) {
      postings.add(ordinal, factsOf(ordinal, isErased(ordinal) ? ERASED : OTHER));
      postings.tidy();
    }
  }
  const all = Array.from({ length: TICKETS }, (_, i) => i + 1);
  const pairs = all.filter(isErased).map(ordinal => ({ ordinal, term: requesterTerm(ERASED) }));
  async function foundBy(postings: Postings, requester: string): Promise<number[]> {
    const query = { terms: Uint32Array.of(requesterTerm(requester)), weights: Uint8Array.of(255) };
    const [hits] = await postings.lookUp([query]);
    return (hits ?? []).map(hit => hit.ordinal).sort((a, b) => a - b);
  }

  it('takes them from memory, from what is being written and from segments, and leaves all others', async () => {
    const postings = openPostings();
    await fill(postings);
    assert.equal((await foundBy(postings, ERASED)).length, pairs.length);
    await postings.forget(pairs);
    assert.deepEqual(await foundBy(postings, ERASED), []);
    assert.equal((await foundBy(postings, OTHER)).length, TICKETS - pairs.length);
    for (let ordinal = TICKETS + 1; ordinal <= 2 * TICKETS; ordinal++) {
      postings.add(ordinal, factsOf(ordinal, OTHER));
      postings.tidy();
    }
    await postings.settled();
    assert.deepEqual(await foundBy(postings, ERASED), []);
    await store.close();
    store = await openStore();
    const again = openPostings();
    await again.open(() => undefined);
    assert.deepEqual(await foundBy(again, ERASED), []);
    assert.ok((await foundBy(again, OTHER)).length > TICKETS);
  });

  it('takes them from the segments where nobody holds the index open, and can be done twice', async () => {
    const postings = openPostings();
    await fill(postings);
    await postings.settled();
    assert.ok((await forgetPostings(store.candidates, pairs)).length > 0);
    assert.deepEqual(await forgetPostings(store.candidates, pairs), []);
    const again = openPostings();
    await again.open(() => undefined);
    assert.deepEqual(await foundBy(again, ERASED), []);
    assert.ok((await foundBy(again, OTHER)).length > 150);
  });
});
