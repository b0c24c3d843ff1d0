// Roads, estates and villages by the way Chinese names end, with the house number behind them.
import type { Hit } from './lexicon.ts';
import type { Meaning, Rulebook } from './rulebook.ts';

export interface PlaceNames {
  readonly road: string | null;
  readonly estate: string | null;
  readonly village: string | null;
  readonly houseNumber: string | null;
}

export type Ending = 'road' | 'estate' | 'village';

/** Longest name in front of its ending, and how many endings are tried in one text. */
const LONGEST_NAME = 8;
const SHORTEST_NAME = 2;
const MOST_TRIES = 60;

function isHan(code: number): boolean {
  return code >= 0x4e00 && code <= 0x9fff;
}

/** True when the character at `at` ends what stands before a name. */
function stopsName(text: string, at: number, rulebook: Rulebook): boolean {
  if (!isHan(text.charCodeAt(at))) return true;
  const { keep, stopWords } = rulebook.rules.places;
  if (rulebook.stops.has(text.charAt(at))) {
    return !keep.some(word => text.startsWith(word, at) || (word.length > 1 && text.startsWith(word, at - 1)));
  }
  return stopWords.some(word => text.startsWith(word, at - word.length + 1));
}

/** Where the name that ends at `end` begins; `bounds` are ends of divisions and towns, at which a name begins, too. */
export function nameStart(text: string, end: number, bounds: ReadonlySet<number>, rulebook: Rulebook): number {
  let start = end;
  while (start > 0 && end - start < LONGEST_NAME && !bounds.has(start) && !stopsName(text, start - 1, rulebook))
    start--;
  return start;
}

/** What ends like a name and is none: `柏油路` whatever stands before it, `小区` and `中学` only by themselves. */
function isNoName(name: string, ending: Hit<Meaning>, kind: Ending, rulebook: Rulebook): boolean {
  const { notRoads, notRoadEndings, notEstates, notVillages } = rulebook.rules.places;
  if (kind === 'road') return notRoads.includes(name) || notRoadEndings.some(word => name.endsWith(word));
  if (kind === 'estate') return notEstates.includes(name);
  const bare = ending.end - ending.start;
  return notVillages.some(word => (word.length > bare ? name.endsWith(word) : name === word));
}

/** 新站街道 is a district office, no road. */
export function isOffice(text: string, end: number): boolean {
  return text.charAt(end - 1) === '街' && /^道(?!路)/.test(text.slice(end, end + 2));
}

/**
 * Whether the next ending ends the same name: `家园小区` has two endings, one name. `光明路路灯` has not: the second 路 begins
 * another word.
 */
export function goesOn(text: string, hit: Hit<Meaning>, next: Hit<Meaning> | undefined): boolean {
  if (hit.item.of !== 'ending' || next?.item.of !== 'ending') return false;
  const touches = next.item.ending === hit.item.ending && next.start === hit.end;
  return touches && text.charAt(hit.end - 1) !== text.charAt(next.start);
}

/** Where the name with this ending begins; null when it is none. */
export function namedFrom(
  text: string,
  hit: Hit<Meaning>,
  ending: Ending,
  bounds: ReadonlySet<number>,
  rulebook: Rulebook,
): number | null {
  const start = nameStart(text, hit.start, bounds, rulebook);
  if (hit.start - start < SHORTEST_NAME) return null;
  // A name that could go on to the left beyond the limit is a sentence, not a name.
  if (hit.start - start >= LONGEST_NAME && !bounds.has(start)) return null;
  if (ending === 'road' && isOffice(text, hit.end)) return null;
  return isNoName(text.slice(start, hit.end), hit, ending, rulebook) ? null : start;
}

/** `12号楼3单元401室`, at most five steps. */
export function houseNumberAt(text: string, at: number, units: readonly string[]): string | null {
  const STEP = /[ ,，]?(\d{1,5}|[A-Za-z]\d{0,3})(?:[-—]\d{1,4}){0,3}/y;
  let end = at;
  for (let steps = 0; steps < 5; steps++) {
    STEP.lastIndex = end;
    const match = STEP.exec(text);
    if (match === null) break;
    const behind = end + match[0].length;
    const unit = units.find(word => text.startsWith(word, behind));
    if (unit === undefined) break;
    end = behind + unit.length;
  }
  const number = text.slice(at, end).replace(/^[ ,，]/, '');
  return number === '' ? null : number;
}

/**
 * The first road, estate and village of a text.
 * @param endings Hits of the family `ending`. @param bounds Ends of divisions and towns named in the text.
 */
export function findPlaceNames(
  text: string,
  endings: readonly Hit<Meaning>[],
  bounds: ReadonlySet<number>,
  rulebook: Rulebook,
): PlaceNames {
  const found: Record<Ending, { name: string; end: number } | null> = { road: null, estate: null, village: null };
  // An estate's name begins behind the road it stands at.
  const starts = new Set(bounds);
  let tries = 0;
  let chain = Number.POSITIVE_INFINITY;
  for (const [index, hit] of endings.entries()) {
    if (hit.item.of !== 'ending') continue;
    const kind = hit.item.ending;
    if (kind === 'division' || kind === 'town' || found[kind] !== null) continue;
    if (goesOn(text, hit, endings[index + 1])) {
      chain = Math.min(chain, hit.start);
      continue;
    }
    const whole = chain < hit.start ? { ...hit, start: chain } : hit;
    chain = Number.POSITIVE_INFINITY;
    if (++tries > MOST_TRIES) break;
    const from = namedFrom(text, whole, kind, starts, rulebook);
    if (from === null) continue;
    found[kind] = { name: text.slice(from, hit.end), end: hit.end };
    if (kind === 'road') starts.add(hit.end);
  }
  const units = rulebook.rules.places.houseNumberUnits;
  const anchors = [found.estate, found.road, found.village].filter(anchor => anchor !== null);
  const houseNumber = anchors.map(anchor => houseNumberAt(text, anchor.end, units)).find(number => number !== null);
  return {
    road: found.road?.name ?? null,
    estate: found.estate?.name ?? null,
    village: found.village?.name ?? null,
    houseNumber: houseNumber ?? null,
  };
}
