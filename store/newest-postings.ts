// The newest tickets of the candidate index, in typed arrays: a hash of terms to chains of postings, newest first.
import { BUCKETS, bucketOf, encodeBlock, type Scores } from './posting-blocks.ts';

interface WeightedTerms {
  readonly terms: Uint32Array;
  readonly weights: Uint8Array;
}

/** Postings a ticket has on average, to size the arrays; they grow when tickets have more. */
const POSTINGS_A_TICKET = 40;
const NONE = 0xffffffff;

export class NewestPostings {
  private readonly capacity: number;
  private mask: number;
  /** Term of each slot and the newest posting of it; NONE where the slot is free. */
  private terms: Uint32Array;
  private heads: Uint32Array;
  private termCount = 0;
  private ordinals: Uint32Array;
  private weights: Uint8Array;
  private nexts: Uint32Array;
  private count = 0;
  private tickets = 0;
  first = NONE;
  last = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    const slots = 1 << Math.ceil(Math.log2(Math.max(16, capacity * 32)));
    this.mask = slots - 1;
    this.terms = new Uint32Array(slots);
    this.heads = new Uint32Array(slots).fill(NONE);
    const postings = capacity * POSTINGS_A_TICKET;
    this.ordinals = new Uint32Array(postings);
    this.weights = new Uint8Array(postings);
    this.nexts = new Uint32Array(postings);
  }

  get size(): number {
    return this.tickets;
  }

  get full(): boolean {
    return this.tickets >= this.capacity;
  }

  add(ordinal: number, { terms, weights }: WeightedTerms): void {
    if (this.count + terms.length > this.ordinals.length) this.growPostings();
    if ((this.termCount + terms.length) * 4 > this.terms.length * 3) this.growTerms();
    for (let i = 0; i < terms.length; i++) {
      const term = terms[i] as number;
      const slot = this.slotOf(term);
      if (this.heads[slot] === NONE) {
        this.terms[slot] = term;
        this.termCount++;
      }
      this.ordinals[this.count] = ordinal;
      this.weights[this.count] = weights[i] as number;
      this.nexts[this.count] = this.heads[slot] as number;
      this.heads[slot] = this.count++;
    }
    this.tickets++;
    this.first = Math.min(this.first, ordinal);
    this.last = Math.max(this.last, ordinal);
  }

  /** A mark of this moment: `visit` from it sees only what was added since. */
  get mark(): number {
    return this.count;
  }

  /** Adds weight × posting weight for the newest `most` postings of a term; answers how many of `most` are left. */
  visit(term: number, most: number, weight: number, scores: Scores, from = 0): number {
    let at = this.heads[this.slotOf(term)] as number;
    let left = most;
    // A chain runs from the newest posting to the oldest, so the first one before the mark ends it.
    for (; at !== NONE && at >= from && left > 0; left--) {
      scores.add(this.ordinals[at] as number, weight * (this.weights[at] as number));
      at = this.nexts[at] as number;
    }
    return left;
  }

  /** All postings as blocks, bucket by bucket. */
  *blocks(): Generator<{ bucket: number; bytes: Uint8Array }> {
    const buckets: number[][] = Array.from({ length: BUCKETS }, () => []);
    for (let slot = 0; slot < this.terms.length; slot++) {
      if (this.heads[slot] !== NONE) (buckets[bucketOf(this.terms[slot] as number)] as number[]).push(slot);
    }
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const slots = buckets[bucket] as number[];
      if (slots.length > 0) yield { bucket, bytes: this.block(slots) };
    }
  }

  private block(slots: number[]): Uint8Array {
    slots.sort((a, b) => (this.terms[a] as number) - (this.terms[b] as number));
    const postings: number[] = [];
    for (const slot of slots) {
      const chain: number[] = [];
      for (let at = this.heads[slot] as number; at !== NONE; at = this.nexts[at] as number) chain.push(at);
      chain.sort((a, b) => (this.ordinals[a] as number) - (this.ordinals[b] as number));
      for (const at of chain) postings.push(slot, at);
    }
    const count = postings.length / 2;
    const terms = new Uint32Array(count);
    const ordinals = new Uint32Array(count);
    const weights = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      const at = postings[2 * i + 1] as number;
      terms[i] = this.terms[postings[2 * i] as number] as number;
      ordinals[i] = this.ordinals[at] as number;
      weights[i] = this.weights[at] as number;
    }
    return encodeBlock(terms, ordinals, weights);
  }

  private slotOf(term: number): number {
    let slot = Math.imul(term, 0x9e3779b1) >>> 0;
    slot = (slot ^ (slot >>> 16)) & this.mask;
    while (this.heads[slot] !== NONE && this.terms[slot] !== term) slot = (slot + 1) & this.mask;
    return slot;
  }

  private growPostings(): void {
    const size = this.ordinals.length * 2;
    const grow = <T extends Uint32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.ordinals = grow(this.ordinals, new Uint32Array(size));
    this.weights = grow(this.weights, new Uint8Array(size));
    this.nexts = grow(this.nexts, new Uint32Array(size));
  }

  private growTerms(): void {
    const { terms, heads } = this;
    this.terms = new Uint32Array(terms.length * 2);
    this.heads = new Uint32Array(heads.length * 2).fill(NONE);
    this.mask = this.terms.length - 1;
    for (let old = 0; old < terms.length; old++) {
      if (heads[old] === NONE) continue;
      const slot = this.slotOf(terms[old] as number);
      this.terms[slot] = terms[old] as number;
      this.heads[slot] = heads[old] as number;
    }
  }
}
