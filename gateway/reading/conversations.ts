// Parts of conversations, gathered until the last one came, nothing more came for the quiet time, or it went on for too long.
import type { UnreadRow } from '../../store/store.ts';

/** What a part says of who wrote it, by field: `phone`, `callerPhone`, `email`, `id-number`, `openid`; empty where it says nothing. */
export type Writer = Readonly<Record<string, string>>;

/** A conversation that is over: its first message leads, the others are parts of it. */
export interface Gathered {
  readonly key: string;
  readonly rows: readonly [UnreadRow, ...UnreadRow[]];
}

interface Gathering {
  readonly key: string;
  readonly rows: UnreadRow[];
  /** What its parts say of who wrote them: all values, and the fields in which they stand. */
  readonly values: Set<string>;
  readonly fields: Set<string>;
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

export interface Part {
  readonly last: boolean;
  readonly quietMs: number;
  readonly writer: Writer;
}

export interface Conversations {
  /**
   * Takes in a part; answers the conversation if this part ends it, as the last one or as one of too many. People who
   * cannot be one are kept apart, since a key may be that of a chat in which several write.
   */
  add(key: string, row: UnreadRow, part: Part): Gathered | null;
  has(key: string): boolean;
  /**
   * Conversations that have been quiet long enough: one of a key, and none of a key that is busy, since parts that come
   * while one is decided wait for that decision by their key.
   */
  due(now: number, busy?: (key: string) => boolean): readonly Gathered[];
  /** Forgets conversations whose messages fit, and answers their messages' numbers. */
  drop(fits: (row: UnreadRow) => boolean): readonly string[];
  /** When the next one will be due; null when none is gathering under a key that is not busy. */
  nextDue(busy?: (key: string) => boolean): number | null;
}

export function createConversations(): Conversations {
  const gatherings = new Set<Gathering>();
  const byKey = new Map<string, Gathering[]>();

  function open(key: string, writer: Writer): Gathering {
    const under = byKey.get(key) ?? [];
    const known = under.find(one => isTheSame(one, writer)) ?? under.find(one => mayBeTheSame(one, writer));
    if (known !== undefined) return known;
    const begun: Gathering = { key, rows: [], values: new Set(), fields: new Set(), quietUntil: 0, quietMs: 0 };
    gatherings.add(begun);
    byKey.set(key, [...under, begun]);
    return begun;
  }

  function forget(gathering: Gathering): void {
    gatherings.delete(gathering);
    const others = (byKey.get(gathering.key) ?? []).filter(other => other !== gathering);
    if (others.length === 0) byKey.delete(gathering.key);
    else byKey.set(gathering.key, others);
  }

  function end(gathering: Gathering): Gathered {
    forget(gathering);
    const rows = gathering.rows.sort((a, b) => a.ordinal - b.ordinal);
    return { key: gathering.key, rows: rows as [UnreadRow, ...UnreadRow[]] };
  }

  return {
    add(key, row, { last, quietMs, writer }) {
      const gathering = open(key, writer);
      gathering.rows.push(row);
      for (const [field, value] of Object.entries(writer)) {
        gathering.fields.add(field);
        gathering.values.add(value);
      }
      gathering.quietMs = Math.max(gathering.quietMs, quietMs);
      const first = Math.min(...gathering.rows.map(({ acceptedAt }) => acceptedAt));
      const longest = first + Math.max(LONGEST_MS, gathering.quietMs);
      gathering.quietUntil = Math.min(Math.max(gathering.quietUntil, row.acceptedAt + quietMs), longest);
      return last || gathering.rows.length >= MOST_PARTS ? end(gathering) : null;
    },
    has: key => byKey.has(key),
    due(now, busy = () => false) {
      for (const gathering of gatherings) {
        const { quietUntil, quietMs } = gathering;
        if (quietUntil - now > quietMs + SLACK_MS) gathering.quietUntil = now + quietMs;
      }
      const over = new Map<string, Gathering>();
      for (const one of gatherings) {
        if (one.quietUntil <= now && !over.has(one.key) && !busy(one.key)) over.set(one.key, one);
      }
      return [...over.values()].map(end);
    },
    drop(fits) {
      const gone = [...gatherings].filter(({ rows }) => rows.some(fits));
      gone.forEach(forget);
      return gone.flatMap(({ rows }) => rows.map(({ number }) => number));
    },
    nextDue(busy = () => false) {
      let next: number | null = null;
      for (const { key, quietUntil } of gatherings) if (!busy(key)) next = Math.min(next ?? quietUntil, quietUntil);
      return next;
    },
  };
}

/** By one value, in whichever field it stands: people call from the phone they name. */
function isTheSame({ values }: Gathering, writer: Writer): boolean {
  return Object.values(writer).some(value => values.has(value));
}

/** Nothing stands in a field that they have, too, and differs there; who says nothing may be anybody. */
function mayBeTheSame({ fields }: Gathering, writer: Writer): boolean {
  return !Object.keys(writer).some(field => fields.has(field));
}
