// A ticket and a message as an operator sees them: identity masked, one field unmasked at a time, audited before it is shown.
import type { Extension } from '../../normalizer/deadline.ts';
import type { IncidentRules } from '../../normalizer/incident.ts';
import {
  type Appeal,
  type Deadline,
  type Decided,
  type Flag,
  type Link,
  type Place,
  REQUESTER_FIELDS,
  type Requester,
  type Triage,
} from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { MessageRow, Store, TicketRow } from '../../store/store.ts';
import {
  type BornContent,
  isErased,
  openDecision,
  openIdentity,
  openNote,
  openTicketContent,
} from '../../store/ticket-seal.ts';
import { withoutHome } from '../dispatch/entry-body.ts';
import { createMasks, eachText, type MaskedAppeal, type Masks } from '../dispatch/mask.ts';
import { ticketOf } from '../leads-to.ts';
import { hasOriginal } from '../reading/read-again.ts';
import { DeskError } from './desk-error.ts';
import { type IncidentMarks, ticketMarks } from './incident-marks.ts';
import { linkWords } from './link-words.ts';
import { proposalOf, reasonIn } from './lowering.ts';
import { plainReason } from './plain-reason.ts';
import { HIDDEN, maskRequester } from './requester-mask.ts';

export interface ViewParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly rules: IncidentRules;
  /** How often a deadline may be extended, and until when each time is to be asked for. */
  extensions(deadline: Deadline): readonly Extension[];
  now(): number;
}

/** One field unmasked for a purpose: a field of the requester, or the text. */
export interface Reveal {
  readonly field: string;
  readonly why: string;
  readonly by: string;
}

export type View = Readonly<Record<string, unknown>>;

/** Throws `DeskError` for a number that is no ticket's. Nothing is unmasked unless its audit record is durable. */
export async function viewTicket(parts: ViewParts, number: string, reveal: Reveal | null): Promise<View> {
  const row = await parts.store.tickets.get(number);
  if (row === null) throw await notATicket(parts.store, number);
  if (reveal !== null) await auditReveal(parts, number, reveal);
  const { source, appeal, place, triage, handling, links, ...born } = openTicketContent(parts.cipher, row);
  const requester = openIdentity(parts.cipher, row);
  const marks = await ticketMarks(parts.store, row, parts.rules, parts.now());
  const whole = isWhollyMasked(row);
  const masks = createMasks(appeal, whole, requester);
  const openText = reveal?.field === 'content';
  const text = (value: string, mask: (text: string) => string) => (openText ? value : mask(value));
  // Once it is not known any more who appealed, nobody can tell whether these are their name: they stay as they were written.
  const free = (value: string) => text(value, isErased(row) ? () => HIDDEN : masks.text);
  return {
    number,
    state: row.state,
    step: row.step,
    caseNumber: row.caseNumber,
    revision: row.revision,
    source: { ...source, channel: row.channel },
    type: appeal.type.value,
    category: appeal.category?.value.labels ?? [],
    urgency: appeal.urgency.value,
    title: text(appeal.title, masks.title),
    content: text(appeal.content, masks.content),
    subject: appeal.subject === null ? null : text(appeal.subject, masks.text),
    place: openText ? place : shownPlace({ appeal, place }, masks, whole ? requester : null),
    requester: revealed(maskRequester(requester, whole), requester, reveal),
    identity: isErased(row) ? 'erased' : 'kept',
    anonymous: born.anonymous,
    confidential: row.confidential,
    public: born.public.value && !row.confidential,
    triage: {
      ...{ verdict: triage.verdict, clause: triage.clause, basis: triage.basis },
      ...{ words: triage.words, by: triage.by, confidence: triage.confidence ?? null },
      reason: triage.reason ?? heldFor(row, triage),
    },
    handling: {
      unit: handling.unit,
      coUnits: handling.coUnits,
      by: handling.by ?? null,
      accused: handling.accused ?? [],
      method: handling.method,
      deadlines: handling.deadlines.map(one => ({ ...one, extended: parts.extensions(one) })),
    },
    because: { ...grounds(appeal, place, masks.text), confidential: discretion(born.confidential, row, masks.text) },
    asks: appeal.asks ?? [],
    problems: appeal.problems,
    attachments: appeal.attachments.map(({ mediaType, size }, index) => ({ index, mediaType, size })),
    proposed: proposalShown(parts, row, free),
    closedRepeatOf: row.closedRepeatOf,
    incident: row.incident,
    supervised: row.supervised || marks.supervised.length > 0,
    supervision: { because: marks.supervised, ...figuresOf(marks) },
    burst: marks.burst,
    links: links.map(link => viewLink(link, linkWords(parts.cipher, link, appeal, requester.name))),
    followUps: (await parts.store.messages.joined(number)).map(({ number: message, acceptedAt, outcome }) => ({
      message,
      acceptedAt,
      kind: outcome?.kind ?? null,
    })),
    history: history(parts.cipher, row, free),
  };
}

