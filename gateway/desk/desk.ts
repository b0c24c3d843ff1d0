// What a clerk does with a ticket: release, refuse, link, unlink, correct. Each is a new decision with the next revision, audited.
import { type Link, OPEN_STATES, type Outcome, type Triage } from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type {
  AuditNote,
  BornRow,
  CommitRow,
  Entry,
  EntryKind,
  MessageRow,
  NewEntry,
  Store,
  TicketRow,
} from '../../store/store.ts';
import { openDecision, openTicket, sealBorn, sealNote } from '../../store/ticket-seal.ts';
import { type Changes, type CorrectionRules, correctionOf, correctionRow } from './correct.ts';
import { bornOf, decidedAnew, noticeOf } from './decided-anew.ts';
import { DeskError } from './desk-error.ts';
import { createDeskTurns } from './desk-turn.ts';
import { decline, isSeconded, type Proposal, proposalOf, propose } from './lowering.ts';

/** A message read once more, as a ticket of its own. */
export interface Rebirth {
  /** Sealed, with no links; its state is `held` or `queued` as triage says. */
  readonly ticket: BornRow;
  /** Places of the attachments still to be fetched. */
  readonly wanted: readonly number[];
}

export interface DeskParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly now: () => number;
  readonly attachmentWaitMs: number;
  /** Sentence of a clause of the regulation (`10.6`); null for a clause that is none. */
  clause(clause: string): string | null;
  readonly corrections: CorrectionRules;
  /** Reads a message again at that revision; null where it cannot be read. A follow-up keeps no requester, so its original must speak. */
  rebirth(message: MessageRow, revision: number): Promise<Rebirth | null>;
}

/** What was done, for the clerk to see. */
export interface DeskAnswer {
  readonly number: string;
  readonly revision: number;
  readonly state: string;
  /** Kinds of the entries made for the case system, in order. */
  readonly entries: readonly EntryKind[];
  /** Nothing was done: it waits for a second person until then, milliseconds since the epoch. */
  readonly waitsUntil?: number;
}

export interface Desk {
  /** 放行: a held ticket goes to the case system, at the end of its lane; a refused one as well, which undoes the refusal. */
  release(number: string, by: string): Promise<DeskAnswer>;
  /**
   * 不予受理: a held ticket is refused under a clause; nothing is sent. The reason is kept sealed.
   * @param accepted one that was accepted or released as well, as long as it has not gone; said by itself, so that of two
   *   clerks who decide at the same moment neither undoes what the other did without knowing
   */
  refuse(number: string, clause: string, reason: string, by: string, accepted?: boolean): Promise<DeskAnswer>;
  /** 并单: a ticket joins an open one, and its follow-ups with it. */
  link(number: string, to: string, by: string): Promise<DeskAnswer>;
  /** 撤销并单: a follow-up becomes a ticket of its own; the pair is remembered and not linked again. */
  unlink(number: string, from: string, by: string): Promise<DeskAnswer>;
  /**
   * 更正: an open ticket is of another type, class or urgency, confidential or not. The reason is kept sealed. What takes away the
   * protection of who appealed is a proposal until another person asks for the same.
   */
  correct(number: string, changes: Changes, reason: string, by: string): Promise<DeskAnswer>;
  /** 同意: the second person's word on a proposal. `reason`: null where that of the proposal says it all. */
  approve(number: string, reason: string | null, by: string): Promise<DeskAnswer>;
  /** 不同意: ends a proposal, one's own as well. */
  decline(number: string, reason: string, by: string): Promise<DeskAnswer>;
}

/** An entry that is sent in these very moments changes twice: taken up, then delivered. */
const ATTEMPTS = 5;

