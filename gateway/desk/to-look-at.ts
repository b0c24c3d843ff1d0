// What of an open ticket waits for a clerk's look: what reading was unsure of, and tickets that it may belong to.
import { type AskedField, type Link, OPEN_STATES } from '../../normalizer/ticket.ts';
import type { CommitRow, Store, TicketRow } from '../../store/store.ts';
import { type BornContent, openTicketContent, sealContent } from '../../store/ticket-seal.ts';
import { commit, decisionRow, note } from './clerk-row.ts';
import { bornOf } from './decided-anew.ts';
import type { DeskAnswer, DeskParts } from './desk-parts.ts';
import { type MessageAndTicket, ticketOutcome } from './found.ts';

export interface ToLookAt {
  readonly asks: readonly AskedField[];
  /** Tickets that are suggested, and neither linked nor said to be others by now. */
  readonly alike: readonly string[];
}

const NOTHING: ToLookAt = { asks: [], alike: [] };

export async function toLookAt(
  store: Pick<Store, 'tickets'>,
  row: TicketRow,
  { appeal, links }: Pick<BornContent, 'appeal' | 'links'>,
): Promise<ToLookAt> {
  if (!OPEN_STATES.has(row.state)) return NOTHING;
  const suggested = links.filter(link => link.suggested === true);
  const others = await Promise.all(suggested.map(({ of }) => store.tickets.get(of)));
  const alike = suggested.filter((link, at) => !isSettled(row, link, others[at] ?? null));
  return { asks: appeal.asks ?? [], alike: [...new Set(alike.map(({ of }) => of))] };
}

/** A clerk has brought them together since, or there is nothing left to be brought together with. */
function isSettled(row: TicketRow, { kind }: Link, other: TicketRow | null): boolean {
  if (other === null || other.state === 'joined' || other.state === 'refused') return true;
  // That both are of one incident does not say that they are one and the same appeal.
  if (kind === 'incident') return row.incident !== null && row.incident === other.incident;
  return row.closedRepeatOf === other.number;
}

/** 不是一回事: a ticket that was suggested is another matter; null where none of that number is. Remembered for both. */
export async function setApart(
  parts: DeskParts,
  found: MessageAndTicket,
  from: string,
  by: string,
): Promise<{ readonly answer: DeskAnswer | null } | null> {
  const { message, ticket } = found;
  const content = openTicketContent(parts.cipher, ticket);
  const links = content.links.filter(({ of, suggested }) => of !== from || suggested !== true);
  if (links.length === content.links.length) return null;
  const { number, state } = ticket;
  const key = parts.cipher.openDataKey(message.wrappedContent);
  const row: CommitRow = {
    ...decisionRow(parts, message, ticketOutcome(found), []),
    ticket: {
      ...bornOf(ticket),
      born: sealContent(parts.cipher, key, { ...content, revision: message.revision, links }),
    },
    events: [{ number, at: parts.now(), by, kind: 'kept-apart', expect: [state] }],
    notSame: [from],
    audit: note(by, 'ticket.apart', [number, from]),
  };
  return { answer: await commit(parts, row) };
}
