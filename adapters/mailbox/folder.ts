// Takes in what is new in one folder: finds it, fetches it, has it accepted, and only then marks it.
import { createHash } from 'node:crypto';
import type { AdapterContext } from '../contract.ts';
import type { Folder, Head, Session } from './client.ts';
import {
  type FolderMark,
  type FolderState,
  type Marks,
  markFor,
  meansOthers,
  readMarks,
  startOf,
  writeMarks,
} from './cursor.ts';
import { type Batch, batchesOf, fetchBatch } from './fetching.ts';
import { isTooLarge } from './mail.ts';
import type { MailboxSettings } from './settings.ts';

/** Mails with this keyword have been taken in; people do not see it and do not touch it. */
export const DONE = '$Huisu';
/** Where keywords are refused. */
const SEEN = '\\Seen';

/** Heads asked for at once. */
const MOST_HEADS = 500;
/** UIDs below the cursor whose marks a crash may have left out: more than one batch. */
const UNMARKED_UIDS = 200;
const DAY_MS = 24 * 60 * 60_000;

interface Look {
  readonly context: AdapterContext<MailboxSettings>;
  readonly session: Session;
  readonly path: string;
  readonly folder: Folder;
  /** Which mark this folder keeps; null when it keeps none. */
  readonly flag: string | null;
  readonly signal: AbortSignal;
  /** All folders' marks; this folder's moves while we look. */
  marks: Marks;
}

/** What one connection has done already. */
export interface Visits {
  readonly visited: Set<string>;
}

/**
 * Takes in everything new in a folder. Resolves when all of it is durable and marked, or `signal` has aborted.
 *
 * @param visits of this connection, to do some things once per connection only
 */
export async function takeFrom(
  context: AdapterContext<MailboxSettings>,
  session: Session,
  path: string,
  visits: Visits,
  signal: AbortSignal,
): Promise<void> {
  const marks = readMarks(await context.cursor());
  const folder = await session.select(path);
  const look: Look = { context, session, path, folder, flag: flagOf(folder), signal, marks };
  await begin(look);
  if (!visits.visited.has(path)) {
    visits.visited.add(path);
    if (look.flag === null) context.log.warn('mailbox.not_marked');
    await markForgotten(look);
  }
  await askAgain(look);
  await takeOld(look);
  await take(look, await session.search({ from: markOf(look).uid + 1 }));
}

export function flagOf(folder: Folder): string | null {
  return [DONE, SEEN].find(flag => folder.keeps(flag)) ?? null;
}

function markOf({ marks, path }: Look): FolderMark {
  return marks[path] as FolderMark;
}

/** Decides where to go on; the first sight of a folder is remembered before any mail is, so that a restart keeps it. */
async function begin(look: Look): Promise<void> {
  const { context, path, folder } = look;
  const { since } = context.settings;
  const known = look.marks[path];
  const state: FolderState = { ...folder, account: accountOf(context.settings), wentBack: await wentBack(look, known) };
  const mark = markFor(known, state, startOf(since, known, context.now()), since === 'connected');
  if (mark === known) return;
  if (known !== undefined && meansOthers(known, state)) {
    context.log.warn('mailbox.renumbered', { count: folder.count });
  }
  await accepted(look, [], mark);
}

/** The port may change without the mailbox being another. */
function accountOf({ host, user }: MailboxSettings): string {
  return createHash('sha256').update(`${host.toLowerCase()}\n${user}`).digest('hex').slice(0, 16);
}

/**
 * A server restored from a backup keeps its UIDVALIDITY, though it should not, and gives numbers again that it had given
 * before. It shows while the next number is one that is behind us and no mail has it or a higher one.
 */
async function wentBack({ session, folder }: Look, known: FolderMark | undefined): Promise<boolean> {
  if (known === undefined || known.validity !== folder.validity || folder.newest >= known.uid) return false;
  return folder.tellsNext && (await session.search({ from: folder.newest + 1 })).length === 0;
}

/** One accept, with the cursor; the folder's mark moves only when it has resolved. */
async function accepted(look: Look, originals: Batch['originals'], mark: FolderMark): Promise<void> {
  const marks = { ...look.marks, [look.path]: mark };
  await look.context.accept(originals, { cursor: writeMarks(marks) });
  look.marks = marks;
}

