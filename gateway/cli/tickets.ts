// huisu tickets: look at tickets, and what a clerk decides about them.
import { loadIncidents } from '../../config/load-incidents.ts';
import { METHODS, TICKET_STATES, TICKET_TYPES, URGENCIES } from '../../normalizer/ticket.ts';
import type { TicketFilter, TicketRow } from '../../store/store.ts';
import type { Changes } from '../desk/changes.ts';
import type { Desk } from '../desk/desk.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import type { DeskAnswer } from '../desk/desk-parts.ts';
import { proposedTickets } from '../desk/lowering.ts';
import { type Reveal, viewTicket } from '../desk/ticket-view.ts';
import { say } from '../locale.ts';
import { attachmentCommand } from './attachment.ts';
import type { Arguments, Command, CommandContext, Row } from './command.ts';
import { lines } from './describe.ts';
import { findCommand } from './find.ts';
import { CHANNEL, CLERKS_REASON, LIMIT, NUMBER, numberOf, paged, required, requiredNumber, textOf } from './parts.ts';
import { time } from './table.ts';
import { lineOf, TICKET_COLUMNS, withFollowUps } from './ticket-lines.ts';

const YES_OR_NO = ['yes', 'no'];

export const ticketCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'tickets list',
    summary: { zh: '列出工单，新的在前', en: 'list tickets, newest first' },
    options: [
      CHANNEL,
      { flags: '--state <state>', summary: { zh: '工单状态', en: 'state' }, choices: TICKET_STATES },
      { flags: '--type <type>', summary: { zh: '诉求类型', en: 'type' }, choices: TICKET_TYPES },
      { flags: '--urgency <urgency>', summary: { zh: '紧急程度', en: 'urgency' }, choices: URGENCIES },
      { flags: '--division <code>', summary: { zh: '区划代码', en: 'division code' } },
      { flags: '--incident <number>', summary: { zh: '同一事件的工单', en: 'tickets of one incident' } },
      {
        flags: '--proposed',
        summary: {
          zh: '只看等第二人同意降低保密的',
          en: 'only those whose lower confidentiality waits for a second person',
        },
      },
      {
        flags: '--asks',
        summary: { zh: '只看请人工核对的', en: 'only those of which reading was unsure and a clerk is to look' },
      },
      {
        flags: '--alike',
        summary: {
          zh: '只看有相近工单、还没有人定的',
          en: 'only those that may belong to another, where nobody has said yet',
        },
      },
      LIMIT,
    ],
    columns: TICKET_COLUMNS,
    run: (context, args) =>
      paged(
        args,
        async (before, limit) => withFollowUps(context, await rowsOf(context, args, before, limit)),
        row => lineOf(context, row, args),
      ),
  },
  {
    kind: 'one',
    name: 'tickets show',
    summary: { zh: '查看工单（诉求人信息脱敏）', en: 'show a ticket (identity masked)' },
    arguments: [NUMBER],
    options: [
      { flags: '--reveal <field>', summary: { zh: '显示一个未脱敏的字段，记入审计', en: 'unmask one field; audited' } },
      { flags: '--why <purpose>', summary: { zh: '查看目的', en: 'purpose of looking' } },
    ],
    run: (context, args, call) =>
      viewTicket(
        { ...context, rules: loadIncidents(context.loaded.config.rules) },
        numberOf(args),
        revealOf(args, call.by),
      ),
  },
  findCommand,
  attachmentCommand,
  {
    kind: 'one',
    name: 'tickets release',
    summary: {
      zh: '放行待审工单，转工单系统；已不予受理的也可放行，即撤销不予受理',
      en: 'release a held ticket to the case system, or a refused one, which undoes the refusal',
    },
    arguments: [NUMBER],
    run: async ({ desk }, args, call) => rowOf(await desk.release(numberOf(args), call.by)),
  },
  {
    kind: 'one',
    name: 'tickets refuse',
    summary: { zh: '对待审工单不予受理，注明条款', en: 'refuse a held ticket under a clause' },
    arguments: [NUMBER],
    options: [
      { flags: '--clause <clause>', summary: { zh: '条款，如 10.6（必填）', en: 'clause such as 10.6 (required)' } },
      CLERKS_REASON,
      {
        flags: '--accepted',
        summary: {
          zh: '已受理或放行、尚未转出的，也撤销受理',
          en: 'one that was accepted or released and has not gone yet, too',
        },
      },
    ],
    run: async ({ desk, live }, args, call) => {
      const [clause, reason] = [required(args, 'clause'), required(args, 'reason')];
      const answer = await desk.refuse(numberOf(args), clause, reason, call.by, args['accepted'] === true);
      live?.moved([answer.number]);
      return rowOf(answer);
    },
  },
  {
    kind: 'one',
    name: 'tickets link',
    summary: {
      zh: '把工单并入另一工单；另一工单已办结的，记为办结后重复',
      en: 'join a ticket to another; to a closed one as a repeat of what was closed',
    },
    arguments: [NUMBER],
    options: [{ flags: '--to <number>', summary: { zh: '并入的工单（必填）', en: 'the ticket it joins (required)' } }],
    run: async ({ desk, live }, args, call) => {
      const answer = await desk.link(numberOf(args), requiredNumber(args, 'to'), call.by);
      // What comes in the next moment must not join a ticket that has just been withdrawn.
      live?.moved([answer.number]);
      return rowOf(answer);
    },
  },
  {
    kind: 'one',
    name: 'tickets unlink',
    summary: {
      zh: '撤销并单或与已办结工单的关联，从会话中拆出一条来件，或认定与相近的工单不是一回事；以后不再自动并入',
      en: 'undo a link, to a closed ticket as well, part a message off its conversation, or say that one alike is another matter',
    },
    arguments: [NUMBER],
    options: [
      {
        flags: '--from <number>',
        summary: {
          zh: '原来并入的工单或会话（必填）',
          en: 'the ticket it had joined, or the conversation (required)',
        },
      },
    ],
    run: async ({ desk, adopt, live }, args, call) => {
      const from = requiredNumber(args, 'from');
      const answer = await desk.unlink(numberOf(args), from, call.by);
      await adopt(answer.number);
      live?.moved([from]);
      return rowOf(answer);
    },
  },
  {
    kind: 'one',
    name: 'tickets correct',
    summary: {
      zh: '更正工单的类型、分类、紧急程度、事发地、被反映人、承办单位、办理方式、保密、匿名、公开；工单系统已有的，再送一次',
      en: 'say otherwise about type, class, urgency, scene, units, discretion; the case system gets what it has once more',
    },
    arguments: [NUMBER],
    options: [
      { flags: '--type <type>', summary: { zh: '诉求类型', en: 'type' }, choices: TICKET_TYPES },
      { flags: '--category <code>', summary: { zh: '分类的代码或名称', en: 'code or name of a class' } },
      { flags: '--urgency <urgency>', summary: { zh: '紧急程度', en: 'urgency' }, choices: URGENCIES },
      {
        flags: '--confidential <yes-or-no>',
        summary: { zh: '是否保密；不保密的，诉求人可能转给工单系统', en: 'no: who appealed may go to the case system' },
        choices: YES_OR_NO,
      },
      { flags: '--anonymous <yes-or-no>', summary: { zh: '是否匿名', en: 'anonymous or not' }, choices: YES_OR_NO },
      { flags: '--division <code>', summary: { zh: '区划的代码或名称', en: 'code or name of a division' } },
      {
        flags: '--scene <text>',
        summary: {
          zh: '事发地；保密件的也照转，请勿写反映人住处',
          en: 'the scene; goes out of a confidential ticket, too, so not where its author lives',
        },
      },
      {
        flags: '--subject <text>',
        summary: { zh: '被反映人；空为没有指名', en: 'whom it is about; empty: nobody is named' },
      },
      {
        flags: '--unit <name>',
        summary: { zh: '主办单位；空为由规则建议', en: 'the unit that handles it; empty: as the rules suggest' },
      },
      {
        flags: '--co-units <names>',
        summary: { zh: '协办单位，用逗号隔开；空为没有', en: 'units that help, parted by commas; empty: none' },
      },
      { flags: '--method <method>', summary: { zh: '办理方式', en: 'method' }, choices: METHODS },
      {
        flags: '--public <yes-or-no>',
        summary: { zh: '是否公开；保密的不能公开', en: 'may be made public; never what is confidential' },
        choices: YES_OR_NO,
      },
      {
        flags: '--confirm',
        summary: { zh: '请人工核对的各栏核对无误', en: 'what reading was unsure of is right' },
      },
      {
        flags: '--approve',
        summary: { zh: '同意他人提出的降低保密', en: 'carry out what another person has proposed' },
      },
      { flags: '--decline', summary: { zh: '不同意，或撤回自己提出的', en: 'end a proposal, your own as well' } },
      {
        flags: '--reason <text>',
        summary: {
          zh: '理由，加密保存（除 --approve 外必填）',
          en: 'reason, kept sealed (required but for --approve)',
        },
      },
    ],
    run: async ({ desk, live }, args, call) => {
      const answer = await corrected(desk, args, call.by);
      // Whether later messages may join it depends on discretion.
      live?.moved([answer.number]);
      return rowOf(answer);
    },
    text: (result, language) => {
      const until = result['waitsUntil'];
      if (typeof until !== 'number') return lines(result, language).join('\n');
      return say(language, 'ticket.proposed', { number: String(result['number']), until: time(until) });
    },
  },
];