export function createDesk(parts: DeskParts): Desk {
  // Reader and forwarder go on meanwhile: whatever they changed since it was read makes the act look at everything anew.
  const inTurn = createDeskTurns(parts);
  const redo = (act: () => Promise<DeskAnswer | null>): Promise<DeskAnswer> =>
    inTurn(async () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const answer = await act();
        if (answer !== null) return answer;
      }
      throw new DeskError('desk.changed_meanwhile');
    });
  return {
    release: (number, by) => redo(() => release(parts, number, by)),
    refuse: (number, clause, reason, by, accepted = false) =>
      redo(() => refuse(parts, { number, clause, reason, by, accepted })),
    link: (number, to, by) => redo(() => link(parts, number, to, by)),
    unlink: (number, from, by) => redo(() => unlink(parts, number, from, by)),
    correct: (number, changes, reason, by) => redo(() => correct(parts, { number, changes, reason, by })),
    approve: (number, reason, by) => redo(() => approve(parts, { number, reason, by })),
    decline: (number, reason, by) => redo(() => declined(parts, { number, reason, by })),
  };
}

async function release(parts: DeskParts, number: string, by: string): Promise<DeskAnswer | null> {
  const found = await bothOf(parts, number);
  const { state } = found.ticket;
  if (state !== 'held' && state !== 'refused') throw new DeskError('desk.not_held', { number, state });
  const triage: Triage = { verdict: 'accept', clause: null, basis: null, words: [], by: 'clerk' };
  const entry = await createdEntry(parts, found, found.ticket.urgency);
  const outcome: Outcome = { ...ticketOutcome(found), held: false };
  const own: CommitRow = {
    ...decisionRow(parts, found.message, outcome, []),
    ticket: reborn(parts, found, triage, 'queued'),
    outbox: [entry],
    events: [{ number, at: parts.now(), by, kind: 'released', state: 'queued', expect: [state] }],
    audit: note(by, 'ticket.release', [number]),
  };
  // What was to be told of a refused ticket was dropped with it, and is told now.
  const followers = state === 'refused' ? await followersOf(parts, number) : [];
  return commitAll(parts, own, followers, { from: number, to: number, by });
}

interface Refusal {
  readonly number: string;
  readonly clause: string;
  readonly reason: string;
  readonly by: string;
  readonly accepted: boolean;
}

async function refuse(parts: DeskParts, { number, clause, reason, by, accepted }: Refusal): Promise<DeskAnswer | null> {
  const basis = parts.clause(clause);
  if (basis === null) throw new DeskError('desk.no_such_clause', { clause });
  const found = await bothOf(parts, number);
  const { state } = found.ticket;
  if (state !== 'held' && !(accepted && state === 'queued')) throw new DeskError('desk.not_held', { number, state });
  const unsent = state === 'held' ? [] : await takenBack(parts, found.message);
  const triage: Triage = { verdict: 'advise-refusal', clause, basis, words: [], by: 'clerk' };
  const contentKey = parts.cipher.openDataKey(found.message.wrappedContent);
  const eventId = `${number}:${found.message.revision}:refused`;
  // Notices that were waiting for this ticket have nobody to go to.
  const parked = await parts.store.outbox.list({ ticket: number, state: 'parked', limit: 10_000 });
  return commit(parts, {
    ...decisionRow(parts, found.message, ticketOutcome(found), []),
    ticket: reborn(parts, found, triage, 'refused'),
    voids: [...new Set([...unsent, ...parked.map(entry => entry.id)])],
    events: [
      {
        number,
        at: parts.now(),
        by,
        kind: 'refused',
        state: 'refused',
        expect: [state],
        eventId,
        note: sealNote(parts.cipher, contentKey, { number, eventId, note: reason }),
      },
    ],
    audit: note(by, 'ticket.refuse', [number], clause),
  });
}

async function link(parts: DeskParts, number: string, to: string, by: string): Promise<DeskAnswer | null> {
  if (number === to) throw new DeskError('desk.same_ticket');
  const joining = await bothOf(parts, number);
  const target = await ticketOf(parts, to);
  if (!OPEN_STATES.has(joining.ticket.state)) {
    throw new DeskError('desk.not_open', { number, state: joining.ticket.state });
  }
  if (!OPEN_STATES.has(target.state)) throw new DeskError('desk.not_open', { number: to, state: target.state });
  const { voids, withdrawn } = await undelivered(parts, joining.message);
  if (givesAway(joining.ticket, target, withdrawn.length > 0)) throw new DeskError('desk.gives_away', { number, to });
  const own: CommitRow = {
    ...decisionRow(parts, joining.message, { kind: 'repeat', of: to }, [clerksLink(to)]),
    outbox: [...withdrawn, noticeOf(joining.message, 'ticket.followed-up', to)],
    voids,
    events: [{ number, at: parts.now(), by, kind: 'joined', state: 'joined', expect: [joining.ticket.state] }],
    audit: note(by, 'ticket.link', [number, to]),
  };
  return commitAll(parts, own, await followersOf(parts, number), { from: number, to, by });
}

