// Type of the appeal (article 9): the sender's own word, else a trained model and the words of the text; courtesy is told from praise.
import type { Hit } from './lexicon.ts';
import { confidence, hitsOf, MOST_WORDS, quoted, type Reading } from './reading.ts';
import type { Meaning, Rulebook } from './rulebook.ts';
import { cut } from './text.ts';
import type { Decided, TicketType } from './ticket.ts';

const TITLE_FACTOR = 2;
/** A message no longer than this with thanks and nothing asked for is praise. */
const SHORT = 120;
/** How sure it is where nothing speaks for a type: less than the shipped rules ask for. */
const UNSURE = 0.3;
/** So much of the content, in characters, the trained model reads. */
const BEGINNING = 240;
/** A message of at most so many characters tells it too little. */
const FEW_WORDS = 6;
/** How sure it has to be: a request that is taken for what wants nothing done waits longer, one for a 举报 is shown to few. */
const LEAST_PROBABLE: Readonly<Record<TicketType, number>> = {
  ...{ 求助: 0.5, 投诉: 0.5, 咨询: 0.5, 举报: 0.7 },
  ...{ 建议: 0.8, 表扬: 0.8, 其他: 0.8 },
};
/** What nobody writes of an emergency. */
const CALM: ReadonlySet<TicketType> = new Set(['咨询', '建议', '表扬', '其他']);
/** At most so many phrases are quoted for it. */
const MOST_PHRASES = 3;

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

const QUESTION_MARK = /[?？]/;

/** What the trained model reads: what somebody wants is said early, or the message is short. */
export function typeText(reading: Reading): string {
  return reading.text.slice(0, reading.contentAt + BEGINNING);
}

/** What the rules find in a message, by the keys of the trained model. */
export function typeSigns(reading: Reading): ReadonlyMap<string, number> {
  const hits = hitsOf(reading, 'type');
  const signs = new Map<string, number>(scores(reading, hits));
  for (const { item } of hits) if (item.of === 'demand' || item.of === 'courtesy') signs.set(item.of, 1);
  if (QUESTION_MARK.test(typeText(reading))) signs.set('question', 1);
  return signs;
}

/** The type by the trained model, which is asked where the rules are unsure; null where there is none, or it knows too little. */
function byModel(reading: Reading): Decided<TicketType> | null {
  const model = reading.rulebook.typeModel;
  if (model === null || reading.text.length <= FEW_WORDS) return null;
  const text = typeText(reading);
  const counts = model.count(text, reading.contentAt);
  const signs = typeSigns(reading);
  const { probabilities } = model.score(counts, signs);
  // Whoever asks for something does not only give thanks.
  if (signs.has('demand')) probabilities[model.classes.indexOf('表扬')] = 0;
  const top = Math.max(...probabilities);
  const place = probabilities.indexOf(top);
  const value = model.classes[place] as TicketType;
  if (top < LEAST_PROBABLE[value]) return null;
  const words = [...wordsFor(reading, value), ...model.phrases(text, counts, place, MOST_PHRASES)];
  return { value, by: 'model', words: [...new Set(words)].slice(0, MOST_WORDS), confidence: confidence(top) };
}

/** The type of an urgent message: what only the model took for a question, a proposal, praise or nothing calls for help. */
export function typeOfUrgent(type: Decided<TicketType>, rulebook: Rulebook): Decided<TicketType> {
  if (type.by !== 'model' || !CALM.has(type.value)) return type;
  return { ...type, value: rulebook.rules.types.fallback, confidence: UNSURE };
}

/** Words of the rules that speak for a type. */
function wordsFor(reading: Reading, type: TicketType): string[] {
  const hits = hitsOf(reading, 'type').filter(({ item }) => item.of === 'type' && item.type === type);
  return quoted(reading, hits);
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
  const sure = confidence((top / (top + second)) * (top / (top + 1)));
  const learnt = type === null || sure < types.ask ? byModel(reading) : null;
  if (learnt !== null) return { ...learnt, ...raw };
  if (type === null) return { value: types.fallback, by: 'rule', words: [], confidence: UNSURE, ...raw };
  const words = wordsFor(reading, type);
  return { value: type, by: 'rule', words, confidence: sure, ...raw };
}
