// Messages with what should be read out of them (JSON Lines), checked line by line before anything is read.
import { TICKET_TYPES, type TicketType, URGENCIES, type Urgency } from '../../normalizer/ticket.ts';
import { placesOfTags } from './address-tags.ts';
import { type Fail, type LabelledRow, optionalText, rowsOf, textIn } from './labelled-rows.ts';
import { type ExpectedPlace, PLACE_KINDS, type PlaceKind } from './place-figures.ts';

export const LEVELS = [1, 2, 3] as const;
export type Level = (typeof LEVELS)[number];

/** A message and what its author or a reader said of it; null where nothing is expected. */
export interface LabelledReading {
  readonly id: string;
  readonly title: string;
  readonly content: string;
  /** Labels of the first, second and third level. */
  readonly categories: Readonly<Record<Level, string | null>>;
  readonly type: TicketType | null;
  readonly urgency: Urgency | null;
  readonly places: readonly ExpectedPlace[] | null;
}

/** Fields of the text, the first that is there; `segmented` is text with spaces between its words. */
const TEXT_FIELDS = ['content', 'body', 'text'];

/** Ids only name rows; one may come twice. @throws DeskError with file, line and reason */
export function readLabelledReadings(file: string): readonly LabelledReading[] {
  let line = 0;
  return rowsOf(file, (row, fail) => {
    line++;
    const id = optionalText(row, ['id'], fail) ?? `${line}`;
    const reading: LabelledReading = {
      id,
      title: optionalText(row, ['title'], fail) ?? '',
      content: contentOf(row, fail),
      categories: {
        1: optionalText(row, ['category1'], fail),
        2: optionalText(row, ['category2'], fail),
        3: optionalText(row, ['category3'], fail),
      },
      type: oneOf(row, 'type', TICKET_TYPES, fail),
      urgency: oneOf(row, 'urgency', URGENCIES, fail),
      places: placesOf(row, fail),
    };
    if (!expectsSomething(reading)) fail('nothing is expected: no category1 to category3, type, urgency or places');
    return reading;
  });
}

function expectsSomething({ categories, type, urgency, places }: LabelledReading): boolean {
  return type !== null || urgency !== null || places !== null || LEVELS.some(level => categories[level] !== null);
}

function contentOf(row: LabelledRow, fail: Fail): string {
  const segmented = optionalText(row, ['segmented'], fail);
  return segmented === null ? textIn(row, TEXT_FIELDS, fail) : segmented.replaceAll(' ', '');
}

function oneOf<T extends string>(row: LabelledRow, name: string, values: readonly T[], fail: Fail): T | null {
  const value = optionalText(row, [name], fail);
  if (value === null) return null;
  return values.find(known => known === value) ?? fail(`"${name}" is none of ${values.join(', ')}`);
}

function placesOf(row: LabelledRow, fail: Fail): readonly ExpectedPlace[] | null {
  if (row['tags'] !== undefined && row['places'] === undefined) return placesOfTags(row['chars'], row['tags'], fail);
  const places = row['places'] ?? null;
  if (places === null) return null;
  if (!Array.isArray(places)) return fail('"places" is no list');
  return places.map((place: unknown) => placeOf(place, fail));
}

/** `"新华大街"`, or `{"text": "新华大街", "kind": "road"}`. */
function placeOf(place: unknown, fail: Fail): ExpectedPlace {
  if (typeof place === 'string' && place !== '') return { text: place, kind: null };
  if (typeof place !== 'object' || place === null) return fail('"places" holds something else than texts and objects');
  const { text, kind } = place as Readonly<Record<string, unknown>>;
  if (typeof text !== 'string' || text === '') return fail('a place is without its "text"');
  if (kind === undefined || kind === null) return { text, kind: null };
  const known = PLACE_KINDS.find(name => name === kind);
  return { text, kind: known ?? fail(`"kind" of a place is none of ${PLACE_KINDS.join(', ')}`) };
}

export type { ExpectedPlace, PlaceKind };
