// The clocks of articles 15 and 16 on the statutory work calendar with 调休, in Shanghai time.
import chineseDays from 'chinese-days';
import { SHANGHAI_MS } from './moment.ts';
import type { ClockRule, DeadlineRules } from './rule-data.ts';
import type { Deadline, Urgency } from './ticket.ts';

const DAY_MS = 86_400_000;

/** Number of the Shanghai day a moment lies in (days since 1970-01-01). */
export function shanghaiDay(at: number): number {
  return Math.floor((at + SHANGHAI_MS) / DAY_MS);
}

/** Last millisecond of a Shanghai day. */
export function endOfDay(day: number): number {
  return (day + 1) * DAY_MS - SHANGHAI_MS - 1;
}

/** Day of the week of a day number, 0 = Sunday. */
function weekday(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

const knownYears = new Map<number, boolean>();
const workdays = new Map<number, boolean>();

/** True when the calendar holds the year's holidays as the State Council announced them. */
export function isKnownYear(year: number): boolean {
  let known = knownYears.get(year);
  if (known === undefined) {
    known =
      year > 1999 && year < 2200 && chineseDays.getHolidaysInRange(`${year}-01-01`, `${year}-12-31`, false).length > 0;
    knownYears.set(year, known);
  }
  return known;
}

/** 工作日: statutory holidays and make-up days where the year is known, else Monday to Friday. */
export function isWorkday(day: number): boolean {
  let work = workdays.get(day);
  if (work === undefined) {
    const date = new Date(day * DAY_MS).toISOString().slice(0, 10);
    work = isKnownYear(Number(date.slice(0, 4)))
      ? chineseDays.isWorkday(date)
      : weekday(day) !== 0 && weekday(day) !== 6;
    // A memory of the calendar, not a state: dropped whole when somebody asks for absurdly many days.
    if (workdays.size > 20_000) workdays.clear();
    workdays.set(day, work);
  }
  return work;
}

/** The day of the n-th working day after `day`; the day itself does not count. */
export function addWorkingDays(day: number, count: number): number {
  let at = day;
  for (let left = count; left > 0; ) {
    at++;
    if (isWorkday(at)) left--;
  }
  return at;
}

function due(what: Deadline['what'], clock: ClockRule, receivedAt: number): Deadline {
  const base = { what, extensions: clock.extensions ?? 0, article: clock.article };
  if (clock.hours !== undefined) return { ...base, at: receivedAt + clock.hours * 3_600_000, workingDays: null };
  const day = shanghaiDay(receivedAt);
  if (clock.workingDays === undefined) return { ...base, at: endOfDay(day), workingDays: null };
  return { ...base, at: endOfDay(addWorkingDays(day, clock.workingDays)), workingDays: clock.workingDays };
}

/** Deadlines of one appeal, with `deadline.calendar-unknown` when the holidays of a year concerned are not yet known. */
export function deadlinesFor(
  urgency: Urgency,
  receivedAt: number,
  rules: DeadlineRules,
): { readonly deadlines: readonly Deadline[]; readonly problems: readonly string[] } {
  const deadlines = [
    due('dispatch', rules.dispatch, receivedAt),
    due('return', rules.return, receivedAt),
    due('result', rules.result[urgency], receivedAt),
  ];
  const unknown = deadlines.some(
    ({ at, workingDays }) => workingDays !== null && !isKnownYear(new Date(at + SHANGHAI_MS).getUTCFullYear()),
  );
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
): { readonly deadline: Deadline; readonly askBefore: number } | null {
  if (times < 0 || times > deadline.extensions) return null;
  const day = addWorkingDays(shanghaiDay(deadline.at), times * rules.extension.workingDays);
  const at = times === 0 ? deadline.at : endOfDay(day);
  return {
    deadline: { ...deadline, at, extensions: deadline.extensions - times, article: rules.extension.article },
    askBefore: at - rules.extension.askedDaysBefore * DAY_MS,
  };
}
