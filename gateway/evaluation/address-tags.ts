// Addresses tagged character by character (B-road, I-road …) as places that are expected to be found.
import type { Fail } from './labelled-rows.ts';
import type { ExpectedPlace, PlaceKind } from './place-figures.ts';

/** Parts of an address that reading looks for. */
const KINDS: Readonly<Record<string, PlaceKind>> = {
  prov: 'division',
  city: 'division',
  district: 'division',
  town: 'town',
  community: 'village',
  road: 'road',
  subroad: 'road',
  roadno: 'houseNumber',
  subroadno: 'houseNumber',
  houseno: 'houseNumber',
  cellno: 'houseNumber',
  floorno: 'houseNumber',
  roomno: 'houseNumber',
};

/** Neighbouring parts of a house number (`12号` `3单元`, `5` `-` `301`) are one. */
export function placesOfTags(chars: unknown, tags: unknown, fail: Fail): readonly ExpectedPlace[] {
  if (!Array.isArray(chars) || !Array.isArray(tags) || chars.length !== tags.length) {
    return fail('"chars" and "tags" are no lists of one length');
  }
  const parts: { label: string; text: string; at: number }[] = [];
  tags.forEach((tag: unknown, at) => {
    const match = /^(?:([BIES])-(\w+)|O)$/.exec(String(tag));
    if (match === null) fail(`"${String(tag)}" is no tag`);
    const label = match?.[2];
    if (label === undefined) return;
    const last = parts.at(-1);
    if (match?.[1] !== 'B' && match?.[1] !== 'S' && last?.label === label) last.text += String(chars[at]);
    else parts.push({ label, text: String(chars[at]), at });
  });
  const places: { text: string; kind: PlaceKind; end: number }[] = [];
  let end = 0;
  for (const { label, text } of parts) {
    end += text.length;
    const kind = KINDS[label];
    const last = places.at(-1);
    // A dash between two numbers belongs to both.
    if (kind === undefined && /^[-—]$/.test(text) && last?.kind === 'houseNumber' && last.end === end - 1) {
      last.text += text;
      last.end = end;
    }
    if (kind === undefined) continue;
    if (kind === 'houseNumber' && last?.kind === kind && last.end === end - text.length) {
      last.text += text;
      last.end = end;
    } else places.push({ text, kind, end });
  }
  return places.map(({ text, kind }) => ({ text: text.replace(/[-—]$/, ''), kind }));
}
