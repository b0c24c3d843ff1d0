// npm run train:urgency: config/rules/urgency-model.json, learnt from messages that we wrote ourselves (config/samples/urgency-*.jsonl).
import { join } from 'node:path';
import { loadRules, URGENCY_MODEL } from '../config/load-rules.ts';
import { rounded } from '../gateway/evaluation/class-figures.ts';
import { readType } from '../normalizer/appeal-type.ts';
import { compileRulebook } from '../normalizer/rulebook.ts';
import { modelText, urgencySigns } from '../normalizer/urgency.ts';
import { type LabelledText, writeModel } from './text-model-training.ts';
import { readingOf, SHIPPED, type Told, trainOnWritten, written } from './written-samples.ts';

/** What it learns from, beside the tickets of the demo. Others in that folder are kept for measuring what it has not seen. */
const LEARNT = ['urgency-later', 'urgency-written'];
const CLASSES = ['一般', '紧急'];

/** Without the model of the types, which takes no urgency away. */
const rulebook = compileRulebook({ ...loadRules(SHIPPED), typeModel: null, urgencyModel: null });

function textOf(told: Told): LabelledText {
  const reading = readingOf(told, rulebook);
  const rules = urgencySigns(reading, readType(reading, undefined).value);
  return { text: modelText(reading), contentAt: reading.contentAt, rules, label: told.urgency ?? '' };
}

const texts = written(LEARNT)
  .filter(({ urgency }) => urgency !== null && CLASSES.includes(urgency))
  .map(textOf);
const trained = trainOnWritten(texts, { classes: CLASSES, rulesCount: 0.05, cost: 6 });
const { urgent, unsure } = rulebook.rules.urgency;
const probabilities = trained.unseen.map(([, probability]) => probability ?? 0);
const share = (label: string, from: number) => {
  const those = probabilities.filter((_, at) => texts[at]?.label === label);
  return rounded(those.filter(probability => probability >= from).length / those.length);
};
writeModel(join(SHIPPED.rulesFolder, URGENCY_MODEL), trained, {
  trainedOn: { messages: texts.length, urgent: texts.filter(({ label }) => label === '紧急').length },
  figures: {
    urgentFoundOfFiveParts: share('紧急', urgent),
    urgentAskedOrFoundOfFiveParts: share('紧急', unsure),
    ordinaryTakenForUrgentOfFiveParts: share('一般', urgent),
    ordinaryAskedOrTakenOfFiveParts: share('一般', unsure),
  },
});
