// node scripts/train-category.ts --labelled FILE --appeals FILE… [--scored FILE --copies FILE]: config/rules/category-model.json.
// Labelled messages teach it; only grams that many of the appeals have are kept; copies of what is scored are left out.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadRules } from '../config/load-rules.ts';
import { rounded } from '../gateway/evaluation/class-figures.ts';
import { firstLevelScores, ruleScores } from '../normalizer/category.ts';
import { openReading } from '../normalizer/reading.ts';
import { compileRulebook } from '../normalizer/rulebook.ts';
import { commonGrams, readRows, type TrainingRow, withoutCopies } from './category-rows.ts';
import { type LabelledText, trainTextModel, writeModel } from './text-model-training.ts';

const RULES = fileURLToPath(new URL('../config/rules', import.meta.url));
const REGION = fileURLToPath(new URL('../config/regions/tonghua.yaml', import.meta.url));
const MODEL = `${RULES}/category-model.json`;
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

function labelled({ title, content, category1 }: TrainingRow): LabelledText {
  const reading = openReading(title, content, new Uint32Array(8), rulebook);
  const rules = firstLevelScores(ruleScores(reading), rulebook);
  return { text: reading.text, contentAt: reading.contentAt, rules, label: codeOf(category1 ?? '') };
}

function macroF1(guesses: readonly string[], labels: readonly string[], classes: readonly string[]): number {
  const f1 = classes.map(wanted => {
    const right = labels.filter((label, at) => label === wanted && guesses[at] === wanted).length;
    const all = labels.filter(label => label === wanted).length + guesses.filter(guess => guess === wanted).length;
    return (2 * right) / all;
  });
  return f1.reduce((sum, value) => sum + value, 0) / classes.length;
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
const texts = whole.flatMap(row => [row, beginning(row)]).map(labelled);
const grams = [...commonGrams(readRows(options.appeals)).keys()];
const classes = [...new Set(texts.map(({ label }) => label))].sort();
const trained = trainTextModel(texts, {
  ...{ classes, grams, ruleKeys: ruleCodes, rulesCount: 0.4, cost: 1 },
  // A message and its beginning are kept aside together.
  partOf: at => at >> 1,
});
const guesses = trained.unseen.map(row => classes[row.indexOf(Math.max(...row))] ?? '');
const labels = texts.map(({ label }) => label);
writeModel(MODEL, trained, {
  trainedOn: { messages: whole.length, leftOutAsCopies: all.length - whole.length },
  figures: { macroF1OfFiveParts: rounded(macroF1(guesses, labels, classes)) },
});
