// npm run docs:reading -- --categories FILE --addresses FILE: writes docs/reading.md, every figure by the code of reading itself.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/load.ts';
import { loadRules } from '../config/load-rules.ts';
import type { ClassFigures } from '../gateway/evaluation/class-figures.ts';
import { type LabelledReading, readLabelledReadings } from '../gateway/evaluation/labelled-readings.ts';
import type { PlaceFigures } from '../gateway/evaluation/place-figures.ts';
import { readingFigures } from '../gateway/evaluation/reading-figures.ts';
import { compileRulebook } from '../normalizer/rulebook.ts';
import type { TextModelData } from '../normalizer/text-model.ts';
import { FAILING } from './reading-failures.ts';

const { values } = parseArgs({ options: { categories: { type: 'string' }, addresses: { type: 'string' } } });
if (values.categories === undefined || values.addresses === undefined) {
  throw new Error('--categories and --addresses name the labelled files the page is about');
}

const { config } = loadConfig({ env: {} });
const rules = loadRules({ rulesFolder: config.rules, regionFile: config.region });
const rulebook = compileRulebook(rules);
const model = rules.categoryModel?.data as TextModelData;

const figuresOf = (rows: readonly LabelledReading[]) => readingFigures(rows, rulebook).figures;
const sample = (name: string) =>
  readLabelledReadings(fileURLToPath(new URL(`../config/samples/${name}.jsonl`, import.meta.url)));

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const shown = (value: unknown): string => (value as number).toFixed(3);

function classTable(byClass: unknown): string {
  const rows = (byClass as readonly ClassFigures[]).map(one => [
    one.class,
    one.expected,
    shown(one.precision),
    shown(one.recall),
    shown(one.f1),
    Object.entries(one.takenFor)
      .map(([other, count]) => `${other} ${count}`)
      .join(', '),
  ]);
  return table(['class', 'messages', 'precision', 'recall', 'F1', 'taken for'], rows);
}

function types(): string {
  const figures = figuresOf(sample('types'));
  const unseen = figuresOf(sample('types-unseen'));
  const byRules = readingFigures(sample('types-unseen'), compileRulebook({ ...rules, typeModel: null })).figures;
  const learnt = rules.typeModel?.data as TextModelData;
  return `## Type

${unseen['typeRows']} made-up messages by an author who knew neither the rules nor other messages (\`types-unseen.jsonl\`): **macro-F1 ${shown(unseen['typeMacroF1'])}**;
by the rules alone ${shown(byRules['typeMacroF1'])}. Where the words of \`types.yaml\` are unsure a model decides (\`config/rules/type-model.json\`,
${learnt.trainedOn['grams']} runs of one to four characters, trained on ${learnt.trainedOn['messages']} messages that we wrote, \`npm run train:type\`). On those it was trained with, kept
aside in turn, ${shown(learnt.figures['rightOfFiveParts'])} of its answers are right; it is not asked more often, since it tells a proposal from a complaint by
what they are about more than a person would.

${classTable(unseen['typeByClass'])}

${figures['typeRows']} made-up messages (\`config/samples/types.jsonl\`), ten of each type: macro-F1 ${shown(figures['typeMacroF1'])}. The rules
were widened with them in view, so this says what they hold, not how they do on others.

${classTable(figures['typeByClass'])}`;
}

function categories(): string {
  const figures = figuresOf(readLabelledReadings(values.categories as string));
  return `## Category

First level, ${figures['categoryRows']} messages as they were written: **macro-F1 ${shown(figures['categoryMacroF1'])}**, micro-F1
${shown(figures['categoryMicroF1'])}. A clerk is asked about ${shown(figures['categoryAsked'])} of them; of the others
${shown(figures['categoryRightUnasked'])} are right. On those the model was trained with, kept aside in turn with their first words
as short messages, it alone reaches ${shown(model.figures['macroF1OfFiveParts'])}.

${classTable(figures['categoryByClass'])}

The model (\`config/rules/category-model.json\`, ${model.trainedOn['grams']} runs of one to four characters, trained on
${model.trainedOn['messages']} messages, ${model.trainedOn['leftOutAsCopies']} left out as copies of those above) tells apart the classes it
has seen labels for. The rules of \`categories.yaml\` speak in it, decide alone where they name a class it has never seen, or where a
message is very short, and lead to the second and third level. Other systems' names of a class stand under \`aliases\`: 卫生计生 is
卫生健康, 国土资源 is 自然资源, 农村农业 is 农业农村, 政法 is 公安司法, 经济管理 is 经济金融, 科技与信息产业 is 科技信息. Runs of
characters are kept only where every pair of them stands in our own lists of words, so that no name is among them.

\`npm run train:category\` trains it anew; it is refused at the start where it does not fit the taxonomy, and a rules folder without
it reads by the rules alone.`;
}

