// Tickets as lines of a list: what a clerk needs to choose one, nothing of who appealed.
import type { TicketRow } from '../../store/store.ts';
import { openTicketContent } from '../../store/ticket-seal.ts';
import { maskedTitle } from '../desk/ticket-view.ts';
import { toLookAt } from '../desk/to-look-at.ts';
import type { Arguments, Column, CommandContext, Row } from './command.ts';
import { COLUMNS } from './parts.ts';

export const TICKET_COLUMNS: readonly Column[] = [
  COLUMNS.number,
  COLUMNS.acceptedAt,
  { key: 'state', title: { zh: '状态', en: 'state' }, show: { words: 'ticketState' } },
  { key: 'type', title: { zh: '类型', en: 'type' } },
  { key: 'urgency', title: { zh: '紧急', en: 'urgency' } },
  COLUMNS.channel,
  { key: 'followUps', title: { zh: '催办', en: 'follow-ups' } },
  { key: 'incident', title: { zh: '事件', en: 'incident' } },
  { key: 'asks', title: { zh: '请核对', en: 'look at' }, show: { words: 'label' } },
  { key: 'alike', title: { zh: '相近', en: 'alike' } },
  { key: 'title', title: { zh: '标题', en: 'title' } },
];

export type Listed = TicketRow & { readonly followUps: number };

export async function withFollowUps({ store }: CommandContext, rows: readonly TicketRow[]): Promise<readonly Listed[]> {
  const followUps = await store.tickets.followUps(rows.map(({ number }) => number));
  return rows.map(row => ({ ...row, followUps: followUps.get(row.number) ?? 0 }));
}

/** null where it is not one of those asked for. */
export async function lineOf(context: CommandContext, row: Listed, args: Arguments): Promise<Row | null> {
  const { number, acceptedAt, state, type, category, urgency, channel, division, followUps, incident, caseNumber } =
    row;
  const content = openTicketContent(context.cipher, row);
  const { asks, alike } = await toLookAt(context.store, row, content);
  if ((args['asks'] === true && asks.length === 0) || (args['alike'] === true && alike.length === 0)) return null;
  const title = maskedTitle(row, content);
  return {
    number,
    acceptedAt,
    state,
    type,
    category,
    urgency,
    channel,
    division,
    followUps,
    incident,
    caseNumber,
    ...(asks.length === 0 ? {} : { asks }),
    ...(alike.length === 0 ? {} : { alike }),
    title,
  };
}
