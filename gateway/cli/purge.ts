// huisu purge and huisu erase: what is older than its time, and who appealed, where somebody asks for it.

import { OPEN_STATES } from '../../normalizer/ticket.ts';
import { isErased, openIdentity } from '../../store/ticket-seal.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { plainReason } from '../desk/plain-reason.ts';
import { say, sayBoth } from '../locale.ts';
import { checkClock, trustClock } from '../upkeep/clock.ts';
import { eraseTickets } from '../upkeep/erase.ts';
import { purge, shredAll, sweepAgain } from '../upkeep/purge.ts';
import { inTurn } from '../upkeep/turn.ts';
import { untakenNaming } from '../upkeep/untaken.ts';
import type { Arguments, Command, CommandContext } from './command.ts';
import { askedFor, IDENTITY_OPTIONS, ticketsBy } from './identities.ts';
import { NUMBER, numberOf, required } from './parts.ts';

const YES = { flags: '--yes', summary: { zh: '执行；不写只列出数量', en: 'do it; without it only counted' } };
/** Tickets whose words tell what a reason must not say; somebody with more is named by these already. */
const NAMED_BY = 50;

export const purgeCommand: Command = {
  kind: 'one',
  name: 'purge',
  summary: { zh: '清理超过保存期限的内容（默认只列出数量）', en: 'purge what is older than its time (counts only)' },
  options: [
    YES,
    { flags: '--dry-run', summary: { zh: '只列出数量（默认）', en: 'count only (the default)' } },
    {
      flags: '--trust-clock',
      summary: {
        zh: '已核对系统时间无误，时钟跳变后仍执行',
        en: 'the clock was checked and is right, whatever it did',
      },
    },
  ],
  run: async ({ store, cipher, now, forget, loaded }, args, { by, signal, progress }) => {
    const dry = args['yes'] !== true || args['dryRun'] === true;
    if (args['trustClock'] === true) await trustClock(store, by, now());
    else await checkClock(store, now());
    const settings = loaded.config.retention;
    const order = {
      ...{ by, dry, signal },
      progress: (stage: string, done: number) => done > 0 && progress(sayBoth(`purge.${stage}`, { done })),
    };
    const parts = { store, cipher, now, forget };
    const { failed, ...report } = await inTurn(store, 'purge', () => purge(parts, settings, order));
    return { ...report, failed: failed.map(({ number }) => number), settings };
  },
  text: (result, language) => {
    const failed = result['failed'] as readonly string[];
    const figures = Object.fromEntries(
      ['quarantined', 'notAnAppeal', 'identities', 'files', 'held'].map(name => [name, Number(result[name])]),
    );
    return [
      say(language, result['dry'] === true ? 'purge.would' : 'purge.done', figures),
      ...(failed.length === 0 ? [] : [say(language, 'purge.failed', { tickets: failed.join(' ') })]),
    ].join('\n');
  },
};

