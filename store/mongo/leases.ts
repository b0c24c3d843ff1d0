// Leases with fencing tokens. Whoever takes a lease over marks the unread messages of its shard with the new token, so that the
// one who held it before can no longer decide them.
import { insertNew, op } from './connection.ts';
import type { Context } from './context.ts';
import type { LeaseDoc } from './documents.ts';

/** A lease by this name covers a shard of lanes. */
const SHARD = /^shard[ :-](\d{1,2})$/;

/** Until when a lease runs that was given back. */
const RELEASED = 0;

/** A token is the lease's name and how often it was taken; it stays the same while its owner renews in time. */
export async function takeLease(
  context: Context,
  name: string,
  owner: string,
  now: number,
  ttlMs: number,
): Promise<string | null> {
  const { leases } = context.models;
  // Those who come in vain come again and again: a look costs the server less than two writes and a refused third.
  const held = await leases.findById(name, { owner: 1, until: 1 }).lean<LeaseDoc>();
  if (held !== null && held.owner !== owner && held.until > now) return null;
  const renewed = await leases
    .findOneAndUpdate(
      { _id: name, owner, until: op({ $gt: now }) },
      { $set: { until: now + ttlMs, ttl: ttlMs } },
      { returnDocument: 'after' },
    )
    .lean<LeaseDoc>();
  // Whoever took it and was cut off before its messages were marked marks them now.
  if (renewed !== null && renewed.fenced === renewed.token) return tokenOf(renewed);
  const lease =
    renewed ??
    (await takeOver(context, { _id: name, owner, token: 1, until: now + ttlMs, ttl: ttlMs, fenced: 0 }, now));
  if (lease === null) return null;
  await fenceOff(context, lease);
  return tokenOf(lease);
}

async function takeOver(context: Context, lease: LeaseDoc, now: number): Promise<LeaseDoc | null> {
  const { _id, owner, until, ttl } = lease;
  const taken = await context.models.leases
    .findOneAndUpdate(
      { _id, until: op({ $lte: now }) },
      { $set: { owner, until, ttl }, $inc: { token: 1 } },
      { returnDocument: 'after' },
    )
    .lean<LeaseDoc>();
  return taken ?? ((await insertNew(context.models.leases, lease)) ? lease : null);
}

/**
 * In two steps however many they are; one that was taken and whose messages are not yet marked is left to `takeLease`. One that ran
 * out is as good as before while nobody has taken it: its token has not changed.
 */
export async function renewLeases(
  { models }: Context,
  prefix: string,
  owner: string,
  { now, ttlMs }: { readonly now: number; readonly ttlMs: number },
): Promise<string[]> {
  const own = { _id: op({ $gte: prefix, $lt: `${prefix}\u{10ffff}` }), owner, until: op({ $gt: RELEASED }) };
  await models.leases.updateMany(own, { $set: { until: now + ttlMs, ttl: ttlMs } });
  const held = await models.leases.find(own).lean<LeaseDoc[]>();
  return held.filter(({ token, fenced }) => fenced === token).map(tokenOf);
}

/** Ends a lease before its time; the token's number stays, so that the next taking has a higher one. */
export async function endLease({ models }: Context, fence: string): Promise<void> {
  const name = fence.slice(0, fence.lastIndexOf('#'));
  await models.leases.updateOne({ _id: name, token: fenceOf(fence) }, { $set: { until: RELEASED } });
}

async function fenceOff({ models }: Context, { _id, token }: LeaseDoc): Promise<void> {
  const shard = SHARD.exec(_id)?.[1];
  if (shard !== undefined) {
    await models.messages.updateMany(
      { state: 'unread', shard: Number(shard), fence: op({ $lt: token }) },
      { $set: { fence: token }, $inc: { version: 1 } },
    );
  }
  await models.leases.updateOne({ _id, token }, { $set: { fenced: token } });
}

function tokenOf({ _id, token }: LeaseDoc): string {
  return `${_id}#${token}`;
}

/** The number in the fence of a shard, by which its messages are marked; null for any other lease. */
export function shardFence(fence: string): number | null {
  return SHARD.test(fence.slice(0, fence.lastIndexOf('#'))) ? fenceOf(fence) : null;
}

/** The number in a fence; it rises with every taking of the lease. */
function fenceOf(fence: string): number {
  return Number(fence.slice(fence.lastIndexOf('#') + 1)) || 0;
}

/** A fence is what `takeLease` answered: the lease's name and the number of its taking. */
export async function leaseHolds({ models }: Context, fence: string): Promise<boolean> {
  const at = fence.lastIndexOf('#');
  if (at < 0) return false;
  const found = await models.leases.findOne({ _id: fence.slice(0, at), token: fenceOf(fence) }, { _id: 1 }).lean();
  return found !== null;
}
