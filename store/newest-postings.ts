// The newest tickets of the candidate index, in typed arrays: a hash of terms to chains of postings, newest first.
import type { WeightedTerms } from './index-terms.ts';
import { BUCKETS, bucketOf, encodeBlock, type Scores } from './posting-blocks.ts';

/** Postings a ticket has on average, to size the arrays; they grow when tickets have more. */
const POSTINGS_A_TICKET = 40;
const NONE = 0xffffffff;

/** Two words a slot, and two a posting: what is read together lies in one cache line. */
const PAIR = 2;

export class NewestPostings {
  private readonly capacity: number;
  private mask: number;
  /** Term of each slot, then the newest posting of it; NONE where the slot is free. */
  private slots: Uint32Array;
  private termCount = 0;
  /** Posting after this one, then ticket and weight (lowest eight bits). */
  private postings: Uint32Array;
  private count = 0;
  /** Ordinals of the tickets, in the order in which they came. */
  private ordinals: Uint32Array;
  private tickets = 0;
  first = NONE;
  last = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    const slots = 1 << Math.ceil(Math.log2(Math.max(16, capacity * 32)));
    this.mask = slots - 1;
    this.slots = new Uint32Array(slots * PAIR).fill(NONE);
    this.postings = new Uint32Array(capacity * POSTINGS_A_TICKET * PAIR);
    this.ordinals = new Uint32Array(capacity);
  }

  get size(): number {
    return this.tickets;
  }

  get full(): boolean {
    return this.tickets >= this.capacity;
  }

  add(ordinal: number, { terms, weights }: WeightedTerms): void {
    if ((this.count + terms.length) * PAIR > this.postings.length) this.postings = doubled(this.postings);
    if (this.tickets === this.ordinals.length) this.ordinals = doubled(this.ordinals);
    if ((this.termCount + terms.length) * 4 > (this.mask + 1) * 3) this.growSlots();
    const { slots, postings } = this;
    for (let i = 0; i < terms.length; i++) {
      const term = terms[i] as number;
      const slot = this.slotOf(term);
      if (slots[slot + 1] === NONE) {
        slots[slot] = term;
        this.termCount++;
      }
      postings[this.count * PAIR] = slots[slot + 1] as number;
      postings[this.count * PAIR + 1] = this.tickets * 256 + (weights[i] as number);
      slots[slot + 1] = this.count++;
    }
    this.ordinals[this.tickets++] = ordinal;
    this.first = Math.min(this.first, ordinal);
    this.last = Math.max(this.last, ordinal);
  }

  /** A posting without weight scores nothing and goes into no block. */
  forget(ordinal: number, term: number): void {
    const { postings, ordinals } = this;
    let at = this.slots[this.slotOf(term) + 1] as number;
    for (; at !== NONE; at = postings[at * PAIR] as number) {
      const packed = postings[at * PAIR + 1] as number;
      if (ordinals[packed >>> 8] === ordinal) postings[at * PAIR + 1] = packed - (packed & 255);
    }
  }

  /** A mark of this moment: `visit` from it sees only what was added since. */
  get mark(): number {
    return this.count;
  }

  /** Adds weight × posting weight for the newest `most` postings of a term; answers how many of `most` are left. */
  visit(term: number, most: number, weight: number, scores: Scores, from = 0): number {
    const { postings, ordinals } = this;
    let at = this.slots[this.slotOf(term) + 1] as number;
    let left = most;
    // A chain runs from the newest posting to the oldest, so the first one before the mark ends it.
    for (; at !== NONE && at >= from && left > 0; left--) {
      const packed = postings[at * PAIR + 1] as number;
      scores.add(ordinals[packed >>> 8] as number, weight * (packed & 255));
      at = postings[at * PAIR] as number;
    }
    return left;
  }

  /** All postings as blocks, bucket by bucket. */
  *blocks(): Generator<{ bucket: number; bytes: Uint8Array }> {
    const buckets: number[][] = Array.from({ length: BUCKETS }, () => []);
    for (let slot = 0; slot < this.slots.length; slot += PAIR) {
      if (this.slots[slot + 1] !== NONE) (buckets[bucketOf(this.slots[slot] as number)] as number[]).push(slot);
    }
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const slots = buckets[bucket] as number[];
      if (slots.length > 0) yield { bucket, bytes: this.block(slots) };
    }
  }

  private block(slots: number[]): Uint8Array {
    slots.sort((a, b) => (this.slots[a] as number) - (this.slots[b] as number));
    const terms: number[] = [];
    const ordinals: number[] = [];
    const weights: number[] = [];
    for (const slot of slots) {
      const chain: number[] = [];
      for (let at = this.slots[slot + 1] as number; at !== NONE; at = this.postings[at * PAIR] as number) {
        const packed = this.postings[at * PAIR + 1] as number;
        if ((packed & 255) !== 0) chain.push(packed);
      }
      chain.sort((a, b) => (this.ordinals[a >>> 8] as number) - (this.ordinals[b >>> 8] as number));
      for (const packed of chain) {
        terms.push(this.slots[slot] as number);
        ordinals.push(this.ordinals[packed >>> 8] as number);
        weights.push(packed & 255);
      }
    }
    return encodeBlock({
      terms: Uint32Array.from(terms),
      ordinals: Uint32Array.from(ordinals),
      weights: Uint8Array.from(weights),
    });
  }

  /** Place of a term's slot in `slots`; of a free one where the term is new. */
  private slotOf(term: number): number {
    const { slots, mask } = this;
    let slot = Math.imul(term, 0x9e3779b1) >>> 0;
    slot = (slot ^ (slot >>> 16)) & mask;
    while (slots[slot * PAIR + 1] !== NONE && slots[slot * PAIR] !== term) slot = (slot + 1) & mask;
    return slot * PAIR;
  }

  private growSlots(): void {
    const old = this.slots;
    this.slots = new Uint32Array(old.length * 2).fill(NONE);
    this.mask = this.slots.length / PAIR - 1;
    for (let at = 0; at < old.length; at += PAIR) {
      if (old[at + 1] === NONE) continue;
      const slot = this.slotOf(old[at] as number);
      this.slots[slot] = old[at] as number;
      this.slots[slot + 1] = old[at + 1] as number;
    }
  }
}

function doubled(from: Uint32Array): Uint32Array {
  const to = new Uint32Array(from.length * 2);
  to.set(from);
  return to;
}
