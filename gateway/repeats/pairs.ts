// Labelled pairs: what reading makes of them, models trained on them, and how well a model tells them apart.
import { weigh } from '../../normalizer/dedupe.ts';
import type { Candidate, Facts, RepeatPolicy } from '../../normalizer/facts.ts';
import type { RepeatModel } from '../../normalizer/repeat-model.ts';
import { type Example, trainParts } from '../../normalizer/repeat-training.ts';
import { similarity } from '../../normalizer/similarity.ts';
import { POSTINGS_DEFAULTS, type PostingsOptions } from '../../store/postings.ts';
import { pairFigures, recallAtPrecision, rounded, type Scored } from './figures.ts';
import { bareText, type LabelledMessage, type LabelledPair } from './labelled-files.ts';
import { MEASURED, type ReadOne, type StreamRules, stream } from './stream.ts';

/** Messages as they were read, each with what was known of words and of earlier messages when it came. */
export interface ReadSet {
  readonly messages: readonly LabelledMessage[];
  readonly facts: ReadonlyMap<string, Facts>;
  /** Earlier messages that the index found for each, likest first. */
  readonly candidates: ReadonlyMap<string, readonly Candidate[]>;
  /** Place of each in the order of reading. */
  readonly order: ReadonlyMap<string, number>;
}

/** Candidates that are learnt from: fainter ones too than the gateway compares, since there are more of them. */
const FAINT: PostingsOptions = { ...POSTINGS_DEFAULTS, limit: MEASURED, floor: 0.03 };

/** A pass in which nothing is linked, so that what is read does not hang on any model. */
export async function readSet(
  messages: readonly LabelledMessage[],
  reads: readonly ReadOne[],
  rules: StreamRules,
): Promise<ReadSet> {
  const never = Number.POSITIVE_INFINITY;
  const apart: RepeatPolicy = {
    ...rules.repeats.policy,
    thresholds: { repeat: never, incident: never, suggest: never },
  };
  const streamed = await stream(messages, reads, rules.repeats, () => apart, FAINT);
  return {
    messages,
    facts: new Map(streamed.map(({ message, facts }) => [message.id, facts])),
    candidates: new Map(streamed.map(({ message, candidates }) => [message.id, candidates])),
    order: new Map(messages.map(({ id }, at) => [id, at])),
  };
}

/** An example that says of which messages it is, so that it can be left out. */
export interface LabelledExample extends Example {
  readonly a: string;
  readonly b: string;
}

export function examplesOf(pairs: readonly LabelledPair[], { facts }: ReadSet): readonly LabelledExample[] {
  return pairs.map(({ a, b, same }) => ({ a, b, same, features: compare(facts, a, b) }));
}

/** What the index found beside the labelled pairs counts for less: who is in no incident may have been overlooked. */
const FOUND_WEIGHT = 0.2;

/** Pairs of each message with what the index found for it: the same where both are in one incident. Two that are in none
 *  say nothing, and copies that the incidents do not know of neither. */
export function foundExamples(
  set: ReadSet,
  pairs: readonly LabelledPair[],
  incidents: ReadonlyMap<string, string>,
): readonly LabelledExample[] {
  if (incidents.size === 0) return [];
  const labelled = new Set(pairs.flatMap(({ a, b }) => [`${a}\n${b}`, `${b}\n${a}`]));
  const texts = new Map(set.messages.map(message => [message.id, bareText(message)]));
  const found: LabelledExample[] = [];
  for (const [a, candidates] of set.candidates) {
    for (const { number: b } of candidates) {
      const incident = incidents.get(a);
      if (incident === undefined && !incidents.has(b)) continue;
      const same = incident !== undefined && incident === incidents.get(b);
      if (labelled.has(`${a}\n${b}`) || (!same && texts.get(a) === texts.get(b))) continue;
      found.push({ a, b, same, features: compare(set.facts, a, b), weight: FOUND_WEIGHT });
    }
  }
  return found;
}

function compare(facts: ReadonlyMap<string, Facts>, a: string, b: string) {
  return similarity(facts.get(a) as Facts, facts.get(b) as Facts);
}

/** A model of the examples, without version and figures. */
export function modelOf(examples: readonly Example[]): RepeatModel {
  return { version: 'measured', made: '1970-01-01', trainedOn: {}, figures: {}, ...trainParts(examples) };
}

/** One model a part, trained on the examples of which neither message lies in that part. */
export function modelsOfParts(
  examples: readonly LabelledExample[],
  parts: ReadonlyMap<string, number>,
  folds: number,
): readonly RepeatModel[] {
  return Array.from({ length: folds }, (_, part) =>
    modelOf(examples.filter(({ a, b }) => parts.get(a) !== part && parts.get(b) !== part)),
  );
}

export interface ScoredPair extends Scored {
  readonly pair: LabelledPair;
}

/** Scores of pairs as the decision gives them: the later message's, when it came, to the earlier one. */
export function scoredPairs(
  pairs: readonly LabelledPair[],
  set: ReadSet,
  policyOf: (pair: LabelledPair) => RepeatPolicy,
): readonly ScoredPair[] {
  return pairs.map(pair => ({ pair, same: pair.same, score: scoreOf(pair, set, policyOf(pair)) }));
}

function scoreOf({ a, b }: LabelledPair, { facts, candidates, order }: ReadSet, policy: RepeatPolicy): number {
  const [earlier, later] = (order.get(a) as number) < (order.get(b) as number) ? [a, b] : [b, a];
  const others = (candidates.get(later) as readonly Candidate[]).filter(({ number }) => number !== earlier);
  const asked: Candidate = { number: earlier, facts: facts.get(earlier) as Facts, open: true, incident: null };
  const weighed = weigh({ number: later, facts: facts.get(later) as Facts }, [asked, ...others], policy);
  return weighed.find(({ candidate }) => candidate === asked)?.score ?? 0;
}

/** Figures of all pairs, and by kind. */
export function pairReport(scored: readonly ScoredPair[], threshold: number) {
  const { pairs, precision, recall, f1 } = pairFigures(scored, threshold);
  const kinds = [...new Set(scored.map(({ pair }) => pair.kind))].sort();
  return {
    pairs,
    precision: rounded(precision),
    recall: rounded(recall),
    f1: rounded(f1),
    recallAtPrecision95: rounded(recallAtPrecision(scored, 0.95)),
    threshold,
    kinds: Object.fromEntries(kinds.map(kind => [kind, kindFigures(scored, kind, threshold)])),
  };
}

/** Right: a pair of one matter at or above the threshold, a pair of two below it. */
function kindFigures(scored: readonly ScoredPair[], kind: string, threshold: number) {
  const ofKind = scored.filter(one => one.pair.kind === kind);
  const right = ofKind.filter(one => one.score >= threshold === one.same).length;
  return { pairs: ofKind.length, same: ofKind.filter(one => one.same).length, right, wrong: ofKind.length - right };
}