function corrected(desk: Desk, args: Arguments, by: string): Promise<DeskAnswer> {
  const number = numberOf(args);
  const changes = changesOf(args);
  const [approves, declines] = [args['approve'] === true, args['decline'] === true];
  if ((approves || declines) && (approves === declines || Object.keys(changes).length > 0))
    throw new DeskError('cli.proposal_alone', {}, EXIT.usage);
  if (approves) return desk.approve(number, textOf(args, 'reason')?.trim() || null, by);
  const reason = required(args, 'reason');
  return declines ? desk.decline(number, reason, by) : desk.correct(number, changes, reason, by);
}

const TEXTS = ['type', 'category', 'urgency', 'division', 'scene', 'subject', 'unit', 'method'];

function changesOf(args: Arguments): Changes {
  const texts = TEXTS.map(key => [key, textOf(args, key)] as const);
  const flags = ['confidential', 'anonymous', 'public'].map(key => [key, textOf(args, key)] as const);
  const coUnits = textOf(args, 'coUnits')?.split(/[,，、]/);
  const given = [...texts, ...flags.map(([key, said]) => [key, said && said === 'yes'] as const), ['coUnits', coUnits]];
  const confirmed = args['confirm'] === true ? { confirm: true } : {};
  return { ...Object.fromEntries(given.filter(([, value]) => value !== undefined)), ...confirmed } as Changes;
}

