// npm run train:type: config/rules/type-model.json, learnt from messages that we wrote ourselves (config/samples/types-written.jsonl).
import { join } from 'node:path';
import { loadRules, TYPE_MODEL } from '../config/load-rules.ts';
import { rounded } from '../gateway/evaluation/class-figures.ts';
import { typeSigns, typeText } from '../normalizer/appeal-type.ts';
import { compileRulebook } from '../normalizer/rulebook.ts';
import { TICKET_TYPES } from '../normalizer/ticket.ts';
import { type LabelledText, writeModel } from './text-model-training.ts';
import { readingOf, SHIPPED, type Told, trainOnWritten, written } from './written-samples.ts';

/** What it learns from, beside the tickets of the demo. Others in that folder are kept for measuring what it has not seen. */
const LEARNT = ['types-written'];

const rulebook = compileRulebook({ ...loadRules(SHIPPED), typeModel: null });

function textOf(told: Told): LabelledText {
  const reading = readingOf(told, rulebook);
  return { text: typeText(reading), contentAt: reading.contentAt, rules: typeSigns(reading), label: told.type ?? '' };
}

const texts = written(LEARNT)
  .filter(({ type }) => type !== null)
  .map(textOf);
const trained = trainOnWritten(texts, { classes: TICKET_TYPES, rulesCount: 0.1, cost: 3 });
const right = trained.unseen.filter((row, at) => TICKET_TYPES[row.indexOf(Math.max(...row))] === texts[at]?.label);
writeModel(join(SHIPPED.rulesFolder, TYPE_MODEL), trained, {
  trainedOn: { messages: texts.length },
  figures: { rightOfFiveParts: rounded(right.length / texts.length) },
});
