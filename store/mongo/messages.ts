// Reads of messages, attempts of a reader, reading again.
import type { AuditNote, MessageCounts, MessageFilter, MessageRow, UnreadRow } from '../store.ts';
import { among, op } from './connection.ts';
import { type Context, change, NOTHING_TO_DO } from './context.ts';
import type { MessageDoc } from './documents.ts';
import { rollForward } from './roll-forward.ts';
import type { Vault } from './vault.ts';

/** Large fields that no list of messages shows. */
const SHOWN = { ticket: 0, facts: 0, identity: 0, born: 0 } as const;

async function withOriginals(vault: Vault, docs: readonly MessageDoc[]): Promise<readonly MessageDoc[]> {
  if (!vault.apart) return docs;
  const apart = docs.filter(doc => doc.sealed === null && doc.blob === null).map(doc => doc.number);
  const originals = await vault.originals(apart);
  return docs.map(doc => ({ ...doc, sealed: doc.sealed ?? originals.get(doc.number) ?? null }));
}

function toUnread(doc: MessageDoc): UnreadRow {
  const { number, ordinal, channel, lane, shard, acceptedAt, wrappedContent, sealed, blob, attempts, next } = doc;
  return {
    ...{ number, ordinal, channel, lane, shard, acceptedAt, wrappedContent, sealed, blob, attempts },
    revision: next,
  };
}

/** A part is decided with its lead: until that is written it is as good as unread, to whoever looks. */
export function toMessage(doc: MessageDoc): MessageRow {
  const unread = doc.state === 'unread' || doc.gathered !== null;
  return {
    ...toUnread(doc),
    state: unread ? 'unread' : doc.state,
    outcome: unread ? null : doc.outcome,
    decidedAt: unread ? null : doc.decidedAt,
    decision: unread ? null : doc.decision,
  };
}

export async function listUnread(
  { models }: Context,
  vault: Vault,
  shards: readonly number[] | 'all',
  after: number,
  limit: number,
): Promise<UnreadRow[]> {
  if (limit <= 0 || shards.length === 0) return [];
  const docs = await models.messages
    .find(
      {
        state: 'unread',
        ordinal: op({ $gt: after }),
        ...(shards === 'all' ? {} : { shard: among(shards) }),
      },
      SHOWN,
    )
    .sort({ ordinal: 1 })
    .limit(limit)
    .lean<MessageDoc[]>();
  return (await withOriginals(vault, docs)).map(toUnread);
}

export async function getMessage({ models }: Context, vault: Vault, number: string): Promise<MessageRow | null> {
  const doc = await models.messages.findOne({ number }, SHOWN).lean<MessageDoc>();
  const [whole] = doc === null ? [] : await withOriginals(vault, [doc]);
  return whole === undefined ? null : toMessage(whole);
}

export async function listMessages({ models }: Context, vault: Vault, filter: MessageFilter): Promise<MessageRow[]> {
  if (filter.limit <= 0) return [];
  const { channel, state, outcome, before } = filter;
  const docs = await models.messages
    .find(
      {
        ...(channel === undefined ? {} : { channel }),
        ...(state === undefined ? {} : { state }),
        ...(outcome === undefined ? {} : { kind: outcome }),
        ...(before === undefined ? {} : { ordinal: op({ $lt: before }) }),
      },
      SHOWN,
    )
    .sort({ ordinal: -1 })
    .limit(filter.limit)
    .lean<MessageDoc[]>();
  return (await withOriginals(vault, docs)).map(toMessage);
}

/** Follow-ups and parts that lead to a ticket, oldest first. */
export async function listJoined({ models }: Context, vault: Vault, ticket: string): Promise<MessageRow[]> {
  const docs = await models.messages
    .find({ joined: ticket, kind: op({ $in: ['repeat', 'part'] }) }, SHOWN)
    .sort({ ordinal: 1 })
    .lean<MessageDoc[]>();
  return (await withOriginals(vault, docs)).map(toMessage);
}

/** Counted from the documents themselves: what every process does to them can never disagree with the figure. */
export async function countMessages({ models }: Context): Promise<MessageCounts> {
  const [groups, oldest] = await Promise.all([
    models.messages.aggregate<{ _id: string | null; n: number }>([
      // In the order of an index, which then is all that is read.
      { $sort: { kind: 1 } },
      { $group: { _id: '$kind', n: { $sum: 1 } } },
    ]),
    models.messages.findOne({ state: 'unread' }, { acceptedAt: 1 }).sort({ ordinal: 1 }).lean<MessageDoc>(),
  ]);
  const unread = groups.find(group => group._id === null)?.n ?? 0;
  const byOutcome = Object.fromEntries(groups.flatMap(({ _id, n }) => (_id === null ? [] : [[_id, n]])));
  return {
    total: groups.reduce((sum, group) => sum + group.n, 0),
    unread,
    oldestUnread: oldest?.acceptedAt ?? null,
    quarantined: byOutcome['quarantined'] ?? 0,
    byOutcome,
  };
}

export async function countAttempts(context: Context, numbers: readonly string[]): Promise<number[]> {
  const counted: number[] = [];
  for (const number of numbers) {
    const attempts = await change(context, number, doc => {
      if (doc.state !== 'unread') return { answer: 0 };
      return { set: { attempts: doc.attempts + 1 }, answer: doc.attempts + 1 };
    });
    counted.push(attempts ?? 0);
  }
  return counted;
}

export async function readAgain(context: Context, number: string, by: AuditNote, now: number): Promise<boolean> {
  const done = await change(context, number, doc => {
    if (doc.state !== 'quarantined' || doc.shreddedAt !== null) return { answer: false };
    const todo = [...doc.todo, { ...NOTHING_TO_DO, id: `${number}:${doc.next}:again`, at: now, audit: by }];
    return {
      set: { state: 'unread', kind: null, outcome: null, attempts: 0, todo, pending: true },
      answer: true,
    };
  });
  if (done !== true) return false;
  await rollForward(context, [number]);
  context.news.accepted();
  return true;
}

export async function findConversation({ models }: Context, key: string): Promise<string | null> {
  const doc = await models.messages
    .findOne({ conversation: key }, { number: 1 })
    .sort({ ordinal: -1 })
    .lean<MessageDoc>();
  return doc?.number ?? null;
}
