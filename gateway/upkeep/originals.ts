// Ends the keeping of originals: the files that came with them go first, then key and bytes.
import { SealBroken } from '../../store/errors.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import { decodeOriginal, type KeptFile } from '../../store/original-codec.ts';
import type { MessageRow, Store } from '../../store/store.ts';
import { openOriginal } from '../../store/ticket-seal.ts';

export interface OriginalParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  now(): number;
}

/** Files that came with an original and lie beside it; none where it is gone or does not open any more. */
export async function filesOf({ store, cipher }: OriginalParts, row: MessageRow): Promise<readonly KeptFile[]> {
  const sealed = row.sealed ?? (row.blob === null ? null : await store.blobs.get(row.blob));
  if (sealed === null || row.wrappedContent.length === 0) return [];
  try {
    return decodeOriginal(openOriginal(cipher, cipher.openDataKey(row.wrappedContent), row.number, sealed)).kept;
  } catch (error) {
    // What does not open names no files; the bytes themselves go all the same.
    if (error instanceof SealBroken) return [];
    throw error;
  }
}

/** Removes every blob of a message: its files, and the original itself where it is large. May be repeated. */
export async function removeBlobs(parts: OriginalParts, row: MessageRow): Promise<number> {
  const files = await filesOf(parts, row);
  for (const { blob } of files) await parts.store.blobs.remove(blob);
  if (row.blob !== null) await parts.store.blobs.remove(row.blob);
  return files.length;
}

/** Removes what was fetched for these messages and gives up what is still to be fetched. May be repeated. */
export async function removeFetched(
  { store, now }: OriginalParts,
  rows: readonly Pick<MessageRow, 'number'>[],
  cause: string,
): Promise<void> {
  for (const { number } of rows) {
    for (const file of await store.admin.attachments(number)) {
      if (file.blob !== null) await store.blobs.remove(file.blob);
      if (file.blob === null && file.state === 'failed') continue;
      const gone = { ...file, state: 'failed' as const, blob: null, size: null, mediaType: null, cause };
      await store.admin.settleAttachment(gone, now());
    }
  }
}
