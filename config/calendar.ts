// 放假安排: years of the work calendar that the library does not hold yet, as the State Council announces them each autumn.
import Joi from 'joi';
import { type CalendarYear, daysOf, isWeekend } from '../normalizer/work-calendar.ts';

/** As written; the lists are plain data once they are checked. */
export interface CalendarYearSettings extends Omit<CalendarYear, 'holidays' | 'workdays'> {
  readonly holidays: string[];
  readonly workdays: string[];
}

const YEAR = { least: 2000, most: 2199 };
const MOST_ENTRIES = 100;

/** Days of the neighbours are announced with a year, too, but only those at its turn. */
function isOfYear(day: number, year: number): boolean {
  const first = Date.UTC(year - 1, 11, 1) / 86_400_000;
  const last = Date.UTC(year + 1, 0, 31) / 86_400_000;
  return day >= first && day <= last;
}

function wholeYear(entry: CalendarYearSettings, { error }: Joi.CustomHelpers): CalendarYearSettings | Joi.ErrorReport {
  const off = new Set(entry.holidays.flatMap(written => daysOf(written) ?? []));
  const work = entry.workdays.flatMap(written => daysOf(written) ?? []);
  if ([...off, ...work].some(day => !isOfYear(day, entry.year))) {
    return error('calendar.other_year', { limit: entry.year });
  }
  return work.some(day => off.has(day)) ? error('calendar.both') : entry;
}

const days = Joi.string().custom((written: string, { error }) =>
  daysOf(written) === null ? error('calendar.day_form') : written,
);
const makeUpDays = days.custom((written: string, { error }) =>
  daysOf(written)?.every(isWeekend) === true ? written : error('calendar.no_weekend'),
);

export const calendarSchema = Joi.array()
  .items(
    Joi.object<CalendarYearSettings, true>({
      year: Joi.number()
        .integer()
        .min(YEAR.least)
        .max(YEAR.most)
        .required()
        .label('年份')
        .description('The year; what stands here is taken in place of what the program holds of it.'),
      holidays: Joi.array()
        .items(days)
        .min(1)
        .max(MOST_ENTRIES)
        .required()
        .label('放假日期')
        .description('Days off: one (2026-04-05), or the first and the last of several (2026-01-01..2026-01-03).'),
      workdays: Joi.array()
        .items(makeUpDays)
        .max(MOST_ENTRIES)
        .default([])
        .label('调休上班日期')
        .description('Saturdays and Sundays on which people work.'),
    }).custom(wholeYear),
  )
  .unique('year')
  .required()
  .label('放假安排')
  .description('Years of the work calendar that the program does not hold, as the State Council announced them.');
