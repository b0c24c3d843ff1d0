// 工作日历: the statutory holidays and make-up working days (调休) of China, by day number in Shanghai time.
import chineseDays from 'chinese-days';

const DAY_MS = 86_400_000;

/** A year as the State Council announced it, for one that the library does not hold yet or holds otherwise. */
export interface CalendarYear {
  readonly year: number;
  /** Days off, `2026-04-05`, or all of them from one to another, `2026-01-01..2026-01-03`. */
  readonly holidays: readonly string[];
  /** Saturdays and Sundays on which people work. */
  readonly workdays: readonly string[];
}

/** Tells working days from days off. Days are numbers since 1970-01-01. */
export interface WorkCalendar {
  /** True when it holds the year's holidays as the State Council announced them. */
  knows(year: number): boolean;
  /** 工作日: by the announcement where the year is known, else Monday to Friday. */
  isWorkday(day: number): boolean;
  /** The first year after this one, or this one itself, of which it does not. */
  firstUnknown(year: number): number;
}

/** The longest run of days off that one entry may name: more can only be a slip. */
const LONGEST_RUN = 31;
const WRITTEN = /^(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?$/;

/** Day numbers of `2026-04-05` or of `2026-01-01..2026-01-03`; null where it is neither, or no such days are in the calendar. */
export function daysOf(written: string): readonly number[] | null {
  const [, first = '', last = first] = WRITTEN.exec(written) ?? [];
  const from = dayNumber(first);
  const to = dayNumber(last);
  if (from === null || to === null || to < from || to - from >= LONGEST_RUN) return null;
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function dayNumber(date: string): number | null {
  const at = Date.parse(`${date}T00:00:00Z`);
  // The 30th of February would be taken for the 2nd of March.
  return Number.isNaN(at) || dateOf(at / DAY_MS) !== date ? null : at / DAY_MS;
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Day of the week of a day number, 0 = Sunday. */
function weekday(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

/** Whether a day number is a Saturday or a Sunday. */
export function isWeekend(day: number): boolean {
  return weekday(day) === 0 || weekday(day) === 6;
}

/**
 * The library's calendar, with own years in place of those it has under the same number or lacks. An own year may begin or end in
 * its neighbours: the days at the turn of the year are announced with one of the two.
 */
export function workCalendar(own: readonly CalendarYear[] = []): WorkCalendar {
  const ownYears = new Set(own.map(({ year }) => year));
  const said = new Map<number, boolean>();
  for (const { holidays, workdays } of own) {
    for (const day of holidays.flatMap(written => daysOf(written) ?? [])) said.set(day, false);
    for (const day of workdays.flatMap(written => daysOf(written) ?? [])) said.set(day, true);
  }
  const workdays = new Map<number, boolean>();
  const knows = (year: number): boolean => ownYears.has(year) || inLibrary(year);

  function decided(day: number): boolean {
    const date = dateOf(day);
    const year = Number(date.slice(0, 4));
    return said.get(day) ?? (ownYears.has(year) || !inLibrary(year) ? !isWeekend(day) : chineseDays.isWorkday(date));
  }

  return {
    knows,
    isWorkday(day) {
      let work = workdays.get(day);
      if (work === undefined) {
        work = decided(day);
        // A memory of the calendar, not a state: dropped whole when somebody asks for absurdly many days.
        if (workdays.size > 20_000) workdays.clear();
        workdays.set(day, work);
      }
      return work;
    },
    firstUnknown(year) {
      let at = year;
      while (knows(at)) at++;
      return at;
    },
  };
}

/** It goes through the year day by day, and says the same each time. */
const libraryYears = new Map<number, boolean>();

function inLibrary(year: number): boolean {
  if (year < 2000 || year > 2199) return false;
  const known =
    libraryYears.get(year) ?? chineseDays.getHolidaysInRange(`${year}-01-01`, `${year}-12-31`, false).length > 0;
  libraryYears.set(year, known);
  return known;
}

/** The day of the n-th working day after `day`; the day itself does not count. */
export function addWorkingDays(calendar: Pick<WorkCalendar, 'isWorkday'>, day: number, count: number): number {
  let at = day;
  for (let left = count; left > 0; ) {
    at++;
    if (calendar.isWorkday(at)) left--;
  }
  return at;
}
