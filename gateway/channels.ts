// 渠道: opens each channel, gives it what its adapter may use, runs polls and live connections, halts and heals.
import {
  type AdapterContext,
  CredentialsRefused,
  Misconfigured,
  type OpenChannel,
  type Original,
  Unavailable,
  type WebhookAnswer,
  type WebhookRequest,
} from '../adapters/contract.ts';
import { StoreUnavailable } from '../store/errors.ts';
import type { Store } from '../store/store.ts';
import type { ChannelBook, KnownChannel } from './channel-book.ts';
import { withoutSecrets } from './channel-settings.ts';
import type { Intake } from './intake.ts';
import { progressOf } from './progress.ts';
import type { ParserChannel } from './reading/protocol.ts';
import type { Log } from './telemetry.ts';

export interface ChannelsParts {
  readonly book: ChannelBook;
  readonly intake: Intake;
  readonly store: Store;
  readonly log: Log;
  readonly now: () => number;
  /** Names this process where a lease is taken. */
  readonly owner: string;
  /** Told when the set of channels or their settings changed. */
  changed(channels: Readonly<Record<string, ParserChannel>>): void;
}

/** How a channel stands; `reason` is a code explained in docs/errors.md. */
export interface ChannelStatus {
  readonly id: string;
  readonly kind: string;
  readonly enabled: boolean;
  readonly up: boolean;
  readonly reason: string | null;
  /** Field of the settings that is wrong, for `Misconfigured`. */
  readonly field: string | null;
}

export interface Channels {
  /** Opens all enabled channels; one that cannot open does not stop the others. */
  open(): Promise<void>;
  /** Opens one channel anew, or closes it, after its row in the store changed. */
  refresh(id: string): Promise<void>;
  /** null: no such channel, disabled, or no webhooks. Throws `Unavailable` while it cannot open. */
  webhook(id: string, request: WebhookRequest): Promise<WebhookAnswer | null>;
  /** Connection check for the operator. Throws what the adapter throws; null when it has none. */
  check(id: string): Promise<{ readonly zh: string; readonly en: string } | null>;
  /** An open channel, for replies and attachments. */
  opened(id: string): OpenChannel | null;
  status(): readonly ChannelStatus[];
  close(): Promise<void>;
}

interface Slot {
  readonly known: KnownChannel;
  readonly stop: AbortController;
  channel: OpenChannel | null;
  reason: string | null;
  field: string | null;
  loops: Promise<void>;
}

const POLL_MS = 60_000;
const LEASE_MS = 30_000;
const BACKOFF_MS = 1000;
const BACKOFF_MOST_MS = 5 * 60_000;

