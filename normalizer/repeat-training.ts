// Trains the model of repeats on labelled pairs: a logistic regression and boosted trees. No clock, no chance:
// the same examples give the same model.

import { FEATURES, type Features } from './features.ts';
import { featureList, type RepeatModel, sigmoid, type Tree, type TreeNode, treeSum } from './repeat-model.ts';

/** A labelled pair. */
export interface Example {
  readonly features: Features;
  readonly same: boolean;
  /** How much it counts beside the others; default 1. */
  readonly weight?: number;
}

export interface TrainingOptions {
  readonly trees: number;
  readonly depth: number;
  readonly rate: number;
  /** Strength of the pull towards nought of the linear weights. */
  readonly ridge: number;
}

const TRAINING_DEFAULTS: TrainingOptions = { trees: 120, depth: 5, rate: 0.06, ridge: 5 };

/** For a model that goes on from another. */
const FURTHER_DEFAULTS: TrainingOptions = { trees: 40, depth: 2, rate: 0.06, ridge: 20 };

/** Fewer say nothing that could be trusted. */
const LEAST_EXAMPLES = 20;

const WIDTH = FEATURES.length;
const LEAF_PULL = 2;
const LEAST_WEIGHT = 4;
const LEAST_GAIN = 0.5;
const CUTS = 31;
const ROWS_SHARE = 0.7;
const FEATURES_SHARE = 0.7;
const DECIMALS = 10_000;

/** What both parts of a model need of the examples. */
interface Table {
  readonly rows: readonly Float64Array[];
  readonly same: Float64Array;
  readonly counts: Float64Array;
}

/**
 * @param base a model that goes on: weights are drawn towards its own, and new trees stand on its answers, so that a few
 *   examples do not undo what it learnt from many. Null: from nothing
 * @throws RangeError when there are too few examples, or all of one kind
 */
export function trainParts(
  examples: readonly Example[],
  base: RepeatModel | null = null,
  options: TrainingOptions = base === null ? TRAINING_DEFAULTS : FURTHER_DEFAULTS,
): Pick<RepeatModel, 'features' | 'linear' | 'trees'> {
  const positives = examples.filter(one => one.same).length;
  if (examples.length < LEAST_EXAMPLES || positives < 5 || examples.length - positives < 5) {
    throw new RangeError(`${examples.length} pairs, ${positives} of them the same, are too few to train on`);
  }
  const table: Table = {
    rows: examples.map(one => featureList(one.features)),
    same: Float64Array.from(examples, one => (one.same ? 1 : 0)),
    counts: Float64Array.from(examples, one => one.weight ?? 1),
  };
  return { features: FEATURES, linear: linearOf(table, options.ridge, base), trees: treesOf(table, options, base) };
}

function linearOf({ rows, same, counts }: Table, ridge: number, base: RepeatModel | null): RepeatModel['linear'] {
  const { means, scales } = standard(rows);
  const scaled = rows.map(row => [1, ...row.map((value, i) => (value - means[i]!) / scales[i]!)]);
  const towards = new Array<number>(WIDTH + 1).fill(0);
  if (base !== null) {
    towards[0] = base.linear.bias;
    FEATURES.forEach((name, i) => {
      towards[i + 1] = (base.linear.weights[name] ?? 0) * scales[i]!;
      towards[0]! += (base.linear.weights[name] ?? 0) * means[i]!;
    });
  }
  const beta = newton(scaled, same, counts, { ridge, towards });
  const weights: Record<string, number> = {};
  let bias = beta[0]!;
  FEATURES.forEach((name, i) => {
    const weight = beta[i + 1]! / scales[i]!;
    weights[name] = rounded(weight);
    bias -= weight * means[i]!;
  });
  return {
    bias: rounded(bias),
    weights,
    means: base?.linear.means ?? Object.fromEntries(FEATURES.map((name, i) => [name, rounded(means[i]!)])),
  };
}

function standard(rows: readonly Float64Array[]) {
  const means = new Float64Array(WIDTH);
  const scales = new Float64Array(WIDTH);
  for (const row of rows) for (let i = 0; i < WIDTH; i++) means[i]! += row[i]! / rows.length;
  for (const row of rows) for (let i = 0; i < WIDTH; i++) scales[i]! += (row[i]! - means[i]!) ** 2 / rows.length;
  for (let i = 0; i < WIDTH; i++) scales[i] = Math.sqrt(scales[i]!) || 1;
  return { means, scales };
}

