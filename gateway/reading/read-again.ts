// One message read once more, for a clerk who makes a ticket of it or takes a part out of it: in a parser of its own, since its bytes are a stranger's.
import type { RepeatRules } from '../../config/load-repeats.ts';
import { gramsOfPhrases } from '../../normalizer/grams.ts';
import { TermStatistics } from '../../normalizer/terms.ts';
import { topicModel } from '../../normalizer/topics.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { MessageRow, Store } from '../../store/store.ts';
import { openOriginal } from '../../store/ticket-seal.ts';
import type { ReadingAgain, Rebirth } from '../desk/desk-parts.ts';
import { bornRow } from './commit-rows.ts';
import { factsOf, identityKeysOf, termMix } from './judge.ts';
import { createParserPool, type PoolOptions } from './parser-pool.ts';
import type { ParserChannel } from './protocol.ts';

export interface ReadAgainParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly repeats: RepeatRules;
  readonly pool: Omit<PoolOptions, 'parsers'>;
  channels(): Promise<Readonly<Record<string, ParserChannel>>>;
}

/**
 * The ticket a message makes when it stands alone, sealed and without links.
 * @returns null where the message cannot be read, is no appeal, or its original is gone
 */
export async function readAgain(
  parts: ReadAgainParts,
  message: MessageRow,
  { asAppeal = false, without }: ReadingAgain = {},
): Promise<Rebirth | null> {
  const { cipher, store, repeats } = parts;
  const joined = await store.messages.joined(message.number);
  const gathered = joined.filter(row => row.outcome?.kind === 'part' && row.number !== without);
  if (![message, ...gathered].every(hasOriginal)) return null;
  const contentKey = cipher.openDataKey(message.wrappedContent);
  const originals = await Promise.all([message, ...gathered].map(row => originalOf(parts, row)));
  // None that reads batches: the one that stands ready is enough.
  const pool = createParserPool({ ...parts.pool, parsers: 0 });
  try {
    pool.setChannels(await parts.channels());
    const item = { channel: message.channel, receivedAt: message.acceptedAt, gathered: true, asAppeal, originals };
    const result = await pool.readAside(item);
    if ('died' in result || result.reading.kind !== 'draft') return null;
    const { head } = result.reading;
    const mix = termMix(cipher);
    const kept = await store.candidates.statistics();
    const statistics =
      (kept && TermStatistics.fromBytes(kept)) ?? TermStatistics.fresh(gramsOfPhrases(repeats.common), mix);
    const identityKeys = identityKeysOf(cipher, head);
    const source = { acceptedAt: message.acceptedAt, head, identityKeys, hashes: result.hashes, counts: result.counts };
    const facts = factsOf(source, statistics, mix, topicModel(repeats.topics));
    const draft = { row: message, contentKey, parts: [], conversation: null, head, draft: result.draft as Uint8Array };
    const alone = { decision: ALONE, facts, identityKeys, confidential: head.confidential };
    return { ticket: bornRow(cipher, draft, alone, head.verdict !== 'accept', []), wanted: head.wanted };
  } finally {
    await pool.close();
  }
}

const ALONE = { joins: null, closedRepeatOf: null, incident: null, gathers: [], links: [] };

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
