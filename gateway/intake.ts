// 收件: makes originals durable with a number of their own, tells redeliveries, and lets callers wait for what becomes of them.
import { hash } from 'node:crypto';
import {
  type Acceptance,
  type AdapterDefinition,
  type FilePart,
  type Original,
  Unavailable,
} from '../adapters/contract.ts';
import { StoreUnavailable } from '../store/errors.ts';
import type { FieldCipher } from '../store/field-cipher.ts';
import { encodeOriginal, type KeptFile } from '../store/original-codec.ts';
import type { AcceptAnswer, AcceptRow, CursorMove, Outcome, Store } from '../store/store.ts';
import { sealFile, sealOriginal } from '../store/ticket-seal.ts';
import { newNumber, queryCode } from './number.ts';
import { SHARDS } from './reading/shards.ts';
import { within } from './within.ts';

/** Originals above it go to the blob store first, then the message row. */
const BLOB_FROM = 256 * 1024;
/** Between two questions for an outcome that another process may write. */
const ASK_AGAIN_MS = 50;

export interface IntakeParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly now: () => number;
  /** Called once a batch, after it is durable. */
  acknowledged(channel: string, kind: string, delivery: 'fresh' | 'redelivery', count: number): void;
  /** Called where the store did not take a batch. */
  refused?(error: StoreUnavailable): void;
}

export interface Intake {
  /** See `AdapterContext.accept`. Rejects with `Unavailable` unless all originals are durable. */
  accept(
    channel: string,
    definition: Pick<AdapterDefinition, 'kind' | 'capabilities'>,
    originals: readonly Original[],
    after?: { readonly cursor?: string },
  ): Promise<readonly Acceptance[]>;
  /** One Int32 of shared memory: how many wait for an outcome. */
  readonly awaited: Int32Array;
  /** Tells those who wait; called with each committed batch of decisions while `awaited` is above zero. */
  decided(numbers: readonly string[], outcomes: readonly Outcome[]): void;
  /** A reason for which nothing is taken in (disk low); null when there is none. */
  pause(reason: string | null): void;
  readonly paused: string | null;
}

export function createIntake(parts: IntakeParts): Intake {
  const waiting = new Map<string, Set<(outcome: Outcome) => void>>();
  const awaited = new Int32Array(new SharedArrayBuffer(4));
  let paused: string | null = null;

  /** Waits for one number: told at once within this process, asked from the store for what was decided before. */
  async function outcomeOf(number: string, signal: AbortSignal): Promise<Outcome | null> {
    const told = Promise.withResolvers<Outcome | null>();
    const listeners = waiting.get(number) ?? new Set();
    const tell = (outcome: Outcome) => told.resolve(outcome);
    waiting.set(number, listeners.add(tell));
    Atomics.add(awaited, 0, 1);
    const stop = () => told.resolve(null);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const look = async () => (signal.aborted ? null : ((await parts.store.messages.get(number))?.outcome ?? null));
      const known = await look();
      if (known !== null || signal.aborted) return known;
      return parts.store.shared === null ? await told.promise : await toldOrSeen(told.promise, look);
    } finally {
      Atomics.sub(awaited, 0, 1);
      signal.removeEventListener('abort', stop);
      listeners.delete(tell);
      if (listeners.size === 0) waiting.delete(number);
    }
  }

  /** Another process may decide it, and tells nobody here. */
  async function toldOrSeen(
    told: Promise<Outcome | null>,
    look: () => Promise<Outcome | null>,
  ): Promise<Outcome | null> {
    for (;;) {
      const answer = await within(ASK_AGAIN_MS, told);
      if (answer.done) return answer.value;
      const seen = await look();
      if (seen !== null) return seen;
    }
  }

  function acceptance(answer: AcceptAnswer): Acceptance {
    if (answer.kind === 'id-reused') return answer;
    const { kind, number } = answer;
    return {
      kind,
      number,
      queryCode: queryCode(parts.cipher.mac('query', number)),
      outcome: signal => outcomeOf(number, signal),
    };
  }

  return {
    async accept(channel, definition, originals, after) {
      if (paused !== null) throw new Unavailable(paused, 'intake is paused', { retryAfterSeconds: 60 });
      const cursor: CursorMove | undefined = after?.cursor === undefined ? undefined : { channel, value: after.cursor };
      const { weakIds } = definition.capabilities;
      const sealed = originals.map(original => sealRow(parts, channel, weakIds, original));
      let answers: readonly AcceptAnswer[];
      try {
        answers = await makeDurable(parts.store, sealed, cursor);
      } catch (error) {
        if (error instanceof StoreUnavailable) parts.refused?.(error);
        throw asUnavailable(error);
      }
      let fresh = 0;
      let redelivered = 0;
      for (const { kind } of answers) {
        if (kind === 'fresh') fresh++;
        else if (kind === 'redelivery') redelivered++;
      }
      if (fresh > 0) parts.acknowledged(channel, definition.kind, 'fresh', fresh);
      if (redelivered > 0) parts.acknowledged(channel, definition.kind, 'redelivery', redelivered);
      return answers.map(acceptance);
    },
    awaited,
    decided(numbers, outcomes) {
      numbers.forEach((number, i) => {
        for (const tell of waiting.get(number) ?? []) tell(outcomes[i] as Outcome);
      });
    },
    pause(reason) {
      paused = reason;
    },
    get paused() {
      return paused;
    },
  };
}

interface SealedOriginal {
  readonly row: AcceptRow;
  /** To be written before the row; of no use if the message turns out to be known. */
  readonly blobs: readonly SealedBlob[];
}