const FILTERED = ['channel', 'state', 'type', 'urgency', 'division', 'incident'] as const;

function filterOf(args: Arguments, before: number | undefined, limit: number): TicketFilter {
  const given = FILTERED.map(key => [key, textOf(args, key)] as const).filter(([, value]) => value !== undefined);
  // A state is one of the option's choices.
  const wanted = Object.fromEntries(given) as Pick<TicketFilter, (typeof FILTERED)[number]>;
  return { ...wanted, limit, ...(before === undefined ? {} : { before }) };
}

/** Proposals are few: the first page holds them all. */
async function rowsOf(
  context: CommandContext,
  args: Arguments,
  before: number | undefined,
  limit: number,
): Promise<readonly TicketRow[]> {
  const filter = filterOf(args, before, limit);
  if (args['proposed'] !== true) return context.store.tickets.list(filter);
  const given = Object.entries(filter).filter(([key]) => key !== 'before' && key !== 'limit');
  const fits = (row: TicketRow) => given.every(([key, value]) => row[key as keyof TicketRow] === value);
  return before === undefined ? (await proposedTickets(context)).filter(fits).slice(0, limit) : [];
}

function revealOf(args: Arguments, by: string): Reveal | null {
  const field = textOf(args, 'reveal');
  return field === undefined ? null : { field, why: textOf(args, 'why') ?? '', by };
}

const rowOf = (answer: DeskAnswer): Row => ({ ...answer });
