// By what a ticket is entered into the candidate index, and by what of it earlier ones are looked up.
import type { Facts } from '../normalizer/facts.ts';
import { isName } from '../normalizer/similarity.ts';

/** Weighted terms of a query or of a ticket, each weight 1 to 255. */
export interface WeightedTerms {
  readonly terms: Uint32Array;
  readonly weights: Uint8Array;
}

/** Weights of the terms that are not words: the same requester must always be found, the same place nearly so. */
const REQUESTER_WEIGHT = 255;
const PLACE_WEIGHT = 180;

/** What a ticket is found by: its text terms, then its requester and the names of its place. */
export function termsOf(facts: Facts): WeightedTerms {
  const texts = facts.terms.length;
  const names = facts.placeKeys.filter(isName);
  const named = texts + facts.requesterKeys.length;
  const terms = new Uint32Array(named + names.length);
  const weights = new Uint8Array(terms.length);
  terms.set(facts.terms);
  weights.set(facts.weights);
  for (let i = texts; i < named; i++) {
    terms[i] = Number.parseInt((facts.requesterKeys[i - texts] as string).slice(0, 8), 16);
  }
  weights.fill(REQUESTER_WEIGHT, texts, named);
  terms.set(names, named);
  weights.fill(PLACE_WEIGHT, named);
  return { terms, weights };
}

/** Requester and place, then the heaviest terms of the text, so many in all. */
export function heaviest(facts: Facts, most: number): WeightedTerms {
  const { terms, weights } = termsOf(facts);
  if (terms.length <= most) return { terms, weights };
  const texts = facts.terms.length;
  const named = Math.min(most, terms.length - texts);
  // Weight above the 32 bits of the term in one exact double: a native sort ranks both.
  const ranked = new Float64Array(texts);
  for (let i = 0; i < texts; i++) ranked[i] = (weights[i] as number) * 0x1_0000_0000 + (terms[i] as number);
  ranked.sort();
  const kept = { terms: new Uint32Array(most), weights: new Uint8Array(most) };
  kept.terms.set(terms.subarray(texts, texts + named));
  kept.weights.set(weights.subarray(texts, texts + named));
  for (let i = named; i < most; i++) {
    const packed = ranked[texts - 1 - (i - named)] as number;
    kept.weights[i] = Math.floor(packed / 0x1_0000_0000);
    kept.terms[i] = packed % 0x1_0000_0000;
  }
  return kept;
}
