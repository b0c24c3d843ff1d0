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
function endOfDay(day: number): number {
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

/** One extension that article 16 allows. */
export interface Extension {
  /** Until when it must be asked for. */
  readonly askBefore: number;
  readonly extendedTo: number;
}

/** The extensions that may be asked for, one after the other; none for a deadline that cannot be extended. */
export function extensionsOf(
  { at, extensions }: Deadline,
  { extension }: DeadlineRules,
  calendar: WorkCalendar,
): readonly Extension[] {
  const after = (times: number): number =>
    times === 0 ? at : endOfDay(addWorkingDays(calendar, shanghaiDay(at), times * extension.workingDays));
  return Array.from({ length: extensions }, (_, times) => ({
    askBefore: after(times) - extension.askedDaysBefore * DAY_MS,
    extendedTo: after(times + 1),
  }));
}
