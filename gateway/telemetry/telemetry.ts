// What the gateway tells about itself: log lines from an allow-list, one line down and one up. Never personal data.
import { type DestinationStream, destination as fileDescriptor, pino } from 'pino';

/** Values of a log line. Keys outside the allow-list below, and values of another form, are left out and counted. */
export type LogValues = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  debug(code: string, values?: LogValues): void;
  info(code: string, values?: LogValues): void;
  warn(code: string, values?: LogValues): void;
  /** A failure that has a name: logged as its class and code, without its text. */
  fail(code: string, cause: unknown, values?: LogValues): void;
  /** Anything unexpected: class, code and stack without its text. Called at the edges only. */
  bug(code: string, cause: unknown, values?: LogValues): void;
  /** A log whose lines all carry these values. */
  child(values: LogValues): Log;
}

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Where lines go; standard error by default, since standard output belongs to commands' results. */
  readonly destination?: DestinationStream;
}

// Forms that hold no sentence, name, phone, e-mail or ID number: a word starts with a letter and has no long run of digits.
const WORD = /^(?!.*\d{9})[a-z][a-z0-9._/-]{0,63}$/i;
const NUMBER = /^\d{6}[0-9A-HJKMNP-TV-Z]{11}$/;
const ENTRY = /^\d{6}[0-9A-HJKMNP-TV-Z]{11}:\d{1,6}:[a-z.-]{1,40}$/;
const ORIGIN = /^https?:\/\/[a-z0-9.:[\]-]{1,120}$/i;
const VERSION = /^v?\d{1,3}(\.\d{1,4}){0,3}$/;
const HOST = /^(?=.*[a-z.:])[a-z0-9.:-]{1,120}$/i;

/** Settings of the store with hosts and ports, and what the network or the server called the trouble. */
const PLACE = /^(?:store\.[a-zA-Z]{1,20} [a-z0-9.:,[\]_-]{1,300}(?:, )?){1,2}(?:: [A-Za-z0-9_]{1,60})?$/i;

/** 日志白名单: every key a log line may have, with the form its text must have (numbers and booleans always pass). */
const ALLOWED: Readonly<Record<string, RegExp>> = {
  action: WORD,
  adapter: WORD,
  attempts: WORD,
  bytes: WORD,
  channel: WORD,
  code: WORD,
  count: WORD,
  entry: ENTRY,
  faults: WORD,
  file: WORD,
  field: /^(\/[A-Za-z_]{1,40}|\/\d{1,4}){0,8}$/,
  freeMb: WORD,
  fresh: WORD,
  /** Of the audit chain. */
  head: /^\d{1,15}:[0-9a-f]{64}$/,
  host: HOST,
  keyId: WORD,
  kind: WORD,
  line: WORD,
  method: /^[A-Z]{3,7}$/,
  ms: WORD,
  node: VERSION,
  number: NUMBER,
  phase: WORD,
  pid: WORD,
  port: WORD,
  profile: WORD,
  reason: WORD,
  redelivered: WORD,
  retryMs: WORD,
  revision: WORD,
  route: /^\/[a-z:{}*/.-]{0,60}$/i,
  seconds: WORD,
  shard: WORD,
  signal: WORD,
  sqlite: VERSION,
  state: WORD,
  status: WORD,
  sum: /^[0-9a-f]{8}$/,
  target: ORIGIN,
  thread: WORD,
  ticket: NUMBER,
  uid: WORD,
  url: ORIGIN,
  version: VERSION,
  waiting: WORD,
};
/** Beyond it a bare number could be a phone or an ID number; times and byte counts of that size are logged in larger units. */
const LARGEST = 9_999_999_999;

