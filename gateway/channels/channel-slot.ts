// One channel as the gateway holds it: what is open, why it is not, who is still being answered.
import { isDeepStrictEqual } from 'node:util';
import { CredentialsRefused, Misconfigured, type OpenChannel, Unavailable } from '../../adapters/contract.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import { within } from '../within.ts';
import type { KnownChannel } from './known-channel.ts';
import { createPollProgress, isLong, POLL_LONG, type PollProgress, type PollState } from './poll-progress.ts';

/** How a channel stands; `reason` is a code explained in docs/errors.md. */
export interface ChannelStatus {
  readonly id: string;
  readonly kind: string;
  readonly enabled: boolean;
  readonly up: boolean;
  readonly reason: string | null;
  /** The adapter's own code behind the reason; null where there is none. */
  readonly cause: string | null;
  /** Field of the settings that is wrong, for `Misconfigured`. */
  readonly field: string | null;
  /** When it is tried again, in milliseconds since the epoch; null when it is up or waits for a person. */
  readonly retryAt: number | null;
  /** Codes of what should be known of it although it is up. */
  readonly notes: readonly string[];
  /** The poll that runs; null where none does. */
  readonly poll: PollState | null;
}

export interface Slot {
  readonly known: KnownChannel;
  /** Ends polls and live connections. */
  readonly pulls: AbortController;
  /** Ends everything else: waits of requests being answered. */
  readonly life: AbortController;
  channel: OpenChannel | null;
  reason: string | null;
  cause: string | null;
  field: string | null;
  retryAt: number | null;
  readonly poll: PollProgress;
  /** Resolves when opening it was tried for the first time. */
  opening: Promise<void>;
  loops: Promise<void>;
  /** Requests being answered. */
  busy: number;
  idle: () => void;
}

export const OPENING = 'channel.opening';
/** These end by themselves; the others wait for new settings. */
export const RETRIED: ReadonlySet<string | null> = new Set(['channel.unavailable', 'channel.bug']);

export function newSlot(known: KnownChannel): Slot {
  return {
    known,
    pulls: new AbortController(),
    life: new AbortController(),
    channel: null,
    reason: known.enabled ? OPENING : 'channel.disabled',
    cause: null,
    field: null,
    retryAt: null,
    poll: createPollProgress(),
    opening: Promise.resolve(),
    loops: Promise.resolve(),
    busy: 0,
    idle: () => undefined,
  };
}

export function statusOf({ known, channel, reason, cause, field, retryAt, ...slot }: Slot): ChannelStatus {
  const { id, kind, enabled } = known;
  const up = reason === null;
  const poll = slot.poll.state();
  const notes = up ? [...(channel?.notes?.() ?? []), ...(isLong(poll) ? [POLL_LONG] : [])] : [];
  return { id, kind, enabled, up, reason, cause, field, retryAt, notes, poll };
}

/** Whether a channel is open with other settings than it should be. */
export function isOther(slot: Slot | undefined, known: KnownChannel): boolean {
  if (slot === undefined) return false;
  const { kind, enabled, definition, settings } = slot.known;
  if (kind !== known.kind || enabled !== known.enabled || definition !== known.definition) return true;
  return !isDeepStrictEqual(settings, known.settings);
}

/** Whether it waits for a person. */
export function isHalted(slot: Slot | undefined): boolean {
  return slot?.known.enabled === true && slot.reason !== null && slot.retryAt === null;
}

/** Channels that only wait for requests share nothing, so that the new one can stand before the old one goes. */
export function canOverlap(old: Slot, known: KnownChannel): boolean {
  return old.channel !== null && [old.known, known].every(({ definition }) => onlyWebhooks(definition));
}

function onlyWebhooks({ capabilities }: KnownChannel['definition']): boolean {
  return capabilities.receives.every(way => way === 'webhook');
}

/** Resolves when no request is being answered, or when the time is over. */
export async function drained(slot: Slot, ms: number): Promise<void> {
  if (slot.busy === 0) return;
  const idle = new Promise<void>(resolve => {
    slot.idle = resolve;
  });
  await within(ms, idle);
}

/** Resolves when its pulls have ended. Opening anew ends in pulls of its own, so what is awaited may become something else. */
export async function stopped(slot: Slot): Promise<void> {
  for (let loops: Promise<void> | null = null; loops !== slot.loops; ) {
    loops = slot.loops;
    await loops;
  }
}

export function reasonOf(error: unknown): string {
  if (error instanceof CredentialsRefused) return 'channel.credentials_refused';
  if (error instanceof Misconfigured) return 'channel.misconfigured';
  if (error instanceof Unavailable || error instanceof StoreUnavailable) return 'channel.unavailable';
  return 'channel.bug';
}
