// Contract: the order of lanes under random operations, against a small model that keeps lanes as lists.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ClaimedEntry, Store } from '../../store/store.ts';
import {
  decided,
  decision,
  entry,
  entryId,
  NOW,
  numberOf,
  type OpenStore,
  SYSTEM,
  ticketOf,
  withStore,
} from './store-rows.ts';

const LEASE = 1_000_000_000;
const LANES = 4;
/** Runs and steps a run; an engine on a slow server takes fewer. */
export interface LaneRuns {
  readonly runs: number;
  readonly steps: number;
}

const USUAL: LaneRuns = { runs: 50, steps: 200 };
/** Stores of their own that share the runs: while one waits for its disk another goes on. */
const SIDE_BY_SIDE = 5;

/** What the store should hold: entries in their places, rising. */
interface ModelEntry {
  readonly id: string;
  readonly ticket: string;
  readonly created: boolean;
  readonly lane: string;
  readonly urgent: boolean;
  state: 'due' | 'parked' | 'in-flight' | 'done' | 'dead';
  dueAt: number;
}

type Step =
  | { readonly do: 'ticket'; readonly lane: number; readonly urgent: boolean; readonly wait: number }
  | { readonly do: 'notice'; readonly of: number; readonly lane: number }
  | { readonly do: 'claim'; readonly limit: number }
  | { readonly do: 'finish' | 'retry' | 'die'; readonly which: number }
  | { readonly do: 'replay' };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('ticket' as const),
      lane: fc.nat(LANES - 1),
      urgent: fc.nat(5).map(n => n === 0),
      wait: fc.constantFrom(0, 0, 0, 7),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('notice' as const), of: fc.nat(), lane: fc.nat(LANES - 1) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('retry' as const, 'die' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replay' as const) }) },
);

