// The JSON body of each kind of entry, as docs/case-system.md shows it. Pure: rows in, body out.
import type { CaseEntryKind } from '../../config/case-system.ts';
import { ILLEGIBLE_PROBLEMS, ILLEGIBLE_REASONS, type IllegibleReason } from '../../normalizer/inbound-message.ts';
import type { Attachment, Link, Place, Requester, TicketDraft } from '../../normalizer/ticket.ts';
import type { Entry } from '../../store/store.ts';
import type { BornContent } from '../../store/ticket-seal.ts';
import { say } from '../locale.ts';
import { shanghaiTime } from './mapping.ts';
import { createMasks, eachText, type MaskedAppeal, type Masks, NO_MASKS } from './mask.ts';

/** Why the requester is not in a body: not asked for in the settings, or never for such a ticket. */
export type Withheld = 'not-configured' | 'accusation' | 'confidential' | 'anonymous';

export interface AttachmentBody {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number | null;
  readonly sha256: string | null;
  /** The bytes, where the settings put them in and there is room; size and SHA-256 are theirs. */
  readonly base64?: string;
  /** Why the bytes stay here although there is room: what else the file says of who made it cannot be taken out of it. */
  readonly withheld?: 'metadata';
}

export interface AppealBody {
  readonly type: string;
  readonly category: { readonly codes: readonly string[]; readonly labels: readonly string[] } | null;
  readonly urgency: string;
  readonly title: string;
  readonly content: string;
  /** Why nobody here could read what was written (`encrypted`, `unopened`); null where it could be read. */
  readonly illegible: IllegibleReason | null;
  readonly subject: string | null;
  readonly language: string;
  readonly attachments: readonly AttachmentBody[];
}

/** Of `ticket.created` and `ticket.corrected`. */
export interface TicketBody {
  readonly source: {
    readonly channel: string;
    readonly kind: string;
    readonly externalIds: Readonly<Record<string, string>>;
    readonly receivedAt: string;
    readonly occurredAt: string | null;
    readonly occurredText: string | null;
    readonly sentAt: string | null;
  };
  readonly appeal: AppealBody;
  readonly place: Place;
  readonly anonymous: boolean;
  readonly confidential: boolean;
  readonly public: boolean;
  readonly triage: { readonly verdict: string; readonly clause: string | null; readonly basis: string | null };
  readonly handling: {
    readonly unit: string | null;
    readonly coUnits: readonly string[];
    /** Of the units by class and place those that the appeal is about. */
    readonly accused: readonly string[];
    readonly method: string;
    readonly deadlines: readonly {
      readonly what: string;
      readonly at: string;
      readonly workingDays: number | null;
      readonly extensions: number;
      readonly article: string;
    }[];
  };
  readonly closedRepeatOf: string | null;
  readonly incident: string | null;
  readonly links: readonly { readonly kind: string; readonly of: string; readonly score: number }[];
  readonly requester: Requester | null;
  readonly requesterWithheld: Withheld | null;
}

/** Of `ticket.followed-up`: what the same requester added. */
export interface FollowUpBody {
  readonly receivedAt: string;
  readonly channel: string;
  /** null where the words are no longer kept. */
  readonly appeal: AppealBody | null;
  readonly place: Place | null;
  readonly link: { readonly score: number; readonly by: string } | null;
}

/** Of `ticket.link-undone`: `message` no longer belongs to the ticket; it follows as a ticket of its own. */
export interface LinkUndoneBody {
  readonly undoneAt: string | null;
}

/** Of `ticket.withdrawn`: the ticket was joined to another one and needs no handling of its own. */
export interface WithdrawnBody {
  readonly joins: string | null;
  readonly withdrawnAt: string | null;
}

export interface EntryBody {
  /** `message:revision:kind`, the idempotency key. */
  readonly id: string;
  readonly kind: CaseEntryKind;
  /** Number of the ticket it is about. */
  readonly ticket: string;
  /** Number of the message whose decision made it. */
  readonly message: string;
  readonly revision: number;
  readonly urgent: boolean;
  readonly createdAt: string;
  /** Their number, as far as they have told it. */
  readonly caseNumber: string | null;
  readonly data: TicketBody | FollowUpBody | LinkUndoneBody | WithdrawnBody;
}

export type EntryHead = Pick<Entry, 'id' | 'kind' | 'ticket' | 'message' | 'revision' | 'urgent' | 'createdAt'>;

/** Bytes of an attachment as base64, with what they are; or why they do not go along. */
export type InlineFile =
  | Required<Pick<AttachmentBody, 'size' | 'sha256' | 'base64'>>
  | { readonly withheld: 'metadata' };
/** By their place; places without an entry go by name and hash only. */
export type InlineBytes = ReadonlyMap<number, InlineFile>;
const NO_BYTES: InlineBytes = new Map();

