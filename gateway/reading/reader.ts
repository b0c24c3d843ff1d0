// 研读: takes unread messages in order, has them parsed, judges and commits them. Runs in the decider thread; one a process.
import type { Outcome } from '../../normalizer/ticket.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { CommitAnswer, CommitRow, Store, UnreadRow } from '../../store/store.ts';
import { createCaution } from './caution.ts';
import { type DraftMessage, draftRow, plainRow, type ReadyMessage, undraftedRow, unopened } from './commit-rows.ts';
import { createCommitting, type Taken } from './committing.ts';
import { createConversationReading, type RowsOf } from './conversation-reading.ts';
import type { DeathMark } from './death-mark.ts';
import type { Embedder } from './embedding.ts';
import type { Judge, Judged, JudgeItem } from './judge.ts';
import { createOneByOne } from './one-by-one.ts';
import type { ParserPool } from './parser-pool.ts';
import { type Reading as BeingRead, createBatchReader, pause, type Read } from './read-batch.ts';
import { isDraft, judgeItem, meaningsOf } from './read-drafts.ts';
import type { Shards } from './shards.ts';
import type { UnderWay } from './under-way.ts';

export interface ReaderParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly judge: Judge;
  readonly pool: ParserPool;
  /** Tells what appeals mean; absent or null: nobody is asked. */
  readonly embedder?: Embedder | null;
  readonly now: () => number;
  /** Messages handed over at once. */
  readonly batch: number;
  /** Readers a message may kill before it is quarantined. */
  readonly attempts: number;
  readonly attachmentWaitMs: number;
  /** What of the work is this process's; null: all of it, since no other process reads. */
  readonly shards: Pick<Shards, 'mine' | 'fence'> | null;
  /** Told of the one message that is under way; absent: nobody asks. */
  readonly underWay?: Pick<UnderWay, 'set'>;
  /** Told of all that is parsed and judged; absent: nobody asks. */
  readonly deathMark?: Pick<DeathMark, 'set'>;
  /** The process before this one died while these were read: each is read by itself. Default none. */
  readonly suspects?: readonly string[];
  /** The reader before this one died: what it may have died on is read one by one. */
  readonly careful?: boolean;
  /** What other processes had made visible by this time is known here, milliseconds since the epoch; absent: there are none. */
  knew?(): number;
  /** Told once a step, after its commit. */
  decided(rows: readonly CommitRow[]): void;
  /** Something a person should know of; codes only. */
  report(code: string, values: Readonly<Record<string, string | number>>, cause?: unknown): void;
}

export interface Reader {
  /** Looks again from the beginning: something decided before has become unread. */
  rescan(): void;
  /** Does something between two batches, when all that was judged before is known. It must not reject. */
  between(task: () => Promise<void>): void;
  /** Shards have become another's: what waits of them is dropped, since the other one reads it. */
  lost(shards: ReadonlySet<number>): void;
  /** Finishes what it has begun and stops. */
  close(): Promise<void>;
}

/** Batches being parsed while an earlier one is judged. */
const PARSING_AT_ONCE = 3;
/** What judging it failed on is a defect of ours: a person is told, and it can be read again once that is mended. */
const UNJUDGED: Outcome = { kind: 'quarantined', reason: 'reading.judge_failed' };
/** What has ended so many readers is left alone; not even its original is opened. */
const DEADLY: Outcome = { kind: 'quarantined', reason: 'reading.thread_died' };
/** A nudge may be lost with its sender; unread messages are looked for so often even without one. */
const LOOK_AGAIN_MS = 30_000;
/** Other processes accept, too, and tell nobody. */
const SHARED_LOOK_MS = 500;
/** A conversation is not over while parts of it may be among what is still to be read; for so long at most. */
const BEHIND_MS = 60_000;

