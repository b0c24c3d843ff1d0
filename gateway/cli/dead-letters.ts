// huisu dead-letters: what the case system would not take, why, and sending it again.
import { CASE_ENTRY_KINDS } from '../../config/case-system.ts';
import type { EntryFilter, EntryKind } from '../../store/store.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { sayBoth } from '../locale.ts';
import type { Arguments, Call, Command, CommandContext } from './command.ts';
import { LIMIT, textOf } from './parts.ts';

const FILTERS = [
  { flags: '--cause <code>', summary: { zh: '只看某种原因', en: 'of one cause' } },
  { flags: '--kind <kind>', summary: { zh: '只看某类', en: 'of one kind' }, choices: CASE_ENTRY_KINDS },
  { flags: '--ticket <number>', summary: { zh: '某一工单的', en: 'of one ticket' } },
] as const;
/** One replay takes at most so many, so that a lane does not fill with them at one stroke. */
const MOST = 100_000;
/** Between two steps others write, a person sees how far it is and may stop it; each step is one record of the audit. */
const AT_ONCE = 250;

export const deadLetterCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'dead-letters list',
    summary: { zh: '列出死信及原因', en: 'list dead letters with their causes' },
    options: [...FILTERS, LIMIT],
    columns: [
      { key: 'id', title: { zh: '待转办项', en: 'entry' } },
      { key: 'ticket', title: { zh: '工单', en: 'ticket' } },
      { key: 'attempts', title: { zh: '次数', en: 'attempts' } },
      { key: 'createdAt', title: { zh: '产生时间', en: 'created' }, show: 'time' },
      { key: 'cause', title: { zh: '原因', en: 'cause' } },
    ],
    async *run({ store }, args) {
      const entries = await store.outbox.list(filterOf(args, Number(args['limit'] ?? 50)));
      for (const { id, ticket, kind, attempts, createdAt, cause, unknown } of entries) {
        yield { id, ticket, kind, attempts, createdAt, cause, unknown };
      }
    },
  },
  {
    kind: 'one',
    name: 'dead-letters show',
    summary: { zh: '查看一条死信', en: 'show a dead letter' },
    arguments: [{ form: '<entry>', summary: { zh: '待转办项编号', en: 'id of the entry' } }],
    run: async ({ store }, args) => {
      const id = String(args['entry']);
      const entry = await store.outbox.get(id);
      if (entry === null) throw new DeskError('desk.no_such_entry', { id });
      const { lane: _lane, ...shown } = entry;
      return shown;
    },
  },
  {
    kind: 'one',
    name: 'dead-letters replay',
    summary: {
      zh: '重放死信：一条、按条件或全部（--all）',
      en: 'send dead letters again: one, by filter, or all (--all)',
    },
    arguments: [{ form: '[entry]', summary: { zh: '待转办项编号', en: 'id of an entry' } }],
    options: [...FILTERS, { flags: '--all', summary: { zh: '全部', en: 'all of them' } }],
    run: async (context, args, call) => {
      const id = textOf(args, 'entry');
      const chosen =
        id !== undefined || args['all'] === true || FILTERS.some(({ flags }) => args[keyOf(flags)] !== undefined);
      if (!chosen) throw new DeskError('cli.replay_what', {}, EXIT.usage);
      const filter = { ...filterOf(args, MOST), ...(id === undefined ? {} : { id }) };
      const named = [id, ...FILTERS.map(({ flags }) => textOf(args, keyOf(flags)))].filter(
        value => value !== undefined,
      );
      const on = named.length === 0 ? ['all'] : named;
      const replayed = await replayAll(context, filter, { ...call, on });
      if (id !== undefined && replayed === 0) throw new DeskError('desk.not_dead', { id });
      return { replayed };
    },
  },
];

/**
 * Step by step, the oldest first; what dies anew meanwhile comes behind those that were dead before, and no more steps are made than
 * those take. Of two that replay at once each entry is one's. Answers how many.
 */
async function replayAll(
  { store, now }: CommandContext,
  filter: EntryFilter,
  { by, on, signal, progress }: Call & { readonly on: readonly string[] },
): Promise<number> {
  const total = (await store.outbox.list(filter)).length;
  let replayed = 0;
  for (let done = 0; done < total; done += AT_ONCE) {
    signal.throwIfAborted();
    const limit = Math.min(AT_ONCE, total - done);
    const note = { by, action: 'outbox.replay', on };
    replayed += (await store.outbox.replay({ ...filter, limit }, now(), note)).length;
    if (total > AT_ONCE) progress(sayBoth('dead-letters.replaying'), { done: done + limit, total });
  }
  return replayed;
}

const keyOf = (flags: string) => /--([a-z]+)/.exec(flags)?.[1] as string;

function filterOf(args: Arguments, limit: number): EntryFilter {
  const cause = textOf(args, 'cause');
  const kind = textOf(args, 'kind') as EntryKind | undefined;
  const ticket = textOf(args, 'ticket');
  return {
    state: 'dead',
    limit,
    ...(cause === undefined ? {} : { cause }),
    ...(kind === undefined ? {} : { kind }),
    ...(ticket === undefined ? {} : { ticket }),
  };
}
