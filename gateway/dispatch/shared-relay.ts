// Moves due heads of lanes to a queue that several processes work on: keeps it topped up, and holds nothing itself.
import type { ClaimedEntry, OutboxStore } from '../../store/store.ts';
import { createPump } from './pump.ts';
import type { Queue } from './queue.ts';
import { LOOK_MS, type Relay, type RelayOptions } from './relay.ts';

export interface SharedRelayOptions extends RelayOptions {
  readonly queue: Pick<Queue, 'add' | 'counts'>;
  readonly outbox: OutboxStore;
  /** No other process has this store: what was claimed here is begun with here, and needs no word of the store. */
  readonly alone: boolean;
  /** How long an id may lie in the queue; then the store takes it for lost. Default 30 s. */
  readonly queuedMs?: number;
}

const QUEUED_MS = 30_000;
/** With the time in the queue, the longest until what Redis has lost is queued again. */
const SWEEP_MS = 10_000;
const TROUBLE_MS = 1000;

/**
 * 转投, by a queue that others may work on, too. Whoever gets an id from the queue begins with its entry at the store, which lets one begin and no more; so an
 * id may be in the queue twice, or be lost with all of Redis, and be queued again when its time there is over.
 */
export function createSharedRelay(options: SharedRelayOptions): Relay {
  const { outbox, queue, gate, clock, capacity } = options;
  const { queuedMs = QUEUED_MS, sweepMs = SWEEP_MS, troubleMs = TROUBLE_MS } = options;
  const lookMs = options.lookMs ?? LOOK_MS;
  /** Alone: what lies in the queue, and since when. */
  const queued = new Map<string, { readonly entry: ClaimedEntry; readonly since: number }>();
  /** What is thought to lie in the queue: the last count, and since then what was added and what was begun with here. Asking for
   *  each entry that ends would cost more than it brings; whoever works on the queue counts for himself. */
  let believed = 0;
  /** It answers, and did not take what was last to be added. */
  let refusing = false;
  const pump = createPump({ clock, sweepMs, troubleMs, onTrouble: options.onTrouble, round, sweep });

  /** One look; answers after how long to look again even if nobody says anything. */
  async function round(timed: boolean): Promise<number> {
    const open = Math.min(capacity, gate.room());
    if (open <= 0) return Math.max(1, Math.min(lookMs, gate.waitMs()));
    if (believed > open / 2 && !timed) return lookMs;
    // Alone what lies there is known, but for what Redis may have lost.
    believed = options.alone && !timed ? queued.size : (await queue.counts()).waiting;
    const room = open - believed;
    // Topped up by halves: a claim for each entry that ends would cost more than it brings.
    if (room <= 0 || (believed > 0 && room < open / 2)) {
      fine(0);
      return lookMs;
    }
    const now = clock.now();
    const entries = await claim(now, room);
    believed += entries.length;
    const added = await Promise.allSettled(entries.map(({ id, urgent }) => queue.add(id, { urgent })));
    const refused = entries.filter((_, i) => added[i]?.status === 'rejected');
    if (refused.length > 0) {
      refusing = true;
      await putBack(refused);
      throw (added.find(one => one.status === 'rejected') as PromiseRejectedResult).reason;
    }
    fine(entries.length);
    // With others who make entries due and tell nobody here, one looks again soon in any case.
    if (entries.length >= room || !options.alone) return lookMs;
    const due = await outbox.nextDue();
    return due === null || due <= now ? lookMs : Math.max(1, Math.min(lookMs, due - clock.now()));
  }

  /** A queue that is full or on a copy of its server counts and takes nothing: only what it takes shows that it is well again. */
  function fine(added: number): void {
    if (refusing && added === 0) return;
    refusing = false;
    pump.fine();
  }

  async function claim(now: number, room: number): Promise<readonly ClaimedEntry[]> {
    if (!options.alone) return outbox.claim(now, room, queuedMs, true);
    const entries = await outbox.claim(now, room, queuedMs + options.leaseMs);
    for (const entry of entries) queued.set(entry.id, { entry, since: now });
    return entries;
  }

  async function begin(id: string): Promise<ClaimedEntry | null> {
    believed--;
    if (!options.alone) return outbox.begin(id, clock.now(), options.leaseMs);
    const entry = queued.get(id)?.entry ?? null;
    queued.delete(id);
    return entry;
  }

  /** Alone nobody else would notice that the queue has lost something. */
  function lost(now: number): ClaimedEntry[] {
    return [...queued.values()].filter(({ since }) => since + queuedMs <= now).map(({ entry }) => entry);
  }

  /** What the queue did not take is as it was. It may have taken it all the same; then that id finds nothing to begin with. */
  async function putBack(entries: readonly ClaimedEntry[]): Promise<void> {
    const at = clock.now();
    for (const { id } of entries) queued.delete(id);
    believed -= entries.length;
    const as = { at, retryAt: at + (pump.stopped ? 0 : troubleMs), counted: false };
    await Promise.all(
      entries.map(({ id, token, cause, unknown }) => outbox.fail(id, token, { ...as, cause, unknown })),
    );
  }

  async function sweep(): Promise<void> {
    await putBack(lost(clock.now()));
    await outbox.reclaim(clock.now());
  }

  return {
    start: pump.start,
    wake: pump.wake,
    claimed: begin,
    settled() {
      // A round costs as much as the rest of an entry's way through here; with half of them left it would come to nothing.
      if (believed <= capacity / 2) pump.wake();
    },
    async stop() {
      await pump.stop();
      // What has been fetched meanwhile finds nothing to begin with.
      await putBack([...queued.values()].map(({ entry }) => entry));
    },
  };
}
