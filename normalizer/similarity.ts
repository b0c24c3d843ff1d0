// How alike two appeals are: figures with names a person can read, from terms, keys and times alone.
import type { Facts } from './facts.ts';
import { EVERYDAY_TERM, TITLE_TERM } from './terms.ts';
import type { Place } from './ticket.ts';
import { topicLikeness } from './topics.ts';

const DAY = 86_400_000;
const YEAR_DAYS = 365;
/** Appeals with fewer terms than this hold too little for the other figures to mean what they mean elsewhere. */
const BRIEF_TERMS = 30;
/** Lengths and counts are figures between 0 and 1 by their logarithm; these reach 1. */
const LONG = Math.log1p(4_000);
const MANY = Math.log1p(40);

/** Names of the features, in the order in which a model's trees know them. All lie between 0 and 1. */
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
] as const;
export type Feature = (typeof FEATURES)[number];
export type Features = Readonly<Record<Feature, number>>;

/** Compares two appeals; the order of the two does not matter. About a microsecond. */
export function similarity(a: Facts, b: Facts): Features {
  const overlap = overlapOf(a, b);
  const places = agreement(a.placeKeys, b.placeKeys);
  const districts = districtsOf(a.placeKeys, b.placeKeys);
  const topics = topicLikeness(a.topics, b.topics);
  const divisions = a.division === null || b.division === null ? null : divisionsAgree(a.division, b.division);
  const sameRequester = shareKey(a.requesterKeys, b.requesterKeys) ? 1 : 0;
  // Hours say nothing: what comes on one day is as near as what comes in one minute.
  const days = Math.max(1, Math.abs(a.acceptedAt - b.acceptedAt) / DAY);
  const apart = Math.min(1, Math.log1p(days) / Math.log1p(YEAR_DAYS));
  return {
    ...overlap,
    topics: topics.whole,
    titleTopics: topics.titles,
    crossedTopics: topics.crossed,
    brief: Math.min(a.terms.length, b.terms.length) < BRIEF_TERMS ? 1 : 0,
    exact: a.textHash === b.textHash && a.length === b.length && a.length > 0 ? 1 : 0,
    placeSame: places.same,
    placeOther: places.other,
    areaOther: places.areaOther,
    topicSame: places.topicSame,
    topicOther: places.topicOther,
    divisionSame: divisions === 'same' ? 1 : 0,
    divisionOther: divisions === 'other' ? 1 : 0,
    ...districts,
    sameRequester,
    days: apart,
    ownDays: sameRequester * apart,
    pastYear: days > YEAR_DAYS ? 1 : 0,
    lengthRatio: ratio(a.length, b.length),
    shorter: Math.min(1, Math.log1p(Math.min(a.length, b.length)) / LONG),
    longer: Math.min(1, Math.log1p(Math.max(a.length, b.length)) / LONG),
  };
}

/** Terms that both appeals have, heaviest first: what `gramTexts` turns into words. */
export function sharedTerms(a: Facts, b: Facts, max: number): number[] {
  const found: { readonly term: number; readonly weight: number }[] = [];
  let i = 0;
  let j = 0;
  while (i < a.terms.length && j < b.terms.length) {
    const left = a.terms[i]!;
    const right = b.terms[j]!;
    if (left === right) found.push({ term: left, weight: a.weights[i]! * b.weights[j]! });
    if (left <= right) i += 1;
    if (right <= left) j += 1;
  }
  return found
    .sort((x, y) => y.weight - x.weight || x.term - y.term)
    .slice(0, max)
    .map(one => one.term);
}

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

const KEY_KINDS = ['road', 'house', 'estate', 'subject', 'area', 'topic', 'district', 'headline'] as const;
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
  const hashes = keys.map(key => {
    let hash = 0x811c_9dc5;
    const kind = Math.max(
      0,
      KEY_KINDS.findIndex(name => key.startsWith(`${name}:`)),
    );
    if (kind >= DISTRICT_KIND) return districtKey(key.slice(key.indexOf(':') + 1), kind, mix);
    for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x0100_0193);
    return ((mix(hash >>> 0) & ~KIND_MASK) | kind) >>> 0;
  });
  return Uint32Array.from(new Set(hashes)).sort();
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

