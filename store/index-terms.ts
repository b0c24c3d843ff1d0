// By what a ticket is entered into the candidate index, and by what of it earlier ones are looked up.
import type { Facts } from '../normalizer/facts.ts';
import { isName } from '../normalizer/place-keys.ts';

/** Weighted terms of a query or of a ticket, each weight 1 to 255. */
export interface WeightedTerms {
  readonly terms: Uint32Array;
  readonly weights: Uint8Array;
}

/** Weights of the terms that are not words: the same requester must always be found, the same place nearly so. */
const REQUESTER_WEIGHT = 255;
const PLACE_WEIGHT = 180;

/** How many terms have each weight, then where those of each weight begin; written anew by each call. */
const placesByWeight = new Uint32Array(257);

/** Requester and place, then the heaviest terms of the text, so many in all. Fewer are the first of more. */
export function heaviest(facts: Facts, most: number): WeightedTerms {
  const texts = facts.terms.length;
  let named = facts.requesterKeys.length;
  for (let i = 0; i < facts.placeKeys.length; i++) if (isName(facts.placeKeys[i] as number)) named++;
  const size = Math.min(most, named + texts);
  // One piece of memory for both lists: a message makes some of these, and each piece is paid for when it is given back.
  const memory = new ArrayBuffer(size * 5);
  const ranked = { terms: new Uint32Array(memory, 0, size), weights: new Uint8Array(memory, size * 4, size) };
  putNamed(facts, ranked, 0);
  const places = placesByWeight.fill(0);
  for (let i = 0; i < texts; i++) places[255 - (facts.weights[i] as number) + 1]! += 1;
  places[0] = named;
  for (let weight = 0; weight < 255; weight++) places[weight + 1]! += places[weight]!;
  // Terms rise, and among equal weights the greatest goes first.
  for (let i = texts - 1; i >= 0; i--) {
    const place = places[255 - (facts.weights[i] as number)]!++;
    if (place >= size) continue;
    ranked.terms[place] = facts.terms[i] as number;
    ranked.weights[place] = facts.weights[i] as number;
  }
  return ranked;
}

/** Requester and names of the place; what does not fit is left out. */
function putNamed({ requesterKeys, placeKeys }: Facts, into: WeightedTerms, from: number): void {
  let at = from;
  for (let i = 0; i < requesterKeys.length; i++)
    put(into, at++, requesterTerm(requesterKeys[i] as string), REQUESTER_WEIGHT);
  for (let i = 0; i < placeKeys.length; i++) {
    const key = placeKeys[i] as number;
    if (isName(key)) put(into, at++, key, PLACE_WEIGHT);
  }
}

function put({ terms, weights }: WeightedTerms, at: number, term: number, weight: number): void {
  if (at >= terms.length) return;
  terms[at] = term;
  weights[at] = weight;
}

function requesterTerm(key: string): number {
  return Number.parseInt(key.slice(0, 8), 16);
}

/** The first terms of more. */
export function first({ terms, weights }: WeightedTerms, most: number): WeightedTerms {
  return terms.length <= most
    ? { terms, weights }
    : { terms: terms.subarray(0, most), weights: weights.subarray(0, most) };
}
