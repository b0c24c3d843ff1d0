// What ends keeping: what is old enough, legal hold, shredding, other wrappings of data keys.
import type {
  ClosedPlace,
  ClosedRow,
  FinishedRow,
  HoldRow,
  RewrapRow,
  ShredAnswer,
  ShredExtent,
  UntiedRow,
  WrappedKeysRow,
} from '../retention.ts';
import type { AuditNote, EntryState } from '../store.ts';
import { among, op } from './connection.ts';
import { type Change, type Context, change, messageOf } from './context.ts';
import type { AuditDoc, MessageDoc, TicketPart } from './documents.ts';
import type { Vault } from './vault.ts';

const NOTHING = new Uint8Array(0);
/** Entries in these states hold no lane any more, and never will without somebody's word. */
const OVER: readonly EntryState[] = ['done', 'dead', 'void'];
/** Rows read at a time while some are left out. */
const PAGE = 200;
const OLD = { number: 1, ordinal: 1, kind: 1, decidedAt: 1, acceptedAt: 1, joined: 1, hold: 1, ticket: 1 } as const;

/** A hold covers what is held itself, every message that leads to it, and the lead of a part that is held. */
export async function isHeld({ models }: Context, doc: MessageDoc): Promise<boolean> {
  if (doc.hold !== null) return true;
  if (doc.joined !== null) {
    const lead = await models.messages.findOne({ number: doc.joined }, { hold: 1 }).lean<MessageDoc>();
    if (lead !== null && lead.hold !== null) return true;
  }
  const parts = await models.messages.find({ joined: doc.number, kind: 'part' }, { hold: 1 }).lean<MessageDoc[]>();
  return parts.some(part => part.hold !== null);
}

export async function finishedBefore(
  context: Context,
  until: number,
  after: FinishedRow | null,
  limit: number,
): Promise<FinishedRow[]> {
  const kind = op({ $in: ['quarantined', 'not-an-appeal'] });
  const page = (place: Place) => ({ kind, shreddedAt: null, decidedAt: op({ $lte: until, $gte: place.at }) });
  const found = await oldEnough(context, {
    ...{ limit, page, from: after === null ? START : { at: after.decidedAt, ordinal: after.ordinal } },
    field: 'decidedAt',
    placeOf: doc => ({ at: doc.decidedAt ?? 0, ordinal: doc.ordinal }),
    wanted: async ({ ordinal, acceptedAt }) =>
      acceptedAt <= until && (await agedTruly(ordinal, until, place => acceptedNear(context, place))),
  });
  return found.map(({ number, ordinal, kind: outcome, decidedAt }) => ({
    ...{ number, ordinal, kind: outcome as FinishedRow['kind'], decidedAt: decidedAt ?? 0 },
  }));
}

export async function closedBefore(
  context: Context,
  until: number,
  after: ClosedPlace | null,
  limit: number,
): Promise<ClosedRow[]> {
  const found = await oldEnough(context, {
    limit,
    page: place => ({ 'ticket.closedAt': op({ $ne: null, $lte: until, $gte: place.at }) }),
    from: after === null ? START : { at: after.closedAt, ordinal: after.ordinal },
    field: 'ticket.closedAt',
    placeOf: doc => ({ at: doc.ticket?.closedAt ?? 0, ordinal: doc.ordinal }),
    wanted: async () => true,
  });
  const rows: ClosedRow[] = [];
  for (const { number, ordinal, acceptedAt, ticket } of found) {
    const isAged = await agedTruly(ticket?.closing ?? 0, until, place => closedNear(context, place));
    rows.push({ number, ordinal, closedAt: ticket?.closedAt ?? 0, young: acceptedAt > until || !isAged });
  }
  return rows;
}

interface Place {
  readonly at: number;
  readonly ordinal: number;
}

const START: Place = { at: Number.MIN_SAFE_INTEGER, ordinal: 0 };

interface Search {
  readonly limit: number;
  readonly from: Place;
  readonly field: string;
  page(after: Place): Record<string, unknown>;
  placeOf(doc: MessageDoc): Place;
  wanted(doc: MessageDoc): Promise<boolean>;
}

