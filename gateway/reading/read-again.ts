// One message read once more, for a clerk who makes a ticket of it or takes a part out of it: in a parser of its own, since its bytes are a stranger's.
import type { RepeatRules } from '../../config/load-repeats.ts';
import type { Decision, Facts } from '../../normalizer/facts.ts';
import { gramsOfPhrases } from '../../normalizer/grams.ts';
import { TermStatistics } from '../../normalizer/terms.ts';
import { topicModel } from '../../normalizer/topics.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { MessageRow, Store } from '../../store/store.ts';
import { openOriginal } from '../../store/ticket-seal.ts';
import type { ReadingAgain, Rebirth } from '../desk/desk-parts.ts';
import { bornRow, isHeld } from './commit-rows.ts';
import type { Comparing } from './comparing.ts';
import { type FactsSource, factsOf, identityKeysOf, termMix } from './facts-of.ts';
import type { ReadItem } from './parser-job.ts';
import { createParserPool, type PoolOptions } from './parser-pool.ts';
import type { DraftHead, ParserChannel } from './protocol.ts';

export interface ReadAgainParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly repeats: RepeatRules;
  readonly pool: Omit<PoolOptions, 'parsers'>;
  readonly comparing: Pick<Comparing, 'compare'>;
  channels(): Promise<Readonly<Record<string, ParserChannel>>>;
}

/**
 * The ticket a message makes, sealed: alone, or compared with earlier ones.
 * @returns null where the message cannot be read, is no appeal, or its original is gone
 */
export async function readAgain(
  parts: ReadAgainParts,
  message: MessageRow,
  how: ReadingAgain = {},
): Promise<Rebirth | null> {
  const { cipher, store } = parts;
  const { asAppeal = false, without, compared } = how;
  const joined = await store.messages.joined(message.number);
  const gathered = joined.filter(row => row.outcome?.kind === 'part' && row.number !== without);
  if (![message, ...gathered].every(hasOriginal)) return null;
  const base = { channel: message.channel, receivedAt: message.acceptedAt, gathered: true, asAppeal };
  const read = await readHow(parts, [message, ...gathered], base, how);
  if (read === null) return null;
  const { head, draft, hashes, counts } = read;
  const identityKeys = identityKeysOf(cipher, head);
  const source = { acceptedAt: message.acceptedAt, head, identityKeys, hashes, counts };
  const { number, ordinal } = message;
  const judged =
    compared === undefined
      ? { decision: ALONE, facts: await factsAlone(parts, source), identityKeys, confidential: head.confidential }
      : await parts.comparing.compare({ ...source, number, ordinal, draft, said: compared });
  const { decision } = judged;
  const held = isHeld(head, decision);
  const contentKey = cipher.openDataKey(message.wrappedContent);
  const drafted = { row: message, contentKey, parts: [], conversation: null, head, draft };
  return { ticket: bornRow(cipher, drafted, judged, held, decision.links), wanted: head.wanted, decision };
}

const ALONE: Decision = { joins: null, closedRepeatOf: null, incident: null, gathers: [], links: [] };

interface ReadDraft {
  readonly head: DraftHead;
  readonly draft: Uint8Array;
  readonly hashes: Uint32Array;
  readonly counts: Uint8Array;
}

/** What its adapter cannot read, or dies on, is read without it where a clerk makes a ticket of it all the same. */
async function readHow(
  parts: ReadAgainParts,
  rows: readonly MessageRow[],
  base: Omit<ReadItem, 'originals'>,
  { words, unasked = false }: ReadingAgain,
): Promise<ReadDraft | null> {
  const byHand = words === undefined ? null : { words, unasked: false };
  const opened = unasked ? null : await Promise.all(rows.map(row => originalOf(parts, row)));
  const read = opened === null ? null : await readOne(parts, { ...base, byHand, originals: opened });
  if (read === 'none') return null;
  if (read !== null || words === undefined) return read;
  const blind = await readOne(parts, { ...base, byHand: { words, unasked: true }, originals: [] });
  return blind === 'none' ? null : blind;
}

/** null where nobody could read it; `none` where it can be read and is no appeal. */
async function readOne(
  { pool: options, channels }: ReadAgainParts,
  item: ReadItem,
): Promise<ReadDraft | 'none' | null> {
  // None that reads batches: the one that stands ready is enough.
  const pool = createParserPool({ ...options, parsers: 0 });
  try {
    pool.setChannels(await channels());
    const result = await pool.readAside(item);
    if ('died' in result) return null;
    if (result.reading.kind !== 'draft') return result.reading.kind === 'not-an-appeal' ? 'none' : null;
    const { reading, draft, hashes, counts } = result;
    return { head: reading.head, draft: draft as Uint8Array, hashes, counts };
  } finally {
    await pool.close();
  }
}

/** By the statistics of terms as they were kept last. */
async function factsAlone({ cipher, store, repeats }: ReadAgainParts, source: FactsSource): Promise<Facts> {
  const mix = termMix(cipher);
  const kept = await store.candidates.statistics();
  const statistics =
    (kept && TermStatistics.fromBytes(kept)) ?? TermStatistics.fresh(gramsOfPhrases(repeats.common), mix);
  return factsOf(source, statistics, mix, topicModel(repeats.topics));
}

/** False once the original was shredded by the rules of retention, or erased. */
export function hasOriginal({ sealed, blob }: Pick<MessageRow, 'sealed' | 'blob'>): boolean {
  return sealed !== null || blob !== null;
}

/** An original, opened; throws `SealBroken`, or an Error where its bytes are gone. */
export async function originalOf(parts: Pick<ReadAgainParts, 'cipher' | 'store'>, row: MessageRow): Promise<Buffer> {
  const sealed = row.sealed ?? (row.blob === null ? null : await parts.store.blobs.get(row.blob));
  if (sealed === null) throw new Error('the original of a message is missing from the blob store');
  return openOriginal(parts.cipher, parts.cipher.openDataKey(row.wrappedContent), row.number, sealed);
}