async function followersOf({ store }: DeskParts, number: string): Promise<readonly MessageRow[]> {
  return (await store.messages.joined(number)).filter(row => row.outcome?.kind === 'repeat');
}

/** Where follow-ups led to, where they lead from now on, and who says so. */
interface Move {
  readonly from: string;
  readonly to: string;
  readonly by: string;
}

/** A decision on a ticket and those on its follow-ups that go with it; null when the ticket's met a newer one. */
async function commitAll(
  parts: DeskParts,
  own: CommitRow,
  followers: readonly MessageRow[],
  move: Move,
): Promise<DeskAnswer | null> {
  const moved = await Promise.all(followers.map(row => moveFollower(parts, row, move)));
  // In one batch: a crash between them would leave follow-ups that lead to a ticket which is none any more.
  const [first, ...others] = await parts.store.decisions.commit([own, ...moved], null);
  if (first !== 'committed') return null;
  await Promise.all(
    others.map((answer, i) => answer === 'committed' || moveAgain(parts, followers[i] as MessageRow, move)),
  );
  return answerOf(own);
}

/** Whether the case system would learn the author of a confidential ticket by an open one that it has, or is to have. */
function givesAway(joining: TicketRow, target: TicketRow, told: boolean): boolean {
  return joining.confidential ? !target.confidential : target.confidential && told;
}

async function moveAgain(parts: DeskParts, { number }: MessageRow, move: Move): Promise<void> {
  const row = await messageOf(parts, number);
  if (row.outcome?.kind !== 'repeat' || row.outcome.of !== move.from) return;
  if ((await commit(parts, await moveFollower(parts, row, move))) === null)
    throw new DeskError('desk.changed_meanwhile');
}

/** A follow-up of the ticket that joins another leads to that one from now on; one of a released ticket stays and is told. */
async function moveFollower(parts: DeskParts, row: MessageRow, { from, to, by }: Move): Promise<CommitRow> {
  const waiting = (await entriesOf(parts, from)).filter(entry => entry.message === row.number && isWaiting(entry));
  const stays = from === to;
  const links = stays ? (openDecision(parts.cipher, row)?.links ?? []) : [clerksLink(to)];
  return {
    ...decisionRow(parts, row, { kind: 'repeat', of: to }, links),
    outbox: [noticeOf(row, 'ticket.followed-up', to)],
    voids: waiting.map(entry => entry.id),
    audit: note(by, stays ? 'ticket.release' : 'ticket.link', [row.number, to]),
  };
}

async function unlink(parts: DeskParts, number: string, from: string, by: string): Promise<DeskAnswer | null> {
  const message = await messageOf(parts, number);
  if (message.outcome?.kind !== 'repeat' || message.outcome.of !== from) {
    throw new DeskError('desk.not_linked', { number, from });
  }
  const earlier = await ticketOf(parts, from);
  const born = await bornAgain(parts, message);
  if (born === null) throw new DeskError('desk.unreadable', { number });
  // The case system may have it as a follow-up of that ticket: it must not learn whose that is by this one.
  const ticket = { ...born.ticket, confidential: born.ticket.confidential || earlier.confidential };
  const queued = ticket.state === 'queued';
  const outcome: Outcome = { kind: 'ticket', held: !queued };
  const dueAt = parts.now();
  // A refused ticket never reached the case system, so there is nothing to undo there.
  const undone = earlier.state === 'refused' ? [] : [noticeOf(message, 'ticket.link-undone', from)];
  const created = queued ? [createdOf(parts, message, born.ticket.urgency, born.wanted.length > 0)] : [];
  return commit(parts, {
    ...decisionRow(parts, message, outcome, []),
    ticket,
    outbox: [...undone, ...created],
    wanted: born.wanted.map(index => ({ index, dueAt })),
    events: [
      { number, at: dueAt, by, kind: 'link-undone', state: born.ticket.state },
      { number: from, at: dueAt, by, kind: 'follow-up-undone' },
    ],
    notSame: [from],
    audit: note(by, 'ticket.unlink', [number, from]),
  });
}

