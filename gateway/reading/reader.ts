// 研读: takes unread messages in order, has them parsed, judges and commits them. Runs in the decider thread; one a process.
import type { Meaning } from '../../normalizer/meaning.ts';
import type { Outcome, TicketDraft } from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { CommitAnswer, CommitRow, Store, TicketRow, UnreadRow } from '../../store/store.ts';
import { type DraftMessage, draftRow, followUpRow, plainRow, type ReadyMessage } from './commit-rows.ts';
import { createConversations, type Gathered } from './conversations.ts';
import { type Embedder, maskedText } from './embedding.ts';
import { identityKeysOf, type Judge, type JudgeItem } from './judge.ts';
import { joinsAsLatePart, ticketForLatePart } from './late-parts.ts';
import type { ItemResult, ParserPool } from './parser-pool.ts';
import type { Reading } from './protocol.ts';
import { type Reading as BeingRead, createBatchReader, pause, type Read } from './read-batch.ts';
import type { Shards } from './shards.ts';

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
  /** Told once a step, after its commit. */
  decided(rows: readonly CommitRow[]): void;
  /** Something a person should know of; codes only. */
  report(code: string, values: Readonly<Record<string, string | number>>, cause?: unknown): void;
}

export interface Reader {
  /** Looks again from the beginning: something decided before has become unread. */
  rescan(): void;
  /** Shards have become another's: what waits of them is dropped, since the other one reads it. */
  lost(shards: ReadonlySet<number>): void;
  /** Finishes what it has begun and stops. */
  close(): Promise<void>;
}

interface Taken {
  readonly lane: string;
  /** The token of its shard when it was taken. */
  readonly fence: string | null;
}

type PartReading = Extract<Reading, { readonly kind: 'part' }>;

/** A part of a conversation, read alone. */
interface PartRead {
  readonly row: UnreadRow;
  readonly reading: PartReading;
}

/** Batches being parsed while an earlier one is judged. */
const PARSING_AT_ONCE = 3;
const COMMITS_AT_ONCE = 3;
/** Decisions in one call: whoever waits for a number waits for the transaction under way, so none may be long. */
const ROWS_AT_ONCE = 16;
/** A nudge may be lost with its sender; unread messages are looked for so often even without one. */
const LOOK_AGAIN_MS = 30_000;
/** Other processes accept, too, and tell nobody. */
const SHARED_LOOK_MS = 500;
/** A conversation is not over while parts of it may be among what is still to be read; for so long at most. */
const BEHIND_MS = 60_000;
/** Conversations decided lately, for parts that come late while the commit is still on its way. */
const CONVERSATIONS_REMEMBERED = 10_000;