export function createChannels(parts: ChannelsParts): Channels {
  const slots = new Map<string, Slot>();
  let refreshing: Promise<void> = Promise.resolve();

  /** Readers know of a channel before it can accept anything: they would not know what to do with its messages. */
  async function start(channels: readonly KnownChannel[]): Promise<void> {
    const added = channels.map(addSlot);
    tellReaders();
    await Promise.all(added.map(startSlot));
  }

  function addSlot(known: KnownChannel): Slot {
    const slot: Slot = {
      known,
      stop: new AbortController(),
      channel: null,
      reason: known.enabled ? 'channel.opening' : 'channel.disabled',
      field: null,
      loops: Promise.resolve(),
    };
    slots.set(known.id, slot);
    return slot;
  }

  async function startSlot(slot: Slot): Promise<void> {
    if (slot.known.enabled) await openSlot(slot);
    if (slot.channel === null && slot.reason === 'channel.unavailable') slot.loops = reopen(slot);
  }

  async function openSlot(slot: Slot): Promise<void> {
    const { known } = slot;
    try {
      slot.channel = await known.definition.open(contextOf(parts, slot.known, slot.stop.signal));
      slot.reason = null;
      slot.field = null;
      parts.log.info('channel.up', { channel: known.id, kind: known.kind });
      slot.loops = Promise.all([poll(slot), listen(slot)]).then(() => undefined);
    } catch (error) {
      fail(slot, error);
    }
  }

  /** Says it once: the same reason again is not logged again. */
  function fail(slot: Slot, error: unknown): void {
    const reason = reasonOf(error);
    const said = slot.reason === reason;
    slot.reason = reason;
    slot.field = error instanceof Misconfigured ? error.field : null;
    if (said) return;
    const values = { channel: slot.known.id, kind: slot.known.kind };
    if (reason === 'channel.bug') parts.log.bug('channel.bug', error, values);
    else parts.log.fail('channel.down', error, { ...values, reason });
  }

  async function reopen(slot: Slot): Promise<void> {
    for (let wait = BACKOFF_MS; slot.channel === null && !slot.stop.signal.aborted; wait = longer(wait)) {
      await sleep(jittered(wait), slot.stop.signal);
      if (slot.stop.signal.aborted) return;
      await openSlot(slot);
      if (slot.reason !== 'channel.unavailable') return;
    }
  }

  async function poll(slot: Slot): Promise<void> {
    if (slot.channel?.poll === undefined) return;
    await repeat(slot, POLL_MS, signal => slot.channel?.poll?.(signal) ?? Promise.resolve());
  }

  async function listen(slot: Slot): Promise<void> {
    if (slot.channel?.listen === undefined) return;
    await repeat(slot, 0, signal => slot.channel?.listen?.(signal) ?? Promise.resolve());
  }

  /** Runs a pull again and again under the channel's lease; backs off after failures, halts where credentials are refused. */
  async function repeat(slot: Slot, pause: number, pull: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = slot.stop;
    let wait = BACKOFF_MS;
    while (!signal.aborted) {
      try {
        const lease = await parts.store.admin.lease(`channel:${slot.known.id}`, parts.owner, parts.now(), LEASE_MS);
        if (lease === null) {
          await sleep(LEASE_MS / 3, signal);
          continue;
        }
        await underLease(slot, pull);
        if (slot.reason !== null) parts.log.info('channel.up', { channel: slot.known.id });
        slot.reason = null;
        wait = BACKOFF_MS;
        await sleep(pause, signal);
      } catch (error) {
        if (signal.aborted) return;
        fail(slot, error);
        if (error instanceof CredentialsRefused || error instanceof Misconfigured) return;
        await sleep(jittered(wait), signal);
        wait = longer(wait);
      }
    }
  }

  /** Keeps the lease while the pull runs; a lease lost to another process ends the pull. */
  async function underLease(slot: Slot, pull: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const lost = new AbortController();
    const signal = AbortSignal.any([slot.stop.signal, lost.signal]);
    const renew = setInterval(() => {
      parts.store.admin
        .lease(`channel:${slot.known.id}`, parts.owner, parts.now(), LEASE_MS)
        .then(token => token === null && lost.abort())
        .catch(() => lost.abort());
    }, LEASE_MS / 3);
    try {
      await pull(signal);
    } finally {
      clearInterval(renew);
    }
  }

  async function stopSlot(slot: Slot): Promise<void> {
    slots.delete(slot.known.id);
    slot.stop.abort();
    await slot.loops;
    try {
      await slot.channel?.close();
    } catch (error) {
      parts.log.bug('channel.bug', error, { channel: slot.known.id, kind: slot.known.kind, phase: 'close' });
    }
  }

  async function refresh(id: string): Promise<void> {
    const known = await parts.book.find(id);
    const old = slots.get(id);
    if (old !== undefined) await stopSlot(old);
    if (known !== null) await start([known]);
    else tellReaders();
  }

  function tellReaders(): void {
    const entries = [...slots.values()].map(({ known }): [string, ParserChannel] => [
      known.id,
      { kind: known.kind, settings: withoutSecrets(known.definition, known.settings) },
    ]);
    parts.changed(Object.fromEntries(entries));
  }

  return {
    async open() {
      await start(await parts.book.all());
    },
    refresh(id) {
      // One after the other: two at a time would open the channel twice and lose hold of one of them.
      const done = refreshing.then(() => refresh(id));
      refreshing = done.catch(() => undefined);
      return done;
    },
    async webhook(id, request) {
      const slot = slots.get(id);
      if (slot === undefined || !slot.known.enabled) return null;
      if (slot.channel === null) throw new Unavailable(slot.reason ?? 'channel.opening', 'the channel is not open');
      return slot.channel.webhook === undefined ? null : slot.channel.webhook(request);
    },
    async check(id) {
      return (await slots.get(id)?.channel?.check?.()) ?? null;
    },
    opened: id => slots.get(id)?.channel ?? null,
    status() {
      return [...slots.values()].map(({ known, reason, field }) => ({
        id: known.id,
        kind: known.kind,
        enabled: known.enabled,
        up: reason === null,
        reason,
        field,
      }));
    },
    async close() {
      await Promise.all([...slots.values()].map(stopSlot));
    },
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof CredentialsRefused) return 'channel.credentials_refused';
  if (error instanceof Misconfigured) return 'channel.misconfigured';
  if (error instanceof Unavailable || error instanceof StoreUnavailable) return 'channel.unavailable';
  return 'channel.bug';
}

function contextOf(parts: ChannelsParts, known: KnownChannel, signal: AbortSignal): AdapterContext {
  const log = parts.log.child({ channel: known.id, adapter: known.kind });
  return {
    channel: known.id,
    settings: known.settings,
    accept: (originals, after) => parts.intake.accept(known.id, known.definition, originals, after),
    split: container => splitOf(known, container),
    cursor: () => parts.store.admin.cursor(known.id),
    progress: number => progressOf(parts.store, known.id, number),
    now: parts.now,
    log: { info: (code, values) => log.info(code, values), warn: (code, values) => log.warn(code, values) },
    signal,
  };
}

async function* splitOf(known: KnownChannel, container: Original): AsyncIterable<Original> {
  if (known.definition.split === undefined) {
    throw new Misconfigured('channel.no_split', '', `adapters of kind ${known.kind} have no containers`);
  }
  yield* known.definition.split(container, known.settings);
}

function longer(wait: number): number {
  return Math.min(BACKOFF_MOST_MS, wait * 2);
}

function jittered(wait: number): number {
  return wait * (0.8 + Math.random() * 0.4);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
