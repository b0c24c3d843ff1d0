// What other processes decide: entered into this one's index, and looked through for what two deciders missed in the same instant.
import type { DecidedRow, SharedStore, Store } from '../../store/store.ts';
import type { Judge } from './judge.ts';

/** A ticket, and the earlier one it belongs to: as a repeat of its requester's, or as another's telling of one incident. */
export interface MissedPair {
  readonly as: 'repeat' | 'incident';
  readonly number: string;
  readonly to: string;
}

export interface PeersParts {
  readonly shared: SharedStore;
  readonly admin: Pick<Store['admin'], 'lease'>;
  readonly judge: Pick<Judge, 'enter' | 'missed'>;
  /** Names this process. */
  readonly owner: string;
  readonly now: () => number;
  /** Resolves when each pair has been linked, or cannot be. */
  link(id: number, pairs: readonly MissedPair[]): Promise<void>;
  /** Told once when the store does not answer, and with null once it does again. */
  trouble(error: unknown): void;
}

export interface Peers {
  /** Resolves when what was decided lately is known, or could not be asked for. */
  start(): Promise<void>;
  /** What others had made visible by this time is known, milliseconds since the epoch; 0 where nothing is. */
  knew(): number;
  stop(): void;
  close(): Promise<void>;
}

const ROUND_MS = 1000;
/** A pause is so many times as long as the round before it, where that is longer. */
const REST = 3;
/** Who links; another takes over when it is silent for so long. */
const LEASE_MS = 10_000;
const LINKER = 'linker';
/** A decision is dated before it is written: so late it may become visible, and the mark stays so far behind. */
const LATE_MS = 2000;
/** Seen again at every round, and now and then further back, for writes that took longer. */
const OVERLAP_MS = 3000;
const FURTHER_MS = 60_000;
const FURTHER_EVERY = 30;
const PAGE = 1024;
/** How many times as long another process may take to learn of what is decided. */
const SLOWER = 4;
/** Tickets brought to an incident in one round, which is to be over before the lease of who links. */
const MERGED_AT_ONCE = 16;

interface Decided {
  readonly row: DecidedRow;
  /** The round in which it was seen first. */
  readonly seen: number;
  /** The round in which it was looked through last. */
  looked: number | null;
  /** Something decided before it was seen only after that. */
  again: boolean;
}

