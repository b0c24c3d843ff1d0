// Fetches the mails of a folder in batches that fit into memory: small ones many at a time, large ones one by one, and of
// those too large their beginning.
import type { Original } from '../contract.ts';
import { PlatformError } from '../contract.ts';
import type { Head, Session } from './client.ts';
import { BEGINNING_BYTES, isTooLarge, type MailPlace, originalOf, WHOLE_BYTES } from './mail.ts';

/** Mails fetched and accepted together. */
export interface Batch {
  readonly heads: readonly Head[];
  readonly originals: readonly Original[];
  /** UIDs of `originals`. */
  readonly uids: readonly number[];
  /** UIDs that are there and that the server would not hand out. */
  readonly left: readonly number[];
}

const MOST_MAILS = 100;
const MOST_BYTES = 4 * 1024 * 1024;
/** From here on a mail is fetched alone, with a limit, since the size that a server tells need not be right. */
const ALONE_BYTES = 1024 * 1024;

/** Cuts heads, in their order, into what is fetched at once. */
export function batchesOf(heads: readonly Head[]): readonly (readonly Head[])[] {
  const batches: Head[][] = [];
  let open: Head[] = [];
  let bytes = 0;
  for (const head of heads) {
    const alone = head.size > ALONE_BYTES;
    if (open.length > 0 && (alone || open.length === MOST_MAILS || bytes + head.size > MOST_BYTES)) {
      batches.push(open);
      open = [];
      bytes = 0;
    }
    open.push(head);
    bytes += head.size;
    if (!alone) continue;
    batches.push(open);
    open = [];
    bytes = 0;
  }
  if (open.length > 0) batches.push(open);
  return batches;
}

/** Fetches one batch; what vanished meanwhile is left out, what the server refuses to hand out is named in `left`. */
export async function fetchBatch(session: Session, heads: readonly Head[], place: MailPlace): Promise<Batch> {
  const bodies = await bodiesOf(session, heads);
  const missing = heads.filter(({ uid }) => !bodies.has(uid)).map(({ uid }) => uid);
  const left = (await session.heads(missing)).map(({ uid }) => uid);
  const found = heads.filter(({ uid }) => bodies.has(uid));
  return {
    heads,
    originals: found.map(head => cut(bodies.get(head.uid) as Uint8Array, head, place)),
    uids: found.map(({ uid }) => uid),
    left,
  };
}

function cut(body: Uint8Array, head: Head, place: MailPlace): Original {
  if (!isTooLarge(body.length) && !isTooLarge(head.size)) return originalOf(body, head, place);
  const size = Math.max(head.size, body.length);
  return originalOf(body.subarray(0, BEGINNING_BYTES), { ...head, size }, place);
}

async function bodiesOf(session: Session, heads: readonly Head[]): Promise<ReadonlyMap<number, Uint8Array>> {
  const [first] = heads;
  if (first !== undefined && first.size > ALONE_BYTES) return one(session, first);
  try {
    return await session.bodies(heads.map(({ uid }) => uid));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const found = new Map<number, Uint8Array>();
    for (const head of heads) for (const [uid, body] of await one(session, head)) found.set(uid, body);
    // One mail may be broken; where none can be had the trouble is the server's.
    if (found.size === 0 && heads.length > 1) throw error;
    return found;
  }
}

async function one(session: Session, { uid, size }: Head): Promise<ReadonlyMap<number, Uint8Array>> {
  try {
    const body = await session.beginning(uid, isTooLarge(size) ? BEGINNING_BYTES : WHOLE_BYTES + 1);
    return new Map(body === null ? [] : [[uid, body]]);
  } catch (error) {
    if (isRefusal(error)) return new Map();
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof PlatformError && error.code === 'mailbox.command_refused';
}
