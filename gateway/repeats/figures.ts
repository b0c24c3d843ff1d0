// Figures of what was recognised: precision, recall, their mean, and how far one gets without more than one error in twenty.

/** A scored pair and the truth about it. */
export interface Scored {
  readonly score: number;
  readonly same: boolean;
}

export interface PairFigures {
  readonly pairs: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export function pairFigures(scored: readonly Scored[], threshold: number): PairFigures {
  let right = 0;
  let wrong = 0;
  let same = 0;
  for (const one of scored) {
    if (one.same) same += 1;
    if (one.score < threshold) continue;
    if (one.same) right += 1;
    else wrong += 1;
  }
  const precision = share(right, right + wrong);
  const recall = share(right, same);
  return { pairs: scored.length, precision, recall, f1: share(2 * precision * recall, precision + recall) };
}

/** The greatest recall at any threshold whose precision is at least that; pairs of one score are taken together. */
export function recallAtPrecision(scored: readonly Scored[], precision: number): number {
  const ranked = [...scored].sort((a, b) => b.score - a.score);
  const same = ranked.filter(one => one.same).length;
  let right = 0;
  let best = 0;
  ranked.forEach((one, at) => {
    if (one.same) right += 1;
    if (ranked[at + 1]?.score !== one.score && right / (at + 1) >= precision) best = right;
  });
  return share(best, same);
}

/** 0 where there is nothing to have a share in. */
export function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** To four decimals. */
export function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

/** The value below which that share of all lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}

/** B-cubed F1 of clusters against the true ones, over the things that have a true one. */
export function bcubedF1(found: ReadonlyMap<string, string>, truth: ReadonlyMap<string, string>): number {
  const ids = [...truth.keys()];
  const sizes = (of: (id: string) => string) => {
    const counts = new Map<string, number>();
    for (const id of ids) counts.set(of(id), (counts.get(of(id)) ?? 0) + 1);
    return counts;
  };
  const foundOf = (id: string) => found.get(id) ?? id;
  const truthOf = (id: string) => truth.get(id) as string;
  const bothOf = (id: string) => `${foundOf(id)}\n${truthOf(id)}`;
  const [inFound, inTruth, inBoth] = [sizes(foundOf), sizes(truthOf), sizes(bothOf)];
  let precision = 0;
  let recall = 0;
  for (const id of ids) {
    const both = inBoth.get(bothOf(id)) as number;
    precision += both / (inFound.get(foundOf(id)) as number) / ids.length;
    recall += both / (inTruth.get(truthOf(id)) as number) / ids.length;
  }
  return share(2 * precision * recall, precision + recall);
}
