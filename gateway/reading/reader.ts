// 研读: takes unread messages in order, has them parsed, judges and commits them. Runs in the decider thread; one a process.
import type { Outcome } from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { CommitRow, Store, UnreadRow } from '../../store/store.ts';
import { openOriginal } from '../../store/ticket-seal.ts';
import { type DraftMessage, draftRow, followUp, plainRow, type ReadyMessage } from './commit-rows.ts';
import { createConversations, type Gathered } from './conversations.ts';
import type { Judge } from './judge.ts';
import type { ItemResult, ParserPool, ReadItem } from './parser-pool.ts';

export interface ReaderParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly judge: Judge;
  readonly pool: ParserPool;
  readonly now: () => number;
  /** Messages handed over at once. */
  readonly batch: number;
  /** Readers a message may kill before it is quarantined. */
  readonly attempts: number;
  readonly attachmentWaitMs: number;
  /** Told once a batch, after its commit. */
  decided(numbers: readonly string[], outcomes: readonly Outcome[]): void;
  /** Something a person should know of; codes only. */
  report(code: string, values: Readonly<Record<string, string | number>>, cause?: unknown): void;
}

export interface Reader {
  /** Looks again from the beginning: something decided before has become unread. */
  rescan(): void;
  /** Finishes what it has begun and stops. */
  close(): Promise<void>;
}

/** A message with what was read of it. */
interface Read {
  readonly message: ReadyMessage;
  readonly result: ItemResult;
}

/** Batches being parsed while an earlier one is judged. */
const PARSING_AT_ONCE = 3;
const COMMITS_AT_ONCE = 2;
/** A nudge may be lost with its sender; unread messages are looked for so often even without one. */
const LOOK_AGAIN_MS = 30_000;
const RETRY_MS = 1000;
/** Conversations decided lately, for parts that come late while the commit is still on its way. */
const CONVERSATIONS_REMEMBERED = 10_000;

