// Puts the gateway together: foundation → reading → channels → dispatch → HTTP → control socket; nothing else constructs.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import type { Published } from '../adapters/contract.ts';
import { type CaseSystemSettings, caseSystemSettings } from '../config/case-system.ts';
import { readCertificate } from '../config/certificate.ts';
import type { LoadedConfig } from '../config/load.ts';
import { loadRepeats } from '../config/load-repeats.ts';
import type { LogLevel } from '../config/schema.ts';
import { KeyError } from '../store/errors.ts';
import { exportRing, keyCheckValues, type RingData } from '../store/key-ring.ts';
import { type Alarms, createAlarms } from './alarms/alarms.ts';
import { createCompany } from './alarms/company.ts';
import { alarmSources } from './alarms/sources.ts';
import { type Attachments, createAttachments } from './attachments.ts';
import type { ContextParts } from './channels/channel-context.ts';
import { type Channels, createChannels } from './channels/channels.ts';
import type { Command, CommandContext } from './cli/command.ts';
import { commandContext } from './command-context.ts';
import { openControl } from './control.ts';
import { DeskError, EXIT } from './desk/desk-error.ts';
import { createIncidentDesk } from './desk/incident-desk.ts';
import { createCaseEvents } from './dispatch/case-events.ts';
import { createDispatch, type Dispatch } from './dispatch/dispatch.ts';
import { createLocalQueue } from './dispatch/local-queue.ts';
import type { Queue } from './dispatch/queue.ts';
import { checkQueue } from './dispatch/queue-check.ts';
import { type Foundation, type FoundationOptions, openFoundation, parserChannels } from './foundation.ts';
import { caseSystemOpenApi } from './http/case-system-openapi.ts';
import { connectionLimit } from './http/connection-limit.ts';
import { createForged } from './http/forged.ts';
import type { Readiness } from './http/health.ts';
import { assembleOpenApi } from './http/openapi.ts';
import { createQueueBoard, type QueueBoard } from './http/queue-board.ts';
import { createHttp, type HttpService } from './http/server.ts';
import { createIntake, type Intake } from './intake.ts';
import type { ParserChannel } from './reading/protocol.ts';
import { noReading, type Reading, type ReadingParts, startReading } from './reading/reading.ts';
import { splitterOf } from './reading/settings-splitter.ts';
import { type Role, reads, sends, takesIn } from './role.ts';
import { createReload, type Reload, type ReloadReport } from './settings/reload.ts';
import { mindSiblings } from './siblings.ts';
import { type DiskWatch, watchDisk } from './telemetry/disk-watch.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { probeCounts } from './telemetry/probe-counts.ts';
import { createReadiness } from './telemetry/readiness.ts';
import { settingsFigures, snapshotOf } from './telemetry/snapshot.ts';
import type { Log } from './telemetry/telemetry.ts';
import { type Vitals, vitalsOf } from './telemetry/vitals.ts';
import { type WriteWatch, watchWrites } from './telemetry/write-watch.ts';
import { createUpkeep, type Upkeep } from './upkeep/upkeep.ts';
import { VERSION } from './version.ts';

/** Beyond it a store answers nothing: status asks it several questions, and a large one takes its time for each. */
const STATUS_MS = 20_000;

export interface GatewayOptions extends FoundationOptions {
  readonly log: Log;
  /** What of the work this process does. Default: all of it. */
  readonly role?: Role;
  /** Commands that may be called over the control socket. */
  readonly commands: readonly Command[];
  /** Takes up another level of the log; absent: it stays what it is. */
  readonly logLevel?: (level: LogLevel) => void;
  /** Told just before the first request can come in. */
  readonly serving?: () => void;
}

export interface Gateway {
  readonly foundation: Foundation;
  readonly url: string;
  /** The first channel and its secret, when this start made one. */
  readonly firstChannel: { readonly id: string; readonly secret: string } | null;
  /** What commands work with inside this gateway. */
  readonly context: CommandContext;
  /** Reads the settings again, as a changed file, `huisu reload` and SIGHUP do. */
  reload(): Promise<ReloadReport>;
  /** Takes no more, finishes what has begun, at most until the deadline. */
  close(deadlineMs: number): Promise<void>;
}

