// How alike two appeals are: figures with names a person can read, from terms, keys and times alone.
import type { Facts } from './facts.ts';
import { ReadyTerms, type SharedTerms, type TermSums } from './overlap.ts';
import type { Place } from './ticket.ts';
import { topicLikeness } from './topics.ts';

const DAY = 86_400_000;
const YEAR_DAYS = 365;
/** Appeals with fewer terms than this hold too little for the other figures to mean what they mean elsewhere. */
const BRIEF_TERMS = 30;
const YEAR = Math.log1p(YEAR_DAYS);
/** Lengths and counts are figures between 0 and 1 by their logarithm; these reach 1. */
const LONG = Math.log1p(4_000);
const MANY = Math.log1p(40);

/** Names of the features, in the order in which a model's trees know them: new ones come last, so that a model of before
 *  knows its own still. All lie between 0 and 1. */
export const FEATURES = [
  'cosine',
  'rootCosine',
  'contained',
  'containedBoth',
  'shared',
  'rare',
  'strongest',
  'names',
  'namesShared',
  'everyday',
  'titleCosine',
  'titleFound',
  'titleFoundBoth',
  'topics',
  'titleTopics',
  'crossedTopics',
  'brief',
  'exact',
  'placeSame',
  'placeOther',
  'areaOther',
  'topicSame',
  'topicOther',
  'divisionSame',
  'divisionOther',
  'districtSame',
  'districtOther',
  'districtStray',
  'titleDistrictSame',
  'titleDistrictOther',
  'cityOther',
  'sameRequester',
  'days',
  'ownDays',
  'pastYear',
  'lengthRatio',
  'shorter',
  'longer',
  'namesFound',
  'namesFoundBoth',
  'titleNamesFound',
  'titleNamesFoundBoth',
  'titleEverydayFound',
  'titleEverydayFoundBoth',
  'titleRuns',
  'titleRunsBoth',
] as const;
export type Feature = (typeof FEATURES)[number];
export type Features = Readonly<Record<Feature, number>>;

/** Place of each feature in a list of them. */
export const AT = Object.fromEntries(FEATURES.map((name, place) => [name, place])) as Readonly<Record<Feature, number>>;

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

/** Title and content, in which districts are looked for that no rule names (`A3区`, `B市`). */
export interface SaidText {
  readonly title: string;
  readonly content: string;
}

/** Names to compare by: of the scene (road, road or estate with house number, estate), the subject complained of, the
 *  codes of what the appeal is about, widest first, and the lettered districts of title and content. */
export function placeKeysOf(
  place: Place,
  subject: string | null,
  category: readonly string[] = [],
  said: SaidText | null = null,
): string[] {
  const keys: string[] = [];
  const road = canonical(place.road);
  const house = canonical(place.houseNumber).replace(INSIDE, '');
  const estate = canonical(place.estate).replace(ESTATE_TAIL, '');
  const named = canonical(subject).replace(COMPANY_TAIL, '');
  if (road !== '') keys.push(`road:${road}`);
  if (house !== '' && (road !== '' || estate !== '')) keys.push(`house:${estate === '' ? road : estate}:${house}`);
  if (estate !== '') keys.push(`estate:${estate}`);
  if (named.length >= 2) keys.push(`subject:${named}`);
  if (category[0] !== undefined) keys.push(`area:${category[0]}`);
  if (category[1] !== undefined) keys.push(`topic:${category[1]}`);
  if (said !== null) {
    for (const name of lettered(said.title)) keys.push(`headline:${name}`, `district:${name}`);
    for (const name of lettered(said.content)) keys.push(`district:${name}`);
  }
  return [...new Set(keys)];
}

/** `A3区`, `B市`: a zone of an estate or a district by its letter, which a list of places does not hold. */
const LETTERED = /(?<![A-Za-z0-9])[A-Za-z]\d{0,2}[市区县](?![域别委府])/g;
const MOST_LETTERED = 8;

function lettered(text: string): Set<string> {
  const names = new Set<string>();
  for (const [name] of text.matchAll(LETTERED)) {
    names.add(name.toLowerCase());
    if (names.size >= MOST_LETTERED) break;
  }
  return names;
}

const KEY_PREFIXES = ['road:', 'house:', 'estate:', 'subject:', 'area:', 'topic:', 'district:', 'headline:'] as const;
const DISTRICT_KIND = 6;
const HEADLINE_KIND = 7;
const KIND_MASK = 7;
const CITY_SHIFT = 18;
const WITHIN_MOST = 0x7ffe;
/** The bits of a district within its city. */
const WITHIN_CITY = 0x3_fff8;
const SCENE = 0b001111;
const AREA = 0b010000;
const TOPIC = 0b100000;

/** Place keys as `Facts.placeKeys` holds them: keyed hashes, rising, with the key's kind in the lowest three bits, so that
 *  a road is never compared with an estate. */
export function hashPlaceKeys(keys: readonly string[], mix: (hash: number) => number): Uint32Array {
  const hashes = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) hashes[i] = placeKey(keys[i]!, mix);
  hashes.sort();
  let size = 0;
  for (let i = 0; i < hashes.length; i++) if (i === 0 || hashes[i] !== hashes[i - 1]) hashes[size++] = hashes[i]!;
  return size === hashes.length ? hashes : hashes.slice(0, size);
}

function placeKey(key: string, mix: (hash: number) => number): number {
  const kind = Math.max(
    0,
    KEY_PREFIXES.findIndex(prefix => key.startsWith(prefix)),
  );
  if (kind >= DISTRICT_KIND) return districtKey(key.slice(KEY_PREFIXES[kind]!.length), kind, mix);
  let hash = 0x811c_9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x0100_0193);
  return ((mix(hash >>> 0) & ~KIND_MASK) | kind) >>> 0;
}