export function startReader(parts: ReaderParts): Reader {
  const { store, cipher } = parts;
  const conversations = createConversations();
  /** Number of the ticket a decided conversation led to; null when it led to none. */
  const ended = new Map<string, string | null>();
  /** Messages begun and not yet committed, parts that wait for the others among them. */
  const taken = new Set<string>();
  const commits = new Set<Promise<void>>();
  let after = 0;
  let closing = false;
  let parsing = 0;
  let judging: Promise<void> = Promise.resolve();
  let nudge = false;
  let wake: () => void = () => undefined;

  async function open(row: UnreadRow): Promise<{ contentKey: Uint8Array; original: Uint8Array } | string> {
    try {
      const contentKey = cipher.openDataKey(row.wrappedContent);
      const sealed = row.sealed ?? (await store.blobs.get(row.blob as string));
      if (sealed === null) return 'reading.original_missing';
      return { contentKey, original: openOriginal(cipher, contentKey, row.number, sealed) };
    } catch (error) {
      parts.report('reading.cannot_open', { number: row.number }, error);
      return 'reading.cannot_open';
    }
  }

  /** Opens and parses; answers in order. What kills its reader is tried again alone until it has had its attempts. */
  async function read(groups: readonly (readonly [UnreadRow, ...UnreadRow[]])[], key: string | null): Promise<Read[]> {
    const opened = await Promise.all(groups.map(rows => Promise.all(rows.map(open))));
    const reads: Read[] = [];
    const items: ReadItem[] = [];
    const places: number[] = [];
    groups.forEach(([row, ...rest], i) => {
      const originals = opened[i] as Awaited<ReturnType<typeof open>>[];
      const broken = originals.find(one => typeof one === 'string');
      const first = originals[0];
      const contentKey = typeof first === 'object' ? first.contentKey : new Uint8Array(0);
      const message = { row, contentKey, parts: rest, conversation: key };
      const result: ItemResult = { died: 'unread' };
      reads.push({ message, result: typeof broken === 'string' ? unreadable(broken) : result });
      if (broken !== undefined) return;
      places.push(i);
      items.push({
        channel: row.channel,
        receivedAt: row.acceptedAt,
        gathered: key !== null,
        originals: originals.map(one => (one as { original: Uint8Array }).original),
      });
    });
    const results = await parse(
      items,
      places.map(place => (reads[place] as Read).message.row),
    );
    places.forEach((place, i) => {
      reads[place] = { message: (reads[place] as Read).message, result: results[i] as ItemResult };
    });
    return reads;
  }

  async function parse(items: readonly ReadItem[], rows: readonly UnreadRow[]): Promise<ItemResult[]> {
    const results = [...(await parts.pool.read(items))];
    for (const [i, result] of results.entries()) {
      let now: ItemResult = result;
      while ('died' in now) {
        const row = rows[i] as UnreadRow;
        const [attempts = parts.attempts] = await store.messages.attempted([row.number]);
        parts.report('reading.parser_died', { number: row.number, reason: now.died, attempts });
        if (attempts >= parts.attempts) now = unreadable(`reading.parser_${now.died}`);
        else [now = now] = await parts.pool.read([items[i] as ReadItem]);
      }
      results[i] = now;
    }
    return results;
  }

  /** Rows of a batch in order; drafts are judged together, parts of conversations stay unread. */
  async function judge(reads: readonly Read[]): Promise<CommitRow[]> {
    const drafts = reads.filter(read => isDraft(read.result));
    const judged = await parts.judge.judge(drafts.map(judgeItem));
    const decidedAt = parts.now();
    const rows: CommitRow[] = [];
    let next = 0;
    for (const { message, result } of reads) {
      if ('died' in result) throw new Error('a parser result was left unread');
      const { reading } = result;
      if (reading.kind === 'draft') {
        const one = judged[next++] as (typeof judged)[number];
        const draft: DraftMessage = { ...message, head: reading.head, draft: result.draft as string };
        rows.push(draftRow(parts, draft, one, decidedAt));
        endConversation(message, one.decision.joins ?? message.row.number);
      } else if (reading.kind === 'part') {
        const late = await part(message.row, reading);
        if (late !== null) rows.push(late);
      } else if (reading.kind === 'not-an-appeal') {
        rows.push(plainRow(message, { kind: 'not-an-appeal', reason: reading.reason }, decidedAt));
        endConversation(message, null);
      } else {
        rows.push(plainRow(message, { kind: 'quarantined', reason: reading.reason }, decidedAt));
        endConversation(message, null);
      }
    }
    return rows;
  }

  function judgeItem({ message, result }: Read) {
    const { row } = message;
    if (!isDraft(result)) throw new Error('only drafts are judged');
    const { number, ordinal, acceptedAt } = row;
    return { number, ordinal, acceptedAt, head: result.reading.head, hashes: result.hashes, counts: result.counts };
  }

  function endConversation(message: ReadyMessage, ticket: string | null): void {
    if (message.conversation === null) return;
    ended.set(message.conversation, ticket);
    for (const oldest of ended.keys()) {
      if (ended.size <= CONVERSATIONS_REMEMBERED) return;
      ended.delete(oldest);
    }
  }

  /** A part waits with the others of its conversation; one that comes after the end follows the conversation's ticket. */
  async function part(
    row: UnreadRow,
    reading: { readonly key: string; readonly last: boolean; readonly quietMs: number },
  ): Promise<CommitRow | null> {
    const key = cipher.mac('dedupe', 'conversation', row.lane, reading.key).toString('hex', 0, 16);
    if (!conversations.has(key)) {
      const ticket = await ticketOfConversation(key);
      const message = { row, contentKey: new Uint8Array(0), parts: [], conversation: null };
      if (ticket !== null) {
        return plainRow(message, { kind: 'repeat', of: ticket }, parts.now(), [followUp(message, ticket)]);
      }
    }
    const over = conversations.add(key, row, reading.last, reading.quietMs);
    if (over !== null) queue([over]);
    return null;
  }

  async function ticketOfConversation(key: string): Promise<string | null> {
    const recent = ended.get(key);
    if (recent !== undefined) return recent;
    const lead = await store.decisions.conversation(key);
    if (lead === null) return null;
    const outcome = (await store.messages.get(lead))?.outcome ?? null;
    if (outcome?.kind === 'ticket') return lead;
    return outcome?.kind === 'repeat' ? outcome.of : null;
  }

  /** Conversations that are over take their place when they are decided. */
  function queue(over: readonly Gathered[]): void {
    for (const { key, rows } of over) {
      const reads = read([rows], key);
      judging = judging.then(async () => commit(await judge(await reads))).catch(fatal);
    }
  }

  async function commit(rows: readonly CommitRow[]): Promise<void> {
    if (rows.length === 0) return;
    while (commits.size >= COMMITS_AT_ONCE) await Promise.race(commits);
    const [first, ...rest] = rows as [CommitRow, ...CommitRow[]];
    const audit = { by: 'system', action: 'message.decide', on: rows.map(row => row.number) };
    const done = commitUntilDone([{ ...first, audit }, ...rest]).finally(() => commits.delete(done));
    commits.add(done);
    parts.judge.tidy();
  }

  /** What has been judged is committed however long the store takes: later decisions build on it. */
  async function commitUntilDone(rows: readonly CommitRow[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        const answers = await store.decisions.commit(rows, null);
        release(rows);
        settle(rows, answers);
        return;
      } catch (error) {
        if (failures === 0) parts.report('reading.commit_failed', { count: rows.length }, error);
        if (closing) return;
        await new Promise(resolve => setTimeout(resolve, RETRY_MS));
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
      else parts.report('reading.conflict', { number: row.number, reason: answers[i] ?? 'missing' });
    });
    parts.decided(
      done.flatMap(row => [row.number, ...row.parts]),
      done.flatMap(row => [row.outcome, ...row.parts.map((): Outcome => ({ kind: 'part', of: row.number }))]),
    );
  }

  function fatal(error: unknown): void {
    parts.report('reading.bug', {}, error);
    throw error;
  }

  async function look(): Promise<boolean> {
    const rows = await store.messages.unread('all', after, parts.batch);
    const last = rows.at(-1);
    if (last === undefined) return false;
    after = last.ordinal;
    const fresh = rows.filter(row => !taken.has(row.number));
    if (fresh.length === 0) return true;
    for (const row of fresh) taken.add(row.number);
    parsing++;
    const reads = read(
      fresh.map((row): [UnreadRow] => [row]),
      null,
    );
    judging = judging
      .then(async () => {
        const batch = await reads;
        parsing--;
        lookAgain();
        await commit(await judge(batch));
      })
      .catch(fatal);
    return true;
  }

  async function run(): Promise<void> {
    while (!closing) {
      queue(conversations.due(parts.now()));
      if (parsing < PARSING_AT_ONCE && (await lookSafely())) continue;
      await nudged();
    }
  }

  async function lookSafely(): Promise<boolean> {
    try {
      return await look();
    } catch (error) {
      parts.report('reading.store_unavailable', {}, error);
      await new Promise(resolve => setTimeout(resolve, RETRY_MS));
      return true;
    }
  }

  async function nudged(): Promise<void> {
    const due = conversations.nextDue();
    const wait = Math.max(1, Math.min(LOOK_AGAIN_MS, due === null ? LOOK_AGAIN_MS : due - parts.now()));
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, wait);
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

  store.onAccepted(lookAgain);
  const running = run();

  return {
    rescan() {
      after = 0;
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

function unreadable(reason: string): ItemResult {
  return {
    reading: { kind: 'unreadable', reason },
    draft: null,
    hashes: new Uint32Array(0),
    counts: new Uint8Array(0),
  };
}

type DraftResult = Extract<ItemResult, { readonly draft: string | null }> & {
  readonly reading: { readonly kind: 'draft' };
};

function isDraft(result: ItemResult): result is DraftResult {
  return !('died' in result) && result.reading.kind === 'draft';
}
