// The newest tickets of the candidate index, in typed arrays: a hash of terms to runs of postings, newest first.
import type { WeightedTerms } from './index-terms.ts';
import { bucketOf, encodeBlock, type PostingLists, type Scores } from './posting-blocks.ts';

/** Words that the postings of a ticket take on average, to size the array; it grows when tickets have more. */
const WORDS_A_TICKET = 80;
const NONE = 0xffffffff;

/** Two words a slot: what is read together lies in one cache line. */
const PAIR = 2;
/** A run: where the run before it begins, how many postings it has room for and how many it holds, then these. */
const RUN_HEAD = 2;
const ROOM_SHIFT = 16;
const HELD_MASK = 0xffff;
/** Most terms have one posting; a run is twice as long as the one before it, so that many lie side by side. */
const FIRST_ROOM = 1;
const MOST_ROOM = 64;

export class NewestPostings {
  private readonly capacity: number;
  private mask: number;
  /** Term of each slot, then its newest run; NONE where the slot is free. */
  private slots: Uint32Array;
  private termCount = 0;
  /** Runs of postings, each of a ticket's place and a weight (lowest eight bits). */
  private runs: Uint32Array;
  private used = 0;
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
    this.runs = new Uint32Array(capacity * WORDS_A_TICKET);
    this.ordinals = new Uint32Array(capacity);
  }

  get size(): number {
    return this.tickets;
  }

  get full(): boolean {
    return this.tickets >= this.capacity;
  }

  add(ordinal: number, { terms, weights }: WeightedTerms): void {
    if (this.tickets === this.ordinals.length) this.ordinals = doubled(this.ordinals);
    if ((this.termCount + terms.length) * 4 > (this.mask + 1) * 3) this.growSlots();
    for (let i = 0; i < terms.length; i++) {
      const slot = this.slotOf(terms[i] as number);
      if (this.slots[slot + 1] === NONE) {
        this.slots[slot] = terms[i] as number;
        this.termCount++;
      }
      this.append(slot, this.tickets * 256 + (weights[i] as number));
    }
    this.ordinals[this.tickets++] = ordinal;
    this.first = Math.min(this.first, ordinal);
    this.last = Math.max(this.last, ordinal);
  }

  private append(slot: number, posting: number): void {
    let run = this.slots[slot + 1] as number;
    let room = FIRST_ROOM;
    if (run !== NONE) {
      const state = this.runs[run + 1] as number;
      const held = state & HELD_MASK;
      room = state >>> ROOM_SHIFT;
      if (held < room) {
        this.runs[run + RUN_HEAD + held] = posting;
        this.runs[run + 1] = state + 1;
        return;
      }
      room = Math.min(MOST_ROOM, room * 2);
    }
    if (this.used + RUN_HEAD + room > this.runs.length) this.runs = doubled(this.runs);
    const before = run;
    run = this.used;
    this.used += RUN_HEAD + room;
    this.runs[run] = before;
    this.runs[run + 1] = (room << ROOM_SHIFT) | 1;
    this.runs[run + RUN_HEAD] = posting;
    this.slots[slot + 1] = run;
  }

  has(ordinal: number, term: number): boolean {
    const { runs, ordinals } = this;
    for (let run = this.slots[this.slotOf(term) + 1] as number; run !== NONE; run = runs[run] as number) {
      const end = run + RUN_HEAD + ((runs[run + 1] as number) & HELD_MASK);
      for (let at = run + RUN_HEAD; at < end; at++) if (ordinals[(runs[at] as number) >>> 8] === ordinal) return true;
    }
    return false;
  }

  /** A posting without weight scores nothing and goes into no block. */
  forget(ordinal: number, term: number): void {
    const { runs, ordinals } = this;
    for (let run = this.slots[this.slotOf(term) + 1] as number; run !== NONE; run = runs[run] as number) {
      const end = run + RUN_HEAD + ((runs[run + 1] as number) & HELD_MASK);
      for (let at = run + RUN_HEAD; at < end; at++) {
        const packed = runs[at] as number;
        if (ordinals[packed >>> 8] === ordinal) runs[at] = packed - (packed & 255);
      }
    }
  }

  /** A mark of this moment: `visit` from it sees only what was added since. */
  get mark(): number {
    return this.tickets;
  }

  /** Adds weight × posting weight for the newest `most` postings of a term; answers how many of `most` are left. */
  visit(term: number, most: number, weight: number, scores: Scores, from = 0): number {
    const { runs, ordinals } = this;
    let left = most;
    for (let run = this.slots[this.slotOf(term) + 1] as number; run !== NONE; run = runs[run] as number) {
      const begin = run + RUN_HEAD;
      for (let at = begin + ((runs[run + 1] as number) & HELD_MASK) - 1; at >= begin; at--) {
        const packed = runs[at] as number;
        // From the newest posting to the oldest, so the first one before the mark ends it.
        if (left === 0 || packed >>> 8 < from) return left;
        scores.add(ordinals[packed >>> 8] as number, weight * (packed & 255));
        left--;
      }
    }
    return left;
  }

  /** All postings as blocks, bucket by bucket. */
  *blocks(): Generator<{ bucket: number; bytes: Uint8Array }> {
    const order = this.termOrder();
    const lists = new Lists(this.used);
    for (let at = 0; at < order.length; ) {
      const bucket = bucketOf(order[at + 1]!);
      lists.clear();
      for (; at < order.length; at += PAIR) {
        const term = order[at + 1] as number;
        if (bucketOf(term) !== bucket) break;
        this.take(term, order[at] as number, lists);
      }
      if (lists.size > 0) yield { bucket, bytes: encodeBlock(lists.all()) };
    }
  }

  /** The slots in use, each with its term behind it, in order of the terms: a pair is one number to a native sort. */
  private termOrder(): Uint32Array {
    const { slots } = this;
    const ranked = new BigUint64Array(this.termCount);
    const order = new Uint32Array(ranked.buffer);
    let size = 0;
    for (let at = 0; at < slots.length; at += PAIR) {
      if (slots[at + 1] === NONE) continue;
      order[size++] = at;
      order[size++] = slots[at] as number;
    }
    ranked.sort();
    return order;
  }

  /** The postings of one term, by rising ordinal. */
  private take(term: number, slot: number, into: Lists): void {
    const { runs, ordinals } = this;
    const from = into.size;
    for (let run = this.slots[slot + 1] as number; run !== NONE; run = runs[run] as number) {
      const begin = run + RUN_HEAD;
      for (let at = begin + ((runs[run + 1] as number) & HELD_MASK) - 1; at >= begin; at--) {
        const packed = runs[at] as number;
        if ((packed & 255) !== 0) into.push(term, ordinals[packed >>> 8] as number, packed & 255);
      }
    }
    into.rise(from);
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

/** The lists of one bucket after the other, in memory laid out once. */
class Lists {
  private readonly terms: Uint32Array;
  private readonly ordinals: Uint32Array;
  private readonly weights: Uint8Array;
  size = 0;

  /** @param most postings of one bucket */
  constructor(most: number) {
    this.terms = new Uint32Array(most);
    this.ordinals = new Uint32Array(most);
    this.weights = new Uint8Array(most);
  }

  clear(): void {
    this.size = 0;
  }

  push(term: number, ordinal: number, weight: number): void {
    this.terms[this.size] = term;
    this.ordinals[this.size] = ordinal;
    this.weights[this.size++] = weight;
  }

  /** What was pushed since, newest first, in order of its ordinals: turned round, and put right where lanes have shuffled it. */
  rise(from: number): void {
    const { ordinals, weights } = this;
    ordinals.subarray(from, this.size).reverse();
    weights.subarray(from, this.size).reverse();
    for (let i = from + 1; i < this.size; i++) {
      const ordinal = ordinals[i] as number;
      const weight = weights[i] as number;
      let at = i;
      for (; at > from && (ordinals[at - 1] as number) > ordinal; at--) {
        ordinals[at] = ordinals[at - 1] as number;
        weights[at] = weights[at - 1] as number;
      }
      ordinals[at] = ordinal;
      weights[at] = weight;
    }
  }

  all(): PostingLists {
    const { size } = this;
    return {
      terms: this.terms.subarray(0, size),
      ordinals: this.ordinals.subarray(0, size),
      weights: this.weights.subarray(0, size),
    };
  }
}

function doubled(from: Uint32Array): Uint32Array {
  const to = new Uint32Array(from.length * 2);
  to.set(from);
  return to;
}
