// What a decision takes from others before it is written: parts that lead to it, entries it makes void. Taken by compare-and-set,
// so of two decisions one gets it; given back where the decision was not written, by the sweep if nobody else is left to do it.
// Whoever gives back stops a decision that may be on its way first, and gives back only what nobody has taken anew since.
import { randomUUID } from 'node:crypto';
import type { CommitRow } from '../store.ts';
import { op } from './connection.ts';
import { type Context, change, messageOf } from './context.ts';
import type { EntryDoc, MessageDoc } from './documents.ts';

/** Settles what was set aside: kept with the decision, or given back. */
export type Settle = (written: boolean) => Promise<void>;

const NOTHING: Settle = async () => undefined;

/** Answers null where something could not be had; then nothing is set aside. */
export async function setAside(context: Context, row: CommitRow): Promise<Settle | null> {
  if (row.conversation !== null) await freeStrayParts(context, row);
  if (row.parts.length === 0 && row.voids.length === 0) return NOTHING;
  const taken: Settle[] = [];
  const settle: Settle = async written => {
    for (const one of taken) await one(written);
  };
  for (const number of row.parts) {
    const part = await gather(context, row, number);
    if (part === null) return giveBack(settle);
    taken.push(part);
  }
  for (const id of row.voids) {
    const entry = await makeVoid(context, row, id);
    if (entry === null) return giveBack(settle);
    taken.push(entry);
  }
  return settle;
}

async function giveBack(settle: Settle): Promise<null> {
  await settle(false);
  return null;
}

/** A try that was cut off may have gathered other parts than this one does: they are to be read again. */
async function freeStrayParts(context: Context, row: CommitRow): Promise<void> {
  const stray = await context.models.messages
    .find({ 'gathered.lead': row.number, number: op({ $nin: [...row.parts] }) }, GATHERED)
    .lean<MessageDoc[]>();
  for (const part of stray) await free(context, part, row.number);
}

/** What `free` needs to know of a part. */
export const GATHERED = { number: 1, version: 1, gathered: 1 } as const;
type Gathered = Pick<MessageDoc, 'number' | 'version'>;

async function gather(context: Context, row: CommitRow, number: string): Promise<Settle | null> {
  const lead = row.number;
  const gathered = { lead, at: row.decidedAt };
  const version = await change<number | 'settled' | 'refused'>(context, number, doc => {
    if (doc.kind === 'part' && doc.joined === lead) {
      // What an earlier try has gathered is gathered anew, so that whoever is about to free it does not.
      return doc.gathered === null ? { answer: 'settled' } : { set: { gathered }, answer: doc.version + 1 };
    }
    if (doc.state !== 'unread') return { answer: 'refused' };
    const outcome = { kind: 'part' as const, of: lead };
    return {
      set: {
        ...{ state: 'decided', kind: 'part', outcome, joined: lead, decidedAt: row.decidedAt, next: doc.next + 1 },
        gathered,
      },
      answer: doc.version + 1,
    };
  });
  if (version === null || version === 'refused') return null;
  if (version === 'settled') return NOTHING;
  return written => (written ? settlePart(context, number, lead) : free(context, { number, version }, lead));
}

async function settlePart({ models }: Context, number: string, lead: string): Promise<void> {
  await models.messages.updateOne(
    { number, 'gathered.lead': lead },
    { $set: { gathered: null }, $inc: { version: 1 } },
  );
}

/** Makes a part unread again whose lead was not decided with it; what was changed since it was read is left to the next sweep. */
export async function free(context: Context, { number, version }: Gathered, lead: string): Promise<void> {
  const fate = await stopDecision(context, lead, doc => doc.parts.includes(number));
  if (fate === 'made') return settlePart(context, number, lead);
  if (fate === 'moving') return;
  const { matchedCount } = await context.models.messages.updateOne(
    { number, version, 'gathered.lead': lead },
    {
      $set: { state: 'unread', kind: null, outcome: null, joined: null, decidedAt: null, gathered: null },
      $inc: { version: 1, next: -1 },
    },
  );
  if (matchedCount === 1) context.news.accepted();
}

/** Whether a decision that was taken for was made. Where it was not, one that is on its way has to look at everything anew. */
async function stopDecision(
  context: Context,
  number: string,
  made: (doc: MessageDoc) => boolean,
): Promise<'made' | 'stopped' | 'moving'> {
  const doc = await messageOf(context, number);
  if (doc === null) return 'stopped';
  if (made(doc)) return 'made';
  const { _id, version } = doc;
  const { matchedCount } = await context.models.messages.updateOne({ _id, version }, { $inc: { version: 1 } });
  return matchedCount === 1 ? 'stopped' : 'moving';
}

async function makeVoid(context: Context, row: CommitRow, id: string): Promise<Settle | null> {
  const { outbox } = context.models;
  const by = `${row.number}:${row.revision}`;
  const cause = `decision.${row.revision}`;
  for (;;) {
    const doc = await outbox.findById(id).lean<EntryDoc>();
    if (doc === null || (doc.state === 'void' && doc.voiding === null)) return NOTHING;
    if (doc.state === 'in-flight' || doc.state === 'done') return null;
    // What an earlier try of the same decision has taken is taken anew.
    const own = doc.voiding?.by === by ? doc.voiding : null;
    if (doc.voiding !== null && own === null) return null;
    const before = own ?? { from: doc.state, cause: doc.cause };
    const voiding = { from: before.from, cause: before.cause, by, at: row.decidedAt, mark: randomUUID() };
    const { matchedCount } = await outbox.updateOne(
      { _id: id, state: doc.state, seq: doc.seq, ...(own === null ? {} : { 'voiding.mark': own.mark }) },
      { $set: { state: 'void', live: false, cause, voiding } },
    );
    if (matchedCount === 1) return written => settleVoid(context, { ...doc, voiding }, written);
  }
}

/** An entry that is void for good, or what it was before. `written`: its decision is known to be made. */
export async function settleVoid(context: Context, { _id, voiding }: EntryDoc, written: boolean): Promise<void> {
  if (voiding === null) return;
  const { from, cause, mark } = voiding;
  const fate = written ? 'made' : await stopDecision(context, numberIn(voiding.by), doc => doc.voided.includes(_id));
  if (fate === 'moving') return;
  const before = fate === 'made' ? {} : { state: from, live: from === 'due', cause };
  await context.models.outbox.updateOne(
    { _id, state: 'void', 'voiding.mark': mark },
    { $set: { voiding: null, ...before } },
  );
  if (fate === 'stopped') context.news.outbox();
}

function numberIn(by: string): string {
  return by.slice(0, by.lastIndexOf(':'));
}
