// 通知的产生: what is to be told of alarms that began, last or are over, and of those that a process tells of by itself.
import { randomUUID } from 'node:crypto';
import type { AlarmSettings } from '../../config/alarms.ts';
import type { Alarm, AlarmState, Notice, NoticeType, PastAlarm, WayName } from './alarm.ts';
import type { Course } from './course.ts';

const HOUR_MS = 3_600_000;

/** Beginnings nobody was told of yet (also those from before there was anybody to tell), and reminders that are due. */
export function written(
  { alarms }: Course,
  { remindHours }: AlarmSettings,
  ways: readonly WayName[],
  at: number,
): { readonly alarms: readonly Alarm[]; readonly notices: readonly Notice[] } {
  if (ways.length === 0) return { alarms, notices: [] };
  const notices: Notice[] = [];
  const marked = alarms.map(alarm => {
    if (alarm.raised === null) return alarm;
    const due = remindHours > 0 && alarm.reminded !== null && at - alarm.reminded >= remindHours * HOUR_MS;
    if (alarm.told !== null && !due) return alarm;
    notices.push(noticeOf(alarm.told === null ? 'alarm.began' : 'alarm.reminder', alarm, ways, at));
    return { ...alarm, told: alarm.told ?? at, reminded: at };
  });
  return { alarms: marked, notices };
}

export function noticeOf(type: NoticeType, alarm: Alarm | PastAlarm, ways: readonly WayName[], at: number): Notice {
  const { id, kind, on, since, values } = alarm;
  const over = 'over' in alarm ? alarm.over : null;
  return { id: `alarm-${randomUUID()}`, type, at, kind, alarm: id, on, since, over, values, ways };
}

const isOwn = ({ kind }: Pick<Alarm | Notice, 'kind'>) => kind === 'store-down';

/** What a process has told of by itself, while nobody could say who was to tell: the store's outage, and not yet kept there. */
function ofOutage(own: AlarmState, kept: AlarmState): Pick<AlarmState, 'alarms' | 'notices'> {
  const known = new Set([...kept.alarms, ...kept.past].map(({ id }) => id));
  const alarms = own.alarms.filter(alarm => isOwn(alarm) && !known.has(alarm.id));
  const ids = new Set(alarms.map(({ id }) => id));
  return { alarms, notices: own.notices.filter(notice => isOwn(notice) && ids.has(notice.alarm)) };
}

/** Another one tells people from now on and knows nothing of it: what was told is told to be over. */
export function farewell(own: AlarmState, kept: AlarmState, ways: readonly WayName[], at: number): readonly Notice[] {
  const { alarms, notices } = ofOutage(own, kept);
  if (ways.length === 0) return [];
  const over = alarms.flatMap(alarm =>
    alarm.raised === null || alarm.told === null ? [] : [{ ...alarm, raised: alarm.raised, over: at }],
  );
  return [...notices, ...over.map(alarm => noticeOf('alarm.over', alarm, ways, at))];
}

/** This one tells people from now on, and goes on with what it has told of. */
export function takenOver(own: AlarmState, kept: AlarmState): AlarmState {
  const { alarms, notices } = ofOutage(own, kept);
  return { ...kept, alarms: [...kept.alarms, ...alarms], notices: [...kept.notices, ...notices] };
}
