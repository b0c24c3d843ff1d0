// huisu messages: what was received and what became of it, and a clerk's word on whether it is an appeal.
import type { MessageFilter, MessageState } from '../../store/store.ts';
import { summary, viewMessage } from '../desk/ticket-view.ts';
import type { Arguments, Command } from './command.ts';
import { originalCommand } from './original.ts';
import { CHANNEL, CLERKS_REASON, COLUMNS, LIMIT, NUMBER, numberOf, paged, required, textOf } from './parts.ts';
import { readWords } from './words-file.ts';

const STATES = ['unread', 'decided', 'quarantined'];
const OUTCOMES = ['ticket', 'repeat', 'part', 'not-an-appeal', 'quarantined'];

export const messageCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'messages list',
    summary: { zh: '列出来件，新的在前', en: 'list messages, newest first' },
    options: [
      CHANNEL,
      { flags: '--state <state>', summary: { zh: '研读状态', en: 'reading state' }, choices: STATES },
      { flags: '--outcome <outcome>', summary: { zh: '处理结果', en: 'what became of it' }, choices: OUTCOMES },
      LIMIT,
    ],
    columns: [
      COLUMNS.number,
      COLUMNS.acceptedAt,
      COLUMNS.channel,
      { key: 'state', title: { zh: '状态', en: 'state' }, show: { words: 'messageState' } },
      COLUMNS.outcome,
      COLUMNS.of,
      COLUMNS.reason,
    ],
    run: ({ store }, args) =>
      paged(args, (before, limit) => store.messages.list(filterOf(args, before, limit)), summary),
  },
  {
    kind: 'one',
    name: 'messages show',
    summary: { zh: '查看一条来件：结果、依据、待转办项', en: 'show a message: outcome, reasons, entries' },
    arguments: [NUMBER],
    run: (context, args) => viewMessage(context, numberOf(args)),
  },
  originalCommand,
  {
    kind: 'one',
    name: 'messages appeal',
    summary: {
      zh: '把判为非诉求的来件（测试、空白、自动回复等）或隔离中读不出的，认定为诉求，就地成为工单',
      en: 'what was taken for no appeal (a test, empty, an automatic reply), or could not be read, becomes a ticket in its place',
    },
    arguments: [NUMBER],
    options: [
      CLERKS_REASON,
      {
        flags: '--words <file>',
        summary: {
          zh: '人工录入的内容：文本文件，或含诉求各栏的 JSON（title、content、contact 等）',
          en: 'what a clerk has written down of it: a text file, or JSON with the fields of an appeal (title, content, contact …)',
        },
        path: true,
      },
    ],
    run: async ({ desk, adopt }, args, call) => {
      const [number, reason, file] = [numberOf(args), required(args, 'reason'), textOf(args, 'words')];
      const answer = await desk.makeAppeal(number, reason, call.by, file === undefined ? null : await readWords(file));
      await adopt(answer.number);
      return { ...answer };
    },
  },
  {
    kind: 'one',
    name: 'messages no-appeal',
    summary: {
      zh: '撤销 messages appeal：撤回该工单，工单系统已有的告知撤回；tickets release 可再恢复',
      en: 'undo messages appeal: the ticket is withdrawn, from the case system as well; tickets release brings it back',
    },
    arguments: [NUMBER],
    options: [CLERKS_REASON],
    run: async ({ desk, live }, args, call) => {
      const answer = await desk.makeNoAppeal(numberOf(args), required(args, 'reason'), call.by);
      live?.moved([answer.number]);
      return { ...answer };
    },
  },
];

function filterOf(args: Arguments, before: number | undefined, limit: number): MessageFilter {
  const channel = textOf(args, 'channel');
  const state = textOf(args, 'state') as MessageState | undefined;
  const outcome = textOf(args, 'outcome') as MessageFilter['outcome'];
  return {
    limit,
    ...(channel === undefined ? {} : { channel }),
    ...(state === undefined ? {} : { state }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(before === undefined ? {} : { before }),
  };
}
