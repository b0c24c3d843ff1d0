// 认定为诉求与撤销认定: what was taken for no appeal (a test, an automatic answer) becomes a ticket in its place, and none again.
import { OPEN_STATES } from '../../normalizer/ticket.ts';
import type { CommitRow, MessageRow, TicketRow } from '../../store/store.ts';
import { hasOriginal } from '../reading/read-again.ts';
import { commit, decisionRow, note, noted, reborn } from './clerk-row.ts';
import { createdOf, undelivered } from './desk-entries.ts';
import { DeskError } from './desk-error.ts';
import type { DeskAnswer, DeskParts, Rebirth } from './desk-parts.ts';
import { bothOf, messageOf, ticketOutcome } from './found.ts';

/** The event of a ticket that a clerk made of what was taken for no appeal. */
const APPEALED = 'made-appeal';

export interface Asked {
  readonly number: string;
  readonly reason: string;
  readonly by: string;
}

export async function makeAppeal(parts: DeskParts, { number, reason, by }: Asked): Promise<DeskAnswer | null> {
  const message = await messageOf(parts, number);
  const { outcome } = message;
  if (outcome?.kind !== 'not-an-appeal') throw new DeskError('desk.is_appeal', { number });
  if (!hasOriginal(message)) throw new DeskError('desk.original_gone', { number });
  const born = await parts.rebirth(message, { asAppeal: true });
  if (born === null) throw new DeskError('desk.no_appeal_in_it', { number });
  const row = bornRow(parts, message, born);
  return commit(parts, {
    ...row,
    events: [
      noted(parts, message, { number, at: row.decidedAt, by, kind: APPEALED, state: born.ticket.state }, reason),
    ],
    audit: note(by, 'message.appeal', [number, `was:${outcome.reason}`]),
  });
}

/** The row of a message that a clerk makes a ticket, with what the case system is to be told, and the files to be fetched. */
export function bornRow(parts: DeskParts, message: MessageRow, { ticket, wanted }: Rebirth): CommitRow {
  const dueAt = parts.now();
  const held = ticket.state === 'held';
  return {
    ...decisionRow(parts, message, { kind: 'ticket', held }, []),
    ticket,
    outbox: held ? [] : [createdOf(parts, message, ticket.urgency, wanted.length > 0)],
    wanted: wanted.map(index => ({ index, dueAt })),
  };
}

export async function makeNoAppeal(parts: DeskParts, { number, reason, by }: Asked): Promise<DeskAnswer | null> {
  const found = await bothOf(parts, number);
  const { message, ticket } = found;
  const { state } = ticket;
  if (!isMadeAppeal(ticket)) throw new DeskError('desk.read_as_appeal', { number });
  if (!OPEN_STATES.has(state)) throw new DeskError('desk.not_withdrawable', { number, state });
  // They are appeals for themselves, and would be given up with it.
  const joined = await parts.store.messages.joined(number);
  if (joined.some(row => row.outcome?.kind === 'repeat')) throw new DeskError('desk.has_follow_ups', { number });
  const { voids, withdrawn } = await undelivered(parts, message);
  const event = { number, at: parts.now(), by, kind: 'made-no-appeal', state: 'refused', expect: [state] } as const;
  return commit(parts, {
    ...decisionRow(parts, message, ticketOutcome(found), []),
    ticket: reborn(parts, found, null, 'refused'),
    voids,
    outbox: withdrawn,
    events: [noted(parts, message, event, reason)],
    audit: note(by, 'message.no-appeal', [number]),
  });
}

/** Whether a clerk made the ticket of what was taken for no appeal. */
export function isMadeAppeal({ events }: Pick<TicketRow, 'events'>): boolean {
  return events.some(({ kind }) => kind === APPEALED);
}
