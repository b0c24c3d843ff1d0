// Delivery of outbox entries: heads of lanes claimed under a token, then finished, failed, taken back or replayed.
import { randomUUID } from 'node:crypto';
import type { AuditNote, ClaimedEntry, EntryFilter, OutboxCounts, OutboxStore } from '../store.ts';
import { among, op } from './connection.ts';
import type { Context } from './context.ts';
import type { EntryDoc, MessageDoc } from './documents.ts';
import { createdDone, findEntries, NOBODYS, placesFor, putInOrder, toEnd, toEntry } from './entries.ts';

/** Entries looked at together at first; lanes found to be held are left out of the next look, so a long lane costs one look, and
 *  that one is twice as long, so that many held lanes cost few. */
const LOOK = 64;
/** Lanes whose dead letters are revived at one time. */
const REVIVED_AT_ONCE = 16;
/** Lanes mostly have one or two live entries. */
const LIVE_OF_A_LANE = 4;
/** A sweep whose mark has stood still for so long, while the store was there, is no longer waited for. */
export const SWEEP_LATE_MS = 20_000;
export const SWEPT = 'swept';

/** Lanes in which a decision has not yet put all its entries into their places: an earlier one than any there may be among them. */
async function unsettledLanes({ models }: Context): Promise<Set<string>> {
  const docs = await models.messages.find({ pending: true }, { todo: 1 }).lean<MessageDoc[]>();
  return new Set(docs.flatMap(doc => doc.todo.flatMap(todo => todo.outbox.map(entry => entry.lane))));
}

/**
 * Those that stand at the head of their lane, and whatever stands before the others, in this order of looks: a decision before
 * one whose entry was seen is either still to put its own into their places, which the first look finds, or they stand there,
 * which the second one does. Of as many lanes as it takes to have so many that come before all in the other lanes.
 */
async function atHead(context: Context, docs: readonly Head[], limit: number): Promise<{ at: Head[]; before: Head[] }> {
  if (docs.length === 0) return { at: [], before: [] };
  const unsettled = await unsettledLanes(context);
  const settled = docs.filter(doc => !unsettled.has(doc.lane));
  const lanes = [...new Set(settled.map(doc => doc.lane))];
  const heads = new Map<string, Head>();
  const headsBefore = (lane?: string) =>
    settled
      .slice(
        0,
        settled.findIndex(doc => doc.lane === lane),
      )
      .filter(doc => heads.has(doc._id)).length;
  // What comes first is known as soon as enough heads stand before the lanes not yet asked for.
  for (
    let [from, n] = [0, Math.max(limit, Math.ceil(lanes.length / 4))];
    from < lanes.length && headsBefore(lanes[from]) < limit;
    [from, n] = [from + n, n * 2]
  ) {
    for (const head of await firstOf(context, lanes.slice(from, from + n))) heads.set(head._id, head);
  }
  const at = settled.filter(doc => heads.has(doc._id));
  for (const { _id } of at) heads.delete(_id);
  return { at, before: [...heads.values()] };
}

/** Asked for in one go, with some that stand behind them; where there are more of those, the other lanes are asked for again. */
async function firstOf({ models }: Context, lanes: readonly string[]): Promise<Iterable<Head>> {
  const first = new Map<string, Head>();
  for (let left = [...lanes]; left.length > 0; ) {
    const most = left.length * LIVE_OF_A_LANE;
    const page = await models.outbox
      .find({ lane: among(left), live: true }, HEAD)
      .sort({ lane: 1, seq: 1 })
      .limit(most)
      .lean<Head[]>();
    for (const head of page) if (!first.has(head.lane)) first.set(head.lane, head);
    // A page that is not full shows them all, a full one those up to its last.
    const last = page.length < most ? undefined : page.at(-1)?.lane;
    left = last === undefined ? [] : left.filter(lane => lane > last);
  }
  return first.values();
}

/** What is asked of entries to find whose turn it is. */
type Head = Pick<EntryDoc, '_id' | 'lane' | 'seq' | 'state' | 'urgent' | 'dueAt' | 'createdAt'>;
const HEAD = { lane: 1, seq: 1, state: 1, urgent: 1, dueAt: 1, createdAt: 1 } as const;

interface Look {
  readonly urgent: boolean;
  /** null: however late it is due. */
  readonly until: number | null;
  /** Made up to here; null: whenever. */
  readonly swept: number | null;
  readonly limit: number;
}

const byTurn = (a: Head, b: Head): number => a.dueAt - b.dueAt || a.seq - b.seq;

