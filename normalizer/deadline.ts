// The clocks of articles 15 and 16 on the statutory work calendar with 调休, in Shanghai time.
import { SHANGHAI_MS } from './moment.ts';
import type { ClockRule, DeadlineRules } from './rule-data.ts';
import type { Deadline, Urgency } from './ticket.ts';
import { addWorkingDays, type WorkCalendar } from './work-calendar.ts';

const DAY_MS = 86_400_000;

/** Number of the Shanghai day a moment lies in (days since 1970-01-01). */
export function shanghaiDay(at: number): number {
  return Math.floor((at + SHANGHAI_MS) / DAY_MS);
}

/** Last millisecond of a Shanghai day. */
export function endOfDay(day: number): number {
  return (day + 1) * DAY_MS - SHANGHAI_MS - 1;
}

/** The year a moment lies in, in Shanghai. */
export function yearOf(at: number): number {
  return new Date(at + SHANGHAI_MS).getUTCFullYear();
}

/** The first moment of a year in Shanghai. */
export function yearStart(year: number): number {
  return Date.UTC(year, 0, 1) - SHANGHAI_MS;
}

function due(what: Deadline['what'], clock: ClockRule, receivedAt: number, calendar: WorkCalendar): Deadline {
  const base = { what, extensions: clock.extensions ?? 0, article: clock.article };
  if (clock.hours !== undefined) return { ...base, at: receivedAt + clock.hours * 3_600_000, workingDays: null };
  const day = shanghaiDay(receivedAt);
  if (clock.workingDays === undefined) return { ...base, at: endOfDay(day), workingDays: null };
  return { ...base, at: endOfDay(addWorkingDays(calendar, day, clock.workingDays)), workingDays: clock.workingDays };
}

/** Deadlines of one appeal, with `deadline.calendar-unknown` when the holidays of a year concerned are not yet known. */
export function deadlinesFor(
  urgency: Urgency,
  receivedAt: number,
  rules: DeadlineRules,
  calendar: WorkCalendar,
): { readonly deadlines: readonly Deadline[]; readonly problems: readonly string[] } {
  const deadlines = [
    due('dispatch', rules.dispatch, receivedAt, calendar),
    due('return', rules.return, receivedAt, calendar),
    due('result', rules.result[urgency], receivedAt, calendar),
  ];
  const unknown = deadlines.some(({ at, workingDays }) => workingDays !== null && !calendar.knows(yearOf(at)));
  return { deadlines, problems: unknown ? ['deadline.calendar-unknown'] : [] };
}

/**
 * A result deadline after `times` extensions of article 16, and until when the next extension must be asked for.
 * @returns null when it may not be extended so often.
 */
export function extendDeadline(
  deadline: Deadline,
  times: number,
  rules: DeadlineRules,
  calendar: WorkCalendar,
): { readonly deadline: Deadline; readonly askBefore: number } | null {
  if (times < 0 || times > deadline.extensions) return null;
  const day = addWorkingDays(calendar, shanghaiDay(deadline.at), times * rules.extension.workingDays);
  const at = times === 0 ? deadline.at : endOfDay(day);
  return {
    deadline: { ...deadline, at, extensions: deadline.extensions - times, article: rules.extension.article },
    askBefore: at - rules.extension.askedDaysBefore * DAY_MS,
  };
}
