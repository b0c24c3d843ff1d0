// 降密: what protects who appealed is taken away by two people: one proposes it, another carries it out within a day.
import { isDeepStrictEqual } from 'node:util';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Store, TicketEvent, TicketRow } from '../../store/store.ts';
import { type BornContent, openNote, sealNote } from '../../store/ticket-seal.ts';
import { type Changes, CORRECTABLE } from './changes.ts';
import { DeskError } from './desk-error.ts';

const PROPOSED = 'lowering-proposed';
const DECLINED = 'lowering-declined';
/** What ends a proposal: it was made of the ticket as it was then. */
const ENDS: ReadonlySet<string> = new Set([PROPOSED, DECLINED, 'corrected']);
/** Nobody answers for what was asked for longer ago: the ticket is looked at anew. */
const WAITS_MS = 86_400_000;
/** Numbers of tickets that may have one, by when it ends; the tickets themselves say whether they have. */
const INDEX = 'lowering-proposals';

/** A correction that waits for a second person. */
export interface Proposal {
  readonly by: string;
  /** Milliseconds since the epoch, as `until`, after which it is none any more. */
  readonly at: number;
  readonly until: number;
  readonly changes: Changes;
  readonly reason: string;
}

/** What is sealed of it, as the note of its event. */
type Kept = Pick<Proposal, 'changes' | 'reason'>;

/**
 * Whether less stands between the case system and who appealed: no accusation any more, not confidential, not anonymous; or what they
 * asked not to be made public may be.
 */
export function lowers(before: BornContent, after: BornContent): boolean {
  if (before.appeal.type.value === '举报' && after.appeal.type.value !== '举报') return true;
  if (before.public.by === 'sender' && !before.public.value && after.public.value) return true;
  return (before.confidential.value && !after.confidential.value) || (before.anonymous && !after.anonymous);
}

/** The proposal that a ticket has; null where there is none, or it has run out. */
export function proposalOf(cipher: FieldCipher, row: TicketRow, now: number): Proposal | null {
  const event = waiting(row, now);
  const kept = event && keptOf(cipher, row, event);
  return event && kept && { ...kept, by: event.by, at: event.at, until: event.at + WAITS_MS };
}

function waiting({ events }: TicketRow, now: number): TicketEvent | null {
  const last = events.findLast(({ kind }) => ENDS.has(kind));
  return last?.kind === PROPOSED && now < last.at + WAITS_MS ? last : null;
}

function keptOf(cipher: FieldCipher, row: TicketRow, { eventId, note }: TicketEvent): Kept | null {
  if (eventId === undefined || note === undefined) return null;
  const key = cipher.openDataKey(row.wrappedContent);
  return JSON.parse(openNote(cipher, key, { number: row.number, eventId, sealed: note })) as Kept;
}

/** The reason in an opened note of an event, which of a proposal is not all of it. */
export function reasonIn(kind: string, note: string): string {
  return kind === PROPOSED ? (JSON.parse(note) as Kept).reason : note;
}

/**
 * Whether these changes are what somebody else has proposed.
 * @throws DeskError where it was the same person
 */
export function isSeconded(number: string, proposal: Proposal | null, changes: Changes, by: string): boolean {
  if (proposal === null || !isDeepStrictEqual(proposal.changes, changes)) return false;
  if (!areTwo(proposal.by, by)) throw new DeskError('desk.second_person', { number, by: proposal.by });
  return true;
}

/**
 * Whether two names of the audit are surely two people's: not where they differ in case or width only, nor where one is the account
 * behind the other (`huisu`, `zhang (huisu)`).
 */
function areTwo(one: string, other: string): boolean {
  const [a, b] = [personOf(one), personOf(other)];
  return a.name !== b.name && a.name !== b.account && a.account !== b.name;
}

function personOf(by: string): { readonly name: string; readonly account: string } {
  const plain = by.normalize('NFKC').trim().toLowerCase();
  const [, name = plain, account = plain] = /^(.*) \((.*)\)$/u.exec(plain) ?? [];
  return { name, account };
}

export interface ProposalParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  now(): number;
}

/**
 * Writes a proposal down in place of one there is, and answers when it runs out.
 * @param changed for the audit: which field would be what
 */
export async function propose(
  { store, cipher, now }: ProposalParts,
  row: TicketRow,
  { changes, reason, by, changed }: Kept & { readonly by: string; readonly changed: readonly string[] },
): Promise<number> {
  const { number } = row;
  const at = now();
  const until = at + WAITS_MS;
  // Listed first: a number without a proposal is recognised as that, a proposal that is not listed would never be found.
  const listed = Object.entries(await indexOf(store)).filter(([, end]) => end > at);
  await store.admin.setMeta(INDEX, JSON.stringify({ ...Object.fromEntries(listed), [number]: until }));
  const eventId = `${number}:${row.events.length}:${PROPOSED}`;
  const kept: Kept = { changes, reason };
  const note = sealNote(cipher, cipher.openDataKey(row.wrappedContent), {
    ...{ number, eventId },
    note: JSON.stringify(kept),
  });
  await store.tickets.add({ number, at, by, kind: PROPOSED, eventId, note }, [], {
    ...{ by, action: 'ticket.propose' },
    on: [number, ...changed],
  });
  return until;
}

/** Ends the proposal of a ticket, whoever made it. */
export async function decline(
  { store, cipher, now }: ProposalParts,
  row: TicketRow,
  { reason, by, proposal }: { readonly reason: string; readonly by: string; readonly proposal: Proposal },
): Promise<void> {
  const { number } = row;
  const eventId = `${number}:${row.events.length}:${DECLINED}`;
  const note = sealNote(cipher, cipher.openDataKey(row.wrappedContent), { number, eventId, note: reason });
  await store.tickets.add({ number, at: now(), by, kind: DECLINED, eventId, note }, [], {
    ...{ by, action: 'ticket.decline' },
    on: [number, `proposed-by:${proposal.by}`],
  });
}

/** Tickets with a proposal that waits, the one that ends first before the others. */
export async function proposedTickets({ store, now }: Omit<ProposalParts, 'cipher'>): Promise<readonly TicketRow[]> {
  const listed = Object.entries(await indexOf(store)).sort(([, a], [, b]) => a - b);
  const rows = await Promise.all(listed.map(([number]) => store.tickets.get(number)));
  return rows.filter(row => row !== null).filter(row => CORRECTABLE.has(row.state) && waiting(row, now()) !== null);
}

async function indexOf({ admin }: Store): Promise<Readonly<Record<string, number>>> {
  return JSON.parse((await admin.meta(INDEX)) ?? '{}') as Record<string, number>;
}