export function startReader(parts: ReaderParts): Reader {
  const { store, cipher } = parts;
  const conversations = createConversations();
  /** Keys of conversations that were decided lately: their commits may still be on their way. */
  const ended = new Set<string>();
  /** Conversations with a decision on its way, and the parts that came meanwhile. */
  const deciding = new Map<string, PartRead[]>();
  const isDeciding = (key: string): boolean => deciding.has(key);
  /** Messages begun and not yet committed, parts that wait for the others among them. */
  const taken = new Map<string, Taken>();
  /** Lanes with a decision on its way to a store that other processes share. */
  const underWay = new Set<string>();
  const commits = new Set<Promise<void>>();
  let after = 0;
  /** Counts the wishes to look from the beginning: a look that was under way then must not go past them. */
  let rescans = 0;
  let conflicts = false;
  let failing = false;
  let closing = false;
  /** A decision was left to the next start: none may be made after it, since it may be of the same lane. */
  let gaveUp = false;
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

  /** What can be decided now; what takes long, and what stands behind it in its lane, is decided once it is read. */
  function prompt(
    reads: readonly BeingRead[],
    rowsOf: (reads: readonly Read[]) => Promise<CommitRow[]>,
  ): readonly Read[] {
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
    rowsOf: (reads: readonly Read[]) => Promise<CommitRow[]>,
  ): Promise<void> {
    await before;
    const read: Read = { message, result: 'late' in result ? await result.late : result };
    // The next start reads it again.
    if (closing) return;
    judging = judging.then(async () => commit(await rowsOf([read]))).catch(fatal);
    await judging;
  }

  /** Rows of a batch in order; drafts are judged together, parts of conversations stay unread. */
  async function judge(reads: readonly Read[]): Promise<CommitRow[]> {
    const drafts = reads.filter(read => isDraft(read.result));
    const meanings = await meaningsOf(drafts);
    const items = drafts.map((read, i) => judgeItem(read, meanings[i] ?? null));
    const judged = await parts.judge.judge(items);
    const decidedAt = parts.now();
    const rows: CommitRow[] = [];
    let next = 0;
    for (const { message, result } of reads) {
      // Only when the gateway is closing: the next start reads it again.
      if ('died' in result) continue;
      const { reading } = result;
      if (reading.kind === 'draft') {
        const one = judged[next++] as (typeof judged)[number];
        const draft: DraftMessage = { ...message, head: reading.head, draft: result.draft as Uint8Array };
        rows.push(draftRow(parts, draft, one, decidedAt));
        endConversation(message);
      } else if (reading.kind === 'part') {
        await part(message.row, reading);
      } else {
        rows.push(plainRow(message, plainOutcome(reading), decidedAt));
        endConversation(message);
      }
    }
    return rows;
  }

  /** Asked for a batch at once, so that a slow service costs each of them no more than its deadline. */
  async function meaningsOf(drafts: readonly Read[]): Promise<readonly (Meaning | null)[]> {
    if (parts.embedder == null) return [];
    return parts.embedder.meanings(drafts.map(({ result }) => (isDraft(result) ? textOf(result) : '')));
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

  /** Parts that came while it was being decided are looked at again. */
  function endConversation(message: ReadyMessage): void {
    const key = message.conversation;
    if (key === null) return;
    ended.add(key);
    for (const oldest of ended) {
      if (ended.size <= CONVERSATIONS_REMEMBERED) break;
      ended.delete(oldest);
    }
    takeLate(key);
  }

  function takeLate(key: string): void {
    const late = deciding.get(key) ?? [];
    deciding.delete(key);
    // Another conversation under it may have been due meanwhile.
    if (conversations.has(key)) lookAgain();
    // After the decision that is being made, which they may have to join.
    for (const { row, reading } of late) judging = judging.then(() => part(row, reading)).catch(fatal);
  }

  /** A part waits with the others of its conversation; one that comes after the end may follow the conversation's ticket. */
  async function part(row: UnreadRow, reading: PartReading): Promise<void> {
    const key = cipher.mac('dedupe', 'conversation', row.lane, reading.key).toString('hex', 0, 16);
    if (deciding.has(key) || conversations.has(key)) return gather(key, row, reading);
    if (ended.has(key)) await Promise.all(commits);
    const ticket = await ticketForLatePart(store, key, row, reading.quietMs);
    if (ticket === null) gather(key, row, reading);
    else follow({ row, reading }, key, ticket);
  }

  /** Read once more, now as an appeal of its own, since the case system is to get its words. */
  function follow(part: PartRead, key: string, ticket: TicketRow): void {
    deciding.set(key, []);
    const reads = read([[part.row]], null, true);
    const rowsOf = async (ready: readonly Read[]) => ready.flatMap(one => followRow(one, part, key, ticket));
    judging = judging.then(async () => commit(await rowsOf(prompt(await reads, rowsOf)))).catch(fatal);
  }

  function followRow({ message, result }: Read, part: PartRead, key: string, ticket: TicketRow): CommitRow[] {
    if ('died' in result) return [];
    takeLate(key);
    const { reading } = result;
    const decidedAt = parts.now();
    if (reading.kind === 'draft') {
      if (!joinsAsLatePart(cipher, reading.head, ticket)) {
        gather(key, part.row, part.reading);
        return [];
      }
      const draft: DraftMessage = { ...message, head: reading.head, draft: result.draft as Uint8Array };
      return [followUpRow(parts, draft, ticket.number, [], decidedAt)];
    }
    if (reading.kind === 'part') throw new Error('what is gathered is read as an appeal');
    return [plainRow(message, plainOutcome(reading), decidedAt)];
  }

  function gather(key: string, row: UnreadRow, reading: PartReading): void {
    const late = deciding.get(key);
    if (late !== undefined) return void late.push({ row, reading });
    const over = conversations.add(key, row, reading);
    if (over !== null) queue([over]);
    // The loop may be asleep for longer than this conversation is to be waited for.
    else lookAgain();
  }

  /** Conversations that are over take their place when they are decided. */
  function queue(over: readonly Gathered[]): void {
    for (const { key, rows } of over) {
      deciding.set(key, []);
      const reads = withSettledParts(rows).then(all => read([all], key));
      judging = judging.then(async () => commit(await judge(prompt(await reads, judge)))).catch(fatal);
    }
  }

  /** A lead that is read again was gathered before: its parts are decided already and stand in the store. */
  async function withSettledParts(rows: Gathered['rows']): Promise<Gathered['rows']> {
    const [lead, ...rest] = rows;
    if (lead.revision === 0) return rows;
    const settled = (await store.messages.joined(lead.number)).filter(row => row.outcome?.kind === 'part');
    return [lead, ...settled, ...rest];
  }

  /** Steps go to the store in the order of the messages, and it takes them in the order in which they go. */
  async function commit(rows: readonly CommitRow[]): Promise<void> {
    for (const step of stepsOf(rows)) {
      // While one is being tried again the next does not overtake it: a lane's messages are committed in their order.
      while (commits.size >= (failing ? 1 : COMMITS_AT_ONCE) || step.some(isBehind)) await Promise.race(commits);
      if (gaveUp) return;
      const [first, ...rest] = step;
      const audit = { by: 'system', action: 'message.decide', on: [first, ...rest].map(row => row.number) };
      const lanes = parts.shards === null ? [] : step.flatMap(row => taken.get(row.number)?.lane ?? []);
      for (const lane of lanes) underWay.add(lane);
      const done = commitUntilDone([{ ...first, audit }, ...rest]).finally(() => {
        for (const lane of lanes) underWay.delete(lane);
        commits.delete(done);
      });
      commits.add(done);
    }
    if (rows.length > 0) parts.judge.tidy();
  }

  /** On a shared store a decision is one write, of several some may fail: a lane has one of them on its way at a time. */
  function stepsOf(rows: readonly CommitRow[]): readonly [CommitRow, ...CommitRow[]][] {
    const steps: [CommitRow, ...CommitRow[]][] = [];
    let lanes = new Set<string>();
    for (const row of rows) {
      const lane = parts.shards === null ? row.number : (taken.get(row.number)?.lane ?? row.number);
      const last = steps.at(-1);
      if (last === undefined || last.length === ROWS_AT_ONCE || lanes.has(lane)) {
        steps.push([row]);
        lanes = new Set([lane]);
      } else {
        last.push(row);
        lanes.add(lane);
      }
    }
    return steps;
  }

  function isBehind({ number }: CommitRow): boolean {
    const lane = taken.get(number)?.lane;
    return lane !== undefined && underWay.has(lane);
  }

  /** Rows by the fence they were taken under, in their order; the store puts steps that come together into one. */
  async function commitFenced(rows: readonly CommitRow[]): Promise<CommitAnswer[]> {
    const groups = new Map<string | null, CommitRow[]>();
    for (const row of rows) {
      const fence = taken.get(row.number)?.fence ?? null;
      const group = groups.get(fence);
      // What others look through by the time of the decision must not become visible long after it.
      const dated = parts.shards === null ? row : { ...row, decidedAt: parts.now() };
      if (group === undefined) groups.set(fence, [dated]);
      else group.push(dated);
    }
    const all = await Promise.all(
      [...groups].map(async ([fence, group]) => ({ group, answers: await store.decisions.commit(group, fence) })),
    );
    const answerOf = new Map(
      all.flatMap(({ group, answers }) => group.map((row, i) => [row.number, answers[i]] as const)),
    );
    return rows.map(({ number }) => answerOf.get(number) ?? 'conflict');
  }

  /** What has been judged is committed however long the store takes: later decisions build on it. */
  async function commitUntilDone(rows: readonly CommitRow[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        const answers = await commitFenced(rows);
        failing = false;
        release(rows);
        settle(rows, answers);
        return;
      } catch (error) {
        failing = true;
        if (failures === 0) parts.report('reading.commit_failed', { count: rows.length }, error);
        if (closing) {
          gaveUp = true;
          return;
        }
        await pause();
      }
    }
  }

  function release(rows: readonly CommitRow[]): void {
    for (const row of rows) {
      taken.delete(row.number);
      for (const part of row.parts) taken.delete(part);
    }
  }

  function settle(rows: readonly CommitRow[], answers: readonly string[]): void {
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
    const limit = shards === null ? parts.batch : parts.batch + taken.size;
    const rows = await store.messages.unread(shards === null ? 'all' : shards.mine, after, limit);
    if (asked !== rescans) return true;
    const last = rows.at(-1);
    if (last === undefined) return false;
    if (shards === null) after = last.ordinal;
    // A shard may have gone to another between the question and the answer.
    const ours = shards === null ? rows : rows.filter(row => mayTake(row, shards.fence(row.shard)));
    const fresh = ours.filter(row => !taken.has(row.number)).slice(0, parts.batch);
    if (fresh.length === 0) return shards === null;
    for (const { number, lane, shard } of fresh) taken.set(number, { lane, fence: shards?.fence(shard) ?? null });
    parsing++;
    unjudged++;
    const alone = fresh.map((row): [UnreadRow] => [row]);
    const reads = read(alone, null);
    judging = judging
      .then(async () => {
        const batch = await reads;
        parsing--;
        lookAgain();
        const rows = await judge(prompt(batch, judge));
        unjudged--;
        lookAgain();
        await commit(rows);
      })
      .catch(fatal);
    return true;
  }

  async function run(): Promise<void> {
    while (!closing) {
      const found = parsing < PARSING_AT_ONCE && (await lookSafely());
      caughtUp = !found && unjudged === 0 && heldUp.size === 0;
      queue(conversations.due(parts.now() - (caughtUp ? 0 : BEHIND_MS), isDeciding));
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
    const next = conversations.nextDue(isDeciding);
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
    lost(shards) {
      for (const number of conversations.drop(row => shards.has(row.shard))) taken.delete(number);
      lookAgain();
    },
    async close() {
      closing = true;
      lookAgain();
      await running;
      await judging;
      await Promise.all(commits);
    },
  };
}

/** What became of the messages of some rows, gathered parts among them. */
export function outcomesOf(rows: readonly CommitRow[]): { numbers: string[]; outcomes: Outcome[] } {
  return {
    numbers: rows.flatMap(row => [row.number, ...row.parts]),
    outcomes: rows.flatMap(row => [row.outcome, ...row.parts.map((): Outcome => ({ kind: 'part', of: row.number }))]),
  };
}

function plainOutcome(reading: Extract<Reading, { readonly reason: string }>): Outcome {
  if (reading.kind === 'not-an-appeal') return { kind: 'not-an-appeal', reason: reading.reason };
  return { kind: 'quarantined', reason: reading.reason };
}

type DraftResult = Extract<ItemResult, { readonly draft: Uint8Array | null }> & {
  readonly reading: { readonly kind: 'draft' };
};

function textOf({ draft, reading }: DraftResult): string {
  const { appeal } = JSON.parse(Buffer.from(draft as Uint8Array).toString('utf8')) as Pick<TicketDraft, 'appeal'>;
  return maskedText({ appeal }, reading.head.requester);
}

function isDraft(result: ItemResult): result is DraftResult {
  return !('died' in result) && result.reading.kind === 'draft';
}
