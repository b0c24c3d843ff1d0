// huisu repeats evaluate and replay: labelled files in, figures out, by the shipped model or by models of parts.
import type { RepeatPolicy } from '../../normalizer/facts.ts';
import { DeskError } from '../desk/desk-error.ts';
import { incidentOf, type Labels, partsOf } from './folds.ts';
import type { LabelledIncident, LabelledMessage, LabelledPair } from './labelled-files.ts';
import { sampleExamples } from './own-samples.ts';
import { examplesOf, foundExamples, modelsOfParts, pairReport, type ReadSet, readSet, scoredPairs } from './pairs.ts';
import { replayReport } from './replay.ts';
import { readAll, type StreamRules, stream } from './stream.ts';

/** What is measured, and what is known of it. */
export interface Measuring extends Labels {
  readonly messages: readonly LabelledMessage[];
  /** So many parts, each decided by a model not trained on it; null: the model of the rules decides all. */
  readonly folds: number | null;
}

/** Pair precision, recall and F1 where a clerk is shown a pair at least, and the recall at a precision of .95. */
export async function evaluate(measuring: Measuring & { readonly pairs: readonly LabelledPair[] }, rules: StreamRules) {
  const { messages, pairs, folds } = measuring;
  const set = await readSet(messages, await readAll(messages, rules), rules);
  const policyOf = await policies(measuring, set, rules);
  const scored = scoredPairs(pairs, set, ({ a }) => policyOf(a));
  const { repeats } = rules;
  return {
    ...pairReport(scored, repeats.policy.thresholds.suggest),
    folds,
    weights: folds === null ? repeats.policy.model.version : 'by part',
  };
}

/** A stream in order of time, as the product would run. */
export async function replay(
  measuring: Measuring & { readonly incidents: readonly LabelledIncident[] },
  rules: StreamRules,
) {
  const { messages, incidents, folds, pairs = [] } = measuring;
  const reads = await readAll(messages, rules);
  const policyOf = await policies(measuring, await readSet(messages, reads, rules), rules);
  const streamed = await stream(messages, reads, rules.repeats, ({ id }) => policyOf(id));
  const { policy } = rules.repeats;
  return {
    ...replayReport(streamed, messages, incidents, pairs),
    thresholds: policy.thresholds,
    folds,
    weights: folds === null ? policy.model.version : 'by part',
  };
}

/** By whose model a message is decided. */
async function policies(measuring: Measuring, set: ReadSet, rules: StreamRules): Promise<(id: string) => RepeatPolicy> {
  const { policy } = rules.repeats;
  const { folds, pairs = [] } = measuring;
  if (folds === null) return () => policy;
  const parts = partsOf(measuring, folds);
  const examples = [
    ...examplesOf(pairs, set),
    ...foundExamples(set, pairs, incidentOf(measuring)),
    ...(await sampleExamples(rules)),
  ];
  try {
    const models = modelsOfParts(examples, parts, folds);
    const byPart = models.map(model => ({ ...policy, model }));
    return id => byPart[parts.get(id) as number] as RepeatPolicy;
  } catch (error) {
    if (error instanceof RangeError) throw new DeskError('repeats.too_few', { pairs: pairs.length });
    throw error;
  }
}
