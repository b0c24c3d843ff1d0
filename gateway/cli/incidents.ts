// huisu incidents: look at incidents, merge and split them.
import { loadIncidents } from '../../config/load-incidents.ts';
import type { IncidentRow, TicketRow } from '../../store/store.ts';
import { openTicketContent } from '../../store/ticket-seal.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { createIncidentDesk, type IncidentAnswer, membersOf } from '../desk/incident-desk.ts';
import { incidentMarks } from '../desk/incident-marks.ts';
import { maskedTitle } from '../desk/ticket-view.ts';
import type { Arguments, Command, CommandContext, Row } from './command.ts';
import { LIMIT, NUMBER, numberFrom, numberOf, requiredNumber, textOf } from './parts.ts';

const INCIDENT = {
  form: '<number>',
  summary: { zh: '事件编号（即其首件工单的编号）', en: 'number of the incident, which is that of its first ticket' },
} as const;

export const incidentCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'incidents list',
    summary: {
      zh: '列出同一事件（两件工单以上），最近有来件的在前',
      en: 'list incidents of two tickets or more, newest first',
    },
    options: [
      { flags: '--supervised', summary: { zh: '只看应督办的', en: 'only those to be supervised' } },
      { flags: '--burst', summary: { zh: '只看来件激增的', en: 'only those rising faster than usual' } },
      LIMIT,
    ],
    columns: [
      { key: 'incident', title: { zh: '事件', en: 'incident' } },
      { key: 'tickets', title: { zh: '工单', en: 'tickets' } },
      { key: 'messages', title: { zh: '来件', en: 'messages' } },
      { key: 'firstAt', title: { zh: '最早', en: 'first' }, show: 'time' },
      { key: 'lastAt', title: { zh: '最近', en: 'latest' }, show: 'time' },
      { key: 'days', title: { zh: '天数', en: 'days' } },
      { key: 'supervised', title: { zh: '督办', en: 'supervised' }, show: { words: 'supervision' } },
      { key: 'burst.tickets', title: { zh: '激增', en: 'burst' } },
      { key: 'title', title: { zh: '标题', en: 'title' } },
    ],
    run: listed,
  },
  {
    kind: 'one',
    name: 'incidents show',
    summary: {
      zh: '查看一起事件：工单、督办与激增、合并与拆分的经过',
      en: 'show an incident: tickets, marks, what was merged and split',
    },
    arguments: [NUMBER],
    run: (context, args) => shown(context, numberOf(args)),
  },
  {
    kind: 'one',
    name: 'incidents merge',
    summary: {
      zh: '把一起事件（或一件工单）并入另一起事件',
      en: 'merge an incident, or a ticket, into another incident',
    },
    arguments: [NUMBER],
    options: [
      {
        flags: '--into <number>',
        summary: { zh: '并入的事件或其中任一工单（必填）', en: 'the incident, or any ticket of it (required)' },
      },
    ],
    run: async (context, args, call) =>
      done(context, await createIncidentDesk(context).merge(numberOf(args), requiredNumber(args, 'into'), call.by)),
  },
  {
    kind: 'one',
    name: 'incidents split',
    summary: { zh: '从事件中拆出工单，单独成为一起事件', en: 'split tickets off an incident into one of their own' },
    arguments: [INCIDENT],
    options: [
      {
        flags: '--tickets <numbers>',
        summary: { zh: '拆出的工单，用逗号分隔', en: 'the tickets to split off, separated by commas' },
      },
      {
        flags: '--merged <number>',
        summary: {
          zh: '撤销合并：拆出当初由此事件并入的工单',
          en: 'undo a merge: what came from that incident goes back',
        },
      },
    ],
    run: async (context, args, call) => done(context, await split(context, args, call.by)),
  },
];

async function split(context: CommandContext, args: Arguments, by: string): Promise<IncidentAnswer> {
  const desk = createIncidentDesk(context);
  const incident = numberOf(args);
  if (textOf(args, 'merged') !== undefined) return desk.unmerge(incident, numberOf(args, 'merged'), by);
  const typed = (textOf(args, 'tickets') ?? '').split(/[,，\s]+/).filter(one => one !== '');
  if (typed.length === 0) throw new DeskError('cli.missing_option', { option: '--tickets' }, EXIT.usage);
  return desk.split(incident, typed.map(numberFrom), by);
}

/** From now on the reader decides by where the tickets are. */
function done({ live }: CommandContext, { incident, from, moved }: IncidentAnswer): Row {
  live?.moved(moved);
  return { incident, from, moved };
}

const PAGE = 200;

async function* listed(context: CommandContext, args: Arguments): AsyncIterable<Row> {
  let left = Number(args['limit'] ?? 50);
  let before: number | undefined;
  while (left > 0) {
    const rows = await context.store.incidents.list({ limit: PAGE, ...(before === undefined ? {} : { before }) });
    for (const row of rows) {
      const line = await lineOf(context, row);
      if (args['supervised'] === true && line.supervised.length === 0) continue;
      if (args['burst'] === true && line.burst === null) continue;
      yield line;
      if (--left === 0) return;
    }
    if (rows.length < PAGE) return;
    before = rows.at(-1)?.ordinal;
  }
}

async function lineOf(context: CommandContext, row: IncidentRow) {
  const { store, loaded, now } = context;
  const marks = await incidentMarks(store, row, loadIncidents(loaded.config.rules), now());
  const first = await store.tickets.get(row.id);
  return { incident: row.id, ...marks, title: first === null ? null : titleOf(context, first) };
}

function titleOf({ cipher }: CommandContext, row: TicketRow): string {
  return maskedTitle(row, openTicketContent(cipher, row));
}

/** Named by any of its tickets, or by an incident that was merged into it. */
async function shown(context: CommandContext, number: string): Promise<Row> {
  const { store } = context;
  const ticket = await store.tickets.get(number);
  if (ticket === null) throw new DeskError('desk.no_such_ticket', { number });
  const row = ticket.incident === null ? null : await store.incidents.get(ticket.incident);
  if (row === null) throw new DeskError('desk.no_incident_of', { number });
  const members = await membersOf(context, row.id);
  const followUps = await store.tickets.followUps(members.map(member => member.number));
  return {
    ...(await lineOf(context, row)),
    members: members.map(member => ({
      number: member.number,
      acceptedAt: member.acceptedAt,
      state: member.state,
      type: member.type,
      division: member.division,
      followUps: followUps.get(member.number) ?? 0,
      title: titleOf(context, member),
    })),
    near: await near(context, row.id, members),
    moves: members.flatMap(member =>
      member.events
        .filter(event => event.incident !== undefined)
        .map(({ at, by, kind, incident }) => ({ number: member.number, at, by, kind, ...incident })),
    ),
  };
}

/** Other incidents that tickets of this one are linked to: a clerk may want to merge them. */
async function near({ store, cipher }: CommandContext, incident: string, members: readonly TicketRow[]) {
  const inside = new Set(members.map(({ number }) => number));
  const links = new Map<string, number>();
  for (const { of } of members.flatMap(member => openTicketContent(cipher, member).links)) {
    if (!inside.has(of)) links.set(of, (links.get(of) ?? 0) + 1);
  }
  const found = new Map<string, number>();
  for (const [number, count] of links) {
    const other = await store.tickets.get(number);
    const id = other?.incident ?? other?.number;
    if (id !== undefined && id !== incident) found.set(id, (found.get(id) ?? 0) + count);
  }
  return [...found].map(([id, count]) => ({ incident: id, links: count }));
}
