// node scripts/train-category.ts --labelled FILE --appeals FILE… [--scored FILE --copies FILE]: config/rules/category-model.json.
// Labelled messages teach it; only grams that many of the appeals have are kept; copies of what is scored are left out.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadRules } from '../config/load-rules.ts';
import { firstLevelScores, ruleScores } from '../normalizer/category.ts';
import {
  type CategoryModelData,
  gramCounter,
  gramTable,
  RARITY_STEPS,
  SHORTNESS,
} from '../normalizer/category-model.ts';
import { type SparseRow, trainClassifiers } from '../normalizer/linear-training.ts';
import { openReading } from '../normalizer/reading.ts';
import { compileRulebook } from '../normalizer/rulebook.ts';
import { commonGrams, readRows, type TrainingRow, withoutCopies } from './category-rows.ts';

const RULES = fileURLToPath(new URL('../config/rules', import.meta.url));
const REGION = fileURLToPath(new URL('../config/regions/tonghua.yaml', import.meta.url));
const MODEL = `${RULES}/category-model.json`;
const COST = 1;
/** How much the rules count beside the text while training. */
const RULES_COUNT = 0.4;
const PARTS = 5;
/** The first words of each message, which are mostly its title, are a short message of their own. */
const FIRST_WORDS = 8;

const rulebook = compileRulebook({ ...loadRules({ rulesFolder: RULES, regionFile: REGION }), categoryModel: null });
const ruleCodes = rulebook.nodes.filter(({ level }) => level === 1).map(({ code }) => code);

function beginning(row: TrainingRow): TrainingRow {
  return row.words === null
    ? { ...row, content: row.title }
    : { ...row, content: row.words.slice(0, FIRST_WORDS).join('') };
}

function codeOf(label: string): string {
  const node = (rulebook.nodesByLabel.get(label) ?? []).map(at => rulebook.nodes[at]!).find(({ level }) => level === 1);
  if (node === undefined) throw new Error(`the taxonomy has no class ${label}`);
  return node.code;
}

/** Rows of grams and rule scores; the rarity of a gram is that among the labelled messages. */
function features(rows: readonly TrainingRow[], grams: readonly string[]) {
  const count = gramCounter(gramTable(grams));
  const counted = rows.map(({ title, content }) => {
    const text = title === '' ? content : `${title}\n${content}`;
    const { size, grams: found, counts } = count(text, title === '' ? 0 : title.length + 1);
    const places = Uint32Array.from(found.subarray(0, size));
    const times = Float32Array.from(places, gram => Math.log1p(counts[gram]!));
    const reading = openReading(title, content, new Uint32Array(8), rulebook);
    return { places, times, rules: firstLevelScores(ruleScores(reading), rulebook) };
  });
  const messages = new Uint32Array(grams.length);
  for (const { places } of counted) for (const place of places) messages[place]!++;
  const rarity = Uint8Array.from(messages, found =>
    Math.min(255, Math.round(RARITY_STEPS * (1 + Math.log((1 + rows.length) / (1 + found))))),
  );
  const sparse = counted.map(({ places, times, rules }): SparseRow => {
    const values = times.map((value, at) => (value * rarity[places[at]!]!) / RARITY_STEPS);
    const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, SHORTNESS));
    const ruled = ruleCodes.flatMap((code, at) => {
      const score = rules.get(code) ?? 0;
      return score > 0 ? [[grams.length + at, RULES_COUNT * Math.log1p(score)] as const] : [];
    });
    return {
      places: Uint32Array.from([...places, ...ruled.map(([place]) => place)]),
      values: Float32Array.from([...values.map(value => value / norm), ...ruled.map(([, value]) => value)]),
    };
  });
  return { sparse, rarity };
}

type Trained = ReturnType<typeof trainClassifiers>;

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
  classes: number,
  size: number,
): number[][] {
  const scores: number[][] = rows.map(() => []);
  for (let part = 0; part < PARTS; part++) {
    const inside = rows.map((_, at) => at).filter(at => (at >> 1) % PARTS !== part);
    const model = trainClassifiers(
      inside.map(at => rows[at]!),
      inside.map(at => labels[at]!),
      classes,
      size,
      COST,
    );
    rows.forEach((row, at) => {
      if ((at >> 1) % PARTS === part) scores[at] = scoresOf(model, row);
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

function macroF1(scores: readonly (readonly number[])[], labels: readonly number[], classes: number): number {
  const guesses = scores.map(row => row.indexOf(Math.max(...row)));
  const f1 = Array.from({ length: classes }, (_, wanted) => {
    const right = labels.filter((label, at) => label === wanted && guesses[at] === wanted).length;
    const all = labels.filter(label => label === wanted).length + guesses.filter(guess => guess === wanted).length;
    return (2 * right) / all;
  });
  return f1.reduce((sum, value) => sum + value, 0) / classes;
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

const { values: options } = parseArgs({
  options: {
    labelled: { type: 'string', multiple: true, default: [] },
    appeals: { type: 'string', multiple: true, default: [] },
    scored: { type: 'string', multiple: true, default: [] },
    copies: { type: 'string', multiple: true, default: [] },
  },
});
const named = options.copies
  .flatMap(file => readFileSync(file, 'utf8').trim().split('\n'))
  .flatMap(line => (JSON.parse(line) as { sameTextIn: string[] }).sameTextIn);
const all = readRows(options.labelled);
const whole = withoutCopies(all, readRows(options.scored), new Set(named));
const rows = whole.flatMap(row => [row, beginning(row)]);
const grams = [...commonGrams(readRows(options.appeals)).keys()];
const classes = [...new Set(rows.map(({ category1 }) => codeOf(category1 ?? '')))].sort();
const labels = rows.map(({ category1 }) => classes.indexOf(codeOf(category1 ?? '')));
const { sparse, rarity } = features(rows, grams);
const size = grams.length + ruleCodes.length;
const unseen = unseenScores(sparse, labels, classes.length, size);
const steps = Array.from({ length: 60 }, (_, at) => 0.5 + at * 0.1);
const sharpness = steps.reduce((best, step) =>
  lossAt(step, unseen, labels) < lossAt(best, unseen, labels) ? step : best,
);
const trained = trainClassifiers(sparse, labels, classes.length, size, COST);
const { scale, bytes } = bytesOfWeights(trained, rarity);
const rounded = (value: number) => Math.round(value * 10_000) / 10_000;
const made = new Date().toISOString().slice(0, 10);
const model: CategoryModelData = {
  version: `${made}.${grams.length}`,
  made,
  trainedOn: { messages: whole.length, leftOutAsCopies: all.length - whole.length, grams: grams.length },
  figures: { macroF1OfFiveParts: rounded(macroF1(unseen, labels, classes.length)) },
  classes,
  grams: grams.join(' '),
  rarity: Buffer.from(rarity).toString('base64'),
  weights: Buffer.from(bytes.buffer).toString('base64'),
  scale,
  rules: Object.fromEntries(
    ruleCodes.map((code, at) => [
      code,
      trained.weights.map(weights => rounded(weights[grams.length + at]! * RULES_COUNT)),
    ]),
  ),
  bias: trained.bias.map(rounded),
  sharpness: rounded(sharpness),
};
writeFileSync(MODEL, `${JSON.stringify(model)}\n`);
console.log(JSON.stringify({ file: MODEL, ...model.trainedOn, ...model.figures, sharpness: model.sharpness }));