function urgency(): string {
  const sets = [
    ['100 urgent, 200 that only sound so', [...sample('urgency-dev'), ...sample('urgency-held')]],
    ['of these: the half the rules were made with', sample('urgency-dev')],
    ['of these: the other half', sample('urgency-held')],
    ['60 written later, then made use of', sample('urgency-later')],
    ['60 in unusual words, of which only the signs of danger were taken', sample('urgency-unusual')],
    [
      '120 urgent, 180 not, by an author who knew neither rules nor other messages; never made use of',
      sample('urgency-unseen'),
    ],
  ] as const;
  const rows = sets.map(([name, messages]) => {
    const figures = figuresOf(messages);
    return [
      name,
      ...['urgencyRecall', 'urgencyPrecision', 'urgencyF1', 'urgencyReadOrAsked', 'urgencyAsked'].map(key =>
        shown(figures[key]),
      ),
    ];
  });
  const alone = compileRulebook({ ...rules, urgencyModel: null });
  const byRules = readingFigures(sample('urgency-unseen'), alone).figures;
  const learnt = rules.urgencyModel?.data as TextModelData;
  return `## Urgency

${table(['messages', 'recall', 'precision', 'F1', 'urgent: read so or asked', 'asked of all'], rows)}

All are made up and stand in \`config/samples/urgency-*.jsonl\`; the last row is what to expect of words nobody thought of, though \`urgent\` and
\`unsure\` were chosen with it in view, and people who write on request write clearer than those in need. By the rules alone it is a recall of ${shown(byRules['urgencyRecall'])} at a precision of ${shown(byRules['urgencyPrecision'])}, and ${shown(byRules['urgencyReadOrAsked'])} read so or asked.

Words say that something is dangerous, the rest of the message whether it is happening: denied, past, feared, usual, figurative, asked about.
\`urgency.yaml\` holds such words; a model (\`config/rules/urgency-model.json\`, ${learnt.trainedOn['grams']} runs of one to four characters) weighs the beginning of the
message and what the rules found in it. It was trained on ${learnt.trainedOn['messages']} messages that we wrote, ${learnt.trainedOn['urgent']} of them urgent (\`npm run train:urgency\`): those
written later, the tickets of the demo, and \`urgency-written.jsonl\`, by eight authors who knew neither the rules nor each other. Kept aside in turn, ${shown(learnt.figures['urgentFoundOfFiveParts'])} of
the urgent ones are found by it and ${shown(learnt.figures['ordinaryTakenForUrgentOfFiveParts'])} of the others taken for urgent. Where an alarming word and the model do not agree, or the model is not sure, a clerk
is asked. No message of a real person was learnt from, so no run in it is anybody's.`;
}

function places(): string {
  const figures = figuresOf(readLabelledReadings(values.addresses as string));
  const rows = (figures['placesByKind'] as PlaceFigures['byKind']).map(one => [
    one.kind,
    one.expected,
    shown(one.precision),
    shown(one.recall),
    shown(one.f1),
  ]);
  return `## Places

${figures['placesRows']} addresses of another province, tagged by part; none of their divisions is in the region file, so all are found by
the way names are made. Precision ${shown(figures['placesPrecision'])}, recall ${shown(figures['placesRecall'])}, F1
${shown(figures['placesF1'])}; a place counts only with exactly its words and its kind. Estates are left out: the file does not tell them
from shops.

${table(['kind', 'places', 'precision', 'recall', 'F1'], rows)}`;
}

function failures(): string {
  const rows = readingFigures(
    FAILING.map(({ message }, at) => ({ ...message, id: `${at}` })),
    rulebook,
  ).misread.map(({ id, field, expected, got }) => {
    const { kind, message } = FAILING[Number(id)]!;
    return [kind, message.content, field, expected, got ?? '–'];
  });
  return `## What is still read wrong

Made-up examples; the command lists those that are read wrong as it runs.

${table(['kind', 'message', 'field', 'should be', 'is read as'], rows)}`;
}

const page = `# How well messages are read

Written by \`npm run docs:reading\`; \`huisu read evaluate --file F.jsonl\` prints the same figures for any labelled messages, by the very
code that reads citizens' ones. Every field of a ticket names the words that decided and how sure it is; what is less sure than \`ask\` in
its rule file says is listed in the ticket (\`asks\`), for a clerk.

${[categories(), types(), urgency(), places(), failures()].join('\n\n')}
`;
writeFileSync(fileURLToPath(new URL('../docs/reading.md', import.meta.url)), page);
console.log('written: docs/reading.md');
