// What was dated by a clock that has been set back since waits no longer than it was to: entries, leases, attachments.
// There is no start at which nothing else runs, so every sweep looks at what waits longest, and tells by when it was written.
import { op } from './connection.ts';
import { type Context, change } from './context.ts';
import { wantedAt } from './decisions.ts';
import type { EntryDoc, LeaseDoc, MessageDoc } from './documents.ts';

/** Clocks of processes that work together differ by far less: what is dated later was dated by a clock that was ahead. */
export const AHEAD_MS = 60_000;
/** The same for leases, which are short: a clock is refused at the start where it is half a second off the server's. */
const LEASE_AHEAD_MS = 2000;
/** Of a lease that does not say how long it is. */
const LONGEST_LEASE_MS = 60_000;
/** Longer than any wait for another attempt at an attachment. */
const LONGEST_FETCH_MS = 15 * 60_000;
/** Looked at in one go: those that wait longest, so that whatever is left waits no longer than one that may. */
const AT_ONCE = 200;

/** Each step may meet another process at the same thing, or its owner, which does no harm: what has changed is left alone. */
export async function shortenWaits(context: Context, now: number): Promise<number> {
  const due = await shortenDue(context, now);
  const underWay = await shortenUnderWay(context, now);
  const leases = await shortenLeases(context, now);
  const attachments = await shortenAttachments(context, now);
  if (due > 0) context.news.outbox();
  return due + underWay + leases + attachments;
}

/** When the wait of an entry was begun. */
const setAt = (doc: EntryDoc): number => doc.setAt ?? doc.createdAt;

/** How long it was to wait when that was written; what was written by a clock that is right waits as it does. */
function left(doc: EntryDoc, until: number, now: number): number {
  const from = setAt(doc);
  return Math.min(until, now + Math.max(0, until - (from > now + AHEAD_MS ? from : now)));
}

/** The mark of the sweep is compared with it; what is told of it stays as it was. */
function createdBy(doc: EntryDoc, now: number) {
  if (doc.createdAt <= now) return {};
  return { createdAt: now, firstCreatedAt: doc.firstCreatedAt ?? doc.createdAt };
}

async function shortenDue({ models }: Context, now: number): Promise<number> {
  const longest = (urgent: boolean) =>
    models.outbox
      .find({ state: 'due', urgent, dueAt: op({ $gt: now }) })
      .sort({ dueAt: -1, seq: -1 })
      .limit(AT_ONCE)
      .lean<EntryDoc[]>();
  // Until the mark of the sweep has passed its making an entry is not handed out, however long it has been due.
  const young = models.outbox
    .find({ state: 'due', createdAt: op({ $gt: now + AHEAD_MS }) })
    .limit(AT_ONCE)
    .lean<EntryDoc[]>();
  const found = [...(await longest(true)), ...(await longest(false)), ...(await young)];
  const ahead = new Map(
    found.filter(doc => Math.max(setAt(doc), doc.createdAt) > now + AHEAD_MS).map(doc => [doc._id, doc]),
  );
  if (ahead.size === 0) return 0;
  const { modifiedCount } = await models.outbox.bulkWrite(
    [...ahead.values()].map(doc => {
      const dueAt = left(doc, doc.dueAt, now);
      const times = { dueAt, setAt: now, notBefore: Math.min(doc.notBefore, dueAt) };
      return {
        updateOne: {
          filter: { _id: doc._id, state: 'due', seq: doc.seq, dueAt: doc.dueAt },
          update: { $set: { ...times, ...createdBy(doc, now) } },
        },
      };
    }),
    { ordered: false },
  );
  return modifiedCount;
}

/** Its holder, if it lives, has at least as long as when it was claimed. */
async function shortenUnderWay({ models }: Context, now: number): Promise<number> {
  const held = await models.outbox
    .find({ state: 'in-flight', leaseUntil: op({ $gt: now }) })
    .sort({ leaseUntil: -1 })
    .limit(AT_ONCE)
    .lean<EntryDoc[]>();
  const ahead = held.filter(doc => setAt(doc) > now + AHEAD_MS);
  if (ahead.length === 0) return 0;
  const { modifiedCount } = await models.outbox.bulkWrite(
    ahead.map(doc => ({
      updateOne: {
        filter: { _id: doc._id, state: 'in-flight', token: doc.token, leaseUntil: doc.leaseUntil },
        update: { $set: { leaseUntil: left(doc, doc.leaseUntil ?? now, now), setAt: now } },
      },
    })),
    { ordered: false },
  );
  return modifiedCount;
}

/** Few: a look at all that run is a look at all of them. */
async function shortenLeases({ models }: Context, now: number): Promise<number> {
  const running = await models.leases.find({ until: op({ $gt: now + LEASE_AHEAD_MS }) }).lean<LeaseDoc[]>();
  let shortened = 0;
  for (const { _id, token, until, ttl } of running) {
    const latest = now + (ttl ?? LONGEST_LEASE_MS);
    if (until <= latest + LEASE_AHEAD_MS) continue;
    const { modifiedCount } = await models.leases.updateOne({ _id, token, until }, { $set: { until: latest } });
    shortened += modifiedCount;
  }
  return shortened;
}

async function shortenAttachments(context: Context, now: number): Promise<number> {
  const latest = now + LONGEST_FETCH_MS;
  const docs = await context.models.messages
    .find({ wantedAt: op({ $gt: latest }) }, { number: 1 })
    .sort({ wantedAt: -1 })
    .limit(AT_ONCE)
    .lean<MessageDoc[]>();
  for (const { number } of docs) {
    await change(context, number, doc => {
      const attachments = doc.attachments.map(one => ({ ...one, dueAt: Math.min(one.dueAt, latest) }));
      return { set: { attachments, wantedAt: wantedAt(attachments) }, answer: true };
    });
  }
  return docs.length;
}