export const eraseCommand: Command = {
  kind: 'one',
  name: 'erase',
  summary: {
    zh: '清除一位诉求人的身份信息（默认只列出工单）',
    en: 'erase who one requester is (without --yes only listed)',
  },
  options: [
    ...IDENTITY_OPTIONS,
    { flags: '--ticket <number>', summary: { zh: '某一工单的诉求人', en: 'the requester of a ticket' } },
    {
      flags: '--why <reason>',
      summary: { zh: '依据，记入审计，勿写个人信息（必填）', en: 'reason, for the audit (required)' },
    },
    { flags: '--open', summary: { zh: '也清除未办结的工单', en: 'tickets that are still open, too' } },
    YES,
  ],
  run: async (context, args, { by }) => {
    const { store, cipher, now, forget } = context;
    const typed = required(args, 'why').trim();
    const { tickets, keys, requester } = await ticketsOf(context, args);
    // One that is named is gone through once more, for what an earlier version has left.
    const found = tickets.filter(row => keys === null || !isErased(row));
    const open = found.filter(({ state }) => OPEN_STATES.has(state));
    const [first] = open;
    if (first !== undefined && args['open'] !== true) throw new DeskError('erase.open', { number: first.number });
    const numbers = found.map(({ number }) => number);
    const parts = { store, cipher, now, forget };
    const naming = await untakenNaming(parts, requester);
    const noAppeals = naming.filter(({ kind }) => kind === 'not-an-appeal');
    const unread = naming.flatMap(({ number, kind }) => (kind === 'quarantined' ? [number] : []));
    const messages = noAppeals.map(({ number }) => number);
    if (args['yes'] !== true) return { dry: true, tickets: numbers, originals: null, held: [], messages, unread };
    const why = await plainReason(context, typed, numbers.slice(0, NAMED_BY), requester);
    const order = { by, why, everybody: false };
    const { failed, ...report } = await inTurn(store, 'erase', async () => {
      await shredAll(parts, noAppeals, { by, action: 'original.erase', why });
      return eraseTickets(parts, numbers, order);
    });
    const scrubbed = await store.admin.scrub();
    if (failed[0] !== undefined) throw failed[0].error;
    const left = keys === null ? 0 : (await ticketsBy(context, keys)).length;
    return { dry: false, ...report, messages, unread, scrubbed, left };
  },
  text: (result, language) => {
    const tickets = (result['tickets'] as readonly string[]).join(' ');
    const held = result['held'] as readonly string[];
    const [messages, unread] = ['messages', 'unread'].map(name => (result[name] as readonly string[]).join(' '));
    return [
      say(language, result['dry'] === true ? 'erase.would' : 'erase.done', { tickets: tickets || '-' }),
      ...(held.length === 0 ? [] : [say(language, 'erase.held', { tickets: held.join(' ') })]),
      ...(messages ? [say(language, 'erase.messages', { messages })] : []),
      ...(unread ? [say(language, 'erase.unread', { messages: unread })] : []),
    ].join('\n');
  },
};

/** By a ticket's number: it alone. By what somebody is known by: every ticket of theirs. */
async function ticketsOf(context: CommandContext, args: Arguments) {
  const { store } = context;
  if (args['ticket'] !== undefined) {
    const number = numberOf(args, 'ticket');
    const ticket = await store.tickets.get(number);
    if (ticket === null) throw new DeskError('desk.no_such_ticket', { number });
    return { tickets: [ticket], keys: null, requester: openIdentity(context.cipher, ticket) };
  }
  const asked = askedFor(context, args);
  if (asked === null) throw new DeskError('erase.whom', {}, EXIT.usage);
  const { keys, requester } = asked;
  return { tickets: await ticketsBy(context, keys), keys, requester };
}

export const holdCommands: readonly Command[] = [
  {
    kind: 'one',
    name: 'tickets hold',
    summary: { zh: '依法保全：到期也不清理、不清除', en: 'legal hold: not purged or erased, whatever is due' },
    arguments: [NUMBER],
    options: [{ flags: '--reason <text>', summary: { zh: '理由，勿写个人信息（必填）', en: 'reason (required)' } }],
    run: async ({ store, cipher, now }, args, { by }) => {
      const number = numberOf(args);
      const typed = required(args, 'reason').trim();
      const reason = await plainReason({ store, cipher }, typed, [number]);
      const note = { by, action: 'ticket.hold', on: [number], why: reason };
      if (!(await store.admin.hold(number, reason, note, now())))
        throw new DeskError('desk.no_such_number', { number });
      return { number, held: true, reason };
    },
  },
  {
    kind: 'one',
    name: 'tickets unhold',
    summary: { zh: '解除依法保全', en: 'lift a legal hold' },
    arguments: [NUMBER],
    run: async ({ store, now }, args, { by }) => {
      const number = numberOf(args);
      const note = { by, action: 'ticket.unhold', on: [number] };
      if (!(await store.admin.unhold(number, note, now()))) throw new DeskError('desk.not_on_hold', { number });
      await sweepAgain({ store });
      return { number, held: false };
    },
  },
  {
    kind: 'list',
    name: 'tickets holds',
    summary: { zh: '列出依法保全的工单', en: 'list what is on legal hold' },
    columns: [
      { key: 'number', title: { zh: '编号', en: 'number' } },
      { key: 'at', title: { zh: '时间', en: 'since' }, show: 'time' },
      { key: 'by', title: { zh: '何人', en: 'by' } },
      { key: 'reason', title: { zh: '理由', en: 'reason' } },
    ],
    async *run({ store }) {
      for (const { number, at, by, reason } of await store.admin.holds()) yield { number, at, by, reason };
    },
  },
];
