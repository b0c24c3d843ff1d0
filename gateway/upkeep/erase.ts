// 清除诉求人信息: who appealed is erased from tickets and follow-ups; what was appealed for stays, without the words that tell who.
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Requester } from '../../normalizer/ticket.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import { decodeFacts, encodeFacts } from '../../store/facts-codec.ts';
import { type Forgotten, requesterTerm } from '../../store/forget-postings.ts';
import type { BornRow, CommitRow, MessageRow, TicketRow } from '../../store/store.ts';
import {
  ERASED,
  isErased,
  openDecision,
  openIdentity,
  openTicketContent,
  sealContent,
} from '../../store/ticket-seal.ts';
import { bornOf, decidedAnew } from '../desk/decided-anew.ts';
import { DeskError } from '../desk/desk-error.ts';
import { hasOriginal } from '../reading/read-again.ts';
import { type OriginalParts, removeBlobs, removeFetched } from './originals.ts';
import { redactedDecision, redactedTicket } from './redacted.ts';

export interface EraseParts extends OriginalParts {
  /** Takes postings out of the candidate index, in the reader's memory too where one runs. */
  forget(pairs: readonly Forgotten[]): Promise<void>;
}

export interface EraseOrder {
  readonly by: string;
  readonly why: string;
  /** False leaves a ticket alone that joined another and shares nothing its requester is known by. */
  readonly everybody: boolean;
}

export interface EraseReport {
  readonly tickets: readonly string[];
  /** Messages whose originals went, follow-ups and parts among them. */
  readonly originals: number;
  /** Left as they are: on hold. */
  readonly held: readonly string[];
  /** Those that could not be erased, and why: one that does not open any more keeps no other from it. */
  readonly failed: readonly Failed[];
}

export interface Failed {
  readonly number: string;
  readonly error: unknown;
}

/** What is still to leave the index, should the process end in between. */
const PENDING = 'erase.pending';
const ATTEMPTS = 5;
/** Why an attachment is gone, for whoever asks. */
const ATTACHMENT_ERASED = 'attachment.erased';

/** The intent is audited before, each ticket with the step that erases it. May be repeated; what is erased stays so. */
export async function eraseTickets(
  parts: EraseParts,
  numbers: readonly string[],
  order: EraseOrder,
): Promise<EraseReport> {
  const { store, now } = parts;
  const held: string[] = [];
  const tickets: TicketRow[] = [];
  const leads = await withJoined(parts, numbers, order.everybody);
  for (const number of leads.keys()) {
    const ticket = await store.tickets.get(number);
    if (ticket === null) continue;
    if (await store.admin.onHold(number)) held.push(number);
    else tickets.push(ticket);
  }
  if (tickets.length === 0) return { tickets: [], originals: 0, held, failed: [] };
  const { by, why } = order;
  const on = tickets.map(({ number }) => number);
  await store.admin.audit({ by, action: 'identity.erase', on, why }, now());
  await keepPending(parts, tickets.flatMap(pairsOf));
  let originals = 0;
  const failed = new Map<string, unknown>();
  // Whatever has joined one goes before it: it is by that one that it is found again where this is cut off.
  for (const number of on.toReversed()) {
    if (failed.has(number)) continue;
    try {
      originals += await eraseOne(parts, number, order);
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      for (const one of [number, leads.get(number) ?? number]) failed.set(one, error);
    }
  }
  await forgetPending(parts);
  return {
    tickets: on.filter(number => !failed.has(number)),
    originals,
    held,
    failed: [...failed].map(([number, error]) => ({ number, error })),
  };
}

/** Finishes what an earlier erasing left in the index. */
export async function forgetPending({ store, forget }: EraseParts): Promise<void> {
  const pending = await pendingOf({ store });
  if (pending.length === 0) return;
  await forget(pending);
  await store.admin.setMeta(PENDING, '[]');
}

async function pendingOf({ store }: Pick<EraseParts, 'store'>): Promise<readonly Forgotten[]> {
  return JSON.parse((await store.admin.meta(PENDING)) ?? '[]') as Forgotten[];
}

async function keepPending(parts: EraseParts, pairs: readonly Forgotten[]): Promise<void> {
  await parts.store.admin.setMeta(PENDING, JSON.stringify([...(await pendingOf(parts)), ...pairs]));
}

function pairsOf({ ordinal, identityKeys }: TicketRow): readonly Forgotten[] {
  return identityKeys.map(key => ({ ordinal, term: requesterTerm(key) }));
}

