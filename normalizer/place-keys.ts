// The names of an appeal's places and subject as keys to compare by: texts at first, then keyed hashes with their kind.
import type { Place } from './ticket.ts';

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
export const DISTRICT_KIND = 6;
export const HEADLINE_KIND = 7;
export const KIND_MASK = 7;
export const CITY_SHIFT = 18;
const WITHIN_MOST = 0x7ffe;
/** The bits of a district within its city. */
export const WITHIN_CITY = 0x3_fff8;
export const SCENE = 0b001111;
export const AREA = 0b010000;
export const TOPIC = 0b100000;

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
