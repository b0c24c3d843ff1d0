// huisu status beside a gateway whose store does not answer: all that the process knows by itself, and what to do.
import type { StoreUnavailable } from '../../store/errors.ts';
import { failureOf } from '../failure.ts';
import type { ReadinessReason } from '../http/health.ts';
import { say, sayBoth, type Values } from '../locale.ts';
import type { Vitals } from '../telemetry/vitals.ts';
import type { CommandContext, LiveGateway, Row } from './command.ts';
import { liveChannelFindings } from './status-channels.ts';
import { type Finding, ownFindings } from './status-finding.ts';
import { calendarFindings, settingsFindings, settingsOf } from './status-settings.ts';
import { time } from './table.ts';

/** Of the result: what is wrong with the store. */
interface StoreAway {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
  /** Milliseconds since the epoch; null: it has just begun. */
  readonly since: number | null;
  readonly counted: Vitals['counted'];
}

export async function storelessStatus(
  context: CommandContext,
  live: LiveGateway,
  error: StoreUnavailable,
): Promise<Row> {
  const reasons = await live.reasons();
  const vitals = live.vitals();
  const { code, sentence } = failureOf(error);
  const store: StoreAway = { code, ...sentence, since: vitals.storeDownSince, counted: vitals.counted };
  const findings = findingsOf(context, live, vitals, reasons);
  return {
    running: true,
    url: live.url,
    store,
    processes: [],
    settings: settingsOf(context),
    certificateEnds: live.certificate()?.notAfter ?? null,
    messages: null,
    tickets: null,
    outbox: null,
    // The store is one of them.
    stuck: 1 + findings.filter(({ stuck }) => stuck).length,
    findings,
  };
}

/** Which store fault it is, since when, and what that means for those who send. */
export function storelessHead(result: Row, language: 'zh' | 'en'): string {
  const { since, counted, ...words } = result['store'] as StoreAway;
  const values = { fault: words[language], since: since === null ? '' : time(since) };
  const head = say(language, since === null ? 'status.store-away-now' : 'status.store-away', values);
  const meanwhile = say(language, 'status.store-away-meanwhile');
  if (counted === null) return `${head}\n${meanwhile}`;
  const { messages, outbox, at } = counted;
  const last = say(language, 'status.store-away-counted', {
    at: time(at),
    unread: messages.unread,
    quarantined: messages.quarantined,
    waiting: outbox.due + outbox.inFlight + outbox.parked,
    dead: outbox.dead,
  });
  return `${head}\n${meanwhile}\n${last}`;
}

function findingsOf(
  context: CommandContext,
  live: LiveGateway,
  vitals: Vitals,
  reasons: readonly ReadinessReason[],
): readonly Finding[] {
  const note = (code: string, values: Values, stuck = false): Finding => ({
    ...{ code, count: 1, seconds: null, stuck, command: null },
    ...sayBoth(`status.${code}`, values),
  });
  const { role, pid, caseSystem, redis, disk } = vitals;
  // What is wrong with the store stands above.
  const still = ownFindings(reasons).filter(({ code }) => !code.startsWith('store.'));
  const queued = still.some(({ code }) => code.startsWith('queue.'));
  const least = disk === null ? 0 : disk.leastFreeBytes;
  const up = live.channelStates().filter(state => state.up);
  return [
    ...still,
    ...(disk !== null && disk.freeBytes < least
      ? [
          note(
            'disk-low',
            { count: Math.round(disk.freeBytes / 1024 / 1024), folder: context.loaded.config.data },
            true,
          ),
        ]
      : []),
    ...(context.keysKept()
      ? []
      : [{ ...note('keys-gone', {}, true), command: `huisu keys save ${context.loaded.config.keys.file}` }]),
    ...(caseSystem?.circuit === 'open'
      ? [
          {
            ...note('circuit-open', { target: caseSystem.target, since: time(caseSystem.since) }, true),
            command: 'huisu case-system try',
          },
        ]
      : []),
    ...settingsFindings(context),
    ...liveChannelFindings(context),
    ...(up.length === 0 ? [] : [note('channels-up', { ids: up.map(({ id }) => id).join(', ') })]),
    ...(caseSystem === null || caseSystem.circuit === 'open'
      ? []
      : [note('circuit-closed', { target: caseSystem.target })]),
    ...(redis && !queued ? [note('queue-up', {})] : []),
    note('process', { pid, role, since: time(live.startedAt), url: live.url }),
    ...calendarFindings(context),
  ];
}
