// Contract: the order of lanes under random operations, against a small model that keeps lanes as lists.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ClaimedEntry, CommitRow, Store } from '../../store/store.ts';
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
/** Lanes of a crowd: two entries behind the head of each are more than an engine looks at in one go. */
const CROWD = 36;
/** Runs and steps a run, and runs with a crowd; an engine on a slow server takes fewer. */
export interface LaneRuns {
  readonly runs: number;
  readonly steps: number;
  readonly crowds: number;
}

const USUAL: LaneRuns = { runs: 50, steps: 200, crowds: 10 };
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
  | { readonly do: 'replay' }
  | { readonly do: 'ticket of each' }
  | { readonly do: 'finish all' }
  | { readonly do: 'retry all' };

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

/** What follows once the heads of all lanes have failed: more behind each of them, and steps with as many as are under way. */
const crowded: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'ticket of each' }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('claim' as const), limit: fc.constantFrom(1, 7, CROWD, CROWD * 2) }),
  },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'finish all' }, { do: 'retry all' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('retry' as const, 'die' as const), which: fc.nat() }) },
);
const FAILED: readonly Step[] = [{ do: 'ticket of each' }, { do: 'claim', limit: CROWD }, { do: 'retry all' }];
const STEPS_IN_CROWD = 6;

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
    await decided(store, [newTicket(lane, urgent, wait)]);
  }

  async function ticketOfEach(): Promise<void> {
    await decided(
      store,
      Array.from({ length: CROWD }, (_, lane) => newTicket(lane, false, 0)),
    );
  }

  function newTicket(lane: number, urgent: boolean, wait: number): CommitRow {
    const short = name();
    const notBefore = wait === 0 ? 0 : now + wait;
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
    return ticketOf(short, laneOf(lane), {
      decidedAt: now,
      outbox: [entry(short, 'ticket.created', { lane: laneOf(lane), urgent, notBefore })],
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
    else if (next.do === 'ticket of each') await ticketOfEach();
    else if (next.do === 'finish all') await withAll(() => finish(0));
    else if (next.do === 'retry all') await withAll(() => fail(0, false));
    else await fail(next.which, next.do === 'die');
  }

  /** At one time, as workers do it. */
  async function withAll(act: () => Promise<void>): Promise<void> {
    await Promise.all([...underWay].map(act));
  }

  /** Everything is delivered in the end: no lane is ever left without a head. */
  async function drain(): Promise<void> {
    now += 1000;
    for (let round = 0; entries.some(item => item.state !== 'done'); round++) {
      assert.ok(round < 10_000, 'a lane is stuck');
      await replay();
      await claim(1000);
      // Notices of several tickets would come in in any order.
      if (entries.every(item => item.created)) await withAll(() => finish(0));
      while (underWay.length > 0) await finish(0);
    }
  }

  return { step, drain };
}

export function laneContract(open: OpenStore, { runs, steps: length, crowds }: LaneRuns = USUAL): void {
  const stores = runs < SIDE_BY_SIDE * 2 ? 1 : SIDE_BY_SIDE;
  const holds = (first: readonly Step[], then: fc.Arbitrary<Step>, { steps, runs }: Pick<LaneRuns, 'steps' | 'runs'>) =>
    withStore(open, async store => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(then, { minLength: steps, maxLength: steps }), async chosen => {
          const one = createRun(store, run++);
          for (const next of [...first, ...chosen]) await one.step(next);
          await one.drain();
        }),
        { numRuns: runs, endOnFailure: true },
      );
    });
  const lanes = holds([], steps, { steps: length, runs: runs / stores });
  it(`keeps the order of lanes through ${(runs * length).toLocaleString('en')} random steps, as a list a lane would`, async () => {
    await Promise.all(Array.from({ length: stores }, lanes));
  }).timeout(120_000);

  it(
    'keeps the order of many lanes whose heads have all failed, and loses none of them',
    holds(FAILED, crowded, { steps: STEPS_IN_CROWD, runs: crowds }),
  ).timeout(120_000);
}
