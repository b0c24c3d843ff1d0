// What a decision takes from others before it is written: parts that lead to it, entries it makes void. Taken by compare-and-set,
// so of two decisions one gets it; given back where the decision was not written, by the sweep if nobody else is left to do it.
import type { CommitRow } from '../store.ts';
import { op } from './connection.ts';
import { type Context, change } from './context.ts';
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
    .find({ 'gathered.lead': row.number, number: op({ $nin: [...row.parts] }) }, { number: 1 })
    .lean<MessageDoc[]>();
  for (const { number } of stray) await free(context, number, row.number);
}

async function gather(context: Context, row: CommitRow, number: string): Promise<Settle | null> {
  const lead = row.number;
  const got = await change(context, number, doc => {
    if (doc.kind === 'part' && doc.joined === lead) return { answer: true };
    if (doc.state !== 'unread') return { answer: false };
    const outcome = { kind: 'part' as const, of: lead };
    return {
      set: {
        ...{ state: 'decided', kind: 'part', outcome, joined: lead, decidedAt: row.decidedAt, next: doc.next + 1 },
        gathered: { lead, at: row.decidedAt },
      },
      answer: true,
    };
  });
  if (got !== true) return null;
  return async written => {
    if (!written) await free(context, number, lead);
    else
      await context.models.messages.updateOne(
        { number, 'gathered.lead': lead },
        { $set: { gathered: null }, $inc: { version: 1 } },
      );
  };
}

/** Makes a part unread again whose lead was not decided with it. */
export async function free(context: Context, number: string, lead: string): Promise<void> {
  const freed = await change(context, number, doc => {
    if (doc.gathered?.lead !== lead) return { answer: false };
    return {
      set: {
        ...{ state: 'unread', kind: null, outcome: null, joined: null, decidedAt: null, next: doc.next - 1 },
        gathered: null,
      },
      answer: true,
    };
  });
  if (freed === true) context.news.accepted();
}

async function makeVoid(context: Context, row: CommitRow, id: string): Promise<Settle | null> {
  const { outbox } = context.models;
  const by = `${row.number}:${row.revision}`;
  const cause = `decision.${row.revision}`;
  for (;;) {
    const doc = await outbox.findById(id).lean<EntryDoc>();
    if (doc === null || (doc.state === 'void' && doc.voiding === null)) return NOTHING;
    // Set aside by a try of this very decision that was cut off.
    if (doc.voiding?.by === by) return written => settleVoid(context, doc, written);
    if (doc.state === 'in-flight' || doc.state === 'done' || doc.voiding !== null) return null;
    const voiding = { from: doc.state, by, at: row.decidedAt };
    const { matchedCount } = await outbox.updateOne(
      { _id: id, state: doc.state, seq: doc.seq },
      { $set: { state: 'void', live: false, cause, voiding } },
    );
    if (matchedCount === 1) return written => settleVoid(context, { ...doc, voiding }, written);
  }
}

/** An entry that is void for good, or what it was before. */
export async function settleVoid(context: Context, doc: EntryDoc, written: boolean): Promise<void> {
  const { voiding, _id } = doc;
  if (voiding === null) return;
  const before = { state: voiding.from, live: voiding.from === 'due', cause: doc.state === 'void' ? null : doc.cause };
  await context.models.outbox.updateOne(
    { _id, state: 'void', 'voiding.by': voiding.by },
    { $set: { voiding: null, ...(written ? {} : before) } },
  );
  if (!written) context.news.outbox();
}