/** Starts the whole gateway; resolves when it listens. Throws what `openFoundation` throws, and `ListenError`. */
export async function startGateway(loaded: LoadedConfig, options: GatewayOptions): Promise<Gateway> {
  const { config } = loaded;
  const foundation = await openFoundation(loaded, options);
  const { book, now } = foundation;
  const { log, role = 'all' } = options;
  const startedAt = now();
  const closers: ((deadlineMs: number) => Promise<unknown>)[] = [() => foundation.close()];
  try {
    if (role !== 'all' && foundation.store.shared === null) throw new DeskError('start.role_alone', {}, EXIT.config);
    const firstChannel = await book.first('system');
    // What was left unread is read at once, so the readers know of all channels before any of them is open.
    const known = await parserChannels(book);
    const { logLevel = () => undefined } = options;
    const bull = config.queue.redis === null ? null : await import('./dispatch/bull-queue.ts');
    const published = await publishedBy(foundation);
    const parts = liveParts({ foundation, role, log, logLevel, known, published, bull });
    closers.unshift(...parts.closers);
    if (parts.dispatch !== null) await checkQueue(parts.dispatch, log);
    await parts.disk.looked;
    await parts.channels.open();
    await parts.reading.ready;
    options.serving?.();
    const { url } = await parts.http.listen();
    const { connections: count, openFiles } = connectionLimit(config.listen.maxConnections);
    if (openFiles !== null) log.warn('http.few_files', { count });
    await parts.dispatch?.start();
    if (takesIn(role)) parts.attachments.start();
    parts.alarms.start();
    parts.upkeep.start();
    await parts.reload.start();
    const context = commandContext(foundation, {
      startedAt,
      url,
      channelStates: () => parts.channels.status(),
      reopen: id => parts.channels.refresh(id),
      reasons: () => parts.readiness.reasons(),
      answered: ask => parts.writes.answered(ask, STATUS_MS),
      vitals: parts.vitals,
      rescan: () => parts.reading.rescan(),
      moved: numbers => parts.reading.moved(numbers),
      forget: pairs => parts.reading.forget(pairs),
      keysRotated: () => {
        parts.reading.setRing(deciderRing(foundation));
        parts.upkeep.wake();
      },
      settings: parts.reload.state,
      certificate: parts.reload.certificate,
      reload: () => parts.reload.now(true),
      importing: () => parts.importing,
    });
    const control = await openControl(config.data, options.commands, context, log);
    closers.unshift(() => control.close());
    const reload = () => parts.reload.now(true);
    return { foundation, url, firstChannel, context, reload, close: deadlineMs => closeAll(closers, deadlineMs) };
  } catch (error) {
    await closeAll(closers, 0);
    throw error;
  }
}

async function closeAll(
  closers: readonly ((deadlineMs: number) => Promise<unknown>)[],
  deadlineMs: number,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (const close of closers) await close(Math.max(0, end - performance.now()));
}

interface LiveParts {
  readonly importing: ContextParts;
  readonly channels: Channels;
  readonly reading: Reading;
  readonly attachments: Attachments;
  readonly dispatch: Dispatch | null;
  readonly http: HttpService;
  readonly readiness: Readiness;
  readonly writes: WriteWatch;
  readonly vitals: () => Vitals;
  readonly disk: DiskWatch;
  readonly alarms: Alarms;
  readonly reload: Reload;
  readonly upkeep: Upkeep;
  /** In the order in which they are to be closed. */
  readonly closers: readonly ((deadlineMs: number) => Promise<unknown>)[];
}

/** What adapters tell partners: paths, schemas and problems for the OpenAPI document and the pages of problems. */
async function publishedBy({ registry }: Foundation): Promise<readonly Published[]> {
  const definitions = await Promise.all(registry.kinds().map(kind => registry.get(kind)));
  const published = await Promise.all(definitions.map(definition => definition.published?.()));
  return published.filter(part => part !== undefined);
}

interface LiveSources {
  readonly foundation: Foundation;
  readonly role: Role;
  readonly log: Log;
  readonly logLevel: (level: LogLevel) => void;
  readonly known: Readonly<Record<string, ParserChannel>>;
  readonly published: readonly Published[];
  readonly bull: Bull | null;
}

