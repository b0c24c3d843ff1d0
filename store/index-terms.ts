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

/** How many terms have each weight, then where those of each weight begin; written anew by each call. */
const placesByWeight = new Uint32Array(257);

/** Requester and place, then the heaviest terms of the text, so many in all. Fewer are the first of more. */
export function heaviest(facts: Facts, most: number): WeightedTerms {
  const { terms, weights } = termsOf(facts);
  const texts = facts.terms.length;
  const named = terms.length - texts;
  const ranked = { terms: new Uint32Array(terms.length), weights: new Uint8Array(terms.length) };
  ranked.terms.set(terms.subarray(texts));
  ranked.weights.set(weights.subarray(texts));
  const places = placesByWeight.fill(0);
  for (let i = 0; i < texts; i++) places[255 - (weights[i] as number) + 1]! += 1;
  places[0] = named;
  for (let weight = 0; weight < 255; weight++) places[weight + 1]! += places[weight]!;
  // Terms rise, and among equal weights the greatest goes first.
  for (let i = texts - 1; i >= 0; i--) {
    const place = places[255 - (weights[i] as number)]!++;
    ranked.terms[place] = terms[i] as number;
    ranked.weights[place] = weights[i] as number;
  }
  return first(ranked, most);
}

/** The first terms of more. */
export function first({ terms, weights }: WeightedTerms, most: number): WeightedTerms {
  return terms.length <= most
    ? { terms, weights }
    : { terms: terms.subarray(0, most), weights: weights.subarray(0, most) };
}
