// The blocks of a segment on their way to the store: written new, or merged from several segments.
import { Block, BUCKETS, mergeBlocks } from './posting-blocks.ts';
import type { CandidateStore, Segment } from './store.ts';

const WRITE_CHUNK = 128;
/** Buckets merged at a time. */
const STEP = 32;

type BlockStore = Pick<CandidateStore, 'blocks' | 'writeBlocks'>;

/** Writes the blocks of a segment, some at a time. */
export async function writeBlocks(
  store: BlockStore,
  id: string,
  blocks: Iterable<{ bucket: number; bytes: Uint8Array }>,
): Promise<void> {
  let chunk: { bucket: number; bytes: Uint8Array }[] = [];
  for (const block of blocks) {
    chunk.push(block);
    if (chunk.length < WRITE_CHUNK) continue;
    await store.writeBlocks(id, chunk);
    chunk = [];
  }
  if (chunk.length > 0) await store.writeBlocks(id, chunk);
}

/** Writes the blocks of a segment that takes the place of others, from what those hold. */
export async function writeMerged(
  store: BlockStore,
  id: string,
  sources: readonly Pick<Segment, 'id'>[],
): Promise<void> {
  for (let from = 0; from < BUCKETS; from += STEP) {
    const merged: { bucket: number; bytes: Uint8Array }[] = [];
    const wanted = [];
    for (let bucket = from; bucket < from + STEP; bucket++) {
      for (const source of sources) wanted.push({ segment: source.id, bucket });
    }
    const blobs = await store.blocks(wanted);
    for (let i = 0; i < STEP; i++) {
      const parts = blobs.slice(i * sources.length, (i + 1) * sources.length).filter(blob => blob !== null);
      if (parts.length > 0)
        merged.push({
          bucket: from + i,
          bytes: mergeBlocks(
            from + i,
            parts.map(blob => new Block(blob)),
          ),
        });
    }
    await store.writeBlocks(id, merged);
  }
}
