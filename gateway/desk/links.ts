// 并单与撤销并单: a ticket joins another with its follow-ups; a follow-up becomes a ticket of its own.
import { type Link, OPEN_STATES } from '../../normalizer/ticket.ts';
import type { CommitRow, MessageRow, TicketRow } from '../../store/store.ts';
import { openDecision, openTicket } from '../../store/ticket-seal.ts';
import { unscoredLink } from '../unscored-link.ts';
import { bornRow, followUpUndone, isMadeAppeal } from './appeals.ts';
import { answerOf, commit, comparedAnswer, decisionRow, note, reborn } from './clerk-row.ts';
import { givesAway, linkToClosed, unlinkFromClosed } from './closed-repeats.ts';
import { noticeOf } from './decided-anew.ts';
import { entriesOf, isWaiting, undelivered } from './desk-entries.ts';
import { DeskError } from './desk-error.ts';
import type { DeskAnswer, DeskParts, Rebirth } from './desk-parts.ts';
import { bothOf, messageOf, ticketOf } from './found.ts';
import { partOff } from './part-off.ts';
import { setApart } from './to-look-at.ts';

/** Under whose name two processes' decisions are brought together. */
const SYSTEM = 'system';

export async function link(parts: DeskParts, number: string, to: string, by: string): Promise<DeskAnswer | null> {
  if (number === to) throw new DeskError('desk.same_ticket');
  const joining = await bothOf(parts, number);
  const target = await ticketOf(parts, to);
  if (!OPEN_STATES.has(joining.ticket.state)) {
    throw new DeskError('desk.not_open', { number, state: joining.ticket.state });
  }
  // Two processes are brought together only while both tickets are open; whether one repeats a closed ticket, a person says.
  if (target.state === 'closed' && by !== SYSTEM) return linkToClosed(parts, joining, target, by);
  if (!OPEN_STATES.has(target.state)) throw new DeskError('desk.not_open', { number: to, state: target.state });
  const { voids, withdrawn } = await undelivered(parts, joining.message);
  if (givesAway(joining.ticket, target, withdrawn.length > 0)) throw new DeskError('desk.gives_away', { number, to });
  const own: CommitRow = {
    ...decisionRow(parts, joining.message, { kind: 'repeat', of: to }, [linkBy(by, to)]),
    outbox: [...withdrawn, noticeOf(joining.message, 'ticket.followed-up', to)],
    voids,
    events: [{ number, at: parts.now(), by, kind: 'joined', state: 'joined', expect: [joining.ticket.state] }],
    audit: note(by, 'ticket.link', [number, to]),
  };
  return commitAll(parts, own, await followersOf(parts, number), { from: number, to, by });
}

export async function followersOf({ store }: DeskParts, number: string): Promise<readonly MessageRow[]> {
  return (await store.messages.joined(number)).filter(row => row.outcome?.kind === 'repeat');
}

/** Where follow-ups led to, where they lead from now on, and who says so. */
interface Move {
  readonly from: string;
  readonly to: string;
  readonly by: string;
}

/** A decision on a ticket and those on its follow-ups that go with it; null when the ticket's met a newer one. */
export async function commitAll(
  parts: DeskParts,
  own: CommitRow,
  followers: readonly MessageRow[],
  move: Move,
): Promise<DeskAnswer | null> {
  const moved = await Promise.all(followers.map(row => moveFollower(parts, row, move)));
  // In one batch: a crash between them would leave follow-ups that lead to a ticket which is none any more.
  const [first, ...others] = await parts.store.decisions.commit([own, ...moved], null);
  if (first !== 'committed') return null;
  await Promise.all(
    others.map((answer, i) => answer === 'committed' || moveAgain(parts, followers[i] as MessageRow, move)),
  );
  return answerOf(own);
}

async function moveAgain(parts: DeskParts, { number }: MessageRow, move: Move): Promise<void> {
  const row = await messageOf(parts, number);
  if (row.outcome?.kind !== 'repeat' || row.outcome.of !== move.from) return;
  if ((await commit(parts, await moveFollower(parts, row, move))) === null)
    throw new DeskError('desk.changed_meanwhile');
}