/** Tickets that a clerk has joined to these belong to them where the requester is the same; each with the one it leads to. */
async function withJoined(
  { store }: EraseParts,
  numbers: readonly string[],
  everybody: boolean,
): Promise<Map<string, string>> {
  const all = new Map(numbers.map(number => [number, number]));
  for (const [number, lead] of all) {
    const keys = new Set((await store.tickets.get(number))?.identityKeys ?? []);
    for (const row of await store.messages.joined(number)) {
      const own = await store.tickets.get(row.number);
      if (own === null || all.has(own.number)) continue;
      if (everybody || own.identityKeys.some(key => keys.has(key))) all.set(own.number, lead);
    }
  }
  return all;
}

/**
 * Answers how many originals went. The identity goes last, so that what was cut off before is found by it and done again. Of a ticket that
 * was erased already, what an earlier version left goes too.
 */
async function eraseOne(parts: EraseParts, number: string, order: EraseOrder): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const message = await parts.store.messages.get(number);
    const ticket = await parts.store.tickets.get(number);
    if (message === null || ticket === null) return 0;
    const followers = await followersOf(parts, number);
    const all = [message, ...followers];
    const gone = await shredOriginals(parts, all, order);
    await removeFetched(parts, all, ATTACHMENT_ERASED);
    const untied = all.map(row => ({ number: row.number, lane: randomBytes(8).toString('hex') }));
    await parts.store.admin.untie(untied);
    if (isErased(ticket) && isNothingLeft(parts, ticket)) return gone;
    const repeats = followers.filter(row => row.outcome?.kind === 'repeat' && row.decision !== null);
    const requester = openIdentity(parts.cipher, ticket);
    const rows = [
      ...repeats.map(row => erasedDecision(parts, row, requester)),
      erasedTicket(parts, { message, ticket, requester }, order),
    ];
    const answers = await parts.store.decisions.commit(rows, null);
    // Whatever changed one of them meanwhile (a clerk, a late attachment): look at all anew.
    if (answers.some(answer => answer !== 'committed')) continue;
    // A file that arrived while the ticket still named it, a note that was written meanwhile.
    await removeFetched(parts, all, ATTACHMENT_ERASED);
    await parts.store.admin.untie(untied);
    return gone;
  }
  throw new DeskError('desk.changed_meanwhile');
}

function isNothingLeft({ cipher }: EraseParts, ticket: TicketRow): boolean {
  const content = openTicketContent(cipher, ticket);
  return isDeepStrictEqual(redactedTicket(content, openIdentity(cipher, ticket)), content);
}

/** Follow-ups and parts without a ticket of their own. */
async function followersOf({ store }: EraseParts, number: string): Promise<readonly MessageRow[]> {
  const joined = await store.messages.joined(number);
  const own = await Promise.all(joined.map(row => store.tickets.get(row.number)));
  return joined.filter((_, place) => own[place] === null);
}

async function shredOriginals(
  parts: EraseParts,
  rows: readonly MessageRow[],
  { by, why }: EraseOrder,
): Promise<number> {
  const present = rows.filter(hasOriginal);
  if (present.length === 0) return 0;
  for (const row of present) await removeBlobs(parts, row);
  const items = present.map(({ number }) => ({ number, extent: 'original' as const }));
  const note = { by, action: 'original.erase', on: [], why };
  const answers = await parts.store.admin.shred(items, note, parts.now());
  return answers.filter(answer => answer === 'shredded').length;
}

interface Identified {
  readonly message: MessageRow;
  readonly ticket: TicketRow;
  readonly requester: Requester;
}

function erasedTicket(
  parts: EraseParts,
  { message, ticket, requester }: Identified,
  { by, why }: EraseOrder,
): CommitRow {
  const { cipher } = parts;
  const { number, revision } = message;
  const contentKey = cipher.openDataKey(message.wrappedContent);
  const content = redactedTicket(openTicketContent(cipher, ticket), requester);
  const facts = encodeFacts({ ...decodeFacts(ticket.facts), requesterKeys: [] });
  const born: BornRow = {
    ...bornOf(ticket),
    wrappedIdentity: ERASED,
    identity: ERASED,
    identityKeys: [],
    facts,
    born: sealContent(cipher, contentKey, { ...content, revision }),
  };
  return {
    ...erasedDecision(parts, message, requester),
    ticket: born,
    audit: { by, action: 'identity.erased', on: [number], why },
  };
}

/** The same outcome under the next revision; of the words that were read those stay that tell nobody. */
function erasedDecision({ cipher, now }: EraseParts, message: MessageRow, requester: Requester): CommitRow {
  const { number, outcome, state } = message;
  if (outcome === null) throw new DeskError('desk.not_decided', { number, state });
  const before = openDecision(cipher, message);
  const kept = before && redactedDecision(before, requester);
  return decidedAnew(cipher, message, { outcome, kept, decidedAt: now() });
}
