// Moves due heads of lanes to a queue that several processes work on: keeps it topped up, and holds nothing itself.
import type { ClaimedEntry, OutboxStore } from '../../store/store.ts';
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
  let stopped = true;
  let again = false;
  let troubled = false;
  let running: Promise<void> | null = null;
  let cancelLook = (): void => undefined;
  let cancelSweep = (): void => undefined;

  function trouble(error: unknown): void {
    if (troubled === (error !== null)) return;
    troubled = error !== null;
    options.onTrouble(error);
  }

  function wake(): void {
    if (stopped) return;
    again = true;
    running ??= pump().finally(() => {
      running = null;
      if (again) wake();
    });
  }

  async function pump(): Promise<void> {
    while (again && !stopped) {
      again = false;
      cancelLook();
      try {
        const wait = await round();
        trouble(null);
        lookIn(wait);
      } catch (error) {
        trouble(error);
        lookIn(troubleMs);
      }
    }
  }

  /** One look; answers after how long to look again even if nobody says anything. */
  async function round(): Promise<number> {
    const open = Math.min(capacity, gate.room());
    if (open <= 0) return Math.max(1, Math.min(lookMs, gate.waitMs()));
    const { waiting } = await queue.counts();
    const room = open - waiting;
    // Topped up by halves: a look for each entry that ends would cost more than it brings.
    if (room <= 0 || (waiting > 0 && room < open / 2)) return lookMs;
    const now = clock.now();
    const entries = await claim(now, room);
    const added = await Promise.allSettled(entries.map(({ id, urgent }) => queue.add(id, { urgent })));
    const refused = entries.filter((_, i) => added[i]?.status === 'rejected');
    if (refused.length > 0) {
      await putBack(refused);
      throw (added.find(one => one.status === 'rejected') as PromiseRejectedResult).reason;
    }
    if (entries.length >= room) return lookMs;
    const due = await outbox.nextDue();
    return due === null || due <= now ? lookMs : Math.max(1, Math.min(lookMs, due - clock.now()));
  }

  async function claim(now: number, room: number): Promise<readonly ClaimedEntry[]> {
    if (!options.alone) return outbox.claim(now, room, queuedMs, true);
    const entries = await outbox.claim(now, room, queuedMs + options.leaseMs);
    for (const entry of entries) queued.set(entry.id, { entry, since: now });
    return entries;
  }

  async function begin(id: string): Promise<ClaimedEntry | null> {
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
    const as = { at, retryAt: at + (stopped ? 0 : troubleMs), counted: false };
    await Promise.all(
      entries.map(({ id, token, cause, unknown }) => outbox.fail(id, token, { ...as, cause: cause ?? '', unknown })),
    );
  }

  function lookIn(ms: number): void {
    cancelLook();
    if (!stopped) cancelLook = clock.after(ms, wake);
  }

  async function sweep(): Promise<void> {
    try {
      await putBack(lost(clock.now()));
      await outbox.reclaim(clock.now());
    } catch (error) {
      trouble(error);
    }
    if (stopped) return;
    cancelSweep = clock.after(sweepMs, () => void sweep());
    wake();
  }

  return {
    async start() {
      stopped = false;
      await sweep();
    },
    wake,
    claimed: begin,
    settled: wake,
    async stop() {
      stopped = true;
      cancelLook();
      cancelSweep();
      await running;
      // What has been fetched meanwhile finds nothing to begin with.
      await putBack([...queued.values()].map(({ entry }) => entry));
    },
  };
}
