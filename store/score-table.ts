// Sums of weights by ticket: the inner loop of a look-up, without a single allocation.

export interface Hit {
  readonly ordinal: number;
  /** Share of the query's own score that the ticket reaches, 0 to about 1. */
  readonly score: number;
}

/** Words a slot: ordinal and score lie in one cache line. */
const PAIR = 2;

/** Adds up scores by ordinal without allocating: open addressing, emptied slot by slot. */
export class ScoreTable {
  private readonly mask: number;
  /** Ordinal and score of each slot; a slot without score is free. */
  private readonly cells: Uint32Array;
  private readonly touched: Uint32Array;
  private count = 0;

  /** @param most ordinals that one query can meet; small tables stay in the processor's first caches */
  constructor(most: number) {
    const size = 1 << Math.ceil(Math.log2(Math.max(16, most * 2)));
    this.mask = size - 1;
    this.cells = new Uint32Array(size * PAIR);
    this.touched = new Uint32Array(size >> 1);
  }

  reset(): void {
    const { cells, touched } = this;
    for (let i = 0; i < this.count; i++) cells[(touched[i] as number) + 1] = 0;
    this.count = 0;
  }

  add(ordinal: number, score: number): void {
    if (score === 0) return;
    const { cells, mask } = this;
    let slot = Math.imul(ordinal, 0x9e3779b1) >>> 0;
    slot = ((slot ^ (slot >>> 15)) & mask) * PAIR;
    for (let known = cells[slot + 1] as number; known !== 0; known = cells[slot + 1] as number) {
      if (cells[slot] === ordinal) {
        cells[slot + 1] = known + score;
        return;
      }
      slot = (slot + PAIR) & (mask * PAIR + 1);
    }
    cells[slot] = ordinal;
    cells[slot + 1] = score;
    this.touched[this.count++] = slot;
  }

  /** The best `limit` at or above `least`, best first; equal scores newest first. */
  top(limit: number, least: number, self: number): Hit[] {
    const best: Hit[] = [];
    for (let i = 0; i < this.count; i++) {
      const slot = this.touched[i] as number;
      const raw = this.cells[slot + 1] as number;
      if (raw < least) continue;
      const hit = { ordinal: this.cells[slot] as number, score: raw / self };
      const last = best[limit - 1];
      if (last !== undefined && !before(hit, last)) continue;
      let at = best.length;
      while (at > 0 && before(hit, best[at - 1] as Hit)) at--;
      best.splice(at, 0, hit);
      if (best.length > limit) best.pop();
    }
    return best;
  }
}

function before(a: Hit, b: Hit): boolean {
  return a.score > b.score || (a.score === b.score && a.ordinal > b.ordinal);
}
