// Reads of tickets: one with its life, lists, counts, and what the candidate index asks for.
import type { CandidateRow, SealedTicket, TicketCounts, TicketEvent, TicketFilter, TicketRow } from '../store.ts';
import { among, documentsOf, op } from './connection.ts';
import type { Context } from './context.ts';
import type { MessageDoc, TicketPart } from './documents.ts';
import { leadOrdinals } from './incidents.ts';
import type { Vault } from './vault.ts';

const SHOWN = { sealed: 0, decision: 0, todo: 0, attachments: 0 } as const;
const NONE = new Uint8Array(0);

async function toTickets(vault: Vault, docs: readonly MessageDoc[]): Promise<TicketRow[]> {
  const identityOf = await identitiesOf(vault, docs);
  return docs.flatMap(doc => (doc.ticket === null ? [] : [toTicket(doc, doc.ticket, identityOf(doc))]));
}

/** Sealed identities of tickets, wherever they are kept. */
async function identitiesOf(vault: Vault, docs: readonly MessageDoc[]): Promise<(doc: MessageDoc) => Uint8Array> {
  const places = docs.flatMap(doc => (doc.identityAt === null ? [] : [doc.identityAt]));
  const identities = await vault.identities(places);
  return doc => doc.identity ?? identities.get(doc.identityAt ?? '') ?? NONE;
}

export async function countFollowUps(
  { models }: Context,
  numbers: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (numbers.length === 0) return new Map();
  const groups = await models.messages.aggregate<{ _id: string; n: number }>([
    { $match: { joined: among(numbers), kind: 'repeat' } },
    { $group: { _id: '$joined', n: { $sum: 1 } } },
  ]);
  return new Map(groups.map(({ _id, n }) => [_id, n]));
}

export function toTicket(doc: MessageDoc, ticket: TicketPart, identity: Uint8Array): TicketRow {
  const { number, ordinal, lane, wrappedContent, wrappedIdentity, born } = doc;
  const { closing: _closing, events, identityKeys, ...rest } = ticket;
  return {
    ...rest,
    ...{ number, ordinal, lane, wrappedContent, identity },
    wrappedIdentity: wrappedIdentity ?? NONE,
    born: born ?? NONE,
    identityKeys,
    events: events.map(({ tag: _tag, ...event }): TicketEvent => ({ number, ...event })),
  };
}

export async function getTicket(context: Context, vault: Vault, number: string): Promise<TicketRow | null> {
  const doc = await context.models.messages.findOne({ number, isTicket: true }, SHOWN).lean<MessageDoc>();
  const [ticket] = doc === null ? [] : await toTickets(vault, [doc]);
  return ticket ?? null;
}

/** Of a ticket what `SealedTicket` says, and where its identity is. */
const SEALED = {
  ...{ number: 1, 'ticket.type': 1, 'ticket.confidential': 1, 'ticket.incident': 1, 'ticket.caseNumber': 1 },
  ...{ born: 1, wrappedContent: 1, identity: 1, identityAt: 1, wrappedIdentity: 1 },
} as const;

export async function sealedTicket({ models }: Context, vault: Vault, number: string): Promise<SealedTicket | null> {
  const doc = await models.messages.findOne({ number, isTicket: true }, SEALED).lean<MessageDoc>();
  if (doc === null || doc.ticket === null) return null;
  const { type, confidential, incident, caseNumber } = doc.ticket;
  const identity = (await identitiesOf(vault, [doc]))(doc);
  const sealed = { born: doc.born ?? NONE, identity, wrappedIdentity: doc.wrappedIdentity ?? NONE };
  return { number, type, confidential, incident, caseNumber, wrappedContent: doc.wrappedContent, ...sealed };
}

export async function listTickets(context: Context, vault: Vault, filter: TicketFilter): Promise<TicketRow[]> {
  if (filter.limit <= 0) return [];
  const { identityKey, before, limit, ...plain } = filter;
  const equal = Object.entries(plain).flatMap(([name, value]) =>
    value === undefined ? [] : [[`ticket.${name}`, value]],
  );
  const docs = await context.models.messages
    .find(
      {
        isTicket: true,
        ...Object.fromEntries(equal),
        ...(identityKey === undefined ? {} : { 'ticket.identityKeys': identityKey }),
        ...(before === undefined ? {} : { ordinal: op({ $lt: before }) }),
      },
      SHOWN,
    )
    .sort({ ordinal: -1 })
    .limit(limit)
    .lean<MessageDoc[]>();
  return toTickets(vault, docs);
}

export async function countTickets({ models }: Context): Promise<TicketCounts> {
  // Each field has an index, which then is all that is read; only tickets have a text there.
  const count = (field: string) =>
    models.messages.aggregate<{ _id: string; n: number }>([
      { $match: { [field]: { $gt: '' } } },
      { $sort: { [field]: 1 } },
      { $group: { _id: `$${field}`, n: { $sum: 1 } } },
    ]);
  const [states, incidents] = await Promise.all([count('ticket.state'), count('ticket.incident')]);
  const byState = Object.fromEntries(states.map(({ _id, n }) => [_id, n]));
  return {
    total: states.reduce((sum, { n }) => sum + n, 0),
    held: byState['held'] ?? 0,
    byState,
    incidents: incidents.filter(({ n }) => n > 1).length,
  };
}

/** Fields that a candidate is made of. */
export const CANDIDATE = { ordinal: 1, number: 1, ticket: 1, notSame: 1 } as const;

export async function toCandidates(context: Context, docs: readonly MessageDoc[]): Promise<CandidateRow[]> {
  const leads = await leadOrdinals(
    context,
    docs.flatMap(({ ticket }) => ticket?.incident ?? []),
  );
  return docs.flatMap(({ ordinal, number, ticket, notSame }) => {
    if (ticket === null) return [];
    const { facts, state, confidential, incident } = ticket;
    const incidentOrdinal = incident === null ? null : (leads.get(incident) ?? null);
    const apart = notSame.length === 0 ? {} : { notSame };
    return [{ ordinal, number, facts, state, confidential, incident, incidentOrdinal, ...apart }];
  });
}

export async function loadCandidates(context: Context, ordinals: readonly number[]): Promise<CandidateRow[]> {
  const docs = await documentsOf(ordinals, ordinal =>
    context.models.messages.find({ ordinal, isTicket: true }, CANDIDATE).lean<MessageDoc[]>(),
  );
  return toCandidates(context, docs);
}

export async function candidatesSince(context: Context, after: number, limit: number): Promise<CandidateRow[]> {
  if (limit <= 0) return [];
  const docs = await context.models.messages
    .find({ isTicket: true, ordinal: op({ $gt: after }) }, CANDIDATE)
    .sort({ ordinal: 1 })
    .limit(limit)
    .lean<MessageDoc[]>();
  return toCandidates(context, docs);
}
