// Where it happened: division, town, road, estate and house number, and whether a place outside the city is meant.
import type { InboundPlace } from './inbound-message.ts';
import type { Hit } from './lexicon.ts';
import { findPlaceNames, type PlaceNames } from './place-names.ts';
import { around, confidence, hitsOf, isSaidFirst, type Reading } from './reading.ts';
import type { DivisionRule } from './rule-data.ts';
import type { Meaning, Rulebook } from './rulebook.ts';
import { cleanText } from './text.ts';
import type { Place } from './ticket.ts';

export interface PlaceReading {
  readonly place: Place;
  readonly problems: readonly string[];
}

/** What one text says about the place. */
interface Sighting {
  readonly division: DivisionRule | null;
  readonly town: string | null;
  readonly cityNamed: boolean;
  readonly outside: readonly Hit<Meaning>[];
  readonly words: readonly string[];
  readonly names: PlaceNames;
}

const LONGEST_PLACE = 300;

type DivisionHit = { readonly division: DivisionRule; readonly weight: number; readonly word: string };

function divisionHits(text: string, hits: readonly Hit<Meaning>[]): DivisionHit[] {
  const found: DivisionHit[] = [];
  for (const { item, start, end } of hits) {
    const word = text.slice(start, end);
    if (item.of === 'division') found.push({ division: item.division, weight: item.surely ? 3 : 1, word });
    else if (item.of === 'town') found.push({ division: item.division, weight: 1.5, word });
  }
  return found;
}

/** The division most is said about; a tie (`光明街道` of two of them) is no answer. */
function bestDivision(found: readonly DivisionHit[]): DivisionRule | null {
  const scores = new Map<DivisionRule, number>();
  for (const { division, weight } of found) scores.set(division, (scores.get(division) ?? 0) + weight);
  let best: DivisionRule | null = null;
  let top = 0;
  let tie = false;
  for (const [division, score] of scores) {
    if (score > top) [best, top, tie] = [division, score, false];
    else if (score === top) tie = true;
  }
  return tie ? null : best;
}

/** `沈阳路` is a road here, `沈阳` in it no city. */
function isRoadName(text: string, end: number): boolean {
  const next = text.charAt(end);
  return next === '路' || next === '街' || text.startsWith('大街', end) || text.startsWith('大道', end);
}

function look(
  text: string,
  hits: readonly Hit<Meaning>[],
  endings: readonly Hit<Meaning>[],
  rulebook: Rulebook,
): Sighting {
  const found = divisionHits(text, hits);
  const division = bestDivision(found);
  const towns = hits.filter(({ item }) => item.of === 'town' && (division === null || item.division === division));
  const town = towns.length > 0 && towns[0]!.item.of === 'town' ? towns[0]!.item.town : null;
  const bounds = new Set<number>();
  for (const hit of hits) {
    // 滨江西路 is one name, although it holds a province's.
    if (hit.item.of !== 'shield' && !(hit.item.of === 'outside' && isRoadName(text, hit.end))) bounds.add(hit.end);
  }
  return {
    division,
    town,
    cityNamed: found.length > 0 || hits.some(({ item }) => item.of === 'city'),
    outside: hits.filter(({ item, end }) => item.of === 'outside' && !isRoadName(text, end)),
    words: [...new Set(found.map(({ word }) => word))].slice(0, 6),
    names: findPlaceNames(text, endings, bounds, rulebook),
  };
}

/** Down to district, street or estate. */
const DETAILED = /^市?[一-龥]{1,6}(?:区|县|镇|乡|路|街|小区|村)/;

/** True when a place outside is told as the scene: behind `在`, `位于` and the like, and not as somebody's whereabouts. */
function isScene(reading: Reading, hit: Hit<Meaning>): boolean {
  const { text, rulebook } = reading;
  const { scene, notScene, whereabouts, errands } = rulebook.rules.places;
  const before = text.slice(Math.max(0, hit.start - 8), hit.start);
  if (!scene.some(word => before.endsWith(word)) || notScene.some(word => before.endsWith(word))) return false;
  // `在` belongs to the scene at the start of a clause or behind who tells it; else it is somebody else's.
  if (before.endsWith('在') && !/(?:^|[，。！？；：、\s]|我|我们|本人|发生|位|址|点)在$/.test(before)) return false;
  const clause = text.slice(hit.end, around(text, hit, 'clause', 30).end);
  if (whereabouts.some(word => clause.includes(word))) return false;
  if (DETAILED.test(clause)) return true;
  const full = hit.item.of === 'outside' && hit.item.full;
  return (full || clause.startsWith('市')) && !errands.some(word => clause.includes(word));
}

/** True when the message begins with a city outside: it is about something there. */
function isMatter(reading: Reading, hit: Hit<Meaning>): boolean {
  if (hit.item.of !== 'outside' || !hit.item.full || hit.start !== reading.contentAt) return false;
  const behind = reading.text.slice(hit.end, hit.end + 12);
  return !reading.rulebook.rules.places.notSubject.some(word => behind.startsWith(word));
}