async function correct(
  parts: DeskParts,
  asked: { readonly number: string; readonly changes: Changes; readonly reason: string; readonly by: string },
): Promise<DeskAnswer | null> {
  const found = await bothOf(parts, asked.number);
  const { revision, state } = found.ticket;
  const correction = correctionOf(parts, { ...found, ...asked });
  const proposal = proposalOf(parts.cipher, found.ticket, parts.now());
  const seconded = correction.lowers && isSeconded(asked.number, proposal, asked.changes, asked.by);
  if (correction.lowers && !seconded) {
    const waitsUntil = await propose(parts, found.ticket, { ...asked, changed: correction.changed });
    return { number: asked.number, revision, state, entries: [], waitsUntil };
  }
  const proposedBy = seconded ? (proposal?.by ?? null) : null;
  const base = decisionRow(parts, found.message, ticketOutcome(found), []);
  const answer = await commit(parts, await correctionRow(parts, base, correction, { ...found, ...asked, proposedBy }));
  return answer && { ...answer, state };
}

async function approve(
  parts: DeskParts,
  { number, reason, by }: { readonly number: string; readonly reason: string | null; readonly by: string },
): Promise<DeskAnswer | null> {
  const proposal = proposed(parts, await ticketOf(parts, number));
  return correct(parts, { number, changes: proposal.changes, reason: reason ?? proposal.reason, by });
}

async function declined(
  parts: DeskParts,
  { number, reason, by }: { readonly number: string; readonly reason: string; readonly by: string },
): Promise<DeskAnswer> {
  const ticket = await ticketOf(parts, number);
  await decline(parts, ticket, { reason, by, proposal: proposed(parts, ticket) });
  return { number, revision: ticket.revision, state: ticket.state, entries: [] };
}

function proposed(parts: DeskParts, ticket: TicketRow): Proposal {
  const proposal = proposalOf(parts.cipher, ticket, parts.now());
  if (proposal === null) throw new DeskError('desk.nothing_proposed', { number: ticket.number });
  return proposal;
}

/** A message that was a ticket before a clerk linked it is that ticket again; any other is read once more. */
async function bornAgain(parts: DeskParts, message: MessageRow): Promise<Rebirth | null> {
  const before = await parts.store.tickets.get(message.number);
  if (before === null) return parts.rebirth(message, message.revision);
  const { verdict } = openTicket(parts.cipher, before).triage;
  const state = verdict === 'accept' && before.closedRepeatOf === null ? 'queued' : 'held';
  return { ticket: reborn(parts, { message, ticket: before }, null, state), wanted: [] };
}

interface MessageAndTicket {
  readonly message: MessageRow;
  readonly ticket: TicketRow;
}

async function messageOf({ store }: DeskParts, number: string): Promise<MessageRow> {
  const message = await store.messages.get(number);
  if (message === null) throw new DeskError('desk.no_such_number', { number });
  if (message.state !== 'decided') throw new DeskError('desk.not_decided', { number, state: message.state });
  return message;
}

async function ticketOf({ store }: DeskParts, number: string): Promise<TicketRow> {
  const ticket = await store.tickets.get(number);
  if (ticket === null) throw new DeskError('desk.no_such_ticket', { number });
  return ticket;
}

async function bothOf(parts: DeskParts, number: string): Promise<MessageAndTicket> {
  const ticket = await ticketOf(parts, number);
  return { message: await messageOf(parts, number), ticket };
}

/** Ids of what of an accepted ticket has not gone yet; once the case system may have it, it is there that it is refused. */
async function takenBack(parts: DeskParts, message: MessageRow): Promise<readonly string[]> {
  const { voids, withdrawn } = await undelivered(parts, message);
  if (withdrawn.length > 0) throw new DeskError('desk.already_sent', { number: message.number });
  return voids;
}

