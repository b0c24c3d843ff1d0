// 收件: makes originals durable with a number of their own, tells redeliveries, and lets callers wait for what becomes of them.
import { hash } from 'node:crypto';
import { type Acceptance, type AdapterDefinition, type Original, Unavailable } from '../adapters/contract.ts';
import { StoreUnavailable } from '../store/errors.ts';
import type { FieldCipher } from '../store/field-cipher.ts';
import { encodeOriginal, type KeptFile } from '../store/original-codec.ts';
import type { AcceptAnswer, AcceptRow, CursorMove, Outcome, Store } from '../store/store.ts';
import { sealFile, sealOriginal } from '../store/ticket-seal.ts';
import { newNumber, queryCode } from './number.ts';

/** Originals above it go to the blob store first, then the message row. */
const BLOB_FROM = 256 * 1024;
const SHARDS = 64;

export interface IntakeParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly now: () => number;
  /** Called once a batch, after it is durable. */
  acknowledged(channel: string, kind: string, delivery: 'fresh' | 'redelivery', count: number): void;
}

export interface Intake {
  /** See `AdapterContext.accept`. Rejects with `Unavailable` unless all originals are durable. */
  accept(
    channel: string,
    definition: Pick<AdapterDefinition, 'kind' | 'capabilities'>,
    originals: readonly Original[],
    after?: { readonly cursor?: string },
  ): Promise<readonly Acceptance[]>;
  /** Tells those who wait; called with each committed batch of decisions. */
  decided(numbers: readonly string[], outcomes: readonly Outcome[]): void;
  /** A reason for which nothing is taken in (disk low); null when there is none. */
  pause(reason: string | null): void;
  readonly paused: string | null;
}

export function createIntake(parts: IntakeParts): Intake {
  const waiting = new Map<string, Set<(outcome: Outcome) => void>>();
  let paused: string | null = null;

  /** Waits for one number: told at once within this process, asked from the store for what was decided before. */
  async function outcomeOf(number: string, signal: AbortSignal): Promise<Outcome | null> {
    const told = Promise.withResolvers<Outcome | null>();
    const listeners = waiting.get(number) ?? new Set();
    const tell = (outcome: Outcome) => told.resolve(outcome);
    waiting.set(number, listeners.add(tell));
    const stop = () => told.resolve(null);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const known = signal.aborted ? null : ((await parts.store.messages.get(number))?.outcome ?? null);
      return known ?? (signal.aborted ? null : await told.promise);
    } finally {
      signal.removeEventListener('abort', stop);
      listeners.delete(tell);
      if (listeners.size === 0) waiting.delete(number);
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
      const answers = await orUnavailable(async () => {
        const sealed = await sealRows(parts, channel, definition.capabilities.weakIds, originals);
        const known = await acceptRows(parts.store, sealed, cursor);
        await Promise.all(known.map((answer, i) => dropOrphans(parts.store, answer, sealed[i] as SealedOriginal)));
        return known;
      });
      const fresh = answers.filter(answer => answer.kind === 'fresh').length;
      const redelivered = answers.filter(answer => answer.kind === 'redelivery').length;
      if (fresh > 0) parts.acknowledged(channel, definition.kind, 'fresh', fresh);
      if (redelivered > 0) parts.acknowledged(channel, definition.kind, 'redelivery', redelivered);
      return answers.map(acceptance);
    },
    decided(numbers, outcomes) {
      if (waiting.size === 0) return;
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
  /** Blobs written for it, of no use if the message turns out to be known. */
  readonly blobs: readonly string[];
}

/** Adapters know the store's failure as one of theirs: nothing was promised, the platform is to send again. */
async function orUnavailable<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    throw new Unavailable('intake.store_unavailable', 'the store did not take the messages', {
      cause: error,
      retryAfterSeconds: 5,
    });
  }
}

