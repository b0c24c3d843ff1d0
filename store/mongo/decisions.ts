// The commit of decisions: one write of the message's own document, guarded by the version that was read; what else a decision
// needs is set aside before it, and what follows from it stands in the same write for the roll-forward.
import { hash } from 'node:crypto';
import type { CommitAnswer, CommitRow, Outcome } from '../store.ts';
import { anythingToDo, type Change, type Context, guarded, messagesOf, NOTHING_TO_DO, takePlaces } from './context.ts';
import type { MessageDoc, TicketPart, Todo } from './documents.ts';
import { SEQ } from './entries.ts';
import { leadOf } from './incidents.ts';
import { leaseHolds, shardFence } from './leases.ts';
import { rollForward, rollForwardAll } from './roll-forward.ts';
import { setAside } from './set-aside.ts';
import { bornPart, eventFits, lived } from './ticket-part.ts';
import type { Vault } from './vault.ts';

export interface CommitCall {
  readonly rows: readonly CommitRow[];
  readonly fence: string | null;
}

interface Asked {
  readonly row: CommitRow;
  readonly fence: string | null;
  /** Rows of one call that name one revision twice are two decisions; of two calls, one that was sent again. */
  readonly call: number;
}

type Plan = { readonly change: Change; readonly doc: MessageDoc } | CommitAnswer;

/** All calls in order; rows that touch nothing but their own message go together. */
export async function commitCalls(
  context: Context,
  vault: Vault,
  calls: readonly CommitCall[],
): Promise<(readonly CommitAnswer[])[]> {
  const held = await heldFences(context, calls);
  const asked = calls.flatMap(({ rows, fence }, call) => rows.map((row): Asked => ({ row, fence, call })));
  const answers: CommitAnswer[] = [];
  const seen = new Set<string>();
  for (const wave of wavesOf(asked)) {
    const decided = await commitWave({ context, vault, held, seen, ...NOTHING_KNOWN }, wave);
    answers.push(...decided.map(({ answer }) => answer));
    for (const [i, { row, call }] of wave.entries()) {
      if (decided[i]?.answer === 'committed') seen.add(`${call} ${row.number} ${row.revision}`);
    }
    await rollForwardAll(
      context,
      decided.flatMap(({ doc }) => doc ?? []),
    );
  }
  let next = 0;
  return calls.map(({ rows }) => {
    next += rows.length;
    return answers.slice(next - rows.length, next);
  });
}

async function heldFences(context: Context, calls: readonly CommitCall[]): Promise<ReadonlySet<string>> {
  const fences = new Set(calls.flatMap(({ fence }) => (fence === null ? [] : [fence])));
  const holds = await Promise.all([...fences].map(async fence => ((await leaseHolds(context, fence)) ? [fence] : [])));
  return new Set(holds.flat());
}

/** True where a decision needs something of other documents before it may be written. */
function needsOthers(row: CommitRow): boolean {
  return row.voids.length > 0 || row.parts.length > 0 || row.conversation !== null || isForeign(row);
}

function isForeign(row: CommitRow): boolean {
  return row.events.some(event => event.number !== row.number);
}

function concerned(row: CommitRow): string[] {
  const incident = row.ticket?.incident ?? null;
  const lead = incident === null ? [] : [incident];
  return [row.number, ...lead, ...row.parts, ...row.events.map(event => event.number), ...(row.notSame ?? [])];
}

function wavesOf(asked: readonly Asked[]): Asked[][] {
  const waves: Asked[][] = [];
  let numbers = new Set<string>();
  let alone = true;
  for (const one of asked) {
    const lone = needsOthers(one.row);
    if (alone || lone || numbers.has(one.row.number)) {
      waves.push([]);
      numbers = new Set();
    }
    alone = lone;
    numbers.add(one.row.number);
    waves.at(-1)?.push(one);
  }
  return waves;
}

interface Wave {
  readonly context: Context;
  readonly vault: Vault;
  readonly known: ReadonlyMap<string, MessageDoc>;
  /** Place of the first entry of each row that makes any. */
  readonly places: ReadonlyMap<CommitRow, number>;
  readonly held: ReadonlySet<string>;
  readonly seen: ReadonlySet<string>;
}

const NOTHING_KNOWN: Pick<Wave, 'known' | 'places'> = { known: new Map(), places: new Map() };

/** Taken before the decisions are written: whichever of them is rolled forward first, their entries stand in this order. */
async function placesOf(context: Context, asked: readonly Asked[]): Promise<Map<CommitRow, number>> {
  const entries = asked.reduce((sum, { row }) => sum + row.outbox.length, 0);
  let next = entries === 0 ? 0 : await takePlaces(context, SEQ, entries);
  const places = new Map<CommitRow, number>();
  for (const { row } of asked) {
    if (row.outbox.length > 0) places.set(row, next);
    next += row.outbox.length;
  }
  return places;
}

/** What others changed in between is looked at anew, so often. */
const ATTEMPTS = 10;

