// Polls and live connections of one channel: again and again under its lease, backing off after failures, halting where a person is needed.
import { CredentialsRefused, Misconfigured, type OpenChannel } from '../../adapters/contract.ts';
import type { Store } from '../../store/store.ts';
import { createBackoff, pause } from '../backoff.ts';

export interface Puller {
  readonly store: Pick<Store, 'admin'>;
  readonly now: () => number;
  /** Names this process where the lease is taken. */
  readonly owner: string;
  /** Channel id. */
  readonly id: string;
  /** Aborts when the channel is to pull no more. */
  readonly signal: AbortSignal;
  /** @param retryMs null: it waits for new settings */
  failed(error: unknown, retryMs: number | null): void;
  worked(): void;
}

const POLL_MS = 60_000;
/** One that has nothing to listen to and ends at once would take the store's time with its lease, over and over. */
const LISTEN_AGAIN_MS = 1000;
/** Another process takes over when its owner has been silent for so long, and asks for it every third of that. */
const LEASE_MS = 10_000;

type Pull = (signal: AbortSignal) => Promise<void>;

/** Runs a channel's `poll` and `listen`, where it has them, until the signal aborts. Never rejects. */
export async function pullFrom(channel: OpenChannel, puller: Puller): Promise<void> {
  const { poll, listen } = channel;
  await Promise.all([
    poll === undefined ? null : repeat(puller, POLL_MS, signal => poll.call(channel, signal)),
    listen === undefined ? null : repeat(puller, 0, signal => listen.call(channel, signal)),
  ]);
}

async function repeat(puller: Puller, pauseMs: number, pull: Pull): Promise<void> {
  const { signal } = puller;
  const backoff = createBackoff();
  while (!signal.aborted) {
    try {
      if ((await leaseOf(puller)) === null) {
        await pause(LEASE_MS / 3, signal);
        continue;
      }
      const since = performance.now();
      await underLease(puller, pull);
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
async function underLease(puller: Puller, pull: Pull): Promise<void> {
  const lost = new AbortController();
  const renew = setInterval(() => {
    leaseOf(puller)
      .then(token => token === null && lost.abort())
      .catch(() => lost.abort());
  }, LEASE_MS / 3);
  try {
    await pull(AbortSignal.any([puller.signal, lost.signal]));
  } finally {
    clearInterval(renew);
  }
}