/** A follow-up of the ticket that joins another leads to that one from now on; one of a released ticket stays and is told. */
async function moveFollower(parts: DeskParts, row: MessageRow, { from, to, by }: Move): Promise<CommitRow> {
  const waiting = (await entriesOf(parts, from)).filter(entry => entry.message === row.number && isWaiting(entry));
  const stays = from === to;
  const links = stays ? (openDecision(parts.cipher, row)?.links ?? []) : [linkBy(by, to)];
  return {
    ...decisionRow(parts, row, { kind: 'repeat', of: to }, links),
    outbox: [noticeOf(row, 'ticket.followed-up', to)],
    voids: waiting.map(entry => entry.id),
    audit: note(by, stays ? 'ticket.release' : 'ticket.link', [row.number, to]),
  };
}

export async function unlink(parts: DeskParts, number: string, from: string, by: string): Promise<DeskAnswer | null> {
  const message = await messageOf(parts, number);
  if (message.outcome?.kind === 'ticket' && message.outcome.closedRepeatOf === from) {
    return unlinkFromClosed(parts, { message, ticket: await ticketOf(parts, number) }, from, by);
  }
  if (message.outcome?.kind === 'ticket') {
    const apart = await setApart(parts, { message, ticket: await ticketOf(parts, number) }, from, by);
    if (apart !== null) return apart.answer;
  }
  if (message.outcome?.kind !== 'repeat') return partOff(parts, message, from, by);
  if (message.outcome.of !== from) throw new DeskError('desk.not_linked', { number, from });
  const earlier = await ticketOf(parts, from);
  const born = await bornAgain(parts, message, earlier);
  if (born === null) throw new DeskError('desk.unreadable', { number });
  // The case system may have it as a follow-up of that ticket: it must not learn whose that is by this one.
  const ticket = { ...born.ticket, confidential: born.ticket.confidential || earlier.confidential };
  const row = bornRow(parts, message, { ...born, ticket });
  const at = row.decidedAt;
  // A refused ticket never reached the case system, so there is nothing to undo there.
  const undone = earlier.state === 'refused' ? [] : [noticeOf(message, 'ticket.link-undone', from)];
  const answer = await commit(parts, {
    ...row,
    outbox: [...undone, ...row.outbox],
    events: [{ number, at, by, kind: 'link-undone', state: ticket.state }, followUpUndone(parts, earlier, message, by)],
    notSame: [from],
    audit: note(by, 'ticket.unlink', [number, from]),
  });
  return answer && comparedAnswer(answer, row, born.decision.links);
}

/**
 * A message that was a ticket before a clerk linked it is that ticket again. Any other is read once more, as the appeal that it was taken for,
 * and compared with all but the ticket that it leaves.
 */
async function bornAgain(parts: DeskParts, message: MessageRow, earlier: TicketRow): Promise<Rebirth | null> {
  const before = await parts.store.tickets.get(message.number);
  if (before === null || !hasStood(before)) {
    const compared = { apart: [earlier.number], alone: true, confidential: earlier.confidential };
    const born = await parts.rebirth(message, { asAppeal: true, compared });
    if (born !== null || before === null) return born;
  }
  const { verdict } = openTicket(parts.cipher, before).triage;
  const state = verdict === 'accept' && before.closedRepeatOf === null ? 'queued' : 'held';
  const ticket = reborn(parts, { message, ticket: before }, null, state);
  return { ticket, wanted: [], decision: { joins: null, gathers: [], links: [] } };
}

/** False for what joined another in the moment in which a clerk made it an appeal. */
function hasStood({ events }: TicketRow): boolean {
  return events.some(({ state }) => state !== undefined && state !== 'joined') || !isMadeAppeal({ events });
}

/** What two processes decided apart is brought together under the name of the system, and no clerk's. */
function linkBy(by: string, of: string): Link {
  return unscoredLink('repeat', of, by === SYSTEM ? 'at-once' : 'clerk');
}
