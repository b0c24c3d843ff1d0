// How a channel's poll gets on: how long it has been running, and for how long it has taken nothing in. In elapsed time.

/** A poll that is running. */
export interface PollState {
  readonly seconds: number;
  /** Since it last took something in, moved its cursor or got a part of a container; since its beginning where it never did. */
  readonly idleSeconds: number;
  /** Messages the channel has taken in meanwhile. */
  readonly accepted: number;
}

export interface PollProgress {
  begun(): void;
  ended(): void;
  /** A step forward, with so many messages; cheap, called at each. */
  moved(messages: number): void;
  /** Milliseconds without a step; 0 while no poll runs. */
  idleMs(): number;
  /** null while no poll runs. */
  state(): PollState | null;
}

/** Code under `notes` of a channel whose poll has been running for long: a great backlog, or one that never ends. */
export const POLL_LONG = 'channel.poll_long';
/** So long a poll may be running, or take nothing in, without anybody being told. */
export const LONG_SECONDS = 600;

/** @param elapsed milliseconds that only rise */
export function createPollProgress(elapsed: () => number = () => performance.now()): PollProgress {
  let since: number | null = null;
  let movedAt = 0;
  let accepted = 0;
  return {
    begun() {
      since = elapsed();
      movedAt = since;
      accepted = 0;
    },
    ended() {
      since = null;
    },
    moved(messages) {
      movedAt = elapsed();
      accepted += messages;
    },
    idleMs: () => (since === null ? 0 : elapsed() - movedAt),
    state() {
      if (since === null) return null;
      const now = elapsed();
      const seconds = (from: number) => Math.floor((now - from) / 1000);
      return { seconds: seconds(since), idleSeconds: seconds(movedAt), accepted };
    },
  };
}

export function isLong(poll: PollState | null): boolean {
  return poll !== null && poll.seconds >= LONG_SECONDS;
}
