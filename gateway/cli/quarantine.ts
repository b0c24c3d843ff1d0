// huisu quarantine: messages nobody could read, and reading them again.
import type { Store } from '../../store/store.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { summary, viewMessage } from '../desk/ticket-view.ts';
import type { Command, CommandContext, Option } from './command.ts';
import { CHANNEL, COLUMNS, LIMIT, NUMBER, numberOf, paged, textOf } from './parts.ts';

const REASON: Option = { flags: '--reason <code>', summary: { zh: '只看某种原因', en: 'of one reason' } };
/** Messages made unread again in one go. */
const PAGE = 200;

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
    summary: {
      zh: '重新研读被隔离的来件：一条、按条件或全部（--all）',
      en: 'read quarantined messages again: one, by filter, or all (--all)',
    },
    arguments: [{ form: '[number]', summary: NUMBER.summary }],
    options: [CHANNEL, REASON, { flags: '--all', summary: { zh: '全部', en: 'all of them' } }],
    run: async (context, args, { by }) => {
      if (args['number'] !== undefined) return replayOne(context, numberOf(args), by);
      const filter = { channel: textOf(args, 'channel'), reason: textOf(args, 'reason') };
      if (filter.channel === undefined && filter.reason === undefined && args['all'] !== true)
        throw new DeskError('cli.replay_what', {}, EXIT.usage);
      return { replayed: await replayMany(context, filter, by) };
    },
  },
];

type Desk = Pick<CommandContext, 'store' | 'live'>;

async function replayOne({ store, live }: Desk, number: string, by: string) {
  if ((await store.messages.get(number))?.wrappedContent.length === 0) throw new DeskError('desk.shredded', { number });
  if (!(await reread(store, number, by))) throw new DeskError('desk.not_quarantined', { number });
  live?.rescan();
  return { number, state: 'unread' };
}

interface Filter {
  readonly channel: string | undefined;
  readonly reason: string | undefined;
}

/** Those whose original is gone by the rules of retention stay; each is on record by itself. */
async function replayMany({ store, live }: Desk, { channel, reason }: Filter, by: string): Promise<number> {
  const only = channel === undefined ? {} : { channel };
  let replayed = 0;
  let before: number | undefined;
  for (;;) {
    const from = before === undefined ? {} : { before };
    const rows = await store.messages.list({ state: 'quarantined', limit: PAGE, ...only, ...from });
    const chosen = rows.filter(({ outcome, wrappedContent }) => {
      const why = outcome?.kind === 'quarantined' ? outcome.reason : null;
      return wrappedContent.length > 0 && (reason === undefined || why === reason);
    });
    const done = await Promise.all(chosen.map(({ number }) => reread(store, number, by)));
    replayed += done.filter(Boolean).length;
    live?.rescan();
    if (rows.length < PAGE) return replayed;
    before = rows.at(-1)?.ordinal;
  }
}

const reread = (store: Store, number: string, by: string): Promise<boolean> =>
  store.messages.reread(number, { by, action: 'message.reread', on: [number] });