/** Due heads by time and place. */
async function readyHeads(context: Context, { urgent, until, swept, limit }: Look): Promise<Head[]> {
  const seen = new Set<string>();
  const found: Head[] = [];
  const isReady = (head: Head): boolean =>
    head.state === 'due' &&
    !head.urgent &&
    (until === null || head.dueAt <= until) &&
    (swept === null || head.createdAt <= swept);
  for (let look = LOOK; ; look *= 2) {
    const page = await context.models.outbox
      .find(
        {
          ...{ state: 'due', urgent },
          ...(until === null ? {} : { dueAt: op({ $lte: until }) }),
          ...(swept === null ? {} : { createdAt: op({ $lte: swept }) }),
          ...(seen.size === 0 ? {} : { lane: op({ $nin: [...seen] }) }),
        },
        HEAD,
      )
      .sort({ dueAt: 1, seq: 1 })
      .limit(urgent ? limit : look)
      .lean<Head[]>();
    if (urgent) return page;
    const { at, before } = await atHead(context, page, limit);
    // One that was tried before may have become due after many that wait behind it: it has its turn by its own time.
    const late = await atHead(context, before.filter(isReady), before.length);
    found.push(...at, ...late.at);
    found.sort(byTurn);
    const last = page.at(-1);
    const isBehind = (head: Head) => last !== undefined && byTurn(head, last) > 0;
    // Whatever lane was seen has given its head or has none to give; what was not seen comes after the last of this page.
    if (page.length < look || found.filter(head => !isBehind(head)).length >= limit) return found.slice(0, limit);
    for (const doc of page) seen.add(doc.lane);
  }
}

/** After the store was away for longer than that the sweep, too, needs its time to come by again. */
async function sweptUntil({ models, mark }: Context, now: number): Promise<number> {
  const value = (await models.counters.findById(SWEPT).lean())?.value ?? 0;
  // A clock that has been set back begins anew, too.
  if (mark.since === null || mark.since > now || mark.value !== value) Object.assign(mark, { value, since: now });
  const isLate = now - (mark.since ?? now) >= SWEEP_LATE_MS;
  return isLate ? Math.max(value, now - SWEEP_LATE_MS) : value;
}

interface Claim {
  readonly now: number;
  readonly limit: number;
  readonly leaseMs: number;
  readonly queued: boolean;
}

export async function claimEntries(context: Context, { now, limit, leaseMs, queued }: Claim): Promise<ClaimedEntry[]> {
  if (limit <= 0) return [];
  const due = { until: now, swept: context.shared ? await sweptUntil(context, now) : null };
  const urgent = await readyHeads(context, { ...due, urgent: true, limit });
  const left = limit - urgent.length;
  const others = left === 0 ? [] : await readyHeads(context, { ...due, urgent: false, limit: left });
  const chosen = [...urgent, ...others];
  if (chosen.length === 0) return [];
  const token = randomUUID();
  await context.models.outbox.updateMany(
    { _id: op({ $in: chosen.map(doc => doc._id) }), state: 'due', dueAt: op({ $lte: now }) },
    {
      $set: {
        state: 'in-flight',
        token,
        holder: context.holder,
        leaseUntil: now + leaseMs,
        setAt: now,
        begun: !queued,
      },
    },
  );
  const claimed = await context.models.outbox.find({ token }).lean<EntryDoc[]>();
  const place = new Map(chosen.map((doc, i) => [doc._id, i]));
  claimed.sort((a, b) => (place.get(a._id) ?? 0) - (place.get(b._id) ?? 0));
  return claimed.map(doc => ({ ...toEntry(doc), token }));
}

/** Of two who got the same id from a queue, one begins. One at a time, since a place to send from waits for the answer. */
export async function beginEntry(
  context: Context,
  id: string,
  now: number,
  leaseMs: number,
): Promise<ClaimedEntry | null> {
  const token = randomUUID();
  const doc = await context.models.outbox
    .findOneAndUpdate(
      { _id: id, state: 'in-flight', begun: false, leaseUntil: op({ $gt: now }) },
      { $set: { token, holder: context.holder, begun: true, leaseUntil: now + leaseMs, setAt: now } },
      { returnDocument: 'after' },
    )
    .lean<EntryDoc>();
  return doc === null ? null : { ...toEntry(doc), token };
}

export async function nextDue(context: Context): Promise<number | null> {
  const first = (urgent: boolean) => readyHeads(context, { urgent, until: null, swept: null, limit: 1 });
  const times = [...(await first(true)), ...(await first(false))].map(doc => doc.dueAt);
  return times.length === 0 ? null : Math.min(...times);
}

type Fail = Parameters<OutboxStore['fail']>;

