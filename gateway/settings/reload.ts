// 重新加载: reads the settings again, checks them as a whole, and takes over what can change while the gateway runs.
import { basename, dirname, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { loadRegistry } from '../../adapters/registry.ts';
import { type Certificate, readCertificate } from '../../config/certificate.ts';
import { ConfigError, type ConfigProblem, jsonPath } from '../../config/errors.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { LogLevel } from '../../config/schema.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import type { ChannelBook } from '../channels/channel-book.ts';
import type { ChannelChanges, Channels } from '../channels/channels.ts';
import { checkChannels } from '../channels/file-channels.ts';
import { failureOf } from '../failure.ts';
import type { HttpService } from '../http/server.ts';
import type { Log } from '../telemetry/telemetry.ts';
import { type LiveConfig, type Taken, takeOver } from './live-config.ts';
import { createRulesCheck, type RulesCheck } from './rules-check.ts';
import { type SettingsWatch, watchSettings } from './settings-watch.ts';

/** How the settings stand. */
export interface SettingsState {
  /** When those at work were taken over; milliseconds since the epoch. */
  readonly since: number;
  /** The newer ones that were refused; null when the ones at work are the newest. */
  readonly refused: { readonly at: number; readonly problems: readonly ConfigProblem[] } | null;
  /** JSON paths of settings, and rule files, that take effect after a restart. */
  readonly restart: readonly string[];
  /** How often newer settings were taken over, and refused. */
  readonly counts: { readonly applied: number; readonly refused: number };
}

/** What came of one reload. */
export interface ReloadReport {
  readonly ok: boolean;
  readonly channels: ChannelChanges;
  /** JSON paths of other settings that are at work now; `$.listen.tls` also where its files changed. */
  readonly settings: readonly string[];
  readonly restart: readonly string[];
  readonly problems: readonly ConfigProblem[];
}

export interface ReloadParts {
  readonly live: LiveConfig;
  readonly book: Pick<ChannelBook, 'check'>;
  readonly channels: Pick<Channels, 'sync'>;
  readonly http: Pick<HttpService, 'renew'>;
  readonly certificate: Certificate | null;
  readonly log: Log;
  readonly logLevel: (level: LogLevel) => void;
  readonly now: () => number;
  /** Watched as the settings are: another process may rotate the keys. null: nothing to watch. */
  readonly keyFile: string | null;
  /** Takes the key file over where it has changed. */
  renewKeys(): Promise<void>;
}

export interface Reload {
  /** Begins to watch the files; before that nothing is reloaded. */
  start(): Promise<void>;
  /**
   * Reads everything again; one reload at a time. Rejects for what is nobody's fault in the settings (a store that is away).
   * @param retry opens channels anew, too, that wait for a person
   */
  now(retry: boolean): Promise<ReloadReport>;
  state(): SettingsState;
  /** The certificate in use; null without TLS. */
  certificate(): Pick<Certificate, 'notBefore' | 'notAfter'> | null;
  close(): Promise<void>;
}

const NO_CHANGES: ChannelChanges = { added: [], removed: [], changed: [] };
const NOTHING: ReloadReport = { ok: false, channels: NO_CHANGES, settings: [], restart: [], problems: [] };

export function createReload(parts: ReloadParts): Reload {
  const { live, log, now } = parts;
  let rules: RulesCheck | null = null;
  let watch: SettingsWatch | null = null;
  let certificate = parts.certificate;
  let seen: ReadonlySet<string> = new Set(filesOf(live));
  let state: SettingsState = { since: now(), refused: null, restart: [], counts: { applied: 0, refused: 0 } };
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;
  const keyFiles = parts.keyFile === null ? [] : [parts.keyFile];

  async function attempt(retry: boolean): Promise<ReloadReport> {
    const files = new Set<string>();
    try {
      const see = (file: string) => void files.add(file);
      const next = live.again({ seen: see, refuseEmpty: true });
      const renewed = readCertificate(next, see);
      if (renewed !== null && isOther(renewed)) checkDates(renewed, next, now());
      rules ??= await createRulesCheck(pathsOf(live));
      const { changed, problems } = await rules.look(pathsOf(next));
      throwAny(problems);
      await checkAll(parts, next);
      await parts.renewKeys();
      seen = files;
      return await apply(takeOver(live.config, next.config), { next, renewed, changed, retry });
    } catch (error) {
      // What could not be read yet is watched as well: it may be what comes next.
      seen = new Set([...seen, ...files]);
      if (!(error instanceof ConfigError)) throw error;
      return refuse(error.problems);
    }
  }

  const isOther = (next: Certificate) => next.cert !== certificate?.cert || next.key !== certificate.key;

  async function apply(taken: Taken, found: Found): Promise<ReloadReport> {
    const { next, renewed, changed, retry } = found;
    live.swap(next, taken.config);
    parts.logLevel(taken.config.log.level);
    // A group that waits keeps its certificate, too.
    const secure = isDeepStrictEqual(taken.config.listen, next.config.listen);
    const isNew = secure && renewed !== null && isOther(renewed);
    if (secure) certificate = renewed;
    parts.http.renew(taken.config.listen, secure ? renewed : null);
    const channels = await parts.channels.sync(retry);
    const settings = [
      ...taken.now.filter(path => path !== '$.channels'),
      ...(isNew && !taken.now.some(path => path.startsWith('$.listen.tls')) ? ['$.listen.tls'] : []),
    ];
    // Of another folder of rules every file is another one.
    const moved = !isDeepStrictEqual(pathsOf(live), pathsOf(next));
    const restart = [...taken.restart, ...(moved ? [] : changed.map(file => shortName(live, file)))];
    const isChange = settings.length > 0 || Object.values(channels).some(ids => ids.length > 0);
    tell(settings, channels, restart);
    state = {
      since: isChange || state.refused !== null ? now() : state.since,
      refused: null,
      restart,
      counts: { ...state.counts, applied: state.counts.applied + (isChange ? 1 : 0) },
    };
    return { ok: true, channels, settings, restart, problems: [] };
  }

  function tell(settings: readonly string[], channels: ChannelChanges, restart: readonly string[]): void {
    const count = settings.length + Object.values(channels).reduce((sum, ids) => sum + ids.length, 0);
    if (count > 0 || state.refused !== null) log.info('settings.reloaded', { count });
    if (restart.length > 0 && !isDeepStrictEqual(restart, state.restart))
      log.warn('settings.restart_needed', { count: restart.length });
  }

  /** The ones at work stay; said once for the same problems. */
  function refuse(problems: readonly ConfigProblem[]): ReloadReport {
    const said = isDeepStrictEqual(state.refused?.problems, problems);
    for (const { code, line, file } of said ? [] : problems) {
      log.warn('settings.refused', { reason: code, line, file: shortName(live, file), count: problems.length });
    }
    state = {
      ...state,
      refused: said && state.refused !== null ? state.refused : { at: now(), problems },
      counts: { ...state.counts, refused: state.counts.refused + 1 },
    };
    return { ...NOTHING, restart: state.restart, problems };
  }

  function reload(retry: boolean): Promise<ReloadReport> {
    // A signal may come while the gateway ends; channels that are closed must stay so.
    const done = turn.then(() => (closed ? NOTHING : attempt(retry)));
    turn = done.catch(() => undefined);
    return done;
  }

  /** True when there is nothing to be tried again soon. */
  async function changed(): Promise<boolean> {
    try {
      await reload(false);
    } catch (error) {
      if (error instanceof StoreUnavailable) return false;
      log.bug('settings.failed', error);
    }
    return true;
  }

  return {
    async start() {
      rules = await createRulesCheck(pathsOf(live));
      watch = watchSettings({
        files: () => [...seen, ...filesOf(live), ...(rules?.files ?? []), ...keyFiles],
        changed,
        log,
      });
    },
    now: reload,
    state: () => state,
    certificate: () => certificate,
    async close() {
      closed = true;
      await watch?.close();
      await turn;
    },
  };
}

interface Found {
  readonly next: LoadedConfig;
  readonly renewed: Certificate | null;
  readonly changed: readonly string[];
  readonly retry: boolean;
}

function throwAny(problems: readonly ConfigProblem[]): void {
  const [first, ...rest] = problems;
  if (first !== undefined) throw new ConfigError([first, ...rest]);
}

const pathsOf = ({ config }: LoadedConfig) => ({
  rulesFolder: config.rules,
  regionFile: config.region,
  dataFolder: config.data,
});

/** One that senders would refuse is not put in the place of one that may well be good. */
function checkDates({ notBefore, notAfter }: Certificate, { locate }: LoadedConfig, now: number): void {
  if (notBefore <= now && now < notAfter) return;
  const path = ['listen', 'tls', 'certFile'];
  const [from, to] = [notBefore, notAfter].map(time => new Date(time).toISOString());
  throw new ConfigError([
    {
      ...{ code: 'config.tls_not_valid', path: jsonPath(path), ...locate(path) },
      zh: `证书现在无效（有效期 ${from} 至 ${to}），沿用原来的证书`,
      en: `the certificate is not valid now (${from} to ${to}); the one in use stays`,
    },
  ]);
}

/** The settings file and the folder of channels beside it; what they name is learnt by reading them. */
function filesOf({ file, channelFolder }: LoadedConfig): readonly string[] {
  return channelFolder === null ? [] : [file, channelFolder];
}

/** Channels, their kinds and their settings; adapters that are new are loaded for it, which a restart would do as well. */
async function checkAll({ live, book }: ReloadParts, next: LoadedConfig): Promise<void> {
  const { adapters } = next.config;
  if (isDeepStrictEqual(adapters, live.config.adapters)) return book.check(next);
  try {
    await checkChannels(next, await loadRegistry(adapters, dirname(next.file)));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code, sentence } = failureOf(error);
    throw new ConfigError([{ code, path: '$.adapters', ...next.locate(['adapters']), ...sentence }]);
  }
}

/** Log lines carry no paths of this machine: the name from the folder of the settings file on. */
function shortName({ file }: LoadedConfig, full: string): string {
  const short = relative(dirname(file), full).replaceAll('\\', '/');
  return short.startsWith('..') ? basename(full) : short;
}
