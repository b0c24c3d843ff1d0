// Which grams of an appeal are worth keeping: counts of earlier appeals, and the choice of the heaviest terms.
import { COUNT_MASK, type Grams, IN_TITLE } from './grams.ts';
import { startTopics, type TopicModel } from './topics.ts';

/** A bijection of 32-bit numbers under a secret seed; terms are stored only in this form. */
export type SeedMix = (hash: number) => number;

/** Terms of one appeal as they are stored: rising, with the weight of each, the heaviest being 252 and two flags below. */
export interface Terms {
  readonly terms: Uint32Array;
  /** The upper six bits weigh, 1 to 63; the lower two say whether the title has the term, and whether it is everyday. */
  readonly weights: Uint8Array;
  /** What the appeal is about, and its title, as `TopicModel` sees it; empty without a model. */
  readonly topics: Int8Array;
}

/** The lower bits of a term's weight. */
export const TITLE_TERM = 2;
export const EVERYDAY_TERM = 1;
const HEAVIEST = 63;

/** How many terms of an appeal are kept. */
export const TERMS_KEPT = 64;

/** What a title says is kept before what the content says, however common it is, unless the title is a text of its own. */
const MOST_TITLED = 32;
/** Above every weight with its flags, within the 21 bits that an exact double has beside a term. */
const TITLED_FIRST = 0x10_0000;
const MOST_WEIGHT = TITLED_FIRST / 4 - 1;

/** Slots of the table of counts: 2 MB. With 2^18 the counts of rare terms drown in those they share a slot with. */
const SLOTS = 1 << 20;
/** Counts are halved here, so that the table goes with the times, its counts fit 16 bits and rare terms stay rare. */
const HALVE_AT = 32_768;
/** Appeals that the shipped common phrases stand for, before the first real one. */
const PRIOR_APPEALS = 200;
const PRIOR_COUNT = 12;
const FORMAT = 1;

const LOGS = Float32Array.from({ length: 65_536 }, (_, count) => Math.log(count + 0.5));
const TIMES = Float32Array.from({ length: 256 }, (_, times) => (times === 0 ? 0 : 1 + Math.log(times)));

/** The mixer of a seed: the finaliser of MurmurHash3 around the seed. It hides words from a reader of the disk and
 *  promises no more. */
