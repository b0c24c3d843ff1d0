// npm run train:type: config/rules/type-model.json, learnt from messages that we wrote ourselves (config/samples/types-written.jsonl).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRules, TYPE_MODEL } from '../config/load-rules.ts';
import { typeSigns, typeText } from '../normalizer/appeal-type.ts';
import { compileRulebook } from '../normalizer/rulebook.ts';
import type { TextModelData } from '../normalizer/text-model.ts';
import { TICKET_TYPES } from '../normalizer/ticket.ts';
import { type LabelledText, rounded, trainTextModel } from './text-model-training.ts';
import { gramsOf, readingOf, SHIPPED, type Told, written } from './written-samples.ts';

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
const grams = gramsOf(texts.map(({ text }) => text));
const ruleKeys = [...new Set(texts.flatMap(({ rules }) => [...rules.keys()]))].sort();
const { data, unseen } = trainTextModel(texts, {
  ...{ classes: TICKET_TYPES, grams, ruleKeys, rulesCount: 0.1, cost: 3 },
  partOf: at => at,
});
const right = unseen.filter((row, at) => TICKET_TYPES[row.indexOf(Math.max(...row))] === texts[at]?.label).length;
const made = new Date().toISOString().slice(0, 10);
const model: TextModelData = {
  version: `${made}.${grams.length}`,
  made,
  trainedOn: { messages: texts.length, grams: grams.length },
  figures: { rightOfFiveParts: rounded(right / texts.length) },
  ...data,
};
const file = join(SHIPPED.rulesFolder, TYPE_MODEL);
writeFileSync(file, `${JSON.stringify(model)}\n`);
console.log(
  JSON.stringify({ file, ...model.trainedOn, ...model.figures, sharpness: model.sharpness, rules: model.rules }),
);
