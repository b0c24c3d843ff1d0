// Type of the appeal (article 9): the sender's own word, else the words of the text; courtesy is told from praise.
import type { Hit } from './lexicon.ts';
import { confidence, hitsOf, quoted, type Reading } from './reading.ts';
import type { Meaning } from './rulebook.ts';
import { cut } from './text.ts';
import type { Decided, TicketType } from './ticket.ts';

const TITLE_FACTOR = 2;
/** A message no longer than this with thanks and nothing asked for is praise. */
const SHORT = 120;

function scores(reading: Reading, hits: readonly Hit<Meaning>[]): Map<TicketType, number> {
  const perWord = new Map<string, { type: TicketType; score: number }>();
  for (const hit of hits) {
    if (hit.item.of !== 'type') continue;
    const key = `${hit.item.type}${reading.text.slice(hit.start, hit.end)}`;
    const score = hit.item.weight * (hit.start < reading.contentAt ? TITLE_FACTOR : 1);
    const seen = perWord.get(key);
    if (seen === undefined) perWord.set(key, { type: hit.item.type, score });
    else if (score > seen.score) seen.score = score;
  }
  const totals = new Map<TicketType, number>();
  for (const { type, score } of perWord.values()) totals.set(type, (totals.get(type) ?? 0) + score);
  return totals;
}

function best(totals: ReadonlyMap<TicketType, number>) {
  let type: TicketType | null = null;
  let top = 0;
  let second = 0;
  for (const [candidate, score] of totals) {
    if (score > top) [type, top, second] = [candidate, score, top];
    else if (score > second) second = score;
  }
  return { type, top, second };
}

/** Thanks alone, with nothing asked for and nothing complained of. */
function isBareThanks(reading: Reading, hits: readonly Hit<Meaning>[]): boolean {
  if (reading.text.length - reading.contentAt > SHORT) return false;
  const asks = hits.some(({ item }) => item.of === 'demand' || (item.of === 'type' && item.type !== '表扬'));
  const question = /[?？]/.test(reading.text) || /[吗呢么][。！!~～…]*$/.test(reading.text);
  return !asks && !question && hits.some(({ item }) => item.of === 'courtesy');
}

/** The type, with the words that decided and how sure it is. */
export function readType(reading: Reading, label: string | undefined): Decided<TicketType> {
  const { types } = reading.rulebook.rules;
  const own = label?.trim() ?? '';
  if (own !== '' && Object.hasOwn(types.labels, own)) {
    return { value: types.labels[own]!, by: 'sender', words: [own], confidence: 0.95 };
  }
  const raw = own === '' ? {} : { raw: cut(own, 60) };
  const hits = hitsOf(reading, 'type');
  const totals = scores(reading, hits);
  if (hits.some(({ item }) => item.of === 'demand')) totals.delete('表扬');
  const { type, top, second } = best(totals);
  if (isBareThanks(reading, hits)) {
    const words = quoted(
      reading,
      hits.filter(({ item }) => item.of !== 'demand'),
    );
    return { value: '表扬', by: 'rule', words, confidence: 0.8, ...raw };
  }
  if (type === null) return { value: types.fallback, by: 'rule', words: [], confidence: 0.3, ...raw };
  const words = quoted(
    reading,
    hits.filter(({ item }) => item.of === 'type' && item.type === type),
  );
  return { value: type, by: 'rule', words, confidence: confidence((top / (top + second)) * (top / (top + 1))), ...raw };
}
