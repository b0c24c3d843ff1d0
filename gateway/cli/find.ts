// huisu tickets find: the tickets of a caller who has no number at hand, for a purpose that is audited first.
import type { TicketRow } from '../../store/store.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { plainReason } from '../desk/plain-reason.ts';
import { isWhollyMasked } from '../desk/ticket-view.ts';
import type { Arguments, Command, CommandContext, Row } from './command.ts';
import { askedFor, IDENTITY_OPTIONS, ticketsBy } from './identities.ts';
import { LIMIT, textOf } from './parts.ts';
import { lineOf, TICKET_COLUMNS, withFollowUps } from './ticket-lines.ts';

export const findCommand: Command = {
  kind: 'list',
  name: 'tickets find',
  summary: {
    zh: '按电话、邮箱、证件号或平台账号查找来电人的工单，记入审计；举报件和保密件查不到',
    en: "find a caller's tickets by phone, e-mail, ID number or account, audited; accusations and confidential ones are not found",
  },
  options: [
    ...IDENTITY_OPTIONS,
    { flags: '--why <purpose>', summary: { zh: '查找目的', en: 'purpose of looking' }, required: true },
    LIMIT,
  ],
  columns: TICKET_COLUMNS,
  async *run(context, args, { by }): AsyncIterable<Row> {
    const rows = await found(context, args, by);
    for (const row of await withFollowUps(context, rows)) {
      const line = await lineOf(context, row, {});
      if (line !== null) yield line;
    }
  },
};

/** On record before anything is shown. Whoever knows a phone must not learn by it what its owner said in confidence. */
async function found(context: CommandContext, args: Arguments, by: string): Promise<readonly TicketRow[]> {
  const why = textOf(args, 'why') ?? '';
  if (why.trim() === '') throw new DeskError('desk.no_purpose');
  const asked = askedFor(context, args);
  if (asked === null) throw new DeskError('cli.find_whom', {}, EXIT.usage);
  const { keys, kinds, requester } = asked;
  const plain = await plainReason(context, why, [], requester);
  await context.store.admin.audit({ by, action: 'identity.search', on: kinds, why: plain }, context.now());
  const open = (await ticketsBy(context, keys)).filter(row => !isWhollyMasked(row));
  return open.sort((a, b) => b.ordinal - a.ordinal).slice(0, Number(args['limit'] ?? 50));
}
