// Blocks of the posting index: the postings of one bucket of terms in one segment, as one blob.

/** Terms are spread over so many buckets by their upper bits. */
export const BUCKETS = 4096;
const BUCKET_SHIFT = 20;
const BUCKET_MASK = (1 << BUCKET_SHIFT) - 1;

export function bucketOf(term: number): number {
  return term >>> BUCKET_SHIFT;
}

/** Takes in what a visit finds. */
export interface Scores {
  add(ordinal: number, score: number): void;
}

/** Postings in order of term, then ordinal; the three lists have one length. */
export interface PostingLists {
  readonly terms: Uint32Array;
  readonly ordinals: Uint32Array;
  readonly weights: Uint8Array;
}

/** Set in the first word: not the form of old, which began with its number of postings. */
const FORM = 0x8000_0000;
/** Bytes of a place in a list: two, or four where a block is large. */
const WIDE = 0x4000_0000;
const COUNT_MASK = 0x0fff_ffff;
/** Bits of the first word that say how many bytes of an ordinal stand apart from its lower two. */
const FAR_SHIFT = 28;
const HEAD = 12;
const LOW_BITS = 16;
const LOW_MASK = (1 << LOW_BITS) - 1;
/** A bucket's terms differ in 20 bits: sixteen groups of terms that differ in 16. */
const GROUPS = 16;
const NEVER = -1;

/**
 * A block read from its blob, little-endian: form and number of postings, number of terms, least ordinal (32 bits each);
 * where each of sixteen groups of terms begins and the last ends; the lower 16 bits of each term; where the postings of each
 * term begin and the last end; then of each posting the lower 16 bits of its ordinal above the least, the bits above those
 * (none, one or two bytes, as the whole block needs), and its weight. About half of what terms and ordinals take in full,
 * so that the blocks of a million tickets can stay in memory.
 */
export class Block {
  readonly count: number;
  /** Set by a visit, cleared by the cache's clock hand. */
  used = true;
  private readonly blob: Uint8Array;
  private readonly termCount: number;
  private readonly least: number;
  private readonly wide: boolean;
  private readonly farBytes: number;
  private readonly keysAt: number;
  private readonly startsAt: number;
  private readonly lowsAt: number;
  private readonly farsAt: number;
  private readonly weightsAt: number;

  constructor(written: Uint8Array) {
    const blob = (word(written, 0) & FORM) === 0 ? rewritten(written) : written;
    const head = word(blob, 0);
    this.blob = blob;
    this.count = head & COUNT_MASK;
    this.wide = (head & WIDE) !== 0;
    this.farBytes = (head >>> FAR_SHIFT) & 3;
    this.termCount = word(blob, 4);
    this.least = word(blob, 8);
    const place = this.wide ? 4 : 2;
    this.keysAt = HEAD + (GROUPS + 1) * place;
    this.startsAt = this.keysAt + 2 * this.termCount;
    this.lowsAt = this.startsAt + (this.termCount + 1) * place;
    this.farsAt = this.lowsAt + 2 * this.count;
    this.weightsAt = this.farsAt + this.farBytes * this.count;
  }

  get bytes(): number {
    return this.blob.length;
  }

  private placeAt(from: number, index: number): number {
    return this.wide ? word(this.blob, from + 4 * index) : half(this.blob, from + 2 * index);
  }

  private ordinalAt(posting: number): number {
    let above = half(this.blob, this.lowsAt + 2 * posting);
    if (this.farBytes === 1) above += (this.blob[this.farsAt + posting] as number) << LOW_BITS;
    else if (this.farBytes === 2) above += half(this.blob, this.farsAt + 2 * posting) * (LOW_MASK + 1);
    return this.least + above;
  }

