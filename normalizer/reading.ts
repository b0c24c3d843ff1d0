// One message while it is being read: its clean text, searched once, and small questions all steps ask of it.
import type { Family, Hit } from './lexicon.ts';
import type { Meaning, Rulebook } from './rulebook.ts';

/** Title and content in one text, so that it is searched once; positions are UTF-16 offsets into `text`. */
export interface Reading {
  readonly rulebook: Rulebook;
  readonly text: string;
  /** Where the content begins in `text`; 0 when the sender gave no title. */
  readonly contentAt: number;
  readonly scripts: Uint32Array;
  readonly hits: ReadonlyMap<Family, readonly Hit<Meaning>[]>;
}

const NONE: readonly Hit<Meaning>[] = [];

/** Hits of one family, in order of their start. */
export function hitsOf(reading: Reading, family: Family): readonly Hit<Meaning>[] {
  return reading.hits.get(family) ?? NONE;
}

export function openReading(title: string, content: string, scripts: Uint32Array, rulebook: Rulebook): Reading {
  const text = title === '' ? content : `${title}\n${content}`;
  const contentAt = title === '' ? 0 : title.length + 1;
  return { rulebook, text, contentAt, scripts, hits: rulebook.lexicon.scan(text) };
}

/** The words of a hit as they stand in the text; a gap between two halves is kept. */
export function wordOf(reading: Reading, hit: Hit<Meaning>): string {
  return reading.text.slice(hit.start, hit.end).replaceAll('\n', ' ');
}

/** At most so many words are quoted for one decision. */
export const MOST_WORDS = 8;

/** Different words of the hits, in order of the text. */
export function quoted(reading: Reading, hits: readonly Hit<Meaning>[]): string[] {
  const words = new Set<string>();
  for (const hit of hits) {
    words.add(wordOf(reading, hit));
    if (words.size >= MOST_WORDS) break;
  }
  return [...words];
}

const SENTENCE_ENDS = '。！？!?；;\n';
const CLAUSE_ENDS = `${SENTENCE_ENDS}，,：:`;

function reach(text: string, from: number, step: 1 | -1, ends: string, most: number): number {
  let at = from;
  for (let left = most; left > 0 && at >= 0 && at < text.length; left--) {
    if (ends.includes(text.charAt(at))) return at;
    at += step;
  }
  return at;
}

/** Bounds of the clause (`ends` of commas) or sentence around a span, at most `most` characters to each side. */
export function around(
  text: string,
  span: { readonly start: number; readonly end: number },
  unit: 'clause' | 'sentence',
  most = 60,
): { readonly start: number; readonly end: number } {
  const ends = unit === 'clause' ? CLAUSE_ENDS : SENTENCE_ENDS;
  return { start: reach(text, span.start - 1, -1, ends, most) + 1, end: reach(text, span.end, 1, ends, most) };
}

/** True for what is said in the title, within `beginning` characters, or in a content no longer than `short`: the matter
 *  itself. What comes later in a long letter is part of its story. */
export function isSaidFirst(
  reading: Reading,
  hit: { readonly start: number },
  bounds: { readonly beginning: number; readonly short: number },
): boolean {
  return hit.start < reading.contentAt + bounds.beginning || reading.text.length - reading.contentAt <= bounds.short;
}

/** Two decimals are enough for a confidence. */
export function confidence(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 100) / 100;
}
