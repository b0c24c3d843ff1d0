// When a mail was sent: its Date line, mistrusted where programs in China write it wrongly, else when the server took it in.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WRITTEN =
  /^(?:[A-Za-z]{3,9}\s*,?\s+)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*[\s-]+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([A-Za-z]{1,5}|[+-]\d{4})?/;
const HOUR = 3_600_000;
/** CST is China's time here; the American one of RFC 822 is fourteen hours away and nobody writes it to a city hotline. */
const ZONES: Readonly<Record<string, number>> = { gmt: 0, ut: 0, utc: 0, z: 0, cst: 8, hkt: 8, bjt: 8 };
/** Two clocks further apart than this: the server's is right. */
const MOST_APART = 24 * HOUR;

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
  const zone = match[7] ?? '';
  const numeric = /^[+-]\d{4}$/.test(zone);
  const offset = numeric ? numericOffset(zone) : (ZONES[zone.toLowerCase()] ?? 8) * HOUR;
  const at = Date.UTC(fullYear, month, day, hour, minute, second) - offset;
  return { at, sure: numeric || ZONES[zone.toLowerCase()] === 0 };
}

function numericOffset(zone: string): number {
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5));
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

/**
 * The time a mail was sent, as Shanghai writes it; undefined where nothing says it.
 * @param date The Date line. One without a numeric zone, or a day away from the server's clock, gives way to `meta`.
 */
export function sentAt(date: string | undefined, meta: Readonly<Record<string, string>>): string | undefined {
  const written = date === undefined ? null : readDate(date);
  const internal = readInternal(meta);
  const trusted =
    written !== null && (internal === null || (written.sure && Math.abs(written.at - internal) <= MOST_APART));
  const at = trusted ? written.at : internal;
  if (at === null) return undefined;
  const shanghai = new Date(at + 8 * HOUR);
  return Number.isNaN(shanghai.getTime()) || shanghai.getUTCFullYear() > 9999
    ? undefined
    : shanghai.toISOString().replace(/\.\d{3}Z$/, '+08:00');
}