export function entryBody(head: EntryHead, caseNumber: string | null, data: EntryBody['data']): EntryBody {
  return {
    id: head.id,
    kind: head.kind,
    ticket: head.ticket,
    message: head.message,
    revision: head.revision,
    urgent: head.urgent,
    createdAt: shanghaiTime(head.createdAt),
    caseNumber,
    data,
  };
}

/**
 * Why this ticket's requester stays here; null where they may go along. An accusation never carries its author to the unit
 * that may be the accused one, whatever the settings say.
 */
export function withheld(
  ticket: Pick<BornContent, 'appeal' | 'anonymous' | 'confidential'>,
  configured: boolean,
): Withheld | null {
  if (ticket.appeal.type.value === '举报') return 'accusation';
  if (ticket.confidential.value) return 'confidential';
  if (ticket.anonymous) return 'anonymous';
  return configured ? null : 'not-configured';
}

/** Such tickets lose every trace of a person, not only the middle of a number. */
export function isRestricted(reason: Withheld | null): boolean {
  return reason === 'accusation' || reason === 'confidential' || reason === 'anonymous';
}

/** What of a ticket must not go out. Requesters are looked at for restricted tickets, so that their text gives nothing away. */
export function masksOf(
  appeal: MaskedAppeal,
  reason: Withheld | null,
  ...requesters: readonly (Requester | null)[]
): Masks {
  if (reason === null) return NO_MASKS;
  return isRestricted(reason) ? createMasks(appeal, true, ...requesters) : createMasks(appeal, false);
}

export interface TicketParts {
  readonly ticket: BornContent;
  readonly reason: Withheld | null;
  readonly masks: Masks;
  /** Given only where `reason` is null. */
  readonly requester: Requester | null;
  readonly bytes?: InlineBytes;
}

export function ticketBody({ ticket, reason, masks, requester, bytes }: TicketParts): TicketBody {
  const { triage } = ticket;
  return {
    source: sourceBody(ticket, reason, masks),
    appeal: appealBody(ticket.appeal, reason, masks, bytes ?? NO_BYTES),
    place: placeBody(ticket, reason, masks, requester),
    anonymous: ticket.anonymous,
    confidential: ticket.confidential.value,
    public: ticket.public.value,
    triage: { verdict: triage.verdict, clause: triage.clause, basis: triage.basis },
    handling: handlingBody(ticket.handling, reason),
    closedRepeatOf: ticket.closedRepeatOf,
    incident: ticket.incident,
    links: ticket.links.filter(link => link.suggested !== true).map(({ kind, of, score }) => ({ kind, of, score })),
    requester: reason === null ? requester : null,
    requesterWithheld: reason,
  };
}

function sourceBody({ source }: BornContent, reason: Withheld | null, masks: Masks): TicketBody['source'] {
  return {
    channel: source.channel,
    kind: source.kind,
    externalIds: eachText(idsOf(source.externalIds, reason), masks.id),
    receivedAt: shanghaiTime(source.receivedAt),
    occurredAt: timeOrNull(source.occurredAt),
    occurredText: source.occurredText === null ? null : masks.text(source.occurredText),
    // A colleague may know the very second at which the author sat down to write.
    sentAt: isRestricted(reason) ? null : timeOrNull(source.sentAt),
  };
}

/** The place of a restricted ticket may be its author's home: what the masks took out of the text is taken out here as well. */
function placeBody(
  content: Pick<TicketDraft, 'appeal' | 'place'>,
  reason: Withheld | null,
  masks: Masks,
  requester: Requester | null,
): Place {
  return isRestricted(reason) ? withoutHome(content, masks, requester) : eachText(content.place, masks.text);
}

/** The scene, unless it is where the requester lives: then no more than the division, town and what else the text still names. */
export function withoutHome(
  { appeal, place }: Pick<TicketDraft, 'appeal' | 'place'>,
  masks: Masks,
  requester: Requester | null,
): Place {
  const masked = { ...eachText(place, masks.text), longitude: near(place.longitude), latitude: near(place.latitude) };
  // A clerk who wrote the scene down has made sure that it is no home.
  if (place.by === 'clerk') return masked;
  const said = `${appeal.title}\n${appeal.content}`;
  const left = `${masks.title(appeal.title)}\n${masks.content(appeal.content)}`;
  const isHome = (value: string | null): boolean =>
    value !== null && (said.includes(value) ? !left.includes(value) : (requester?.address?.includes(value) ?? false));
  if (![place.text, place.estate, place.houseNumber].some(isHome)) return masked;
  const kept = (value: string | null): string | null => (isHome(value) ? null : value);
  return {
    ...masked,
    ...{ road: kept(masked.road), estate: kept(masked.estate), houseNumber: kept(masked.houseNumber) },
    ...{ text: null, longitude: null, latitude: null, datum: null, words: [] },
  };
}

