// 报警的始末: from what is found now and what was known, which alarms begin, last and end. Pure.
import { randomUUID } from 'node:crypto';
import type { AlarmSettings } from '../../config/alarms.ts';
import type { Alarm, AlarmKind, Finding, PastAlarm } from './alarm.ts';

/** What one look came to. */
export interface Course {
  readonly alarms: readonly Alarm[];
  readonly began: readonly Alarm[];
  readonly over: readonly PastAlarm[];
}

export interface Look {
  readonly now: number;
  /** Elapsed time since the look before, not by the wall clock; 0 at the first look of a process. */
  readonly elapsedMs: number;
  /** How long a condition has to hold until it is an alarm. */
  after(kind: Finding['kind']): number;
  /** How long it has to be gone until it is over; a shorter gap is none. */
  readonly overMs: number;
  newId(): string;
}

const MINUTE_MS = 60_000;

/** Conditions not named here are alarms as soon as they are found: a limit of their own is in their rule. */
export function lookOf({ limits, overMinutes }: AlarmSettings, now: number, elapsedMs: number): Look {
  const minutes: Partial<Record<AlarmKind, number>> = {
    'channel-down': limits.channelDownMinutes,
    'case-system-down': limits.caseSystemDownMinutes,
    'queue-down': limits.caseSystemDownMinutes,
    'store-down': limits.storeDownMinutes,
  };
  return {
    now,
    elapsedMs,
    after: (kind: AlarmKind) => (minutes[kind] ?? 0) * MINUTE_MS,
    overMs: overMinutes * MINUTE_MS,
    newId: () => randomUUID(),
  };
}

const keyOf = ({ kind, on }: { readonly kind: string; readonly on: string }) => `${kind} ${on}`;

/**
 * A condition that comes and goes begins when the times it held add up, and ends only when it stays away: so one that flaps
 * is told once, not at every turn. Time in which no gateway ran counts for neither.
 */
export function advance(known: readonly Alarm[], findings: readonly Finding[], look: Look): Course {
  const found = new Map(findings.map(finding => [keyOf(finding), finding]));
  const before = new Set(known.map(keyOf));
  const alarms: Alarm[] = [];
  const began: Alarm[] = [];
  const over: PastAlarm[] = [];
  const keep = (alarm: Alarm, wasRaised: boolean) => {
    alarms.push(alarm);
    if (alarm.raised !== null && !wasRaised) began.push(alarm);
  };
  for (const alarm of known) {
    const next = stepped(alarm, found.get(keyOf(alarm)), look);
    if (next.goneMs < look.overMs || next.goneMs === 0) keep(next, alarm.raised !== null);
    else if (next.raised !== null) over.push(ended(next, next.raised, look.now));
  }
  for (const finding of findings) {
    if (finding.state === 'holds' && !before.has(keyOf(finding))) keep(noticed(finding, look), false);
  }
  return { alarms, began, over };
}

function stepped(alarm: Alarm, finding: Finding | undefined, look: Look): Alarm {
  if (finding?.state === 'unclear') return alarm;
  // At least a millisecond: gone at the first look of a process is gone, too.
  if (finding === undefined) return { ...alarm, goneMs: alarm.goneMs + Math.max(1, look.elapsedMs) };
  const heldMs = alarm.heldMs + look.elapsedMs;
  const raised = alarm.raised ?? (heldMs >= look.after(alarm.kind) ? look.now : null);
  return { ...alarm, heldMs, goneMs: 0, raised, values: finding.values };
}

function noticed({ kind, on, since, values }: Finding, look: Look): Alarm {
  const raised = look.after(kind) <= 0 ? look.now : null;
  return {
    id: look.newId(),
    ...{ kind, on, values, raised },
    since: since ?? look.now,
    heldMs: 0,
    goneMs: 0,
    told: null,
    reminded: null,
  };
}

function ended({ id, kind, on, since, values }: Alarm, raised: number, over: number): PastAlarm {
  return { id, kind, on, since, raised, over, values };
}
