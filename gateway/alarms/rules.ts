// What is wrong right now: the facts of one look against the limits of the settings. Pure.
import type { AlarmLimits } from '../../config/alarms.ts';
import type { AlarmKind, AlarmValues, Expiry, Finding, SettingsRefusal } from './alarm.ts';
import type { Quiet } from './traffic.ts';

/** A channel as it stands; `reason` is a code of docs/errors.md. */
export interface ChannelFact {
  readonly id: string;
  readonly enabled: boolean;
  readonly up: boolean;
  readonly reason: string | null;
}

/** What one process knows that others on its store cannot see. Times are milliseconds since the epoch. */
export interface OwnFacts {
  readonly channels: readonly ChannelFact[];
  /** null: not measured yet. */
  readonly disk: DiskFacts | null;
  /** Code of why intake is stopped; null: it is not. */
  readonly intakePaused: string | null;
  /** null: no case system is configured, entries wait by intention. */
  readonly caseSystem: { readonly down: boolean; readonly since: number } | null;
  /** Code of what is wrong with the queue; null: nothing, or none of it is worked on here. */
  readonly queue: string | null;
  readonly expiries: readonly Expiry[];
  readonly settingsRefused: SettingsRefusal | null;
  readonly keysKept: boolean;
  /** The last step of the clock that is still to be told: seconds, and when. */
  readonly clock: { readonly seconds: number; readonly at: number } | null;
}

/** Names of the processes that these are of. */
export type Processes = Readonly<Partial<Record<AlarmKind, string>>>;

/** What one look finds out. */
export interface Facts extends OwnFacts {
  readonly now: number;
  /** Channels that get far less than usual. */
  readonly quiet: ReadonlyMap<string, Quiet>;
  /** null: the store did not answer. */
  readonly store: StoreFacts | null;
  /** First record of the audit chain that does not fit. */
  readonly auditBroken: number | null;
  /** Of several processes: which one each of these is about. */
  readonly process: Processes;
}

export interface StoreFacts {
  readonly unread: number;
  readonly oldestUnread: number | null;
  readonly undispatched: number;
  readonly oldestUndispatched: number | null;
  readonly dead: number;
}

export interface DiskFacts {
  readonly freeBytes: number;
  /** Free space at which intake stops. */
  readonly leastFreeBytes: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MB = 1024 * 1024;
/** A channel that is being opened anew neither works nor fails. */
export const OPENING = 'channel.opening';
const REFUSED = 'channel.credentials_refused';
/** What stands in place of a name that could hold somebody's address. */
const NAME = /^[a-z0-9][a-z0-9.:/_-]{0,80}$/i;

export function findingsOf(facts: Facts, limits: AlarmLimits): readonly Finding[] {
  return [
    ...facts.channels.flatMap(channel => channelFindings(channel, facts.quiet.get(channel.id))),
    ...storeFindings(facts, limits),
    ...diskFindings(facts, limits),
    ...caseSystemFindings(facts, limits),
    ...facts.expiries.flatMap(expiry => expiryFindings(expiry, facts.now, limits)),
    ...(facts.queue === null ? [] : [holds('queue-down', {}, { reason: facts.queue })]),
    ...oneOffs(facts),
  ].map(finding => named(finding, facts.process[finding.kind]));
}

function named(finding: Finding, process: string | undefined): Finding {
  if (finding.state !== 'holds' || process === undefined || process === '') return finding;
  return { ...finding, values: { ...finding.values, process: NAME.test(process) ? process : 'unnamed' } };
}

function holds(
  kind: Finding['kind'],
  about: { readonly on?: string; readonly since?: number | null },
  values: AlarmValues = {},
): Finding {
  return { kind, on: about.on ?? '', state: 'holds', since: about.since ?? null, values };
}

const unclear = (kind: Finding['kind'], on = ''): Finding => ({ kind, on, state: 'unclear', since: null, values: {} });

function channelFindings({ id: on, enabled, up, reason }: ChannelFact, quiet: Quiet | undefined): readonly Finding[] {
  if (!enabled) return [];
  if (up) return quiet === undefined ? [] : [holds('channel-quiet', { on }, { ...quiet })];
  if (reason === OPENING)
    return [unclear('channel-down', on), unclear('credentials-refused', on), unclear('channel-quiet', on)];
  // One cause, one alarm: whose credentials are refused is not told as down as well.
  const down =
    reason === REFUSED
      ? holds('credentials-refused', { on })
      : holds('channel-down', { on }, { reason: reason ?? '-' });
  return [down, unclear('channel-quiet', on)];
}

/** A store that takes nothing is as good as none. */
function storeFindings({ store, now }: Facts, limits: AlarmLimits): readonly Finding[] {
  if (store === null)
    return [holds('store-down', {}), unclear('unread-old'), unclear('undispatched-old'), unclear('dead-letters')];
  const { oldestUnread, unread, dead } = store;
  const old = oldestUnread !== null && now - oldestUnread > limits.unreadMinutes * MINUTE_MS;
  return [
    ...(old ? [holds('unread-old', { since: oldestUnread }, { count: unread })] : []),
    ...(dead > 0 ? [holds('dead-letters', {}, { count: dead })] : []),
  ];
}

function diskFindings({ disk, intakePaused }: Facts, limits: AlarmLimits): readonly Finding[] {
  if (disk === null) return [unclear('disk-low'), unclear('intake-paused')];
  const freeMb = Math.floor(disk.freeBytes / MB);
  // While intake stands still the graver alarm says it, and this one stays as it is.
  if (intakePaused !== null) return [holds('intake-paused', {}, { freeMb, reason: intakePaused }), unclear('disk-low')];
  if (disk.freeBytes >= disk.leastFreeBytes * limits.diskFactor) return [];
  return [holds('disk-low', {}, { freeMb, leastMb: Math.ceil(disk.leastFreeBytes / MB) })];
}

/** Without a case system entries wait by intention, however old they are. */
function caseSystemFindings({ caseSystem, store, now }: Facts, limits: AlarmLimits): readonly Finding[] {
  if (caseSystem === null) return [];
  const found = caseSystem.down ? [holds('case-system-down', { since: caseSystem.since })] : [];
  const since = store?.oldestUndispatched ?? null;
  if (store === null || since === null || now - since <= limits.undispatchedMinutes * MINUTE_MS) return found;
  return [...found, holds('undispatched-old', { since }, { count: store.undispatched })];
}

function expiryFindings({ what, at }: Expiry, now: number, limits: AlarmLimits): readonly Finding[] {
  if (at - now > limits.expiryDays * DAY_MS) return [];
  return [holds('expiring', { on: NAME.test(what) ? what : 'unnamed' }, { at })];
}

function oneOffs({ settingsRefused, keysKept, clock, auditBroken }: Facts): readonly Finding[] {
  return [
    ...(keysKept ? [] : [holds('keys-gone', {})]),
    ...(settingsRefused === null
      ? []
      : [holds('settings-refused', { since: settingsRefused.at }, { code: settingsRefused.code })]),
    ...(clock === null ? [] : [holds('clock-jumped', { since: clock.at }, { seconds: clock.seconds })]),
    ...(auditBroken === null ? [] : [holds('audit-broken', {}, { seq: auditBroken })]),
  ];
}
