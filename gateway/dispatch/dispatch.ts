// Puts the outgoing side together: relay, queue, forwarder, breaker and case system; one start and one close.
import type { CaseSystemSettings } from '../../config/case-system.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Store } from '../../store/store.ts';
import type { Log } from '../telemetry/telemetry.ts';
import { type BreakerState, createBreaker, createPlaces } from './breaker.ts';
import { createCaseSystem } from './case-system.ts';
import { type Clock, steadyClock, wallClock } from './clock.ts';
import { type AttachmentLoader, createEntrySource } from './entry-source.ts';
import { createForwarder, type Tried } from './forwarder.ts';
import { createGathering } from './gathering.ts';
import type { Queue, QueueFault } from './queue.ts';
import { createRelay, LOOK_MS, type Relay, type RelayOptions } from './relay.ts';
import { createSharedRelay } from './shared-relay.ts';

export interface DispatchOptions {
  readonly store: Store;
  readonly queue: Queue;
  readonly cipher: FieldCipher;
  readonly settings: CaseSystemSettings;
  /** Entries forwarded at one time (`dispatch.concurrency`). */
  readonly concurrency: number;
  readonly log: Log;
  readonly loadAttachment?: AttachmentLoader;
  readonly clock?: Clock;
  /** 0 to 1. */
  readonly random?: () => number;
  readonly sweepMs?: number;
  /** How long an entry may lie in a shared queue before it is taken for lost. Default 30 s. */
  readonly queuedMs?: number;
}

export interface DispatchStatus {
  /** `open`: nothing is sent, the case system failed many times in a row. */
  readonly circuit: BreakerState;
  /** Since when it is in this state, milliseconds since the epoch. */
  readonly since: number;
  /** Address of the case system without its path. */
  readonly target: string;
}

export interface Dispatch {
  start(): Promise<void>;
  /** Something may have become due; `store.onOutbox` is listened to already. */
  wake(): void;
  status(): DispatchStatus;
  /** What is wrong with the queue. */
  faults(): Promise<readonly QueueFault[]>;
  /** Claims no more, lets running attempts end until the deadline, puts back what was not begun. */
  close(deadlineMs: number): Promise<void>;
}

/** Handlers beyond the places to send from: while they have answers written down, others send. */
const WRITING = 64;
/** An answer waits so long for others, to be written down together with them, milliseconds. */
const TOGETHER_MS = 6;
/** Half of those handlers: the others send meanwhile. */
const TOGETHER_MOST = WRITING / 2;
/** Held for each place to send from: sent, written down, or waiting, so that none stands idle. The lease is as long as all of them
 *  may take, one after the other. */
const AHEAD = 3;
/** Handlers for each one that a queue elsewhere holds: topping it up takes a claim, a question and an answer. */
const AHEAD_IN_REDIS = 2;
/** Beyond the longest attempts, each a look-up and a sending. */
const LEASE_SLACK_MS = 30_000;
/** With a shared queue the lease is of the attempt alone: a dead worker's lanes wait for it. */
const SHARED_SLACK_MS = 10_000;

/** 派单. */
export function createDispatch(options: DispatchOptions): Dispatch {
  const { store, queue, settings, concurrency, log } = options;
  const clock = options.clock ?? (store.shared === null ? steadyClock() : wallClock);
  let since = clock.now();
  let down = false;
  let closing = false;
  const places = createPlaces(concurrency);
  const gathered = createGathering({ clock, waitMs: TOGETHER_MS, enough: TOGETHER_MOST });
  const target = createCaseSystem({ settings, concurrency });
  const breaker = createBreaker({
    failures: settings.breaker.failures,
    openMs: settings.breaker.openSeconds * 1000,
    maxOpenMs: settings.breaker.maxOpenSeconds * 1000,
    onChange: state => {
      // The probes between down and up say nothing.
      if (state === 'half-open' || (state === 'open') === down) return;
      down = state === 'open';
      since = clock.now();
      if (down) log.warn('case-system.down', { target: target.target });
      else log.info('case-system.up', { target: target.target });
    },
  });
  const forwarder = createForwarder({
    store,
    source: createEntrySource(options),
    target,
    breaker,
    settings,
    clock,
    log,
    ...(options.random === undefined ? {} : { random: options.random }),
  });
  const relay = relayOf(options, {
    outbox: store.outbox,
    queue,
    gate: breaker,
    clock,
    capacity: queue.shared ? (concurrency + WRITING) * AHEAD_IN_REDIS : concurrency * AHEAD,
    lookMs: store.shared === null ? null : LOOK_MS,
    onTrouble: error =>
      error === null ? log.info('dispatch.resumed') : log.fail('dispatch.stalled', error, { state: 'stalled' }),
    ...(options.sweepMs === undefined ? {} : { sweepMs: options.sweepMs }),
  });

  /** Answers null where there is nothing to do here. */
  async function send(id: string): Promise<Tried | null> {
    // What has waited for its place until now is begun with by whoever gets it next.
    if (closing) return null;
    try {
      const entry = await relay.claimed(id);
      // Handed out twice, or its lease has run out meanwhile: whoever holds it now does the work.
      return entry === null ? null : await forwarder.forward(entry);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      // Its time in the queue runs out, and the store hands it out again.
      log.fail('dispatch.unrecorded', error, { entry: id });
      return null;
    }
  }

  async function work(id: string): Promise<void> {
    const tried = await places(() => send(id));
    if (tried === null) return;
    if (!closing) await gathered();
    try {
      await forwarder.record(tried);
    } finally {
      relay.settled(tried.entry);
    }
  }

  return {
    async start() {
      queue.work(work, concurrency + WRITING);
      store.onOutbox(() => relay.wake());
      await relay.start();
    },
    wake: () => relay.wake(),
    faults: () => queue.faults(),
    status: () => ({ circuit: breaker.state, since, target: target.target }),
    async close(deadlineMs) {
      closing = true;
      const stopping = relay.stop();
      await queue.close(deadlineMs);
      await stopping;
      await target.close();
    },
  };
}

/** A queue of this process alone holds what it was given; with a shared one anybody may get it. */
function relayOf({ store, queue, settings, queuedMs }: DispatchOptions, parts: Omit<RelayOptions, 'leaseMs'>): Relay {
  const attemptMs = settings.deadlines.total * 1000 * 2;
  if (!queue.shared) return createRelay({ ...parts, leaseMs: attemptMs * AHEAD + LEASE_SLACK_MS });
  const lost = queuedMs === undefined ? {} : { queuedMs };
  const alone = store.shared === null;
  return createSharedRelay({ ...parts, ...lost, queue, alone, leaseMs: attemptMs + SHARED_SLACK_MS });
}