/** The document as it stands after the decision; null where there was none to make. */
interface Decided {
  readonly answer: CommitAnswer;
  readonly doc: MessageDoc | null;
}

const CONFLICT: Decided = { answer: 'conflict', doc: null };

async function commitWave(wave: Wave, asked: readonly Asked[]): Promise<Decided[]> {
  const answers = new Map<Asked, Decided>();
  const places = await placesOf(wave.context, asked);
  for (let attempt = 0; answers.size < asked.length; attempt++) {
    const left = asked.filter(one => !answers.has(one));
    const known = await messagesOf(
      wave.context,
      left.flatMap(({ row }) => concerned(row)),
    );
    for (const [one, answer] of await tryOnce({ ...wave, known, places }, left)) answers.set(one, answer);
    if (attempt < ATTEMPTS) continue;
    for (const one of left) if (!answers.has(one)) answers.set(one, CONFLICT);
  }
  return asked.map(one => answers.get(one) as Decided);
}

/** Answers those that are decided now; the others met a change of somebody else's. */
async function tryOnce(wave: Wave, asked: readonly Asked[]): Promise<Map<Asked, Decided>> {
  const { context, vault } = wave;
  const answers = new Map<Asked, Decided>();
  const going: Going[] = [];
  for (const one of asked) {
    const plan = await planOf(wave, one);
    if (plan === 'committed') answers.set(one, { answer: plan, doc: wave.known.get(one.row.number) ?? null });
    else if (typeof plan === 'string') answers.set(one, { answer: plan, doc: null });
    else going.push({ one, row: one.row, plan });
  }
  await keepIdentities(
    vault,
    going.map(({ row }) => row),
  );
  const aside = await Promise.all(going.map(({ row }) => setAside(context, row)));
  const ready = going.filter(({ one }, i) => aside[i] !== null || !answers.set(one, CONFLICT));
  const written = await write(context, ready);
  await Promise.all(going.map(({ row }, i) => aside[i]?.(written.has(row.number))));
  for (const { one, row } of ready) {
    const doc = written.get(row.number);
    if (doc !== undefined) answers.set(one, { answer: 'committed', doc });
  }
  return answers;
}

interface Going {
  readonly one: Asked;
  readonly row: CommitRow;
  readonly plan: Exclude<Plan, string>;
}

/** Where an identity lies that is kept apart: one row's place is its own, so that the loser of two overwrites nothing. */
function identityPlace(row: CommitRow): string {
  return `${row.number}:${row.revision}:${printOf(row)}`;
}

async function keepIdentities(vault: Vault, rows: readonly CommitRow[]): Promise<void> {
  await vault.keepIdentities(
    rows.flatMap(row => (row.ticket === null ? [] : [{ at: identityPlace(row), identity: row.ticket.identity }])),
  );
}

/** Answers by number the documents that were written, as they are now; one that was changed meanwhile was not. */
async function write(context: Context, going: readonly Going[]): Promise<ReadonlyMap<string, MessageDoc>> {
  if (going.length === 0) return new Map();
  const operations = going.map(({ plan }) => ({ updateOne: guarded(plan.doc, plan.change) }));
  const { matchedCount } = await context.models.messages.bulkWrite(operations, { ordered: false });
  if (matchedCount === going.length) return new Map(going.map(({ row, plan }) => [row.number, written(plan)]));
  const now = await messagesOf(
    context,
    going.map(({ row }) => row.number),
  );
  return new Map(
    [...now].filter(([number, doc]) => going.some(({ row }) => row.number === number && standsAs(doc, row))),
  );
}

function written({ doc, change }: Going['plan']): MessageDoc {
  return { ...doc, ...change, version: doc.version + 1 };
}

/** True where the newest decision of a message is this very row. */
function standsAs(doc: MessageDoc | undefined, row: CommitRow): boolean {
  return doc !== undefined && doc.state !== 'unread' && doc.next === row.revision + 1 && doc.print === printOf(row);
}

/** Tells this decision of a message from any other of the same revision. */
function printOf(row: CommitRow): string {
  const { revision, decidedAt, outcome, decision, ticket, outbox } = row;
  const entries = outbox.map(({ kind, ticket: about }) => [kind, about]);
  const text = JSON.stringify([revision, decidedAt, outcome, entries, ticket?.state ?? null]);
  return hash(
    'sha256',
    Buffer.concat([Buffer.from(text), decision ?? EMPTY, ticket?.wrappedIdentity ?? EMPTY]),
    'hex',
  ).slice(0, 24);
}

const EMPTY = new Uint8Array(0);