/** A ticket's title for lists: of an accusation or a confidential ticket without any of the values found in it. */
export function maskedTitle(row: TicketRow, { appeal }: Pick<BornContent, 'appeal'>): string {
  return createMasks(appeal, isWhollyMasked(row), null).title(appeal.title);
}

/** Of an accusation and a confidential ticket nothing is shown that might lead to its author. */
export function isWhollyMasked({ confidential, type }: Pick<TicketRow, 'confidential' | 'type'>): boolean {
  return confidential || type === '举报';
}

/** What is accepted by itself is held where the same requester's matter was closed before (article 10 (5)). */
function heldFor({ state, closedRepeatOf }: TicketRow, { verdict }: Triage): string | null {
  return state === 'held' && verdict === 'accept' && closedRepeatOf !== null ? 'closed-repeat' : null;
}

/** The scene: of a ticket that is masked wholly without its author's home, of others with numbers masked (`requester` is null). */
function shownPlace(content: Pick<BornContent, 'appeal' | 'place'>, masks: Masks, requester: Requester | null): Place {
  return requester === null ? eachText(content.place, masks.text) : withoutHome(content, masks, requester);
}

/** Which words decided each field and how sure reading was of it. */
function grounds(appeal: Appeal, place: Place, mask: (text: string) => string) {
  const of = ({ by, words, confidence }: Pick<Decided<unknown>, 'by' | 'words' | 'confidence'>) => ({
    by,
    words: words.map(mask),
    confidence,
  });
  return {
    type: of(appeal.type),
    category: appeal.category === null ? null : of(appeal.category),
    urgency: of(appeal.urgency),
    place: { words: (place.words ?? []).map(mask), confidence: place.confidence ?? 0 },
  };
}

/** What made it confidential, or left it open: where reading did not, a ticket that it repeats or was parted from. */
function discretion({ value, by, words, confidence }: Flag, row: TicketRow, mask: (text: string) => string) {
  if (row.confidential && !value) return { by: 'related', words: [], confidence: null };
  return { by, words: words.map(mask), confidence: confidence ?? null };
}

/** A message: what became of it and why; of its words only those of a follow-up, masked. */
export async function viewMessage(parts: Pick<ViewParts, 'store' | 'cipher'>, number: string): Promise<View> {
  const row = await parts.store.messages.get(number);
  if (row === null) throw new DeskError('desk.no_such_number', { number });
  const decision = openDecision(parts.cipher, row);
  // A ticket holds the links it was born with; a follow-up's stand with its message.
  const ticket = row.outcome?.kind === 'ticket' ? await parts.store.tickets.get(number) : null;
  const born = ticket === null ? null : openTicketContent(parts.cipher, ticket);
  const content = born ?? decision?.draft ?? null;
  const links = born?.links ?? decision?.links ?? [];
  return {
    ...summary(row),
    revision: row.revision,
    attempts: row.attempts,
    decidedAt: row.decidedAt,
    originalKept: hasOriginal(row),
    links: links.map(link =>
      viewLink(link, content === null ? link.words : linkWords(parts.cipher, link, content.appeal, null)),
    ),
    problems: decision?.problems ?? [],
    detail: detailShown(decision?.detail),
    ...(decision?.draft == null ? {} : followUpText(decision.draft.appeal)),
    entries: (await parts.store.outbox.list({ ticket: (await ticketOf(parts.store, row)) ?? number, limit: 1000 }))
      .filter(entry => entry.message === number)
      .map(({ id, kind, state, attempts, cause, dueAt }) => ({ id, kind, state, attempts, cause, dueAt })),
  };
}

