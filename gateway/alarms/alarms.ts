// 报警: looks at the conditions at intervals, keeps which alarms are on, and hands what is to be told to the ways.
import type { AlarmLimits, AlarmSettings } from '../../config/alarms.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import type { Store } from '../../store/store.ts';
import type { Role } from '../role.ts';
import type { ProbeCounts } from '../telemetry/probe-counts.ts';
import { createOutages, type Log } from '../telemetry/telemetry.ts';
import { checkAudit, parseHead } from '../upkeep/audit-head.ts';
import { type Alarm, type AlarmState, type Expiry, FRESH_STATE, type SettingsRefusal } from './alarm.ts';
import { createArrivals } from './arrivals.ts';
import { createClockWatch } from './clock-watch.ts';
import type { Company, ProcessWord } from './company.ts';
import { advance, type Course, lookOf } from './course.ts';
import { deliver, type Kept } from './delivery.ts';
import { type AlarmFigures, figuresOf } from './figures.ts';
import { readKept, readTraffic, writeState, writeTraffic } from './keeping.ts';
import { farewell, noticeOf, takenOver, written } from './notices.ts';
import { type ChannelFact, type DiskFacts, type Facts, findingsOf, type OwnFacts } from './rules.ts';
import { storeFacts } from './store-facts.ts';
import { together } from './together.ts';
import { createTraffic, type Quiet, type Traffic } from './traffic.ts';
import { waysOf } from './ways.ts';

/** Where the facts come from; each is asked at every look. */
export interface AlarmSources {
  /** All channels, those that cannot be opened included. Must not reject. */
  channels(): Promise<readonly ChannelFact[]>;
  /** Code of why intake is stopped; null: it is not. */
  intakePaused(): string | null;
  /** null: not measured yet. */
  disk(): DiskFacts | null;
  /** null: no case system is configured. */
  caseSystem(): { readonly down: boolean; readonly since: number } | null;
  /** Code of what is wrong with the queue; null: nothing, or none of it is worked on here. Must not reject. */
  queue(): Promise<string | null>;
  /** Certificates and tokens with their ends. */
  expiries(): readonly Expiry[];
  /** The settings file that was changed and not taken; null where the newest is at work. */
  settingsRefused(): SettingsRefusal | null;
  /** Whether the store takes what is written, as far as is known. */
  writable(): boolean;
  /** Whether the keys at work are where the next start looks for them. */
  keysKept(): boolean;
}

export interface AlarmsParts {
  readonly store: Store;
  readonly counts: Pick<ProbeCounts, 'messages' | 'outbox'>;
  readonly sources: AlarmSources;
  /** Asked at every look, so that changed settings count at once. */
  readonly settings: () => AlarmSettings;
  /** The other processes on the store; null: there are none. */
  readonly company: Company | null;
  readonly role: Role;
  readonly log: Log;
  readonly now: () => number;
  /** Milliseconds that only rise. Default `performance.now`. */
  readonly monotonic?: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
}