/** What the server refused earlier may be had by now, or be gone. */
async function askAgain(look: Look): Promise<void> {
  const { left } = markOf(look);
  if (left.length === 0) return;
  const heads = await look.session.heads(left);
  const still: number[] = [];
  for (const batch of batchesOf(heads)) {
    if (look.signal.aborted) return;
    const fetched = await fetchBatch(look.session, batch, placeOf(look));
    await look.context.accept(fetched.originals);
    await mark(look, fetched.uids);
    still.push(...fetched.left);
  }
  if (still.length < left.length) await accepted(look, [], { ...markOf(look), left: still });
}

/** The mails that were there when the folder was first seen, from the starting point on. */
async function takeOld(look: Look): Promise<void> {
  const { uid, old, from } = markOf(look);
  if (uid >= old) return;
  const found = await look.session.search({
    from: uid + 1,
    to: old,
    ...(from === 0 ? {} : { since: new Date(from - DAY_MS) }),
    // Whatever carries our keyword was accepted; \Seen only says that somebody has looked at it.
    ...(look.flag === DONE ? { without: DONE } : {}),
  });
  await take(look, found);
  if (!look.signal.aborted) await accepted(look, [], { ...markOf(look), uid: old });
}

async function take(look: Look, uids: readonly number[]): Promise<void> {
  for (let at = 0; at < uids.length && !look.signal.aborted; at += MOST_HEADS) {
    const heads = await look.session.heads(uids.slice(at, at + MOST_HEADS));
    await takeBatches(look, batchesOf(heads.filter(head => counts(look, head))));
  }
}

function counts(look: Look, { uid, receivedAt }: Head): boolean {
  const { old, from } = markOf(look);
  // Of one that lay there and has no time nobody knows that it does not count.
  return uid > old || receivedAt === null || receivedAt >= from;
}

/** The next batch is on its way while one is being made durable. */
async function takeBatches(look: Look, batches: readonly (readonly Head[])[]): Promise<void> {
  const fetching = (at: number): Promise<Batch> | null => {
    const heads = batches[at];
    if (heads === undefined || look.signal.aborted) return null;
    const batch = fetchBatch(look.session, heads, placeOf(look));
    // It is awaited below, unless accepting the one before fails, which is then what is told.
    batch.catch(() => undefined);
    return batch;
  };
  let next = fetching(0);
  for (let at = 0; next !== null; at++) {
    const batch: Batch = await next;
    next = fetching(at + 1);
    try {
      await finish(look, batch);
    } catch (error) {
      await Promise.allSettled([next]);
      throw error;
    }
  }
}

async function finish(look: Look, { heads, originals, uids, left }: Batch): Promise<void> {
  const { log } = look.context;
  for (const uid of left) log.warn('mailbox.mail_refused', { uid });
  const before = markOf(look);
  const last = heads.at(-1)?.uid ?? before.uid;
  await accepted(look, originals, { ...before, uid: last, left: [...before.left, ...left] });
  for (const { uid, size } of heads) if (isTooLarge(size)) log.warn('mailbox.mail_cut', { uid, bytes: size });
  await mark(look, uids);
}

function placeOf({ path, folder }: Look) {
  return { folder: path, validity: folder.validity };
}

/** A mark that cannot be set is a blemish only: the cursor knows. */
async function mark({ context, session, flag }: Look, uids: readonly number[]): Promise<void> {
  if (flag === null || uids.length === 0) return;
  if (!(await session.mark(uids, flag))) context.log.warn('mailbox.not_marked');
}

/** A crash between accepting and marking leaves mails unmarked for people to wonder at. */
async function markForgotten(look: Look): Promise<void> {
  const { uid, left } = markOf(look);
  if (look.flag !== DONE || uid === 0) return;
  const unmarked = await look.session.search({ from: Math.max(1, uid - UNMARKED_UIDS), to: uid, without: DONE });
  const heads = await look.session.heads(unmarked.filter(each => !left.includes(each)));
  const forgotten = heads.filter(head => counts(look, head)).map(head => head.uid);
  await mark(look, forgotten);
}
