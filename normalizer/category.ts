// What the appeal is about: a class of the three-level taxonomy, with the words that decided.
import type { Hit } from './lexicon.ts';
import { confidence, hitsOf, quoted, type Reading } from './reading.ts';
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

/**
 * The class of an appeal; null when too little speaks for any.
 * @param labels The sender's own labels, widest first; unknown ones are kept in `raw`.
 */
export function readCategory(reading: Reading, labels: readonly string[] | undefined): Decided<Category> | null {
  const { rulebook } = reading;
  const given = labels ?? [];
  const sent = bySender(given, rulebook);
  if (sent !== null) return sent;
  const totals = addUpwards(scoreNodes(reading), rulebook);
  const { best, top, second } = bestUnder(-1, totals, rulebook);
  if (best < 0 || top < rulebook.rules.categories.threshold) return null;
  let node = best;
  for (;;) {
    const below = bestUnder(node, totals, rulebook);
    if (below.best < 0 || below.top === below.second) break;
    node = below.best;
  }
  const hits = hitsOf(reading, 'category').filter(
    (hit: Hit<Meaning>) => hit.item.of === 'category' && isUnder(hit.item.node, best, rulebook),
  );
  const raw = given.join('/');
  return {
    value: rulebook.nodes[node]!.category,
    by: 'rule',
    words: quoted(reading, hits),
    confidence: confidence((top / (top + second)) * (top / (top + 2))),
    ...(raw === '' ? {} : { raw }),
  };
}
