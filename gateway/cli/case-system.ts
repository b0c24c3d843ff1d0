// huisu case-system try: one made-up entry of each kind to the real case system, before citizens' ones go there.
import { DeskError, EXIT } from '../desk-error.ts';
import type { Command } from './command.ts';

export const caseSystemCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'case-system try',
    summary: { zh: '向工单系统各试发一条测试数据', en: 'send the case system one made-up entry of each kind' },
    columns: [
      { key: 'kind', title: { zh: '类别', en: 'kind' } },
      { key: 'ok', title: { zh: '成功', en: 'ok' } },
      { key: 'status', title: { zh: '状态码', en: 'status' } },
      { key: 'caseNumber', title: { zh: '对方编号', en: 'case number' } },
      { key: 'cause', title: { zh: '原因', en: 'cause' } },
    ],
    async *run({ tryCaseSystem }) {
      if (tryCaseSystem === null) throw new DeskError('desk.no_case_system', {}, EXIT.config);
      for await (const trial of tryCaseSystem()) yield { ...trial };
    },
  },
];
