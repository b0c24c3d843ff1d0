// huisu read evaluate: how well labelled messages are read, by the very code that reads citizens' ones.
import { loadConfig } from '../../config/load.ts';
import { loadRules } from '../../config/load-rules.ts';
import { compileRulebook } from '../../normalizer/rulebook.ts';
import { EXIT } from '../desk/desk-error.ts';
import type { ClassFigures } from '../evaluation/class-figures.ts';
import { readLabelledReadings } from '../evaluation/labelled-readings.ts';
import type { PlaceFigures } from '../evaluation/place-figures.ts';
import { readingFigures } from '../evaluation/reading-figures.ts';
import { say } from '../locale.ts';
import type { LocalCommand, Terminal } from './command.ts';
import { table } from './table.ts';

type Figures = Readonly<Record<string, unknown>>;

const CHOICES = ['category', 'category2', 'category3', 'type', 'urgency'] as const;

const SHARES = [
  { key: 'precision', title: { zh: '准确率', en: 'precision' } },
  { key: 'recall', title: { zh: '召回率', en: 'recall' } },
  { key: 'f1', title: { zh: 'F1', en: 'F1' } },
];
const EXPECTED = { key: 'expected', title: { zh: '条数', en: 'rows' } };

function printChoice(name: string, figures: Figures, { out, language }: Terminal): void {
  const byClass = figures[`${name}ByClass`] as readonly ClassFigures[] | undefined;
  if (byClass === undefined) return;
  const values = { rows: `${figures[`${name}Rows`]}`, macro: `${figures[`${name}MacroF1`]}` };
  out(say(language, `evaluate.${name}`, { ...values, micro: `${figures[`${name}MicroF1`]}` }));
  const rows = byClass.map(({ takenFor, ...rest }) => ({
    ...rest,
    takenFor: Object.entries(takenFor)
      .map(([other, count]) => `${other} ${count}`)
      .join(', '),
  }));
  const columns = [
    { key: 'class', title: { zh: '类', en: 'class' } },
    EXPECTED,
    ...SHARES,
    { key: 'takenFor', title: { zh: '误作', en: 'taken for' } },
  ];
  for (const line of table(columns, rows, language)) out(line);
}

function printPlaces(figures: Figures, { out, language }: Terminal): void {
  const byKind = figures['placesByKind'] as PlaceFigures['byKind'] | undefined;
  if (byKind === undefined) return;
  const { placesRows: rows, placesPrecision: precision, placesRecall: recall, placesF1: f1 } = figures;
  out(
    say(language, 'evaluate.places', {
      rows: `${rows}`,
      precision: `${precision}`,
      recall: `${recall}`,
      f1: `${f1}`,
    }),
  );
  const columns = [{ key: 'kind', title: { zh: '类', en: 'kind' } }, EXPECTED, ...SHARES];
  for (const line of table(columns, byKind, language)) out(line);
}

export const readCommands: readonly LocalCommand[] = [
  {
    kind: 'local',
    name: 'read evaluate',
    summary: {
      zh: '用有标注的诉求衡量研读：分类、类型、紧急程度、地点',
      en: 'measure reading on labelled messages: category, type, urgency, places',
    },
    options: [
      {
        flags: '--file <file>',
        summary: {
          zh: 'JSONL 文件：title、content（或 body、text），以及应读出的 category1 至 category3、type、urgency、places',
          en: 'JSON Lines: title, content (or body, text), and any of category1 to category3, type, urgency, places as expected',
        },
        path: true,
        required: true,
      },
      {
        flags: '--misread',
        summary: { zh: '逐条列出读错的（编号、应为、读作）', en: 'list what was misread: id, expected, read as' },
      },
    ],
    async run(terminal, args) {
      const { configFile, env, json, out } = terminal;
      const { config } = loadConfig({ file: configFile, env });
      const rulebook = compileRulebook(loadRules({ rulesFolder: config.rules, regionFile: config.region }));
      const { figures, misread } = readingFigures(readLabelledReadings(args['file'] as string), rulebook);
      if (args['misread'] === true) for (const one of misread) out(JSON.stringify(one));
      if (!json) {
        for (const name of CHOICES) printChoice(name, figures, terminal);
        printPlaces(figures, terminal);
      }
      out(JSON.stringify(figures));
      return EXIT.ok;
    },
  },
];
