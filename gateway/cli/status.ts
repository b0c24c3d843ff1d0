// huisu status: what is stuck, why, and which command helps.
import { loadIncidents } from '../../config/load-incidents.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import { WAYS } from '../alarms/alarm.ts';
import type { ProcessWord } from '../alarms/company.ts';
import { catalogueEntry } from '../catalogue.ts';
import { EXIT } from '../desk/desk-error.ts';
import { lately } from '../desk/incident-marks.ts';
import { proposedTickets } from '../desk/lowering.ts';
import { causeCode } from '../dispatch/causes.ts';
import { say, sayBoth, word } from '../locale.ts';
import { leastFreeBytes } from '../telemetry/disk-watch.ts';
import { keptState, onAlarms } from './alarms.ts';
import type { Command, CommandContext, Row } from './command.ts';
import { brokenChannelFindings, doubledFindings, liveChannelFindings } from './status-channels.ts';
import { type Finding, ownFindings } from './status-finding.ts';
import { isGoneOf, processesOf, processFindings, queueFindings } from './status-processes.ts';
import { calendarFindings, settingsFindings, settingsOf } from './status-settings.ts';
import { storelessHead, storelessStatus } from './status-storeless.ts';
import { time } from './table.ts';

/** Reading takes milliseconds and dispatch seconds; beyond these something is wrong. */
const UNREAD_SECONDS = 60;
const OUTBOX_SECONDS = 600;
/** Entries that are asked why they wait. */
const MOST_ASKED = 100;

export const statusCommand: Command = {
  kind: 'one',
  name: 'status',
  summary: { zh: '运行状况：什么卡住了、为什么、用哪个命令处理', en: 'what is stuck, why, and which command helps' },
  async run(context) {
    const { live } = context;
    if (live === null) return wholeOf(context);
    try {
      return await live.answered(() => wholeOf(context));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return storelessStatus(context, live, error);
    }
  },
  text: textOf,
  exit: ({ store }) => (store === null ? EXIT.ok : EXIT.unavailable),
};

async function wholeOf(context: CommandContext): Promise<Row> {
  const processes = await processesOf(context);
  const findings = await findingsOf(context, processes);
  const { messages, outbox, tickets } = context.store;
  return {
    running: context.live !== null,
    url: context.live?.url ?? null,
    store: null,
    processes: processes.map(({ name, role, at }) => ({ name, role, at })),
    settings: settingsOf(context),
    certificateEnds: context.live?.certificate()?.notAfter ?? null,
    messages: await messages.counts(),
    tickets: await tickets.counts(),
    outbox: await outbox.counts(),
    stuck: findings.filter(finding => finding.stuck).length,
    findings,
  };
}

async function findingsOf(context: CommandContext, processes: readonly ProcessWord[]): Promise<readonly Finding[]> {
  const { store, loaded, now } = context;
  const [messages, outbox, tickets, health] = await Promise.all([
    store.messages.counts(),
    store.outbox.counts(),
    store.tickets.counts(),
    store.admin.health(),
  ]);
  const age = (from: number | null) => (from === null ? 0 : Math.max(0, Math.round((now() - from) / 1000)));
  const found: Finding[] = [];
  const add = (code: string, count: number, stuck: boolean, command: string | null, seconds: number | null = null) =>
    found.push({
      code,
      count,
      seconds,
      stuck,
      ...sayBoth(`status.${code}`, { count, seconds: seconds ?? 0, folder: loaded.config.data }),
      command,
    });
  found.push(...processFindings(context, processes));
  if (!context.keysKept()) add('keys-gone', 1, true, `huisu keys save ${loaded.config.keys.file}`);
  const unreadAge = age(messages.oldestUnread);
  if (messages.unread > 0)
    add('unread', messages.unread, unreadAge > UNREAD_SECONDS, 'huisu messages list --state unread', unreadAge);
  if (messages.quarantined > 0) add('quarantined', messages.quarantined, true, 'huisu quarantine list');
  if (tickets.held > 0) add('held', tickets.held, false, 'huisu tickets list --state held');
  const proposed = (await proposedTickets(context)).length;
  if (proposed > 0) add('proposed', proposed, false, 'huisu tickets list --proposed');
  const { bursts, supervised } = await lately(store, loadIncidents(loaded.config.rules), now());
  if (bursts > 0) add('burst', bursts, false, 'huisu incidents list --burst');
  if (supervised > 0) add('supervised', supervised, false, 'huisu incidents list --supervised');
  if (outbox.dead > 0) add('dead', outbox.dead, true, 'huisu dead-letters list');
  const waiting = outbox.due + outbox.inFlight;
  const waitingAge = age(outbox.oldest);
  if (waiting > 0 && loaded.config.caseSystem === null)
    add('no-case-system', waiting, false, 'huisu check', waitingAge);
  const here = await workFindings(context);
  const queues = queueFindings(processes, here);
  if (waiting > 0 && loaded.config.caseSystem !== null) {
    const finding = await waitingFinding(context, waiting, waitingAge);
    // It stands there why they wait, and the case system has no part in it.
    const queued = [...here, ...queues].some(({ code }) => code.startsWith('queue.'));
    found.push(queued ? { ...finding, command: null } : finding);
  }
  const leastBytes = leastFreeBytes(loaded.config.intake, health.totalBytes);
  if (health.freeBytes < leastBytes) add('disk-low', Math.round(health.freeBytes / 1024 / 1024), true, null);
  const measured: Measured = {
    dead: outbox.dead,
    unread: messages.unread,
    waiting: waiting + outbox.parked,
    freeBytes: health.freeBytes,
    leastBytes,
    processes,
  };
  return [
    ...(await alarmFindings(context, measured)),
    ...settingsFindings(context),
    ...calendarFindings(context),
    ...here,
    ...queues,
    ...found,
    ...liveChannelFindings(context),
    ...(await brokenChannelFindings(context)),
    ...(await doubledFindings(context)),
  ];
}

