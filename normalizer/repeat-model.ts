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
  return (1 - TREES) * sigmoid(linearSum(model, list)) + TREES * sigmoid(treeSum(model, list));
}

function linearSum({ linear }: RepeatModel, list: Float64Array): number {
  let sum = linear.bias;
  for (let i = 0; i < FEATURES.length; i++) sum += (linear.weights[FEATURES[i] as Feature] ?? 0) * list[i]!;
  return sum;
}

/** Log odds by the trees alone. */
export function treeSum({ trees }: RepeatModel, list: Float64Array): number {
  let sum = trees.bias;
  for (const tree of trees.trees) {
    let node = tree[0] as TreeNode;
    while (node.length === 4) node = tree[list[node[0]]! < node[1] ? node[2] : node[3]] as TreeNode;
    sum += node[0];
  }
  return sum;
}

/** What spoke for one matter (above nought) and against it, in the unit of the log odds, strongest first. */
export function contributions(model: RepeatModel, features: Features, max: number): readonly [Feature, number][] {
  const list = featureList(features);
  const adds = new Float64Array(FEATURES.length);
  for (let i = 0; i < FEATURES.length; i++) {
    const name = FEATURES[i] as Feature;
    adds[i] = (model.linear.weights[name] ?? 0) * (list[i]! - (model.linear.means[name] ?? 0)) * (1 - TREES);
  }
  for (const tree of model.trees.trees) addPath(tree, list, adds);
  return [...adds]
    .map((sum, i): [Feature, number] => [FEATURES[i] as Feature, sum])
    .filter(([, sum]) => Math.abs(sum) >= 0.05)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, max);
}

/** A tree's answer is what its root expects and what each split on the way changed of that. */
function addPath(tree: Tree, list: Float64Array, adds: Float64Array): void {
  let at = 0;
  let node = tree[0] as TreeNode;
  while (node.length === 4) {
    const [feature, cut, below, above] = node;
    const next = list[feature]! < cut ? below : above;
    adds[feature]! += (expected(tree, next) - expected(tree, at)) * TREES;
    at = next;
    node = tree[at] as TreeNode;
  }
}

function expected(tree: Tree, at: number): number {
  const node = tree[at] as TreeNode;
  return node.length === 1 ? node[0] : (expected(tree, node[2]) + expected(tree, node[3])) / 2;
}
