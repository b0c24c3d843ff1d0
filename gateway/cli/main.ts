// The command line: arguments in, exit code out. Commands are plain objects; here they become commander's.
import { resolve } from 'node:path';
import { Command as Commander, CommanderError, Option as CommanderOption, InvalidArgumentError } from 'commander';
import { EXIT } from '../desk/desk-error.ts';
import { failureOf } from '../failure.ts';
import { type Language, languageOf, say, sayBoth } from '../locale.ts';
import { createLog } from '../telemetry/telemetry.ts';
import { VERSION } from '../version.ts';
import { readSettings } from './channels.ts';
import type { Arguments, Command, LocalCommand, Option, Terminal } from './command.ts';
import { COMMANDS, LOCAL_COMMANDS } from './commands.ts';
import { replies } from './open.ts';
import { operator } from './operator.ts';
import { print, printFailure } from './output.ts';
import { jsonLine } from './table.ts';

/** Runs one command. Never throws; what went wrong is on standard error, in both languages. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const language = languageOf(optionIn(argv, '--lang'), env);
  const terminal = terminalOf(language, env);
  let exit: number = EXIT.ok;
  let begun: { readonly kind: Command['kind'] | 'local'; readonly json: boolean } = { kind: 'local', json: false };
  const program = build(language, async (command, args, globals) => {
    const full = { ...terminal, json: globals.json === true, configFile: globals.config };
    begun = { kind: command.kind, json: full.json };
    // A gateway goes on for longer than anybody reads what it printed at its start.
    if (command.name !== 'start') endWithReader();
    if (command.kind === 'local') {
      exit = await command.run(full, args);
      return;
    }
    exit = await print(command, replies(command, args, operator(full.env), full), full);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : usageFailure(error, argv, terminal);
    const failure = failureOf(error);
    if (failure.exit === EXIT.bug) createLog({ level: 'error' }).bug('cli.bug', error);
    return printFailure(failure, { ...terminal, json: begun.json }, begun.kind);
  }
}

/** Commander has said it on standard error; a program that asked for an object gets one as from any other failure. */
function usageFailure({ message }: CommanderError, argv: readonly string[], terminal: Terminal): number {
  const line = ` ${argv.filter(word => !word.startsWith('-')).join(' ')} `;
  const lists = COMMANDS.some(({ kind, name }) => kind === 'list' && line.includes(` ${name} `));
  if (argv.includes('--json') && !lists) {
    const said = message.replace(/^error: /, '');
    const failure = { code: 'cli.usage', exit: EXIT.usage, ...sayBoth('error.cli.usage', { said }) };
    terminal.out(jsonLine({ failure }));
  }
  return EXIT.usage;
}

/** `huisu messages list | head`: whoever has read enough closes the pipe, and nothing is wrong. */
function endWithReader(): void {
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
}

/** Before commander has parsed anything, since its own words depend on it. */
function optionIn(argv: readonly string[], name: string): string | undefined {
  const index = argv.findIndex(word => word === name || word.startsWith(`${name}=`));
  if (index === -1) return undefined;
  const word = argv[index] as string;
  return word === name ? argv[index + 1] : word.slice(name.length + 1);
}

function terminalOf(language: Language, env: NodeJS.ProcessEnv): Terminal {
  return {
    language,
    env,
    json: false,
    configFile: undefined,
    out: line => process.stdout.write(`${line}\n`),
    err: line => process.stderr.write(`${line}\n`),
  };
}

interface Globals {
  readonly json?: boolean;
  readonly config?: string;
}
type Run = (command: Command | LocalCommand, args: Arguments, globals: Globals) => Promise<void>;

function build(language: Language, run: Run): Commander {
  const program = dressed(new Commander('huisu'), language).description(say(language, 'cli.description'));
  program.version(VERSION, '-V, --version', say(language, 'cli.version'));
  // Before the command as well as behind it.
  withGlobals(program, language);
  program.helpCommand('help [command]', say(language, 'cli.help-command'));
  const groups = new Map<string, Commander>();
  for (const command of [...LOCAL_COMMANDS, ...COMMANDS]) {
    const words = command.name.split(' ');
    const last = words.pop() as string;
    const parent = words.reduce<Commander>((above, _word, depth) => {
      const name = words.slice(0, depth + 1).join(' ');
      const known = groups.get(name) ?? group(above, words[depth] as string, name, language);
      groups.set(name, known);
      return known;
    }, program);
    const made = dressed(parent.command(last), language);
    leaf(made, command, language, run);
    // A command may have others below it (`alarms`, `alarms test`).
    groups.set(command.name, made);
  }
  return program;
}