/** Newton's method on the log likelihood, penalised by the distance from where the weights are drawn to; the bias is free. */
function newton(
  rows: readonly (readonly number[])[],
  same: Float64Array,
  counts: Float64Array,
  { ridge, towards }: { readonly ridge: number; readonly towards: readonly number[] },
): number[] {
  const size = WIDTH + 1;
  const beta = [...towards];
  for (let round = 0; round < 60; round++) {
    const gradient = new Array<number>(size).fill(0);
    const hessian = Array.from({ length: size }, () => new Array<number>(size).fill(0));
    rows.forEach((row, at) => {
      let sum = 0;
      for (let j = 0; j < size; j++) sum += beta[j]! * row[j]!;
      const guess = sigmoid(sum);
      const error = counts[at]! * (guess - same[at]!);
      const spread = counts[at]! * Math.max(1e-6, guess * (1 - guess));
      for (let j = 0; j < size; j++) {
        gradient[j]! += error * row[j]!;
        const line = hessian[j]!;
        for (let k = 0; k <= j; k++) line[k]! += spread * row[j]! * row[k]!;
      }
    });
    for (let j = 0; j < size; j++) {
      for (let k = 0; k < j; k++) hessian[k]![j] = hessian[j]![k]!;
      if (j > 0) gradient[j]! += ridge * (beta[j]! - towards[j]!);
      hessian[j]![j]! += j > 0 ? ridge : 1e-9;
    }
    const step = solved(hessian, gradient);
    for (let j = 0; j < size; j++) beta[j]! -= step[j]!;
    if (step.every(one => Math.abs(one) < 1e-7)) break;
  }
  return beta;
}

/** Gauss and Jordan, with the greatest pivot. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const size = right.length;
  const lines = matrix.map((line, i) => [...line, right[i]!]);
  for (let i = 0; i < size; i++) {
    let pivot = i;
    for (let r = i + 1; r < size; r++) if (Math.abs(lines[r]![i]!) > Math.abs(lines[pivot]![i]!)) pivot = r;
    [lines[i], lines[pivot]] = [lines[pivot]!, lines[i]!];
    for (let r = 0; r < size; r++) {
      const factor = r === i ? 0 : lines[r]![i]! / lines[i]![i]!;
      if (factor !== 0) for (let c = i; c <= size; c++) lines[r]![c]! -= factor * lines[i]![c]!;
    }
  }
  return lines.map((line, i) => line[size]! / line[i]!);
}

/** What growing a tree needs. */
interface Growing {
  readonly bins: readonly Uint8Array[];
  readonly cuts: readonly (readonly number[])[];
  readonly gradients: Float64Array;
  readonly spreads: Float64Array;
  readonly columns: readonly number[];
  readonly options: TrainingOptions;
  readonly nodes: (TreeNode | null)[];
}

function treesOf(
  { rows, same, counts }: Table,
  options: TrainingOptions,
  base: RepeatModel | null,
): RepeatModel['trees'] {
  const whole = counts.reduce((sum, one) => sum + one, 0);
  const positives = same.reduce((sum, one, i) => sum + one * counts[i]!, 0);
  const bias = base?.trees.bias ?? Math.log((positives + 1) / (whole - positives + 1));
  const cuts = Array.from({ length: WIDTH }, (_, feature) => cutsOf(rows, feature));
  const bins = rows.map(row => Uint8Array.from(row, (value, feature) => binOf(cuts[feature]!, value)));
  const sums = Float64Array.from(rows, row => (base === null ? bias : treeSum(base, row)));
  const random = drawing(1);
  const trees: Tree[] = [...(base?.trees.trees ?? [])];
  for (let round = 0; round < options.trees; round++) {
    const gradients = sums.map((sum, i) => counts[i]! * (sigmoid(sum) - same[i]!));
    const spreads = sums.map((sum, i) => counts[i]! * sigmoid(sum) * (1 - sigmoid(sum)));
    const chosen = rows.map((_, i) => i).filter(() => random() < ROWS_SHARE);
    const columns = FEATURES.map((_, i) => i).filter(() => random() < FEATURES_SHARE);
    const nodes: (TreeNode | null)[] = [];
    grow({ bins, cuts, gradients, spreads, columns, options, nodes }, chosen, 0);
    const tree = nodes as TreeNode[];
    rows.forEach((row, i) => {
      sums[i]! += answerOf(tree, row);
    });
    trees.push(tree);
  }
  return { bias: rounded(bias), trees };
}

