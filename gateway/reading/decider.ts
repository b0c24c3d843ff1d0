// 研读线程: the decider of this process: holds keys, the newest postings and the parser pool; starts the reader.
import { parentPort, workerData } from 'node:worker_threads';
import type { EmbeddingSettings } from '../../config/embedding.ts';
import type { RepeatRules } from '../../config/load-repeats.ts';
import type { RulebookData } from '../../normalizer/rule-data.ts';
import { createCipher } from '../../store/field-cipher.ts';
import type { Forgotten } from '../../store/forget-postings.ts';
import { importRing, type RingData, ringChanges } from '../../store/key-ring.ts';
import { openStoreAt, type StoreAddress } from '../engines.ts';
import { outcomesOf } from './commit-rows.ts';
import { adoptBy, compareBy, judgeBy, type ToCompare } from './comparing.ts';
import { openDeathMark } from './death-mark.ts';
import { createEmbedder } from './embedding.ts';
import type { Judged } from './judge.ts';
import { createParserPool } from './parser-pool.ts';
import { patiently, patientStore } from './patient-store.ts';
import { createPeers, type MissedPair } from './peers.ts';
import { type PlainError, plainError } from './plain-error.ts';
import type { ParserChannel } from './protocol.ts';
import { startReader } from './reader.ts';
import { createShards } from './shards.ts';
import { underWay } from './under-way.ts';
import { yieldToIntake } from './yield-to-intake.ts';

/** What the decider thread is started with. */
export interface DeciderStart {
  readonly address: StoreAddress;
  readonly ring: RingData;
  /** Where another process may put newer keys; null: nowhere. */
  readonly keyFile: string | null;
  readonly rulebook: RulebookData;
  readonly repeats: RepeatRules;
  readonly embedding: EmbeddingSettings | null;
  readonly adapters: readonly string[];
  readonly baseFolder: string;
  readonly channels: Readonly<Record<string, ParserChannel>>;
  readonly parsers: number;
  readonly messageMs: number;
  readonly memoryMb: number;
  readonly batch: number;
  readonly attempts: number;
  readonly attachmentWaitMs: number;
  /** Names this process, and no other one that ever ran. */
  readonly owner: string;
  /** One Int32 of shared memory: how many wait for an outcome. Without anybody, none is told. */
  readonly awaited: Int32Array;
  /** Shared memory for the message that is under way (`underWayMemory`). */
  readonly underWay: Uint8Array;
  /** File that says what is being read (`openMarkFile`); null: it could not be made. */
  readonly deathMark: string | null;
  /** The decider before this one died: the first messages are read one by one, so that it shows which of them it dies on. */
  readonly careful: boolean;
  /** What was being read when the process before this one died. */
  readonly suspects: readonly string[];
}

export type ToDecider =
  | { readonly type: 'channels'; readonly channels: Readonly<Record<string, ParserChannel>> }
  | { readonly type: 'rescan' }
  | { readonly type: 'adopt'; readonly number: string }
  /** Answered by `compared` with the same id. */
  | { readonly type: 'compare'; readonly id: number; readonly item: ToCompare }
  | { readonly type: 'moved'; readonly numbers: readonly string[] }
  /** Answered by `forgotten` with the same id. */
  | { readonly type: 'forget'; readonly id: number; readonly pairs: readonly Forgotten[] }
  | { readonly type: 'ring'; readonly ring: RingData }
  /** Answers `link` with the same id. */
  | { readonly type: 'linked'; readonly id: number }
  | { readonly type: 'close' };

export type FromDecider =
  | { readonly type: 'ready'; readonly tickets: number }
  | { readonly type: 'decided'; readonly numbers: readonly string[]; readonly outcomes: readonly unknown[] }
  | { readonly type: 'wanted' }
  | {
      readonly type: 'report';
      readonly code: string;
      readonly values: Readonly<Record<string, string | number>>;
      readonly cause: PlainError | null;
    }
  | { readonly type: 'forgotten'; readonly id: number; readonly cause: PlainError | null }
  | { readonly type: 'compared'; readonly id: number; readonly answer: Judged | PlainError }
  /** What two deciders missed in the same instant: each ticket joins another. */
  | { readonly type: 'link'; readonly id: number; readonly pairs: readonly MissedPair[] }
  | { readonly type: 'closed' };

const port = parentPort;
if (port === null) throw new Error('decider.ts runs as a worker thread');
yieldToIntake();