export function mixWith(seed: number): SeedMix {
  return hash => {
    let mixed = hash ^ seed;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}

/** In how many appeals each term occurred, in a table of fixed size. Terms are keyed ones, so the table tells no words. */
export class TermStatistics {
  readonly #counts: Uint16Array;
  #appeals: number;

  private constructor(counts: Uint16Array, appeals: number) {
    this.#counts = counts;
    this.#appeals = appeals;
  }

  /** Statistics that have seen no appeal, but know the common phrases of config/rules/repeats.yaml. */
  static fresh(common: ReadonlySet<number>, mix: SeedMix): TermStatistics {
    const counts = new Uint16Array(SLOTS);
    for (const hash of common) counts[mix(hash) & (SLOTS - 1)] = PRIOR_COUNT;
    return new TermStatistics(counts, PRIOR_APPEALS);
  }

  /** Reads what `toBytes` wrote; null when the bytes are of another format or cut short. */
  static fromBytes(bytes: Uint8Array): TermStatistics | null {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.byteLength !== 8 + SLOTS * 2 || view.getUint32(0, true) !== FORMAT) return null;
    const counts = new Uint16Array(SLOTS);
    for (let slot = 0; slot < SLOTS; slot++) counts[slot] = view.getUint16(8 + slot * 2, true);
    return new TermStatistics(counts, view.getUint32(4, true));
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(8 + SLOTS * 2);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, FORMAT, true);
    view.setUint32(4, this.#appeals, true);
    for (let slot = 0; slot < SLOTS; slot++) view.setUint16(8 + slot * 2, this.#counts[slot]!, true);
    return bytes;
  }

  /** Appeals counted, the shipped ones among them; halved now and then. */
  get appeals(): number {
    return this.#appeals;
  }

  /** Counts one appeal by all its grams, keyed. */
  add(terms: Iterable<number>): void {
    for (const term of terms) this.#counts[term & (SLOTS - 1)]! += 1;
    this.#counted();
  }

  /** The same, of grams that are still to be keyed.
   *  @param told terms of an earlier appeal that tells much the same, rising: they are not counted again, so that what many
   *  say of one matter stays as rare as the matter is */
  addGrams(hashes: Uint32Array, mix: SeedMix, told: Uint32Array = NOTHING_TOLD): void {
    const counts = this.#counts;
    for (let at = 0; at < hashes.length; at++) {
      const term = mix(hashes[at]!);
      if (told.length === 0 || !holds(told, term)) counts[term & (SLOTS - 1)]! += 1;
    }
    this.#counted();
  }

  #counted(): void {
    this.#appeals += 1;
    if (this.#appeals >= HALVE_AT) this.#halve();
  }

  /** Inverse document frequency of a keyed term: 0 for one that every appeal has. */
  weight(term: number): number {
    return Math.max(0, LOGS[this.#appeals]! - LOGS[this.#counts[term & (SLOTS - 1)]!]!);
  }

  #halve(): void {
    for (let slot = 0; slot < SLOTS; slot++) this.#counts[slot]! >>>= 1;
    this.#appeals >>>= 1;
  }
}

const NOTHING_TOLD = new Uint32Array(0);

/** @param terms rising */
function holds(terms: Uint32Array, term: number): boolean {
  let from = 0;
  let to = terms.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (terms[middle]! < term) from = middle + 1;
    else to = middle;
  }
  return terms[from] === term;
}

/** All grams of an appeal, keyed: what `TermStatistics.add` counts. */
export function keyedGrams(grams: Grams, mix: SeedMix): Uint32Array {
  return grams.hashes.map(mix);
}

/** Unkeyed hashes of those grams that are among the keyed terms: what `gramTexts` looks for to name shared words. */
export function gramsBehind(grams: Grams, mix: SeedMix, terms: readonly number[]): Set<number> {
  const keyed = new Set(terms);
  return new Set(grams.hashes.filter(hash => keyed.has(mix(hash))));
}

/** Runs of a title as `Facts.titleRuns` holds them: keyed, rising, no run twice. Of 16 bits, since two titles have a few
 *  dozen: one run in a hundred titles is taken for another. */
export function hashTitleRuns(runs: readonly number[], mix: SeedMix): Uint16Array {
  const hashes = new Uint16Array(runs.length);
  for (let at = 0; at < hashes.length; at++) hashes[at] = mix(runs[at]!) >>> 16;
  hashes.sort();
  let size = 0;
  for (let at = 0; at < hashes.length; at++)
    if (at === 0 || hashes[at] !== hashes[at - 1]) hashes[size++] = hashes[at]!;
  return hashes.slice(0, size);
}

/**
 * The heaviest terms by count and rarity. Among equals the keyed hash decides, so that two appeals choose alike.
 * @param topics tells everyday terms from names, and gives the appeal's topics; null: no term is everyday
 */
export function selectTerms(
  grams: Grams,
  statistics: TermStatistics,
  mix: SeedMix,
  max: number = TERMS_KEPT,
  topics: TopicModel | null = null,
): Terms {
  const size = grams.hashes.length;
  if (rankedGrams.length < size) rankedGrams = new Float64Array(size * 2);
  const ranked = rankedGrams.subarray(0, size);
  const first = titledFirst(grams.counts);
  const about = startTopics(topics);
  for (let at = 0; at < size; at++) {
    const hash = grams.hashes[at]!;
    const counted = grams.counts[at]!;
    const times = TIMES[counted & COUNT_MASK]!;
    const titled = (counted & IN_TITLE) !== 0;
    const everyday = about.add(hash, times, titled);
    const term = mix(hash);
    const weight = statistics.weight(term) * times;
    const flags = (titled ? TITLE_TERM : 0) | (everyday ? EVERYDAY_TERM : 0);
    const weighs = Math.min(MOST_WEIGHT, Math.floor(weight * 4_096)) * 4;
    // Weight and flags in the upper 21 bits and term in the lower 32 of one exact double: a native sort ranks all.
    ranked[at] = (weighs + flags + (titled ? first : 0)) * 0x1_0000_0000 + term;
  }
  ranked.sort();
  const kept = ranked.subarray(Math.max(0, size - max));
  return { ...quantised(kept), topics: about.vectors() };
}

/** Weight and flags of a ranked term. */
function weighed(ranked: number): number {
  return Math.floor(ranked / 0x1_0000_0000) & (TITLED_FIRST - 1);
}

function titledFirst(counts: Uint8Array): number {
  let titled = 0;
  for (let at = 0; at < counts.length; at++) titled += counts[at]! >>> 7;
  return titled > MOST_TITLED ? 0 : TITLED_FIRST;
}

/** What `selectTerms` ranks; written anew by each call, since a long list each time would cost more than what is done with it. */
let rankedGrams = new Float64Array(1024);
let packedTerms = new Float64Array(TERMS_KEPT);

function quantised(kept: Float64Array): Omit<Terms, 'topics'> {
  const size = kept.length;
  let heaviest = 1;
  for (let at = 0; at < size; at++) heaviest = Math.max(heaviest, weighed(kept[at]!) >>> 2);
  if (packedTerms.length < size) packedTerms = new Float64Array(size);
  const packed = packedTerms.subarray(0, size);
  for (let at = 0; at < size; at++) {
    const term = kept[at]! - Math.floor(kept[at]! / 0x1_0000_0000) * 0x1_0000_0000;
    const upper = weighed(kept[at]!);
    const weight = Math.max(1, Math.round(((upper >>> 2) / heaviest) * HEAVIEST));
    packed[at] = term * 256 + ((weight << 2) | (upper & 3));
  }
  packed.sort();
  const memory = new ArrayBuffer(size * 5);
  const terms = new Uint32Array(memory, 0, size);
  const weights = new Uint8Array(memory, size * 4, size);
  for (let at = 0; at < size; at++) {
    terms[at] = Math.floor(packed[at]! / 256);
    weights[at] = packed[at]! % 256;
  }
  return { terms, weights };
}