/** The values that may be logged; `withheld` counts those that may not. */
export function allowed(values: LogValues): Record<string, string | number | boolean> {
  const kept: Record<string, string | number | boolean> = {};
  let withheld = 0;
  for (const [key, value] of Object.entries(values)) {
    if (value === null || value === undefined) continue;
    const form = Object.hasOwn(ALLOWED, key) ? ALLOWED[key] : undefined;
    if (form !== undefined && isAllowed(value, form)) kept[key] = value;
    else withheld++;
  }
  if (withheld > 0) kept['withheld'] = withheld;
  return kept;
}

function isAllowed(value: string | number | boolean, form: RegExp): boolean {
  if (typeof value === 'number') return Math.abs(value) <= LARGEST;
  return typeof value === 'boolean' || form.test(value);
}

interface ErrorLine {
  readonly type: string;
  readonly code?: string;
  readonly place?: string;
  readonly frames?: readonly string[];
  readonly cause?: ErrorLine;
}

/** Class, code and cause of an error. Its text stays out: a driver or a parser may have put a value there. */
export function errorLine(error: unknown, withFrames: boolean, depth = 0): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, place } = error as { readonly code?: unknown; readonly place?: unknown };
  const type = WORD.test(error.name) ? error.name : 'Error';
  return {
    type,
    ...(typeof code === 'string' && WORD.test(code) ? { code } : {}),
    ...(typeof place === 'string' && PLACE.test(place) ? { place } : {}),
    ...(withFrames ? { frames: framesOf(error) } : {}),
    ...(error.cause !== undefined && depth < 3 ? { cause: errorLine(error.cause, withFrames, depth + 1) } : {}),
  };
}

/** The stack without its head, which repeats the text. */
function framesOf(error: Error): readonly string[] {
  const frame = /^\s+at (.{1,300})$/;
  const { message, stack = '' } = error;
  // Without a text the head is the class alone; the last place of an empty text would be the end.
  const lines = (message === '' ? stack : stack.slice(stack.lastIndexOf(message) + message.length)).split('\n');
  return lines.flatMap(line => frame.exec(line)?.[1] ?? []).slice(0, 12);
}

/** The log of a process, whose level may change while it runs, for all its children too. */
export interface RootLog extends Log {
  setLevel(level: LogOptions['level']): void;
}

export function createLog(options: LogOptions): RootLog {
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: level => ({ level }) },
    },
    // Written at once: a line must not be lost with the process that it explains.
    options.destination ?? fileDescriptor({ dest: 2, sync: true }),
  );
  const over = (fixed: LogValues): Log => {
    const line = (code: string, values?: LogValues) => ({
      code: WORD.test(code) ? code : 'log.unnamed',
      ...allowed({ ...fixed, ...values, code: undefined }),
    });
    return {
      debug: (code, values) => logger.debug(line(code, values)),
      info: (code, values) => logger.info(line(code, values)),
      warn: (code, values) => logger.warn(line(code, values)),
      fail: (code, cause, values) => logger.warn({ ...line(code, values), error: errorLine(cause, false) }),
      bug: (code, cause, values) => logger.error({ ...line(code, values), error: errorLine(cause, true) }),
      child: values => over({ ...fixed, ...values }),
    };
  };
  return {
    ...over({}),
    setLevel: level => {
      logger.level = level;
    },
  };
}

/** Tells of each outage once when it begins and once when it ends, however often it is met in between. */
export interface Outages {
  /** @param what names the thing that is down: `channel:app-1`, `case-system` */
  down(what: string, code: string, cause: unknown, values?: LogValues): void;
  /** Does nothing when it was not down. */
  up(what: string, code: string, values?: LogValues): void;
  isDown(what: string): boolean;
}

export function createOutages(log: Log, now: () => number): Outages {
  const since = new Map<string, number>();
  return {
    down(what, code, cause, values) {
      if (since.has(what)) return;
      since.set(what, now());
      log.fail(code, cause, values);
    },
    up(what, code, values) {
      const began = since.get(what);
      if (began === undefined) return;
      since.delete(what);
      log.info(code, { ...values, seconds: Math.round((now() - began) / 1000) });
    },
    isDown: what => since.has(what),
  };
}