async function planOf(wave: Wave, { row, fence, call }: Asked): Promise<Plan> {
  if (fence !== null && !wave.held.has(fence)) return 'lost-lease';
  const doc = wave.known.get(row.number);
  if (doc === undefined) return 'conflict';
  if (standsAs(doc, row) && !wave.seen.has(`${call} ${row.number} ${row.revision}`)) return 'committed';
  // What was shredded has no key any more under which a decision could be kept.
  if (doc.next !== row.revision || (doc.shreddedAt ?? null) !== null) return 'conflict';
  if (doc.todo.some(todo => todo.outbox.length > 0)) {
    // This row was made without a sight of entries that an earlier decision is still to put in their places.
    await rollForward(wave.context, [row.number]);
    return 'conflict';
  }
  const token = (fence === null ? null : shardFence(fence)) ?? doc.fence;
  if (doc.fence > token) return 'lost-lease';
  if (!partsFit(wave, row)) return 'conflict';
  const fits = row.events.map(event => {
    const other = event.number === row.number ? doc : wave.known.get(event.number);
    return eventFits(other?.ticket ?? null, event, event.number === row.number ? row.ticket?.state : undefined);
  });
  if (fits.some(fit => fit === 'missing' || fit === 'conflict')) return 'conflict';
  const events = row.events.filter((_, i) => fits[i] === 'fits');
  return { doc, change: { ...(await changeOf(wave, row, doc, events)), fence: token } };
}

/** Each part is unread, or a part of this message already. */
function partsFit({ known }: Wave, row: CommitRow): boolean {
  return row.parts.every(number => {
    const part = known.get(number);
    if (part === undefined || number === row.number) return false;
    return part.state === 'unread' || (part.kind === 'part' && part.joined === row.number);
  });
}

/** The number a message leads to, for a repeat or a part. */
function leadsTo(outcome: Outcome): string | null {
  return outcome.kind === 'repeat' || outcome.kind === 'part' ? outcome.of : null;
}

async function changeOf(wave: Wave, row: CommitRow, doc: MessageDoc, events: CommitRow['events']): Promise<Change> {
  const id = `${row.number}:${row.revision}`;
  const own = events.filter(event => event.number === row.number);
  // What a clerk did with the incident since it was decided counts: it may be part of another by now.
  const incident = row.ticket?.incident == null ? null : leadOf(wave.known, row.ticket.incident);
  let ticket: TicketPart | null =
    row.ticket === null ? doc.ticket : bornPart(doc.ticket, row.revision, { ...row.ticket, incident });
  let orphaned: string | null = null;
  for (const [place, event] of own.entries()) {
    if (ticket === null) break;
    const next = await lived(wave.context, ticket, event, `${id}/own/${place}`);
    ticket = next.ticket;
    orphaned = next.orphaned ?? orphaned;
  }
  const notSame = (row.notSame ?? []).filter(number => wave.known.has(number));
  const todo: Todo = {
    ...NOTHING_TO_DO,
    ...{
      id,
      at: row.decidedAt,
      outbox: row.outbox,
      seq: wave.places.get(row) ?? null,
      orphaned,
      notSame,
      audit: row.audit,
    },
    events: events.filter(event => event.number !== row.number),
    gathers: incident === null ? [] : row.gathers,
    incident,
  };
  const todos = anythingToDo(todo) ? [...doc.todo, todo] : doc.todo;
  return {
    ...readingOf(wave.vault, row, doc),
    ...attachmentsOf(row, doc),
    ...{ ticket, isTicket: ticket !== null, todo: todos, pending: todos.length > 0 },
    notSame: [...new Set([...doc.notSame, ...notSame])],
    parts: [...new Set([...doc.parts, ...row.parts])],
    voided: [...new Set([...doc.voided, ...row.voids])],
  };
}

/** A later decision that makes no ticket keeps the born part that an earlier one made. */
function readingOf(vault: Vault, row: CommitRow, doc: MessageDoc): Change {
  const { outcome, decidedAt, decision } = row;
  const state = outcome.kind === 'quarantined' ? 'quarantined' : 'decided';
  const born =
    row.ticket === null
      ? {}
      : {
          wrappedIdentity: row.ticket.wrappedIdentity,
          born: row.ticket.born,
          identity: vault.apart ? null : row.ticket.identity,
          identityAt: vault.apart ? identityPlace(row) : null,
        };
  return {
    ...{ state, kind: outcome.kind, outcome, decidedAt, decision, next: row.revision + 1, print: printOf(row) },
    ...{ joined: leadsTo(outcome), conversation: row.conversation ?? doc.conversation, gathered: null },
    knew: row.knew ?? null,
    ...born,
  };
}

function attachmentsOf(row: CommitRow, doc: MessageDoc): Change {
  const known = new Set(doc.attachments.map(attachment => attachment.index));
  const fresh = row.wanted.filter(({ index }) => !known.has(index));
  if (fresh.length === 0) return {};
  const attachments = [
    ...doc.attachments,
    ...fresh.map(({ index, dueAt }) => ({
      ...{ index, state: 'wanted' as const, attempts: 0, dueAt },
      ...{ blob: null, size: null, mediaType: null, cause: null },
    })),
  ].sort((a, b) => a.index - b.index);
  return { attachments, wantedAt: wantedAt(attachments) };
}

/** Earliest time at which one of a message's attachments is wanted. */
export function wantedAt(attachments: MessageDoc['attachments']): number | null {
  const times = attachments.filter(one => one.state === 'wanted').map(one => one.dueAt);
  return times.length === 0 ? null : Math.min(...times);
}
