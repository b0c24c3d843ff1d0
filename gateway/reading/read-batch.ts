// A batch of unread messages opened and parsed; what kills its parser is tried again aside until it has had its attempts.
import { StoreUnavailable } from '../../store/errors.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Store, UnreadRow } from '../../store/store.ts';
import { openOriginal } from '../../store/ticket-seal.ts';
import type { ReadyMessage } from './commit-rows.ts';
import type { Death, ItemResult, ReadItem } from './parser-job.ts';
import type { Late, ParserPool } from './parser-pool.ts';
import { asError } from './plain-error.ts';
import type { Reading as ParserReading } from './protocol.ts';

export interface BatchReaderParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly pool: ParserPool;
  /** Readers a message may kill before it is quarantined. */
  readonly attempts: number;
  /** True when nothing is to be waited for any more. */
  closing(): boolean;
  report(code: string, values: Readonly<Record<string, string | number>>, cause?: unknown): void;
}

/** A message with what was read of it; `died` only where the gateway closes before its attempts were counted. */
export interface Read {
  readonly message: ReadyMessage;
  readonly result: ItemResult;
}

/** One that may take longer than the others of its batch. */
export interface Reading {
  readonly message: ReadyMessage;
  readonly result: ItemResult | Late;
}

/** Messages that are read as one: a single one, or the parts of a conversation. */
export type Together = readonly [UnreadRow, ...UnreadRow[]];

type Opened = { readonly contentKey: Uint8Array; readonly original: Uint8Array } | string;

/** Why a message is quarantined that its parsers died on. */
const KILLED: Readonly<Record<Death, string>> = {
  timeout: 'reading.parser_timeout',
  memory: 'reading.parser_memory',
  crash: 'reading.parser_crash',
};
const RETRY_MS = 1000;
/** Times a blob is asked for before its message is taken for unreadable: one bad file must not hold up all the others. */
const BLOB_ATTEMPTS = 5;

/** @returns a function that reads a batch and answers in order; `key` is the conversation's, null for single messages.
 *  What is gathered is read as an appeal even where it is only a part of a conversation. */
export function createBatchReader(parts: BatchReaderParts) {
  const { store, cipher } = parts;

  async function open(row: UnreadRow): Promise<Opened> {
    try {
      const contentKey = cipher.openDataKey(row.wrappedContent);
      const sealed = row.sealed ?? (await blobOf(row));
      if (sealed === null) return 'reading.original_missing';
      return { contentKey, original: openOriginal(cipher, contentKey, row.number, sealed) };
    } catch (error) {
      parts.report('reading.cannot_open', { number: row.number }, error);
      return 'reading.cannot_open';
    }
  }

  async function blobOf(row: UnreadRow): Promise<Uint8Array | null> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await store.blobs.get(row.blob as string);
      } catch (error) {
        if (!(error instanceof StoreUnavailable) || attempt === BLOB_ATTEMPTS) throw error;
        await pause();
      }
    }
  }

  async function parse(items: readonly ReadItem[], rows: readonly UnreadRow[]): Promise<(ItemResult | Late)[]> {
    const results = await parts.pool.read(items);
    return results.map((result, i) => {
      const [item, row] = [items[i] as ReadItem, rows[i] as UnreadRow];
      if ('late' in result) return { late: result.late.then(late => insist(late, item, row)) };
      // Its further attempts take their time, and hold up nobody either.
      if ('died' in result) return { late: insist(result, item, row) };
      reportDefect(result.reading, row);
      return result;
    });
  }

  /** Reads what its parser died on again, until it is read or has had its attempts. */
  async function insist(first: ItemResult, item: ReadItem, row: UnreadRow): Promise<ItemResult> {
    let now = first;
    while ('died' in now) {
      const attempts = await countAttempt(row.number);
      if (attempts === null) return now;
      parts.report('reading.parser_died', { number: row.number, reason: now.died, attempts });
      now = attempts >= parts.attempts ? unreadable(KILLED[now.died]) : await parts.pool.readAside(item);
    }
    reportDefect(now.reading, row);
    return now;
  }

  function reportDefect(reading: ParserReading, { number, channel }: UnreadRow): void {
    if (reading.kind !== 'unreadable' || reading.defect === undefined) return;
    parts.report('reading.parse_failed', { number, channel }, asError(reading.defect));
  }

  /** Null when the gateway closes before the store could count. */
  async function countAttempt(number: string): Promise<number | null> {
    for (let failures = 0; ; failures++) {
      try {
        return (await store.messages.attempted([number]))[0] ?? parts.attempts;
      } catch (error) {
        if (failures === 0) parts.report('reading.store_unavailable', {}, error);
        if (parts.closing()) return null;
        await pause();
      }
    }
  }

  return async (
    groups: readonly Together[],
    key: string | null,
    gathered = key !== null,
  ): Promise<readonly Reading[]> => {
    const opened = await Promise.all(groups.map(rows => Promise.all(rows.map(open))));
    const messages = groups.map(([row, ...rest], i): ReadyMessage => {
      const first = opened[i]?.[0];
      const contentKey = typeof first === 'object' ? first.contentKey : new Uint8Array(0);
      return { row, contentKey, parts: rest, conversation: key };
    });
    const faults = opened.map(originals => originals.find(one => typeof one === 'string'));
    const sound = messages.flatMap((message, i) => (faults[i] === undefined ? [{ message, i }] : []));
    const results = await parse(
      sound.map(({ message: { row }, i }) => ({
        channel: row.channel,
        receivedAt: row.acceptedAt,
        gathered,
        originals: (opened[i] as Opened[]).map(one => (one as Exclude<Opened, string>).original),
      })),
      sound.map(({ message }) => message.row),
    );
    let next = 0;
    return messages.map((message, i) => {
      const fault = faults[i];
      return { message, result: fault === undefined ? (results[next++] as ItemResult | Late) : unreadable(fault) };
    });
  };
}

/** Before the store is asked once more. */
export function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, RETRY_MS));
}

function unreadable(reason: string): ItemResult {
  return {
    reading: { kind: 'unreadable', reason },
    draft: null,
    hashes: new Uint32Array(0),
    counts: new Uint8Array(0),
  };
}
