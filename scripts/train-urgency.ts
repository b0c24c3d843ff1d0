// npm run train:urgency: config/rules/urgency-model.json, learnt from messages that we wrote ourselves (config/samples/urgency-*.jsonl).
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadRules, URGENCY_MODEL } from '../config/load-rules.ts';
import { type LabelledReading, readLabelledReadings } from '../gateway/evaluation/labelled-readings.ts';
import { readType } from '../normalizer/appeal-type.ts';
import { openReading } from '../normalizer/reading.ts';
import { compileRulebook } from '../normalizer/rulebook.ts';
import { cleanText } from '../normalizer/text.ts';
import { LONGEST_GRAM, type TextModelData } from '../normalizer/text-model.ts';
import type { Urgency } from '../normalizer/ticket.ts';
import { modelText, urgencySigns } from '../normalizer/urgency.ts';
import { type LabelledText, rounded, trainTextModel } from './text-model-training.ts';

const RULES = fileURLToPath(new URL('../config/rules', import.meta.url));
const REGION = fileURLToPath(new URL('../config/regions/tonghua.yaml', import.meta.url));
const SAMPLES = new URL('../config/samples/', import.meta.url);
/** What it learns from, beside the tickets of the demo. Others in that folder are kept for measuring what it has not seen. */
const LEARNT = ['urgency-later', 'urgency-written'];
const DEMO = 'tonghua';
/** A run that fewer messages have says nothing of others. */
const LEAST_MESSAGES = 3;
const CLASSES = ['一般', '紧急'];

const rulebook = compileRulebook({ ...loadRules({ rulesFolder: RULES, regionFile: REGION }), urgencyModel: null });

function textOf({ title, content, urgency }: Told): LabelledText {
  const { contentLength, titleLength } = rulebook.rules.text;
  const line = cleanText(title, titleLength).text.replaceAll('\n', ' ');
  const reading = openReading(line, cleanText(content, contentLength).text, new Uint32Array(8), rulebook);
  const rules = urgencySigns(reading, readType(reading, undefined).value);
  return { text: modelText(reading), contentAt: reading.contentAt, rules, label: urgency ?? '' };
}

type Told = Pick<LabelledReading, 'title' | 'content' | 'urgency'>;

const fileOf = (name: string) => fileURLToPath(new URL(`${name}.jsonl`, SAMPLES));

/** Tickets of the demo of which it says how urgent they are. */
function demoTickets(): Told[] {
  interface Sample {
    readonly body: { readonly data: { readonly title?: string; readonly content?: string } };
    readonly expect: { readonly urgency?: Urgency };
  }
  const samples = readFileSync(fileOf(DEMO), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Sample);
  return samples.flatMap(({ body: { data }, expect: { urgency } }) =>
    urgency === undefined || !CLASSES.includes(urgency) || data.content === undefined
      ? []
      : [{ title: data.title ?? '', content: data.content, urgency }],
  );
}

/** Runs of Han characters that so many of the messages have; with each all its beginnings. */
function gramsOf(texts: readonly string[]): string[] {
  const messages = new Map<string, number>();
  for (const text of texts) {
    const own = new Set<string>();
    for (const run of text.split(/[^\u4e00-\u9fff]+/)) {
      for (let at = 0; at < run.length; at++)
        for (let end = at + 1; end <= Math.min(run.length, at + LONGEST_GRAM); end++) own.add(run.slice(at, end));
    }
    for (const gram of own) messages.set(gram, (messages.get(gram) ?? 0) + 1);
  }
  return [...messages].flatMap(([gram, found]) => (found >= LEAST_MESSAGES ? [gram] : [])).sort();
}

const rows: readonly Told[] = LEARNT.flatMap(name => readLabelledReadings(fileOf(name)));
const texts = [...rows, ...demoTickets()].map(textOf);
const grams = gramsOf(texts.map(({ text }) => text));
const ruleKeys = [...new Set(texts.flatMap(({ rules }) => [...rules.keys()]))].sort();
const { data, unseen } = trainTextModel(texts, {
  ...{ classes: CLASSES, grams, ruleKeys, rulesCount: 0.05, cost: 6 },
  partOf: at => at,
});
const { urgent, unsure } = rulebook.rules.urgency;
const probabilities = unseen.map(([, probability]) => probability ?? 0);
const share = (label: string, from: number) => {
  const those = probabilities.filter((_, at) => texts[at]?.label === label);
  return rounded(those.filter(probability => probability >= from).length / those.length);
};
const made = new Date().toISOString().slice(0, 10);
const model: TextModelData = {
  version: `${made}.${grams.length}`,
  made,
  trainedOn: {
    messages: texts.length,
    urgent: texts.filter(({ label }) => label === '紧急').length,
    grams: grams.length,
  },
  figures: {
    urgentFoundOfFiveParts: share('紧急', urgent),
    urgentAskedOrFoundOfFiveParts: share('紧急', unsure),
    ordinaryTakenForUrgentOfFiveParts: share('一般', urgent),
    ordinaryAskedOrTakenOfFiveParts: share('一般', unsure),
  },
  ...data,
};
const file = `${RULES}/${URGENCY_MODEL}`;
writeFileSync(file, `${JSON.stringify(model)}\n`);
console.log(
  JSON.stringify({ file, ...model.trainedOn, ...model.figures, sharpness: model.sharpness, rules: model.rules }),
);
