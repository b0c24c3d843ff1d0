// Fetches and unseals what an entry is about, and makes its body of it.
import { createHash } from 'node:crypto';
import type { CaseSystemSettings } from '../../config/case-system.ts';
import type { Attachment, Requester } from '../../normalizer/ticket.ts';
import { SealBroken } from '../../store/errors.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Entry, MessageRow, SealedTicket, Store } from '../../store/store.ts';
import { type BornContent, openDecision, openIdentity, openTicketContent } from '../../store/ticket-seal.ts';
import { cleanPicture } from './clean-picture.ts';
import {
  type EntryBody,
  entryBody,
  followUpBody,
  type InlineBytes,
  type InlineFile,
  isRestricted,
  linkUndoneBody,
  masksOf,
  ticketBody,
  type Withheld,
  withdrawnBody,
  withheld,
} from './entry-body.ts';
import { createMasks, NO_MASKS } from './mask.ts';

/** A body ready to be sent. */
export interface BuiltEntry {
  readonly body: EntryBody;
  /** Names of the requester's fields in it; empty where none goes along. */
  readonly identity: readonly string[];
  /** Masks what the other side says about this entry, before it is kept. */
  readonly mask: (text: string) => string;
}

/** The entry can never be sent as things stand: a dead letter. */
export class EntryUnbuildable extends Error {
  override readonly name = 'EntryUnbuildable';
  readonly code: 'dispatch.content-missing' | 'dispatch.content-sealed';
  constructor(code: EntryUnbuildable['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Bytes of one attachment of a message; null where they are not here. */
export type AttachmentLoader = (message: string, index: number, attachment: Attachment) => Promise<Uint8Array | null>;

export interface EntrySource {
  /** Throws `EntryUnbuildable`, or `StoreUnavailable` for later. */
  build(entry: Entry): Promise<BuiltEntry>;
}

export interface EntrySourceOptions {
  readonly store: Pick<Store, 'tickets' | 'messages'>;
  readonly cipher: FieldCipher;
  readonly settings: Pick<CaseSystemSettings, 'forwardIdentity' | 'inlineAttachmentsKb'>;
  /** Without it attachments go by name and hash only. */
  readonly loadAttachment?: AttachmentLoader;
}

export function createEntrySource(options: EntrySourceOptions): EntrySource {
  return {
    async build(entry) {
      try {
        return await buildEntry(options, entry);
      } catch (error) {
        if (!(error instanceof SealBroken)) throw error;
        throw new EntryUnbuildable('dispatch.content-sealed', 'the content does not open', { cause: error });
      }
    },
  };
}

async function buildEntry(options: EntrySourceOptions, entry: Entry): Promise<BuiltEntry> {
  const row = present(await options.store.tickets.sealed(entry.ticket), 'the ticket is gone');
  switch (entry.kind) {
    case 'ticket.created':
    case 'ticket.corrected':
      return buildTicket(options, entry, row);
    case 'ticket.followed-up':
      return buildFollowUp(options, entry, row);
    case 'ticket.link-undone': {
      const message = await options.store.messages.get(entry.message);
      return plain(entryBody(entry, row.caseNumber, linkUndoneBody(message?.decidedAt ?? null)));
    }
    case 'ticket.withdrawn': {
      const message = await options.store.messages.get(entry.message);
      const outcome = message?.outcome ?? null;
      const joins = outcome !== null && (outcome.kind === 'repeat' || outcome.kind === 'part') ? outcome.of : null;
      return plain(entryBody(entry, row.caseNumber, withdrawnBody(joins, message?.decidedAt ?? null)));
    }
  }
}

async function buildTicket(options: EntrySourceOptions, entry: Entry, row: SealedTicket): Promise<BuiltEntry> {
  const { cipher, settings } = options;
  const ticket = await asSent(options, row);
  const reason = reasonOf(row, withheld(ticket, settings.forwardIdentity));
  const requester = neededIdentity(cipher, row, reason);
  const masks = masksOf(ticket.appeal, reason, requester);
  const bytes = await loadBytes(options, row.number, ticket.appeal.attachments, reason);
  const data = ticketBody({ ticket, reason, masks, requester, bytes });
  return {
    body: entryBody(entry, row.caseNumber, data),
    identity: data.requester === null ? [] : fieldNames(data.requester),
    // What they may know of the requester is not kept in the clear with their answer.
    mask: text => (requester === null ? masks : createMasks(ticket.appeal, true, requester)).id(text),
  };
}

/**
 * The ticket with what its row says since, and without the links by which a confidential appeal and an open one of the same
 * requester would be known to have one author: with the open one the case system may have got who that is.
 */
async function asSent({ cipher, store }: EntrySourceOptions, row: SealedTicket): Promise<BornContent> {
  const ticket = openTicketContent(cipher, row);
  const confidential = { ...ticket.confidential, value: ticket.confidential.value || row.confidential };
  const own = ticket.links.filter(({ kind }) => kind !== 'incident').map(({ of }) => of);
  const hidden = new Set<string>();
  for (const of of new Set([...own, ...(ticket.closedRepeatOf === null ? [] : [ticket.closedRepeatOf])])) {
    const other = await store.tickets.sealed(of);
    if (other !== null && other.confidential !== confidential.value) hidden.add(of);
  }
  return {
    ...ticket,
    confidential,
    public: { ...ticket.public, value: ticket.public.value && !confidential.value },
    incident: row.incident,
    links: ticket.links.filter(({ of }) => !hidden.has(of)),
    closedRepeatOf: ticket.closedRepeatOf !== null && hidden.has(ticket.closedRepeatOf) ? null : ticket.closedRepeatOf,
  };
}

/** A follow-up never carries identity: the ticket it belongs to did, or must not. */
async function buildFollowUp(options: EntrySourceOptions, entry: Entry, row: SealedTicket): Promise<BuiltEntry> {
  const { cipher, store } = options;
  const message = present<MessageRow>(await store.messages.get(entry.message), 'the message is gone');
  const kept = openDecision(cipher, message);
  // What was a ticket until a clerk joined it to this one has its words there, and a requester of its own.
  const joined = kept?.draft == null ? await store.tickets.sealed(entry.message) : null;
  const draft = kept?.draft ?? (joined === null ? null : openTicketContent(cipher, joined));
  // As strict as the stricter of the two: the ticket's requester may have written this as well.
  const ofTicket = reasonOf(row, withheld(openTicketContent(cipher, row), false));
  const ofDraft = draft === null ? null : withheld(draft, false);
  const own = joined === null ? ofDraft : reasonOf(joined, ofDraft);
  const reason = isRestricted(ofTicket) || own === null ? ofTicket : own;
  const tickets = joined === null ? [row] : [joined, row];
  const requesters = isRestricted(reason) ? tickets.map(ticket => openIdentity(cipher, ticket)) : [];
  const masks = draft === null ? NO_MASKS : masksOf(draft.appeal, reason, ...requesters);
  const data = followUpBody({
    receivedAt: message.acceptedAt,
    channel: message.channel,
    draft,
    link: kept?.links.find(link => link.of === entry.ticket) ?? null,
    reason,
    masks,
    requester: requesters[0] ?? null,
    bytes: await loadBytes(options, entry.message, draft?.appeal.attachments ?? [], reason),
  });
  return { body: entryBody(entry, row.caseNumber, data), identity: [], mask: text => masks.id(text) };
}

/** The row's own columns may say more than the born part: a clerk can make a ticket confidential later. */
function reasonOf(row: SealedTicket, ofContent: Withheld | null): Withheld | null {
  if (row.type === '举报') return 'accusation';
  if (row.confidential && ofContent !== 'accusation') return 'confidential';
  return ofContent;
}

/** Opened to go along, or to be taken out of a restricted ticket's text; otherwise left sealed. */
function neededIdentity(cipher: FieldCipher, row: SealedTicket, reason: Withheld | null): Requester | null {
  return reason === null || isRestricted(reason) ? openIdentity(cipher, row) : null;
}

function fieldNames(requester: Requester): string[] {
  return Object.entries(requester).flatMap(([name, value]) => (value === null ? [] : [name]));
}

function plain(body: EntryBody): BuiltEntry {
  return { body, identity: [], mask: text => text };
}

function present<T>(row: T | null, words: string): T {
  if (row === null) throw new EntryUnbuildable('dispatch.content-missing', words);
  return row;
}

async function loadBytes(
  options: EntrySourceOptions,
  message: string,
  attachments: readonly Attachment[],
  reason: Withheld | null,
): Promise<InlineBytes> {
  const files = new Map<number, InlineFile>();
  let room = options.settings.inlineAttachmentsKb * 1024;
  if (options.loadAttachment === undefined || room === 0) return files;
  for (const [index, attachment] of attachments.entries()) {
    if (attachment.size !== null && attachment.size > room) continue;
    const loaded = await options.loadAttachment(message, index, attachment);
    const bytes = loaded && sendable(loaded, reason);
    if (bytes === 'withheld') files.set(index, { withheld: 'metadata' });
    if (bytes === null || bytes === 'withheld' || bytes.length > room) continue;
    room -= bytes.length;
    files.set(index, inlineFile(bytes));
  }
  return files;
}

/**
 * A file says more than it shows: a photo where it was taken and with whose phone, a document who wrote it. Where the requester
 * does not go along a picture goes without that; of restricted tickets nothing goes that cannot be rid of it.
 */
function sendable(bytes: Uint8Array, reason: Withheld | null): Uint8Array | 'withheld' {
  if (reason === null) return bytes;
  return cleanPicture(bytes) ?? (isRestricted(reason) ? 'withheld' : bytes);
}

function inlineFile(bytes: Uint8Array): InlineFile {
  return {
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
  };
}
