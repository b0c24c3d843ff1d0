// Of a batch that has been read: which are drafts of tickets, what they mean, and what of them is judged.
import type { Meaning } from '../../normalizer/meaning.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import { draftText, type Embedder } from './embedding.ts';
import { identityKeysOf } from './facts-of.ts';
import type { JudgeItem } from './judge.ts';
import type { ItemResult } from './parser-job.ts';
import type { Read } from './read-batch.ts';

type DraftResult = Extract<ItemResult, { readonly draft: Uint8Array | null }> & {
  readonly reading: { readonly kind: 'draft' };
};

/** A message that was read as an appeal. */
export type DraftRead = Read & { readonly result: DraftResult };

export function isDraft(read: Read): read is DraftRead {
  return !('died' in read.result) && read.result.reading.kind === 'draft';
}

/** Asked for a batch at once, so that a slow service costs each of them no more than its deadline; none where nobody is asked. */
export async function meaningsOf(
  drafts: readonly DraftRead[],
  embedder: Embedder | null,
): Promise<readonly (Meaning | null)[]> {
  return embedder === null
    ? []
    : embedder.meanings(
        drafts.map(({ result: { draft, reading } }) => draftText(draft as Uint8Array, reading.head.requester)),
      );
}

export function judgeItem(cipher: FieldCipher, { message, result }: DraftRead, meaning: Meaning | null): JudgeItem {
  const { number, ordinal, acceptedAt } = message.row;
  const { hashes, counts, reading } = result;
  const { head } = reading;
  const identityKeys = identityKeysOf(cipher, head);
  const meant = meaning === null ? {} : { meaning };
  return { number, ordinal, acceptedAt, head, identityKeys, hashes, counts, ...meant };
}
