// The trained model of repeats: features of two appeals → probability that they are about one matter, and what decided.
import { FEATURES, type Feature, type Features } from './similarity.ts';

/** A split, or a leaf with what it adds. Places are those of the tree's own list. */
export type TreeNode = readonly [feature: number, cut: number, below: number, above: number] | readonly [adds: number];
export type Tree = readonly TreeNode[];

/** Figures that a model reached on pairs and messages it was not trained on. */
export type ModelFigures = Readonly<Record<string, number>>;

/** config/rules/repeats/weights.json: a linear part and a few small trees, whose probabilities are averaged. */
export interface RepeatModel {
  readonly version: string;
  /** Day on which it was trained. */
  readonly made: string;
  /** What it was trained on, in numbers. */
  readonly trainedOn: Readonly<Record<string, number>>;
  readonly figures: ModelFigures;
  /** Names of the features in the order of the trees' numbers. */
  readonly features: readonly string[];
  readonly linear: {
    readonly bias: number;
    readonly weights: Readonly<Record<string, number>>;
    /** Mean of each feature among the trained pairs: what a feature says is counted from there. */
    readonly means: Readonly<Record<string, number>>;
  };
  readonly trees: { readonly bias: number; readonly trees: readonly Tree[] };
}

/** How much the trees count for; the linear part keeps them from leaping. */
const TREES = 0.75;

/** A model as numbers in a row: every candidate of every message is weighed by it. */
interface Compiled {
  readonly weights: Float64Array;
  readonly means: Float64Array;
  /** Of each node: feature (-1 at a leaf), and the places of the nodes below and above the cut. */
  readonly splits: Int32Array;
  /** Of each node: the cut, at a leaf what it adds. */
  readonly cuts: Float64Array;
  /** Place of each tree's root. */
  readonly roots: Int32Array;
  /** What a tree is expected to add from each node on. */
  readonly expected: Float64Array;
}

const SPLIT = 3;
const LEAF = -1;
const compiled = new WeakMap<RepeatModel, Compiled>();

function compiledOf(model: RepeatModel): Compiled {
  const known = compiled.get(model);
  if (known !== undefined) return known;
  const made = compile(model);
  compiled.set(model, made);
  return made;
}

function compile({ linear, trees: { trees } }: RepeatModel): Compiled {
  const count = trees.reduce((sum, tree) => sum + tree.length, 0);
  const splits = new Int32Array(count * SPLIT).fill(LEAF);
  const cuts = new Float64Array(count);
  const expected = new Float64Array(count);
  const roots = new Int32Array(trees.length);
  let root = 0;
  for (const [place, tree] of trees.entries()) {
    roots[place] = root;
    // A split's nodes come behind it, so that from the last node on all below is known.
    for (let at = tree.length - 1; at >= 0; at--) {
      const node = tree[at] as TreeNode;
      cuts[root + at] = node.length === 1 ? node[0] : node[1];
      if (node.length > 1) splits.set([node[0], root + node[2]!, root + node[3]!], (root + at) * SPLIT);
      expected[root + at] = node.length === 1 ? node[0] : (expected[root + node[2]]! + expected[root + node[3]]!) / 2;
    }
    root += tree.length;
  }
  const listOf = (figures: Readonly<Record<string, number>>) =>
    Float64Array.from(FEATURES, feature => figures[feature] ?? 0);
  return { weights: listOf(linear.weights), means: listOf(linear.means), splits, cuts, roots, expected };
}

/** Features as the list the trees know. */
export function featureList(features: Features): Float64Array {
  const list = new Float64Array(FEATURES.length);
  for (let i = 0; i < FEATURES.length; i++) list[i] = features[FEATURES[i] as Feature];
  return list;
}

export function sigmoid(sum: number): number {
  return 1 / (1 + Math.exp(-sum));
}

/** Probability that two appeals are about one matter. */
export function probability(model: RepeatModel, features: Features): number {
  const list = featureList(features);
  const known = compiledOf(model);
  const linear = sigmoid(model.linear.bias + linearSum(known, list));
  return (1 - TREES) * linear + TREES * sigmoid(treeSum(model, list));
}

function linearSum({ weights }: Compiled, list: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < list.length; i++) sum += weights[i]! * list[i]!;
  return sum;
}

/** Log odds by the trees alone. */
export function treeSum(model: RepeatModel, list: Float64Array): number {
  const { splits, cuts, roots } = compiledOf(model);
  let sum = model.trees.bias;
  for (let tree = 0; tree < roots.length; tree++) {
    let node = roots[tree]!;
    let at = node * SPLIT;
    while (splits[at] !== LEAF) {
      node = splits[at + (list[splits[at]!]! < cuts[node]! ? 1 : 2)]!;
      at = node * SPLIT;
    }
    sum += cuts[node]!;
  }
  return sum;
}

/** What spoke for one matter (above nought) and against it, in the unit of the log odds, strongest first. */
export function contributions(model: RepeatModel, features: Features, max: number): readonly [Feature, number][] {
  const list = featureList(features);
  const known = compiledOf(model);
  const adds = list.map((value, i) => known.weights[i]! * (value - known.means[i]!) * (1 - TREES));
  for (const root of known.roots) addPath(known, root, { list, adds });
  return FEATURES.map((feature, i): [Feature, number] => [feature, adds[i]!])
    .filter(([, sum]) => Math.abs(sum) >= 0.05)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, max);
}

/** A tree's answer is what its root expects and what each split on the way changed of that. */
function addPath({ splits, cuts, expected }: Compiled, root: number, { list, adds }: Paths): void {
  let node = root;
  for (let feature = splits[node * SPLIT]!; feature !== LEAF; feature = splits[node * SPLIT]!) {
    const next = splits[node * SPLIT + (list[feature]! < cuts[node]! ? 1 : 2)]!;
    adds[feature]! += (expected[next]! - expected[node]!) * TREES;
    node = next;
  }
}

interface Paths {
  readonly list: Float64Array;
  /** What each feature adds; written to. */
  readonly adds: Float64Array;
}