/** City above, district below: `A市` is `A3区` as far as it goes. The city's own key has nothing within. */
function districtKey(name: string, kind: number, mix: (hash: number) => number): number {
  const city = (mix(name.charCodeAt(0)) << CITY_SHIFT) >>> 0;
  const number = Number.parseInt(name.slice(1), 10);
  const within = Number.isNaN(number) ? 0 : (1 + (mix(name.charCodeAt(0) * 256 + number) % WITHIN_MOST)) << 3;
  return (city | within | kind) >>> 0;
}

/** True for a key that names a place or somebody; areas and topics are shared by too many appeals to find one by. */
export function isName(placeKey: number): boolean {
  return (SCENE & (1 << (placeKey & KIND_MASK))) !== 0;
}

/** Unit, storey and flat behind the building: two tellings of one matter seldom give the same. */
const INSIDE = /(?<=\d(?:号楼|号院|栋|幢|座|楼|号)).+$/;
const ESTATE_TAIL = /(?<=..)(?:住宅)?(?:小区|社区|家属楼|家属院)$/;
const COMPANY_TAIL = /(?<=..)(?:有限责任公司|股份有限公司|有限公司|公司)$/;

function canonical(name: string | null): string {
  return name === null ? '' : name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

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

/** A city that is named agrees with every district of it. */
function writeDistricts(a: Uint32Array, b: Uint32Array, into: Float64Array): void {
  const all = shared(a, b, DISTRICT_KIND, DISTRICT_KIND);
  const titles = shared(a, b, HEADLINE_KIND, HEADLINE_KIND);
  const strays = shared(a, b, HEADLINE_KIND, DISTRICT_KIND).stray || shared(b, a, HEADLINE_KIND, DISTRICT_KIND).stray;
  into[AT.districtSame] = all.same ? 1 : 0;
  into[AT.districtOther] = all.districtInA && all.districtInB && !all.same ? 1 : 0;
  // A title names a district that the other appeal does not.
  into[AT.districtStray] = strays ? 1 : 0;
  into[AT.titleDistrictSame] = titles.same ? 1 : 0;
  into[AT.titleDistrictOther] = titles.districtInA && titles.districtInB && !titles.same ? 1 : 0;
  into[AT.cityOther] = all.city ? 0 : 1;
}

/** Keys of one kind in `a` and of another in `b`: whether there are any, and of districts; whether a city or a district is
 *  in both; and whether there is a district in `a` that `b`, which names some, does not. */
function shared(a: Uint32Array, b: Uint32Array, kindA: number, kindB: number) {
  const found = {
    inA: false,
    inB: false,
    districtInA: false,
    districtInB: false,
    city: false,
    same: false,
    stray: false,
  };
  for (let j = 0; j < b.length; j++) {
    if ((b[j]! & KIND_MASK) !== kindB) continue;
    found.inB = true;
    if ((b[j]! & WITHIN_CITY) !== 0) found.districtInB = true;
  }
  for (let i = 0; i < a.length; i++) {
    const key = a[i]!;
    if ((key & KIND_MASK) !== kindA) continue;
    found.inA = true;
    const within = (key & WITHIN_CITY) !== 0;
    let known = false;
    for (let j = 0; j < b.length; j++) {
      if ((b[j]! & KIND_MASK) !== kindB) continue;
      if ((b[j]! ^ key) >>> CITY_SHIFT === 0) found.city = true;
      if (within && ((b[j]! ^ key) & ~KIND_MASK) === 0) known = true;
    }
    if (within) found.districtInA = true;
    if (known) found.same = true;
    else if (within && found.districtInB) found.stray = true;
  }
  return found;
}

/** The kinds of key there are, one bit each. */
function kindsOf(keys: Uint32Array): number {
  let kinds = 0;
  for (let i = 0; i < keys.length; i++) kinds |= 1 << (keys[i]! & KIND_MASK);
  return kinds;
}

/** Kinds of name that both give and agree on, of the kinds both give; and on which they name different things. */
function writePlaces(a: Uint32Array, b: Uint32Array, inA: number, into: Float64Array): void {
  let inB = 0;
  let agreed = 0;
  for (let j = 0; j < b.length; j++) {
    const kind = 1 << (b[j]! & KIND_MASK);
    inB |= kind;
    if ((inA & kind) !== 0 && has(a, b[j]!)) agreed |= kind;
  }
  const both = inA & inB;
  if (both === 0) return;
  const apart = both & ~agreed;
  const scene = Math.max(1, bits(both & SCENE));
  into[AT.placeSame] = bits(agreed & SCENE) / scene;
  into[AT.placeOther] = bits(apart & SCENE) / scene;
  into[AT.areaOther] = (apart & AREA) === 0 ? 0 : 1;
  into[AT.topicSame] = (agreed & TOPIC) === 0 ? 0 : 1;
  into[AT.topicOther] = (apart & TOPIC) === 0 ? 0 : 1;
  if ((both & (1 << DISTRICT_KIND)) !== 0) writeDistricts(a, b, into);
}

function has(keys: Uint32Array, key: number): boolean {
  for (let i = 0; i < keys.length; i++) if (keys[i] === key) return true;
  return false;
}

function bits(set: number): number {
  return (set & 1) + ((set >> 1) & 1) + ((set >> 2) & 1) + ((set >> 3) & 1);
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
