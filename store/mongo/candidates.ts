// The candidate index on MongoDB: blocks under keys that nobody sees yet, and one document that says which segments there are.
import { randomUUID } from 'node:crypto';
import type { CandidateStore, Segment } from '../store.ts';
import { isDuplicate, op } from './connection.ts';
import type { Context } from './context.ts';
import type { BlockDoc, IndexDoc, WritingDoc } from './documents.ts';
import { candidatesSince, loadCandidates } from './tickets.ts';

type Blocks = Parameters<CandidateStore['writeBlocks']>[1];

const BUCKETS = 1 << 20;
const ATTEMPTS = 50;
/** Another decider may still be reading blocks of a segment that was replaced for so long. */
const DROPPED_MS = 15 * 60_000;

export function candidateStore(context: Context): CandidateStore {
  return {
    segments: async () => (await readIndex(context)).segments.map(withoutKey),
    blocks: wanted => readBlocks(context, wanted),
    writeBlocks: async (segment, blocks) => {
      await putBlocks(context, await keyFor(context, segment), blocks);
    },
    publish: (segment, replaces, statistics) => publish(context, segment, replaces, statistics),
    statistics: async () => (await readIndex(context)).statistics,
    replaceBlocks: async (segment, blocks) => {
      const live = (await readIndex(context)).segments.find(one => one.id === segment);
      if (live !== undefined) await putBlocks(context, live.key, blocks);
    },
    load: ordinals => loadCandidates(context, ordinals),
    since: (after, limit) => candidatesSince(context, after, limit),
  };
}

const EMPTY: IndexDoc = { _id: 'candidates', version: 0, segments: [], dropped: [], statistics: null };

async function readIndex({ models }: Context): Promise<IndexDoc> {
  return (await models.index.findById('candidates').lean<IndexDoc>()) ?? EMPTY;
}

function withoutKey({ id, tier, first, last }: Segment): Segment {
  return { id, tier, first, last };
}

async function readBlocks(
  context: Context,
  wanted: readonly { readonly segment: string; readonly bucket: number }[],
): Promise<(Uint8Array | null)[]> {
  if (wanted.length === 0) return [];
  const { segments, dropped } = await readIndex(context);
  // Another decider goes on reading what this one has replaced; where the name was given again, the newer one is meant.
  const keys = new Map([...dropped, ...segments].map(({ id, key }) => [id, key]));
  const places = wanted.map(({ segment, bucket }) => {
    const key = keys.get(segment);
    return key === undefined ? null : `${key}:${bucket}`;
  });
  const ids = op({ $in: [...new Set(places.filter(place => place !== null))] });
  const found = await context.models.blocks.find({ _id: ids }, { bytes: 1 }).lean<BlockDoc[]>();
  const bytes = new Map(found.map(doc => [doc._id, doc.bytes]));
  return places.map(place => (place === null ? null : (bytes.get(place) ?? null)));
}

/** The key under which a segment of this process is being written. */
async function keyFor(context: Context, segment: string): Promise<string> {
  const { models, holder } = context;
  const _id = `${holder} ${segment}`;
  const known = await models.writing.findById(_id).lean<WritingDoc>();
  if (known !== null) return known.key;
  if ((await readIndex(context)).segments.some(one => one.id === segment)) {
    throw new Error('blocks written to a segment that is visible already');
  }
  const key = randomUUID();
  await models.writing.insertMany([{ _id, key, holder }], { lean: true });
  return key;
}

async function putBlocks({ models }: Context, key: string, blocks: Blocks): Promise<void> {
  if (blocks.length === 0) return;
  const operations = blocks.map(({ bucket, bytes }) => {
    if (!Number.isInteger(bucket) || bucket < 0 || bucket >= BUCKETS) throw new RangeError('a bucket out of range');
    return { updateOne: { filter: { _id: `${key}:${bucket}` }, update: { $set: { key, bytes } }, upsert: true } };
  });
  await models.blocks.bulkWrite(operations, { ordered: false });
}

async function publish(
  context: Context,
  segment: Segment,
  replaces: readonly string[],
  statistics: Uint8Array,
): Promise<void> {
  const { models, holder } = context;
  const writing = `${holder} ${segment.id}`;
  const key = (await models.writing.findById(writing).lean<WritingDoc>())?.key ?? randomUUID();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const index = await readIndex(context);
    const gone = index.segments.filter(one => replaces.includes(one.id) || one.id === segment.id);
    const segments = [...index.segments.filter(one => !gone.includes(one)), { ...withoutKey(segment), key }];
    segments.sort((a, b) => a.first - b.first);
    const at = Date.now();
    const dropped = [...index.dropped, ...gone.map(({ id, key }) => ({ id, key, at }))];
    const next = { segments, dropped, statistics, version: index.version + 1 };
    if (!(await replaceIndex(context, index.version, next))) continue;
    await models.writing.deleteMany({ _id: writing });
    return sweepDropped(context, at);
  }
  throw new Error('the list of segments is changed by others all the time');
}

async function replaceIndex({ models }: Context, version: number, next: Omit<IndexDoc, '_id'>): Promise<boolean> {
  try {
    const filter = { _id: 'candidates' as const, version };
    const { matchedCount, upsertedCount } = await models.index.updateOne(
      filter,
      { $set: next },
      { upsert: version === 0 },
    );
    return matchedCount + upsertedCount === 1;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/** Deletes blocks of segments that were replaced long ago. */
export async function sweepDropped(context: Context, now: number): Promise<void> {
  const index = await readIndex(context);
  const old = index.dropped.filter(({ at }) => at + DROPPED_MS <= now);
  if (old.length === 0) return;
  for (const { key } of old) await context.models.blocks.deleteMany({ key });
  const dropped = index.dropped.filter(one => !old.includes(one));
  await replaceIndex(context, index.version, { ...index, dropped, version: index.version + 1 });
}

/** Segments that this process's predecessor had begun and not published. */
export async function dropUnpublished({ models, holder }: Context): Promise<void> {
  const left = await models.writing.find({ holder }).lean<WritingDoc[]>();
  for (const { _id, key } of left) {
    await models.blocks.deleteMany({ key });
    await models.writing.deleteMany({ _id });
  }
}
