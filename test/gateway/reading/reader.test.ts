// The reader over a store that fails now and then: what was read is committed once, in order, when the store is there again.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { stringify } from 'yaml';
import { loadConfig } from '../../../config/load.ts';
import { loadRepeats } from '../../../config/load-repeats.ts';
import { type Foundation, openFoundation } from '../../../gateway/foundation.ts';
import { createIntake } from '../../../gateway/intake.ts';
import { createCaution } from '../../../gateway/reading/caution.ts';
import { outcomesOf } from '../../../gateway/reading/commit-rows.ts';
import { createJudge, type Judge } from '../../../gateway/reading/judge.ts';
import { createParserPool } from '../../../gateway/reading/parser-pool.ts';
import { type Reader, type ReaderParts, startReader } from '../../../gateway/reading/reader.ts';
import { SHARDS } from '../../../gateway/reading/shards.ts';
import type { Outcome } from '../../../normalizer/ticket.ts';
import { StoreUnavailable } from '../../../store/errors.ts';
import type { Store } from '../../../store/store.ts';
import { BOX } from './reading-bench.ts';

const FULL = new StoreUnavailable('store.disk_full', 'full');

describe('the reader', function () {
  this.timeout(60_000);
  let root: string;
  let foundation: Foundation;
  let stopReading: () => Promise<void>;
  const reports: string[] = [];
  let told: Map<string, Outcome[]>;
  let tellAll: () => void;
  let accepted = 0;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'huisu-reader-'));
    const file = join(root, 'huisu.yaml');
    writeFileSync(file, stringify({ data: './data', keys: { file: './keys.json' }, adapters: [BOX] }));
    foundation = await openFoundation(loadConfig({ file, env: {} }), { env: {}, onFatal: error => assert.fail(error) });
    told = new Map();
    tellAll = () => undefined;
    reports.length = 0;
  });
  afterEach(async () => {
    await stopReading();
    await foundation.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function read(
    store: Store,
    batch = 4,
    shards: ReaderParts['shards'] = null,
    judgeOf = (judge: Judge): Judge => judge,
  ): Promise<Reader> {
    const { cipher, rulebook, loaded } = foundation;
    const { idleCharacters, phrases, policy } = loadRepeats(loaded.config.rules);
    const judge = judgeOf(createJudge({ candidates: store.candidates, cipher, policy, common: new Set() }));
    await judge.open();
    const limits = { parsers: 1, messageMs: 1000, memoryMb: 64 };
    const pool = createParserPool({ rulebook, idleCharacters, phrases, adapters: [BOX], baseFolder: root, ...limits });
    pool.setChannels({ box: { kind: 'moody-box', settings: { folder: root } } });
    const reader = startReader({
      ...{ store, cipher, judge, pool, now: Date.now, batch, attempts: 3, attachmentWaitMs: 0, shards },
      decided(rows) {
        const { numbers, outcomes } = outcomesOf(rows);
        for (const [i, number] of numbers.entries()) {
          told.set(number, [...(told.get(number) ?? []), outcomes[i] as Outcome]);
        }
        tellAll();
      },
      report: code => void reports.push(code),
    });
    stopReading = async () => {
      await reader.close();
      await pool.close();
    };
    return reader;
  }

  /** Messages of one lane, or each of whom it names; every one has an id of its own. */
  async function accept(
    texts: readonly (string | { readonly text: string; readonly from: string })[],
  ): Promise<string[]> {
    const { cipher, store, registry } = foundation;
    const intake = createIntake({ store, cipher, now: Date.now, acknowledged: () => undefined });
    const originals = texts.map(given => {
      const { text, from } = typeof given === 'string' ? { text: given, from: 'one lane' } : given;
      const id = `${accepted++}`;
      const body = Buffer.from(JSON.stringify({ id, from, text }));
      return { platformId: id, sender: from, body, mediaType: 'application/json', meta: {} };
    });
    const answers = await intake.accept('box', await registry.get('moody-box'), originals);
    return answers.map(answer => (answer.kind === 'id-reused' ? '' : answer.number));
  }

  async function allTold(numbers: readonly string[]): Promise<void> {
    await new Promise<void>(resolve => {
      tellAll = () => void (numbers.every(number => told.has(number)) && resolve());
      tellAll();
    });
  }

  const appeals = (count: number) => Array.from({ length: count }, (_, i) => `幸福路${i + 1}0${i}号路灯第${i}盏不亮`);

  it('lets a message that takes long, or kills its reader three times, hold up its own lane and nobody else', async () => {
    const { store } = foundation;
    await read(store, 64);
    const warm = await accept([{ text: '幸福路1号路灯不亮', from: 'warm' }]);
    await allTold(warm);
    const poisons: string[] = [];
    for (const mood of ['loop', 'hang', 'loop']) {
      const n = poisons.length;
      const [poison = '', behind = ''] = await accept([
        { text: mood, from: `poison ${n}` },
        { text: `江南大街${n + 1}号井盖缺失`, from: `poison ${n}` },
      ]);
      poisons.push(poison);
      // Others come in its wake, one after the other, while it is being read, killed and read again.
      let decided = 0;
      for (let k = 0; k < 60 && !told.has(poison); k++) {
        const others = await accept([{ text: `建设大街${n * 100 + k + 1}号水管漏水`, from: `citizen ${n} ${k}` }]);
        await allTold(others);
        if (!told.has(poison)) decided++;
        assert.ok(told.has(poison) || !told.has(behind), 'one of its own lane came before it');
      }
      await allTold([poison, behind]);
      // None, if they waited for it; many, on a machine with nothing else to do.
      assert.ok(decided >= 2, `only ${decided} were decided while it was read`);
      assert.equal(told.get(poison)?.[0]?.kind, 'quarantined');
      assert.equal(told.get(behind)?.[0]?.kind, 'ticket');
    }
    assert.equal(reports.filter(code => code === 'reading.parser_died').length, 9);
  });

  it('sets aside what deciding on fails by a defect, once it has ended as many readers as it may, and decides on the others', async () => {
    const { store } = foundation;
    const numbers = await accept(appeals(6).map((text, i) => ({ text, from: `citizen ${i}` })));
    const [, , poison = ''] = numbers;
    const caution = createCaution({
      store,
      attempts: 3,
      closing: () => false,
      report: code => void reports.push(code),
    });
    const broken = () => caution(poison, () => Promise.reject(new RangeError('a defect')));
    for (let ended = 0; ended < 2; ended++) await assert.rejects(broken, RangeError, 'the reader ends and begins anew');
    assert.deepEqual(reports, []);
    await read(store, 16, null, judge => ({
      ...judge,
      judge(items) {
        if (items.some(({ number }) => number === poison)) throw new RangeError('a defect');
        return judge.judge(items);
      },
    }));
    await allTold(numbers);
    assert.deepEqual(told.get(poison), [{ kind: 'quarantined', reason: 'reading.judge_failed' }]);
    assert.deepEqual(reports, ['reading.judge_failed']);
    const others = numbers.filter(number => number !== poison).map(number => told.get(number)?.[0]?.kind);
    assert.ok(!others.includes('quarantined') && others.length === 5, others.join(' '));
  });

  it('has a parser ready before any is held up, since starting one takes longer than others may wait', async () => {
    let parsers = 0;
    const ready = Promise.withResolvers<void>();
    const watch = (worker: Worker) => {
      if ((worker as { threadName?: string | null }).threadName !== 'parser') return;
      if (++parsers === 2) ready.resolve();
    };
    process.on('worker', watch);
    try {
      await read(foundation.store, 64);
      await allTold(await accept([{ text: '幸福路1号路灯不亮', from: 'first' }]));
      await ready.promise;
      const [gone = ''] = await accept([{ text: 'exit', from: 'poison' }]);
      await allTold(await accept([{ text: '建设大街1号水管漏水', from: 'other' }]));
      await allTold([gone]);
    } finally {
      process.off('worker', watch);
    }
  });

  it('keeps no parser more than that where the very first message takes long, as code does that has never run', async () => {
    const living = new Set<Worker>();
    let started = 0;
    const settled = Promise.withResolvers<void>();
    const watch = (worker: Worker) => {
      if ((worker as { threadName?: string | null }).threadName !== 'parser') return;
      started++;
      living.add(worker);
      worker.once('exit', () => {
        living.delete(worker);
        if (living.size === 2) settled.resolve();
      });
    };
    process.on('worker', watch);
    try {
      await read(foundation.store, 64);
      const [first = ''] = await accept([{ text: 'gate', from: 'first' }]);
      await allTold(await accept([{ text: '幸福路1号路灯不亮', from: 'other' }]));
      assert.ok(!told.has(first), 'it is held up, and others are not');
      writeFileSync(join(root, 'gate'), '');
      await allTold([first]);
      // Three on a machine of its own; on a busy one the second message may be held up as well.
      await settled.promise;
      assert.ok(started >= 3);
    } finally {
      process.off('worker', watch);
    }
  });

  it('commits what it has judged once, in order, however often the disk is full', async () => {
    const { store } = foundation;
    let failures = 5;
    const numbers = await accept(appeals(24));
    await read({
      ...store,
      decisions: {
        ...store.decisions,
        commit: async (rows, fence) => {
          if (failures-- > 0) throw FULL;
          return store.decisions.commit(rows, fence);
        },
      },
    });
    await allTold(numbers);
    for (const number of numbers) assert.equal(told.get(number)?.length, 1);
    const created = (await store.outbox.list({ kind: 'ticket.created', limit: 100 })).map(entry => entry.ticket);
    assert.deepEqual(
      created,
      numbers.filter(number => created.includes(number)),
    );
    assert.equal((await store.messages.counts()).unread, 0);
    assert.ok(reports.includes('reading.commit_failed'));
    assert.ok(!reports.includes('reading.conflict') && !reports.includes('reading.bug'), reports.join());
  });

  it('commits large batches in steps, and no step before one of an earlier message', async () => {
    const { store } = foundation;
    const steps: (readonly string[])[] = [];
    const numbers = await accept(appeals(150));
    await read(
      {
        ...store,
        decisions: {
          ...store.decisions,
          commit: (rows, fence) => {
            steps.push(rows.map(row => row.number));
            return store.decisions.commit(rows, fence);
          },
        },
      },
      50,
    );
    await allTold(numbers);
    assert.deepEqual(steps.flat(), numbers);
    assert.ok(steps.every(step => step.length <= 16));
  });

  it('counts an attempt before it tries again, also when the store could not at first', async () => {
    const { store } = foundation;
    let failures = 2;
    const numbers = await accept(['exit', ...appeals(1)]);
    await read({
      ...store,
      messages: {
        ...store.messages,
        attempted: async rows => {
          if (failures-- > 0) throw FULL;
          return store.messages.attempted(rows);
        },
      },
    });
    await allTold(numbers);
    assert.deepEqual(told.get(numbers[0] ?? ''), [{ kind: 'quarantined', reason: 'reading.parser_crash' }]);
    assert.equal((await store.messages.get(numbers[0] ?? ''))?.attempts, 3);
    assert.equal(told.get(numbers[1] ?? '')?.[0]?.kind, 'ticket');
  });

  it('asks again for a large original that cannot be read for a moment, and quarantines one that is gone', async () => {
    const { store } = foundation;
    const large = '路灯不亮'.repeat(30_000);
    const numbers = await accept([large, `井盖缺失${large}`, ...appeals(1)]);
    const gone = (await store.messages.get(numbers[1] ?? ''))?.blob as string;
    await store.blobs.remove(gone);
    let failures = 2;
    await read({
      ...store,
      blobs: {
        ...store.blobs,
        get: async name => {
          if (name !== gone && failures-- > 0) throw new StoreUnavailable('store.blob_failed', 'EIO');
          return store.blobs.get(name);
        },
      },
    });
    await allTold(numbers);
    assert.equal(told.get(numbers[0] ?? '')?.[0]?.kind, 'ticket');
    assert.deepEqual(told.get(numbers[1] ?? ''), [{ kind: 'quarantined', reason: 'reading.original_missing' }]);
  });

  it('decides nothing behind what it gave up when it was told to stop, so that the lane keeps its order', async () => {
    const { store } = foundation;
    let warm = true;
    const asked: string[][] = [];
    const begun = Promise.withResolvers<void>();
    const first = Promise.withResolvers<never>();
    const commit: Store['decisions']['commit'] = rows => {
      if (warm) return store.decisions.commit(rows, null);
      asked.push(rows.map(row => row.number));
      begun.resolve();
      return asked.length === 1 ? first.promise : store.decisions.commit(rows, null);
    };
    const everything = { mine: Array.from({ length: SHARDS }, (_, shard) => shard), fence: () => 'all of them' };
    const reader = await read({ ...store, decisions: { ...store.decisions, commit } }, 4, everything);
    // A parser that is still to be loaded takes long, and what takes long is set aside.
    await allTold(await accept(['人民路1号井盖缺失']));
    warm = false;
    const numbers = await accept(appeals(2));
    await begun.promise;
    const closed = reader.close();
    first.reject(FULL);
    await closed;
    assert.deepEqual(asked, [[numbers[0]]]);
    assert.equal((await store.messages.counts()).unread, 2);
  });

  it('takes nothing behind what was taken under an older token, which is refused and read again before it', async () => {
    const { store } = foundation;
    const tokens = { now: '' };
    /** Another process had the shard in between, and nobody has told the reader. */
    const take = async (at: number) => {
      await store.admin.lease('shard', 'another', at, 1);
      tokens.now = (await store.admin.lease('shard', 'this', at + 10, 1000)) ?? assert.fail('not to be had');
    };
    await take(1000);
    const committed: string[] = [];
    const begun = Promise.withResolvers<void>();
    const refusing = Promise.withResolvers<void>();
    let warm = true;
    const commit: Store['decisions']['commit'] = async (rows, fence) => {
      if (!warm) {
        begun.resolve();
        await refusing.promise;
      }
      const answers = await store.decisions.commit(rows, fence);
      for (const [i, { number }] of rows.entries()) if (answers[i] === 'committed') committed.push(number);
      return answers;
    };
    let looks = 0;
    let looked: () => void = () => undefined;
    const unread: Store['messages']['unread'] = async (...asked) => {
      const rows = await store.messages.unread(...asked);
      if (rows.length === 2 && ++looks === 2) looked();
      return rows;
    };
    const shards = { mine: Array.from({ length: SHARDS }, (_, shard) => shard), fence: () => tokens.now };
    const own = {
      ...store,
      decisions: { ...store.decisions, commit },
      messages: { ...store.messages, unread },
    };
    await read(own, 4, shards);
    await allTold(await accept(['人民路1号井盖缺失']));
    committed.length = 0;
    warm = false;
    const [one, two] = appeals(2) as [string, string];
    const [first = ''] = await accept([one]);
    await begun.promise;
    await take(5000);
    const lookedTwice = new Promise<void>(resolve => {
      looked = resolve;
    });
    const [second = ''] = await accept([two]);
    await lookedTwice;
    refusing.resolve();
    await allTold([first, second]);
    assert.deepEqual(committed, [first, second]);
  });

  it('leaves unread what it could not commit before it was closed', async () => {
    const { store } = foundation;
    const numbers = await accept(appeals(6));
    let tried: () => void = () => undefined;
    const failing = new Promise<void>(resolve => {
      tried = resolve;
    });
    await read({
      ...store,
      decisions: {
        ...store.decisions,
        commit: () => {
          tried();
          return Promise.reject(FULL);
        },
      },
    });
    await failing;
    await stopReading();
    assert.equal((await store.messages.counts()).unread, 6);
    assert.equal(told.size, 0);
    await read(store);
    await allTold(numbers);
    assert.equal((await store.messages.counts()).unread, 0);
  });
});