interface Overlap {
  readonly cosine: number;
  readonly rootCosine: number;
  /** Weight of the terms found in the other: of the appeal that has more of it, and of the one that has less. */
  readonly contained: number;
  readonly containedBoth: number;
  readonly shared: number;
  readonly rare: number;
  /** The five heaviest shared terms. */
  readonly strongest: number;
  /** Cosine of the terms that are not everyday ones: names of places, people and things; and how many are shared. */
  readonly names: number;
  readonly namesShared: number;
  readonly everyday: number;
  readonly titleCosine: number;
  /** Share of a title that the other appeal has, of the title found better and of the one found worse. */
  readonly titleFound: number;
  readonly titleFoundBoth: number;
}

const NOTHING_SHARED: Overlap = {
  cosine: 0,
  rootCosine: 0,
  contained: 0,
  containedBoth: 0,
  shared: 0,
  rare: 0,
  strongest: 0,
  names: 0,
  namesShared: 0,
  everyday: 0,
  titleCosine: 0,
  titleFound: 0,
  titleFoundBoth: 0,
};

const STRONGEST = 5;
const HEAVIEST = 63;
const best = new Float64Array(STRONGEST);

function overlapOf(a: Facts, b: Facts): Overlap {
  let dot = 0;
  let everydayDot = 0;
  let titleDot = 0;
  let common = 0;
  let names = 0;
  let rare = 0;
  let inA = 0;
  let inB = 0;
  let titleInA = 0;
  let titleInB = 0;
  let i = 0;
  let j = 0;
  const lengthA = a.terms.length;
  const lengthB = b.terms.length;
  best.fill(0);
  while (i < lengthA && j < lengthB) {
    const left = a.terms[i]!;
    const right = b.terms[j]!;
    if (left < right) i += 1;
    else if (left > right) j += 1;
    else {
      const flagsA = a.weights[i++]!;
      const flagsB = b.weights[j++]!;
      const wa = flagsA >>> 2;
      const wb = flagsB >>> 2;
      const product = wa * wb;
      dot += product;
      inA += wa;
      inB += wb;
      const least = Math.min(wa, wb) / HEAVIEST;
      rare += least;
      common += 1;
      if (least > best[0]!) keepBest(least);
      if ((flagsA & EVERYDAY_TERM) !== 0) everydayDot += product;
      else names += 1;
      if ((flagsA & TITLE_TERM) !== 0) titleInA += wa;
      if ((flagsB & TITLE_TERM) !== 0) titleInB += wb;
      if ((flagsA & flagsB & TITLE_TERM) !== 0) titleDot += product;
    }
  }
  if (common === 0) return NOTHING_SHARED;
  const a2 = sums(a.weights);
  const b2 = sums(b.weights);
  const cosine = cosineOf(dot, a2.squares, b2.squares);
  // What has no title, or one of set phrases only, is taken as a whole.
  const foundA = a2.title === 0 ? inA / a2.sum : titleInA / a2.title;
  const foundB = b2.title === 0 ? inB / b2.sum : titleInB / b2.title;
  return {
    cosine,
    rootCosine: Math.sqrt(cosine),
    contained: Math.max(inA / a2.sum, inB / b2.sum),
    containedBoth: Math.min(inA / a2.sum, inB / b2.sum),
    shared: common / Math.min(lengthA, lengthB),
    rare: rare / (rare + 6),
    strongest: (best[0]! + best[1]! + best[2]! + best[3]! + best[4]!) / STRONGEST,
    names: cosineOf(dot - everydayDot, a2.squares - a2.everyday, b2.squares - b2.everyday),
    namesShared: Math.min(1, Math.log1p(names) / MANY),
    everyday: cosineOf(everydayDot, a2.everyday, b2.everyday),
    titleCosine: cosineOf(titleDot, a2.titleSquares, b2.titleSquares),
    titleFound: Math.max(foundA, foundB),
    titleFoundBoth: Math.min(foundA, foundB),
  };
}

/** Keeps the five greatest, the least of them first. */
function keepBest(value: number): void {
  let at = 0;
  while (at + 1 < STRONGEST && value > best[at + 1]!) {
    best[at] = best[at + 1]!;
    at += 1;
  }
  best[at] = value;
}

function cosineOf(dot: number, squaresA: number, squaresB: number): number {
  return squaresA === 0 || squaresB === 0 ? 0 : Math.min(1, dot / Math.sqrt(squaresA * squaresB));
}