  /** Which of the block's terms this is; NEVER where it has no such term. Terms are hashes, so a term's place can be told
   *  from its value; from there it is a few steps, where halving the block would touch cold memory each time. */
  private indexOf(term: number): number {
    const group = (term & BUCKET_MASK) >>> LOW_BITS;
    const key = term & LOW_MASK;
    const first = this.placeAt(HEAD, group);
    const end = this.placeAt(HEAD, group + 1);
    const keyAt = (index: number): number => half(this.blob, this.keysAt + 2 * index);
    let low = first + Math.floor(((end - first) * key) / (LOW_MASK + 1));
    let high = low;
    for (let step = 1; low > first && keyAt(low - 1) >= key; step *= 2) low = Math.max(first, low - step);
    for (let step = 1; high < end && keyAt(high) < key; step *= 2) high = Math.min(end, high + step);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keyAt(middle) < key) low = middle + 1;
      else high = middle;
    }
    return low < end && keyAt(low) === key ? low : NEVER;
  }

  has(term: number, ordinal: number): boolean {
    const index = this.indexOf(term);
    if (index === NEVER) return false;
    const start = this.placeAt(this.startsAt, index);
    for (let i = this.placeAt(this.startsAt, index + 1) - 1; i >= start; i--) {
      if (this.ordinalAt(i) === ordinal) return true;
    }
    return false;
  }

  /** Adds weight × posting weight for the newest `most` postings of a term; answers how many of `most` are left. */
  visit(term: number, most: number, weight: number, scores: Scores): number {
    this.used = true;
    const index = this.indexOf(term);
    if (index === NEVER) return most;
    const { blob, least, farBytes, lowsAt, farsAt, weightsAt } = this;
    const end = this.placeAt(this.startsAt, index + 1);
    const begin = Math.max(this.placeAt(this.startsAt, index), end - most);
    for (let i = end - 1; i >= begin; i--) {
      let above = half(blob, lowsAt + 2 * i);
      if (farBytes === 1) above |= (blob[farsAt + i] as number) << LOW_BITS;
      else if (farBytes === 2) above |= half(blob, farsAt + 2 * i) << LOW_BITS;
      // As an integer it stands in a register; as a number that might be broken each would be an object of its own.
      scores.add((least + above) >>> 0, weight * (blob[weightsAt + i] as number));
    }
    return most - (end - begin);
  }

  /** Calls with each of the block's terms, rising. */
  each(bucket: number, take: (term: number) => void): void {
    for (let group = 0; group < GROUPS; group++) {
      const upper = bucket * (BUCKET_MASK + 1) + group * (LOW_MASK + 1);
      const end = this.placeAt(HEAD, group + 1);
      for (let index = this.placeAt(HEAD, group); index < end; index++)
        take(upper + half(this.blob, this.keysAt + 2 * index));
    }
  }

  /** All postings, written out. */
  lists(bucket: number): PostingLists {
    const terms = new Uint32Array(this.count);
    let index = 0;
    this.each(bucket, term => {
      terms.fill(term, this.placeAt(this.startsAt, index), this.placeAt(this.startsAt, index + 1));
      index++;
    });
    const ordinals = Uint32Array.from(terms, (_, posting) => this.ordinalAt(posting));
    return { terms, ordinals, weights: this.blob.slice(this.weightsAt, this.weightsAt + this.count) };
  }
}