export function startReader(parts: ReaderParts): Reader {
  const { store, cipher } = parts;
  /** Messages begun and not yet committed, parts that wait for the others among them. */
  const taken = new Map<string, Taken>();
  let after = 0;
  /** Counts the wishes to look from the beginning: a look that was under way then must not go past them. */
  let rescans = 0;
  let conflicts = false;
  let closing = false;
  const ending = Promise.withResolvers<void>();
  let parsing = 0;
  /** Batches begun and not yet judged. */
  let unjudged = 0;
  /** All there was has been judged, so that no part of a conversation waits to be read. */
  let caughtUp = false;
  let judging: Promise<void> = Promise.resolve();
  /** Lanes with a message that takes long: what comes behind it there waits for it, and nothing else does. */
  const heldUp = new Map<string, Promise<void>>();
  let nudge = false;
  let wake: () => void = () => undefined;

  const read = createBatchReader({ ...parts, closing: () => closing });
  const cautiously = createCaution({ ...parts, closing: () => closing });
  const committing = createCommitting({
    ...{ store, taken, shared: parts.shards !== null, now: parts.now, report: parts.report },
    closing: () => closing,
    committed(rows, answers) {
      release(rows);
      settle(rows, answers);
    },
  });
  const conversations = createConversationReading({
    ...{ store, cipher, attachmentWaitMs: parts.attachmentWaitMs, now: parts.now, read, inTurn, decide, lookAgain },
    settled: committing.settled,
  });
  const oneByOne = createOneByOne({
    afterDeath: parts.careful === true,
    suspects: parts.suspects ?? [],
    mark: parts.deathMark ?? null,
    nothingUnderWay,
  });

  function inTurn(task: () => Promise<void>): void {
    judging = judging.then(task).catch(fatal);
  }

  function decide(reads: Promise<readonly BeingRead[]>, rowsOf: RowsOf = judge): void {
    inTurn(async () => {
      const batch = await reads;
      await marked(batch, async () => commit(await rowsOf(prompt(batch, rowsOf))));
    });
  }

  /** A step with these messages; where it is one, that one is blamed should the thread die in it. */
  async function marked(batch: readonly Pick<Read, 'message'>[], step: () => Promise<void>): Promise<void> {
    const [only] = batch;
    if (only !== undefined && batch.length === 1) parts.underWay?.set(only.message.row.number);
    await step();
    parts.underWay?.set(null);
  }

  /** What can be decided now; what takes long, and what stands behind it in its lane, is decided once it is read. */
  function prompt(reads: readonly BeingRead[], rowsOf: RowsOf): readonly Read[] {
    return reads.flatMap(({ message, result }) => {
      const { lane } = message.row;
      if (!('late' in result) && !heldUp.has(lane)) return [{ message, result }];
      const mine: Promise<void> = holdBack(heldUp.get(lane), { message, result }, rowsOf).finally(() => {
        if (heldUp.get(lane) !== mine) return;
        heldUp.delete(lane);
        lookAgain();
      });
      heldUp.set(lane, mine);
      return [];
    });
  }

  async function holdBack(
    before: Promise<void> | undefined,
    { message, result }: BeingRead,
    rowsOf: RowsOf,
  ): Promise<void> {
    await before;
    const read: Read = { message, result: 'late' in result ? await result.late : result };
    // The next start reads it again.
    if (closing) return;
    inTurn(() => marked([read], async () => commit(await rowsOf([read]))));
    await judging;
  }

  /** Rows of a batch in order; drafts are judged together, parts of conversations stay unread. */
  async function judge(reads: readonly Read[]): Promise<CommitRow[]> {
    const drafts = reads.filter(isDraft);
    const meanings = await meaningsOf(drafts, parts.embedder ?? null);
    const items = drafts.map((read, i) => judgeItem(cipher, read, meanings[i] ?? null));
    const knew = parts.knew?.();
    const judged = await judgeAll(items);
    const decidedAt = parts.now();
    const rows: CommitRow[] = [];
    let next = 0;
    for (const { message, result } of reads) {
      // Only when the gateway is closing: the next start reads it again.
      if ('died' in result) continue;
      const { reading } = result;
      if (reading.kind === 'draft') {
        const one = judged[next++] ?? null;
        const draft: DraftMessage = { ...message, head: reading.head, draft: result.draft as Uint8Array };
        const made = one && (await cautiously(message.row.number, () => draftRow(parts, draft, one, decidedAt)));
        if (made === null) parts.judge.drop(message.row.number);
        const row = made ?? plainRow(message, UNJUDGED, decidedAt);
        rows.push(knew === undefined ? row : { ...row, knew });
        over(message);
      } else if (reading.kind === 'part') {
        await conversations.part(message.row, reading);
      } else {
        rows.push(undraftedRow(cipher, message, reading, decidedAt));
        over(message);
      }
    }
    oneByOne.end(reads.map(({ message }) => message.row.number));
    return rows;
  }

  /** Where judging them together fails by a defect, each is judged alone; null for what has to be set aside. */
  async function judgeAll(items: readonly JudgeItem[]): Promise<readonly (Judged | null)[]> {
    try {
      return await parts.judge.judge(items);
    } catch (error) {
      if (closing || error instanceof StoreUnavailable) throw error;
      const judged: (Judged | null)[] = [];
      for (const item of items) {
        judged.push(await cautiously(item.number, async () => (await parts.judge.judge([item]))[0] ?? null));
      }
      return judged;
    }
  }

  /** Parts that came while it was being decided are looked at again. */
  function over({ conversation }: ReadyMessage): void {
    if (conversation !== null) conversations.decided(conversation);
  }

  async function commit(rows: readonly CommitRow[]): Promise<void> {
    if ((await committing.commit(rows)) && rows.length > 0) parts.judge.tidy();
  }

  function release(rows: readonly CommitRow[]): void {
    for (const row of rows) {
      taken.delete(row.number);
      for (const part of row.parts) taken.delete(part);
    }
  }

  function settle(rows: readonly CommitRow[], answers: readonly CommitAnswer[]): void {
    const done: CommitRow[] = [];
    rows.forEach((row, i) => {
      if (answers[i] === 'committed') done.push(row);
      else if (answers[i] === 'lost-lease') parts.judge.drop(row.number);
      else {
        conflicts = true;
        parts.report('reading.conflict', { number: row.number, reason: answers[i] ?? 'missing' });
      }
    });
    parts.decided(done);
  }

  function fatal(error: unknown): void {
    // No message's fault.
    if (error instanceof StoreUnavailable) parts.underWay?.set(null);
    parts.report('reading.bug', {}, error);
    throw error;
  }

  /** Not what stands behind something that was taken under an older token: that is refused, and read again before it. */
  function mayTake({ lane }: UnreadRow, fence: string | null): boolean {
    if (fence === null) return false;
    for (const one of taken.values()) if (one.lane === lane && one.fence !== fence) return false;
    return true;
  }

  async function look(): Promise<boolean> {
    const asked = rescans;
    const { shards } = parts;
    // What was begun with may stand before what was not: another process's message becomes visible when it likes to.
    const most = oneByOne.most(parts.batch);
    const limit = shards === null ? most : parts.batch + taken.size;
    const found = await unread(limit);
    if (found === null || asked !== rescans) return true;
    const rows = oneByOne.next(found, number => taken.has(number));
    const last = rows.at(-1);
    if (last === undefined) {
      oneByOne.over();
      return false;
    }
    if (shards === null) after = last.ordinal;
    // A shard may have gone to another between the question and the answer.
    const ours = shards === null ? rows : rows.filter(row => mayTake(row, shards.fence(row.shard)));
    const fresh = ours.filter(row => !taken.has(row.number)).slice(0, most);
    if (fresh.length === 0) {
      // Where all unread are asked for each time, all there is has been begun with.
      if (shards !== null && ours.length === found.length) oneByOne.over();
      return shards === null;
    }
    for (const { number, lane, shard } of fresh) taken.set(number, { lane, fence: shards?.fence(shard) ?? null });
    const numbers = fresh.filter(row => !isDeadly(row)).map(({ number }) => number);
    await oneByOne.begin(numbers, () => begin(fresh));
    return true;
  }

  function begin(fresh: readonly UnreadRow[]): void {
    const [deadly, others] = [fresh.filter(isDeadly), fresh.filter(row => !isDeadly(row))];
    if (deadly.length > 0) inTurn(() => commit(deadly.map(row => plainRow(unopened(row), DEADLY, parts.now()))));
    parts.underWay?.set(others.length === 1 && unjudged === 0 ? (others[0] as UnreadRow).number : null);
    parsing++;
    unjudged++;
    const reads = read(
      others.map((row): [UnreadRow] => [row]),
      null,
    );
    inTurn(async () => {
      const batch = await reads;
      parsing--;
      lookAgain();
      const rows = await judge(prompt(batch, judge));
      unjudged--;
      lookAgain();
      await commit(rows);
      if (unjudged === 0) parts.underWay?.set(null);
    });
  }

  function isDeadly({ attempts }: UnreadRow): boolean {
    return attempts >= parts.attempts;
  }

  /** Where the gateway closes, what takes long is not waited for. */
  async function nothingUnderWay(): Promise<void> {
    await judging;
    while (heldUp.size > 0 && !closing) await Promise.race([ending.promise, ...heldUp.values()]);
    await judging;
    await committing.settled();
  }

  async function run(): Promise<void> {
    while (!closing) {
      const found = parsing < PARSING_AT_ONCE && (await look());
      caughtUp = !found && unjudged === 0 && heldUp.size === 0;
      conversations.queueDue(parts.now() - (caughtUp ? 0 : BEHIND_MS));
      if (!found) await nudged();
    }
  }

  /** null where the store did not answer; after a pause it is asked again. */
  async function unread(limit: number): Promise<readonly UnreadRow[] | null> {
    try {
      return await store.messages.unread(parts.shards === null ? 'all' : parts.shards.mine, after, limit);
    } catch (error) {
      parts.report('reading.store_unavailable', {}, error);
      await pause();
      return null;
    }
  }

  async function nudged(): Promise<void> {
    const next = conversations.nextDue();
    const due = next === null ? null : next + (caughtUp ? 0 : BEHIND_MS);
    const most = parts.shards === null ? LOOK_AGAIN_MS : SHARED_LOOK_MS;
    const wait = Math.max(1, Math.min(most, due === null ? most : due - parts.now()));
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      // What met a conflict may still be unread, and not so often that a lasting one keeps the thread busy.
      if (conflicts && wait === LOOK_AGAIN_MS) rescan();
      resolve();
    }, wait);
    wake = resolve;
    // What came between the last look and now would otherwise wait for the next nudge.
    if (!nudge) await promise;
    nudge = false;
    clearTimeout(timer);
  }

  function lookAgain(): void {
    nudge = true;
    wake();
  }

  function rescan(): void {
    after = 0;
    rescans++;
    conflicts = false;
    lookAgain();
  }

  store.onAccepted(lookAgain);
  const running = run();

  return {
    rescan,
    between: inTurn,
    lost(shards) {
      for (const number of conversations.drop(row => shards.has(row.shard))) taken.delete(number);
      lookAgain();
    },
    async close() {
      closing = true;
      ending.resolve();
      lookAgain();
      await running;
      await judging;
      await committing.settled();
    },
  };
}