/** The sign by which an adapter knew it is shown where it is one, and no words or numbers of somebody. */
function detailShown(detail: string | undefined): string | null {
  if (detail === undefined) return null;
  return /^[\w./+-]{1,40}$/.test(detail) && !/\d{5}/.test(detail) ? detail : HIDDEN;
}

/** One line of a list. */
export function summary({ number, channel, acceptedAt, state, outcome }: MessageRow) {
  const reason = outcome !== null && 'reason' in outcome ? outcome.reason : null;
  const of = outcome !== null && 'of' in outcome ? outcome.of : null;
  return { number, channel, acceptedAt, state, outcome: outcome?.kind ?? null, of, reason };
}

/** A follow-up's requester is kept in its original only, so its text is masked by what was found in it, wholly. */
function followUpText(appeal: MaskedAppeal) {
  const masks = createMasks(appeal, true, null);
  return { title: masks.title(appeal.title), content: masks.content(appeal.content) };
}

function viewLink({ kind, of, score, threshold, reasons, by, suggested }: Link, words: readonly string[]) {
  return { kind, of, score, threshold, reasons, words, by, ...(suggested === true ? { suggested } : {}) };
}

function figuresOf({ tickets, messages, firstAt, lastAt, days }: IncidentMarks) {
  return { tickets, messages, firstAt, lastAt, days };
}

/** What a clerk writes in words of their own. */
const WRITTEN: ReadonlySet<string> = new Set(['scene', 'subject', 'unit', 'coUnits']);

/** What somebody wants the ticket to be, for a second person to say yes or no to. */
function proposalShown({ cipher, now }: ViewParts, row: TicketRow, words: (text: string) => string) {
  const proposal = proposalOf(cipher, row, now());
  if (proposal === null) return null;
  const { by, at, until, reason } = proposal;
  const changes = Object.fromEntries(
    Object.entries(proposal.changes).map(([field, value]) => [
      field,
      WRITTEN.has(field) ? words(String(value)) : value,
    ]),
  );
  return { by, at, until, changes, reason: words(reason) };
}

/** @param words what is shown of a note: the case system may write down whom it spoke to */
function history(cipher: FieldCipher, row: TicketRow, words: (note: string) => string) {
  const key = cipher.openDataKey(row.wrappedContent);
  return row.events.map(({ at, by, kind, state, step, incident, eventId, note }) => ({
    at,
    by,
    kind,
    state: state ?? null,
    step: step ?? null,
    ...(incident === undefined ? {} : { incident }),
    note:
      note === undefined || eventId === undefined
        ? null
        : noteShown(kind, openNote(cipher, key, { number: row.number, eventId, sealed: note }), words),
  }));
}

/** Their note is the number of the message that left. */
const NUMBERED: ReadonlySet<string> = new Set(['follow-up-undone', 'part-undone']);

function noteShown(kind: string, note: string, words: (note: string) => string): string {
  return NUMBERED.has(kind) ? note : words(reasonIn(kind, note));
}

async function notATicket(store: Store, number: string): Promise<DeskError> {
  const message = await store.messages.get(number);
  if (message === null) return new DeskError('desk.no_such_number', { number });
  const of = await ticketOf(store, message);
  return of === null ? new DeskError('desk.no_ticket_of', { number }) : new DeskError('desk.joined_to', { number, of });
}

async function auditReveal(
  { store, cipher, now }: Pick<ViewParts, 'store' | 'cipher' | 'now'>,
  number: string,
  { field, why, by }: Reveal,
): Promise<void> {
  const fields: readonly string[] = [...REQUESTER_FIELDS, 'content'];
  if (!fields.includes(field)) throw new DeskError('desk.no_such_field', { field, fields: fields.join(', ') });
  if (why.trim() === '') throw new DeskError('desk.no_purpose');
  const plain = await plainReason({ store, cipher }, why, [number]);
  await store.admin.audit({ by, action: 'identity.read', on: [number, field], why: plain }, now());
}

function revealed(masked: Requester, requester: Requester, reveal: Reveal | null): Requester {
  const field = REQUESTER_FIELDS.find(name => name === reveal?.field);
  return field === undefined ? masked : { ...masked, [field]: requester[field] };
}
