// 渠道: opens each channel, lets it go or puts another in its place without losing a request, retries what could not open.
import {
  Misconfigured,
  type OpenChannel,
  PlatformError,
  Unavailable,
  type WebhookAnswer,
  type WebhookRequest,
} from '../../adapters/contract.ts';
import { createBackoff, pause } from '../backoff.ts';
import type { ParserChannel } from '../reading/protocol.ts';
import { within } from '../within.ts';
import type { ChannelBook } from './channel-book.ts';
import { type ContextParts, contextOf } from './channel-context.ts';
import { pullFrom } from './channel-pulls.ts';
import { withoutSecrets } from './channel-settings.ts';
import {
  type ChannelStatus,
  canOverlap,
  drained,
  isHalted,
  isOther,
  newSlot,
  OPENING,
  RETRIED,
  reasonOf,
  type Slot,
  statusOf,
  stopped,
} from './channel-slot.ts';
import type { KnownChannel } from './known-channel.ts';

export type { ChannelStatus } from './channel-slot.ts';

export interface ChannelsParts extends ContextParts {
  readonly book: ChannelBook;
  /** Names this process where a lease is taken. */
  readonly owner: string;
  /** False where this process takes nothing in: channels are made known to its readers, and none is opened. */
  readonly opens: boolean;
  /** Told when the set of channels or their settings changed. */
  changed(channels: Readonly<Record<string, ParserChannel>>): void;
}

/** What became different, by ids. */
export interface ChannelChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export interface Channels {
  /** Opens all enabled channels; one that cannot open does not stop the others. */
  open(): Promise<void>;
  /** Opens one channel anew, or closes it, after its row in the store changed. */
  refresh(id: string): Promise<void>;
  /**
   * Makes the open channels those of the book: opens, closes and replaces only those whose settings differ.
   * @param retry opens those anew, too, that wait for a person
   */
  sync(retry?: boolean): Promise<ChannelChanges>;
  /** null: no such channel, disabled, or no webhooks. Throws `Unavailable` while it cannot open. */
  webhook(id: string, request: WebhookRequest): Promise<WebhookAnswer | null>;
  /** Connection check for the operator. Throws what the adapter throws; null when it has none. */
  check(id: string): Promise<{ readonly zh: string; readonly en: string } | null>;
  /** An open channel, for replies and attachments. */
  opened(id: string): OpenChannel | null;
  status(): readonly ChannelStatus[];
  close(): Promise<void>;
}

/** A sender that asked to wait for the outcome waits at most 30 s. */
const DRAIN_MS = 40_000;
/** How long requests wait for a channel whose successor can open only once its predecessor has closed. */
const SHORT_DRAIN_MS = 3000;
const OPENING_MS = 10_000;
/** A pull that is told to stop has so long to do it. */
const STOP_MS = 15_000;
/** And its connections so long to be closed. */
const CLOSE_MS = 5_000;

