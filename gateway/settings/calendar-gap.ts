// Whether the work calendar will soon be without a year's holidays: deadlines that reach into it would be counted without them.
import type { Config } from '../../config/schema.ts';
import { yearOf, yearStart } from '../../normalizer/deadline.ts';
import { workCalendar } from '../../normalizer/work-calendar.ts';

/** People are told so long before: deadlines of some days reach into the year, and the announcement comes in November. */
const AHEAD_MS = 45 * 86_400_000;

/** The first year without known holidays, and when it begins, milliseconds since the epoch. */
export interface CalendarEnd {
  readonly year: number;
  readonly at: number;
}

export function calendarEnd({ calendar }: Pick<Config, 'calendar'>, now: number): CalendarEnd {
  const year = workCalendar(calendar).firstUnknown(yearOf(now));
  return { year, at: yearStart(year) };
}

/** Null while there is time. */
export function calendarGap(config: Pick<Config, 'calendar'>, now: number): CalendarEnd | null {
  const end = calendarEnd(config, now);
  return end.at - now > AHEAD_MS ? null : end;
}