const start = workerData as DeciderStart;
const say = (message: FromDecider) => port.postMessage(message);
let closing = false;
const store = patientStore(await openStoreAt(start.address), () => closing);
const newer = ringChanges({ file: start.keyFile ?? undefined });
const cipher = createCipher(importRing(start.ring), newer);
const judge = judgeBy({ store, cipher, repeats: start.repeats, embedding: start.embedding });
const { parsers, messageMs, memoryMb, rulebook, adapters, baseFolder } = start;
const { idleCharacters, phrases } = start.repeats;
const reading = { rulebook, idleCharacters, phrases, adapters, baseFolder };
const report = (code: string, values: Readonly<Record<string, string | number>>, cause?: unknown) =>
  say({ type: 'report', code, values, cause: cause === undefined ? null : plainError(cause) });
const cannotStart = (error: unknown) => report('reading.parser_cannot_start', {}, error);
const pool = createParserPool({ parsers, messageMs, memoryMb, cannotStart, ...reading });
pool.setChannels(start.channels);
const { tickets } = await judge.open();
const { owner } = start;
const mark = underWay(start.underWay);
await blame(start.careful ? mark.get() : null, 'reading.thread_died_on');
// Of several nobody knows which it was.
const [only = null, ...others] = start.suspects;
await blame(others.length === 0 ? only : null, 'reading.process_died_on');
mark.set(null);
const shards =
  store.shared === null
    ? null
    : createShards({
        ...{ store, owner, now: Date.now },
        changed: lost => reader.lost(lost),
        trouble: error =>
          error === null ? report('reading.shares_again', {}) : report('reading.no_shares', {}, error),
      });
const linking = new Map<number, () => void>();
const peers =
  store.shared === null
    ? null
    : createPeers({
        ...{ shared: store.shared, admin: store.admin, judge, owner, now: Date.now },
        link: (id, pairs) => {
          const { promise, resolve } = Promise.withResolvers<void>();
          linking.set(id, resolve);
          say({ type: 'link', id, pairs });
          return promise;
        },
        trouble: error => error !== null && report('reading.peers_unknown', {}, error),
      });
const embedder = start.embedding === null ? null : createEmbedder({ settings: start.embedding, report });
const reader = startReader({
  store,
  cipher,
  judge,
  pool,
  embedder,
  now: Date.now,
  batch: start.batch,
  attempts: start.attempts,
  attachmentWaitMs: start.attachmentWaitMs,
  shards,
  underWay: mark,
  ...(start.deathMark === null ? {} : { deathMark: openDeathMark(start.deathMark) }),
  careful: start.careful,
  suspects: start.suspects,
  ...(peers === null ? {} : { knew: peers.knew }),
  decided: rows => {
    if (rows.some(row => row.wanted.length > 0)) say({ type: 'wanted' });
    // Whoever begins to wait asks the store after he is counted, so that he misses nothing committed before.
    if (Atomics.load(start.awaited, 0) > 0) say({ type: 'decided', ...outcomesOf(rows) });
  },
  report,
});

/** What the decider or the process before this one died on has one attempt fewer. */
async function blame(number: string | null, code: string): Promise<void> {
  if (number === null) return;
  const [attempts = 0] = await patiently(store.messages.attempted, () => closing)([number]);
  if (attempts > 0) report(code, { number, attempts });
}

async function adopt(number: string): Promise<void> {
  await adoptBy(judge, store, number);
  reader.between(async () => judge.tidy());
}

function compare(id: number, item: ToCompare): void {
  reader.between(async () => {
    // A defect that it sets off is told to the clerk, and holds up no message.
    const answer = await compareBy(judge, embedder, item).catch(plainError);
    say({ type: 'compared', id, answer });
  });
}

async function forget(id: number, pairs: readonly Forgotten[]): Promise<void> {
  try {
    await judge.forget(pairs);
    say({ type: 'forgotten', id, cause: null });
  } catch (error) {
    say({ type: 'forgotten', id, cause: plainError(error) });
  }
}

function linked(id: number): void {
  linking.get(id)?.();
  linking.delete(id);
}

async function close(): Promise<void> {
  closing = true;
  peers?.stop();
  await reader.close();
  await Promise.all([peers?.close(), shards?.close()]);
  await pool.close();
  await store.close();
  say({ type: 'closed' });
  port?.close();
}

port.on('message', (message: ToDecider) => {
  if (message.type === 'channels') pool.setChannels(message.channels);
  else if (message.type === 'rescan') reader.rescan();
  else if (message.type === 'adopt') void adopt(message.number);
  else if (message.type === 'compare') compare(message.id, message.item);
  else if (message.type === 'moved') judge.moved(new Set(message.numbers));
  else if (message.type === 'forget') void forget(message.id, message.pairs);
  else if (message.type === 'linked') linked(message.id);
  else if (message.type === 'ring') cipher.renew(importRing(message.ring));
  else void close();
});
await Promise.all([peers?.start(), shards?.start()]);
say({ type: 'ready', tickets });