export function createChannels(parts: ChannelsParts): Channels {
  const slots = new Map<string, Slot>();
  /** Channels that are gone stay known to the readers: what they had accepted is still to be read. */
  const readable = new Map<string, ParserChannel>();
  const retiring = new Map<Slot, Promise<void>>();
  let turn: Promise<unknown> = Promise.resolve();
  /** Whoever still looks for changes must not open again what was closed: it would keep the process from ending. */
  let closed = false;

  /** One after the other: two at a time would open a channel twice and lose hold of one of them. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = turn.then(act);
    turn = done.catch(() => undefined);
    return done;
  }

  /** Readers know of a channel before it can accept anything: they would not know what to do with its messages. */
  function tellReaders(channels: readonly KnownChannel[]): void {
    for (const { id, kind, definition, settings } of channels) {
      readable.set(id, { kind, settings: withoutSecrets(definition, settings) });
    }
    parts.changed(Object.fromEntries(readable));
  }

  async function openSlot(slot: Slot): Promise<void> {
    const { known } = slot;
    let channel: OpenChannel;
    try {
      channel = await known.definition.open(contextOf(parts, known, slot.life.signal, slot.poll.moved));
    } catch (error) {
      fail(slot, error, null);
      return;
    }
    // Given up while it was being opened.
    if (slot.pulls.signal.aborted) return close(slot, channel);
    slot.channel = channel;
    worked(slot, true);
    slot.loops = pullFrom(channel, {
      ...{ store: parts.store, now: parts.now, owner: parts.owner, id: known.id, signal: slot.pulls.signal },
      progress: slot.poll,
      failed: (error, retryMs) => fail(slot, error, retryMs),
      worked: () => worked(slot, false),
      elsewhere: () => RETRIED.has(slot.reason) && worked(slot, false),
    });
  }

  function worked(slot: Slot, opened: boolean): void {
    if (opened || slot.reason !== null) parts.log.info('channel.up', { channel: slot.known.id, kind: slot.known.kind });
    Object.assign(slot, { reason: null, cause: null, field: null, retryAt: null });
  }

  /** Says it once: the same reason again is not logged again. */
  function fail(slot: Slot, error: unknown, retryMs: number | null): void {
    const reason = reasonOf(error);
    const said = slot.reason === reason;
    slot.reason = reason;
    slot.cause = error instanceof PlatformError ? error.code : null;
    slot.field = error instanceof Misconfigured ? error.field : null;
    slot.retryAt = retryMs === null ? null : parts.now() + retryMs;
    if (said) return;
    const values = { channel: slot.known.id, kind: slot.known.kind };
    if (reason === 'channel.bug') parts.log.bug('channel.bug', error, values);
    else parts.log.fail('channel.down', error, { ...values, reason });
  }

  async function reopen(slot: Slot): Promise<void> {
    const { signal } = slot.pulls;
    const backoff = createBackoff();
    while (slot.channel === null && RETRIED.has(slot.reason)) {
      const wait = backoff.next();
      slot.retryAt = parts.now() + wait;
      await pause(wait, signal);
      if (signal.aborted) return;
      await openSlot(slot);
    }
  }

  /** Opens a slot for the first time. One that takes long goes on by itself: others must not wait for its platform. */
  function begin(slot: Slot): Promise<void> {
    slot.opening = openSlot(slot).then(() => {
      if (slot.channel === null) slot.loops = reopen(slot);
    });
    return within(OPENING_MS, slot.opening).then(() => undefined);
  }

  /** A channel that was not there before, or in the place of another of its id. */
  async function put(known: KnownChannel): Promise<void> {
    const old = slots.get(known.id);
    const slot = newSlot(known);
    if (old !== undefined && known.enabled && canOverlap(old, known)) {
      // Requests go to the old one until the new one stands.
      await begin(slot);
      slots.set(known.id, slot);
      return retireBehind(old);
    }
    const opened = Promise.withResolvers<void>();
    slot.opening = opened.promise;
    slots.set(known.id, slot);
    try {
      // Two of them would poll the same mailbox, or hold the same folder.
      if (old !== undefined) await (known.enabled ? retire(old, SHORT_DRAIN_MS) : retireBehind(old));
      if (known.enabled) await begin(slot);
    } finally {
      opened.resolve();
    }
  }

  async function remove(slot: Slot): Promise<void> {
    slots.delete(slot.known.id);
    await retireBehind(slot);
  }

  /** Lets a slot finish its requests without anybody waiting for them; an idle one is closed when this resolves. */
  function retireBehind(slot: Slot): Promise<void> {
    const done = retire(slot, DRAIN_MS).finally(() => retiring.delete(slot));
    retiring.set(slot, done);
    return slot.busy === 0 ? done : Promise.resolve();
  }

  /** Ends pulls at once, waits for requests, closes. Never rejects. */
  async function retire(slot: Slot, drainMs: number): Promise<void> {
    slot.pulls.abort();
    await drained(slot, drainMs);
    slot.life.abort();
    if (!(await within(STOP_MS, stopped(slot))).done) {
      // Closing breaks its connections; a pull that goes on even then must not keep its successor from working.
      parts.log.warn('channel.slow_stop', { channel: slot.known.id, kind: slot.known.kind });
    }
    await drained(slot, SHORT_DRAIN_MS);
    if (slot.channel !== null) await close(slot, slot.channel);
  }

  async function close({ known }: Slot, channel: OpenChannel): Promise<void> {
    try {
      // One that never ends must not keep reading and sending from being finished while there is time.
      if (!(await within(CLOSE_MS, Promise.resolve(channel.close()))).done)
        parts.log.warn('channel.slow_stop', { channel: known.id, kind: known.kind, phase: 'close' });
    } catch (error) {
      parts.log.bug('channel.bug', error, { channel: known.id, kind: known.kind, phase: 'close' });
    }
  }

  async function sync(retry: boolean): Promise<ChannelChanges> {
    if (closed) return { added: [], removed: [], changed: [] };
    const all = await parts.book.all();
    const ids = new Set(all.map(({ id }) => id));
    const added = all.filter(({ id }) => !slots.has(id));
    const changed = all.filter(known => isOther(slots.get(known.id), known));
    const retried = all.filter(known => retry && !changed.includes(known) && isHalted(slots.get(known.id)));
    const removed = [...slots.values()].filter(slot => !ids.has(slot.known.id));
    await parts.book.keepKinds(all);
    tellReaders(all);
    if (!parts.opens) return { added: [], removed: [], changed: [] };
    await Promise.all([...removed.map(remove), ...[...changed, ...retried, ...added].map(put)]);
    return { added: added.map(idOf), removed: removed.map(({ known }) => known.id), changed: changed.map(idOf) };
  }

  return {
    open: () => inTurn(() => sync(false)).then(() => undefined),
    sync: (retry = false) => inTurn(() => sync(retry)),
    refresh: id =>
      inTurn(async () => {
        if (closed) return;
        const known = await parts.book.find(id);
        const old = slots.get(id);
        if (known === null) return old === undefined ? undefined : remove(old);
        await parts.book.keepKinds([known]);
        tellReaders([known]);
        if (parts.opens) await put(known);
      }),
    async webhook(id, request) {
      let slot = slots.get(id);
      if (slot?.reason === OPENING) {
        await within(OPENING_MS, slot.opening);
        slot = slots.get(id);
      }
      if (slot === undefined || !slot.known.enabled) return null;
      const { channel } = slot;
      if (channel === null) throw new Unavailable(slot.reason ?? OPENING, 'the channel is not open');
      if (channel.webhook === undefined) return null;
      slot.busy++;
      try {
        return await channel.webhook(request);
      } finally {
        if (--slot.busy === 0) slot.idle();
      }
    },
    async check(id) {
      return (await slots.get(id)?.channel?.check?.()) ?? null;
    },
    opened: id => slots.get(id)?.channel ?? null,
    status: () => [...slots.values()].map(statusOf),
    close: () =>
      inTurn(async () => {
        closed = true;
        const all = [...slots.values()];
        slots.clear();
        for (const slot of [...all, ...retiring.keys()]) slot.life.abort();
        await Promise.all([...all.map(slot => retire(slot, 0)), ...retiring.values()]);
      }),
  };
}

const idOf = ({ id }: KnownChannel) => id;