export async function failEntry(
  context: Context,
  id: Fail[0],
  token: Fail[1],
  failure: Fail[2],
): Promise<'failed' | 'lost-lease'> {
  const { at, retryAt, cause, unknown, counted } = failure;
  const dead = retryAt === null;
  const { matchedCount } = await context.models.outbox.updateOne(
    { _id: id, token, state: 'in-flight' },
    {
      $set: {
        ...{ ...NOBODYS, state: dead ? 'dead' : 'due', live: !dead, cause, unknown },
        ...(dead ? {} : { dueAt: retryAt, setAt: at }),
      },
      $inc: { attempts: counted === false ? 0 : 1 },
    },
  );
  if (matchedCount === 0) return 'lost-lease';
  context.news.outbox();
  return 'failed';
}

/** Entries under way that nobody holds any more are due again: what was begun with is marked unknown and has had an attempt,
 *  what only lay in a queue is as it was. */
async function takeBack(
  { models, news }: Context,
  which: Readonly<Record<string, unknown>>,
  due: { readonly dueAt?: number; readonly setAt?: number },
): Promise<number> {
  const back = { ...NOBODYS, ...due, state: 'due' };
  const begun = await models.outbox.updateMany(
    { ...which, state: 'in-flight', begun: true },
    { $set: { ...back, unknown: true }, $inc: { attempts: 1 } },
  );
  const queued = await models.outbox.updateMany({ ...which, state: 'in-flight', begun: false }, { $set: back });
  const entries = begun.modifiedCount + queued.modifiedCount;
  if (entries > 0) news.outbox();
  return entries;
}

/** Leases that ran out. */
export function reclaimEntries(context: Context, now: number): Promise<number> {
  return takeBack(context, { leaseUntil: op({ $lte: now }) }, { dueAt: now, setAt: now });
}

/** At the start of a process nothing of its own can be under way: what was, was in the hands of the one before it. */
export async function recoverEntries(context: Context): Promise<void> {
  await takeBack(context, { holder: context.holder }, {});
}

/** The record comes first: an act that is recorded and then fails is done again; one that is not recorded cannot be. */
export async function replayEntries(
  context: Context,
  filter: EntryFilter,
  now: number,
  by: AuditNote,
): Promise<string[]> {
  if (filter.state !== undefined && filter.state !== 'dead') return [];
  const docs = await findEntries(context, { ...filter, state: 'dead' });
  if (docs.length === 0) return [];
  await context.audit.append({ ...by, on: [...by.on, ...docs.map(doc => doc._id)] }, now);
  const placed = await placesFor(context, docs);
  const lanes = [...Map.groupBy(placed, ({ doc }) => doc.lane).values()];
  const revived = new Set<string>();
  // In order within a lane; of different lanes many at one time.
  const next = async (): Promise<void> => {
    for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift())
      for (const { _id } of await putInOrder(context, lane, (doc, seq) => revive(context, doc, seq, now)))
        revived.add(_id);
  };
  await Promise.all(Array.from({ length: REVIVED_AT_ONCE }, next));
  return docs.flatMap(({ _id }) => (revived.has(_id) ? [_id] : []));
}

async function revive(context: Context, doc: EntryDoc, seq: number, now: number): Promise<boolean> {
  const fresh = { attempts: 0, cause: null };
  const parked = doc.afterCreated && !(await createdDone(context, [doc.ticket])).has(doc.ticket);
  if (!parked) return toEnd(context, doc, { seq, at: now, dueAt: now }, fresh);
  const { matchedCount } = await context.models.outbox.updateOne(
    { _id: doc._id, state: 'dead' },
    { $set: { ...fresh, seq, state: 'parked' } },
  );
  return matchedCount === 1;
}

export async function countEntries({ models }: Context): Promise<OutboxCounts> {
  const [groups, live, parked] = await Promise.all([
    models.outbox.aggregate<{ _id: string; n: number }>([
      // In the order of an index, which then is all that is read.
      { $sort: { state: 1 } },
      { $group: { _id: '$state', n: { $sum: 1 } } },
    ]),
    models.outbox.findOne({ live: true }, { createdAt: 1 }).sort({ seq: 1 }).lean<EntryDoc>(),
    models.outbox.findOne({ state: 'parked' }, { createdAt: 1 }).sort({ createdAt: 1 }).lean<EntryDoc>(),
  ]);
  const by = new Map(groups.map(({ _id, n }) => [_id, n]));
  const oldest = [live?.createdAt, parked?.createdAt].filter(at => at !== undefined);
  return {
    due: by.get('due') ?? 0,
    parked: by.get('parked') ?? 0,
    inFlight: by.get('in-flight') ?? 0,
    dead: by.get('dead') ?? 0,
    done: by.get('done') ?? 0,
    void: by.get('void') ?? 0,
    oldest: oldest.length === 0 ? null : Math.min(...oldest),
  };
}
