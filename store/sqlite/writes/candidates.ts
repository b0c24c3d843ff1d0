// Writing steps on the candidate index: blocks of a segment not yet seen, then its publication in one step.
import type { Segment } from '../../store.ts';
import type { WriteContext } from '../context.ts';
import { BLOCK_STRIDE, DROPPED, STATISTICS, VISIBLE, WRITING } from '../schema.ts';
import { one } from '../statements.ts';

/** Blocks deleted at a time, so that dropping a large segment never holds up the commits. */
const DROP_AT_ONCE = 64;

/** A dropped segment gives its name back at once; its blocks go later. */
const DROP = `UPDATE segments SET state = ${DROPPED}, id = id || '#' || no`;

export function writeBlocks(
  context: WriteContext,
  segment: string,
  blocks: readonly { readonly bucket: number; readonly bytes: Uint8Array }[],
): null {
  const { sql } = context;
  sql('INSERT INTO segments (id, tier, first, last, state) VALUES (?, 0, 0, 0, ?) ON CONFLICT(id) DO NOTHING').run(
    segment,
    WRITING,
  );
  const no = one<{ no: number }>(sql('SELECT no FROM segments WHERE id = ? AND state = ?').get(segment, WRITING))?.no;
  if (no === undefined) throw new Error('blocks written to a segment that is visible already');
  putBlocks(context, no, blocks);
  return null;
}

/** A segment that was merged away meanwhile has nothing to replace. */
export function replaceBlocks(
  context: WriteContext,
  segment: string,
  blocks: readonly { readonly bucket: number; readonly bytes: Uint8Array }[],
): null {
  const row = context.sql('SELECT no FROM segments WHERE id = ? AND state = ?').get(segment, VISIBLE);
  const no = one<{ no: number }>(row)?.no;
  if (no !== undefined) putBlocks(context, no, blocks);
  return null;
}

function putBlocks(
  { sql }: WriteContext,
  no: number,
  blocks: readonly { readonly bucket: number; readonly bytes: Uint8Array }[],
): void {
  const put = sql(
    'INSERT INTO blocks (place, bytes) VALUES (?, ?) ON CONFLICT(place) DO UPDATE SET bytes = excluded.bytes',
  );
  for (const { bucket, bytes } of blocks) {
    if (!Number.isInteger(bucket) || bucket < 0 || bucket >= BLOCK_STRIDE)
      throw new RangeError('a bucket out of range');
    put.run(no * BLOCK_STRIDE + bucket, bytes);
  }
}

export function publishSegment(
  context: WriteContext,
  segment: Segment,
  replaces: readonly string[],
  statistics: Uint8Array,
): null {
  const { sql } = context;
  for (const id of replaces) sql(`${DROP} WHERE id = ?`).run(id);
  sql(
    `INSERT INTO segments (id, tier, first, last, state) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT(id) DO UPDATE SET tier = excluded.tier, first = excluded.first, last = excluded.last, state = excluded.state`,
  ).run(segment.id, segment.tier, segment.first, segment.last, VISIBLE);
  sql('INSERT INTO named (name, value) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value').run(
    STATISTICS,
    statistics,
  );
  return null;
}

/** Segments that a process which ended before publishing them had begun. */
export function dropUnpublished(context: WriteContext): void {
  context.sql(`${DROP} WHERE state = ?`).run(WRITING);
}

export function hasDropped(context: WriteContext): boolean {
  return context.sql('SELECT 1 FROM segments WHERE state = ? LIMIT 1').get(DROPPED) !== undefined;
}

/** Deletes some blocks of dropped segments. */
export function sweepDropped(context: WriteContext): void {
  const { sql } = context;
  const no = one<{ no: number }>(sql('SELECT no FROM segments WHERE state = ? LIMIT 1').get(DROPPED))?.no;
  if (no === undefined) return;
  const from = no * BLOCK_STRIDE;
  const { changes } = sql(
    'DELETE FROM blocks WHERE place IN (SELECT place FROM blocks WHERE place >= ? AND place < ? LIMIT ?)',
  ).run(from, from + BLOCK_STRIDE, DROP_AT_ONCE);
  if (Number(changes) < DROP_AT_ONCE) sql('DELETE FROM segments WHERE no = ?').run(no);
}