export interface Alarms {
  /** Begins to look, at the interval of the settings. */
  start(): void;
  /** One look: finds what is wrong, keeps it, and writes what is to be told. Never rejects. */
  look(): Promise<void>;
  /** Sends what is due. Never rejects. */
  deliver(): Promise<void>;
  /** Messages arrived at a channel; called once a batch, cheap. */
  arrived(channel: string, messages: number): void;
  figures(): AlarmFigures;
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const MOST_PAST = 50;
/** What changes at every look is written this often; what began or ended is written at once. */
const SAVE_MS = 5 * MINUTE_MS;

export function createAlarms(parts: AlarmsParts): Alarms {
  const { store, counts, sources, settings, company, log, now } = parts;
  const monotonic = parts.monotonic ?? (() => performance.now());
  const stop = new AbortController();
  const outages = createOutages(log, now);
  const clock = createClockWatch();
  let state: AlarmState | null = null;
  let traffic: Traffic = createTraffic({});
  let lookedAt: number | null = null;
  let savedAt = Number.NEGATIVE_INFINITY;
  let saving: Promise<void> = Promise.resolve();
  let looking: Promise<void> | null = null;
  let delivering: Promise<void> | null = null;
  let verifying: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;

  /** What stands in the store, as far as this process has written or read it. */
  let seen: string | null | undefined;
  /** Whether this process tells people, another one does, or nobody can say which, while the store does not answer. */
  let standing: 'tells' | 'listens' | 'alone' = company === null ? 'tells' : 'listens';
  /** It listens and has still to deliver what it told of by itself. */
  let leaving = false;
  /** Of the others as well, as they were told last. */
  let words: readonly ProcessWord[] = [];
  const arrivals = createArrivals();

  const kept: Kept = {
    state: () => state ?? FRESH_STATE,
    change: next => {
      state = next;
    },
    save() {
      // One after the other, each with what is newest then.
      saving = saving.then(async () => {
        if (standing !== 'tells') return;
        try {
          const text = await writeState(store.admin, kept.state(), company === null ? undefined : seen);
          // Another one tells people by now, or what seemed to fail did not: the next look reads it.
          if (text === null) standing = 'listens';
          else seen = text;
          outages.up('alarm-state', 'alarm.kept');
        } catch (error) {
          // What status and the next process know is older than what people were told, until a later look can write it.
          savedAt = Number.NEGATIVE_INFINITY;
          outages.down('alarm-state', 'alarm.not_kept', error);
        }
      });
      return saving;
    },
  };

  async function load(): Promise<void> {
    const found = await readKept(store.admin);
    if (found.state === null) log.warn('alarm.state_unreadable');
    const before = traffic;
    traffic = createTraffic(await readTraffic(store.admin));
    // Messages may have come before the store could be asked.
    for (const [channel, count] of before.waiting()) traffic.count(channel, count);
    seen = found.text;
    state = takenOver(kept.state(), found.state ?? FRESH_STATE);
  }

  /** Takes its place among the others for this look: of several processes one tells people what all of them know. */
  async function standAmong(others: Company, own: OwnFacts, at: number): Promise<void> {
    const { id, name } = others;
    const word: ProcessWord = {
      ...{ id, name, role: parts.role, at, everyMs: settings().lookSeconds * 1000, facts: own },
      arrived: arrivals.own(),
    };
    try {
      const met = await others.meet(word);
      words = met.words;
      if (!met.tells) return await listen(at);
      if (standing !== 'tells') await load();
      standing = 'tells';
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      words = [...words.filter(({ id }) => id !== others.id), word];
      // Whoever told people goes on with all it knows, another one begins with that the store is away.
      if (standing === 'listens') state = FRESH_STATE;
      if (standing !== 'tells') standing = 'alone';
    }
  }

  /** What another process keeps is shown here, too; what this one has told of by itself is told to its end first. */
  async function listen(at: number): Promise<void> {
    const found = await readKept(store.admin);
    const before = kept.state();
    const names = waysOf(settings()).map(({ name }) => name);
    const stored = found.state ?? FRESH_STATE;
    const left = standing === 'listens' ? (leaving ? before.notices : []) : farewell(before, stored, names, at);
    standing = 'listens';
    state = left.length === 0 ? stored : { ...FRESH_STATE, ways: before.ways, notices: left };
    leaving = left.length > 0;
  }

  async function look(): Promise<void> {
    if (state === null && company === null) await load();
    const { limits } = settings();
    const channels = await sources.channels();
    const queue = await sources.queue();
    const [at, elapsed] = [now(), monotonic()];
    const elapsedMs = lookedAt === null ? 0 : elapsed - lookedAt;
    clock.seen(at, elapsedMs, lookedAt === null ? kept.state().lookedAt : null, limits.clockSeconds);
    lookedAt = elapsed;
    const own = ownFacts(channels, queue);
    if (company !== null) await standAmong(company, own, at);
    const fresh = arrivals.since(words, company?.id);
    if (standing === 'tells') for (const [channel, messages] of fresh) traffic.count(channel, messages);
    if (standing === 'listens') return;
    const known = company === null ? { ...own, process: {} } : together(words);
    const working = known.channels.filter(({ enabled, up }) => enabled && up).map(({ id }) => id);
    traffic.watched(working, elapsedMs, at);
    const facts = await factsOf(at, known);
    const found = findingsOf(facts, limits);
    if (standing === 'tells') verifyChain(at, limits);
    const mine = standing === 'tells' ? found : found.filter(({ kind }) => kind === 'store-down');
    const course = advance(kept.state().alarms, mine, lookOf(settings(), at, elapsedMs));
    await take(course, at, known.channels);
  }

  function ownFacts(channels: readonly ChannelFact[], queue: string | null): OwnFacts {
    return {
      ...{ channels, queue },
      disk: sources.disk(),
      intakePaused: sources.intakePaused(),
      caseSystem: sources.caseSystem(),
      expiries: sources.expiries(),
      settingsRefused: sources.settingsRefused(),
      keysKept: sources.keysKept(),
      clock: clock.step(),
    };
  }

  async function factsOf(at: number, known: ReturnType<typeof together>): Promise<Facts> {
    const { quiet } = settings();
    const judged = known.channels.map(({ id }) => [id, traffic.quiet(id, at, quiet)] as const);
    return {
      ...known,
      now: at,
      quiet: new Map(judged.filter((entry): entry is [string, Quiet] => entry[1] !== null)),
      store: sources.writable() ? await storeFacts(counts) : null,
      auditBroken: kept.state().audit?.broken ?? null,
    };
  }

  /** Keeps what began and ended together with what is to be told of it: a crash in between loses and doubles nothing. */
  async function take(course: Course, at: number, channels: readonly ChannelFact[]): Promise<void> {
    for (const alarm of course.began) log.warn('alarm.began', { kind: alarm.kind, ...channelOf(alarm) });
    for (const alarm of course.over) log.info('alarm.over', { kind: alarm.kind, ...channelOf(alarm) });
    const before = kept.state();
    const ways = waysOf(settings()).map(({ name }) => name);
    const { alarms, notices } = written(course, settings(), ways, at);
    const told = new Set(before.alarms.filter(alarm => alarm.told !== null).map(({ id }) => id));
    const ends = ways.length === 0 ? [] : course.over.filter(({ id }) => told.has(id));
    const added = [...notices, ...ends.map(alarm => noticeOf('alarm.over', alarm, ways, at))];
    state = {
      ...before,
      alarms,
      past: [...course.over.toReversed(), ...before.past].slice(0, MOST_PAST),
      notices: [...before.notices, ...added],
      lookedAt: at,
    };
    const news = course.began.length + course.over.length + added.length > 0;
    if (news || monotonic() - savedAt >= SAVE_MS) await saveAll(channels);
  }

  async function saveAll(channels: readonly ChannelFact[]): Promise<void> {
    if (standing !== 'tells') return;
    savedAt = monotonic();
    await kept.save();
    try {
      await writeTraffic(store.admin, traffic.kept(channels.map(({ id }) => id)));
    } catch (error) {
      outages.down('alarm-state', 'alarm.not_kept', error);
    }
  }

  /** In the background: a long chain takes seconds, and nothing waits for it. */
  function verifyChain(at: number, { auditHours }: AlarmLimits): void {
    const last = kept.state().audit;
    if (last === null) kept.change({ ...kept.state(), audit: { at, broken: null } });
    if (last === null || auditHours === 0 || verifying !== null || at - last.at < auditHours * HOUR_MS) return;
    const seen = last.head ?? null;
    verifying = checkAudit(store.admin, seen === null ? null : parseHead(seen))
      .then(({ broken, head }) => {
        kept.change({ ...kept.state(), audit: { at, broken, head: head ?? seen } });
        // Whoever can change the database may change what is kept in it as well, but not a log that stands elsewhere.
        if (head !== null) log.info('alarm.audit_checked', { head });
      })
      .catch(error => outages.down('alarm-audit', 'alarm.audit_unchecked', error))
      .finally(() => {
        verifying = null;
      });
  }

  const alarms: Alarms = {
    start() {
      if (stop.signal.aborted) return;
      const again = () => {
        void alarms.look().then(() => alarms.deliver());
        alarms.start();
      };
      timer = setTimeout(again, settings().lookSeconds * 1000).unref();
    },
    look() {
      looking ??= look()
        .then(() => outages.up('alarm-look', 'alarm.looking'))
        .catch(error => outages.down('alarm-look', 'alarm.not_looking', error))
        .finally(() => {
          looking = null;
        });
      return looking;
    },
    deliver() {
      if (state === null || stop.signal.aborted) return Promise.resolve();
      if (standing === 'listens' && !leaving) return Promise.resolve();
      const sender = { kept, log, outages, now, random: parts.random ?? Math.random, signal: stop.signal };
      delivering ??= deliver(sender, waysOf(settings()), settings().retry)
        .catch(error => log.bug('alarm.bug', error))
        .finally(() => {
          delivering = null;
        });
      return delivering;
    },
    arrived(channel, messages) {
      if (company === null) traffic.count(channel, messages);
      else arrivals.add(channel, messages);
    },
    figures: () => figuresOf(kept.state()),
    async close() {
      clearTimeout(timer);
      stop.abort(new Error('the gateway stops'));
      await Promise.all([looking, delivering, verifying]);
      if (state !== null) await saveAll(await sources.channels());
      // Where the store does not answer the others miss this process by themselves.
      await company?.leave(now()).catch(error => outages.down('alarm-look', 'alarm.not_looking', error));
    },
  };
  return alarms;
}

/** Only what is about a channel names one in the log. */
const channelOf = ({ kind, on }: Pick<Alarm, 'kind' | 'on'>) =>
  kind.startsWith('channel-') || kind === 'credentials-refused' ? { channel: on } : {};
