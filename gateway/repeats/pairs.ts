// Labelled pairs: their features as reading makes them, models trained on them, and how well a model tells them apart.
import type { Facts, RepeatPolicy } from '../../normalizer/facts.ts';
import { probability, type RepeatModel } from '../../normalizer/repeat-model.ts';
import { type Example, trainParts } from '../../normalizer/repeat-training.ts';
import { similarity } from '../../normalizer/similarity.ts';
import { pairFigures, recallAtPrecision, rounded, type Scored } from './figures.ts';
import type { LabelledMessage, LabelledPair } from './labelled-files.ts';
import { type ReadOne, type StreamRules, stream } from './stream.ts';

/** Facts of all messages, each read with what was known of words when it came. Nothing is linked meanwhile. */
export async function factsOfAll(
  messages: readonly LabelledMessage[],
  reads: readonly ReadOne[],
  rules: StreamRules,
): Promise<ReadonlyMap<string, Facts>> {
  const apart: RepeatPolicy = { ...rules.repeats.policy, minimumTerms: Number.POSITIVE_INFINITY };
  const streamed = await stream(messages, reads, rules.repeats, () => apart);
  return new Map(streamed.map(({ message, facts }) => [message.id, facts]));
}

export function examplesOf(pairs: readonly LabelledPair[], facts: ReadonlyMap<string, Facts>): readonly Example[] {
  return pairs.map(({ a, b, same }) => ({ features: similarity(facts.get(a) as Facts, facts.get(b) as Facts), same }));
}

/** A model of the examples, without version and figures. */
export function modelOf(examples: readonly Example[]): RepeatModel {
  return { version: 'measured', made: '1970-01-01', trainedOn: {}, figures: {}, ...trainParts(examples) };
}

/** One model a part, trained on the pairs of which neither message lies in that part. */
export function modelsOfParts(
  pairs: readonly LabelledPair[],
  examples: readonly Example[],
  parts: ReadonlyMap<string, number>,
  folds: number,
): readonly RepeatModel[] {
  return Array.from({ length: folds }, (_, part) =>
    modelOf(examples.filter((_example, at) => touches(pairs[at] as LabelledPair, parts, part) === false)),
  );
}

function touches({ a, b }: LabelledPair, parts: ReadonlyMap<string, number>, part: number): boolean {
  return parts.get(a) === part || parts.get(b) === part;
}

export interface ScoredPair extends Scored {
  readonly pair: LabelledPair;
}

export function scoredPairs(
  pairs: readonly LabelledPair[],
  examples: readonly Example[],
  modelOfPair: (pair: LabelledPair) => RepeatModel,
): readonly ScoredPair[] {
  return pairs.map((pair, at) => {
    const { features, same } = examples[at] as Example;
    return { pair, same, score: probability(modelOfPair(pair), features) };
  });
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
    kinds: Object.fromEntries(
      kinds.map(kind => [
        kind,
        kindFigures(
          scored.filter(one => one.pair.kind === kind),
          threshold,
        ),
      ]),
    ),
  };
}

function kindFigures(scored: readonly ScoredPair[], threshold: number) {
  const right = scored.filter(one => one.score >= threshold === one.same).length;
  return { pairs: scored.length, right, wrong: scored.length - right };
}