/** What speaks to Redis; loaded only where the queue is there. */
type Bull = typeof import('./dispatch/bull-queue.ts');

function liveParts({ foundation, role, log, logLevel, known, published, bull }: LiveSources): LiveParts {
  const { store, cipher, book, loaded, now } = foundation;
  const { config } = loaded;
  const settings = config.caseSystem === null ? null : caseSystemSettings(config.caseSystem);
  // Names this process, and no other one that ever ran, wherever a lease is taken.
  const owner = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  const certificate = readCertificate(loaded);
  const counts = probeCounts(store, now);
  const writes = watchWrites(store, now, log);
  const metrics = createMetrics(
    {
      snapshot: () => writes.answered(() => snapshotOf({ store, counts, channels, disk, writes, alarms })),
      settings: () => settingsFigures(reload),
    },
    now,
  );
  const intake = createIntake({
    ...{ store, cipher, now },
    acknowledged: (channel, kind, delivery, count = 1) => {
      metrics.acknowledged(channel, kind, delivery, count);
      if (delivery === 'fresh') alarms.arrived(channel, count);
    },
    refused: writes.suspect,
  });
  const reading = reads(role)
    ? startReading(readingParts(foundation, { log, intake, owner, wanted: () => attachments.wake() }), known)
    : noReading();
  if (reads(role)) foundation.compareBy({ compare: reading.compare, adopt: async number => reading.adopt(number) });
  const splitter = splitterOf(foundation, log);
  const channels: Channels = createChannels({
    ...{ book, intake, splitter, store, cipher, log, now, owner, opens: takesIn(role) },
    changed: reading.setChannels,
  });
  const allow = config.intake.attachmentServers;
  const attachments: Attachments = createAttachments({ store, cipher, book, channels, log, now, allow });
  const dispatch =
    settings === null || !sends(role) ? null : dispatchOf(foundation, { settings, attachments, bull }, log);
  const readiness = createReadiness({
    ...{ role, intake, reading, channels, dispatch, counts, writes, keysKept: foundation.keysKept },
    settings: () => reload.state(),
    connections: () => connectionLimit(loaded.config.listen.maxConnections),
  });
  const forged = createForged(log);
  const caseEvents = createCaseEvents({
    store,
    cipher,
    forged: error => forged.note('case-system', error),
    secretsOf: () => loaded.config.caseSystem?.events.secrets ?? [],
    now,
  });
  const http = createHttp({
    config,
    certificate,
    log,
    metrics,
    webhooks: channels,
    readiness,
    caseEvents: caseEvents.webhook,
    queueBoard: queueBoardOf(foundation, bull, log),
    partnerProblems: published.flatMap(part => part.problems),
    openapi: () =>
      assembleOpenApi(
        [...published.map(part => part.openapi), caseSystemOpenApi()],
        VERSION,
        loaded.config.listen.publicUrl ?? '',
      ),
  });
  const siblings = mindSiblings({ store, channels, now, log });
  const disk = watchDisk(store, () => loaded.config.intake, intake, { log, now });
  const reload = createReload({
    ...{ live: loaded, book, channels, http, certificate, log, logLevel, now },
    keyFile: foundation.keyFile,
    async renewKeys() {
      try {
        if (foundation.rotated() === null) return;
        await foundation.adoptRing();
        reading.setRing(deciderRing(foundation));
        upkeep.wake();
      } catch (error) {
        // The keys at work stay; settings do not wait for a file that only a custodian can mend.
        if (!(error instanceof KeyError)) throw error;
        log.warn(error.code);
      }
    },
  });
  const upkeep = createUpkeep({
    ...{ store, cipher, now, log, owner },
    ring: () => foundation.ring,
    settings: () => loaded.config.retention,
    forget: pairs => reading.forget(pairs),
  });
  const alarms: Alarms = createAlarms({
    ...{ store, counts, log, now, role, settings: () => loaded.config.alarms },
    company: store.shared === null ? null : createCompany(store.admin, store.shared, owner),
    sources: alarmSources(foundation, { channels, intake, disk, writes, dispatch, reload }),
  });
  return {
    importing: { intake, splitter, store, cipher, log, now },
    channels,
    reading,
    attachments,
    dispatch,
    http,
    readiness,
    writes,
    vitals: vitalsOf({ role, intake, reading, dispatch, counts, writes, disk, redis: config.queue.redis !== null }),
    disk,
    alarms,
    reload,
    upkeep,
    closers: [
      () => reload.close(),
      () => upkeep.close(),
      // First of all: channels that are closed on purpose must not look as if they had come back or gone away.
      () => alarms.close(),
      deadlineMs => http.close(deadlineMs / 2),
      () => channels.close(),
      () => splitter.close(),
      deadlineMs => reading.close(deadlineMs),
      deadlineMs => dispatch?.close(deadlineMs / 2) ?? Promise.resolve(),
      () => attachments.close(),
      async () => {
        siblings.close();
        await writes.close();
        disk.close();
        metrics.close();
      },
    ],
  };
}

