// How alike two appeals are: figures with names a person can read, from terms, keys and times alone.
import type { Facts } from './facts.ts';
import { AT, FEATURES, type Feature, type Features } from './features.ts';
import { ReadyTerms, type SharedTerms, type TermSums } from './overlap.ts';
import { kindsOf, writePlaces } from './place-likeness.ts';
import { topicLikeness } from './topics.ts';

const DAY = 86_400_000;
const YEAR_DAYS = 365;
/** Appeals with fewer terms than this hold too little for the other figures to mean what they mean elsewhere. */
const BRIEF_TERMS = 30;
const YEAR = Math.log1p(YEAR_DAYS);
/** Lengths and counts are figures between 0 and 1 by their logarithm; these reach 1. */
const LONG = Math.log1p(4_000);
const MANY = Math.log1p(40);

/** Compares two appeals; the order of the two does not matter. For one with many there is `Comparison`. */
export function similarity(a: Facts, b: Facts): Features {
  const list = new Float64Array(FEATURES.length);
  single.take(a);
  single.compare(b, list);
  return Object.fromEntries(FEATURES.map((name, place) => [name, list[place]!])) as Record<Feature, number>;
}

/** One appeal made ready to be compared with many, each in about half a microsecond and without making anything. One
 *  instance serves one appeal after the other. */
export class Comparison {
  private readonly terms = new ReadyTerms();
  private facts: Facts = NO_FACTS;
  private lengthLog = 0;
  private placeKinds = 0;

  /** The appeal that is compared from now on. */
  take(facts: Facts): void {
    this.facts = facts;
    this.terms.take(facts);
    this.lengthLog = Math.log1p(facts.length);
    this.placeKinds = kindsOf(facts.placeKeys);
  }

  /** Writes the features of the two, in the order of `FEATURES`. */
  compare(b: Facts, into: Float64Array): void {
    const a = this.facts;
    into.fill(0);
    this.terms.compare(b);
    writeOverlap(this.terms, Math.min(a.terms.length, b.terms.length), into);
    writePlaces(a.placeKeys, b.placeKeys, this.placeKinds, into);
    writeTopics(a.topics, b.topics, into);
    writeTitleRuns(a.titleRuns, b.titleRuns, into);
    if (a.division !== null && b.division !== null) writeDivisions(a.division, b.division, into);
    const sameRequester = shareKey(a.requesterKeys, b.requesterKeys) ? 1 : 0;
    // Hours say nothing: what comes on one day is as near as what comes in one minute.
    const days = Math.max(1, Math.abs(a.acceptedAt - b.acceptedAt) / DAY);
    const apart = Math.min(1, Math.log1p(days) / YEAR);
    const otherLog = Math.log1p(b.length);
    const shorter = a.length <= b.length;
    into[AT.brief] = Math.min(a.terms.length, b.terms.length) < BRIEF_TERMS ? 1 : 0;
    into[AT.exact] = a.textHash === b.textHash && a.length === b.length && a.length > 0 ? 1 : 0;
    into[AT.sameRequester] = sameRequester;
    into[AT.days] = apart;
    into[AT.ownDays] = sameRequester * apart;
    into[AT.pastYear] = days > YEAR_DAYS ? 1 : 0;
    into[AT.lengthRatio] = ratio(a.length, b.length);
    into[AT.shorter] = Math.min(1, (shorter ? this.lengthLog : otherLog) / LONG);
    into[AT.longer] = Math.min(1, (shorter ? otherLog : this.lengthLog) / LONG);
  }
}

const NO_FACTS: Facts = {
  terms: new Uint32Array(0),
  weights: new Uint8Array(0),
  topics: new Int8Array(0),
  titleRuns: new Uint16Array(0),
  requesterKeys: [],
  placeKeys: new Uint32Array(0),
  division: null,
  textHash: 0,
  length: 0,
  acceptedAt: 0,
};

const single = new Comparison();

/** Terms that both appeals have, heaviest first: what `gramTexts` turns into words. */
export function sharedTerms(a: Facts, b: Facts, max: number): number[] {
  const most = Math.min(a.terms.length, b.terms.length);
  if (rankedTerms.length < most) rankedTerms = new Float64Array(most);
  const found = rankedTerms;
  let size = 0;
  let i = 0;
  let j = 0;
  while (i < a.terms.length && j < b.terms.length) {
    const left = a.terms[i]!;
    const right = b.terms[j]!;
    // One exact double ranks both: the weight below nought, and of equal weights the lower term first.
    if (left === right) found[size++] = left - a.weights[i]! * b.weights[j]! * TERM_RANGE;
    if (left <= right) i += 1;
    if (right <= left) j += 1;
  }
  found.subarray(0, size).sort();
  const terms: number[] = [];
  for (let at = 0; at < Math.min(size, max); at++) {
    const term = found[at]! % TERM_RANGE;
    terms.push(term < 0 ? term + TERM_RANGE : term);
  }
  return terms;
}

/** Written anew by each call. */
let rankedTerms = new Float64Array(64);
const TERM_RANGE = 0x1_0000_0000;