function ticketOutcome({ message, ticket }: MessageAndTicket): Extract<Outcome, { kind: 'ticket' }> {
  if (message.outcome?.kind === 'ticket') return message.outcome;
  return { kind: 'ticket', held: ticket.state === 'held' };
}

/** The same born part under the next revision, with the clerk's word on whether it is accepted. */
function reborn(
  parts: DeskParts,
  { message, ticket }: MessageAndTicket,
  triage: Triage | null,
  state: BornRow['state'],
): BornRow {
  const born = openTicket(parts.cipher, ticket);
  const contentKey = parts.cipher.openDataKey(message.wrappedContent);
  const next = { ...born, revision: message.revision, triage: triage ?? born.triage };
  return { ...bornOf(ticket), state, born: sealBorn(parts.cipher, contentKey, next) };
}

/** The bare row of a clerk's decision on a message; what was read of it is carried over. */
function decisionRow(parts: DeskParts, message: MessageRow, outcome: Outcome, links: readonly Link[]): CommitRow {
  const before = openDecision(parts.cipher, message);
  const kept = { links, problems: before?.problems ?? [], draft: before?.draft ?? null };
  return decidedAnew(parts.cipher, message, { outcome, kept, decidedAt: parts.now() });
}

function clerksLink(of: string): Link {
  const byHand = { score: 1, threshold: 1, features: {}, words: [], weightsVersion: 'clerk' };
  return { kind: 'repeat', of, ...byHand, reasons: ['clerk'], by: 'clerk' };
}

function createdOf(parts: DeskParts, message: MessageRow, urgency: string, waits: boolean): NewEntry {
  const urgent = urgency === '紧急';
  // What is urgent goes at once, and its files follow by a correction.
  const notBefore = waits && !urgent ? parts.now() + parts.attachmentWaitMs : 0;
  const entry = noticeOf(message, 'ticket.created', message.number);
  return { ...entry, urgent, notBefore, afterCreated: false };
}

async function createdEntry(parts: DeskParts, { message }: MessageAndTicket, urgency: string): Promise<NewEntry> {
  const attachments = await parts.store.admin.attachments(message.number);
  return createdOf(
    parts,
    message,
    urgency,
    attachments.some(row => row.state === 'wanted'),
  );
}

function entriesOf({ store }: DeskParts, ticket: string): Promise<readonly Entry[]> {
  return store.outbox.list({ ticket, limit: 10_000 });
}

const isWaiting = (entry: Entry) => entry.state === 'due' || entry.state === 'parked';

/** What of a ticket must not go any more, and whether the case system must be told that it is withdrawn. */
async function undelivered(parts: DeskParts, message: MessageRow) {
  const entries = await entriesOf(parts, message.number);
  const created = entries.filter(entry => entry.kind === 'ticket.created' && entry.state !== 'void');
  // An entry tried before with no recorded answer may have arrived, so it counts as delivered.
  const unsent = created.filter(entry => (isWaiting(entry) || entry.state === 'dead') && !entry.unknown);
  const told = created.length > unsent.length;
  const inVain = told
    ? unsent
    : [...unsent, ...entries.filter(entry => entry.state === 'parked' && entry.message === message.number)];
  return {
    voids: inVain.map(entry => entry.id),
    withdrawn: told ? [noticeOf(message, 'ticket.withdrawn', message.number)] : [],
  };
}

function note(by: string, action: string, on: readonly string[], why?: string): AuditNote {
  return { by, action, on, ...(why === undefined ? {} : { why }) };
}

/** Writes one decision; null when it met a newer one. */
async function commit(parts: DeskParts, row: CommitRow): Promise<DeskAnswer | null> {
  const [answer] = await parts.store.decisions.commit([row], null);
  return answer === 'committed' ? answerOf(row) : null;
}

function answerOf(row: CommitRow): DeskAnswer {
  const { number, revision, ticket, outbox } = row;
  return { number, revision, state: ticket?.state ?? 'joined', entries: outbox.map(entry => entry.kind) };
}
