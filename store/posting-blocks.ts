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
  /** Set by a visit, cleared by the cache's clock hand. */
  used = true;
  /** All there is of it: what the blob says is read anew, since its beginning is at hand wherever any of it is, while an
   *  object of many figures would be memory of its own to wait for. */
  private readonly blob: Uint8Array;

  constructor(written: Uint8Array) {
    this.blob = (word(written, 0) & FORM) === 0 ? rewritten(written) : written;
  }

  get count(): number {
    return word(this.blob, 0) & COUNT_MASK;
  }

  get bytes(): number {
    return this.blob.length;
  }

  has(term: number, ordinal: number): boolean {
    const { blob } = this;
    const index = indexOf(blob, term);
    if (index === NEVER) return false;
    const startsAt = startsOf(blob);
    const start = placeAt(blob, startsAt, index);
    for (let i = placeAt(blob, startsAt, index + 1) - 1; i >= start; i--) {
      if (ordinalAt(blob, i) === ordinal) return true;
    }
    return false;
  }

  /** Adds weight × posting weight for the newest `most` postings of a term; answers how many of `most` are left. */
  visit(term: number, most: number, weight: number, scores: Scores): number {
    this.used = true;
    const { blob } = this;
    const index = indexOf(blob, term);
    if (index === NEVER) return most;
    const startsAt = startsOf(blob);
    const end = placeAt(blob, startsAt, index + 1);
    const begin = Math.max(placeAt(blob, startsAt, index), end - most);
    const lowsAt = lowsOf(blob, startsAt);
    const count = word(blob, 0) & COUNT_MASK;
    const farBytes = farBytesOf(blob);
    const farsAt = lowsAt + 2 * count;
    const weightsAt = farsAt + farBytes * count;
    const least = word(blob, 8);
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
    const { blob } = this;
    const keysAt = keysOf(blob);
    for (let group = 0; group < GROUPS; group++) {
      const upper = bucket * (BUCKET_MASK + 1) + group * (LOW_MASK + 1);
      const end = placeAt(blob, HEAD, group + 1);
      for (let index = placeAt(blob, HEAD, group); index < end; index++) take(upper + half(blob, keysAt + 2 * index));
    }
  }

  /** All postings, written out. */
  lists(bucket: number): PostingLists {
    const { blob, count } = this;
    const startsAt = startsOf(blob);
    const terms = new Uint32Array(count);
    let index = 0;
    this.each(bucket, term => {
      terms.fill(term, placeAt(blob, startsAt, index), placeAt(blob, startsAt, index + 1));
      index++;
    });
    const ordinals = Uint32Array.from(terms, (_, posting) => ordinalAt(blob, posting));
    const weightsAt = lowsOf(blob, startsAt) + (2 + farBytesOf(blob)) * count;
    return { terms, ordinals, weights: blob.slice(weightsAt, weightsAt + count) };
  }
}

function farBytesOf(blob: Uint8Array): number {
  return ((blob[3] as number) >>> (FAR_SHIFT - 24)) & 3;
}

/** Bytes of a place in a list. */
function placeBytes(blob: Uint8Array): number {
  return ((blob[3] as number) & (WIDE >>> 24)) === 0 ? 2 : 4;
}

function placeAt(blob: Uint8Array, from: number, index: number): number {
  return placeBytes(blob) === 4 ? word(blob, from + 4 * index) : half(blob, from + 2 * index);
}

function keysOf(blob: Uint8Array): number {
  return HEAD + (GROUPS + 1) * placeBytes(blob);
}

function startsOf(blob: Uint8Array): number {
  return keysOf(blob) + 2 * word(blob, 4);
}

function lowsOf(blob: Uint8Array, startsAt: number): number {
  return startsAt + (word(blob, 4) + 1) * placeBytes(blob);
}

function ordinalAt(blob: Uint8Array, posting: number): number {
  const count = word(blob, 0) & COUNT_MASK;
  const lowsAt = lowsOf(blob, startsOf(blob));
  const farBytes = farBytesOf(blob);
  let above = half(blob, lowsAt + 2 * posting);
  if (farBytes === 1) above |= (blob[lowsAt + 2 * count + posting] as number) << LOW_BITS;
  else if (farBytes === 2) above |= half(blob, lowsAt + 2 * count + 2 * posting) << LOW_BITS;
  return (word(blob, 8) + above) >>> 0;
}

/** Which of the block's terms this is; NEVER where it has no such term. Terms are hashes, so a term's place can be told
 *  from its value; from there it is a few steps, where halving the block would touch cold memory each time. */
function indexOf(blob: Uint8Array, term: number): number {
  const group = (term & BUCKET_MASK) >>> LOW_BITS;
  const key = term & LOW_MASK;
  const first = placeAt(blob, HEAD, group);
  const end = placeAt(blob, HEAD, group + 1);
  const keysAt = keysOf(blob);
  let low = first + Math.floor(((end - first) * key) / (LOW_MASK + 1));
  let high = low;
  for (let step = 1; low > first && half(blob, keysAt + 2 * (low - 1)) >= key; step *= 2)
    low = Math.max(first, low - step);
  for (let step = 1; high < end && half(blob, keysAt + 2 * high) < key; step *= 2) high = Math.min(end, high + step);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (half(blob, keysAt + 2 * middle) < key) low = middle + 1;
    else high = middle;
  }
  return low < end && half(blob, keysAt + 2 * low) === key ? low : NEVER;
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
