// Which lanes this process decides: 64 shards under leases with fencing tokens, shared evenly by the readers that live.
import type { Store } from '../../store/store.ts';
import { within } from '../within.ts';

export const SHARDS = 64;
/** A dead reader's shards are another's after this and one round. */
const LEASE_MS = 10_000;
/** On a store so slow that rounds take long a lease lasts several of them, since shards that change hands make it slower still. */
const ROUNDS_A_LEASE = 3;
const LEASE_MOST_MS = 60_000;
const ROUND_MS = LEASE_MS / 3;
const AT_ONCE = 8;
/** A round may come right behind one that took long, but leaves others their turn. */
const PAUSE_MS = ROUND_MS / 4;

export interface ShardsParts {
  readonly store: Pick<Store, 'admin' | 'shared'>;
  /** Names this process, and no other one that ever ran. */
  readonly owner: string;
  readonly now: () => number;
  /** Told of the shards that were lost; of an empty set when others were gained. */
  changed(lost: ReadonlySet<number>): void;
  /** The store could not be asked; told once, and with null once it can be again. */
  trouble(error: unknown): void;
}

export interface Shards {
  /** Rising. */
  readonly mine: readonly number[];
  /** To be given with each decision about a message of the shard; null while it is another's. */
  fence(shard: number): string | null;
  /** Takes part in sharing; resolves after the first round, whatever came of it. */
  start(): Promise<void>;
  /** Gives everything back, so that others need not wait for leases to run out. */
  close(): Promise<void>;
}

interface Held {
  readonly fence: string;
  /** By the monotonic clock: from here on it may be another's, whether or not anybody has told us. */
  until: number;
}

