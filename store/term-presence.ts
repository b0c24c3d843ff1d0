// Which segments may hold a term: one look instead of one into a block of each, most of which do not have it.

/** 8 MB, or 32 where there are many tickets. Terms that share a slot are taken to be in each other's segments, which costs a
 *  look in vain: of three looks at a million tickets one was, with the fewer slots. */
const SLOTS = 1 << 21;
const MOST_SLOTS = 1 << 23;
const SLOTS_A_TICKET = 8;

/** Bits of segments by term. What it denies is so; what it affirms may not be. */
export class TermPresence {
  private readonly held: Uint32Array;
  private readonly mask: number;
  private free = 0xffff_ffff;

  /** @param tickets so many there are, as far as is known */
  constructor(tickets = 0) {
    let slots = SLOTS;
    while (slots < MOST_SLOTS && slots < tickets * SLOTS_A_TICKET) slots *= 2;
    this.held = new Uint32Array(slots);
    this.mask = slots - 1;
  }

  /** A bit for a new segment; 0 where there is none left: then it is always to be looked into. */
  take(): number {
    const bit = this.free & -this.free;
    this.free ^= bit;
    return bit >>> 0;
  }

  /** Gives the bits of segments back that are gone. */
  release(bits: number): void {
    if (bits === 0) return;
    const { held } = this;
    for (let slot = 0; slot < held.length; slot++) held[slot]! &= ~bits;
    this.free |= bits;
  }

  add(term: number, bit: number): void {
    this.held[slotOf(term) & this.mask]! |= bit;
  }

  /** The bits of the segments that may hold it. */
  of(term: number): number {
    return this.held[slotOf(term) & this.mask] as number;
  }
}

/** Terms are hashes already; those of one bucket must not crowd together. */
function slotOf(term: number): number {
  return term ^ (term >>> 11);
}
