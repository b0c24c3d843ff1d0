// What the appeal is about: a class of the three-level taxonomy, by a trained model and the rules, with the words that decided.
import type { Hit } from './lexicon.ts';
import { confidence, hitsOf, MOST_WORDS, quoted, type Reading } from './reading.ts';
import type { Meaning, Rulebook } from './rulebook.ts';
import type { Category, Decided } from './ticket.ts';

/** A word of the title says more than one of the content. */
const TITLE_FACTOR = 2;

/** Own score of each class, by index: weight of each different word, a little more when it comes again. */
function scoreNodes(reading: Reading): Map<number, number> {
  const perWord = new Map<string, { node: number; weight: number; count: number; title: boolean }>();
  for (const hit of hitsOf(reading, 'category')) {
    if (hit.item.of !== 'category') continue;
    const key = `${hit.item.node} ${reading.text.slice(hit.start, hit.end)}`;
    const title = hit.start < reading.contentAt;
    const seen = perWord.get(key);
    if (seen === undefined) perWord.set(key, { node: hit.item.node, weight: hit.item.weight, count: 1, title });
    else {
      seen.count++;
      seen.title ||= title;
    }
  }
  const scores = new Map<number, number>();
  for (const { node, weight, count, title } of perWord.values()) {
    const value = weight * (1 + 0.3 * Math.log2(count)) * (title ? TITLE_FACTOR : 1);
    scores.set(node, (scores.get(node) ?? 0) + value);
  }
  return scores;
}

/** Adds each class's score to the classes above it. */
function addUpwards(own: ReadonlyMap<number, number>, rulebook: Rulebook): Map<number, number> {
  const totals = new Map(own);
  for (const [node, score] of own) {
    for (let at = rulebook.nodes[node]!.parent; at >= 0; at = rulebook.nodes[at]!.parent) {
      totals.set(at, (totals.get(at) ?? 0) + score);
    }
  }
  return totals;
}

function bestUnder(parent: number, totals: ReadonlyMap<number, number>, rulebook: Rulebook) {
  let best = -1;
  let top = 0;
  let second = 0;
  for (const [node, score] of totals) {
    if (rulebook.nodes[node]!.parent !== parent) continue;
    if (score > top) [best, top, second] = [node, score, top];
    else if (score > second) second = score;
  }
  return { best, top, second };
}

function isUnder(node: number, ancestor: number, rulebook: Rulebook): boolean {
  for (let at = node; at >= 0; at = rulebook.nodes[at]!.parent) if (at === ancestor) return true;
  return false;
}

function bySender(labels: readonly string[], rulebook: Rulebook): Decided<Category> | null {
  for (const label of [...labels].reverse()) {
    const nodes = rulebook.nodesByLabel.get(label.trim()) ?? [];
    const wider = labels.map(name => name.trim());
    const fitting = nodes.filter(node =>
      rulebook.nodes[node]!.category.labels.slice(0, -1).some(name => wider.includes(name)),
    );
    const node = fitting[0] ?? (nodes.length === 1 ? nodes[0] : undefined);
    if (node === undefined) continue;
    return { value: rulebook.nodes[node]!.category, by: 'sender', words: [label], confidence: 0.95 };
  }
  return null;
}

/** Scores of the first-level classes by the rules, by code: what the model takes into account beside the text. */
export function firstLevelScores(totals: ReadonlyMap<number, number>, rulebook: Rulebook): Map<string, number> {
  const scores = new Map<string, number>();
  for (const [node, score] of totals) {
    const { level, code } = rulebook.nodes[node]!;
    if (level === 1) scores.set(code, score);
  }
  return scores;
}

/** Scores of all classes by the rules, those above included; by index. */
export function ruleScores(reading: Reading): Map<number, number> {
  return addUpwards(scoreNodes(reading), reading.rulebook);
}

interface FirstLevel {
  readonly node: number;
  readonly by: 'rule' | 'model';
  readonly words: readonly string[];
  readonly confidence: number;
}

/** The first level by the rules alone. */
function byRules(totals: ReadonlyMap<number, number>, rulebook: Rulebook): FirstLevel | null {
  const { best, top, second } = bestUnder(-1, totals, rulebook);
  if (best < 0 || top < rulebook.rules.categories.threshold) return null;
  return { node: best, by: 'rule', words: [], confidence: confidence((top / (top + second)) * (top / (top + 2))) };
}