async function acceptRows(
  store: Store,
  sealed: readonly SealedOriginal[],
  cursor: CursorMove | undefined,
): Promise<readonly AcceptAnswer[]> {
  try {
    return await store.messages.accept(
      sealed.map(one => one.row),
      cursor,
    );
  } catch (error) {
    // On a full disk nothing was written, and blobs of nobody would fill it further. After any other failure a row may
    // yet turn out to be durable, and a blob too many is better than one too few.
    if (error instanceof StoreUnavailable && error.code === 'store.disk_full') {
      await removeBlobs(
        store,
        sealed.flatMap(one => one.blobs),
      );
    }
    throw error;
  }
}

/** Called while a failure is already on its way to the sender, who is told that one. */
async function removeBlobs(store: Store, names: readonly string[]): Promise<void> {
  await Promise.allSettled(names.map(name => store.blobs.remove(name)));
}

async function sealRows(
  parts: IntakeParts,
  channel: string,
  weakIds: boolean,
  originals: readonly Original[],
): Promise<readonly SealedOriginal[]> {
  const written: string[] = [];
  const sealing = originals.map(original => sealRow(parts, channel, weakIds, original, written));
  try {
    return await Promise.all(sealing);
  } catch (error) {
    // The others may still be writing.
    await Promise.allSettled(sealing);
    await removeBlobs(parts.store, written);
    throw error;
  }
}

/** Keys by which a message and its lane are known; never the identity itself. */
function keysOf(cipher: FieldCipher, channel: string, original: Original) {
  const fingerprint = hash('sha256', original.body, 'hex').slice(0, 32);
  const id = cipher.mac('dedupe', 'message', channel, original.platformId);
  const lane =
    original.sender === null
      ? id.subarray(16, 24)
      : cipher.mac('dedupe', 'lane', channel, original.sender).subarray(0, 8);
  return {
    fingerprint,
    key: id.toString('hex', 0, 16),
    lane: lane.toString('hex'),
    shard: (lane[0] as number) % SHARDS,
  };
}

async function sealRow(
  parts: IntakeParts,
  channel: string,
  weakIds: boolean,
  original: Original,
  written: string[],
): Promise<SealedOriginal> {
  const { cipher, store } = parts;
  const acceptedAt = parts.now();
  const number = newNumber(acceptedAt);
  const keys = keysOf(cipher, channel, original);
  const contentKey = cipher.newDataKey('content');
  const blobs: string[] = [];
  const keep = async (name: string, sealed: Uint8Array) => {
    await store.blobs.put(name, sealed);
    blobs.push(name);
    written.push(name);
  };
  const kept: KeptFile[] = [];
  for (const file of original.files ?? []) {
    const blob = blobName(cipher, number, file.sha256);
    await keep(blob, sealFile(cipher, contentKey.key, { number, sha256: file.sha256, bytes: file.bytes }));
    kept.push({ name: file.name, mediaType: file.mediaType, sha256: file.sha256, size: file.bytes.length, blob });
  }
  const encoded = encodeOriginal(original, kept);
  const sealed = sealOriginal(cipher, contentKey.key, number, encoded);
  const large = encoded.length > BLOB_FROM ? blobName(cipher, number, 'original') : null;
  if (large !== null) await keep(large, sealed);
  const row: AcceptRow = {
    ...keys,
    weakKey: weakIds
      ? cipher.mac('dedupe', 'weak', channel, original.platformId, keys.fingerprint).toString('hex', 0, 16)
      : null,
    number,
    channel,
    acceptedAt,
    wrappedContent: contentKey.wrapped,
    sealed: large === null ? sealed : null,
    blob: large,
  };
  return { row, blobs };
}

/** Names tell nothing of what they hold and never meet those of another message. */
export function blobName(cipher: FieldCipher, number: string, what: string): string {
  return cipher.mac('dedupe', 'blob', number, what).toString('hex', 0, 32);
}

/** A redelivery's files were stored with the first delivery; the second copy has no owner. */
async function dropOrphans(store: Store, answer: AcceptAnswer, sealed: SealedOriginal): Promise<void> {
  if (answer.kind === 'fresh' && answer.number === sealed.row.number) return;
  for (const blob of sealed.blobs) await store.blobs.remove(blob);
}
