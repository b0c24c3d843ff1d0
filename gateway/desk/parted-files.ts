// Files of a part that leaves its conversation: they go with it, and those that stay are found where they were put.
import type { Appeal, Attachment } from '../../normalizer/ticket.ts';
import type { AttachmentRow, CommitRow, MessageRow } from '../../store/store.ts';
import { openFile, sealFile } from '../../store/ticket-seal.ts';
import { blobName } from '../intake.ts';
import type { DeskParts } from './desk-parts.ts';

type Files = Appeal['attachments'];

/** So long a file that is taken along is not fetched anew. */
const TAKEN_ALONG_MS = 60_000;

/** Where the bytes of an attachment were put once they were fetched: under its place when it was read first. */
export function placeOf(attachment: Attachment, index: number): number {
  return attachment.place ?? index;
}

/**
 * Attachments that were read again keep the places under which their bytes are kept.
 * @param after of those before all that are still there, in their order; what was not there gets a place that nothing has
 */
export function placed(after: Files, before: Files): Files {
  let from = 0;
  return after.map((file, index) => {
    const found = before.findIndex((one, at) => at >= from && isSame(one, file));
    if (found !== -1) from = found + 1;
    const place = found === -1 ? before.length + index : placeOf(before[found] as Attachment, found);
    return place === index ? file : { ...file, place };
  });
}

interface Taking {
  readonly part: MessageRow;
  readonly lead: MessageRow;
  /** Of the part. */
  readonly files: Files;
  /** Of the conversation, the part's among them. */
  readonly before: Files;
}

/**
 * Takes along what is kept of the part's files: sealed anew under the part's own key.
 * @returns their rows, to be settled once the part is a ticket
 */
export async function takeParted(
  { store, cipher }: DeskParts,
  { part, lead, files, before }: Taking,
): Promise<readonly AttachmentRow[]> {
  const kept = await store.admin.attachments(lead.number);
  const rows: AttachmentRow[] = [];
  for (const [index, file] of files.entries()) {
    const found = before.findIndex(one => isSame(one, file));
    const place = found === -1 ? -1 : placeOf(before[found] as Attachment, found);
    const row = kept.find(one => one.index === place);
    const sealed = row?.blob == null ? null : await store.blobs.get(row.blob);
    if (row === undefined || sealed === null) continue;
    const from = { number: lead.number, sha256: `attachment.${place}`, sealed };
    const bytes = openFile(cipher, cipher.openDataKey(lead.wrappedContent), from);
    const to = { number: part.number, sha256: `attachment.${index}`, bytes };
    const blob = blobName(cipher, part.number, to.sha256);
    await store.blobs.put(blob, sealFile(cipher, cipher.openDataKey(part.wrappedContent), to));
    rows.push({ ...row, message: part.number, index, blob });
  }
  return rows;
}

/** What is taken along need not be fetched, unless the process ends before it is settled. */
export function giveParted(row: CommitRow, files: readonly AttachmentRow[]): CommitRow {
  const along = new Set(files.map(({ index }) => index));
  return {
    ...row,
    wanted: row.wanted.map(one => (along.has(one.index) ? { ...one, dueAt: one.dueAt + TAKEN_ALONG_MS } : one)),
  };
}

/** Files of the part go from the conversation. */
export async function dropParted({ store, now }: DeskParts, { number }: MessageRow, after: Files): Promise<void> {
  const stay = new Set(after.map(placeOf));
  for (const file of await store.admin.attachments(number)) {
    if (stay.has(file.index) || file.blob === null) continue;
    await store.blobs.remove(file.blob);
    await store.admin.settleAttachment({ ...file, state: 'failed', blob: null, cause: 'attachment.parted' }, now());
  }
}

function isSame(one: Attachment, other: Attachment): boolean {
  return one.source === other.source && one.ref === other.ref && one.name === other.name && one.size === other.size;
}
