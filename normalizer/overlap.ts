// Which terms two appeals share, and what the shared ones weigh: one appeal is made ready once and compared with many.
import type { Facts } from './facts.ts';
import { EVERYDAY_TERM, TITLE_TERM } from './terms.ts';

/** What an appeal's terms weigh in all. */
export interface TermSums {
  sum: number;
  squares: number;
  /** Of the squares, what everyday terms make. */
  everyday: number;
  title: number;
  titleSquares: number;
  /** Of the sum, and of the title's, what everyday terms make. */
  everydaySum: number;
  titleEveryday: number;
}

/** What the terms weigh that both appeals have. Written anew by each comparison. */
export interface SharedTerms {
  /** How many there are, and how many of them are no everyday ones. */
  common: number;
  names: number;
  /** Products of the weights: of all, of everyday terms, and of those both titles have. */
  dot: number;
  everydayDot: number;
  titleDot: number;
  /** The lesser weight of each, as a share of the heaviest there can be. */
  rare: number;
  /** Weight of the shared terms in either appeal, and of those in its title. */
  inA: number;
  inB: number;
  titleInA: number;
  titleInB: number;
  /** The same of everyday terms alone. */
  everydayInA: number;
  everydayInB: number;
  titleEverydayInA: number;
  titleEverydayInB: number;
  /** The five heaviest. */
  strongest: number;
}

const STRONGEST = 5;
const HEAVIEST = 63;
/** Slots a term: a look-up of a term that is not there should find its slot free. */
const SPARSE = 16;
const LEAST_SLOTS = 1024;

/** The terms of one appeal, found by their value in a table. */
export class ReadyTerms {
  readonly own: TermSums = noSums();
  /** Of the appeal compared last. */
  readonly other: TermSums = noSums();
  readonly shared: SharedTerms = {
    common: 0,
    names: 0,
    dot: 0,
    everydayDot: 0,
    titleDot: 0,
    rare: 0,
    inA: 0,
    inB: 0,
    titleInA: 0,
    titleInB: 0,
    everydayInA: 0,
    everydayInB: 0,
    titleEverydayInA: 0,
    titleEverydayInB: 0,
    strongest: 0,
  };
  private terms: Uint32Array = new Uint32Array(0);
  private weights: Uint8Array = new Uint8Array(0);
  /** One more than a term's place; 0 where the slot is free. */
  private places = new Uint16Array(LEAST_SLOTS);
  private readonly best = new Float64Array(STRONGEST);

  /** Makes another appeal ready. */
  take({ terms, weights }: Pick<Facts, 'terms' | 'weights'>): void {
    this.terms = terms;
    this.weights = weights;
    if (terms.length * SPARSE > this.places.length)
      this.places = new Uint16Array(1 << Math.ceil(Math.log2(terms.length * SPARSE)));
    else this.places.fill(0);
    const { places } = this;
    const mask = places.length - 1;
    for (let at = 0; at < terms.length; at++) {
      let slot = terms[at]! & mask;
      while (places[slot] !== 0) slot = (slot + 1) & mask;
      places[slot] = at + 1;
    }
    addUp(weights, this.own);
  }

  /** Compares it with another: fills `shared` and `other`. */
  compare({ terms, weights }: Pick<Facts, 'terms' | 'weights'>): void {
    addUp(weights, this.other);
    const { places, shared, best } = this;
    const ownTerms = this.terms;
    const ownWeights = this.weights;
    const mask = places.length - 1;
    let common = 0;
    let names = 0;
    let dot = 0;
    let everydayDot = 0;
    let titleDot = 0;
    let rare = 0;
    let inA = 0;
    let inB = 0;
    let titleInA = 0;
    let titleInB = 0;
    let everydayInA = 0;
    let everydayInB = 0;
    let titleEverydayInA = 0;
    let titleEverydayInB = 0;
    best.fill(0);
    for (let at = 0; at < terms.length; at++) {
      const term = terms[at]!;
      let slot = term & mask;
      let place = places[slot]!;
      while (place !== 0 && ownTerms[place - 1] !== term) {
        slot = (slot + 1) & mask;
        place = places[slot]!;
      }
      if (place === 0) continue;
      const flagsA = ownWeights[place - 1]!;
      const flagsB = weights[at]!;
      const wa = flagsA >>> 2;
      const wb = flagsB >>> 2;
      const product = wa * wb;
      dot += product;
      inA += wa;
      inB += wb;
      const least = Math.min(wa, wb) / HEAVIEST;
      rare += least;
      common += 1;
      if (least > best[0]!) keepBest(best, least);
      const everyday = (flagsA & EVERYDAY_TERM) !== 0;
      if (everyday) {
        everydayDot += product;
        everydayInA += wa;
        everydayInB += wb;
      } else names += 1;
      if ((flagsA & TITLE_TERM) !== 0) {
        titleInA += wa;
        if (everyday) titleEverydayInA += wa;
      }
      if ((flagsB & TITLE_TERM) !== 0) {
        titleInB += wb;
        if (everyday) titleEverydayInB += wb;
      }
      if ((flagsA & flagsB & TITLE_TERM) !== 0) titleDot += product;
    }
    shared.common = common;
    shared.names = names;
    shared.dot = dot;
    shared.everydayDot = everydayDot;
    shared.titleDot = titleDot;
    shared.rare = rare;
    shared.inA = inA;
    shared.inB = inB;
    shared.titleInA = titleInA;
    shared.titleInB = titleInB;
    shared.everydayInA = everydayInA;
    shared.everydayInB = everydayInB;
    shared.titleEverydayInA = titleEverydayInA;
    shared.titleEverydayInB = titleEverydayInB;
    shared.strongest = (best[0]! + best[1]! + best[2]! + best[3]! + best[4]!) / STRONGEST;
  }
}

/** Keeps the five greatest, the least of them first. */
function keepBest(best: Float64Array, value: number): void {
  let at = 0;
  while (at + 1 < STRONGEST && value > best[at + 1]!) {
    best[at] = best[at + 1]!;
    at += 1;
  }
  best[at] = value;
}

function noSums(): TermSums {
  return { sum: 0, squares: 0, everyday: 0, title: 0, titleSquares: 0, everydaySum: 0, titleEveryday: 0 };
}

function addUp(weights: Uint8Array, into: TermSums): void {
  let sum = 0;
  let squares = 0;
  let everyday = 0;
  let title = 0;
  let titleSquares = 0;
  let everydaySum = 0;
  let titleEveryday = 0;
  for (let at = 0; at < weights.length; at++) {
    const flags = weights[at]!;
    const weight = flags >>> 2;
    const square = weight * weight;
    sum += weight;
    squares += square;
    // Flags are as good as tossed coins here: counted without a branch.
    const daily = flags & EVERYDAY_TERM;
    everyday += daily * square;
    everydaySum += daily * weight;
    const titled = (flags & TITLE_TERM) >>> 1;
    titleEveryday += daily * titled * weight;
    title += titled * weight;
    titleSquares += titled * square;
  }
  into.sum = sum;
  into.squares = squares;
  into.everyday = everyday;
  into.title = title;
  into.titleSquares = titleSquares;
  into.everydaySum = everydaySum;
  into.titleEveryday = titleEveryday;
}
