// huisu audit: who did what, and whether the chain of records is whole.
import { EXIT } from '../desk-error.ts';
import { say } from '../locale.ts';
import type { Command } from './command.ts';

const PAGE = 500;

export const auditCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'audit list',
    summary: { zh: '列出审计记录', en: 'list audit records' },
    options: [
      {
        flags: '--after <seq>',
        summary: { zh: '从此序号之后', en: 'after this sequence number' },
        number: { min: 0, max: Number.MAX_SAFE_INTEGER },
      },
      {
        flags: '--limit <n>',
        summary: { zh: '最多多少条（默认全部）', en: 'at most so many (default all)' },
        number: { min: 1, max: 100_000_000 },
      },
    ],
    columns: [
      { key: 'seq', title: { zh: '序号', en: 'seq' } },
      { key: 'at', title: { zh: '时间', en: 'at' }, show: 'time' },
      { key: 'by', title: { zh: '何人', en: 'by' } },
      { key: 'action', title: { zh: '所为', en: 'action' } },
      { key: 'on', title: { zh: '对象', en: 'on' } },
      { key: 'why', title: { zh: '目的', en: 'why' } },
    ],
    async *run({ store }, args) {
      let after = Number(args['after'] ?? 0);
      let left = Number(args['limit'] ?? Number.POSITIVE_INFINITY);
      while (left > 0) {
        const records = await store.admin.auditList(after, Math.min(left, PAGE));
        for (const { seq, at, by, action, on, why, mac } of records)
          yield { seq, at, by, action, on, why: why ?? null, mac };
        if (records.length === 0) return;
        after = records.at(-1)!.seq;
        left -= records.length;
      }
    },
  },
  {
    kind: 'one',
    name: 'audit verify',
    summary: { zh: '核验审计链是否完整', en: 'check that the audit chain is whole' },
    run: async ({ store }) => ({ ...(await store.admin.auditVerify()) }),
    text: (result, language) =>
      result['broken'] === null
        ? say(language, 'audit.whole', { records: Number(result['records']) })
        : say(language, 'audit.broken', { seq: Number(result['broken']) }),
    exit: result => (result['broken'] === null ? EXIT.ok : EXIT.data),
  },
];
