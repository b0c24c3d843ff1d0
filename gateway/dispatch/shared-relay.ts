// Moves due heads of lanes to a queue that several processes work on: keeps it topped up, and holds nothing itself.
import type { OutboxStore } from '../../store/store.ts';
import type { Queue } from './queue.ts';
import { LOOK_MS, type Relay, type RelayOptions } from './relay.ts';

export interface SharedRelayOptions extends RelayOptions {
  readonly queue: Pick<Queue, 'add' | 'counts'>;
  readonly outbox: OutboxStore;
  /** How long an id may lie in the queue; then the store takes it for lost. Default 30 s. */
  readonly queuedMs?: number;
}

const QUEUED_MS = 30_000;
/** With the time in the queue, the longest until what Redis has lost is queued again. */
const SWEEP_MS = 10_000;
const TROUBLE_MS = 1000;

/**
 * 转投, shared. Whoever gets an id from the queue begins with its entry at the store, which lets one begin and no more; so an
 * id may be in the queue twice, or be lost with all of Redis, and be queued again when its time there is over.
 */
export function createSharedRelay(options: SharedRelayOptions): Relay {
  const { outbox, queue, gate, clock, capacity } = options;
  const { queuedMs = QUEUED_MS, sweepMs = SWEEP_MS, troubleMs = TROUBLE_MS } = options;
  const lookMs = options.lookMs ?? LOOK_MS;
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
    const entries = await outbox.claim(now, room, queuedMs, true);
    const added = await Promise.allSettled(entries.map(({ id, urgent }) => queue.add(id, { urgent })));
    const lost = entries.filter((_, i) => added[i]?.status === 'rejected');
    if (lost.length > 0) {
      await putBack(lost);
      throw (added.find(one => one.status === 'rejected') as PromiseRejectedResult).reason;
    }
    if (entries.length >= room) return lookMs;
    const due = await outbox.nextDue();
    return due === null || due <= now ? lookMs : Math.max(1, Math.min(lookMs, due - clock.now()));
  }

  /** What the queue did not take is as it was. It may have taken it all the same; then that id finds nothing to begin with. */
  async function putBack(entries: Awaited<ReturnType<OutboxStore['claim']>>): Promise<void> {
    const at = clock.now();
    const as = { at, retryAt: at + troubleMs, counted: false };
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
    claimed: id => outbox.begin(id, clock.now(), options.leaseMs),
    settled: wake,
    async stop() {
      stopped = true;
      cancelLook();
      cancelSweep();
      await running;
    },
  };
}
