// Times as platforms write them, and Excel's day numbers, into RFC 3339; what names no zone is Beijing time.

const TWO = (value: number): string => String(value).padStart(2, '0');

/** `2026-01-05 8:30`, `2026/1/5`, `2026.1.5 08:30:15`, `2026年1月5日 8时30分`, with or without zone. */
const WRITTEN =
  /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s]*(上午|下午|am|pm)?\s*(\d{1,2})[:时点](?:(\d{1,2})(?:[:分](?:(\d{1,2})(?:\.\d{1,9})?秒?)?)?)?\s*(am|pm)?\s*(z|[+-]\d{2}:?\d{2})?)?$/i;
/** `20260105`, `202601050830`, `20260105083015`. */
const PACKED = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?$/;

/** A day of the years 1982 to 2173 as Excel counts it, where the style that shows it as a date was lost. */
const DAY_NUMBER = /^[3-9]\d{4}(?:\.\d{1,12})?$/;

interface Moment {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number | null;
  readonly minute: number;
  readonly second: number;
  readonly zone: string;
}

/** RFC 3339 with zone, or the day alone; what is not understood comes back as it is, and is noted on the ticket. */
export function readTime(text: string): string {
  const plain = text.normalize('NFKC').trim();
  const shownAs = DAY_NUMBER.test(plain) ? excelTime(Number(plain), '1900') : null;
  const moment = packed(plain) ?? written(shownAs ?? plain);
  return moment === null || !exists(moment) ? text : shown(moment);
}

function packed(text: string): Moment | null {
  const found = PACKED.exec(text);
  if (found === null) return null;
  const [year, month, day, hour, minute, second] = found.slice(1).map(Number) as [number, number, number, ...number[]];
  return {
    year,
    month,
    day,
    hour: found[4] === undefined ? null : (hour as number),
    minute: found[5] === undefined ? 0 : (minute as number),
    second: found[6] === undefined ? 0 : (second as number),
    zone: '+08:00',
  };
}

function written(text: string): Moment | null {
  const found = WRITTEN.exec(text);
  if (found === null) return null;
  const [, year, month, day, before, hour, minute, second, after, zone] = found;
  const half = (before ?? after ?? '').toLowerCase();
  return {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: hour === undefined ? null : hourOf(Number(hour), half),
    minute: Number(minute ?? 0),
    second: Number(second ?? 0),
    zone: zoneOf(zone),
  };
}

function hourOf(hour: number, half: string): number {
  if (half === '下午' || half === 'pm') return hour < 12 ? hour + 12 : hour;
  if (half === '上午' || half === 'am') return hour === 12 ? 0 : hour;
  return hour;
}

function zoneOf(zone: string | undefined): string {
  if (zone === undefined) return '+08:00';
  if (/^z$/i.test(zone)) return 'Z';
  return zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
}

function exists({ year, month, day, hour, minute, second }: Moment): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  const real = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return real && (hour ?? 0) < 24 && minute < 60 && second < 60;
}

function shown({ year, month, day, hour, minute, second, zone }: Moment): string {
  const date = `${String(year).padStart(4, '0')}-${TWO(month)}-${TWO(day)}`;
  return hour === null ? date : `${date}T${TWO(hour)}:${TWO(minute)}:${TWO(second)}${zone}`;
}

const DAY_SECONDS = 86_400;
/** Excel counts a 29 February 1900 that never was, so days up to then stand one higher. */
const PHANTOM_DAY = 60;
const FIRST_DAY = { '1900': Date.UTC(1899, 11, 30), '1904': Date.UTC(1904, 0, 1) } as const;
/** The last day of the year 9999. */
const LAST_DAY = 2_958_465;

/**
 * A cell that Excel shows as a date or time, as text without a zone: `2026-01-05`, `2026-01-05 08:30:00`, or `08:30:00`.
 *
 * @returns null for a day number that is no date
 */
export function excelTime(serial: number, system: '1900' | '1904'): string | null {
  if (!(serial >= 0) || serial > LAST_DAY + 1) return null;
  const seconds = Math.round(serial * DAY_SECONDS);
  const days = Math.floor(seconds / DAY_SECONDS);
  const rest = seconds % DAY_SECONDS;
  const clock = `${TWO(Math.floor(rest / 3600))}:${TWO(Math.floor(rest / 60) % 60)}:${TWO(rest % 60)}`;
  if (days === 0) return clock;
  const real = system === '1900' && days < PHANTOM_DAY ? days + 1 : days;
  const date = new Date(FIRST_DAY[system] + real * DAY_SECONDS * 1000).toISOString().slice(0, 10);
  return rest === 0 ? date : `${date} ${clock}`;
}
