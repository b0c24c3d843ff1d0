// What several processes on one MongoDB need of each other: leases at a glance, decisions as they come, the mark of the sweep.
import type { DecidedRow, SharedStore } from '../store.ts';
import { op, upserting } from './connection.ts';
import type { Context } from './context.ts';
import { SWEPT } from './delivery.ts';
import type { LeaseDoc, MessageDoc } from './documents.ts';
import { endLease, renewLeases } from './leases.ts';
import { CANDIDATE, toCandidates } from './tickets.ts';

/** @param sweep one pass over what was left half done */
export function sharedStore(context: Context, sweep: SharedStore['sweep']): SharedStore {
  const { models, news } = context;
  return {
    async leases(prefix, now) {
      const found = await models.leases
        .find({ _id: op({ $gte: prefix, $lt: `${prefix}\u{10ffff}` }), until: op({ $gt: now }) })
        .lean<LeaseDoc[]>();
      return found.map(({ _id, owner }) => ({ name: _id, owner }));
    },
    renewAll: (prefix, owner, now, ttlMs) => renewLeases(context, prefix, owner, { now, ttlMs }),
    release: token => endLease(context, token),
    decidedSince: (at, limit) => decidedSince(context, at, limit),
    async sweptUntil(at) {
      await upserting(() => models.counters.updateOne({ _id: SWEPT }, { $set: { value: at } }, { upsert: true }));
      news.outbox();
    },
    sweep,
  };
}

async function decidedSince(context: Context, at: number, limit: number): Promise<DecidedRow[]> {
  const docs = await context.models.messages
    .find({ kind: 'ticket', decidedAt: op({ $gte: at }) }, { ...CANDIDATE, decidedAt: 1, knew: 1 })
    .sort({ decidedAt: 1, ordinal: 1 })
    .limit(limit)
    .lean<MessageDoc[]>();
  const rows = await toCandidates(context, docs);
  const byOrdinal = new Map(rows.map(row => [row.ordinal, row]));
  return docs.flatMap(({ ordinal, decidedAt, knew = null }) => {
    const row = byOrdinal.get(ordinal);
    return row === undefined || decidedAt === null ? [] : [{ ...row, decidedAt, knew }];
  });
}
