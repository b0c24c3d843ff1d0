// What of an open ticket waits for a clerk's look: what reading was unsure of, and tickets that it may belong to.
import { type AskedField, OPEN_STATES } from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { CommitRow, Store, TicketRow } from '../../store/store.ts';
import { openTicketContent, sealContent } from '../../store/ticket-seal.ts';
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
  { store, cipher }: { readonly store: Pick<Store, 'tickets'>; readonly cipher: FieldCipher },
  row: TicketRow,
): Promise<ToLookAt> {
  if (!OPEN_STATES.has(row.state)) return NOTHING;
  const { appeal, links } = openTicketContent(cipher, row);
  const suggested = new Set(links.filter(link => link.suggested === true).map(({ of }) => of));
  const others = await Promise.all([...suggested].map(number => store.tickets.get(number)));
  const alike = others.filter(other => other !== null).filter(other => !isSettled(row, other));
  return { asks: appeal.asks ?? [], alike: alike.map(({ number }) => number) };
}

/** A clerk has brought them together since, or there is nothing left to be brought together with. */
function isSettled(row: TicketRow, other: TicketRow): boolean {
  if (other.state === 'joined' || other.state === 'refused') return true;
  return row.closedRepeatOf === other.number || (row.incident !== null && row.incident === other.incident);
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