/** Below this nothing is named by the model alone. */
const LEAST_PROBABLE = 0.5;
/** Nor where it knows fewer different runs of characters than this. */
const LEAST_KNOWN = 4;
/** A message in which the model knows fewer than this is decided by the rules where they say one thing plainly. */
const FEW_KNOWN = 14;
const PLAIN_LEAST = 5;
const PLAIN_LEAD = 1.5;
/** The rules name a class the model was not trained on where they say so much more for it than for any other. */
const UNTRAINED_LEAST = 3;
const UNTRAINED_LEAD = 1.5;
/** At most so many phrases are quoted for the model. */
const MOST_PHRASES = 4;

/** The first level by the model, in which the rules have their say; by the rules where the model does not know it. */
function firstLevel(reading: Reading, totals: ReadonlyMap<number, number>): FirstLevel | null {
  const { rulebook } = reading;
  const ruled = byRules(totals, rulebook);
  const model = rulebook.categoryModel;
  if (model === null) return ruled;
  const scores = firstLevelScores(totals, rulebook);
  const counts = model.count(reading.text, reading.contentAt);
  const { probabilities, known } = model.score(counts, scores);
  const top = Math.max(...probabilities);
  const place = probabilities.indexOf(top);
  if (ruled !== null) {
    const code = rulebook.nodes[ruled.node]!.code;
    if (isUntrained(code, scores, model.classes) || (known < FEW_KNOWN && isPlain(code, scores))) return ruled;
  }
  if (ruled === null && (top < LEAST_PROBABLE || known < LEAST_KNOWN)) return null;
  const node = rulebook.nodes.findIndex(({ code }) => code === model.classes[place]);
  const words = model.phrases(reading.text, counts, place, MOST_PHRASES);
  return { node, by: 'model', words, confidence: confidence(top) };
}

/** True where the rules speak for one class, strongly, and for hardly any other. */
function isPlain(code: string, scores: ReadonlyMap<string, number>): boolean {
  const own = scores.get(code) ?? 0;
  const rival = Math.max(0, ...[...scores].filter(([other]) => other !== code).map(([, score]) => score));
  return own >= PLAIN_LEAST && own >= rival * PLAIN_LEAD;
}

function isUntrained(code: string, scores: ReadonlyMap<string, number>, trained: readonly string[]): boolean {
  if (trained.includes(code)) return false;
  const score = scores.get(code) ?? 0;
  const rival = Math.max(0, ...trained.map(other => scores.get(other) ?? 0));
  return score >= UNTRAINED_LEAST && score >= rival * UNTRAINED_LEAD;
}

/**
 * The class of an appeal; null when too little speaks for any.
 * @param labels The sender's own labels, widest first; unknown ones are kept in `raw`.
 */
export function readCategory(reading: Reading, labels: readonly string[] | undefined): Decided<Category> | null {
  const { rulebook } = reading;
  const given = labels ?? [];
  const sent = bySender(given, rulebook);
  if (sent !== null) return sent;
  const totals = ruleScores(reading);
  const first = firstLevel(reading, totals);
  if (first === null) return null;
  let node = first.node;
  for (;;) {
    const below = bestUnder(node, totals, rulebook);
    if (below.best < 0 || below.top === below.second) break;
    node = below.best;
  }
  const hits = hitsOf(reading, 'category').filter(
    (hit: Hit<Meaning>) => hit.item.of === 'category' && isUnder(hit.item.node, first.node, rulebook),
  );
  const raw = given.join('/');
  return {
    value: rulebook.nodes[node]!.category,
    by: first.by,
    words: withPhrases(quoted(reading, hits), first.words),
    confidence: first.confidence,
    ...(raw === '' ? {} : { raw }),
  };
}

/** Words of the rules first; phrases of the model that add something behind them. */
function withPhrases(words: readonly string[], phrases: readonly string[]): string[] {
  const kept = words.slice(0, MOST_WORDS - MOST_PHRASES);
  const added = phrases.filter(phrase => !kept.some(word => word.includes(phrase)));
  return [...kept, ...added, ...words.slice(kept.length)].slice(0, MOST_WORDS);
}
