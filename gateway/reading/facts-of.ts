// What is compared of a draft, made of what was read: keyed terms, keys of whoever appeals, hashed places.
import type { Facts } from '../../normalizer/facts.ts';
import type { Grams } from '../../normalizer/grams.ts';
import type { Meaning } from '../../normalizer/meaning.ts';
import { hashPlaceKeys } from '../../normalizer/place-keys.ts';
import {
  hashTitleRuns,
  mixWith,
  type SeedMix,
  selectTerms,
  TERMS_KEPT,
  type TermStatistics,
} from '../../normalizer/terms.ts';
import type { TopicModel } from '../../normalizer/topics.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { DraftHead } from './protocol.ts';

/** What facts are made of. */
export interface FactsSource {
  readonly acceptedAt: number;
  readonly head: DraftHead;
  /** Blind index keys of the requester's identities (`identityKey`). */
  readonly identityKeys: readonly string[];
  readonly hashes: Uint32Array;
  readonly counts: Uint8Array;
  /** What a sentence-embedding service made of it, where one answered. */
  readonly meaning?: Meaning;
}

/** The keyed mixing of terms. */
export function termMix(cipher: Pick<FieldCipher, 'mac'>): SeedMix {
  return mixWith(cipher.mac('term', 'terms').readUInt32LE(0));
}

function gramsOfItem({ head, hashes, counts }: FactsSource): Grams {
  return { hashes, counts, titleRuns: head.titleRuns, textHash: head.textHash, length: head.length };
}

/** Facts of one draft: terms by weight, keys under the index key, places under the term key. */
export function factsOf(
  item: FactsSource,
  statistics: TermStatistics,
  mix: SeedMix,
  topicModel: TopicModel | null = null,
): Facts {
  const { head, acceptedAt } = item;
  const { terms, weights, topics } = selectTerms(gramsOfItem(item), statistics, mix, TERMS_KEPT, topicModel);
  return {
    terms,
    weights,
    topics,
    titleRuns: hashTitleRuns(head.titleRuns, mix),
    requesterKeys: item.identityKeys.map(key => key.slice(0, 16)),
    placeKeys: hashPlaceKeys(head.placeKeys, mix),
    division: head.division,
    textHash: mix(head.textHash),
    length: head.length,
    acceptedAt,
    ...(item.meaning === undefined ? {} : { meaning: item.meaning }),
  };
}

/** The keys of all identities of a draft's requester. */
export function identityKeysOf(cipher: Pick<FieldCipher, 'mac'>, head: DraftHead): readonly string[] {
  return head.identities.map(({ kind, value }) => identityKey(cipher, kind, value));
}

/** Blind index key of a phone, e-mail, ID number or openid: 32 hex digits, by which a clerk's look-up finds it. */
export function identityKey(cipher: Pick<FieldCipher, 'mac'>, kind: string, value: string): string {
  return cipher.mac('index', kind, value).toString('hex', 0, 16);
}