function half(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function word(bytes: Uint8Array, at: number): number {
  return (half(bytes, at) | (half(bytes, at + 2) << 16)) >>> 0;
}

/** A blob of the form that segments written earlier have: number of postings, then terms, ordinals and weights in full. */
function rewritten(blob: Uint8Array): Uint8Array {
  const count = word(blob, 0);
  const terms = Uint32Array.from({ length: count }, (_, i) => word(blob, 4 + 4 * i));
  const ordinals = Uint32Array.from({ length: count }, (_, i) => word(blob, 4 + 4 * count + 4 * i));
  return encodeBlock({ terms, ordinals, weights: blob.slice(4 + 8 * count, 4 + 9 * count) });
}

/** Writes a block. */
export function encodeBlock({ terms, ordinals, weights }: PostingLists): Uint8Array {
  const count = terms.length;
  let termCount = 0;
  for (let i = 0; i < count; i++) if (i === 0 || terms[i] !== terms[i - 1]) termCount++;
  const { least, farBytes } = spanOf(ordinals);
  const wide = count > LOW_MASK;
  const place = wide ? 4 : 2;
  const keysAt = HEAD + (GROUPS + 1) * place;
  const startsAt = keysAt + 2 * termCount;
  const lowsAt = startsAt + (termCount + 1) * place;
  const farsAt = lowsAt + 2 * count;
  const bytes = new Uint8Array(farsAt + (farBytes + 1) * count);
  write(bytes, 0, (FORM | (wide ? WIDE : 0) | (farBytes << FAR_SHIFT) | count) >>> 0, 4);
  write(bytes, 4, termCount, 4);
  write(bytes, 8, least, 4);
  const groups = new Uint32Array(GROUPS + 1);
  let index = 0;
  for (let i = 0; i < count; i++) {
    const term = terms[i] as number;
    if (i > 0 && term === terms[i - 1]) continue;
    groups[((term & BUCKET_MASK) >>> LOW_BITS) + 1]! += 1;
    write(bytes, keysAt + 2 * index, term & LOW_MASK, 2);
    write(bytes, startsAt + place * index, i, place);
    index++;
  }
  write(bytes, startsAt + place * termCount, count, place);
  for (let group = 0; group <= GROUPS; group++) {
    if (group > 0) groups[group]! += groups[group - 1]!;
    write(bytes, HEAD + place * group, groups[group] as number, place);
  }
  for (let i = 0; i < count; i++) {
    const above = (ordinals[i] as number) - least;
    write(bytes, lowsAt + 2 * i, above & LOW_MASK, 2);
    if (farBytes > 0) write(bytes, farsAt + farBytes * i, above >>> LOW_BITS, farBytes);
  }
  bytes.set(weights, farsAt + farBytes * count);
  return bytes;
}

/** Writes the lowest bytes of a number, little-endian. */
function write(into: Uint8Array, at: number, value: number, bytes: number): void {
  into[at] = value;
  if (bytes > 1) into[at + 1] = value >>> 8;
  if (bytes <= 2) return;
  into[at + 2] = value >>> 16;
  into[at + 3] = value >>> 24;
}

function spanOf(ordinals: Uint32Array): { readonly least: number; readonly farBytes: number } {
  let least = 0xffff_ffff;
  let most = 0;
  for (const ordinal of ordinals) {
    if (ordinal < least) least = ordinal;
    if (ordinal > most) most = ordinal;
  }
  const span = Math.max(0, most - least);
  return { least: ordinals.length === 0 ? 0 : least, farBytes: span <= LOW_MASK ? 0 : span <= 0xff_ffff ? 1 : 2 };
}

/** Merges blocks of one bucket into one, in order of term, then ordinal. */
export function mergeBlocks(bucket: number, blocks: readonly Block[]): Uint8Array {
  const parts = blocks.map(block => block.lists(bucket));
  const count = parts.reduce((sum, part) => sum + part.terms.length, 0);
  const order = new BigUint64Array(count);
  const words = new Uint32Array(order.buffer);
  let at = 0;
  for (const part of parts) {
    for (let i = 0; i < part.terms.length; i++, at++) {
      words[2 * at + 1] = part.terms[i] as number;
      words[2 * at] = part.ordinals[i] as number;
    }
  }
  order.sort();
  const terms = new Uint32Array(count);
  const ordinals = new Uint32Array(count);
  const weights = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    terms[i] = words[2 * i + 1] as number;
    ordinals[i] = words[2 * i] as number;
  }
  fillWeights(parts, terms, ordinals, weights);
  return encodeBlock({ terms, ordinals, weights });
}

/** Each part is in the merged order too, so one pass a part finds its places. A posting that stands twice has two places:
 *  no weight is 0, so a place that has one is taken. */
function fillWeights(
  parts: readonly PostingLists[],
  terms: Uint32Array,
  ordinals: Uint32Array,
  weights: Uint8Array,
): void {
  for (const part of parts) {
    let to = 0;
    for (let i = 0; i < part.terms.length; i++) {
      while (terms[to] !== part.terms[i] || ordinals[to] !== part.ordinals[i] || weights[to] !== 0) to++;
      weights[to] = part.weights[i] as number;
    }
  }
}