/** Reads on while rows are left out, so that a short answer means the end. */
async function oldEnough(context: Context, search: Search): Promise<MessageDoc[]> {
  const found: MessageDoc[] = [];
  let after = search.from;
  for (let skip = 0; ; ) {
    const docs = await context.models.messages
      .find(search.page(after), OLD)
      .sort({ [search.field]: 1, ordinal: 1 })
      .skip(skip)
      .limit(PAGE)
      .lean<MessageDoc[]>();
    for (const doc of docs) {
      const { at, ordinal } = search.placeOf(doc);
      if (at < after.at || (at === after.at && ordinal <= after.ordinal)) continue;
      if ((await search.wanted(doc)) && !(await isHeld(context, doc))) found.push(doc);
      if (found.length === search.limit) return found;
    }
    const last = docs.at(-1);
    if (last === undefined || docs.length < PAGE) return found;
    const place = search.placeOf(last);
    // Many of one moment: the range alone would bring the same page again.
    skip = place.at === after.at ? skip + PAGE : 0;
    after = place.at === after.at ? after : place;
  }
}

/**
 * Clocks can be wrong: a record dated years back is as young as what was recorded before it. Looks 1, 2, 4, 8 … places back,
 * so that a clock that was wrong for a while is seen past.
 */
async function agedTruly(place: number, until: number, timeNear: (place: number) => Promise<number | null>) {
  for (let back = 1; back < place; back *= 2) {
    const time = await timeNear(place - back);
    if (time === null) return true;
    if (time > until) return false;
  }
  return true;
}

async function acceptedNear({ models }: Context, ordinal: number): Promise<number | null> {
  const doc = await models.messages
    .findOne({ ordinal: op({ $lte: ordinal }) }, { acceptedAt: 1 })
    .sort({ ordinal: -1 })
    .lean<MessageDoc>();
  return doc?.acceptedAt ?? null;
}

async function closedNear({ models }: Context, closing: number): Promise<number | null> {
  const doc = await models.messages
    .findOne({ 'ticket.closing': op({ $ne: null, $lte: closing }) }, { ticket: 1 })
    .sort({ 'ticket.closing': -1 })
    .lean<MessageDoc>();
  return doc?.ticket?.closedAt ?? null;
}

/**
 * The record comes first and names what is about to go; each message goes on its own. What was put on hold or made unread again
 * in between is spared, and a second record says so.
 */
export async function shredMessages(
  context: Context,
  vault: Vault,
  items: readonly { readonly number: string; readonly extent: ShredExtent }[],
  audit: AuditNote,
  now: number,
): Promise<ShredAnswer[]> {
  const answers: ShredAnswer[] = [];
  for (const { number, extent } of items) {
    const doc = await messageOf(context, number);
    answers.push(doc === null ? 'missing' : await shredAnswer(context, doc, extent));
  }
  const going = [...items.entries()].filter(([place]) => answers[place] === 'shredded');
  if (going.length === 0) return answers;
  await context.audit.append({ ...audit, on: going.map(([, { number }]) => number) }, now);
  for (const [place, { number, extent }] of going) {
    answers[place] =
      extent === 'original'
        ? await shredOne(context, vault, number, {
            set: { sealed: null, blob: null },
            look: doc => shredAnswer(context, doc, extent),
          })
        : await shredWhole(context, vault, number, now);
  }
  const spared = going.filter(([place]) => answers[place] !== 'shredded').map(([, { number }]) => number);
  if (spared.length > 0) await context.audit.append({ ...audit, action: `${audit.action}.spared`, on: spared }, now);
  return answers;
}

async function shredAnswer(context: Context, doc: MessageDoc, extent: ShredExtent): Promise<ShredAnswer> {
  if (await isHeld(context, doc)) return 'held';
  if (doc.state === 'unread') return 'conflict';
  return extent === 'original' || doc.kind === 'quarantined' || doc.kind === 'not-an-appeal' ? 'shredded' : 'conflict';
}

interface Shredding {
  readonly set: Change;
  /** Whether it may go, looked at with the very document that is then written. */
  look(doc: MessageDoc): Promise<ShredAnswer>;
}

async function shredOne(
  context: Context,
  vault: Vault,
  number: string,
  { set, look }: Shredding,
): Promise<ShredAnswer> {
  const answer = await change<ShredAnswer>(context, number, async doc => {
    const answer = await look(doc);
    return answer === 'shredded' ? { set, answer } : { answer };
  });
  if (answer === 'shredded') await vault.forgetOriginals([number]);
  return answer ?? 'missing';
}

