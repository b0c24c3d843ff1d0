// Bytes of an attachment from wherever they are kept: fetched since, in the original itself, or beside it.
import { createHash } from 'node:crypto';
import type { InboundAttachment } from '../adapters/contract.ts';
import type { Attachment } from '../normalizer/ticket.ts';
import type { FieldCipher } from '../store/field-cipher.ts';
import { decodeOriginal, type KeptOriginal } from '../store/original-codec.ts';
import type { MessageRow, Store } from '../store/store.ts';
import { openDecision, openFile, openTicketContent } from '../store/ticket-seal.ts';
import type { ChannelBook } from './channels/channel-book.ts';
import { withoutSecrets } from './channels/channel-settings.ts';
import { isMadeAppeal } from './desk/appeals.ts';
import { placeOf } from './desk/parted-files.ts';
import { hasOriginal, originalOf } from './reading/read-again.ts';
import { inboundOf } from './reading/read-message.ts';

export interface AttachmentBytesParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly book: ChannelBook;
}

/** The attachments as they were read: of a ticket its own, of a follow-up those of its draft. */
export async function attachmentsOf(
  { store, cipher }: Pick<AttachmentBytesParts, 'store' | 'cipher'>,
  message: MessageRow,
): Promise<readonly Attachment[]> {
  const ticket = await store.tickets.get(message.number);
  if (ticket !== null) return openTicketContent(cipher, ticket).appeal.attachments;
  return openDecision(cipher, message)?.draft?.appeal.attachments ?? [];
}

/** The attachment whose bytes are kept, or to be kept, under a place; undefined where the message names none such any more. */
export async function attachmentAt(
  parts: Pick<AttachmentBytesParts, 'store' | 'cipher'>,
  message: MessageRow,
  place: number,
): Promise<Attachment | undefined> {
  return (await attachmentsOf(parts, message)).find((one, index) => placeOf(one, index) === place);
}

/** Bytes of one attachment of a message; null where they are not here (yet). */
export async function loadAttachment(
  parts: AttachmentBytesParts,
  number: string,
  index: number,
  attachment: Attachment,
): Promise<Uint8Array | null> {
  const message = await parts.store.messages.get(number);
  if (message === null) return null;
  const key = parts.cipher.openDataKey(message.wrappedContent);
  if (attachment.source === 'url' || attachment.source === 'platform') {
    const place = placeOf(attachment, index);
    const row = (await parts.store.admin.attachments(number)).find(one => one.index === place);
    const sealed = row?.blob == null ? null : await parts.store.blobs.get(row.blob);
    return sealed && openFile(parts.cipher, key, { number, sha256: `attachment.${place}`, sealed });
  }
  return loadFromOriginals(parts, message, index);
}

/** Inline bytes stand in the original itself, files of its request beside it; parts of a conversation count on. */
async function loadFromOriginals(
  parts: AttachmentBytesParts,
  lead: MessageRow,
  index: number,
): Promise<Uint8Array | null> {
  const joined = (await parts.store.messages.joined(lead.number)).filter(row => row.outcome?.kind === 'part');
  const ticket = await parts.store.tickets.get(lead.number);
  const made = ticket !== null && isMadeAppeal(ticket);
  let before = 0;
  for (const row of [lead, ...joined]) {
    if (!hasOriginal(row)) return null;
    const original = decodeOriginal(await originalOf(parts, row));
    const attachments = await attachmentsIn(parts, { row, original, asAppeal: made && row === lead });
    const found = attachments[index - before];
    if (found !== undefined) return bytesOf(parts, row, original, found);
    before += attachments.length;
  }
  return null;
}

async function attachmentsIn(
  { book }: AttachmentBytesParts,
  {
    row,
    original,
    asAppeal,
  }: { readonly row: MessageRow; readonly original: KeptOriginal; readonly asAppeal: boolean },
): Promise<readonly InboundAttachment[]> {
  const channel = await book.find(row.channel);
  if (channel === null) return [];
  const settings = withoutSecrets(channel.definition, channel.settings);
  const inbound = await inboundOf(channel.definition, original, settings, asAppeal);
  return inbound.kind === 'appeal' ? inbound.attachments : [];
}

async function bytesOf(
  { cipher, store }: AttachmentBytesParts,
  row: MessageRow,
  original: KeptOriginal,
  { source }: InboundAttachment,
): Promise<Uint8Array | null> {
  if (source.kind === 'inline') return Buffer.from(source.base64, 'base64');
  if (source.kind !== 'blob') return null;
  const file = original.kept.find(one => one.sha256 === source.sha256);
  const sealed = file === undefined ? null : await store.blobs.get(file.blob);
  if (sealed === null) return null;
  const key = cipher.openDataKey(row.wrappedContent);
  const bytes = openFile(cipher, key, { number: row.number, sha256: source.sha256, sealed });
  const intact = createHash('sha256').update(bytes).digest('hex') === source.sha256;
  return intact ? bytes : null;
}
