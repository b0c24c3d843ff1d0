// 研读: takes unread messages in order, has them parsed, judges and commits them. Runs in the decider thread; one a process.
import type { Meaning } from '../../normalizer/meaning.ts';
import type { Outcome } from '../../normalizer/ticket.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { CommitAnswer, CommitRow, Store, UnreadRow } from '../../store/store.ts';
import { createCaution } from './caution.ts';
import { type DraftMessage, draftRow, plainRow, type ReadyMessage, undraftedRow, unopened } from './commit-rows.ts';
import { createCommitting, type Taken } from './committing.ts';
import { createConversationReading, type RowsOf } from './conversation-reading.ts';
import { draftText, type Embedder } from './embedding.ts';
import { identityKeysOf } from './facts-of.ts';
import type { Judge, Judged, JudgeItem } from './judge.ts';
import type { ItemResult, ParserPool } from './parser-pool.ts';
import { type Reading as BeingRead, createBatchReader, pause, type Read } from './read-batch.ts';
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
/** More than a reader has under way at any time. */
const CAREFUL = 256;
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
  /** Messages that are still to be read one by one. */
  let alone = parts.careful === true ? CAREFUL : 0;
  let closing = false;
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
    const drafts = reads.filter(read => isDraft(read.result));
    const meanings = await meaningsOf(drafts);
    const items = drafts.map((read, i) => judgeItem(read, meanings[i] ?? null));
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

  /** Asked for a batch at once, so that a slow service costs each of them no more than its deadline. */
  async function meaningsOf(drafts: readonly Read[]): Promise<readonly (Meaning | null)[]> {
    if (parts.embedder == null) return [];
    return parts.embedder.meanings(
      drafts.map(({ result }) =>
        isDraft(result) ? draftText(result.draft as Uint8Array, result.reading.head.requester) : '',
      ),
    );
  }

  function judgeItem({ message, result }: Read, meaning: Meaning | null): JudgeItem {
    const { row } = message;
    if (!isDraft(result)) throw new Error('only drafts are judged');
    const { number, ordinal, acceptedAt } = row;
    const { head } = result.reading;
    const identityKeys = identityKeysOf(cipher, head);
    const { hashes, counts } = result;
    const meant = meaning === null ? {} : { meaning };
    return { number, ordinal, acceptedAt, head, identityKeys, hashes, counts, ...meant };
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
    const most = alone > 0 ? 1 : parts.batch;
    const limit = shards === null ? most : parts.batch + taken.size;
    const rows = await store.messages.unread(shards === null ? 'all' : shards.mine, after, limit);
    if (asked !== rescans) return true;
    const last = rows.at(-1);
    if (last === undefined) {
      alone = 0;
      return false;
    }
    if (shards === null) after = last.ordinal;
    // A shard may have gone to another between the question and the answer.
    const ours = shards === null ? rows : rows.filter(row => mayTake(row, shards.fence(row.shard)));
    const fresh = ours.filter(row => !taken.has(row.number)).slice(0, most);
    if (fresh.length === 0) return shards === null;
    for (const { number, lane, shard } of fresh) taken.set(number, { lane, fence: shards?.fence(shard) ?? null });
    begin(fresh);
    if (alone > 0) await withNothingBeside();
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

  /** Until what was begun is committed; what takes long to parse is marked anew when it is decided. */
  async function withNothingBeside(): Promise<void> {
    alone--;
    await judging;
    await committing.settled();
  }

  async function run(): Promise<void> {
    while (!closing) {
      const found = parsing < PARSING_AT_ONCE && (await lookSafely());
      caughtUp = !found && unjudged === 0 && heldUp.size === 0;
      conversations.queueDue(parts.now() - (caughtUp ? 0 : BEHIND_MS));
      if (!found) await nudged();
    }
  }

  async function lookSafely(): Promise<boolean> {
    try {
      return await look();
    } catch (error) {
      parts.report('reading.store_unavailable', {}, error);
      await pause();
      return true;
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
      lookAgain();
      await running;
      await judging;
      await committing.settled();
    },
  };
}

type DraftResult = Extract<ItemResult, { readonly draft: Uint8Array | null }> & {
  readonly reading: { readonly kind: 'draft' };
};

function isDraft(result: ItemResult): result is DraftResult {
  return !('died' in result) && result.reading.kind === 'draft';
}
