// huisu messages: what was received and what became of it.
import type { MessageFilter, MessageState } from '../../store/store.ts';
import { summary, viewMessage } from '../desk/ticket-view.ts';
import type { Arguments, Command } from './command.ts';
import { originalCommand } from './original.ts';
import { CHANNEL, COLUMNS, LIMIT, NUMBER, numberOf, paged, textOf } from './parts.ts';

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
