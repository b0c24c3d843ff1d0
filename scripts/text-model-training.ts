// Trains a model of runs of characters (normalizer/text-model.ts) on labelled texts: its weights, and how it does on texts kept aside.
import { writeFileSync } from 'node:fs';
import { rounded } from '../gateway/evaluation/class-figures.ts';
import { type SparseRow, trainClassifiers } from '../normalizer/linear-training.ts';
import {
  gramCounter,
  gramTable,
  RARITY_STEPS,
  SHORTNESS,
  softmax,
  type TextModelData,
} from '../normalizer/text-model.ts';

/** A text to learn from. */
export interface LabelledText {
  readonly text: string;
  /** Where the content begins behind the title; 0 where there is none. */
  readonly contentAt: number;
  /** What the rules say of it, by their keys. */
  readonly rules: ReadonlyMap<string, number>;
  readonly label: string;
}

export interface TrainingOptions {
  readonly classes: readonly string[];
  /** Runs it may know; each one's beginnings are among them. */
  readonly grams: readonly string[];
  /** Keys under which the rules may say something. */
  readonly ruleKeys: readonly string[];
  /** How much the rules count beside the text while training. */
  readonly rulesCount: number;
  readonly cost: number;
  /** The part of five in which a text is kept aside. */
  readonly partOf: (at: number) => number;
}

export interface TrainedModel {
  readonly data: Pick<
    TextModelData,
    'classes' | 'grams' | 'rarity' | 'weights' | 'scale' | 'rules' | 'bias' | 'sharpness'
  >;
  /** By text, then class: probabilities by a model that has not seen the text. */
  readonly unseen: readonly (readonly number[])[];
}

const PARTS = 5;

type Trained = ReturnType<typeof trainClassifiers>;

/** Rows of grams and of what the rules say; the rarity of a gram is that among these texts. */
function features(texts: readonly LabelledText[], { grams, ruleKeys, rulesCount }: TrainingOptions) {
  const count = gramCounter(gramTable(grams));
  const counted = texts.map(({ text, contentAt, rules }) => {
    const { size, grams: found, counts } = count(text, contentAt);
    const places = Uint32Array.from(found.subarray(0, size));
    const times = Float32Array.from(places, gram => Math.log1p(counts[gram]!));
    return { places, times, rules };
  });
  const messages = new Uint32Array(grams.length);
  for (const { places } of counted) for (const place of places) messages[place]!++;
  const rarity = Uint8Array.from(messages, found =>
    Math.min(255, Math.round(RARITY_STEPS * (1 + Math.log((1 + texts.length) / (1 + found))))),
  );
  const sparse = counted.map(({ places, times, rules }): SparseRow => {
    const values = times.map((value, at) => (value * rarity[places[at]!]!) / RARITY_STEPS);
    const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, SHORTNESS));
    const ruled = ruleKeys.flatMap((key, at) => {
      const score = rules.get(key) ?? 0;
      return score > 0 ? [[grams.length + at, rulesCount * Math.log1p(score)] as const] : [];
    });
    return {
      places: Uint32Array.from([...places, ...ruled.map(([place]) => place)]),
      values: Float32Array.from([...values.map(value => value / norm), ...ruled.map(([, value]) => value)]),
    };
  });
  return { sparse, rarity };
}

function scoresOf(trained: Trained, { places, values }: SparseRow): number[] {
  return trained.weights.map((weights, wanted) => {
    let sum = trained.bias[wanted]!;
    places.forEach((place, at) => {
      sum += weights[place]! * values[at]!;
    });
    return sum;
  });
}

/** Scores of every row by a model that was not trained on it. */
function unseenScores(
  rows: readonly SparseRow[],
  labels: readonly number[],
  size: number,
  { classes, cost, partOf }: TrainingOptions,
): number[][] {
  const scores: number[][] = rows.map(() => []);
  for (let part = 0; part < PARTS; part++) {
    const inside = rows.map((_, at) => at).filter(at => partOf(at) % PARTS !== part);
    const model = trainClassifiers(
      inside.map(at => rows[at]!),
      inside.map(at => labels[at]!),
      classes.length,
      size,
      cost,
    );
    rows.forEach((row, at) => {
      if (partOf(at) % PARTS === part) scores[at] = scoresOf(model, row);
    });
  }
  return scores;
}

function lossAt(sharpness: number, scores: readonly (readonly number[])[], labels: readonly number[]): number {
  return scores.reduce((loss, row, at) => {
    const most = Math.max(...row);
    const sum = row.reduce((total, score) => total + Math.exp((score - most) * sharpness), 0);
    return loss - (row[labels[at]!]! - most) * sharpness + Math.log(sum);
  }, 0);
}

/** Weights of grams as bytes; rarity is multiplied in, so that a reader only adds rows up. */
function bytesOfWeights(trained: Trained, rarity: Uint8Array) {
  const width = trained.weights.length;
  const values = new Float64Array(rarity.length * width);
  rarity.forEach((rare, gram) => {
    for (let wanted = 0; wanted < width; wanted++) {
      values[gram * width + wanted] = (trained.weights[wanted]![gram]! * rare) / RARITY_STEPS;
    }
  });
  const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
  return { scale, bytes: Int8Array.from(values, value => Math.round(value / scale)) };
}

/** The same texts and options give the same model. */
export function trainTextModel(texts: readonly LabelledText[], options: TrainingOptions): TrainedModel {
  const { classes, grams, ruleKeys, rulesCount, cost } = options;
  const labels = texts.map(({ label }) => classes.indexOf(label));
  const { sparse, rarity } = features(texts, options);
  const size = grams.length + ruleKeys.length;
  const unseen = unseenScores(sparse, labels, size, options);
  const steps = Array.from({ length: 60 }, (_, at) => 0.5 + at * 0.1);
  const sharpness = steps.reduce((best, step) =>
    lossAt(step, unseen, labels) < lossAt(best, unseen, labels) ? step : best,
  );
  const trained = trainClassifiers(sparse, labels, classes.length, size, cost);
  const { scale, bytes } = bytesOfWeights(trained, rarity);
  return {
    data: {
      classes,
      grams: grams.join(' '),
      rarity: Buffer.from(rarity).toString('base64'),
      weights: Buffer.from(bytes.buffer).toString('base64'),
      scale,
      rules: Object.fromEntries(
        ruleKeys.map((key, at) => [
          key,
          trained.weights.map(weights => rounded(weights[grams.length + at]! * rulesCount)),
        ]),
      ),
      bias: trained.bias.map(rounded),
      sharpness: rounded(sharpness),
    },
    unseen: unseen.map(row => [...softmax(Float64Array.from(row), sharpness)]),
  };
}

/** Writes the model where it is shipped, dated today, and says what became of it. */
export function writeModel(
  file: string,
  { data }: TrainedModel,
  { trainedOn, figures }: Pick<TextModelData, 'trainedOn' | 'figures'>,
): void {
  const made = new Date().toISOString().slice(0, 10);
  const grams = data.grams.split(' ').length;
  const counts = { ...trainedOn, grams };
  const model: TextModelData = { version: `${made}.${grams}`, made, trainedOn: counts, figures, ...data };
  writeFileSync(file, `${JSON.stringify(model)}\n`);
  console.log(JSON.stringify({ file, ...counts, ...figures, sharpness: model.sharpness }));
}
