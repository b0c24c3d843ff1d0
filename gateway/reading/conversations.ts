// Parts of conversations, gathered until the last one came, nothing more came for the quiet time, or it went on for too long.
import type { UnreadRow } from '../../store/store.ts';

/** A conversation that is over: its first message leads, the others are parts of it. */
export interface Gathered {
  readonly key: string;
  readonly rows: readonly [UnreadRow, ...UnreadRow[]];
}

interface Gathering {
  readonly rows: UnreadRow[];
  quietUntil: number;
  quietMs: number;
}

/** A wait that is longer than it can be by so much was begun by a clock that was set back since. */
const SLACK_MS = 60_000;

/**
 * However much comes, a conversation is decided after so long, or a whole quiet time where that is longer, and with so
 * many parts: under a key that a platform gives to everybody it would never be quiet, and nothing would become a ticket.
 */
const LONGEST_MS = 30 * 60_000;
const MOST_PARTS = 100;

export interface Conversations {
  /** Takes in a part; answers the conversation if this part ends it, as the last one or as one of too many. */
  add(key: string, row: UnreadRow, last: boolean, quietMs: number): Gathered | null;
  has(key: string): boolean;
  /** Conversations that have been quiet long enough. */
  due(now: number): readonly Gathered[];
  /** Forgets conversations whose messages fit, and answers their messages' numbers. */
  drop(fits: (row: UnreadRow) => boolean): readonly string[];
  /** When the next one will be due; null when none is gathering. */
  nextDue(): number | null;
}

export function createConversations(): Conversations {
  const gatherings = new Map<string, Gathering>();

  function end(key: string, gathering: Gathering): Gathered {
    gatherings.delete(key);
    const rows = gathering.rows.sort((a, b) => a.ordinal - b.ordinal);
    return { key, rows: rows as [UnreadRow, ...UnreadRow[]] };
  }

  return {
    add(key, row, last, quietMs) {
      const gathering = gatherings.get(key) ?? { rows: [], quietUntil: 0, quietMs: 0 };
      gathering.rows.push(row);
      gathering.quietMs = Math.max(gathering.quietMs, quietMs);
      const first = Math.min(...gathering.rows.map(({ acceptedAt }) => acceptedAt));
      const longest = first + Math.max(LONGEST_MS, gathering.quietMs);
      gathering.quietUntil = Math.min(Math.max(gathering.quietUntil, row.acceptedAt + quietMs), longest);
      if (last || gathering.rows.length >= MOST_PARTS) return end(key, gathering);
      gatherings.set(key, gathering);
      return null;
    },
    has: key => gatherings.has(key),
    due(now) {
      for (const gathering of gatherings.values()) {
        const { quietUntil, quietMs } = gathering;
        if (quietUntil - now > quietMs + SLACK_MS) gathering.quietUntil = now + quietMs;
      }
      const over = [...gatherings].filter(([, gathering]) => gathering.quietUntil <= now);
      return over.map(([key, gathering]) => end(key, gathering));
    },
    drop(fits) {
      const gone = [...gatherings].filter(([, { rows }]) => rows.some(fits));
      for (const [key] of gone) gatherings.delete(key);
      return gone.flatMap(([, { rows }]) => rows.map(({ number }) => number));
    },
    nextDue() {
      let next: number | null = null;
      for (const { quietUntil } of gatherings.values()) next = Math.min(next ?? quietUntil, quietUntil);
      return next;
    },
  };
}