function grow(growing: Growing, members: readonly number[], depth: number): number {
  const { nodes, options, cuts, bins } = growing;
  const place = nodes.push(null) - 1;
  const { gradient, spread } = totals(growing, members);
  const split = depth < options.depth ? bestSplit(growing, members, gradient, spread) : null;
  if (split === null) {
    nodes[place] = [rounded((-options.rate * gradient) / (spread + LEAF_PULL))];
    return place;
  }
  const { feature, bin } = split;
  const below = grow(
    growing,
    members.filter(i => bins[i]![feature]! <= bin),
    depth + 1,
  );
  const above = grow(
    growing,
    members.filter(i => bins[i]![feature]! > bin),
    depth + 1,
  );
  nodes[place] = [feature, cuts[feature]![bin]!, below, above];
  return place;
}

function totals({ gradients, spreads }: Growing, members: readonly number[]) {
  let gradient = 0;
  let spread = 0;
  for (const i of members) {
    gradient += gradients[i]!;
    spread += spreads[i]!;
  }
  return { gradient, spread };
}

function bestSplit(growing: Growing, members: readonly number[], gradient: number, spread: number) {
  const { bins, cuts, gradients, spreads, columns } = growing;
  let best: { readonly feature: number; readonly bin: number; readonly gain: number } | null = null;
  if (spread < 2 * LEAST_WEIGHT) return null;
  const whole = (gradient * gradient) / (spread + LEAF_PULL);
  for (const feature of columns) {
    const count = cuts[feature]!.length + 1;
    const g = new Float64Array(count);
    const h = new Float64Array(count);
    for (const i of members) {
      const bin = bins[i]![feature]!;
      g[bin]! += gradients[i]!;
      h[bin]! += spreads[i]!;
    }
    let left = 0;
    let weight = 0;
    for (let bin = 0; bin < count - 1; bin++) {
      left += g[bin]!;
      weight += h[bin]!;
      if (weight < LEAST_WEIGHT || spread - weight < LEAST_WEIGHT) continue;
      const right = gradient - left;
      const gain = (left * left) / (weight + LEAF_PULL) + (right * right) / (spread - weight + LEAF_PULL) - whole;
      if (gain >= LEAST_GAIN && (best === null || gain > best.gain)) best = { feature, bin, gain };
    }
  }
  return best;
}

function answerOf(tree: Tree, row: Float64Array): number {
  let node = tree[0] as TreeNode;
  while (node.length === 4) node = tree[row[node[0]]! < node[1] ? node[2] : node[3]] as TreeNode;
  return node[0];
}

/** Places at which a feature may be cut: between its values where they are few, else at equal shares. */
function cutsOf(rows: readonly Float64Array[], feature: number): number[] {
  const values = rows.map(row => row[feature]!).sort((a, b) => a - b);
  const distinct = values.filter((value, i) => i === 0 || value !== values[i - 1]);
  if (distinct.length <= CUTS) return distinct.slice(1).map((value, i) => rounded((value + distinct[i]!) / 2));
  const cuts = new Set<number>();
  for (let step = 1; step <= CUTS; step++) {
    const value = rounded(values[Math.floor((step * values.length) / (CUTS + 1))]!);
    if (value > values[0]!) cuts.add(value);
  }
  return [...cuts];
}

function binOf(cuts: readonly number[], value: number): number {
  let bin = 0;
  while (bin < cuts.length && value >= cuts[bin]!) bin += 1;
  return bin;
}

function rounded(value: number): number {
  return Math.round(value * DECIMALS) / DECIMALS;
}

/** A fixed sequence between 0 and 1: what is drawn for a training must be the same in every run. */
export function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}
