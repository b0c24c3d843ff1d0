// Takes postings out of the segments of the candidate index for good, so that what is erased is found no more.
import { Block, bucketOf, encodeBlock, type PostingLists } from './posting-blocks.ts';
import type { CandidateStore } from './store.ts';

/** A term under which a ticket is not to be found any more. */
export interface Forgotten {
  readonly ordinal: number;
  readonly term: number;
}

/** The term by which a requester's tickets are found: the beginning of the blind index key (hex). */
export function requesterTerm(identityKey: string): number {
  return Number.parseInt(identityKey.slice(0, 8), 16);
}

/**
 * Rewrites the blocks of all visible segments that hold such a posting. No segment may be merged meanwhile: in a running
 * gateway it is `Postings.forget` that calls this, otherwise whoever alone has the store.
 * @returns places of the blocks that were rewritten
 */
export async function forgetPostings(
  store: CandidateStore,
  pairs: readonly Forgotten[],
): Promise<readonly { readonly segment: string; readonly bucket: number }[]> {
  const changed: { segment: string; bucket: number }[] = [];
  const buckets = Map.groupBy(pairs, ({ term }) => bucketOf(term));
  for (const { id: segment, first, last } of await store.segments()) {
    const wanted = [...buckets]
      .filter(([, held]) => held.some(({ ordinal }) => ordinal >= first && ordinal <= last))
      .map(([bucket]) => ({ segment, bucket }));
    if (wanted.length === 0) continue;
    const blobs = await store.blocks(wanted);
    const rewritten = wanted.flatMap(({ bucket }, place) => {
      const blob = blobs[place] ?? null;
      const bytes = blob === null ? null : without(new Block(blob).lists(bucket), buckets.get(bucket) ?? []);
      return bytes === null ? [] : [{ bucket, bytes }];
    });
    if (rewritten.length === 0) continue;
    await store.replaceBlocks(segment, rewritten);
    changed.push(...rewritten.map(({ bucket }) => ({ segment, bucket })));
  }
  return changed;
}

/** The block without these postings; null where it has none of them. */
function without({ terms, ordinals, weights }: PostingLists, pairs: readonly Forgotten[]): Uint8Array | null {
  const gone = new Set(pairs.map(({ term, ordinal }) => `${term} ${ordinal}`));
  const kept: number[] = [];
  for (let i = 0; i < terms.length; i++) if (!gone.has(`${terms[i]} ${ordinals[i]}`)) kept.push(i);
  if (kept.length === terms.length) return null;
  return encodeBlock({
    terms: Uint32Array.from(kept, i => terms[i] as number),
    ordinals: Uint32Array.from(kept, i => ordinals[i] as number),
    weights: Uint8Array.from(kept, i => weights[i] as number),
  });
}
