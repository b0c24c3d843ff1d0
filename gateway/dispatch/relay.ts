// Moves due heads of lanes from the outbox to the queue, never more than workers can take, and takes back what died on the way.
import type { ClaimedEntry, OutboxStore } from '../../store/store.ts';
import type { Clock } from './clock.ts';
import { createPump } from './pump.ts';
import type { Queue } from './queue.ts';

/** What stands between the outbox and the target: the circuit breaker. */
export interface Gate {
  /** How many attempts may begin now. */
  room(): number;
  /** Milliseconds until it opens again; 0 while it is open. */
  waitMs(): number;
}

export interface RelayOptions {
  readonly outbox: OutboxStore;
  readonly queue: Pick<Queue, 'add'>;
  readonly gate: Gate;
  readonly clock: Clock;
  /** Entries held at one time: those being forwarded and a few that wait for a worker. */
  readonly capacity: number;
  /** Longer than any attempt can last. */
  readonly leaseMs: number;
  /** Between two looks at everything, whatever was or was not told. Default 30 s. */
  readonly sweepMs?: number;
  /** Between two looks for what other processes have made due, who tell nobody here; default null: there are none. */
  readonly lookMs?: number | null;
  /** Between two tries while the store or the queue does not answer. Default 1 s. */
  readonly troubleMs?: number;
  /** Told once when the store or the queue stops answering, and with null once they do again. */
  readonly onTrouble: (error: unknown) => void;
}

export interface Relay {
  /** Begins. What a dead process of an embedded store left in flight, the store took back when it was opened. */
  start(): Promise<void>;
  /** Something may have become due. */
  wake(): void;
  /** The entry a worker was given the id of, with its token; null when it is no longer ours. */
  claimed(id: string): Promise<ClaimedEntry | null>;
  /** A worker is done with it. */
  settled(entry: ClaimedEntry): void;
  /** Claims no more; entries no worker has begun are put back. */
  stop(): Promise<void>;
}

/** Where other processes decide and finish, too. */
export const LOOK_MS = 1000;
const SWEEP_MS = 30_000;
const TROUBLE_MS = 1000;

/** 转投. */
export function createRelay(options: RelayOptions): Relay {
  const { outbox, queue, gate, clock } = options;
  const held = new Map<string, ClaimedEntry>();
  /** Tokens by entry: those of one claim may have one and the same. */
  const begun = new Map<string, string>();
  const troubleMs = options.troubleMs ?? TROUBLE_MS;
  const lookMs = options.lookMs ?? null;
  const pump = createPump({
    ...{ clock, troubleMs, sweepMs: options.sweepMs ?? SWEEP_MS, onTrouble: options.onTrouble, round },
    sweep: async () => {
      await outbox.reclaim(clock.now());
    },
  });

  /** One look; answers after how long to look again, null when something will wake us. */
  async function round(): Promise<number | null> {
    const now = clock.now();
    const room = Math.min(options.capacity, gate.room()) - held.size;
    // Whoever ends one of those held wakes us; with none held it is the gate that is closed.
    if (room <= 0) return held.size > 0 ? null : Math.max(1, gate.waitMs());
    const entries = await outbox.claim(now, room, options.leaseMs);
    for (const entry of entries) held.set(entry.id, entry);
    await handOver(entries);
    pump.fine();
    // All that there was room for: a worker that finishes will wake us.
    if (entries.length >= room) return null;
    const due = await outbox.nextDue();
    // Something due that could not be claimed waits behind a head of its lane, whose end will wake us.
    if (due === null || due <= now) return lookMs;
    return Math.max(1, Math.min(due - clock.now(), lookMs ?? Number.POSITIVE_INFINITY));
  }

  /** Where the queue does not take them, all that it did not take go back and are not counted as tried. */
  async function handOver(entries: readonly ClaimedEntry[]): Promise<void> {
    for (const [taken, entry] of entries.entries()) {
      try {
        await queue.add(entry.id, { urgent: entry.urgent });
      } catch (error) {
        for (const left of entries.slice(taken)) await putBack(left);
        throw error;
      }
    }
  }

  async function putBack(entry: ClaimedEntry): Promise<void> {
    held.delete(entry.id);
    await outbox.fail(entry.id, entry.token, {
      at: clock.now(),
      retryAt: clock.now() + (pump.stopped ? 0 : troubleMs),
      cause: entry.cause,
      unknown: entry.unknown,
      counted: false,
    });
  }

  return {
    start: pump.start,
    wake: pump.wake,
    async claimed(id) {
      const entry = held.get(id);
      if (entry === undefined || begun.get(id) === entry.token) return null;
      begun.set(id, entry.token);
      return entry;
    },
    settled(entry) {
      if (begun.get(entry.id) === entry.token) begun.delete(entry.id);
      if (held.get(entry.id)?.token === entry.token) held.delete(entry.id);
      pump.wake();
    },
    async stop() {
      await pump.stop();
      for (const entry of [...held.values()]) {
        if (begun.get(entry.id) !== entry.token) await putBack(entry);
      }
    },
  };
}
