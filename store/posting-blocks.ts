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

/**
 * A block read from its blob: `count` as 32 bits, then terms and ordinals (32 bits each, rising by term, then ordinal),
 * then weights (8 bits each); little-endian.
 */
export class Block {
  readonly count: number;
  readonly terms: Uint32Array;
  readonly ordinals: Uint32Array;
  readonly weights: Uint8Array;
  /** Set by a visit, cleared by the cache's clock hand. */
  used = true;

  constructor(blob: Uint8Array) {
    const aligned = blob.byteOffset % 4 === 0 ? blob : Uint8Array.from(blob);
    const { buffer, byteOffset } = aligned;
    this.count = new Uint32Array(buffer, byteOffset, 1)[0] as number;
    this.terms = new Uint32Array(buffer, byteOffset + 4, this.count);
    this.ordinals = new Uint32Array(buffer, byteOffset + 4 + 4 * this.count, this.count);
    this.weights = new Uint8Array(buffer, byteOffset + 4 + 8 * this.count, this.count);
  }

  get bytes(): number {
    return 4 + 9 * this.count;
  }

  /** First place whose term lies above. Terms are hashes, so a term's place can be told from its value; from there it is
   *  a few steps, where halving the block would touch cold memory each time. */
  private endOf(term: number): number {
    const { terms, count } = this;
    let low = Math.floor(((term & BUCKET_MASK) / (BUCKET_MASK + 1)) * count);
    let high = low;
    for (let step = 1; low > 0 && (terms[low - 1] as number) > term; step *= 2) low = Math.max(0, low - step);
    for (let step = 1; high < count && (terms[high] as number) <= term; step *= 2) high = Math.min(count, high + step);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((terms[middle] as number) <= term) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  has(term: number, ordinal: number): boolean {
    for (let i = this.endOf(term) - 1; i >= 0 && this.terms[i] === term; i--) {
      if (this.ordinals[i] === ordinal) return true;
    }
    return false;
  }

  /** Adds weight × posting weight for the newest `most` postings of a term; answers how many of `most` are left. */
  visit(term: number, most: number, weight: number, scores: Scores): number {
    this.used = true;
    const { terms, ordinals, weights } = this;
    const end = this.endOf(term);
    let left = most;
    for (let i = end - 1; i >= 0 && left > 0 && terms[i] === term; i--, left--) {
      scores.add(ordinals[i] as number, weight * (weights[i] as number));
    }
    return left;
  }
}

/** Writes a block; the three arrays are in order already. */
export function encodeBlock(terms: Uint32Array, ordinals: Uint32Array, weights: Uint8Array): Uint8Array {
  const count = terms.length;
  const bytes = new Uint8Array(4 + 9 * count);
  new Uint32Array(bytes.buffer, 0, 1)[0] = count;
  new Uint32Array(bytes.buffer, 4, count).set(terms);
  new Uint32Array(bytes.buffer, 4 + 4 * count, count).set(ordinals);
  bytes.set(weights, 4 + 8 * count);
  return bytes;
}

/** Merges blocks of one bucket into one, in order of term, then ordinal. */
export function mergeBlocks(parts: readonly Block[]): Uint8Array {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const order = new BigUint64Array(count);
  const words = new Uint32Array(order.buffer);
  let at = 0;
  for (const part of parts) {
    for (let i = 0; i < part.count; i++, at++) {
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
  return encodeBlock(terms, ordinals, weights);
}

/** Each part is in the merged order too, so one pass a part finds its places. A posting that stands twice has two places:
 *  no weight is 0, so a place that has one is taken. */
function fillWeights(parts: readonly Block[], terms: Uint32Array, ordinals: Uint32Array, weights: Uint8Array): void {
  for (const part of parts) {
    let to = 0;
    for (let i = 0; i < part.count; i++) {
      while (terms[to] !== part.terms[i] || ordinals[to] !== part.ordinals[i] || weights[to] !== 0) to++;
      weights[to] = part.weights[i] as number;
    }
  }
}
