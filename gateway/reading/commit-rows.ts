// From a decision to what the store commits: ticket or follow-up, marks, outbox entries, everything personal sealed.
import type { Decision } from '../../normalizer/facts.ts';
import { cut } from '../../normalizer/text.ts';
import type { Link, Outcome } from '../../normalizer/ticket.ts';
import { encodeFacts } from '../../store/facts-codec.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import { NOTHING_MORE } from '../../store/nothing-more.ts';
import type { BornRow, CommitRow, NewEntry, UnreadRow } from '../../store/store.ts';
import { sealBornJson, sealDecision, sealDecisionJson, sealIdentity } from '../../store/ticket-seal.ts';
import type { Judged } from './judge.ts';
import type { DraftHead, Reading } from './protocol.ts';

/** A message about to be decided: its row, its opened content key, and what was read. */
export interface ReadyMessage {
  readonly row: UnreadRow;
  readonly contentKey: Uint8Array;
  /** Parts gathered into it, in order, without itself. */
  readonly parts: readonly UnreadRow[];
  readonly conversation: string | null;
}

/** A message of which nothing was opened. */
export function unopened(row: UnreadRow): ReadyMessage {
  return { row, contentKey: new Uint8Array(0), parts: [], conversation: null };
}

export interface DraftMessage extends ReadyMessage {
  readonly head: DraftHead;
  /** JSON of the draft, UTF-8, as its parser wrote it. */
  readonly draft: Uint8Array;
}

export interface CommitParts {
  readonly cipher: FieldCipher;
  readonly attachmentWaitMs: number;
}

/** What becomes of a message of which no draft was made. */
function plainOutcome(reading: Extract<Reading, { readonly reason: string }>): Outcome {
  if (reading.kind === 'not-an-appeal') return { kind: 'not-an-appeal', reason: reading.reason };
  return { kind: 'quarantined', reason: reading.reason };
}

/** A message that makes no ticket and joins none: not an appeal, or unreadable. */
export function plainRow(message: ReadyMessage, outcome: Outcome, decidedAt: number): CommitRow {
  const { row, parts, conversation } = message;
  return {
    ...NOTHING_MORE,
    number: row.number,
    revision: row.revision,
    decidedAt,
    outcome,
    decision: null,
    parts: parts.map(part => part.number),
    conversation,
  };
}

/** Longer ones are no signs. */
const DETAIL_LENGTH = 200;

/** A message of which no draft was made; by which sign it was taken for no appeal is kept with it. */
export function undraftedRow(
  cipher: FieldCipher,
  message: ReadyMessage,
  reading: Extract<Reading, { readonly reason: string }>,
  decidedAt: number,
): CommitRow {
  const row = plainRow(message, plainOutcome(reading), decidedAt);
  if (reading.kind !== 'not-an-appeal' || reading.detail === undefined) return row;
  const { number, revision } = row;
  const kept = { revision, links: [], problems: [], draft: null, detail: cut(reading.detail, DETAIL_LENGTH) };
  return { ...row, decision: sealDecision(cipher, message.contentKey, number, kept) };
}

/** Whether a clerk looks at it before it goes out. */
export function isHeld(
  { verdict }: Pick<DraftHead, 'verdict'>,
  { closedRepeatOf }: Pick<Decision, 'closedRepeatOf'>,
): boolean {
  return verdict !== 'accept' || closedRepeatOf !== null;
}

/** What became of a message of which a ticket was made. */
export function bornOutcome(
  held: boolean,
  { closedRepeatOf, incident }: Pick<Decision, 'closedRepeatOf' | 'incident'>,
): Outcome {
  return {
    kind: 'ticket',
    held,
    ...(closedRepeatOf === null ? {} : { closedRepeatOf }),
    ...(incident === null ? {} : { incident }),
  };
}