export function createPeers(parts: PeersParts): Peers {
  const { shared, judge, owner } = parts;
  /** Decided lately, by number, whether or not they were looked through; the linker may become another. */
  const lately = new Map<string, Decided>();
  let rounds = 0;
  /** How long it takes to learn of what others decide. */
  let behindMs = ROUND_MS;
  /** What was visible by then is known here; null before the first round. Rounds may take long, or wait for a store that is away. */
  let learntAt: number | null = null;
  /** Waiting to be brought to their incident. */
  const merging: MissedPair[] = [];
  let linked = 0;
  let stopped = false;
  let troubled = false;
  let token: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function learn(now: number): Promise<void> {
    const further = rounds++ % FURTHER_EVERY === 0;
    const from = Math.min(now, learntAt ?? now);
    let at = from - (further ? FURTHER_MS : OVERLAP_MS);
    let earliestNew = Number.POSITIVE_INFINITY;
    for (let most = PAGE; ; ) {
      const rows = await shared.decidedSince(at, most);
      for (const row of rows) {
        if (lately.has(row.number)) continue;
        await judge.enter(row);
        lately.set(row.number, { row, seen: rounds, looked: null, again: false });
        earliestNew = Math.min(earliestNew, row.decidedAt);
      }
      const last = rows.at(-1);
      if (rows.length < most || last === undefined) break;
      // More of one and the same millisecond than are asked for would bring the same ones again.
      if (last.decidedAt === at) most *= 2;
      else at = last.decidedAt;
    }
    for (const one of lately.values()) if (one.row.decidedAt >= earliestNew) one.again = true;
    behindMs = Math.max(ROUND_MS, now - from);
    learntAt = now;
    for (const [number, { row }] of lately) if (row.decidedAt < from - FURTHER_MS) lately.delete(number);
  }

  /** Of decisions that need not have known of each other: what was decided apart in full knowledge stays apart. */
  async function missedPairs(): Promise<MissedPair[]> {
    const pairs = new Map<string, MissedPair>();
    for (const one of lately.values()) {
      const { row, looked, again } = one;
      if (looked !== null && !again) continue;
      Object.assign(one, { looked: rounds, again: false });
      const { joins, incident } = await judge.missed(row, number => !isLater(number, row));
      const missed = (number: string | undefined) => {
        const other = lately.get(number ?? '');
        if (other === undefined || !isAtOnce(other.row, row)) return null;
        // Looked through once more, only what could not be seen before counts.
        return looked === null || other.seen > looked ? other.row : null;
      };
      const other = missed(joins ?? undefined);
      if (other !== null) {
        const [earlier, later] = other.ordinal < row.ordinal ? [other, row] : [row, other];
        if (!isTakenOut(later)) pairs.set(later.number, { as: 'repeat', number: later.number, to: earlier.number });
      } else if (incident !== null && missed(incident.of) !== null) {
        pairs.set(row.number, { as: 'incident', number: row.number, to: incident.id });
      }
    }
    return [...pairs.values()];
  }

  /**
   * Whether the later one's decider may not have known of the earlier one: they were decided within what it takes to learn of each other,
   * with room for a process slower than this one, or the later one says itself that it did not know so far.
   */
  function isAtOnce(one: DecidedRow, other: DecidedRow): boolean {
    if (Math.abs(one.decidedAt - other.decidedAt) <= LATE_MS + SLOWER * behindMs) return true;
    const [earlier, later] = one.decidedAt < other.decidedAt ? [one, other] : [other, one];
    return later.knew !== null && earlier.decidedAt > later.knew - LATE_MS;
  }

  /** Whether it joins another is for a clerk to say, who had it compared and knew of all others. */
  function isTakenOut({ notSame = [] }: DecidedRow): boolean {
    return notSame.length > 0;
  }

  /** Of what is not among the latest every decider knew. */
  function isLater(number: string, than: DecidedRow): boolean {
    const other = lately.get(number)?.row;
    if (other === undefined) return false;
    return other.decidedAt > than.decidedAt || (other.decidedAt === than.decidedAt && other.ordinal > than.ordinal);
  }

  async function round(): Promise<void> {
    const now = parts.now();
    await learn(now);
    token = await parts.admin.lease(LINKER, owner, now, LEASE_MS);
    if (token === null) {
      // Whoever links now finds them, too.
      merging.length = 0;
      return;
    }
    const { repeat = [], incident = [] } = Object.groupBy(await missedPairs(), pair => pair.as);
    if (repeat.length > 0) await parts.link(linked++, repeat);
    if (!stopped) await shared.sweptUntil(now - LATE_MS);
    // What goes out need not wait for these: where a ticket is of an incident later on, the case system is not told.
    merging.push(...incident);
    if (!stopped && merging.length > 0) await parts.link(linked++, merging.splice(0, MERGED_AT_ONCE));
  }

  async function turn(): Promise<void> {
    const began = performance.now();
    try {
      await round();
      if (troubled) parts.trouble(null);
      troubled = false;
    } catch (error) {
      if (!troubled) parts.trouble(error);
      troubled = true;
    }
    // A store that takes long to answer is left alone for longer.
    const pause = Math.max(ROUND_MS, (performance.now() - began) * REST);
    if (!stopped) timer = setTimeout(() => (running = turn()), pause);
  }

  return {
    start() {
      running = turn();
      return running;
    },
    knew: () => learntAt ?? 0,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
    async close() {
      await running;
      // Runs out by itself where the store does not answer.
      if (token !== null) await shared.release(token).catch(parts.trouble);
    },
  };
}
