// What models are trained on that learn from messages we wrote ourselves (config/samples).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RulePaths } from '../config/load-rules.ts';
import { type LabelledReading, readLabelledReadings } from '../gateway/evaluation/labelled-readings.ts';
import { openReading, type Reading } from '../normalizer/reading.ts';
import type { Rulebook } from '../normalizer/rulebook.ts';
import { cleanText } from '../normalizer/text.ts';
import { LONGEST_GRAM } from '../normalizer/text-model.ts';
import type { TicketType, Urgency } from '../normalizer/ticket.ts';
import { type LabelledText, type TrainedModel, type TrainingOptions, trainTextModel } from './text-model-training.ts';

export const SHIPPED: RulePaths = {
  rulesFolder: fileURLToPath(new URL('../config/rules', import.meta.url)),
  regionFile: fileURLToPath(new URL('../config/regions/tonghua.yaml', import.meta.url)),
};
const SAMPLES = new URL('../config/samples/', import.meta.url);
const DEMO = 'tonghua';
/** A run that fewer messages have says nothing of others. */
const LEAST_MESSAGES = 3;

/** A message with what should be read in it. */
export type Told = Pick<LabelledReading, 'title' | 'content' | 'urgency' | 'type'>;

const fileOf = (name: string) => fileURLToPath(new URL(`${name}.jsonl`, SAMPLES));

/** Messages of some of the sample files, and the tickets of the demo. */
export function written(names: readonly string[]): readonly Told[] {
  return [...names.flatMap(name => readLabelledReadings(fileOf(name))), ...demoTickets()];
}

function demoTickets(): Told[] {
  interface Sample {
    readonly body: { readonly data: { readonly title?: string; readonly content?: string } };
    readonly expect: { readonly urgency?: Urgency; readonly type?: TicketType };
  }
  const samples = readFileSync(fileOf(DEMO), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Sample);
  return samples.flatMap(({ body: { data }, expect: { urgency = null, type = null } }) =>
    data.content === undefined ? [] : [{ title: data.title ?? '', content: data.content, urgency, type }],
  );
}

export function readingOf({ title, content }: Told, rulebook: Rulebook): Reading {
  const { contentLength, titleLength } = rulebook.rules.text;
  const line = cleanText(title, titleLength).text.replaceAll('\n', ' ');
  return openReading(line, cleanText(content, contentLength).text, new Uint32Array(8), rulebook);
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

/** A model of what so many of the texts have in common; each is kept aside in turn. */
export function trainOnWritten(
  texts: readonly LabelledText[],
  options: Pick<TrainingOptions, 'classes' | 'rulesCount' | 'cost'>,
): TrainedModel {
  const grams = gramsOf(texts.map(({ text }) => text));
  const ruleKeys = [...new Set(texts.flatMap(({ rules }) => [...rules.keys()]))].sort();
  return trainTextModel(texts, { ...options, grams, ruleKeys, partOf: at => at });
}
