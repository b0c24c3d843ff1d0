// Which segments may hold a term: one look instead of one into a block of each, most of which do not have it.

/** 8 MB. Terms that share a slot are taken to be in each other's segments, which costs a look in vain. */
const SLOTS = 1 << 21;

/** Bits of segments by term. What it denies is so; what it affirms may not be. */
export class TermPresence {
  private readonly held = new Uint32Array(SLOTS);
  private free = 0xffff_ffff;

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
    for (let slot = 0; slot < SLOTS; slot++) held[slot]! &= ~bits;
    this.free |= bits;
  }

  add(term: number, bit: number): void {
    this.held[slotOf(term)]! |= bit;
  }

  /** The bits of the segments that may hold it. */
  of(term: number): number {
    return this.held[slotOf(term)] as number;
  }
}

/** Terms are hashes already; those of one bucket must not crowd together. */
function slotOf(term: number): number {
  return (term ^ (term >>> 11)) & (SLOTS - 1);
}