/** The lead goes last, since it is by the lead that what was begun is found again. */
async function shredWhole(context: Context, vault: Vault, lead: string, now: number): Promise<ShredAnswer> {
  const parts = await context.models.messages.find({ joined: lead, kind: 'part' }, { number: 1 }).lean<MessageDoc[]>();
  const set = { wrappedContent: NOTHING, sealed: null, blob: null, decision: null, shreddedAt: now };
  const look = async (doc: MessageDoc) => ((await isHeld(context, doc)) ? 'held' : 'shredded');
  for (const { number } of parts) {
    const answer = await shredOne(context, vault, number, { set, look });
    if (answer !== 'shredded') return answer;
  }
  return shredOne(context, vault, lead, { set, look: doc => shredAnswer(context, doc, 'all') });
}

/** Entries last, and all of them again: whoever repeats it after a crash finishes it. */
export async function untieMessages(context: Context, vault: Vault, rows: readonly UntiedRow[]): Promise<void> {
  for (const { number, lane } of rows) {
    const doc = await change<MessageDoc>(context, number, doc => {
      const { ticket } = doc;
      const set = { lane, conversation: null, ...(ticket === null ? {} : { ticket: withoutNotes(ticket) }) };
      return { set, answer: doc };
    });
    // Its key is gone with the row, and its bytes need not outlive it.
    if (doc?.wrappedIdentity?.length === 0) await vault.forgetIdentities(number, doc.identityAt);
    await context.models.outbox.updateMany({ message: number, state: among(OVER) }, { $set: { lane } });
  }
}

function withoutNotes(ticket: TicketPart): TicketPart {
  return { ...ticket, events: ticket.events.map(({ note: _gone, ...event }) => event) };
}

export async function holdNumber(
  context: Context,
  { number, reason, audit, now }: { number: string; reason: string; audit: AuditNote; now: number },
): Promise<boolean> {
  if ((await messageOf(context, number)) === null) return false;
  await context.audit.append(audit, now);
  const hold = { at: now, by: audit.by, reason };
  return (await change(context, number, () => ({ set: { hold }, answer: true }))) === true;
}

export async function unholdNumber(context: Context, number: string, audit: AuditNote, now: number): Promise<boolean> {
  const doc = await messageOf(context, number);
  if (doc === null || doc.hold === null) return false;
  await context.audit.append(audit, now);
  return (await change(context, number, () => ({ set: { hold: null }, answer: true }))) === true;
}

export async function listHolds({ models }: Context): Promise<HoldRow[]> {
  const docs = await models.messages
    .find({ 'hold.at': op({ $gt: Number.MIN_SAFE_INTEGER }) }, { number: 1, hold: 1 })
    .sort({ ordinal: 1 })
    .lean<MessageDoc[]>();
  return docs.flatMap(({ number, hold }) => (hold === null ? [] : [{ number, ...hold }]));
}

export async function newestAt({ models }: Context): Promise<number | null> {
  const [message, record] = await Promise.all([
    models.messages.findOne({}, { acceptedAt: 1 }).sort({ ordinal: -1 }).lean<MessageDoc>(),
    models.audit.findOne({}, { at: 1 }).sort({ _id: -1 }).lean<AuditDoc>(),
  ]);
  const times = [message?.acceptedAt, record?.at].filter(at => at !== undefined);
  return times.length === 0 ? null : Math.max(...times);
}

export async function listWrappedKeys({ models }: Context, after: number, limit: number): Promise<WrappedKeysRow[]> {
  if (limit <= 0) return [];
  const docs = await models.messages
    .find({ ordinal: op({ $gt: after }) }, { ordinal: 1, wrappedContent: 1, wrappedIdentity: 1 })
    .sort({ ordinal: 1 })
    .limit(limit)
    .lean<MessageDoc[]>();
  return docs.map(({ ordinal, wrappedContent, wrappedIdentity }) => ({
    ordinal,
    content: present(wrappedContent),
    identity: present(wrappedIdentity),
  }));
}

const present = (bytes: Uint8Array | null) => (bytes === null || bytes.length === 0 ? null : bytes);

/** A key that was shredded, erased or wrapped anew meanwhile is left as it is. */
export async function rewrapKeys({ models }: Context, rows: readonly RewrapRow[]): Promise<number> {
  if (rows.length === 0) return 0;
  const operations = rows.map(({ ordinal, which, from, to }) => {
    const field = which === 'content' ? 'wrappedContent' : 'wrappedIdentity';
    return {
      updateOne: { filter: { ordinal, [field]: from }, update: { $set: { [field]: to }, $inc: { version: 1 } } },
    };
  });
  return (await models.messages.bulkWrite(operations, { ordered: false })).modifiedCount;
}

export async function isOnHold(context: Context, number: string): Promise<boolean> {
  const doc = await messageOf(context, number);
  return doc !== null && (await isHeld(context, doc));
}
