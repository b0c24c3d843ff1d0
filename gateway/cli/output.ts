// How results reach a person or a program: tables and words, or JSON; always one line for each, on standard output.

import type { Reply } from '../control.ts';
import type { Failure } from '../failure.ts';
import { say } from '../locale.ts';
import type { Command, Row, Share, Terminal } from './command.ts';
import { lines } from './describe.ts';
import { type ProgressBar, progressBar } from './progress-bar.ts';
import { jsonLine, table } from './table.ts';

/** Rows of a table that are gathered before its columns' widths are settled. */
const TABLE_PAGE = 200;

/** Prints replies as they come; answers the exit code. */
export async function print(command: Command, replies: AsyncIterable<Reply>, terminal: Terminal): Promise<number> {
  const rows: Row[] = [];
  let shown = 0;
  const flush = () => {
    if (command.kind !== 'list' || rows.length === 0) return;
    const [head, ...body] = table(command.columns, rows, terminal.language);
    if (shown === 0) terminal.out(head as string);
    for (const line of body) terminal.out(line);
    shown += rows.length;
    rows.length = 0;
  };
  const bars = shareBars(terminal);
  for await (const reply of replies) {
    if (!('progress' in reply) || reply.share === undefined) bars.stop();
    if ('progress' in reply) {
      if (reply.share === undefined) terminal.err(reply.progress[terminal.language]);
      else bars.show(reply.progress[terminal.language], reply.share);
    } else if ('failure' in reply) {
      flush();
      return printFailure(reply.failure, terminal, command.kind);
    } else if ('result' in reply) return printResult(command, reply.result, terminal);
    else if ('row' in reply) {
      if (terminal.json) terminal.out(jsonLine(reply.row));
      else if (rows.push(reply.row) >= TABLE_PAGE) flush();
    }
  }
  flush();
  if (shown === 0 && !terminal.json) terminal.err(say(terminal.language, 'cli.empty'));
  return 0;
}

/** One bar at a time, on standard error: a new label or another total begins a new one. */
export function shareBars({ json }: Pick<Terminal, 'json'>) {
  let shown: { readonly label: string; readonly total: number; readonly bar: ProgressBar } | null = null;
  const stop = () => {
    shown?.bar.stop();
    shown = null;
  };
  return {
    show(label: string, { done, total }: Share) {
      if (shown?.label !== label || shown.total !== total) {
        stop();
        shown = { label, total, bar: progressBar(label, total, !json && process.stderr.isTTY) };
      }
      shown.bar.to(done);
    },
    stop,
  };
}

function printResult(command: Command, result: Row, terminal: Terminal): number {
  const one = command.kind === 'one' ? command : null;
  if (!terminal.json) {
    const text = one?.text?.(result, terminal.language) ?? lines(result, terminal.language).join('\n');
    if (text !== '') terminal.out(text);
  }
  terminal.out(jsonLine(result));
  return one?.exit?.(result) ?? 0;
}

/** Words on standard error; with --json the one object on standard output says it as well, where rows are not expected. */
export function printFailure(
  { code, exit, sentence }: Failure,
  terminal: Pick<Terminal, 'language' | 'err' | 'out' | 'json'>,
  kind: Command['kind'] | 'local',
): number {
  if (terminal.json && kind !== 'list') terminal.out(jsonLine({ failure: { code, exit, ...sentence } }));
  const other = terminal.language === 'zh' ? sentence.en : sentence.zh;
  terminal.err(`${sentence[terminal.language]}\n${other}\n(${code})`);
  return exit;
}
