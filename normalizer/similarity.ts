// How alike two appeals are: figures with names a person can read, from terms, keys and times alone.
import type { Facts } from './facts.ts';
import type { Place } from './ticket.ts';

const DAY = 86_400_000;
const YEAR_DAYS = 365;
/** Appeals with fewer terms than this hold too little for the other figures to mean what they mean elsewhere. */
const BRIEF_TERMS = 30;

/** Names of the features, the keys of the weights in config/rules/repeats.yaml. All lie between 0 and 1. */
export const FEATURES = [
  'cosine',
  'rootCosine',
  'contained',
  'shared',
  'rare',
  'brief',
  'exact',
  'placeSame',
  'placeOther',
  'areaOther',
  'topicSame',
  'topicOther',
  'divisionSame',
  'divisionOther',
  'sameRequester',
  'days',
  'pastYear',
  'lengthRatio',
] as const;
export type Feature = (typeof FEATURES)[number];
export type Features = Readonly<Record<Feature, number>>;

/** Compares two appeals; the order of the two does not matter. About a microsecond. */
export function similarity(a: Facts, b: Facts): Features {
  const overlap = overlapOf(a, b);
  const places = agreement(a.placeKeys, b.placeKeys);
  const bothDivisions = a.division !== null && b.division !== null;
  // Hours say nothing: what comes on one day is as near as what comes in one minute.
  const days = Math.max(1, Math.abs(a.acceptedAt - b.acceptedAt) / DAY);
  return {
    cosine: overlap.cosine,
    rootCosine: Math.sqrt(overlap.cosine),
    contained: overlap.contained,
    shared: overlap.shared,
    rare: overlap.rare,
    brief: Math.min(a.terms.length, b.terms.length) < BRIEF_TERMS ? 1 : 0,
    exact: a.textHash === b.textHash && a.length === b.length && a.length > 0 ? 1 : 0,
    placeSame: places.same,
    placeOther: places.other,
    areaOther: places.areaOther,
    topicSame: places.topicSame,
    topicOther: places.topicOther,
    divisionSame: bothDivisions && a.division === b.division ? 1 : 0,
    divisionOther: bothDivisions && a.division !== b.division ? 1 : 0,
    sameRequester: shareKey(a.requesterKeys, b.requesterKeys) ? 1 : 0,
    days: Math.min(1, Math.log1p(days) / Math.log1p(YEAR_DAYS)),
    pastYear: days > YEAR_DAYS ? 1 : 0,
    lengthRatio: ratio(a.length, b.length),
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

/** Names to compare by: of the scene (road, road or estate with house number, estate), the subject complained of, and
 *  the codes of what the appeal is about, widest first. */
export function placeKeysOf(place: Place, subject: string | null, category: readonly string[] = []): string[] {
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
  return keys;
}

const KEY_KINDS = ['road', 'house', 'estate', 'subject', 'area', 'topic'] as const;
const KIND_MASK = 7;
const SCENE = 0b001111;
const AREA = 0b010000;
const TOPIC = 0b100000;

/** Place keys as `Facts.placeKeys` holds them: keyed hashes, rising, with the key's kind in the lowest three bits, so that
 *  a road is never compared with an estate. */
export function hashPlaceKeys(keys: readonly string[], mix: (hash: number) => number): Uint32Array {
  const hashes = keys.map(key => {
    let hash = 0x811c_9dc5;
    for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x0100_0193);
    const kind = KEY_KINDS.findIndex(name => key.startsWith(`${name}:`));
    return ((mix(hash >>> 0) & ~KIND_MASK) | Math.max(0, kind)) >>> 0;
  });
  return Uint32Array.from(new Set(hashes)).sort();
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
  readonly contained: number;
  readonly shared: number;
  readonly rare: number;
}

function overlapOf(a: Facts, b: Facts): Overlap {
  let dot = 0;
  let common = 0;
  let rare = 0;
  let inA = 0;
  let inB = 0;
  let i = 0;
  let j = 0;
  const lengthA = a.terms.length;
  const lengthB = b.terms.length;
  while (i < lengthA && j < lengthB) {
    const left = a.terms[i]!;
    const right = b.terms[j]!;
    if (left === right) {
      const wa = a.weights[i]!;
      const wb = b.weights[j]!;
      dot += wa * wb;
      inA += wa;
      inB += wb;
      rare += Math.min(wa, wb) / 255;
      common += 1;
      i += 1;
      j += 1;
    } else if (left < right) i += 1;
    else j += 1;
  }
  if (common === 0) return NOTHING_SHARED;
  const a2 = sums(a.weights);
  const b2 = sums(b.weights);
  return {
    cosine: dot / Math.sqrt(a2.squares * b2.squares),
    contained: Math.max(inA / a2.sum, inB / b2.sum),
    shared: common / Math.min(lengthA, lengthB),
    rare: rare / (rare + 6),
  };
}

const NOTHING_SHARED: Overlap = { cosine: 0, contained: 0, shared: 0, rare: 0 };

function sums(weights: Uint8Array): { readonly sum: number; readonly squares: number } {
  let sum = 0;
  let squares = 0;
  for (let at = 0; at < weights.length; at++) {
    const weight = weights[at]!;
    sum += weight;
    squares += weight * weight;
  }
  return { sum, squares };
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

function shareKey(a: readonly string[], b: readonly string[]): boolean {
  for (const key of a) if (b.includes(key)) return true;
  return false;
}

function ratio(a: number, b: number): number {
  const longer = Math.max(a, b);
  return longer === 0 ? 1 : Math.min(a, b) / longer;
}