/** A decided draft: a ticket of its own, which holds its links, or a follow-up of an earlier one, which keeps its words. */
export function draftRow(parts: CommitParts, message: DraftMessage, judged: Judged, decidedAt: number): CommitRow {
  const { decision } = judged;
  const { links } = decision;
  if (decision.joins !== null) return followUpRow(parts, message, decision.joins, links, decidedAt);
  const held = isHeld(message.head, decision);
  return {
    ...plainRow(message, bornOutcome(held, decision), decidedAt),
    outbox: held ? [] : [created(parts, message, decidedAt)],
    ticket: bornRow(parts.cipher, message, judged, held, links),
    gathers: decision.gathers,
    wanted: wantedOf(message, decidedAt),
  };
}

/** A draft that joins an earlier ticket; its words and attachments go to the case system as a notice. */
export function followUpRow(
  parts: CommitParts,
  message: DraftMessage,
  ticket: string,
  links: readonly Link[],
  decidedAt: number,
): CommitRow {
  const { number, revision, lane } = message.row;
  const notice: NewEntry = {
    message: number,
    revision,
    kind: 'ticket.followed-up',
    ticket,
    lane,
    urgent: false,
    notBefore: waitUntil(parts, message, decidedAt),
    afterCreated: true,
  };
  return {
    ...plainRow(message, { kind: 'repeat', of: ticket }, decidedAt),
    decision: sealedDecision(parts.cipher, message, links),
    outbox: [notice],
    wanted: wantedOf(message, decidedAt),
  };
}

function wantedOf({ head }: DraftMessage, decidedAt: number): CommitRow['wanted'] {
  return head.wanted.map(index => ({ index, dueAt: decidedAt }));
}

function waitUntil(parts: CommitParts, { head }: DraftMessage, decidedAt: number): number {
  return head.wanted.length > 0 ? decidedAt + parts.attachmentWaitMs : 0;
}

function created(parts: CommitParts, message: DraftMessage, decidedAt: number): NewEntry {
  const { number, revision, lane } = message.row;
  const urgent = message.head.urgency === '紧急';
  return {
    message: number,
    revision,
    kind: 'ticket.created',
    ticket: number,
    lane,
    urgent,
    // A picture may follow by a correction; whoever is in danger waits for none.
    notBefore: urgent ? 0 : waitUntil(parts, message, decidedAt),
    afterCreated: false,
  };
}

/** The draft arrives as the JSON its parser wrote; what the decision adds goes in front, without the draft being opened. */
export function bornRow(
  cipher: FieldCipher,
  message: DraftMessage,
  judged: Judged,
  held: boolean,
  links: readonly Link[],
): BornRow {
  const { row, head, draft, contentKey } = message;
  const { closedRepeatOf, incident } = judged.decision;
  const added = JSON.stringify({ number: row.number, revision: row.revision, closedRepeatOf, incident, links });
  const identity = cipher.newDataKey('identity');
  return {
    number: row.number,
    state: held ? 'held' : 'queued',
    channel: row.channel,
    type: head.type,
    category: head.category,
    urgency: head.urgency,
    division: head.division,
    confidential: judged.confidential,
    acceptedAt: row.acceptedAt,
    closedRepeatOf,
    incident,
    wrappedIdentity: identity.wrapped,
    born: sealBornJson(
      cipher,
      contentKey,
      row.number,
      Buffer.concat([Buffer.from(`${added.slice(0, -1)},`), draft.subarray(1)]),
    ),
    identity: sealIdentity(cipher, identity.key, row.number, head.requester),
    identityKeys: judged.identityKeys,
    facts: encodeFacts(judged.facts),
  };
}

function sealedDecision(cipher: FieldCipher, message: DraftMessage, links: readonly Link[]): Uint8Array {
  const { row, contentKey, draft } = message;
  const head = `{"revision":${row.revision},"links":${JSON.stringify(links)},"problems":[],"draft":`;
  const json = Buffer.concat([Buffer.from(head), draft, Buffer.from('}')]);
  return sealDecisionJson(cipher, contentKey, { number: row.number, revision: row.revision, json });
}

/** What became of the messages of some rows, gathered parts among them. */
export function outcomesOf(rows: readonly CommitRow[]): { numbers: string[]; outcomes: Outcome[] } {
  return {
    numbers: rows.flatMap(row => [row.number, ...row.parts]),
    outcomes: rows.flatMap(row => [row.outcome, ...row.parts.map((): Outcome => ({ kind: 'part', of: row.number }))]),
  };
}
