// The trained model of repeats: features of two appeals → probability that they are about one matter, and what decided.
import { FEATURES, type Feature, type Features } from './features.ts';

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
/** Log odds of the linear part below which the trees are not asked: of what it is so sure, none of them makes a link. */
const HOPELESS = -6;

/**
 * A model as numbers in a row: every candidate of every message is weighed by it. Trees are not walked, since each step
 * would hang on the one before and on a guess of the processor: of each feature the cuts that its value reaches are gone
 * through, and each takes from its tree the leaves below it; the first leaf left is the tree's answer (QuickScorer, Lucchese
 * and others, 2015).
 */
interface Compiled {
  readonly weights: Float64Array;
  readonly means: Float64Array;
  /** Where each feature's cuts begin; the last place is the end of all. */
  readonly begins: Int32Array;
  /** Rising within a feature. */
  readonly cuts: Float64Array;
  /** Of each cut: its tree, and the leaves that stay where the value reaches it, a bit each. */
  readonly treeOf: Int32Array;
  readonly stay: Int32Array;
  /** Where each tree's leaves begin, and what each leaf adds. */
  readonly leaves: Int32Array;
  readonly adds: Float64Array;
  /** Where each leaf's way begins, and the end of all; the features on it, and what each changed of what the tree was
   *  expected to add. */
  readonly ways: Int32Array;
  readonly wayFeatures: Int32Array;
  readonly changes: Float64Array;
  /** Leaves still possible in each tree; written anew by each look. */
  readonly left: Int32Array;
}

/** As many leaves as an Int32 has bits; the settings' schema holds trees to it. */
const LEAVES = 32;
const compiled = new WeakMap<RepeatModel, Compiled>();
let latest: { readonly model: RepeatModel; readonly made: Compiled } | null = null;

function compiledOf(model: RepeatModel): Compiled {
  if (latest?.model === model) return latest.made;
  const made = compiled.get(model) ?? compile(model);
  compiled.set(model, made);
  latest = { model, made };
  return made;
}

interface Cut {
  readonly feature: number;
  readonly cut: number;
  readonly tree: number;
  readonly stay: number;
}

function compile({ linear, trees: { trees } }: RepeatModel): Compiled {
  const cuts: Cut[] = [];
  const unfolded = trees.map((nodes, tree) => unfold(nodes, tree, cuts));
  cuts.sort((a, b) => a.feature - b.feature || a.cut - b.cut);
  const leaves = unfolded.flat();
  const steps = leaves.flatMap(leaf => leaf.way);
  const listOf = (figures: Readonly<Record<string, number>>) =>
    Float64Array.from(FEATURES, feature => figures[feature] ?? 0);
  return {
    weights: listOf(linear.weights),
    means: listOf(linear.means),
    begins: begins(FEATURES.map((_, feature) => cuts.filter(one => one.feature === feature).length)),
    cuts: Float64Array.from(cuts, one => one.cut),
    treeOf: Int32Array.from(cuts, one => one.tree),
    stay: Int32Array.from(cuts, one => one.stay),
    leaves: begins(unfolded.map(one => one.length)),
    adds: Float64Array.from(leaves, leaf => leaf.adds),
    ways: begins(leaves.map(leaf => leaf.way.length)),
    wayFeatures: Int32Array.from(steps, ([feature]) => feature),
    changes: Float64Array.from(steps, ([, change]) => change * TREES),
    left: new Int32Array(trees.length),
  };
}

/** Where each of lists in a row begins, by their lengths, and where the last ends. */
function begins(lengths: readonly number[]): Int32Array {
  const places = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => {
    places[i + 1] = places[i]! + length;
  });
  return places;
}

interface Leaf {
  readonly adds: number;
  readonly way: readonly (readonly [feature: number, change: number])[];
}

