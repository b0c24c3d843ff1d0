// 办结后重复: a ticket about what the same requester had closed before stays one of its own; it is linked to that one, or not.
import { OPEN_STATES, type Outcome, type Triage } from '../../normalizer/ticket.ts';
import type { BornRow, CommitRow, TicketRow } from '../../store/store.ts';
import { openTicketContent, sealContent } from '../../store/ticket-seal.ts';
import { unscoredLink } from '../unscored-link.ts';
import { commit, decisionRow, note } from './clerk-row.ts';
import { told } from './correct.ts';
import { createdEntry, hasGone } from './corrections.ts';
import { bornOf } from './decided-anew.ts';
import { createdAnew } from './desk-entries.ts';
import { DeskError } from './desk-error.ts';
import type { DeskAnswer, DeskParts } from './desk-parts.ts';
import type { MessageAndTicket } from './found.ts';

/** Whether the case system would learn the author of a confidential ticket by an open one that it has, or is to have. */
export function givesAway(joining: TicketRow, target: TicketRow, told: boolean): boolean {
  return joining.confidential ? !target.confidential : target.confidential && told;
}

/** A clerk says that it is about the same as a closed one. Whoever says so has looked at it, so it is held no more than before. */
export async function linkToClosed(
  parts: DeskParts,
  found: MessageAndTicket,
  target: TicketRow,
  by: string,
): Promise<DeskAnswer | null> {
  const { number, closedRepeatOf } = found.ticket;
  if (closedRepeatOf === target.number) throw new DeskError('desk.linked_already', { number, to: target.number });
  const has = hasGone(await createdEntry(parts.store, number));
  if (givesAway(found.ticket, target, has)) throw new DeskError('desk.gives_away', { number, to: target.number });
  return commit(parts, {
    ...(await relinked(parts, found, { closedRepeatOf: target.number, confidential: target.confidential })),
    events: [{ number, at: parts.now(), by, kind: 'closed-linked', expect: [found.ticket.state] }],
    audit: note(by, 'ticket.link', [number, target.number]),
  });
}

/** Where nothing but this link has held it, it goes to the case system; what that has already is told that the link is none. */
export async function unlinkFromClosed(
  parts: DeskParts,
  found: MessageAndTicket,
  from: string,
  by: string,
): Promise<DeskAnswer | null> {
  const { number, state, urgency } = found.ticket;
  if (!OPEN_STATES.has(state)) throw new DeskError('desk.not_open', { number, state });
  const row = await relinked(parts, found, { closedRepeatOf: null, confidential: false });
  const goes = state === 'held' && verdictOf(parts, found) === 'accept';
  const gone = goes
    ? { outbox: [await createdAnew(parts, found, urgency)], outcome: { ...row.outcome, held: false } }
    : {};
  const answer = await commit(parts, {
    ...row,
    ...gone,
    events: [
      { number, at: parts.now(), by, kind: 'closed-unlinked', expect: [state], ...(goes ? { state: 'queued' } : {}) },
    ],
    notSame: [from],
    audit: note(by, 'ticket.unlink', [number, from]),
  });
  return answer && goes ? { ...answer, state: 'queued' } : answer;
}

function verdictOf({ cipher }: DeskParts, { ticket }: MessageAndTicket): Triage['verdict'] {
  return openTicketContent(cipher, ticket).triage.verdict;
}

interface ClosedLink {
  readonly closedRepeatOf: string | null;
  /** The closed one is. */
  readonly confidential: boolean;
}

/** The same ticket under the next revision, as a repeat of that closed one or of none. */
async function relinked(
  parts: DeskParts,
  { message, ticket }: MessageAndTicket,
  { closedRepeatOf, confidential }: ClosedLink,
): Promise<CommitRow> {
  const { cipher } = parts;
  const before = openTicketContent(cipher, ticket);
  const others = before.links.filter(({ kind }) => kind !== 'closed-repeat');
  const links = closedRepeatOf === null ? others : [...others, unscoredLink('closed-repeat', closedRepeatOf, 'clerk')];
  const content = { ...before, revision: message.revision, closedRepeatOf, links };
  const born: BornRow = {
    ...bornOf(ticket),
    closedRepeatOf,
    confidential: ticket.confidential || confidential,
    born: sealContent(cipher, cipher.openDataKey(message.wrappedContent), content),
  };
  return {
    ...decisionRow(parts, message, outcomeOf(ticket, closedRepeatOf), []),
    ...(await told(parts, message, ticket)),
    ticket: born,
  };
}

function outcomeOf({ state, incident }: TicketRow, closedRepeatOf: string | null): Outcome {
  return {
    kind: 'ticket',
    held: state === 'held',
    ...(closedRepeatOf === null ? {} : { closedRepeatOf }),
    ...(incident === null ? {} : { incident }),
  };
}
