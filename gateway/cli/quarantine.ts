// huisu quarantine: messages nobody could read, and reading them again.
import { DeskError } from '../desk-error.ts';
import { summary, viewMessage } from '../ticket-view.ts';
import type { Command } from './command.ts';
import { CHANNEL, COLUMNS, LIMIT, NUMBER, numberOf, paged, textOf } from './parts.ts';

export const quarantineCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'quarantine list',
    summary: { zh: '列出被隔离的来件', en: 'list quarantined messages' },
    options: [CHANNEL, LIMIT],
    columns: [
      COLUMNS.number,
      COLUMNS.acceptedAt,
      COLUMNS.channel,
      COLUMNS.reason,
      { key: 'attempts', title: { zh: '次数', en: 'attempts' } },
    ],
    run: ({ store }, args) => {
      const channel = textOf(args, 'channel');
      const only = channel === undefined ? {} : { channel };
      return paged(
        args,
        (before, limit) =>
          store.messages.list({ state: 'quarantined', limit, ...only, ...(before === undefined ? {} : { before }) }),
        row => ({ ...summary(row), attempts: row.attempts }),
      );
    },
  },
  {
    kind: 'one',
    name: 'quarantine show',
    summary: { zh: '查看一条被隔离的来件', en: 'show a quarantined message' },
    arguments: [NUMBER],
    run: (context, args) => viewMessage(context, numberOf(args)),
  },
  {
    kind: 'one',
    name: 'quarantine replay',
    summary: { zh: '重新研读一条被隔离的来件', en: 'read a quarantined message again' },
    arguments: [NUMBER],
    run: async ({ store, live }, args, { by }) => {
      const number = numberOf(args);
      if ((await store.messages.get(number))?.wrappedContent.length === 0)
        throw new DeskError('desk.shredded', { number });
      const again = await store.messages.reread(number, { by, action: 'message.reread', on: [number] });
      if (!again) throw new DeskError('desk.not_quarantined', { number });
      live?.rescan();
      return { number, state: 'unread' };
    },
  },
];
