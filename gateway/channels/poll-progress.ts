// How a channel's poll gets on: how long it has been running, and for how long it has taken in nothing, or nothing new. In elapsed time.

/** A poll that is running. */
export interface PollState {
  readonly seconds: number;
  /** Since it last took something in, moved its cursor or got a part of a container; since its beginning where it never did. */
  readonly idleSeconds: number;
  /** Since it last took in a message that was new; since its beginning where it never did. */
  readonly staleSeconds: number;
  /** New messages the channel has taken in meanwhile. */
  readonly accepted: number;
  /** Messages it has handed over meanwhile that were taken in before. */
  readonly known: number;
}

export interface PollProgress {
  begun(): void;
  ended(): void;
  /** A step forward, with so many new messages and so many known ones; cheap, called at each. */
  moved(fresh: number, known: number): void;
  /** Milliseconds without a step; 0 while no poll runs. */
  idleMs(): number;
  /** null while no poll runs. */
  state(): PollState | null;
}

/** Code under `notes` of a channel whose poll has been running for long: a great backlog, or one that never ends. */
export const POLL_LONG = 'channel.poll_long';
/** So long a poll may be running, or take nothing in, without anybody being told. */
export const LONG_SECONDS = 600;
/** So long a poll may meet nothing but what was taken in before: a rebuilt mailbox of some hundred thousand letters takes it. */
export const STALE_SECONDS = 3600;

/** @param elapsed milliseconds that only rise */
export function createPollProgress(elapsed: () => number = () => performance.now()): PollProgress {
  let since: number | null = null;
  let movedAt = 0;
  let freshAt = 0;
  let accepted = 0;
  let knownBefore = 0;
  return {
    begun() {
      since = elapsed();
      movedAt = since;
      freshAt = since;
      accepted = 0;
      knownBefore = 0;
    },
    ended() {
      since = null;
    },
    moved(fresh, known) {
      movedAt = elapsed();
      if (fresh > 0) freshAt = movedAt;
      accepted += fresh;
      knownBefore += known;
    },
    idleMs: () => (since === null ? 0 : elapsed() - movedAt),
    state() {
      if (since === null) return null;
      const now = elapsed();
      const seconds = (from: number) => Math.floor((now - from) / 1000);
      return {
        ...{ seconds: seconds(since), idleSeconds: seconds(movedAt), staleSeconds: seconds(freshAt) },
        ...{ accepted, known: knownBefore },
      };
    },
  };
}

/** Whether it gets on, and only over what was taken in before. */
export function meetsKnownOnly({ idleSeconds, staleSeconds, known }: PollState): boolean {
  return known > 0 && idleSeconds < LONG_SECONDS && staleSeconds >= LONG_SECONDS;
}

export function isLong(poll: PollState | null): boolean {
  return poll !== null && poll.seconds >= LONG_SECONDS;
}