function coordinates(from: InboundPlace | undefined, rulebook: Rulebook, problems: string[]) {
  let longitude = from?.longitude ?? null;
  let latitude = from?.latitude ?? null;
  if (longitude === null || latitude === null) return { longitude: null, latitude: null, datum: null };
  // Platforms mix the two up; in this country one is never a possible value of the other.
  if (latitude > 70 && latitude < 140 && longitude > 0 && longitude < 60) {
    [longitude, latitude] = [latitude, longitude];
    problems.push('place.coordinates-swapped');
  }
  const inCountry = longitude > 73 && longitude < 136 && latitude > 3 && latitude < 54;
  if (!inCountry) {
    problems.push('place.coordinates-impossible');
    return { longitude: null, latitude: null, datum: null };
  }
  const { west, east, south, north } = rulebook.rules.region.bounds;
  if (longitude < west || longitude > east || latitude < south || latitude > north) {
    problems.push('place.coordinates-outside');
  }
  return { longitude, latitude, datum: from?.datum ?? null };
}

function divisionOfCode(code: string | undefined, rulebook: Rulebook): DivisionRule | null | 'outside' {
  if (code === undefined || code === '') return null;
  const six = code.slice(0, 6);
  const own = rulebook.divisionsByCode.get(code) ?? rulebook.divisionsByCode.get(six);
  if (own !== undefined) return own;
  const city = rulebook.rules.region.code.slice(0, 4);
  return /^\d{6}/.test(code) && !six.startsWith(city) && !/0000$/.test(six) ? 'outside' : null;
}

interface Told {
  readonly text: string | null;
  readonly sighting: Sighting | null;
}

function tell(from: InboundPlace | undefined, rulebook: Rulebook): Told {
  if (from?.text === undefined) return { text: null, sighting: null };
  const text = cleanText(from.text, LONGEST_PLACE).text.replaceAll('\n', ' ');
  if (text === '') return { text: null, sighting: null };
  const hits = rulebook.lexicon.scan(text);
  return { text, sighting: look(text, hits.get('place') ?? [], hits.get('ending') ?? [], rulebook) };
}

interface Scene {
  readonly value: boolean | null;
  readonly words: readonly string[];
  readonly confidence: number;
}

const UNKNOWN: Scene = { value: null, words: [], confidence: 0 };

function outsideOf(text: string, hits: readonly Hit<Meaning>[], sure: number): Scene {
  const words = [...new Set(hits.map(hit => text.slice(hit.start, hit.end)))].slice(0, 3);
  return { value: false, words, confidence: sure };
}

/** Whether the scene is in the city: yes when a place of it is named, no when only one outside is told as the scene. */
function inCity(reading: Reading, told: Told, seen: Sighting, code: ReturnType<typeof divisionOfCode>): Scene {
  const named = told.sighting?.cityNamed === true || seen.cityNamed || (code !== null && code !== 'outside');
  if (named) return { value: true, words: [], confidence: 0 };
  if (code === 'outside') return { value: false, words: [], confidence: 0.95 };
  const outside = told.sighting?.outside ?? [];
  if (outside.length > 0 && told.text !== null) return outsideOf(told.text, outside, 0.9);
  const said = seen.outside.filter(hit => isSaidFirst(reading, hit, reading.rulebook.rules.triage));
  const scenes = said.filter(hit => isScene(reading, hit));
  if (scenes.length > 0) return outsideOf(reading.text, scenes, 0.75);
  const matters = said.filter(hit => isMatter(reading, hit));
  return matters.length > 0 ? outsideOf(reading.text, matters, 0.55) : UNKNOWN;
}

function sureness(told: Told, code: unknown, division: DivisionRule | null, scene: Scene, words: number): number {
  if (scene.value === false) return scene.confidence;
  if (code !== null) return 0.98;
  if (division !== null) return told.sighting?.division === division ? 0.95 : Math.min(0.9, 0.7 + 0.1 * words);
  return 0;
}

/** 事发地: what the platform says about the place first, then the text. */
export function readPlace(reading: Reading, from: InboundPlace | undefined): PlaceReading {
  const { rulebook } = reading;
  const problems: string[] = [];
  const point = coordinates(from, rulebook, problems);
  const code = divisionOfCode(from?.division, rulebook);
  const told = tell(from, rulebook);
  const seen = look(reading.text, hitsOf(reading, 'place'), hitsOf(reading, 'ending'), rulebook);
  const scene = inCity(reading, told, seen, code);
  const named = code !== null && code !== 'outside' ? code : null;
  const division = scene.value === false ? null : (named ?? told.sighting?.division ?? seen.division);
  const sightings = [told.sighting, seen].filter(sighting => sighting !== null);
  const sameDivision = sightings.filter(({ division: its }) => its === null || division === null || its === division);
  const first = <T>(pick: (sighting: Sighting) => T | null): T | null =>
    sameDivision.map(pick).find(value => value !== null) ?? null;
  const words = [...new Set(sightings.flatMap(sighting => sighting.words))].concat(scene.words);
  const names = [
    first(s => s.names.road),
    first(s => s.names.estate ?? s.names.village),
    first(s => s.names.houseNumber),
  ];
  const place: Place = {
    division: division?.code ?? null,
    divisionName: division?.name ?? null,
    town: scene.value === false ? null : first(sighting => sighting.town),
    road: names[0]!,
    estate: names[1]!,
    houseNumber: names[2]!,
    text: told.text ?? textOf(words, names),
    inCity: scene.value,
    ...point,
    words,
    confidence: confidence(sureness(told, code, division, scene, words.length)),
  };
  return { place, problems };
}

function textOf(words: readonly string[], names: readonly (string | null)[]): string | null {
  const text = [...words, ...names.filter(name => name !== null)].join('');
  return text === '' ? null : text;
}
