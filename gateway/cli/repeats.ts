// huisu repeats: how well repeats are recognised, on labelled files; weights trained anew on what clerks decided.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { loadRepeats } from '../../config/load-repeats.ts';
import { loadRules } from '../../config/load-rules.ts';
import { EXIT } from '../desk/desk-error.ts';
import { say } from '../locale.ts';
import { readIncidents, readMessages, readPairs } from '../repeats/labelled-files.ts';
import { evaluate, replay } from '../repeats/measure.ts';
import type { StreamRules } from '../repeats/stream.ts';
import { putBack, train } from '../repeats/train.ts';
import type { Arguments, Command, LocalCommand, Option, Terminal } from './command.ts';
import { lines } from './describe.ts';
import { required, textOf } from './parts.ts';

const MESSAGES: Option = {
  flags: '--messages <file>',
  summary: { zh: '来件文件（JSON Lines，必填）', en: 'messages (JSON Lines, required)' },
  path: true,
};
const PAIRS: Option = {
  flags: '--pairs <file>',
  summary: { zh: '标注的成对来件（JSON Lines）', en: 'labelled pairs (JSON Lines)' },
  path: true,
};
const INCIDENTS: Option = {
  flags: '--incidents <file>',
  summary: { zh: '标注的事件（JSON Lines）', en: 'labelled incidents (JSON Lines)' },
  path: true,
};
const FOLDS: Option = {
  flags: '--folds <n>',
  summary: {
    zh: '分成几份，每份用没有在其上训练的权重判定',
    en: 'so many parts, each decided by weights not trained on it',
  },
  number: { min: 2, max: 50 },
};

export const repeatMeasures: readonly LocalCommand[] = [
  {
    kind: 'local',
    name: 'repeats evaluate',
    summary: { zh: '用标注的成对来件衡量识别质量', en: 'how well labelled pairs are told apart' },
    options: [MESSAGES, PAIRS, INCIDENTS, FOLDS],
    run: (terminal, args) => measure(terminal, args, 'pairs', files => evaluate(files, rulesOf(terminal))),
  },
  {
    kind: 'local',
    name: 'repeats replay',
    summary: { zh: '按时间顺序重放来件，衡量自动关联的质量', en: 'how good automatic links are, in order of time' },
    options: [MESSAGES, INCIDENTS, PAIRS, FOLDS],
    run: (terminal, args) => measure(terminal, args, 'incidents', files => replay(files, rulesOf(terminal))),
  },
];

function rulesOf({ configFile, env }: Terminal): StreamRules {
  const { config } = loadConfig({ file: configFile, env });
  return {
    rulebook: loadRules({ rulesFolder: config.rules, regionFile: config.region }),
    repeats: loadRepeats(config.rules, config.data),
  };
}

type Files = ReturnType<typeof filesOf>;

async function measure(
  { json, language, out }: Terminal,
  args: Arguments,
  needed: 'pairs' | 'incidents',
  run: (files: Files) => Promise<Readonly<Record<string, unknown>>>,
): Promise<number> {
  const result = await run(filesOf(args, needed));
  if (!json) for (const line of lines(result, language)) out(line);
  out(JSON.stringify(result));
  return EXIT.ok;
}

/** All files are read and checked before anything is measured. Labels that are not needed help the training of parts. */
function filesOf(args: Arguments, needed: 'pairs' | 'incidents') {
  const messageFile = required(args, 'messages');
  required(args, needed);
  const messages = readMessages(messageFile);
  const known = new Set(messages.map(({ id }) => id));
  const folds = args['folds'] === undefined ? null : Number(args['folds']);
  const pairFile = textOf(args, 'pairs') ?? (folds === null ? undefined : beside(messageFile, 'pairs.jsonl'));
  const incidentFile = textOf(args, 'incidents');
  return {
    messages,
    pairs: pairFile === undefined ? [] : readPairs(pairFile, known),
    incidents: incidentFile === undefined ? [] : readIncidents(incidentFile, known),
    folds,
  };
}

/** Weights of parts are trained on the pairs beside the messages, where none are named. */
function beside(file: string, name: string): string | undefined {
  const found = join(dirname(file), name);
  return existsSync(found) ? found : undefined;
}

export const repeatCommands: readonly Command[] = [
  {
    kind: 'one',
    name: 'repeats train',
    summary: {
      zh: '用人工并单和撤销的结果重新训练权重，先显示前后对比，加 --apply 才更换',
      en: 'train the weights anew on what clerks linked and undid; shows before and after, changes with --apply',
    },
    options: [
      {
        flags: '--apply',
        summary: { zh: '换上新权重，重启后生效', en: 'take the new weights up, from the next start' },
      },
    ],
    run: async ({ store, loaded, now }, args, { by }) => ({
      ...(await train({ store, config: loaded.config, now }, by, args['apply'] === true)),
    }),
    text: (result, language) =>
      say(language, `repeats.${result['applied'] === true ? 'applied' : 'trained'}`, {
        pairs: Number(result['pairs']),
        before: figure(result['before']),
        after: figure(result['after']),
      }),
  },
  {
    kind: 'one',
    name: 'repeats put-back',
    summary: {
      zh: '换回上一份权重，重启后生效',
      en: 'put the weights back that were there before, from the next start',
    },
    run: async ({ store, loaded, now }, _args, { by }) => ({
      ...(await putBack({ store, config: loaded.config, now }, by)),
    }),
    text: (result, language) => say(language, 'repeats.back', { version: String(result['version']) }),
  },
];

function figure(figures: unknown): string {
  const { f1, precision, recall } = figures as Readonly<Record<string, number>>;
  return `F1 ${f1}, P ${precision}, R ${recall}`;
}