function writeOverlap({ own, other, shared }: ReadyTerms, fewer: number, into: Float64Array): void {
  const { common, dot, everydayDot, rare, inA, inB } = shared;
  if (common === 0) return;
  const cosine = cosineOf(dot, own.squares, other.squares);
  // What has no title, or one of set phrases only, is taken as a whole.
  const foundA = own.title === 0 ? inA / own.sum : shared.titleInA / own.title;
  const foundB = other.title === 0 ? inB / other.sum : shared.titleInB / other.title;
  into[AT.cosine] = cosine;
  into[AT.rootCosine] = Math.sqrt(cosine);
  // Weight of the terms found in the other: of the appeal that has more of it, and of the one that has less.
  into[AT.contained] = Math.max(inA / own.sum, inB / other.sum);
  into[AT.containedBoth] = Math.min(inA / own.sum, inB / other.sum);
  into[AT.shared] = common / fewer;
  into[AT.rare] = rare / (rare + 6);
  into[AT.strongest] = shared.strongest;
  // Cosine of the terms that are not everyday ones: names of places, people and things; and how many are shared.
  into[AT.names] = cosineOf(dot - everydayDot, own.squares - own.everyday, other.squares - other.everyday);
  into[AT.namesShared] = Math.min(1, Math.log1p(shared.names) / MANY);
  into[AT.everyday] = cosineOf(everydayDot, own.everyday, other.everyday);
  into[AT.titleCosine] = cosineOf(shared.titleDot, own.titleSquares, other.titleSquares);
  // Share of a title that the other appeal has, of the title found better and of the one found worse.
  into[AT.titleFound] = Math.max(foundA, foundB);
  into[AT.titleFoundBoth] = Math.min(foundA, foundB);
  writeFound(shared, own, other, into);
}

/** How much of the names of either the other has, and of the names and of the everyday words of its title. */
function writeFound(shared: SharedTerms, own: TermSums, other: TermSums, into: Float64Array): void {
  const namesA = part(shared.inA - shared.everydayInA, own.sum - own.everydaySum);
  const namesB = part(shared.inB - shared.everydayInB, other.sum - other.everydaySum);
  into[AT.namesFound] = Math.max(namesA, namesB);
  into[AT.namesFoundBoth] = Math.min(namesA, namesB);
  const titleA = part(shared.titleInA - shared.titleEverydayInA, own.title - own.titleEveryday);
  const titleB = part(shared.titleInB - shared.titleEverydayInB, other.title - other.titleEveryday);
  into[AT.titleNamesFound] = Math.max(titleA, titleB);
  into[AT.titleNamesFoundBoth] = Math.min(titleA, titleB);
  const everydayA = part(shared.titleEverydayInA, own.titleEveryday);
  const everydayB = part(shared.titleEverydayInB, other.titleEveryday);
  into[AT.titleEverydayFound] = Math.max(everydayA, everydayB);
  into[AT.titleEverydayFoundBoth] = Math.min(everydayA, everydayB);
}

function part(of: number, whole: number): number {
  return whole === 0 ? 0 : of / whole;
}

/** Both rise. What has no runs, a title of two characters or a ticket of before, is told by the pairs of its title. */
function writeTitleRuns(a: Uint16Array, b: Uint16Array, into: Float64Array): void {
  if (a.length === 0 || b.length === 0) {
    into[AT.titleRuns] = into[AT.titleFound]!;
    into[AT.titleRunsBoth] = into[AT.titleFoundBoth]!;
    return;
  }
  let common = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const left = a[i]!;
    const right = b[j]!;
    if (left === right) common += 1;
    if (left <= right) i += 1;
    if (right <= left) j += 1;
  }
  into[AT.titleRuns] = common / Math.min(a.length, b.length);
  into[AT.titleRunsBoth] = common / Math.max(a.length, b.length);
}

function cosineOf(dot: number, squaresA: number, squaresB: number): number {
  return squaresA === 0 || squaresB === 0 ? 0 : Math.min(1, dot / Math.sqrt(squaresA * squaresB));
}

function writeTopics(a: Int8Array, b: Int8Array, into: Float64Array): void {
  const { whole, titles, crossed } = topicLikeness(a, b);
  into[AT.topics] = whole;
  into[AT.titleTopics] = titles;
  into[AT.crossedTopics] = crossed;
}

/** Codes of divisions end with noughts where they name a whole city or province: one within the other is no conflict. */
function writeDivisions(a: string, b: string, into: Float64Array): void {
  if (a === b) into[AT.divisionSame] = 1;
  else if (!isWithin(a, b) && !isWithin(b, a)) into[AT.divisionOther] = 1;
}

function isWithin(whole: string, part: string): boolean {
  let end = whole.length;
  while (end > 0 && whole.charCodeAt(end - 1) === NOUGHT) end -= 1;
  // A single nought belongs to the code.
  if (end === whole.length - 1) end = whole.length;
  for (let at = 0; at < end; at++) if (part.charCodeAt(at) !== whole.charCodeAt(at)) return false;
  return true;
}

const NOUGHT = 48;

function shareKey(a: readonly string[], b: readonly string[]): boolean {
  for (const key of a) if (b.includes(key)) return true;
  return false;
}

function ratio(a: number, b: number): number {
  const longer = Math.max(a, b);
  return longer === 0 ? 1 : Math.min(a, b) / longer;
}
