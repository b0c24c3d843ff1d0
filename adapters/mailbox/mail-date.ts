// When a mail was sent: its Date line, mistrusted where programs in China write it wrongly, else when the server took it in.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WRITTEN =
  /^(?:[A-Za-z]{3,9}\s*,?\s+)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*[\s-]+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:(?:GMT|UTC?)?([+-]\d{1,2}(?::?\d{2})?)|([A-Za-z]{1,5}))?/;
const HOUR = 3_600_000;
/** CST is China's time here; the American one of RFC 822 is fourteen hours away and nobody writes it to a city hotline. */
const ZONES: Readonly<Record<string, number>> = { gmt: 0, ut: 0, utc: 0, z: 0, cst: 8, hkt: 8, bjt: 8 };
/** Two clocks further apart than this: the server's is right. */
const MOST_APART = 24 * HOUR;
/** Nothing was sent after it arrived; clocks differ by some minutes. */
const MOST_AHEAD = HOUR / 6;

interface SentAt {
  readonly at: number;
  /** The zone was a number, so there is no doubt about it. */
  readonly sure: boolean;
}

function readDate(text: string): SentAt | null {
  const match = WRITTEN.exec(text.slice(0, 200).trim());
  if (match === null) return null;
  const [day, year, hour, minute, second] = [1, 3, 4, 5, 6].map(group => Number(match[group] ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const month = MONTHS.indexOf((match[2] as string).toLowerCase());
  if (month === -1 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null;
  const fullYear = year < 50 ? 2000 + year : year < 1000 ? 1900 + year : year;
  const [, , , , , , , number, name = ''] = match;
  const offset = number === undefined ? (ZONES[name.toLowerCase()] ?? 8) * HOUR : numericOffset(number);
  const at = Date.UTC(fullYear, month, day, hour, minute, second) - offset;
  return { at, sure: number !== undefined || ZONES[name.toLowerCase()] === 0 };
}

/** `+0800`, and as programs that do not know better write it: `GMT+8`, `+08:00`. */
function numericOffset(zone: string): number {
  const [, hours, rest] = /^[+-](\d{1,2}):?(\d{2})?$/.exec(zone) ?? [];
  const minutes = Number(hours) * 60 + Number(rest ?? 0);
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000;
}

/** INTERNALDATE among an original's facts: milliseconds or an ISO text. */
function readInternal(meta: Readonly<Record<string, string>>): number | null {
  const name = Object.keys(meta).find(key => key.toLowerCase() === 'internaldate');
  if (name === undefined) return null;
  const text = (meta[name] as string).trim();
  const at = /^\d{10,15}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(at) ? at : null;
}

function fits(written: number, internal: number): boolean {
  return internal - written <= MOST_APART && written - internal <= MOST_AHEAD;
}

/**
 * The time a mail was sent, as Shanghai writes it; undefined where nothing says it.
 * @param date The Date line. One without a numeric zone, a day before the server's clock or minutes after it, gives way to `meta`.
 */
export function sentAt(date: string | undefined, meta: Readonly<Record<string, string>>): string | undefined {
  const written = date === undefined ? null : readDate(date);
  const internal = readInternal(meta);
  const trusted = written !== null && (internal === null || (written.sure && fits(written.at, internal)));
  const at = trusted ? written.at : internal;
  if (at === null) return undefined;
  const shanghai = new Date(at + 8 * HOUR);
  return Number.isNaN(shanghai.getTime()) || shanghai.getUTCFullYear() > 9999
    ? undefined
    : shanghai.toISOString().replace(/\.\d{3}Z$/, '+08:00');
}
