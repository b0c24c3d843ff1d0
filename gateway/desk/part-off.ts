// 撤销并入会话: a part that was gathered into a conversation becomes a ticket of its own, and the rest is what it is without it.
import type { Appeal, Link } from '../../normalizer/ticket.ts';
import { decodeFacts, encodeFacts } from '../../store/facts-codec.ts';
import type { BornRow, CommitRow, MessageRow, NewEntry, TicketRow } from '../../store/store.ts';
import { type BornContent, openDecision, openTicketContent, sealContent } from '../../store/ticket-seal.ts';
import { ticketOf as ledTo } from '../leads-to.ts';
import { bornRow } from './appeals.ts';
import { answerOf, comparedAnswer, decisionRow, note, saying } from './clerk-row.ts';
import { told } from './correct.ts';
import { hasGone } from './corrections.ts';
import { bornOf, decidedAnew, noticeOf } from './decided-anew.ts';
import { entriesOf } from './desk-entries.ts';
import { DeskError } from './desk-error.ts';
import type { DeskAnswer, DeskParts, Rebirth } from './desk-parts.ts';
import { ticketOf } from './found.ts';
import { dropParted, giveParted, placed, takeParted } from './parted-files.ts';

interface Parting {
  readonly part: MessageRow;
  /** What it was gathered into. */
  readonly lead: MessageRow;
  /** The ticket that the conversation led to; null where it led to none. */
  readonly ticket: TicketRow | null;
  /** As the clerk named it. */
  readonly from: string;
  readonly by: string;
}

/** Under these the two halves of an act are known, should a process end between them. */
const partedId = (part: string, lead: string) => `${part}:parted:${lead}`;
const undoneId = (part: string) => `${part}:part-undone`;

/**
 * The part first: should the process end in between, its words stand in two tickets rather than in none, and the same command
 * does the rest.
 */
export async function partOff(
  parts: DeskParts,
  part: MessageRow,
  from: string,
  by: string,
): Promise<DeskAnswer | null> {
  const lead = await leadOf(parts, part, from);
  if (lead === null) throw new DeskError('desk.not_linked', { number: part.number, from });
  const about = await ledTo(parts.store, lead);
  const parting = { part, lead, from, by, ticket: about === null ? null : await ticketOf(parts, about) };
  const [own, rest] = await Promise.all([ownRow(parts, parting), restRow(parts, parting)]);
  const files =
    own === null || rest === null ? [] : await takeParted(parts, { part, lead, files: own.files, before: rest.before });
  const rows = [...(own === null ? [] : [giveParted(own.row, files)]), ...(rest === null ? [] : [rest.row])];
  const answers = await parts.store.decisions.commit(rows, null);
  if (answers.some(answer => answer !== 'committed')) return null;
  for (const file of files) await parts.store.admin.settleAttachment(file, parts.now());
  if (rest !== null) await dropParted(parts, lead, rest.after);
  const entries = rows.flatMap(row => row.outbox.map(({ kind }) => kind));
  if (own !== null) return comparedAnswer({ ...answerOf(own.row), entries }, own.row, own.links);
  const { revision, state } = await ticketOf(parts, part.number);
  return { number: part.number, revision, state, entries };
}

/** The message that a part was gathered into, if that is or led to `from`, and its parting is not over yet. */
async function leadOf({ store }: DeskParts, part: MessageRow, from: string): Promise<MessageRow | null> {
  const { number, outcome } = part;
  if (outcome?.kind === 'part') {
    const lead = await store.messages.get(outcome.of);
    return lead !== null && (lead.number === from || (await ledTo(store, lead)) === from) ? lead : null;
  }
  const known = new Set((await store.tickets.get(number))?.events.map(({ eventId }) => eventId) ?? []);
  if ((await store.tickets.get(from))?.events.some(({ eventId }) => eventId === undoneId(number)) !== false)
    return null;
  const leads = [await store.messages.get(from), ...(await store.messages.joined(from))];
  return leads.find(lead => lead !== null && known.has(partedId(number, lead.number))) ?? null;
}

interface OwnRow {
  readonly row: CommitRow;
  readonly files: Appeal['attachments'];
  readonly links: readonly Link[];
}

/** null where the part is a ticket by now. */
async function ownRow(parts: DeskParts, { part, lead, ticket: earlier, from, by }: Parting): Promise<OwnRow | null> {
  const { number } = part;
  if (part.outcome?.kind !== 'part') return null;
  const apart = [...new Set([lead.number, ...(earlier === null ? [] : [earlier.number])])];
  const compared = { apart, alone: true, confidential: earlier?.confidential === true };
  const born = await parts.rebirth(part, { compared });
  if (born === null) throw new DeskError('desk.unreadable', { number });
  // The case system may have its words under that ticket: it must not learn whose that is by this one.
  const confidential = born.ticket.confidential || earlier?.confidential === true;
  const row = bornRow(parts, part, { ...born, ticket: { ...born.ticket, confidential } });
  const { state } = row.ticket;
  const event = { number, at: row.decidedAt, by, kind: 'parted', state, eventId: partedId(number, lead.number) };
  return {
    row: {
      ...row,
      events: [event],
      notSame: apart,
      audit: note(by, 'message.part-off', [number, from]),
    },
    files: contentOf(parts, born, part).appeal.attachments,
    links: born.decision.links,
  };
}

interface Rest {
  readonly row: CommitRow;
  /** Attachments before and after. */
  readonly before: Appeal['attachments'];
  readonly after: Appeal['attachments'];
}

