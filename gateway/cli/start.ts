// huisu start: runs the gateway until it is told to stop.
import { loadConfig } from '../../config/load.ts';
import type { Gateway } from '../compose.ts';
import { EXIT } from '../desk/desk-error.ts';
import { say } from '../locale.ts';
import { ROLES, type Role } from '../role.ts';
import { createLog, type Log } from '../telemetry/telemetry.ts';
import { tellUnawaited } from '../unawaited.ts';
import type { Command, LocalCommand, Terminal } from './command.ts';
import { firstAppeal } from './first-appeal.ts';

/** For finishing what has begun. What a supervisor gives a process between SIGTERM and SIGKILL is 30 s as a rule. */
const STOP_MS = 20_000;
/** Then the process goes whatever a store or a platform that does not answer holds up: nothing acknowledged is lost by it. */
const GONE_MS = 24_500;

/** @param commands those that the control socket offers */
export function startCommand(commands: readonly Command[]): LocalCommand {
  return {
    kind: 'local',
    name: 'start',
    summary: { zh: '启动网关', en: 'start the gateway' },
    options: [
      {
        flags: '--role <role>',
        summary: { zh: '本进程的分工，缺省全部', en: 'what of the work this process does; default all of it' },
        choices: ROLES,
      },
    ],
    async run(terminal, { role }) {
      const loaded = loadConfig({ file: terminal.configFile, env: terminal.env });
      const log = createLog({ level: loaded.config.log.level });
      tellUnawaited(log, () => process.exit(EXIT.bug));
      const onFatal = (error: Error) => {
        // Nobody knows what reached the disk: only a new start can tell, so nothing is finished in between.
        log.bug('store.disk_failed', error);
        terminal.err(say(terminal.language, 'start.disk-failed'));
        process.exit(EXIT.bug);
      };
      const { startGateway } = await import('../compose.ts');
      const logLevel = log.setLevel;
      const reload = reloadOnHangup(log);
      const stop = Promise.withResolvers<string>();
      const gateway = await startGateway(loaded, {
        ...{ log, logLevel, commands, env: terminal.env, onFatal },
        // From its first request on there is something to finish; before that a signal ends it at once.
        serving: () => onStopSignal(stop.resolve),
        keysMade: file => terminal.err(say(terminal.language, 'start.made-keys', { file })),
        ...(role === undefined ? {} : { role: role as Role }),
      });
      reload(gateway);
      announce(gateway, terminal);
      await firstSeen(gateway, log);
      log.info('gateway.started', { url: gateway.url, pid: process.pid });
      const signal = await stop.promise;
      terminal.err(say(terminal.language, 'start.stopping'));
      log.info('gateway.stopping', { signal });
      const late = setTimeout(() => {
        log.warn('gateway.slow_stop', { signal });
        process.exit(EXIT.ok);
      }, GONE_MS);
      await gateway.close(STOP_MS);
      // It stays for what a library may have left running, and holds nothing up itself.
      late.unref();
      log.info('gateway.stopped', { signal });
      terminal.err(say(terminal.language, 'start.stopped'));
      return EXIT.ok;
    },
  };
}

function announce({ foundation, firstChannel, url }: Gateway, { language, err, out, json }: Terminal): void {
  const { config } = foundation.loaded;
  err(say(language, 'start.listening', { url, data: config.data }));
  if (config.caseSystem === null) err(say(language, 'start.no-case-system'));
  const hook = firstChannel === null ? null : `${config.listen.publicUrl ?? url}/hooks/${firstChannel.id}`;
  if (firstChannel !== null && hook !== null && !json) {
    out(say(language, 'start.first-channel', { id: firstChannel.id, secret: firstChannel.secret }));
    out(say(language, 'start.first-appeal'));
    out(`\n${firstAppeal(hook, firstChannel.secret)}\n`);
  }
  // One object for programs that start a gateway: where it listens, and the secret that is never shown again.
  const first = firstChannel === null ? null : { id: firstChannel.id, secret: firstChannel.secret, url: hook };
  out(JSON.stringify({ url, pid: process.pid, firstChannel: first }));
}

/** From now on no start shows the first secret again. Where it could not be written down the next one does, which harms nothing. */
async function firstSeen({ context, firstChannel }: Gateway, log: Log): Promise<void> {
  if (firstChannel === null) return;
  await context.book.firstSeen().catch((error: unknown) => log.fail('store.unavailable', error));
}

/** At a terminal SIGHUP says that the terminal is gone; to a service it says that its settings have changed. */
const hangupStops = () => process.stdin.isTTY === true;

/** Listens from the beginning, since the signal ends a process that does not; answers whom to tell of the gateway. */
function reloadOnHangup(log: Log): (gateway: Gateway) => void {
  let running: Gateway | null = null;
  const reload = () => {
    log.info('settings.asked', { signal: 'SIGHUP' });
    // Before it runs there is nothing to do: the settings are looked at once more when it does.
    running?.reload().catch((error: unknown) => log.bug('settings.failed', error));
  };
  if (!hangupStops()) process.on('SIGHUP', reload);
  return gateway => {
    running = gateway;
  };
}

/** Told of the first of the signals that mean "stop". A second one ends the process at once. */
function onStopSignal(stop: (signal: string) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT', ...(hangupStops() ? ['SIGHUP' as const] : [])] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(EXIT.bug));
      stop(signal);
    });
  }
}
