// Linear classifiers, one a class against all others, by dual coordinate descent (squared hinge loss). Deterministic.

/** One text as the trainer sees it: places and values of what is not nought. */
export interface SparseRow {
  readonly places: Uint32Array;
  readonly values: Float32Array;
}

export interface LinearClassifiers {
  /** By class, then by place. */
  readonly weights: readonly Float64Array[];
  readonly bias: readonly number[];
}

const ROUNDS = 60;
/** Stops when no step of a round changed anything by more than this. */
const STILL = 0.02;

/** A generator of whole numbers; the same seed gives the same run. */
function draws(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

function shuffle(order: Uint32Array, draw: (below: number) => number): void {
  for (let at = order.length - 1; at > 0; at--) {
    const other = draw(at + 1);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
}

/** One class against the others. @param cost how much a row on the wrong side costs beside large weights */
function oneClass(rows: readonly SparseRow[], wanted: (row: number) => boolean, size: number, cost: number) {
  const weights = new Float64Array(size + 1);
  const alphas = new Float64Array(rows.length);
  const lengths = Float64Array.from(rows, ({ values }) => values.reduce((sum, value) => sum + value * value, 1));
  const softness = 1 / (2 * cost);
  const order = Uint32Array.from(rows, (_, at) => at);
  const draw = draws(20_201);
  for (let round = 0; round < ROUNDS; round++) {
    shuffle(order, draw);
    let most = 0;
    for (const at of order) {
      const { places, values } = rows[at]!;
      const sign = wanted(at) ? 1 : -1;
      let margin = weights[size]!;
      for (let i = 0; i < places.length; i++) margin += weights[places[i]!]! * values[i]!;
      const slope = sign * margin - 1 + alphas[at]! * softness;
      const next = Math.max(0, alphas[at]! - slope / (lengths[at]! + softness));
      const step = (next - alphas[at]!) * sign;
      if (step === 0) continue;
      most = Math.max(most, Math.abs(alphas[at]! === 0 ? Math.min(slope, 0) : slope));
      alphas[at] = next;
      weights[size]! += step;
      for (let i = 0; i < places.length; i++) weights[places[i]!]! += step * values[i]!;
    }
    if (most < STILL) break;
  }
  return { weights: weights.subarray(0, size), bias: weights[size]! };
}

/** @param labels class of each row, by place in `classes` order; @param size how many places there are */
export function trainClassifiers(
  rows: readonly SparseRow[],
  labels: readonly number[],
  classes: number,
  size: number,
  cost: number,
): LinearClassifiers {
  const trained = Array.from({ length: classes }, (_, wanted) =>
    oneClass(rows, at => labels[at] === wanted, size, cost),
  );
  return { weights: trained.map(({ weights }) => weights), bias: trained.map(({ bias }) => bias) };
}
