// Writes rows that come from another engine into MongoDB, and reads them back for the comparison.
import type { MovedEntry, MovedMessage, MovedNames, MovedTicket, MoveSource, MoveTarget } from '../moving.ts';
import type { AuditRecord } from '../store.ts';
import type { GridBlobs } from './blobs.ts';
import { areDuplicates, op } from './connection.ts';
import type { Context } from './context.ts';
import { wantedAt } from './decisions.ts';
import type { AuditDoc, ChannelDoc, EntryDoc, MessageDoc, NamedDoc, TicketPart } from './documents.ts';
import { SEQ, toEntry } from './entries.ts';
import type { Vault } from './vault.ts';

/** Stands in the store from the first row of a move to its proven end; nothing else may open it meanwhile. */
export const MOVING = 'moving';

export interface MoveParts {
  readonly context: Context;
  readonly vault: Vault;
  readonly blobs: GridBlobs;
  readonly close: () => Promise<void>;
}

/** Inserts what is not there yet. */
async function insertMissing(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!areDuplicates(error)) throw error;
  }
}

export function createMoveTarget({ context, vault, blobs, close }: MoveParts): MoveTarget {
  const { models } = context;
  const unordered = { ordered: false, lean: true } as const;
  return {
    ...createReader({ context, vault, blobs, close }),
    putMessages: async rows => {
      await vault.keepOriginals(rows as readonly (MovedMessage & { weakKey: null })[]);
      await vault.keepIdentities(
        rows.flatMap(row => (row.identity === null ? [] : [{ at: placeOf(row), identity: row.identity }])),
      );
      await insertMissing(() =>
        models.messages.insertMany(
          rows.map(row => toDoc(row, vault)),
          unordered,
        ),
      );
    },
    putEntries: rows => insertMissing(() => models.outbox.insertMany(rows.map(toEntryDoc), unordered)),
    putRecords: rows => insertMissing(() => models.audit.insertMany(rows.map(toAuditDoc), unordered)),
    putNames: ({ channels, cursors, named }) => putNames(context, { channels, cursors, named }),
    finish: () => finish(context),
  };
}

async function putNames({ models }: Context, { channels, cursors, named }: MovedNames): Promise<void> {
  const unordered = { ordered: false, lean: true } as const;
  const docs = (pairs: MovedNames['named']) => pairs.map(([_id, value]): NamedDoc => ({ _id, value }));
  await insertMissing(() =>
    models.channels.insertMany(
      channels.map(({ id, ...rest }): ChannelDoc => ({ _id: id, ...rest })),
      unordered,
    ),
  );
  await insertMissing(() => models.cursors.insertMany(docs(cursors), unordered));
  await insertMissing(() => models.named.insertMany(docs(named), unordered));
}

/** Counters go on behind what was moved; places among closings are given in their order. */
async function finish({ models }: Context): Promise<void> {
  const last = await models.messages.findOne({}, { ordinal: 1 }).sort({ ordinal: -1 }).lean<MessageDoc>();
  const place = await models.outbox.findOne({}, { seq: 1 }).sort({ seq: -1 }).lean<EntryDoc>();
  const counters = { ordinal: last?.ordinal ?? 0, [SEQ]: place?.seq ?? 0, closing: last?.ordinal ?? 0 };
  for (const [_id, value] of Object.entries(counters)) {
    await models.counters.updateOne({ _id }, { $set: { value } }, { upsert: true });
  }
  await models.named.deleteOne({ _id: MOVING });
}

function placeOf({ number, next }: MovedMessage): string {
  return `${number}:${next - 1}:moved`;
}

function toDoc(row: MovedMessage, vault: Vault): MessageDoc {
  const { key, unread, ticket, outcome, attachments, identity, sealed, ...same } = row;
  const state = unread ? 'unread' : outcome?.kind === 'quarantined' ? 'quarantined' : 'decided';
  return {
    ...same,
    _id: key,
    ...{ state, version: 0, fence: 0, kind: outcome?.kind ?? null, outcome, attachments, print: null },
    sealed: vault.inline({ sealed }),
    identity: vault.apart ? null : identity,
    identityAt: vault.apart && identity !== null ? placeOf(row) : null,
    wantedAt: wantedAt(attachments),
    ticket: ticket === null ? null : toPart(ticket, row.ordinal),
    isTicket: ticket !== null,
    ...{ gathered: null, parts: [], voided: [], todo: [], pending: false },
  };
}

