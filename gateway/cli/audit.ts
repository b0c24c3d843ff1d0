// huisu audit: who did what, and whether the chain of records is whole.
import type { Store } from '../../store/store.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { say } from '../locale.ts';
import { foldNumber } from '../number.ts';
import { checkAudit, parseHead } from '../upkeep/audit-head.ts';
import type { Arguments, Command, Row } from './command.ts';
import { textOf } from './parts.ts';

const PAGE = 500;
/** They are gathered before they are shown. */
const MOST_LAST = 100_000;

export const auditCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'audit list',
    summary: { zh: '列出审计记录，旧的在前', en: 'list audit records, oldest first' },
    options: [
      {
        flags: '--on <what>',
        summary: { zh: '只看关于某个编号、渠道等的', en: 'about one number, channel or the like' },
      },
      { flags: '--by <whom>', summary: { zh: '只看某人所为', en: 'of one person' } },
      {
        flags: '--action <action>',
        summary: {
          zh: '只看某种行为，如 identity.read；可只写开头',
          en: 'of one action, such as identity.read, or its beginning',
        },
      },
      {
        flags: '--last <n>',
        summary: { zh: '只看最近多少条', en: 'the newest so many' },
        number: { min: 1, max: MOST_LAST },
      },
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
    run: ({ store }, args) => {
      const last = args['last'] === undefined ? null : Number(args['last']);
      const found = chosen(store, args);
      return last === null ? limited(found, Number(args['limit'] ?? Number.POSITIVE_INFINITY)) : newest(found, last);
    },
  },
  {
    kind: 'one',
    name: 'audit verify',
    summary: { zh: '核验审计链是否完整', en: 'check that the audit chain is whole' },
    options: [
      {
        flags: '--head <head>',
        summary: {
          zh: '以前记下的链首（序号:校验值），用来查出末尾被删',
          en: 'a head (SEQ:MAC) noted before, which tells whether the end was cut off',
        },
      },
    ],
    run: async ({ store }, args) => {
      const typed = textOf(args, 'head');
      const noted = typed === undefined ? null : parseHead(typed);
      if (typed !== undefined && noted === null) throw new DeskError('cli.bad_head', {}, EXIT.usage);
      return { ...(await checkAudit(store.admin, noted)) };
    },
    text: (result, language) => {
      if (result['broken'] !== null) return say(language, 'audit.broken', { seq: Number(result['broken']) });
      const whole = say(language, 'audit.whole', { records: Number(result['records']) });
      return result['head'] === null
        ? whole
        : `${whole}\n${say(language, 'audit.head', { head: String(result['head']) })}`;
    },
    exit: result => (result['broken'] === null ? EXIT.ok : EXIT.data),
  },
];

/** Goes through the whole chain, whose records are sealed in one order and indexed by nothing. */
async function* chosen(store: Store, args: Arguments): AsyncIterable<Row> {
  const [on, by, action] = [textOf(args, 'on'), textOf(args, 'by'), textOf(args, 'action')];
  const about = on === undefined ? undefined : (foldNumber(on) ?? on);
  for (let after = Number(args['after'] ?? 0); ; ) {
    const records = await store.admin.auditList(after, PAGE);
    for (const { seq, at, by: whom, action: what, on: things, why, mac } of records) {
      if (about !== undefined && !things.includes(about)) continue;
      if ((by !== undefined && !isOf(whom, by)) || (action !== undefined && !what.startsWith(action))) continue;
      yield { seq, at, by: whom, action: what, on: things, why: why ?? null, mac };
    }
    const last = records.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

async function* limited(rows: AsyncIterable<Row>, most: number): AsyncIterable<Row> {
  let left = most;
  for await (const row of rows) {
    yield row;
    if (--left === 0) return;
  }
}

async function* newest(rows: AsyncIterable<Row>, most: number): AsyncIterable<Row> {
  const kept: Row[] = [];
  for await (const row of rows) {
    if (kept.push(row) > most * 2) kept.splice(0, kept.length - most);
  }
  yield* kept.slice(-most);
}

/** A person is on record by their name, or by their name and the account behind it: `clerk-1 (huisu)`. */
function isOf(whom: string, by: string): boolean {
  return whom === by || whom.startsWith(`${by} (`);
}
