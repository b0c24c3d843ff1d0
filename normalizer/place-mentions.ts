// Every place a text names, with where it stands: divisions, towns, roads, estates, villages and house numbers.
import type { Hit } from './lexicon.ts';
import { goesOn, houseNumberAt, isOffice, namedFrom, nameStart } from './place-names.ts';
import type { Meaning, Rulebook } from './rulebook.ts';
import type { PlaceSpan } from './ticket.ts';

/** More than this is a list, not a scene. */
const MOST_MENTIONS = 60;
const LONGEST_SEARCHED = 8_192;
/** Characters of a division's or town's name before its ending. */
const SHORTEST = 2;
const LONGEST_DIVISION = 4;

type Kind = PlaceSpan['kind'];

function kindOf({ item }: Hit<Meaning>): Kind | null {
  if (item.of === 'city' || item.of === 'outside') return 'division';
  if (item.of === 'division') return item.surely ? 'division' : null;
  return item.of === 'town' ? 'town' : null;
}

/** A division or town the rules do not know, by its ending: its name begins where nothing else can belong to it. */
function unknownFrom(text: string, hit: Hit<Meaning>, bounds: ReadonlySet<number>, rulebook: Rulebook): number | null {
  const start = nameStart(text, hit.start, bounds, rulebook);
  const length = hit.start - start;
  if (length < SHORTEST || length > LONGEST_DIVISION) return null;
  const name = text.slice(start, hit.end);
  return rulebook.rules.places.notDivisions.some(word => name.endsWith(word)) ? null : start;
}

/** Numbers that are a house's whatever stands before them; `12号` alone may be a day. */
const SURELY_HOUSE =
  /(?<![\dA-Za-z])(?:\d{1,5}|[A-Za-z]\d{0,3}|[一二三四五六七八九十]{1,3})(?:[-—]\d{1,4}){0,3}(?:号楼|栋|幢|单元|弄|号院)/g;

function addHouses(text: string, units: readonly string[], add: (start: number, end: number) => void): void {
  let reached = 0;
  for (const { index, 0: match } of text.matchAll(SURELY_HOUSE)) {
    if (index < reached) continue;
    reached = index + (houseNumberAt(text, index, units) ?? match).length;
    add(index, reached);
  }
}

/** `海滨路568`, `北苑47-6-746`: a number without its unit, where the clause ends behind it. */
const BARE = /[A-Za-z]?\d{1,4}(?:[-—]\d{1,4}){0,3}(?=$|[，。；,;、\s)）])/y;

function bareNumberAt(text: string, at: number): string | null {
  BARE.lastIndex = at;
  return BARE.exec(text)?.[0] ?? null;
}

/** In order of the text, none inside another. */
function tidy(spans: PlaceSpan[]): PlaceSpan[] {
  spans.sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: PlaceSpan[] = [];
  for (const span of spans) if (kept.length === 0 || span.start >= kept.at(-1)!.end) kept.push(span);
  return kept;
}

/**
 * @param known hits of the family `place`; @param endings hits of the family `ending`
 * @returns offsets into `text`
 */
export function findPlaceMentions(
  text: string,
  known: readonly Hit<Meaning>[],
  endings: readonly Hit<Meaning>[],
  rulebook: Rulebook,
): readonly PlaceSpan[] {
  const spans: PlaceSpan[] = [];
  const bounds = new Set<number>();
  const add = (kind: Kind, start: number, end: number): void => {
    spans.push({ kind, start, end });
    bounds.add(end);
  };
  for (const hit of known) {
    const kind = kindOf(hit);
    // 沈阳路 is a road, 沈阳 in it no city.
    if (kind !== null && !/^(?:路|街|大街|大道)/.test(text.slice(hit.end, hit.end + 2))) add(kind, hit.start, hit.end);
  }
  let chain = Number.POSITIVE_INFINITY;
  endings.forEach((hit, index) => {
    if (hit.item.of !== 'ending' || spans.length >= MOST_MENTIONS) return;
    const { ending } = hit.item;
    if (goesOn(text, hit, endings[index + 1])) {
      chain = Math.min(chain, hit.start);
      return;
    }
    const whole = chain < hit.start ? { ...hit, start: chain } : hit;
    chain = Number.POSITIVE_INFINITY;
    const office = ending === 'road' && isOffice(text, hit.end);
    const unknown = office || ending === 'division' || ending === 'town';
    const start = unknown
      ? unknownFrom(text, whole, bounds, rulebook)
      : namedFrom(text, whole, ending, bounds, rulebook);
    if (start === null) return;
    const end = office ? hit.end + 1 : hit.end;
    add(unknown ? (ending === 'division' ? 'division' : 'town') : ending, start, end);
    if (unknown) return;
    const number = houseNumberAt(text, end, rulebook.rules.places.houseNumberUnits) ?? bareNumberAt(text, end);
    if (number === null) return;
    const at = text.indexOf(number, end);
    add('houseNumber', at, at + number.length);
  });
  addHouses(text.slice(0, LONGEST_SEARCHED), rulebook.rules.places.houseNumberUnits, (start, end) => {
    if (spans.length < MOST_MENTIONS) spans.push({ kind: 'houseNumber', start, end });
  });
  return tidy(spans);
}
