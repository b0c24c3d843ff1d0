// Finishes what a process that died left half done: decisions whose consequences are not all written, deliveries likewise, and
// what was set aside for decisions that were never written.
import { AHEAD_MS, shortenWaits } from './clock-set-back.ts';
import { op } from './connection.ts';
import { type Context, WITHOUT_ORIGINAL } from './context.ts';
import type { EntryDoc, MessageDoc } from './documents.ts';
import { createdDone, letNoticesIn } from './entries.ts';
import { afterFinish } from './finishing.ts';
import { rollForwardAll } from './roll-forward.ts';
import { free, GATHERED, settleVoid } from './set-aside.ts';

export interface Swept {
  readonly decisions: number;
  readonly deliveries: number;
  readonly freed: number;
}

type When = { readonly $lte: number } | { readonly $gt: number };

/** Half-done things looked at in one go. */
const AT_ONCE = 200;

/**
 * One pass. Each step may meet another process at the same thing, which does no harm.
 * @param quietMs what was set aside is left alone for so long, since its decision may be on its way right now
 */
export async function sweep(context: Context, now: number, quietMs: number): Promise<Swept> {
  const decisions = await finishDecisions(context);
  const deliveries = await finishDeliveries(context);
  let freed = 0;
  // What is dated ahead was set aside by a clock that was set back since, and its decision was not written then.
  for (const at of [{ $lte: now - quietMs }, { $gt: now + AHEAD_MS }]) {
    freed += (await freeParts(context, at)) + (await settleVoids(context, at));
  }
  await shortenWaits(context, now);
  await letForgottenNoticesIn(context, now);
  return { decisions, deliveries, freed };
}

async function finishDecisions(context: Context): Promise<number> {
  const docs = await context.models.messages
    .find({ pending: true }, WITHOUT_ORIGINAL)
    .sort({ ordinal: 1 })
    .limit(AT_ONCE)
    .lean<MessageDoc[]>();
  await rollForwardAll(context, docs);
  return docs.length;
}

async function finishDeliveries(context: Context): Promise<number> {
  const docs = await context.models.outbox.find({ pending: true }).limit(AT_ONCE).lean<EntryDoc[]>();
  await afterFinish(context, docs);
  if (docs.length > 0) context.news.outbox();
  return docs.length;
}

/** A part whose lead was decided with it only needs its mark taken away; any other is to be read again. */
async function freeParts(context: Context, at: When): Promise<number> {
  const parts = await context.models.messages
    .find({ 'gathered.at': op(at) }, GATHERED)
    .limit(AT_ONCE)
    .lean<MessageDoc[]>();
  for (const part of parts) if (part.gathered !== null) await free(context, part, part.gathered.lead);
  return parts.length;
}

async function settleVoids(context: Context, at: When): Promise<number> {
  const docs = await context.models.outbox
    .find({ 'voiding.at': op(at) })
    .limit(AT_ONCE)
    .lean<EntryDoc[]>();
  for (const doc of docs) await settleVoid(context, doc, false);
  return docs.length;
}

/** Notices parked in the very moment in which their ticket's created entry was answered. Many may be parked for good reason, so
 *  each pass goes on where the one before it ended. */
async function letForgottenNoticesIn(context: Context, now: number): Promise<void> {
  const { swept } = context;
  const parked = await context.models.outbox
    .find({ state: 'parked', seq: op({ $gt: swept.parked }) }, { ticket: 1, seq: 1 })
    .sort({ seq: 1 })
    .limit(AT_ONCE)
    .lean<EntryDoc[]>();
  const open = await createdDone(
    context,
    parked.map(doc => doc.ticket),
  );
  for (const ticket of open) await letNoticesIn(context, ticket, now);
  swept.parked = parked.length < AT_ONCE ? 0 : (parked.at(-1)?.seq ?? 0);
}