/** What a running process alone knows, whatever the counts say. */
async function workFindings({ live }: CommandContext): Promise<readonly Finding[]> {
  return ownFindings((await live?.reasons()) ?? []);
}

/** Entries look alike whether they are on their way or fail again and again: the last failure tells them apart. */
async function waitingFinding({ store }: CommandContext, count: number, seconds: number): Promise<Finding> {
  const first = await store.outbox.list({ state: 'due', limit: MOST_ASKED });
  // What only waited for the queue, or was given back at an end, has none.
  const cause = first.find(({ cause }) => cause !== null && cause !== '')?.cause ?? null;
  const code = cause === null ? null : causeCode(cause);
  const why = (language: 'zh' | 'en') => {
    const known = code === null ? null : catalogueEntry(code);
    return say(language, 'status.last-failure', { code: code ?? '-', title: known?.[language].title ?? '' });
  };
  const { zh, en } = sayBoth('status.waiting', { count, seconds });
  return {
    ...{ code: 'waiting', count, seconds, stuck: seconds > OUTBOX_SECONDS, command: 'huisu case-system try' },
    ...(code === null ? { zh, en } : { zh: `${zh}${why('zh')}`, en: `${en}${why('en')}` }),
  };
}

/** What a person was told of and is not over, and ways by which nobody can be told. */
async function alarmFindings(context: CommandContext, measured: Measured): Promise<readonly Finding[]> {
  const { store, now } = context;
  const state = await keptState(store);
  const age = (from: number) => Math.max(0, Math.round((now() - from) / 1000));
  const alarms = onAlarms(state).map((alarm): Finding => {
    const { kind, since, title, what, todo, command } = alarm;
    const gone = isGone(context, alarm, measured);
    const minutes = context.loaded.config.alarms.overMinutes;
    const said = (language: 'zh' | 'en') =>
      say(language, gone ? 'status.alarm-gone' : 'status.alarm', {
        title: title[language],
        since: time(since),
        minutes,
      });
    const found = { code: `alarm.${kind}`, count: 1, seconds: age(since), stuck: !gone };
    if (gone) return { ...found, zh: said('zh'), en: said('en'), command: null };
    const [zh, en] = [`${said('zh')}。${what.zh}${todo.zh}`, `${said('en')}. ${what.en} ${todo.en}`];
    return { ...found, zh, en, command };
  });
  const failing = WAYS.filter(way => state.ways[way].code !== null).map((way): Finding => {
    const waiting = state.notices.filter(notice => notice.ways.includes(way));
    const reason = state.ways[way].code ?? '-';
    const said = (language: 'zh' | 'en') =>
      say(language, 'status.alarm-undelivered', {
        way: word(language, 'alarm.way', way),
        reason: catalogueEntry(reason)?.[language].title ?? reason,
        count: waiting.length,
      });
    const seconds = waiting[0] === undefined ? null : age(waiting[0].at);
    return {
      ...{ code: 'alarm-undelivered', count: waiting.length, seconds, stuck: true },
      ...{ zh: said('zh'), en: said('en'), command: 'huisu alarms test' },
    };
  });
  return [...alarms, ...failing];
}

/** What of an alarm's cause can be counted at this moment. */
interface Measured {
  readonly dead: number;
  readonly unread: number;
  readonly waiting: number;
  readonly freeBytes: number;
  readonly leastBytes: number;
  readonly processes: readonly ProcessWord[];
}

/** Whether what the alarm is about is in order by now: whoever has just mended it must not look for it again. */
function isGone(
  { live, keysKept, loaded }: CommandContext,
  { kind, on }: { readonly kind: string; readonly on: string },
  { dead, unread, waiting, freeBytes, leastBytes, processes }: Measured,
): boolean {
  if (kind === 'dead-letters') return dead === 0;
  if (kind === 'unread-old') return unread === 0;
  if (kind === 'undispatched-old') return waiting === 0;
  if (processes.length > 0) return isGoneOf(processes, { kind, on }, loaded.config.alarms.limits);
  if (kind === 'disk-low') return freeBytes >= leastBytes * loaded.config.alarms.limits.diskFactor;
  if (kind === 'intake-paused') return freeBytes >= leastBytes;
  if (kind === 'keys-gone') return keysKept();
  if (live === null) return false;
  if (kind === 'settings-refused') return live.settings().refused === null;
  if (kind !== 'channel-down' && kind !== 'credentials-refused') return false;
  const state = live.channelStates().find(({ id }) => id === on);
  return state === undefined || state.up || state.reason === 'channel.disabled';
}

function textOf(result: Row, language: 'zh' | 'en'): string {
  const findings = result['findings'] as readonly Finding[];
  const head = result['store'] === null ? countedHead(result, language) : storelessHead(result, language);
  if (findings.length === 0) return `${head}\n${say(language, 'status.fine')}`;
  const lines = findings.map(finding => {
    const help = finding.command === null ? '' : ` → ${finding.command}`;
    return `${finding.stuck ? '!' : '·'} ${finding[language]}${help}`;
  });
  return [head, ...lines].join('\n');
}

function countedHead(result: Row, language: 'zh' | 'en'): string {
  const messages = result['messages'] as { total: number; unread: number };
  const tickets = result['tickets'] as { total: number };
  const outbox = result['outbox'] as { done: number };
  return say(language, 'status.head', {
    messages: messages.total,
    unread: messages.unread,
    tickets: tickets.total,
    done: outbox.done,
  });
}