/** Closings of before the move keep the order of acceptance, which is all that is known of theirs. */
function toPart(ticket: MovedTicket, ordinal: number): TicketPart {
  const events = ticket.events.map((event, i) => ({ ...event, tag: `moved/${i}` }));
  return { ...ticket, events, closing: ticket.closedAt === null ? null : ordinal };
}

function toEntryDoc({ id, ...entry }: MovedEntry): EntryDoc {
  // What was under way at the last moment was in the hands of a process that is gone.
  const underWay = entry.state === 'in-flight';
  return {
    ...entry,
    _id: id,
    state: underWay ? 'due' : entry.state,
    unknown: entry.unknown || underWay,
    live: underWay || entry.state === 'due',
    ...{ token: null, holder: null, leaseUntil: null, setAt: null, begun: false, voiding: null, pending: false },
  };
}

function toAuditDoc({ seq, at, by, action, on, why, mac }: AuditRecord): AuditDoc {
  return { _id: seq, at, by, action, things: JSON.stringify(on), why: why ?? null, mac, tag: `moved/${seq}` };
}

function createReader({ context, vault, blobs, close }: MoveParts): MoveSource {
  const { models, audit } = context;
  return {
    counts: async () => ({
      messages: await models.messages.countDocuments({}),
      entries: await models.outbox.countDocuments({}),
      records: await models.audit.countDocuments({}),
    }),
    messages: async (after, limit) => {
      const docs = await models.messages
        .find({ ordinal: op({ $gt: after }) })
        .sort({ ordinal: 1 })
        .limit(limit)
        .lean<MessageDoc[]>();
      return Promise.all(docs.map(doc => toMoved(vault, doc)));
    },
    entries: async (after, limit) => {
      const docs = await models.outbox
        .find({ seq: op({ $gt: after }) })
        .sort({ seq: 1 })
        .limit(limit)
        .lean<EntryDoc[]>();
      return docs.map(doc => ({ ...toEntry(doc), seq: doc.seq }));
    },
    records: (after, limit) => audit.list(after, limit),
    names: async () => {
      const [channels, cursors, named] = await Promise.all([
        models.channels.find().sort({ createdAt: 1, _id: 1 }).lean<ChannelDoc[]>(),
        models.cursors.find().sort({ _id: 1 }).lean<NamedDoc[]>(),
        models.named
          .find({ _id: op({ $ne: MOVING }) })
          .sort({ _id: 1 })
          .lean<NamedDoc[]>(),
      ]);
      const pairs = (docs: readonly NamedDoc[]) => docs.map(({ _id, value }) => [_id, value] as const);
      return {
        channels: channels.map(({ _id, kind, settings, enabled, createdAt }) => ({
          ...{ id: _id, kind, settings, enabled, createdAt },
        })),
        cursors: pairs(cursors),
        named: pairs(named),
      };
    },
    blobs: async function* () {
      for await (const { name } of blobs.names()) yield name;
    },
    close,
  };
}

async function toMoved(vault: Vault, doc: MessageDoc): Promise<MovedMessage> {
  const { _id, number, ordinal, fingerprint, channel, lane, shard, acceptedAt, wrappedContent, blob } = doc;
  const { attempts, next, decidedAt, outcome, joined, conversation, decision, wrappedIdentity, born } = doc;
  const { shreddedAt, ticket, attachments, hold } = doc;
  const [originals, identities] = await Promise.all([
    vault.originals(doc.sealed === null && blob === null ? [number] : []),
    vault.identities(doc.identityAt === null ? [] : [doc.identityAt]),
  ]);
  return {
    key: _id,
    ...{ number, ordinal, fingerprint, channel, lane, shard, acceptedAt, wrappedContent, blob, attempts, next },
    ...{ decidedAt, outcome, joined, conversation, decision, wrappedIdentity, born, shreddedAt, attachments, hold },
    sealed: doc.sealed ?? originals.get(number) ?? null,
    identity: doc.identity ?? identities.get(doc.identityAt ?? '') ?? null,
    unread: doc.state === 'unread',
    ticket: ticket === null ? null : fromPart(ticket),
    notSame: [...doc.notSame].sort(),
  };
}

function fromPart({ closing: _closing, events, ...ticket }: TicketPart): MovedTicket {
  return { ...ticket, events: events.map(({ tag: _tag, ...event }) => event) };
}