/** The leaves of a tree, the one below all cuts first; its cuts are added to `cuts`. */
function unfold(nodes: Tree, tree: number, cuts: Cut[]): readonly Leaf[] {
  const leaves: Leaf[] = [];
  const visit = (at: number, way: Leaf['way']): void => {
    const node = nodes[at] as TreeNode;
    if (node.length === 1) {
      if (leaves.length === LEAVES) throw new RangeError(`a tree of the model has more than ${LEAVES} leaves`);
      leaves.push({ adds: node[0], way });
      return;
    }
    const [feature, cut, below, above] = node;
    const expected = expects(nodes, at);
    const from = leaves.length;
    visit(below, [...way, [feature, expects(nodes, below) - expected]]);
    cuts.push({ feature, cut, tree, stay: ~bits(from, leaves.length) });
    visit(above, [...way, [feature, expects(nodes, above) - expected]]);
  };
  visit(0, []);
  return leaves;
}

/** Bits set from one place up to, but without, another. */
function bits(from: number, to: number): number {
  let set = 0;
  for (let bit = from; bit < to; bit++) set |= 1 << bit;
  return set;
}

/** What a tree is expected to add from a node on. */
function expects(nodes: Tree, at: number): number {
  const node = nodes[at] as TreeNode;
  return node.length === 1 ? node[0] : (expects(nodes, node[2]) + expects(nodes, node[3])) / 2;
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
  return probabilityOf(model, featureList(features));
}

/** The same from features in the order of `FEATURES`. */
export function probabilityOf(model: RepeatModel, list: Float64Array): number {
  const known = compiledOf(model);
  const sum = model.linear.bias + linearSum(known, list);
  const linear = sigmoid(sum);
  if (sum < HOPELESS) return (1 - TREES) * linear;
  return (1 - TREES) * linear + TREES * sigmoid(treeSum(model, list));
}

function linearSum({ weights }: Compiled, list: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < list.length; i++) sum += weights[i]! * list[i]!;
  return sum;
}

/** Log odds by the trees alone. */
export function treeSum(model: RepeatModel, list: Float64Array): number {
  const known = compiledOf(model);
  const { leaves, adds, left } = known;
  look(known, list);
  let sum = model.trees.bias;
  for (let tree = 0; tree < left.length; tree++) sum += adds[leaves[tree]! + firstOf(left[tree]!)]!;
  return sum;
}

/** Takes from each tree the leaves that the features rule out. */
function look({ begins, cuts, treeOf, stay, left }: Compiled, list: Float64Array): void {
  left.fill(-1);
  for (let feature = 0; feature < list.length; feature++) {
    const value = list[feature]!;
    const end = begins[feature + 1]!;
    for (let at = begins[feature]!; at < end && value >= cuts[at]!; at++) left[treeOf[at]!]! &= stay[at]!;
  }
}

/** Place of the lowest bit that is set. */
function firstOf(set: number): number {
  return 31 - Math.clz32(set & -set);
}

/** What spoke for one matter (above nought) and against it, in the unit of the log odds, strongest first. */
export function contributions(model: RepeatModel, list: Float64Array, max: number): readonly [Feature, number][] {
  const known = compiledOf(model);
  const { weights, means, leaves, left, ways, wayFeatures, changes } = known;
  for (let i = 0; i < list.length; i++) adds[i] = weights[i]! * (list[i]! - means[i]!) * (1 - TREES);
  look(known, list);
  // A tree's answer is what its root expects and what each split on the way changed of that.
  for (let tree = 0; tree < left.length; tree++) {
    const leaf = leaves[tree]! + firstOf(left[tree]!);
    for (let at = ways[leaf]!; at < ways[leaf + 1]!; at++) adds[wayFeatures[at]!]! += changes[at]!;
  }
  return strongest(max);
}

/** Below it a feature decided nothing. */
const TOO_LITTLE = 0.05;
/** What each feature adds. */
const adds = new Float64Array(FEATURES.length);

function strongest(max: number): readonly [Feature, number][] {
  const found: [Feature, number][] = [];
  while (found.length < max) {
    let best = -1;
    for (let i = 0; i < adds.length; i++) {
      const size = Math.abs(adds[i]!);
      if (size >= TOO_LITTLE && (best < 0 || size > Math.abs(adds[best]!))) best = i;
    }
    if (best < 0) break;
    found.push([FEATURES[best]!, adds[best]!]);
    adds[best] = 0;
  }
  return found;
}
