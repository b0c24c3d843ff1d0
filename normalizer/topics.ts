// What an appeal is about as a few figures: everyday pairs of characters that are used alike lie near each other.
import { pairHash } from './grams.ts';

/** The shipped model, config/rules/repeats/topics.json: everyday pairs of characters and where each lies. */
export interface TopicData {
  readonly version: string;
  readonly dimensions: number;
  /** All pairs, one after the other. */
  readonly pairs: string;
  /** Base64 of one signed byte a dimension, pair by pair. */
  readonly vectors: string;
}

/** Made once from its data by `topicModel`; a look-up costs a few nanoseconds. */
export interface TopicModel {
  readonly dimensions: number;
  /** Hash of a pair and its row, in an open table of a power of two. */
  readonly slots: Uint32Array;
  readonly vectors: Int8Array;
}

const NONE = 0xffff_ffff;
/** Length of a stored vector: its figures are bytes, and products of two stay within 127². */
const LENGTH = 127;

export function topicModel({ dimensions, pairs, vectors }: TopicData): TopicModel {
  const count = pairs.length / 2;
  const size = 1 << Math.ceil(Math.log2(Math.max(16, count * 3)));
  const slots = new Uint32Array(size * 2).fill(NONE);
  for (let row = 0; row < count; row++) {
    const hash = pairHash(pairs.slice(row * 2, row * 2 + 2));
    let slot = hash & (size - 1);
    while (slots[slot * 2 + 1] !== NONE) slot = (slot + 1) & (size - 1);
    slots[slot * 2] = hash;
    slots[slot * 2 + 1] = row;
  }
  return { dimensions, slots, vectors: bytesOf(vectors) };
}

function bytesOf(base64: string): Int8Array {
  const binary = atob(base64);
  return Int8Array.from(binary, character => character.charCodeAt(0));
}

/** Sums up the grams of one appeal. */
export interface TopicSum {
  /** Answers whether the gram is an everyday one. */
  add(hash: number, times: number, titled: boolean): boolean;
  /** Whole appeal, then title; each of length 127, or nought where nothing everyday was said. */
  vectors(): Int8Array;
}

/** Without a model nothing is everyday, and there are no vectors. One sum at a time: the next one begins anew. */
export function startTopics(model: TopicModel | null): TopicSum {
  if (model === null) return NO_TOPICS;
  const sum = sums.get(model) ?? new Sum(model);
  sums.set(model, sum);
  sum.clear();
  return sum;
}

class Sum implements TopicSum {
  private readonly model: TopicModel;
  private readonly whole: Float32Array;
  private readonly title: Float32Array;

  constructor(model: TopicModel) {
    this.model = model;
    this.whole = new Float32Array(model.dimensions);
    this.title = new Float32Array(model.dimensions);
  }

  clear(): void {
    this.whole.fill(0);
    this.title.fill(0);
  }

  add(hash: number, times: number, titled: boolean): boolean {
    const { dimensions, slots, vectors } = this.model;
    const mask = slots.length / 2 - 1;
    let slot = hash & mask;
    let row = slots[slot * 2 + 1]!;
    while (row !== NONE && slots[slot * 2] !== hash) {
      slot = (slot + 1) & mask;
      row = slots[slot * 2 + 1]!;
    }
    if (row === NONE) return false;
    const { whole, title } = this;
    for (let at = row * dimensions, i = 0; i < dimensions; i++, at++) {
      const figure = vectors[at]!;
      whole[i]! += times * figure;
      if (titled) title[i]! += figure;
    }
    return true;
  }

  vectors(): Int8Array {
    const { dimensions } = this.model;
    const both = new Int8Array(dimensions * 2);
    scale(this.whole, both, 0);
    scale(this.title, both, dimensions);
    return both;
  }
}

const sums = new WeakMap<TopicModel, Sum>();
const NOTHING = new Int8Array(0);
const NO_TOPICS: TopicSum = { add: () => false, vectors: () => NOTHING };

function scale(sum: Float32Array, into: Int8Array, from: number): void {
  let squares = 0;
  for (let i = 0; i < sum.length; i++) squares += sum[i]! * sum[i]!;
  if (squares === 0) return;
  const factor = LENGTH / Math.sqrt(squares);
  for (let i = 0; i < sum.length; i++) into[from + i] = Math.round(sum[i]! * factor);
}

export interface TopicLikeness {
  /** Cosines of the whole appeals, of the titles, and the better one of a title with the other's whole. */
  readonly whole: number;
  readonly titles: number;
  readonly crossed: number;
}

const UNLIKE: TopicLikeness = { whole: 0, titles: 0, crossed: 0 };

/** How near two appeals' topics lie; nought where one of them has none. */
export function topicLikeness(a: Int8Array, b: Int8Array): TopicLikeness {
  if (a.length === 0 || a.length !== b.length) return UNLIKE;
  const half = a.length / 2;
  let whole = 0;
  let titles = 0;
  let first = 0;
  let second = 0;
  for (let i = 0; i < half; i++) {
    const wholeA = a[i]!;
    const wholeB = b[i]!;
    const titleA = a[half + i]!;
    const titleB = b[half + i]!;
    whole += wholeA * wholeB;
    titles += titleA * titleB;
    first += titleA * wholeB;
    second += wholeA * titleB;
  }
  return { whole: cosine(whole), titles: cosine(titles), crossed: cosine(Math.max(first, second)) };
}

function cosine(product: number): number {
  return Math.max(0, Math.min(1, product / (LENGTH * LENGTH)));
}
