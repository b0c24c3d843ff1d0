// huisu reload: has the running gateway read its settings again, and tells what changed, what waits for a restart, or what is wrong.
import { type ConfigProblem, describeProblem } from '../../config/errors.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { type Language, say } from '../locale.ts';
import type { ReloadReport } from '../settings/reload.ts';
import type { Command, Row } from './command.ts';

export const reloadCommand: Command = {
  kind: 'one',
  name: 'reload',
  summary: {
    zh: '让运行中的网关重新读取配置，并说明有何变化',
    en: 'have the running gateway read its settings again',
  },
  async run({ live }) {
    if (live === null) throw new DeskError('settings.not_running', {}, EXIT.unavailable);
    return { ...(await live.reload()) };
  },
  text: textOf,
  exit: result => (result['ok'] === true ? EXIT.ok : EXIT.config),
};

function textOf(result: Row, language: Language): string {
  const { ok, channels, settings, restart, problems } = result as unknown as ReloadReport;
  if (!ok) return [say(language, 'reload.refused'), ...problemLines(problems, language)].join('\n');
  const line = (key: string, items: readonly string[]) =>
    items.length === 0 ? [] : [say(language, `reload.${key}`, { items: items.join(', ') })];
  const lines = [
    ...line('added', channels.added),
    ...line('removed', channels.removed),
    ...line('changed', channels.changed),
    ...line('settings', settings),
    ...line('restart', restart),
  ];
  return lines.length === 0 ? say(language, 'reload.unchanged') : lines.join('\n');
}

/** Each problem on a line of its own: file, line, path, reason. */
export function problemLines(problems: readonly ConfigProblem[], language: Language): readonly string[] {
  return problems.map(problem => `  ${describeProblem(problem, language)}`);
}
