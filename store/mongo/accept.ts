// Accepting: the insert of a message's document is its acceptance; whoever comes second under a key is answered like the first.
import { StoreUnavailable } from '../errors.ts';
import type { AcceptAnswer, AcceptRow, CursorMove } from '../store.ts';
import { among, DUPLICATE, failedWrites, upserting } from './connection.ts';
import { type Context, takePlaces } from './context.ts';
import type { MessageDoc } from './documents.ts';
import type { Vault } from './vault.ts';

export interface AcceptCall {
  readonly rows: readonly AcceptRow[];
  readonly cursor: CursorMove | undefined;
}

/** What a call weighs in a batch: bytes to be sent. */
export function weightOf({ rows }: AcceptCall): number {
  return rows.reduce((sum, row) => sum + 1024 + (row.sealed?.byteLength ?? 0), 0);
}

/** All calls in as few writes as can be; a call of which one row could not be written is refused, the others are not. */
export async function acceptCalls(
  context: Context,
  vault: Vault,
  calls: readonly AcceptCall[],
): Promise<(readonly AcceptAnswer[] | Error)[]> {
  const rows = calls.flatMap(call => call.rows);
  const answers = rows.length === 0 ? [] : await acceptRows(context, vault, rows);
  let next = 0;
  const answered = calls.map((call): readonly AcceptAnswer[] | Error => {
    const own = answers.slice(next, next + call.rows.length);
    next += call.rows.length;
    return own.find(answer => answer instanceof Error) ?? (own as AcceptAnswer[]);
  });
  // A cursor moves when all that came with it is durable, and not before; nor past what came before it and was refused.
  const moves = new Map<string, string>();
  const stuck = new Set<string>();
  for (const [place, { cursor }] of calls.entries()) {
    if (cursor === undefined) continue;
    if (answered[place] instanceof Error) stuck.add(cursor.channel);
    else if (!stuck.has(cursor.channel)) moves.set(cursor.channel, cursor.value);
  }
  await Promise.all([...moves].map(([channel, value]) => moveCursor(context, channel, value)));
  if (answers.some(answer => !(answer instanceof Error) && answer.kind === 'fresh')) context.news.accepted();
  return answered;
}

async function moveCursor({ models }: Context, channel: string, value: string): Promise<void> {
  await upserting(() => models.cursors.updateOne({ _id: channel }, { $set: { value } }, { upsert: true }));
}

type Answer = AcceptAnswer | Error;

async function acceptRows(context: Context, vault: Vault, rows: readonly AcceptRow[]): Promise<Answer[]> {
  await vault.keepOriginals(rows);
  const first = await insert(context, vault, rows, row => row.key);
  const answers = rows.map((row, place) => answerTo(row, first[place] as Inserted));
  // An id used before with another body is a new message where ids are weak, under the key that holds the body's print too.
  const again = [...rows.entries()].filter(([place, row]) => row.weakKey !== null && isReused(answers[place]));
  if (again.length > 0) {
    const weak = again.map(([, row]) => row);
    const second = await insert(context, vault, weak, row => row.weakKey as string);
    for (const [i, [place, row]] of again.entries()) answers[place] = answerTo(row, second[i] as Inserted);
  }
  const orphans = rows.filter((row, place) => isElsewhere(row, answers[place] as Answer)).map(row => row.number);
  await vault.forgetOriginals(orphans);
  return answers;
}

/** null: inserted by this call; else what stands under the key. */
type Inserted = null | Pick<MessageDoc, 'number' | 'fingerprint'> | Error;

function answerTo(row: AcceptRow, known: Inserted): Answer {
  if (known instanceof Error) return known;
  if (known === null) return { kind: 'fresh', number: row.number };
  if (known.fingerprint !== row.fingerprint) return { kind: 'id-reused' };
  return { kind: 'redelivery', number: known.number };
}

function isReused(answer: Answer | undefined): boolean {
  return answer !== undefined && !(answer instanceof Error) && answer.kind === 'id-reused';
}

/** What was known before, under another number, has left an original of its own in the vault. */
function isElsewhere(row: AcceptRow, answer: Answer): boolean {
  if (answer instanceof Error) return false;
  return answer.kind === 'id-reused' || answer.number !== row.number;
}

async function insert(
  context: Context,
  vault: Vault,
  rows: readonly AcceptRow[],
  keyOf: (row: AcceptRow) => string,
): Promise<Inserted[]> {
  const first = await takePlaces(context, 'ordinal', rows.length);
  const docs = rows.map((row, place) => messageDoc(row, keyOf(row), first + place, vault.inline(row)));
  const answers: Inserted[] = rows.map(() => null);
  const taken: number[] = [];
  try {
    await context.models.messages.db.collection<MessageDoc>('messages').insertMany(docs, { ordered: false });
  } catch (error) {
    // Where nothing is known, or not all is as durable as promised, nobody is told anything.
    for (const { index, code } of failedWrites(error)) {
      if (code === DUPLICATE) taken.push(index);
      else answers[index] = refused(error);
    }
  }
  if (taken.length === 0) return answers;
  const keys = among(taken.map(index => keyOf(rows[index] as AcceptRow)));
  const found = await context.models.messages.find({ _id: keys }, { number: 1, fingerprint: 1 }).lean<MessageDoc[]>();
  const byKey = new Map(found.map(doc => [doc._id, doc]));
  for (const index of taken) {
    // Another unique key is taken, its number or its place: tried again with others it will be accepted.
    answers[index] = byKey.get(keyOf(rows[index] as AcceptRow)) ?? refused();
  }
  return answers;
}

function refused(cause?: unknown): StoreUnavailable {
  return new StoreUnavailable('store.mongo_failed', 'MongoDB 未接受消息。 / MongoDB did not take the message.', {
    cause,
  });
}

function messageDoc(row: AcceptRow, key: string, ordinal: number, sealed: Uint8Array | null): MessageDoc {
  const { number, fingerprint, channel, lane, shard, acceptedAt, wrappedContent, blob } = row;
  return {
    _id: key,
    ...{ number, ordinal, fingerprint, channel, lane, shard, acceptedAt, wrappedContent, sealed, blob },
    ...{ state: 'unread', attempts: 0, next: 0, version: 0, fence: 0 },
    ...{ decidedAt: null, kind: null, outcome: null, joined: null, conversation: null, decision: null, print: null },
    ...{ wrappedIdentity: null, identity: null, identityAt: null, born: null, shreddedAt: null },
    ...{ ticket: null, isTicket: false, notSame: [], attachments: [], wantedAt: null, hold: null },
    ...{ gathered: null, parts: [], voided: [], todo: [], pending: false },
  };
}
