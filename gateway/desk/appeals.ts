// 认定为诉求与撤销认定: what was taken for no appeal (a test, an automatic answer), or what nobody could read, becomes a ticket in its place, and none again.
import { OPEN_STATES } from '../../normalizer/ticket.ts';
import { SealBroken } from '../../store/errors.ts';
import type { BornRow, CommitRow, MessageRow, TicketEvent, TicketRow } from '../../store/store.ts';
import type { Words } from '../reading/by-hand.ts';
import { bornOutcome } from '../reading/commit-rows.ts';
import { hasOriginal } from '../reading/read-again.ts';
import { commit, comparedAnswer, decisionRow, note, noted, reborn, saying } from './clerk-row.ts';
import { noticeOf } from './decided-anew.ts';
import { createdOf, entriesOf, neverArrived, undelivered } from './desk-entries.ts';
import { DeskError } from './desk-error.ts';
import type { DeskAnswer, DeskParts, Rebirth } from './desk-parts.ts';
import { bothOf, messageOf, ticketOf, ticketOutcome } from './found.ts';

/** The event of a ticket that a clerk made of what reading made none of. */
const APPEALED = 'made-appeal';

export interface Asked {
  readonly number: string;
  readonly reason: string;
  readonly by: string;
}

/** What nobody could even open: its bytes are not looked at. */
const NOT_OPENED: ReadonlySet<string> = new Set([
  'reading.cannot_open',
  'reading.original_missing',
  'reading.thread_died',
]);
/** What comparing it failed on is compared by hand. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['reading.judge_failed', 'reading.thread_died']);

/** @param words what the clerk has written down of it; null: nothing */
export async function makeAppeal(
  parts: DeskParts,
  { number, reason, by, words }: Asked & { readonly words: Words | null },
): Promise<DeskAnswer | null> {
  const message = await messageOf(parts, number, 'quarantined');
  const { outcome } = message;
  if (outcome?.kind !== 'not-an-appeal' && outcome?.kind !== 'quarantined')
    throw new DeskError('desk.is_appeal', { number });
  if (!hasOriginal(message) || message.wrappedContent.length === 0)
    throw new DeskError('desk.original_gone', { number });
  checkKey(parts, message);
  const born = await parts.rebirth(message, {
    asAppeal: true,
    ...(words !== null || outcome.kind === 'quarantined' ? { words } : {}),
    ...(NOT_OPENED.has(outcome.reason) ? { unasked: true } : {}),
    ...(NOT_COMPARED.has(outcome.reason) ? {} : { compared: {} }),
  });
  if (born === null) throw new DeskError('desk.no_appeal_in_it', { number });
  const row = bornRow(parts, message, born);
  const event = { number, at: row.decidedAt, by, kind: APPEALED, state: row.ticket.state };
  const answer = await commit(parts, {
    ...row,
    events: [noted(parts, message, event, reason)],
    audit: note(by, 'message.appeal', [number, `was:${outcome.reason}`]),
  });
  return answer && comparedAnswer(answer, row, born.decision.links);
}

/** Nothing can be sealed beside what does not open any more: without its key there is no ticket in its place. */
function checkKey({ cipher }: DeskParts, { number, wrappedContent }: MessageRow): void {
  try {
    cipher.openDataKey(wrappedContent);
  } catch (error) {
    if (error instanceof SealBroken) throw new DeskError('desk.key_missing', { number });
    throw error;
  }
}

/**
 * The row of a message that a clerk makes a ticket, with what the case system is to be told, and the files to be fetched. Where it
 * repeats an open one it joins that, as a ticket does that a clerk links: what was made of it is kept for the day on which it leaves.
 */
export function bornRow(
  parts: DeskParts,
  message: MessageRow,
  { ticket, wanted, decision }: Rebirth,
): CommitRow & { readonly ticket: BornRow } {
  const dueAt = parts.now();
  const files = wanted.map(index => ({ index, dueAt }));
  const { joins, gathers, links } = decision;
  if (joins !== null) {
    const notBefore = wanted.length > 0 ? dueAt + parts.attachmentWaitMs : 0;
    return {
      ...decisionRow(parts, message, { kind: 'repeat', of: joins }, links),
      ticket: { ...ticket, state: 'joined', incident: null },
      outbox: [{ ...noticeOf(message, 'ticket.followed-up', joins), notBefore }],
      wanted: files,
    };
  }
  const held = ticket.state === 'held';
  return {
    ...decisionRow(parts, message, bornOutcome(held, ticket), []),
    ticket,
    gathers,
    outbox: held ? [] : [createdOf(parts, message, ticket.urgency, wanted.length > 0)],
    wanted: files,
  };
}

export async function makeNoAppeal(parts: DeskParts, { number, reason, by }: Asked): Promise<DeskAnswer | null> {
  const found = await bothOf(parts, number);
  const { message, ticket } = found;
  const { state } = ticket;
  if (!isMadeAppeal(ticket)) throw new DeskError('desk.read_as_appeal', { number });
  const joined = message.outcome?.kind === 'repeat' ? message.outcome.of : null;
  if (joined === null && !OPEN_STATES.has(state)) throw new DeskError('desk.not_withdrawable', { number, state });
  // They are appeals for themselves, and would be given up with it.
  const others = await parts.store.messages.joined(number);
  if (others.some(row => row.outcome?.kind === 'repeat')) throw new DeskError('desk.has_follow_ups', { number });
  const { voids, withdrawn } = await undelivered(parts, message);
  const left = joined === null ? NOTHING_LEFT : await takenOff(parts, message, joined, by);
  const event = { number, at: parts.now(), by, kind: 'made-no-appeal', state: 'refused', expect: [state] } as const;
  return commit(parts, {
    ...decisionRow(parts, message, joined === null ? ticketOutcome(found) : { kind: 'ticket', held: false }, []),
    ticket: reborn(parts, found, null, 'refused'),
    voids: [...voids, ...left.voids],
    outbox: [...left.outbox, ...(joined === null ? withdrawn : [])],
    events: [noted(parts, message, event, reason), ...left.events],
    audit: note(by, 'message.no-appeal', [number]),
  });
}

type Left = Pick<CommitRow, 'voids' | 'outbox' | 'events'>;
const NOTHING_LEFT: Left = { voids: [], outbox: [], events: [] };

/** What a follow-up leaves behind at its ticket: what has not gone goes no more, what has is taken back. */
async function takenOff(parts: DeskParts, message: MessageRow, of: string, by: string): Promise<Left> {
  const { number } = message;
  const earlier = await ticketOf(parts, of);
  const told = (await entriesOf(parts, of)).filter(
    entry => entry.message === number && entry.kind === 'ticket.followed-up' && entry.state !== 'void',
  );
  const unsent = told.filter(neverArrived);
  return {
    voids: unsent.map(({ id }) => id),
    outbox: told.length > unsent.length ? [noticeOf(message, 'ticket.link-undone', of)] : [],
    events: [followUpUndone(parts, earlier, message, by)],
  };
}

/** Said in the history of the ticket that a follow-up has left. */
export function followUpUndone(parts: DeskParts, earlier: TicketRow, message: MessageRow, by: string): TicketEvent {
  const eventId = `${message.number}:${message.revision}:undone`;
  const event = { number: earlier.number, at: parts.now(), by, kind: 'follow-up-undone', eventId };
  return saying(parts, earlier, event, message.number);
}

/** Whether a clerk made the ticket of what was taken for no appeal, or of what could not be read. */
export function isMadeAppeal({ events }: Pick<TicketRow, 'events'>): boolean {
  return events.some(({ kind }) => kind === APPEALED);
}
