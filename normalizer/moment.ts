// Times as platforms write them, into milliseconds: with a zone as it says, without one in Shanghai.

/** Shanghai is eight hours ahead all year round. */
export const SHANGHAI_MS = 8 * 3_600_000;

const WRITTEN =
  /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]{0,3}(\d{1,2})(?:[时点]|[:时点](\d{1,2})分?(?::?(\d{1,2})(?:\.(\d{1,9}))?秒?)?))? ?(Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?$/i;

function zoneMs(zone: string | undefined): number {
  if (zone === undefined) return SHANGHAI_MS;
  if (zone.toUpperCase() === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.replace(/\D/g, '');
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
}

/**
 * Milliseconds since the epoch, or null for what is no time. Takes RFC 3339, `2024-01-05 08:30:05`, `2024/1/5 8:30`,
 * `2024年1月5日8时30分`, `2024年1月5日8点`, and seconds or milliseconds since the epoch.
 */
export function parseMoment(written: string): number | null {
  const text = written.trim().replaceAll('：', ':');
  if (/^\d{10}$/.test(text)) return Number(text) * 1000;
  if (/^\d{13}$/.test(text)) return Number(text);
  if (text.length > 48) return null;
  const match = WRITTEN.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(part => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const midnight = Date.UTC(year, month - 1, day);
  const date = new Date(midnight);
  // A year below 100 would be taken for one of the twentieth century.
  const sameDay = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && month >= 1 && day >= 1;
  if (!sameDay || hour > 24 || minute > 59 || second > 60 || (hour === 24 && minute + second > 0)) return null;
  const millis = Number(`0.${match[7] ?? '0'}`) * 1000;
  return midnight + ((hour * 60 + minute) * 60 + second) * 1000 + Math.floor(millis) - zoneMs(match[8]);
}
