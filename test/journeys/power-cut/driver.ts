// The recorded process: lets the real store engine accept and decide messages, and notes each promise once it is given.

import { createHash, randomBytes } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { seeded } from '../../../bench/random.ts';
import { NOTHING_MORE } from '../../../store/nothing-more.ts';
import { openSqliteStore } from '../../../store/sqlite/engine.ts';
import type { AcceptRow, CommitRow } from '../../../store/store.ts';
import { ACKNOWLEDGED } from './replay.ts';

const [folder, synchronous, rowsWanted, seed] = process.argv.slice(2);
if (folder === undefined || (synchronous !== 'FULL' && synchronous !== 'NORMAL'))
  throw new Error('driver: bad arguments');
const total = Number(rowsWanted);
const random = seeded(Number(seed), 11);
const notes = openSync(join(folder, ACKNOWLEDGED), 'a', 0o600);
const now = Date.UTC(2026, 0, 5);

function makeRow(index: number): AcceptRow {
  const key = createHash('sha256').update(`row ${index}`).digest('hex');
  return {
    key: key.slice(0, 32),
    weakKey: null,
    fingerprint: key.slice(32),
    number: `260105${String(index).padStart(10, '0')}X`,
    channel: 'app-one',
    lane: key.slice(0, 16),
    shard: index % 64,
    acceptedAt: now + index,
    wrappedContent: randomBytes(60),
    sealed: randomBytes(600 + random.below(1400)),
    blob: null,
  };
}

const decide = (number: string): CommitRow => ({
  ...NOTHING_MORE,
  number,
  revision: 0,
  decidedAt: now,
  outcome: { kind: 'not-an-appeal', reason: 'test' },
  decision: null,
});

const store = await openSqliteStore({
  folder,
  auditKey: Buffer.alloc(32, 5),
  profile: 'intl',
  groupCommitMs: 0,
  synchronous,
  onFatal: error => {
    throw error;
  },
});

const note = (what: 'accepted' | 'decided', number: string): void => {
  writeSync(notes, `${what} ${number}\n`);
};

/** One of several that work at the same time, so that commits are shared. */
async function work(from: number, step: number): Promise<void> {
  for (let index = from; index < total; ) {
    const batch: AcceptRow[] = [];
    for (const size = 1 + random.below(6); batch.length < size && index < total; index += step)
      batch.push(makeRow(index));
    const answers = await store.messages.accept(batch);
    for (const answer of answers) {
      if (answer.kind !== 'fresh') throw new Error(`driver: ${JSON.stringify(answer)} for a new message`);
      note('accepted', answer.number);
    }
    if (!random.chance(0.4)) continue;
    const numbers = batch.map(row => row.number);
    const committed = await store.decisions.commit(numbers.map(decide), null);
    for (const [at, answer] of committed.entries()) {
      if (answer !== 'committed') throw new Error(`driver: a decision came back as ${answer}`);
      note('decided', numbers[at]!);
    }
  }
}

const WORKERS = 6;
await Promise.all(Array.from({ length: WORKERS }, (_, from) => work(from, WORKERS)));
await store.close();
