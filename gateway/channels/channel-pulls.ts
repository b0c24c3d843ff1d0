// Polls and live connections of one channel: again and again under its lease, backing off after failures, halting where a person is needed.
import { CredentialsRefused, Misconfigured, type OpenChannel, Unavailable } from '../../adapters/contract.ts';
import type { Store } from '../../store/store.ts';
import { createBackoff, pause } from '../backoff.ts';
import type { PollProgress } from './poll-progress.ts';

export interface Puller {
  readonly store: Pick<Store, 'admin'>;
  readonly now: () => number;
  /** Names this process where the lease is taken. */
  readonly owner: string;
  /** Channel id. */
  readonly id: string;
  /** Aborts when the channel is to pull no more. */
  readonly signal: AbortSignal;
  readonly progress: PollProgress;
  /** @param retryMs null: it waits for new settings, or for a poll to end that was told to */
  failed(error: unknown, retryMs: number | null): void;
  worked(): void;
  /** Another process has been pulling for a while: how this one fared last says nothing of the channel any more. */
  elsewhere(): void;
}

const POLL_MS = 60_000;
/** One that has nothing to listen to and ends at once would take the store's time with its lease, over and over. */
const LISTEN_AGAIN_MS = 1000;
/** Another process takes over when its owner has been silent for so long, and asks for it every third of that. */
const LEASE_MS = 10_000;
/** How often in a row the lease is another's until that one is known to pull; it may have taken it only to fail as well. */
const ELSEWHERE = 9;
/** A poll without progress for so long is told to end: far more than any single message takes to fetch. */
const STUCK_MS = 30 * 60_000;

type Pull = (signal: AbortSignal) => Promise<void>;

/** Runs a channel's `poll` and `listen`, where it has them, until the signal aborts. Never rejects. */
export async function pullFrom(channel: OpenChannel, puller: Puller): Promise<void> {
  const { poll, listen } = channel;
  await Promise.all([
    poll === undefined
      ? null
      : repeat(
          puller,
          POLL_MS,
          watched(puller, signal => poll.call(channel, signal)),
        ),
    listen === undefined
      ? null
      : repeat(
          puller,
          0,
          underLease(puller, signal => listen.call(channel, signal)),
        ),
  ]);
}

async function repeat(puller: Puller, pauseMs: number, pull: () => Promise<void>): Promise<void> {
  const { signal } = puller;
  const backoff = createBackoff();
  let others = 0;
  while (!signal.aborted) {
    try {
      if ((await leaseOf(puller)) === null) {
        if (++others >= ELSEWHERE) puller.elsewhere();
        await pause(LEASE_MS / 3, signal);
        continue;
      }
      others = 0;
      const since = performance.now();
      await pull();
      puller.worked();
      backoff.reset();
      await pause(Math.max(pauseMs, LISTEN_AGAIN_MS - (performance.now() - since)), signal);
    } catch (error) {
      if (signal.aborted) return;
      const halted = error instanceof CredentialsRefused || error instanceof Misconfigured;
      const wait = backoff.next();
      puller.failed(error, halted ? null : wait);
      if (halted) return;
      await pause(wait, signal);
    }
  }
}

function leaseOf({ store, id, owner, now }: Puller): Promise<number | string | null> {
  return store.admin.lease(`channel:${id}`, owner, now(), LEASE_MS);
}

/** Keeps the lease while the pull runs; a lease lost to another process ends the pull. */
function underLease(puller: Puller, pull: Pull, given: () => boolean = () => false): () => Promise<void> {
  return async () => {
    const lost = new AbortController();
    const renew = setInterval(() => {
      if (given()) return lost.abort();
      leaseOf(puller)
        .then(token => token === null && lost.abort())
        .catch(() => lost.abort());
    }, LEASE_MS / 3);
    try {
      await pull(AbortSignal.any([puller.signal, lost.signal]));
    } finally {
      clearInterval(renew);
    }
  };
}

/**
 * A poll that takes nothing in for long is told to end, and its lease runs out so that another process may try. It is not
 * begun again beside itself: where it does not end, the channel stays down until a person opens it anew.
 */
function watched(puller: Puller, poll: Pull): () => Promise<void> {
  const { progress } = puller;
  let stuck: Unavailable | null = null;
  const isStuck = () => {
    if (stuck === null && progress.idleMs() >= STUCK_MS) {
      stuck = new Unavailable('channel.poll_stuck', 'a poll took nothing in for too long');
      puller.failed(stuck, null);
    }
    return stuck !== null;
  };
  const pull = underLease(puller, poll, isStuck);
  return async () => {
    stuck = null;
    progress.begun();
    try {
      await pull();
    } catch (error) {
      throw stuck ?? error;
    } finally {
      progress.ended();
    }
    if (stuck !== null) throw stuck;
  };
}