/** What is left of the conversation, read again; null where it led to no ticket, or has been read again without this part already. */
async function restRow(parts: DeskParts, { part, lead, ticket, by }: Parting): Promise<Rest | null> {
  if (ticket === null || ticket.events.some(({ eventId }) => eventId === undoneId(part.number))) return null;
  const rest = await parts.rebirth(lead, { without: part.number });
  if (rest === null) throw new DeskError('desk.unreadable', { number: lead.number });
  const own = ticket.number === lead.number ? ticket : await parts.store.tickets.get(lead.number);
  const made = own === null ? followUp(parts, lead, rest) : await bornWithout(parts, lead, { rest, own });
  const notices = ticket.number === lead.number ? {} : { outbox: await toldAgain(parts, lead, ticket.number) };
  const event = {
    number: ticket.number,
    at: made.row.decidedAt,
    by,
    kind: 'part-undone',
    eventId: undoneId(part.number),
  };
  return {
    ...made,
    row: {
      ...made.row,
      ...notices,
      events: [saying(parts, ticket, event, part.number)],
      audit: note(by, 'ticket.part-undone', [ticket.number, part.number]),
    },
  };
}

function contentOf({ cipher }: DeskParts, { ticket }: Rebirth, { wrappedContent }: MessageRow): BornContent {
  return openTicketContent(cipher, { ...ticket, wrappedContent });
}

/** Of a ticket, or of one that a clerk joined to another: its born part under the next revision. */
async function bornWithout(
  parts: DeskParts,
  lead: MessageRow,
  { rest, own }: { readonly rest: Rebirth; readonly own: TicketRow },
): Promise<Rest> {
  const before = openTicketContent(parts.cipher, own);
  const content = withoutPart(before, contentOf(parts, rest, lead), own);
  const { appeal, place } = content;
  const key = parts.cipher.openDataKey(lead.wrappedContent);
  const ticket: BornRow = {
    ...bornOf(own),
    type: appeal.type.value,
    category: appeal.category?.value.codes.at(-1) ?? null,
    urgency: appeal.urgency.value,
    division: place.division,
    confidential: own.confidential || content.confidential.value,
    wrappedIdentity: rest.ticket.wrappedIdentity,
    identity: rest.ticket.identity,
    identityKeys: rest.ticket.identityKeys,
    facts: encodeFacts({ ...decodeFacts(rest.ticket.facts), division: place.division }),
    born: sealContent(parts.cipher, key, content),
  };
  const row = decisionRow(
    parts,
    lead,
    lead.outcome ?? { kind: 'ticket', held: own.state === 'held' },
    linksOf(parts, lead),
  );
  const notices = await told(parts, lead, { urgency: appeal.urgency.value, state: own.state });
  return { row: { ...row, ...notices, ticket }, before: before.appeal.attachments, after: appeal.attachments };
}

/** A follow-up keeps its words with its decision. */
function followUp(parts: DeskParts, lead: MessageRow, rest: Rebirth): Rest {
  const { cipher } = parts;
  const decision = openDecision(cipher, lead);
  if (decision?.draft == null || lead.outcome === null) throw new DeskError('desk.unreadable', { number: lead.number });
  const fresh = contentOf(parts, rest, lead);
  const { draft, links, problems } = decision;
  const before = draft.appeal.attachments;
  const after = placed(fresh.appeal.attachments, before);
  const { place, anonymous, confidential, triage, handling } = fresh;
  const kept = {
    ...{ links, problems },
    draft: {
      ...draft,
      place,
      anonymous,
      confidential,
      triage,
      handling,
      appeal: { ...fresh.appeal, attachments: after },
    },
  };
  return { row: decidedAnew(cipher, lead, { outcome: lead.outcome, kept, decidedAt: parts.now() }), before, after };
}

function linksOf({ cipher }: DeskParts, lead: MessageRow) {
  return openDecision(cipher, lead)?.links ?? [];
}

/**
 * As it reads without the part. What a clerk has corrected stays, and so does whatever protects who appealed: that takes two people
 * to be lowered. Whether it is accepted, and what it is linked to, were decisions of their own.
 */
function withoutPart(before: BornContent, fresh: BornContent, own: TicketRow): BornContent {
  const { links, closedRepeatOf, incident, triage } = before;
  const corrected = own.events.some(({ kind }) => kind === 'corrected');
  const { type, category, urgency, subject, asks } = corrected ? before.appeal : fresh.appeal;
  const accused = before.appeal.type.value === '举报';
  return {
    ...fresh,
    ...{ links, closedRepeatOf, incident, triage },
    appeal: {
      ...fresh.appeal,
      ...{ category, urgency, subject, asks: asks ?? [] },
      type: accused ? before.appeal.type : type,
      attachments: placed(fresh.appeal.attachments, before.appeal.attachments),
    },
    ...(corrected ? { place: before.place } : {}),
    anonymous: before.anonymous || fresh.anonymous,
    ...(corrected || before.confidential.value
      ? { confidential: before.confidential, public: before.public, handling: before.handling }
      : {}),
  };
}

/** The case system takes back what it was told of the follow-up, and is told it anew; what still waits is made of the words of now. */
async function toldAgain(parts: DeskParts, lead: MessageRow, about: string): Promise<readonly NewEntry[]> {
  const entries = await entriesOf(parts, about);
  const sent = entries.findLast(
    ({ message, kind, state }) => message === lead.number && kind === 'ticket.followed-up' && state !== 'void',
  );
  if (!hasGone(sent)) return [];
  return [noticeOf(lead, 'ticket.link-undone', about), noticeOf(lead, 'ticket.followed-up', about)];
}
