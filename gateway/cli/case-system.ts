// huisu case-system try: one made-up entry of each kind to the real case system, before citizens' ones go there.
import { DeskError, EXIT } from '../desk/desk-error.ts';
import type { TryReport } from '../dispatch/try.ts';
import type { Command } from './command.ts';

export const caseSystemCommands: readonly Command[] = [
  {
    kind: 'one',
    name: 'case-system try',
    summary: { zh: '向工单系统各试发一条测试数据', en: 'send the case system one made-up entry of each kind' },
    async run({ tryCaseSystem }) {
      if (tryCaseSystem === null) throw new DeskError('desk.no_case_system', {}, EXIT.config);
      return { ...(await tryCaseSystem()) };
    },
    text: (result, language) => linesOf(result as unknown as TryReport, language).join('\n'),
    exit: result => (result['ok'] === true ? EXIT.ok : EXIT.unavailable),
  },
];

/** One line a trial; advice below those that did not go well. */
function linesOf({ target, numbers, results }: TryReport, language: 'zh' | 'en'): readonly string[] {
  const head = `${target} · ${numbers.join(', ')}`;
  const lines = results.flatMap(({ kind, ok, status, milliseconds, caseNumber, code, adviceZh, adviceEn }) => {
    const line = `${ok ? '✔' : '✘'} ${kind} ${status ?? '-'} ${Math.round(milliseconds)} ms ${caseNumber ?? code ?? ''}`;
    const advice = language === 'zh' ? adviceZh : adviceEn;
    return ok || advice === '' ? [line] : [line, `  ${advice}`];
  });
  return [head, ...lines];
}