/** One run: the same steps on both, comparing every answer. */
function createRun(store: Store, run: number) {
  let entries: ModelEntry[] = [];
  const tickets: string[] = [];
  const underWay: ClaimedEntry[] = [];
  let now = NOW;
  let named = 0;
  const name = (): string => `r${run} ${named++}`;
  const laneOf = (lane: number): string => `r${run} lane ${lane}`;

  const live = (item: ModelEntry): boolean => item.state === 'due' || item.state === 'in-flight';
  const isHead = (item: ModelEntry): boolean =>
    item.urgent || entries.find(other => other.lane === item.lane && live(other)) === item;
  const toEnd = (item: ModelEntry): void => {
    entries = [...entries.filter(other => other !== item), item];
  };
  const createdDone = (ticket: string): boolean =>
    entries.some(item => item.created && item.ticket === ticket && item.state === 'done');

  const take = (which: number): { claimed: ClaimedEntry; item: ModelEntry } | null => {
    if (underWay.length === 0) return null;
    const [claimed] = underWay.splice(which % underWay.length, 1);
    const item = entries.find(other => other.id === claimed?.id);
    assert.ok(claimed !== undefined && item !== undefined);
    return { claimed, item };
  };

  async function ticket(lane: number, urgent: boolean, wait: number): Promise<void> {
    const short = name();
    const notBefore = wait === 0 ? 0 : now + wait;
    const row = ticketOf(short, laneOf(lane), {
      decidedAt: now,
      outbox: [entry(short, 'ticket.created', { lane: laneOf(lane), urgent, notBefore })],
    });
    await decided(store, [row]);
    tickets.push(short);
    const id = entryId(short, 'ticket.created');
    entries.push({
      id,
      ticket: short,
      created: true,
      lane: laneOf(lane),
      urgent,
      state: 'due',
      dueAt: Math.max(now, notBefore),
    });
  }

  async function notice(of: number, lane: number): Promise<void> {
    const about = tickets[of % Math.max(1, tickets.length)];
    if (about === undefined) return;
    const short = name();
    const outbox = [entry(short, 'ticket.followed-up', { ticket: numberOf(about), lane: laneOf(lane) })];
    await decided(store, [decision(short, { kind: 'repeat', of: numberOf(about) }, { decidedAt: now, outbox })]);
    const state = createdDone(about) ? 'due' : 'parked';
    const id = entryId(short, 'ticket.followed-up');
    entries.push({ id, ticket: about, created: false, lane: laneOf(lane), urgent: false, state, dueAt: now });
  }

  async function claim(limit: number): Promise<void> {
    const ready = entries.filter(item => item.state === 'due' && item.dueAt <= now && isHead(item));
    const place = new Map(entries.map((item, at) => [item, at]));
    const expected = ready
      .sort(
        (a, b) => Number(b.urgent) - Number(a.urgent) || a.dueAt - b.dueAt || (place.get(a) ?? 0) - (place.get(b) ?? 0),
      )
      .slice(0, limit);
    const claimed = await store.outbox.claim(now, limit, LEASE);
    assert.deepEqual(
      claimed.map(item => item.id),
      expected.map(item => item.id),
    );
    for (const item of expected) item.state = 'in-flight';
    underWay.push(...claimed);
  }

  async function finish(which: number): Promise<void> {
    const taken = take(which);
    if (taken === null) return;
    const { claimed, item } = taken;
    assert.equal(await store.outbox.finish(claimed.id, claimed.token, { at: now, caseNumber: null }), 'finished');
    item.state = 'done';
    if (!item.created) return;
    for (const parked of entries.filter(other => other.state === 'parked' && other.ticket === item.ticket)) {
      parked.state = 'due';
      parked.dueAt = now;
      toEnd(parked);
    }
  }

  async function fail(which: number, dead: boolean): Promise<void> {
    const taken = take(which);
    if (taken === null) return;
    const { claimed, item } = taken;
    const retryAt = dead ? null : now + 5;
    const answer = await store.outbox.fail(claimed.id, claimed.token, { at: now, retryAt, cause: 'x', unknown: false });
    assert.equal(answer, 'failed');
    item.state = dead ? 'dead' : 'due';
    if (!dead) item.dueAt = now + 5;
  }

  async function replay(): Promise<void> {
    const dead = entries.filter(item => item.state === 'dead');
    const answered = await store.outbox.replay({ limit: 1000 }, now, SYSTEM);
    assert.deepEqual(
      answered,
      dead.map(item => item.id),
    );
    for (const item of dead) {
      item.state = 'due';
      item.dueAt = now;
      toEnd(item);
    }
  }

  async function step(next: Step): Promise<void> {
    now++;
    if (next.do === 'ticket') await ticket(next.lane, next.urgent, next.wait);
    else if (next.do === 'notice') await notice(next.of, next.lane);
    else if (next.do === 'claim') await claim(next.limit);
    else if (next.do === 'finish') await finish(next.which);
    else if (next.do === 'replay') await replay();
    else await fail(next.which, next.do === 'die');
  }

  /** Everything is delivered in the end: no lane is ever left without a head. */
  async function drain(): Promise<void> {
    now += 1000;
    for (let round = 0; entries.some(item => item.state !== 'done'); round++) {
      assert.ok(round < 10_000, 'a lane is stuck');
      await replay();
      await claim(1000);
      while (underWay.length > 0) await finish(0);
    }
  }

  return { step, drain };
}

export function laneContract(open: OpenStore, { runs, steps: length }: LaneRuns = USUAL): void {
  const stores = runs < SIDE_BY_SIDE * 2 ? 1 : SIDE_BY_SIDE;
  const lanes = withStore(open, async store => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: length, maxLength: length }), async chosen => {
        const one = createRun(store, run++);
        for (const next of chosen) await one.step(next);
        await one.drain();
      }),
      { numRuns: runs / stores, endOnFailure: true },
    );
  });
  it(`keeps the order of lanes through ${(runs * length).toLocaleString('en')} random steps, as a list a lane would`, async () => {
    await Promise.all(Array.from({ length: stores }, lanes));
  }).timeout(120_000);
}