function group(above: Commander, last: string, name: string, language: Language): Commander {
  return dressed(above.command(last), language).description(say(language, `group.${name}`));
}

function leaf(target: Commander, command: Command | LocalCommand, language: Language, run: Run): void {
  target.description(command.summary[language]);
  for (const { form, summary } of command.arguments ?? []) target.argument(form, summary[language]);
  for (const option of command.options ?? []) target.addOption(optionOf(option, language));
  withGlobals(target, language).action(async (...given: unknown[]) => {
    const { json, config, lang: _lang, ...options } = target.optsWithGlobals() as Globals & Record<string, string>;
    const names = target.registeredArguments.map(argument => argument.name());
    const positional = Object.fromEntries(names.map((name, index) => [name, given[index] as string | undefined]));
    await run(command, absolute(target, command, { ...positional, ...filled(options) }), {
      ...(json === undefined ? {} : { json }),
      ...(config === undefined ? {} : { config }),
    });
  });
}

/** Paths start at the folder they are typed in, wherever the command then runs. */
function absolute(target: Commander, command: Command | LocalCommand, args: Arguments): Arguments {
  const places = (command.arguments ?? []).flatMap(({ path }, index) =>
    path === true ? [target.registeredArguments[index]?.name()] : [],
  );
  const options = (command.options ?? []).flatMap(({ flags, path }) =>
    path === true ? [new CommanderOption(flags).attributeName()] : [],
  );
  const made = [...places, ...options].flatMap(name =>
    name === undefined || typeof args[name] !== 'string' ? [] : [[name, resolve(args[name])]],
  );
  return { ...args, ...Object.fromEntries(made) };
}

/** A file named by @ is read here: the gateway may run in another folder. */
function filled(options: Record<string, string>): Arguments {
  return options['settings'] === undefined ? options : { ...options, settings: readSettings(options['settings']) };
}

function withGlobals(target: Commander, language: Language): Commander {
  return target
    .option('--config <file>', say(language, 'cli.config'))
    .option('--json', say(language, 'cli.json'))
    .addOption(new CommanderOption('--lang <language>', say(language, 'cli.lang')).choices(['zh', 'en']));
}

function optionOf({ flags, summary, choices, number, required }: Option, language: Language): CommanderOption {
  const option = new CommanderOption(flags, summary[language]).makeOptionMandatory(required === true);
  if (choices !== undefined) option.choices(choices);
  if (number !== undefined) {
    option.argParser((text: string) => {
      const value = Number(text);
      if (Number.isInteger(value) && value >= number.min && value <= number.max) return value;
      throw new InvalidArgumentError(`${number.min}…${number.max}`);
    });
  }
  return option;
}

const TITLES: Readonly<Record<string, string>> = {
  'Usage:': 'cli.usage',
  'Options:': 'cli.options',
  'Commands:': 'cli.commands',
  'Arguments:': 'cli.arguments',
  'Global Options:': 'cli.global-options',
};
const FAULTS: Readonly<Record<string, string>> = {
  'commander.unknownOption': 'cli.unknown-option',
  'commander.unknownCommand': 'cli.unknown-command',
  'commander.missingArgument': 'cli.missing-argument',
  'commander.excessArguments': 'cli.excess-arguments',
  'commander.invalidArgument': 'cli.bad-argument',
  'commander.optionMissingArgument': 'cli.missing-argument',
};

/** Commander's own words in the language of the rest. */
function dressed(command: Commander, language: Language): Commander {
  return command
    .helpOption('-h, --help', say(language, 'cli.help'))
    .configureHelp({ styleTitle: title => (title in TITLES ? say(language, TITLES[title] as string) : title) })
    .configureOutput({ writeErr: text => process.stderr.write(text) })
    .exitOverride(error => {
      const fault = FAULTS[error.code];
      if (fault !== undefined) process.stderr.write(`${say(language, fault)} · ${say(language, 'cli.see-help')}\n`);
      throw error;
    });
}
