// Sums of weights by ticket: the inner loop of a look-up, without a single allocation.

export interface Hit {
  readonly ordinal: number;
  /** Share of the query's own score that the ticket reaches, 0 to about 1. */
  readonly score: number;
}

/** Adds up scores by ordinal without allocating: open addressing, emptied by raising the stamp. */
export class ScoreTable {
  private readonly mask: number;
  private readonly ordinals: Uint32Array;
  private readonly scores: Uint32Array;
  private readonly stamps: Uint32Array;
  private readonly touched: Uint32Array;
  private stamp = 0;
  private count = 0;

  /** @param most ordinals that one query can meet; small tables stay in the processor's first caches */
  constructor(most: number) {
    const size = 1 << Math.ceil(Math.log2(Math.max(16, most * 2)));
    this.mask = size - 1;
    this.ordinals = new Uint32Array(size);
    this.scores = new Uint32Array(size);
    this.stamps = new Uint32Array(size);
    this.touched = new Uint32Array(size >> 1);
  }

  reset(): void {
    this.stamp++;
    this.count = 0;
  }

  add(ordinal: number, score: number): void {
    let slot = Math.imul(ordinal, 0x9e3779b1) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.mask;
    while (this.stamps[slot] === this.stamp) {
      if (this.ordinals[slot] === ordinal) {
        this.scores[slot] = (this.scores[slot] as number) + score;
        return;
      }
      slot = (slot + 1) & this.mask;
    }
    this.stamps[slot] = this.stamp;
    this.ordinals[slot] = ordinal;
    this.scores[slot] = score;
    this.touched[this.count++] = slot;
  }

  /** The best `limit` at or above `least`, best first; equal scores newest first. */
  top(limit: number, least: number, self: number): Hit[] {
    const best: Hit[] = [];
    for (let i = 0; i < this.count; i++) {
      const slot = this.touched[i] as number;
      const raw = this.scores[slot] as number;
      if (raw < least) continue;
      const hit = { ordinal: this.ordinals[slot] as number, score: raw / self };
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