function dispatchOf(
  foundation: Foundation,
  parts: { readonly settings: CaseSystemSettings; readonly attachments: Attachments; readonly bull: Bull | null },
  log: Log,
): Dispatch {
  const { settings, attachments, bull } = parts;
  return createDispatch({
    store: foundation.store,
    queue: queueOf(foundation, bull, log),
    cipher: foundation.cipher,
    settings,
    concurrency: foundation.loaded.config.dispatch.concurrency,
    log,
    loadAttachment: attachments.load,
  });
}

function queueOf({ loaded, ring }: Foundation, bull: Bull | null, log: Log): Queue {
  const { redis, prefix } = loaded.config.queue;
  const onBug = (error: unknown) => log.bug('dispatch.bug', error);
  if (redis === null || bull === null) return createLocalQueue({ onBug });
  // The key that is never rotated is the same in every process, and in no other installation.
  const installation = keyCheckValues(ring)['dedupe'] ?? '-';
  return bull.createBullQueue({ url: redis, prefix, installation, onBug });
}

/** Null where nobody is to look at the queue, or none is on Redis. */
function queueBoardOf({ loaded, store, now }: Foundation, bull: Bull | null, log: Log): QueueBoard | null {
  const { redis, prefix, board } = loaded.config.queue;
  if (redis === null || board === null || bull === null) return null;
  const parts = {
    ...board,
    watch: () => bull.watchBullQueue({ url: redis, prefix }),
    signedIn: () => store.admin.audit({ by: board.user, action: 'queue.look', on: ['queue'] }, now()),
  };
  return createQueueBoard(parts, log);
}

/** The keys that the decider needs, for its thread. */
function deciderRing({ ring }: Foundation): RingData {
  return exportRing(ring, ['content', 'identity', 'dedupe', 'index', 'term']);
}

interface ReadingSources {
  readonly log: Log;
  readonly intake: Intake;
  readonly owner: string;
  readonly wanted: ReadingParts['wanted'];
}

function readingParts(foundation: Foundation, { log, intake, owner, wanted }: ReadingSources): ReadingParts {
  const { loaded, opened, rulebook } = foundation;
  const { config } = loaded;
  const incidents = createIncidentDesk(foundation);
  return {
    start: {
      ring: deciderRing(foundation),
      keyFile: foundation.keyFile,
      repeats: loadRepeats(config.rules, config.data),
      embedding: config.embedding,
      rulebook,
      adapters: config.adapters,
      baseFolder: dirname(loaded.file),
      parsers: config.reading.parsers,
      messageMs: config.reading.messageSeconds * 1000,
      memoryMb: config.reading.memoryMb,
      batch: config.reading.batch,
      attempts: config.reading.attempts,
      attachmentWaitMs: config.dispatch.attachmentWaitMinutes * 60_000,
      awaited: intake.awaited,
      owner,
    },
    address: opened.address,
    folder: config.data,
    log,
    decided: intake.decided,
    link: ({ as, number, to }) =>
      as === 'repeat' ? foundation.desk.link(number, to, 'system') : incidents.merge(number, to, 'system'),
    wanted,
  };
}