interface SealedBlob {
  readonly name: string;
  /** Seals only when it is written, so that one large file at a time is held twice. */
  bytes(): Uint8Array;
}

const NO_BLOBS: readonly SealedBlob[] = [];

/** Adapters know the store's failure as one of theirs: nothing was promised, the platform is to send again. */
function asUnavailable(error: unknown): unknown {
  if (!(error instanceof StoreUnavailable)) return error;
  return new Unavailable('intake.store_unavailable', 'the store did not take the messages', {
    cause: error,
    retryAfterSeconds: 5,
  });
}

/** Nearly all messages are rows alone and go to the store at once. */
function makeDurable(
  store: Store,
  sealed: readonly SealedOriginal[],
  cursor: CursorMove | undefined,
): Promise<readonly AcceptAnswer[]> {
  return sealed.every(one => one.blobs.length === 0)
    ? store.messages.accept(
        sealed.map(one => one.row),
        cursor,
      )
    : acceptWithBlobs(store, sealed, cursor);
}

async function acceptWithBlobs(
  store: Store,
  sealed: readonly SealedOriginal[],
  cursor: CursorMove | undefined,
): Promise<readonly AcceptAnswer[]> {
  const written: string[] = [];
  const writing = sealed.map(({ blobs }) => writeBlobs(store, blobs, written));
  try {
    await Promise.all(writing);
  } catch (error) {
    // The others may still be writing.
    await Promise.allSettled(writing);
    await removeBlobs(store, written);
    throw error;
  }
  try {
    const rows = sealed.map(one => one.row);
    const answers = await store.messages.accept(rows, cursor);
    await Promise.all(answers.map((answer, i) => dropOrphans(store, answer, sealed[i] as SealedOriginal)));
    return answers;
  } catch (error) {
    // On a full disk nothing was written, and blobs of nobody would fill it further. After any other failure a row may
    // yet turn out to be durable, and a blob too many is better than one too few.
    if (error instanceof StoreUnavailable && error.code === 'store.disk_full') await removeBlobs(store, written);
    throw error;
  }
}

async function writeBlobs(store: Store, blobs: readonly SealedBlob[], written: string[]): Promise<void> {
  for (const { name, bytes } of blobs) {
    await store.blobs.put(name, bytes());
    written.push(name);
  }
}

/** Called while a failure is already on its way to the sender, who is told that one. */
async function removeBlobs(store: Store, names: readonly string[]): Promise<void> {
  await Promise.allSettled(names.map(name => store.blobs.remove(name)));
}

/** Keys by which a message and its lane are known; never the identity itself. */
function keysOf(cipher: FieldCipher, channel: string, { body, platformId, sender }: Original) {
  const id = cipher.mac('dedupe', 'message', channel, platformId);
  const lane = sender === null ? id.subarray(16, 24) : cipher.mac('dedupe', 'lane', channel, sender).subarray(0, 8);
  return { fingerprint: hash('sha256', body, 'hex').slice(0, 32), id, lane };
}

function sealRow(parts: IntakeParts, channel: string, weakIds: boolean, original: Original): SealedOriginal {
  const { cipher } = parts;
  const acceptedAt = parts.now();
  const number = newNumber(acceptedAt);
  const { key, wrapped } = cipher.newDataKey('content');
  const files = original.files === undefined ? NO_FILES : sealFiles(cipher, key, number, original.files);
  const encoded = encodeOriginal(original, files.kept);
  const large = encoded.length > BLOB_FROM ? blobName(cipher, number, 'original') : null;
  const sealed = sealOriginal(cipher, key, number, encoded);
  const { fingerprint, id, lane } = keysOf(cipher, channel, original);
  const row: AcceptRow = {
    key: id.toString('hex', 0, 16),
    weakKey: weakIds
      ? cipher.mac('dedupe', 'weak', channel, original.platformId, fingerprint).toString('hex', 0, 16)
      : null,
    fingerprint,
    number,
    channel,
    lane: lane.toString('hex'),
    shard: (lane[0] as number) % SHARDS,
    acceptedAt,
    wrappedContent: wrapped,
    sealed: large === null ? sealed : null,
    blob: large,
  };
  return { row, blobs: large === null ? files.blobs : [...files.blobs, { name: large, bytes: () => sealed }] };
}

const NO_FILES = { kept: [] as readonly KeptFile[], blobs: NO_BLOBS };

function sealFiles(cipher: FieldCipher, key: Uint8Array, number: string, files: readonly FilePart[]) {
  const kept: KeptFile[] = [];
  const blobs: SealedBlob[] = [];
  for (const { name, mediaType, sha256, bytes } of files) {
    const blob = blobName(cipher, number, sha256);
    kept.push({ name, mediaType, sha256, size: bytes.length, blob });
    blobs.push({ name: blob, bytes: () => sealFile(cipher, key, { number, sha256, bytes }) });
  }
  return { kept, blobs };
}

/** Names tell nothing of what they hold and never meet those of another message. */
export function blobName(cipher: FieldCipher, number: string, what: string): string {
  return cipher.mac('dedupe', 'blob', number, what).toString('hex', 0, 32);
}

/** A redelivery's files were stored with the first delivery; the second copy has no owner. */
async function dropOrphans(store: Store, answer: AcceptAnswer, sealed: SealedOriginal): Promise<void> {
  if (answer.kind === 'fresh' && answer.number === sealed.row.number) return;
  for (const { name } of sealed.blobs) await store.blobs.remove(name);
}