interface Sums {
  readonly sum: number;
  readonly squares: number;
  /** Of the squares, what everyday terms make. */
  readonly everyday: number;
  readonly title: number;
  readonly titleSquares: number;
}

function sums(weights: Uint8Array): Sums {
  let sum = 0;
  let squares = 0;
  let everyday = 0;
  let title = 0;
  let titleSquares = 0;
  for (let at = 0; at < weights.length; at++) {
    const flags = weights[at]!;
    const weight = flags >>> 2;
    sum += weight;
    squares += weight * weight;
    if ((flags & EVERYDAY_TERM) !== 0) everyday += weight * weight;
    if ((flags & TITLE_TERM) !== 0) {
      title += weight;
      titleSquares += weight * weight;
    }
  }
  return { sum, squares, everyday, title, titleSquares };
}

interface Districts {
  readonly districtSame: number;
  readonly districtOther: number;
  /** A title names a district that the other appeal does not. */
  readonly districtStray: number;
  readonly titleDistrictSame: number;
  readonly titleDistrictOther: number;
  readonly cityOther: number;
}

const NO_DISTRICTS: Districts = {
  districtSame: 0,
  districtOther: 0,
  districtStray: 0,
  titleDistrictSame: 0,
  titleDistrictOther: 0,
  cityOther: 0,
};

/** A city that is named agrees with every district of it. */
function districtsOf(a: Uint32Array, b: Uint32Array): Districts {
  const all = shared(a, b, DISTRICT_KIND, DISTRICT_KIND);
  if (!all.inA || !all.inB) return NO_DISTRICTS;
  const titles = shared(a, b, HEADLINE_KIND, HEADLINE_KIND);
  const strays = shared(a, b, HEADLINE_KIND, DISTRICT_KIND).stray || shared(b, a, HEADLINE_KIND, DISTRICT_KIND).stray;
  return {
    districtSame: all.same ? 1 : 0,
    districtOther: all.districtInA && all.districtInB && !all.same ? 1 : 0,
    districtStray: strays ? 1 : 0,
    titleDistrictSame: titles.same ? 1 : 0,
    titleDistrictOther: titles.districtInA && titles.districtInB && !titles.same ? 1 : 0,
    cityOther: all.city ? 0 : 1,
  };
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

interface Agreement {
  /** Kinds of name that both give and agree on, of the kinds both give; and on which they name different things. */
  readonly same: number;
  readonly other: number;
  readonly areaOther: number;
  readonly topicSame: number;
  readonly topicOther: number;
}

function agreement(a: Uint32Array, b: Uint32Array): Agreement {
  let inA = 0;
  let inB = 0;
  let agreed = 0;
  for (let i = 0; i < a.length; i++) inA |= 1 << (a[i]! & KIND_MASK);
  for (let j = 0; j < b.length; j++) {
    inB |= 1 << (b[j]! & KIND_MASK);
    if (a.includes(b[j]!)) agreed |= 1 << (b[j]! & KIND_MASK);
  }
  const both = inA & inB;
  const apart = both & ~agreed;
  const scene = Math.max(1, bits(both & SCENE));
  return {
    same: bits(agreed & SCENE) / scene,
    other: bits(apart & SCENE) / scene,
    areaOther: (apart & AREA) === 0 ? 0 : 1,
    topicSame: (agreed & TOPIC) === 0 ? 0 : 1,
    topicOther: (apart & TOPIC) === 0 ? 0 : 1,
  };
}

function bits(set: number): number {
  return (set & 1) + ((set >> 1) & 1) + ((set >> 2) & 1) + ((set >> 3) & 1);
}

/** Codes of divisions end with noughts where they name a whole city or province: one within the other is no conflict. */
function divisionsAgree(a: string, b: string): 'same' | 'within' | 'other' {
  if (a === b) return 'same';
  const [shorter, longer] = a.length <= b.length ? [a, b] : [b, a];
  const within = (whole: string, part: string) => part.startsWith(whole.replace(/(?:00|000)+$/, ''));
  return within(shorter, longer) || within(longer, shorter) ? 'within' : 'other';
}

function shareKey(a: readonly string[], b: readonly string[]): boolean {
  for (const key of a) if (b.includes(key)) return true;
  return false;
}

function ratio(a: number, b: number): number {
  const longer = Math.max(a, b);
  return longer === 0 ? 1 : Math.min(a, b) / longer;
}
