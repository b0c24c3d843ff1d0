// Runs a command where the data is: inside the gateway that runs on it, else on the store opened for this one command.
import { ConfigError } from '../../config/errors.ts';
import { glimpseDataFolder, type LoadedConfig, loadConfig } from '../../config/load.ts';
import { callControl, type Reply, runCommand } from '../control.ts';
import { isUsed } from '../data-folder.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { say } from '../locale.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { interrupted } from './interrupted.ts';

const PATIENCE_MS = 10_000;

/** The replies of a command, wherever it runs. */
export async function* replies(
  command: Command,
  args: Arguments,
  by: string,
  terminal: Terminal,
): AsyncIterable<Reply> {
  const settings = settingsOf(terminal);
  const folder = settings instanceof ConfigError ? glimpseDataFolder(fileOf(terminal)) : settings.config.data;
  const client = folder === null ? null : await callControl(folder);
  if (client !== null) {
    // A gateway that hangs would otherwise look like a command that does.
    const hint = setTimeout(() => terminal.err(say(terminal.language, 'cli.still-waiting')), PATIENCE_MS);
    try {
      for await (const reply of client.run(command.name, args, by)) {
        clearTimeout(hint);
        yield reply;
      }
    } finally {
      clearTimeout(hint);
      client.close();
    }
    return;
  }
  if (settings instanceof ConfigError) throw settings;
  refuseNothing(command, settings);
  const onFatal = () => {
    terminal.err(say(terminal.language, 'start.disk-failed'));
    process.exit(EXIT.bug);
  };
  // Only now: beside a running gateway a command needs none of the engine, and answers at once.
  const [{ commandContext }, { openFoundation }] = await Promise.all([
    import('../command-context.ts'),
    import('../foundation.ts'),
  ]);
  const keysMade = (file: string) => terminal.err(say(terminal.language, 'start.made-keys', { file }));
  const foundation = await openFoundation(settings, { env: terminal.env, onFatal, keysMade });
  const stop = interrupted();
  try {
    yield* pulled(send => runCommand(command, commandContext(foundation, null), { args, by }, stop.signal, send));
  } finally {
    stop.forget();
    await foundation.close();
  }
}

/** A typo in a path must not look like a gateway without messages, nor leave keys and an empty database behind. */
function refuseNothing({ begins }: Command, { config, file }: LoadedConfig): void {
  if (begins === true || config.store.url !== null || isUsed(config.data)) return;
  throw new DeskError('cli.no_data', { data: config.data, file }, EXIT.unavailable);
}

const fileOf = ({ configFile, env }: Terminal) => ({ file: configFile, env });

/** A gateway goes on with its old settings while the newer ones are wrong, and can be asked what is wrong with them. */
function settingsOf(terminal: Terminal): LoadedConfig | ConfigError {
  try {
    return loadConfig(fileOf(terminal));
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** Replies that are pushed, one at a time, as an iterable: the next is asked for when the last was taken. */
async function* pulled(run: (send: (reply: Reply) => Promise<void>) => Promise<void>): AsyncIterable<Reply> {
  const waiting: { reply: Reply; taken: () => void }[] = [];
  let wake = Promise.withResolvers<void>();
  let ended = false;
  const done = run(
    reply =>
      new Promise(taken => {
        waiting.push({ reply, taken });
        wake.resolve();
      }),
  ).finally(() => {
    ended = true;
    wake.resolve();
  });
  while (!ended || waiting.length > 0) {
    const next = waiting.shift();
    if (next === undefined) {
      await wake.promise;
      wake = Promise.withResolvers();
      continue;
    }
    yield next.reply;
    next.taken();
  }
  await done;
}
