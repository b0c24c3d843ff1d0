// Takes decisions to the store: in the order of their messages, a few at a time, and until they are there.
import type { CommitAnswer, CommitRow, Store } from '../../store/store.ts';
import { pause } from './read-batch.ts';

/** Under what a message was taken to be read. */
export interface Taken {
  readonly lane: string;
  /** The token of its shard when it was taken. */
  readonly fence: string | null;
}

export interface CommittingParts {
  readonly store: Pick<Store, 'decisions'>;
  /** Messages begun and not yet committed. */
  readonly taken: ReadonlyMap<string, Taken>;
  /** Other processes write into the store, too. */
  readonly shared: boolean;
  readonly now: () => number;
  /** True when nothing is to be waited for any more. */
  closing(): boolean;
  /** Told of each step once the store has answered, row by row. */
  committed(rows: readonly CommitRow[], answers: readonly CommitAnswer[]): void;
  report(code: string, values: Readonly<Record<string, string | number>>, cause?: unknown): void;
}

export interface Committing {
  /**
   * Resolves when all is on its way; steps go to the store in the order of the messages, and it takes them in that order.
   * False where the gateway closes while the store does not answer: what is not written then is decided by the next start.
   */
  commit(rows: readonly CommitRow[]): Promise<boolean>;
  /** Resolves when nothing that has begun by now is on its way any more. */
  settled(): Promise<void>;
}

const COMMITS_AT_ONCE = 3;
/** Decisions in one call: whoever waits for a number waits for the transaction under way, so none may be long. */
const ROWS_AT_ONCE = 16;

export function createCommitting(parts: CommittingParts): Committing {
  const { taken, shared } = parts;
  /** Lanes with a decision on its way to a store that other processes share. */
  const underWay = new Set<string>();
  const commits = new Set<Promise<void>>();
  let failing = false;
  /** A decision was left to the next start: none may be made after it, since it may be of the same lane. */
  let gaveUp = false;

  const laneOf = ({ number }: CommitRow): string | undefined => taken.get(number)?.lane;

  async function commit(rows: readonly CommitRow[]): Promise<boolean> {
    for (const step of stepsOf(rows)) {
      // While one is being tried again the next does not overtake it: a lane's messages are committed in their order.
      while (commits.size >= (failing ? 1 : COMMITS_AT_ONCE) || step.some(isBehind)) await Promise.race(commits);
      if (gaveUp) return false;
      const [first, ...rest] = step;
      const audit = { by: 'system', action: 'message.decide', on: step.map(row => row.number) };
      const lanes = shared ? step.flatMap(row => laneOf(row) ?? []) : [];
      for (const lane of lanes) underWay.add(lane);
      const done = commitUntilDone([{ ...first, audit }, ...rest]).finally(() => {
        for (const lane of lanes) underWay.delete(lane);
        commits.delete(done);
      });
      commits.add(done);
    }
    return true;
  }

  /**
   * On a shared store each decision is a write of its own, and one may fail while others do not: of a lane only one is on its way at a
   * time, so that none overtakes an earlier one that failed.
   */
  function stepsOf(rows: readonly CommitRow[]): readonly [CommitRow, ...CommitRow[]][] {
    const steps: [CommitRow, ...CommitRow[]][] = [];
    let lanes = new Set<string>();
    for (const row of rows) {
      const lane = (shared ? laneOf(row) : undefined) ?? row.number;
      const last = steps.at(-1);
      if (last === undefined || last.length === ROWS_AT_ONCE || lanes.has(lane)) {
        steps.push([row]);
        lanes = new Set([lane]);
      } else {
        last.push(row);
        lanes.add(lane);
      }
    }
    return steps;
  }

  function isBehind(row: CommitRow): boolean {
    const lane = laneOf(row);
    return lane !== undefined && underWay.has(lane);
  }

  /** What has been judged is committed however long the store takes: later decisions build on it. */
  async function commitUntilDone(rows: readonly CommitRow[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        const answers = await commitFenced(rows);
        failing = false;
        parts.committed(rows, answers);
        return;
      } catch (error) {
        failing = true;
        if (failures === 0) parts.report('reading.commit_failed', { count: rows.length }, error);
        if (parts.closing()) {
          gaveUp = true;
          return;
        }
        await pause();
      }
    }
  }

  /** Rows by the fence they were taken under, in their order; the store puts steps that come together into one. */
  async function commitFenced(rows: readonly CommitRow[]): Promise<CommitAnswer[]> {
    const groups = new Map<string | null, CommitRow[]>();
    for (const row of rows) {
      const fence = taken.get(row.number)?.fence ?? null;
      const group = groups.get(fence);
      // What others look through by the time of the decision must not become visible long after it.
      const dated = shared ? { ...row, decidedAt: parts.now() } : row;
      if (group === undefined) groups.set(fence, [dated]);
      else group.push(dated);
    }
    const all = await Promise.all(
      [...groups].map(async ([fence, group]) => ({ group, answers: await parts.store.decisions.commit(group, fence) })),
    );
    const answerOf = new Map(
      all.flatMap(({ group, answers }) => group.map((row, i) => [row.number, answers[i]] as const)),
    );
    return rows.map(({ number }) => answerOf.get(number) ?? 'conflict');
  }

  return {
    commit,
    async settled() {
      await Promise.all(commits);
    },
  };
}
