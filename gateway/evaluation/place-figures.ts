// Precision, recall and F1 of the places found in texts.
import type { PlaceSpan } from '../../normalizer/ticket.ts';
import { f1Of, rounded } from './class-figures.ts';

export const PLACE_KINDS = ['division', 'town', 'road', 'estate', 'village', 'houseNumber'] as const;
export type PlaceKind = PlaceSpan['kind'];

/** A place that should be found: its words as they stand in the text, and its kind where it is said. */
export interface ExpectedPlace {
  readonly text: string;
  readonly kind: PlaceKind | null;
}

export interface FoundPlace {
  readonly text: string;
  readonly kind: PlaceKind;
}

interface Tally {
  expected: number;
  found: number;
  right: number;
}

export interface PlaceFigures {
  readonly rows: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly byKind: readonly { kind: PlaceKind; expected: number; precision: number; recall: number; f1: number }[];
}

function shares({ expected, found, right }: Tally) {
  return {
    precision: rounded(found === 0 ? 0 : right / found),
    recall: rounded(expected === 0 ? 0 : right / expected),
    f1: rounded(f1Of(right, expected, found)),
  };
}

/** A place is right when its words are those expected and its kind, where one is said, is too; each counts once a message.
 *  Where kinds are said, found places of kinds that no message of the file speaks of are left out: nobody judged them. */
export function placeFigures(
  rows: readonly { readonly expected: readonly ExpectedPlace[]; readonly found: readonly FoundPlace[] }[],
): PlaceFigures | null {
  if (rows.length === 0) return null;
  const kinds = new Set(rows.flatMap(({ expected }) => expected.map(({ kind }) => kind)));
  const judged = kinds.has(null) || kinds.size === 0 ? new Set<PlaceKind>(PLACE_KINDS) : kinds;
  const all: Tally = { expected: 0, found: 0, right: 0 };
  const byKind = new Map<PlaceKind, Tally>(PLACE_KINDS.map(kind => [kind, { expected: 0, found: 0, right: 0 }]));
  for (const row of rows) {
    const open = once(row.expected);
    for (const { kind } of open) {
      all.expected++;
      if (kind !== null) byKind.get(kind)!.expected++;
    }
    for (const place of once(row.found.filter(({ kind }) => judged.has(kind)))) {
      const tallies = [all, byKind.get(place.kind)!];
      for (const tally of tallies) tally.found++;
      const at = open.findIndex(({ text, kind }) => text === place.text && (kind === null || kind === place.kind));
      if (at < 0) continue;
      open.splice(at, 1);
      for (const tally of tallies) tally.right++;
    }
  }
  const named = [...byKind].filter(([, { expected }]) => expected > 0);
  return {
    rows: rows.length,
    ...shares(all),
    byKind: named.map(([kind, tally]) => ({ kind, expected: tally.expected, ...shares(tally) })),
  };
}

function once<T extends { readonly text: string; readonly kind: PlaceKind | null }>(places: readonly T[]): T[] {
  const seen = new Set<string>();
  return places.filter(({ text, kind }) => {
    const key = `${kind} ${text}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