/** To a hundred metres or so: a phone puts in where its owner stood. */
function near(degrees: number | null): number | null {
  return degrees === null ? null : Math.round(degrees * 1000) / 1000;
}

/** A mail's id names the server that sent it and often the computer, which may be the author's own desk in the accused unit. */
function idsOf(ids: Readonly<Record<string, string>>, reason: Withheld | null): Readonly<Record<string, string>> {
  if (!isRestricted(reason)) return ids;
  return Object.fromEntries(Object.entries(ids).filter(([, id]) => !id.includes('@')));
}

/** A ticket that became secret after it was read (another one of its requester is) goes to no unit that it is about, either. */
function handlingBody(handling: BornContent['handling'], reason: Withheld | null): TicketBody['handling'] {
  const { unit, coUnits, accused = [], method, deadlines } = handling;
  const may = (one: string): boolean => !isRestricted(reason) || !accused.includes(one);
  return {
    unit: unit === null || may(unit) ? unit : null,
    coUnits: coUnits.filter(may),
    accused,
    method,
    deadlines: deadlines.map(({ what, at, workingDays, extensions, article }) => ({
      what,
      at: shanghaiTime(at),
      workingDays,
      extensions,
      article,
    })),
  };
}

export interface FollowUpParts {
  readonly receivedAt: number;
  readonly channel: string;
  readonly draft: Pick<TicketDraft, 'appeal' | 'place'> | null;
  readonly link: Pick<Link, 'score' | 'by'> | null;
  readonly reason: Withheld | null;
  readonly masks: Masks;
  /** Whose home is no place to be told, where the ticket is a restricted one. */
  readonly requester?: Requester | null;
  readonly bytes?: InlineBytes;
}

export function followUpBody(parts: FollowUpParts): FollowUpBody {
  const { draft, link, masks } = parts;
  return {
    receivedAt: shanghaiTime(parts.receivedAt),
    channel: parts.channel,
    appeal: draft === null ? null : appealBody(draft.appeal, parts.reason, masks, parts.bytes ?? NO_BYTES),
    place: draft === null ? null : placeBody(draft, parts.reason, masks, parts.requester ?? null),
    link: link === null ? null : { score: link.score, by: link.by },
  };
}

export function linkUndoneBody(undoneAt: number | null): LinkUndoneBody {
  return { undoneAt: timeOrNull(undoneAt) };
}

export function withdrawnBody(joins: string | null, withdrawnAt: number | null): WithdrawnBody {
  return { joins, withdrawnAt: timeOrNull(withdrawnAt) };
}

function appealBody(
  appeal: TicketDraft['appeal'],
  reason: Withheld | null,
  masks: Masks,
  bytes: InlineBytes,
): AppealBody {
  const illegible = illegibleOf(appeal);
  return {
    type: appeal.type.value,
    category:
      appeal.category === null ? null : { codes: appeal.category.value.codes, labels: appeal.category.value.labels },
    urgency: appeal.urgency.value,
    title: masks.title(appeal.title),
    // Whoever takes the words alone is told as well.
    content:
      appeal.content === '' && illegible !== null ? say('zh', `illegible.${illegible}`) : masks.content(appeal.content),
    illegible,
    subject: appeal.subject === null ? null : masks.text(appeal.subject),
    language: appeal.language,
    attachments: appeal.attachments.map((file, index) => attachmentBody(file, index, reason, masks, bytes)),
  };
}

function illegibleOf({ problems }: Pick<TicketDraft['appeal'], 'problems'>): IllegibleReason | null {
  return ILLEGIBLE_REASONS.find(reason => problems.includes(ILLEGIBLE_PROBLEMS[reason])) ?? null;
}

function attachmentBody(
  file: Attachment,
  index: number,
  reason: Withheld | null,
  masks: Masks,
  bytes: InlineBytes,
): AttachmentBody {
  const restricted = isRestricted(reason);
  return {
    name: restricted ? fileLabel(file.name, index) : masks.text(file.name),
    mediaType: restricted ? plainMediaType(file.mediaType) : file.mediaType,
    // Whoever has the same file would recognise it by them.
    size: restricted ? null : file.size,
    sha256: restricted ? null : file.sha256,
    ...bytes.get(index),
  };
}

/** People name files after themselves: what a file is called where nobody may be told by it. */
export function fileLabel(name: string, index: number): string {
  return `附件${index + 1}${/\.[A-Za-z0-9]{1,5}$/.exec(name)?.[0] ?? ''}`;
}

/** Without parameters, which may repeat the name. */
export function plainMediaType(mediaType: string): string {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+/.exec(mediaType)?.[0] ?? 'application/octet-stream';
}

function timeOrNull(at: number | null): string | null {
  return at === null ? null : shanghaiTime(at);
}