export function createShards(parts: ShardsParts): Shards {
  const { store, owner } = parts;
  const { shared } = store;
  if (shared === null) throw new Error('the store of one process has no shards to share');
  const held = new Map<number, Held>();
  /** Taken, and not yet to be worked on. */
  const fresh = new Map<number, Held>();
  /** Being taken. Of a shard with many unread messages that may last longer than a lease, which is renewed meanwhile. */
  const taking = new Set<number>();
  let takes: Promise<void> = Promise.resolve();
  /** Not ours any more, and the reader is still to be told: the store may go away in between. */
  let lost = new Set<number>();
  let leaseMs = LEASE_MS;
  let closed = false;
  let troubled = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const mine = () => {
    const now = performance.now();
    return [...held].filter(([, { until }]) => until > now).map(([shard]) => shard);
  };

  /** All that are held, in one go: one that is not ours any more, or under another token, is lost. */
  async function renew(): Promise<void> {
    const until = performance.now() + leaseMs;
    // What is taken while the answer is on its way cannot be in it.
    const asked = [...fresh];
    const tokens = new Set(await shared!.renewAll('shard ', owner, parts.now(), leaseMs));
    for (const [shard, one] of held) {
      if (tokens.has(one.fence)) one.until = until;
      else if (held.delete(shard)) lost.add(shard);
    }
    for (const [shard, one] of asked) {
      if (tokens.has(one.fence)) one.until = until;
      else if (fresh.get(shard) === one) fresh.delete(shard);
    }
  }

  /** The lease counts from before it was asked for. */
  async function take(shard: number): Promise<void> {
    const until = performance.now() + leaseMs;
    taking.add(shard);
    try {
      const fence = await store.admin.lease(nameOf(shard), owner, parts.now(), leaseMs);
      if (fence !== null) fresh.set(shard, { fence, until });
    } finally {
      taking.delete(shard);
    }
  }

  /** Goes on behind the round where it takes longer. */
  async function takeSome(missing: number, until: number): Promise<void> {
    // What is ours without our knowing it (an answer was lost, this thread was started again) is there to be taken.
    const others = (await shared!.leases('shard ', parts.now())).filter(lease => lease.owner !== owner);
    const busy = new Set(others.map(({ name }) => name));
    const ours = (shard: number) => held.has(shard) || fresh.has(shard) || taking.has(shard);
    const free = rotated(owner).filter(shard => !busy.has(nameOf(shard)) && !ours(shard));
    const some = each(free.slice(0, missing), until, AT_ONCE - taking.size, take);
    takes = Promise.allSettled([takes, some]).then(() => undefined);
    some.catch(trouble);
    await within(Math.max(0, until - performance.now()), some);
  }

  /** What their last owner decided takes its place in its lane before anything new does. */
  async function takeUp(): Promise<number> {
    if (fresh.size === 0) return 0;
    const taken = [...fresh];
    await shared!.sweep(parts.now());
    for (const [shard, one] of taken) {
      held.set(shard, one);
      fresh.delete(shard);
    }
    return taken.length;
  }

  /** What does not come off by then is left to the next round: while shards change hands, those that are held must not run out. */
  async function round(until: number): Promise<void> {
    await renew();
    await store.admin.lease(memberOf(owner), owner, parts.now(), leaseMs);
    const members = await shared!.leases('reader ', parts.now());
    const fair = Math.ceil(SHARDS / Math.max(1, members.length));
    await each([...held.keys()].slice(fair), until, AT_ONCE, async shard => {
      lost.add(shard);
      await giveBack(shard);
    });
    // Told before anything of theirs is taken up again under a new token.
    if (lost.size > 0) parts.changed(lost);
    lost = new Set();
    const missing = fair - held.size - fresh.size - taking.size;
    if (missing > 0 && !closed) await takeSome(missing, until);
    if ((await takeUp()) > 0) parts.changed(new Set());
  }

  async function giveBack(shard: number): Promise<void> {
    const one = held.get(shard);
    held.delete(shard);
    if (one !== undefined) await shared!.release(one.fence);
  }

  function trouble(error: unknown): void {
    if (troubled === (error !== null)) return;
    troubled = error !== null;
    parts.trouble(error);
  }

  async function turn(): Promise<void> {
    const began = performance.now();
    const until = began + ROUND_MS;
    try {
      await round(until);
      trouble(null);
    } catch (error) {
      trouble(error);
    }
    leaseMs = Math.min(LEASE_MOST_MS, Math.max(LEASE_MS, (performance.now() - began) * ROUNDS_A_LEASE));
    if (!closed) timer = setTimeout(() => (running = turn()), Math.max(PAUSE_MS, until - performance.now()));
  }

  return {
    get mine() {
      return mine().sort((a, b) => a - b);
    },
    fence(shard) {
      const one = held.get(shard);
      return one === undefined || one.until <= performance.now() ? null : one.fence;
    },
    start() {
      running = turn();
      return running;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
      await takes;
      try {
        for (const [shard, one] of fresh) held.set(shard, one);
        await each([...held.keys()], Number.POSITIVE_INFINITY, AT_ONCE, giveBack);
        const member = await store.admin.lease(memberOf(owner), owner, parts.now(), 1);
        if (member !== null) await shared!.release(member);
      } catch (error) {
        // They run out by themselves.
        trouble(error);
      }
    },
  };
}

const nameOf = (shard: number) => `shard ${shard}`;
const memberOf = (owner: string) => `reader ${owner}`;

/** All shards, each reader beginning at another place, so that two do not run after the same ones. */
function rotated(owner: string): readonly number[] {
  let start = 0;
  for (const sign of owner) start = (start * 31 + (sign.codePointAt(0) as number)) % SHARDS;
  return Array.from({ length: SHARDS }, (_, i) => (start + i) % SHARDS);
}

/** So many at a time, and by the monotonic clock none begun after `until`. */
async function each(
  shards: readonly number[],
  until: number,
  atOnce: number,
  step: (shard: number) => Promise<void>,
): Promise<void> {
  const left = [...shards];
  const worker = async () => {
    while (performance.now() < until) {
      const shard = left.shift();
      if (shard === undefined) return;
      await step(shard);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
