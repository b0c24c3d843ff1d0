// Files as offices make them: several sheets and covers, numbers kept as text, other delimiters, names of parts as programs write them.
import assert from 'node:assert/strict';
import type { InboundAppeal, Original } from '../../adapters/contract.ts';
import { adapter } from '../../adapters/exchange/index.ts';
import { parse } from '../../adapters/exchange/parse.ts';
import { type RowFault, sayFault } from '../../adapters/exchange/row-errors.ts';
import { FAULT_TYPE, split } from '../../adapters/exchange/split.ts';
import { type Cell, csv, linksXml, workbook } from '../platforms/exchange.ts';

const settingsWith = (more: object = {}) =>
  adapter.settings.validate({ folder: '/srv/huisu/exchange/a', ...more }).value;

interface Read {
  readonly rows: readonly { readonly id: string; readonly sender: string | null; readonly appeal: InboundAppeal }[];
  readonly faults: readonly RowFault[];
  /** `row code`, without the channel's kind. */
  readonly codes: readonly string[];
}

async function read(body: Uint8Array | string, file = 'a.xlsx', settings = settingsWith()): Promise<Read> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const container = { platformId: 'f', sender: null, body: bytes, mediaType: 'x/y', meta: { file } };
  const parts: Original[] = [];
  for await (const part of split(container, settings)) parts.push(part);
  const faults = parts
    .filter(part => part.mediaType === FAULT_TYPE)
    .map(part => JSON.parse(Buffer.from(part.body).toString()) as RowFault);
  const rows = parts
    .filter(part => part.mediaType !== FAULT_TYPE)
    .map(part => ({ id: part.platformId, sender: part.sender, appeal: parse(part, settings) as InboundAppeal }));
  return { rows, faults, codes: faults.map(({ code, row }) => `${row} ${code.replace('exchange.', '')}`) };
}

const HEAD = ['编号', '内容', '联系电话'];
const table = (from: number, count: number): Cell[][] => [
  HEAD,
  ...Array.from({ length: count }, (_, at) => [`D${from + at}`, `第${from + at}盏路灯不亮`, '13800138000']),
];
const ids = ({ rows }: Read): readonly string[] => rows.map(({ id }) => id);

describe('exchange: workbooks of several sheets', () => {
  it('give the first with rows, and say which others were not taken', async () => {
    const bytes = workbook(table(1, 2), {
      name: '一科',
      more: [
        { name: '二科', rows: table(10, 1) },
        { name: '空', rows: [] },
        {
          name: '统计',
          rows: [
            ['月份', '件数'],
            ['1月', '3'],
          ],
        },
        { name: '下拉', hidden: true, rows: table(30, 1) },
        { name: '三科', rows: table(20, 3) },
      ],
    });
    const all = await read(bytes);
    assert.deepEqual([ids(all), all.codes], [['D1', 'D2'], ['0 sheets_left']]);
    assert.match(sayFault(all.faults[0] as RowFault, 'zh'), /第 2, 5 张/);
    const named = await read(bytes, 'a.xlsx', settingsWith({ sheet: '三科' }));
    assert.deepEqual([ids(named), named.codes], [['D20', 'D21', 'D22'], []]);
  });

  it('may begin with a cover, an empty sheet or a form that nobody filled in', async () => {
    const covers: readonly (readonly (readonly Cell[])[])[] = [[['填写说明'], ['每行一件']], [], [HEAD]];
    for (const cover of covers) {
      const all = await read(workbook(cover, { name: '首页', more: [{ name: '数据', rows: table(1, 1) }] }));
      assert.deepEqual([ids(all), all.codes], [['D1'], []]);
    }
  });

  it('without a row anywhere are told so, and are not waited for as if they were still to be written', async () => {
    assert.deepEqual((await read(workbook([]))).codes, ['0 no_header']);
    const named = await read(workbook([], { name: '甲' }), 'a.xlsx', settingsWith({ sheet: '甲' }));
    assert.deepEqual(named.codes, ['0 no_header']);
    assert.deepEqual((await read(workbook([HEAD], { more: [{ name: '乙', rows: [['说明']] }] }))).codes, ['0 no_rows']);
  });
});

describe('exchange: parts of a workbook', () => {
  it('are found as their program names them: from here, from above, from the root, in capitals', async () => {
    for (const folder of ['./', '../xl/', '/xl/']) {
      const links = {
        name: 'xl/_rels/workbook.xml.rels',
        bytes: Buffer.from(linksXml(1, 'SharedStrings.xml', folder)),
      };
      assert.deepEqual(ids(await read(workbook(table(1, 1), { parts: [links] }))), ['D1'], folder);
    }
  });
});

describe('exchange: numbers that are words', () => {
  it('have the zeros and letters that their cell shows', async () => {
    const cases: readonly (readonly [format: string, number: string, shown: string])[] = [
      ['000000', '13', '000013'],
      ['"XF-"0000', '13', 'XF-0013'],
      [String.raw`\X000"号"`, '7', 'X007号'],
      ['00000;-00000;@', '42', '00042'],
      ['000000', '1234567', '1234567'],
      ['0', '13', '13'],
      ['0.00', '13', '13'],
      ['#,##0', '1300', '1300'],
    ];
    for (const [format, number, shown] of cases) {
      const bytes = workbook([HEAD, [{ number, format: 0 }, '路灯不亮', null]], { formats: [format] });
      assert.deepEqual(ids(await read(bytes)), [shown], format);
    }
  });

  it('are the same in a CSV however they were kept from being numbers', async () => {
    const ways = ['="0013"', '"=""0013"""', "'0013", '`0013', '\t0013\t', '\u202d0013\u202c', '0013\u200b'];
    for (const way of ways) {
      const text = `编号,内容,联系电话\r\n${way},路灯不亮,${way.replace('0013', '13800138000')}\r\n`;
      const [row] = (await read(text, 'a.csv')).rows;
      assert.deepEqual([row?.id, row?.sender, row?.appeal.contact.phone], ['0013', '13800138000', '13800138000'], way);
    }
  });

  it('are whole where a program made fractions of them, and sent back where that lost digits', async () => {
    const text = csv([HEAD, ['20260105001.0', '路灯不亮', '13800138000.0'], ['220502199001011232.0', '路灯不亮', '1']]);
    const all = await read(text, 'a.csv');
    assert.deepEqual(
      [all.rows.map(({ id, sender }) => [id, sender]), all.codes],
      [[['20260105001', '13800138000']], ['3 digits_lost']],
    );
  });

  it('and people are none where a program wrote its word for nothing', async () => {
    for (const nothing of ['NULL', 'null', String.raw`\N`, '(null)', 'nan', 'NaN', 'None', '#N/A']) {
      const text = csv([
        ['编号', '内容', '联系电话', '用户编号', '身份证号'],
        [nothing, '路灯不亮', nothing, nothing, nothing],
        [nothing, nothing, '1', '', ''],
      ]);
      const all = await read(text, 'a.csv');
      const [row] = all.rows;
      assert.deepEqual([row?.sender, row?.appeal.contact, row?.appeal.externalIds], [null, {}, {}], nothing);
      assert.notEqual(row?.id, nothing);
      assert.deepEqual(all.codes, ['3 no_content']);
    }
  });

  it('keep their signs in what people write', async () => {
    const { rows } = await read(`编号,内容\r\nD1,'昨天'👨‍👩‍👧来过\r\n`, 'a.csv');
    assert.equal(rows[0]?.appeal.content, "'昨天'👨‍👩‍👧来过");
  });

  it('of days are read as days where their style was lost', async () => {
    const bytes = workbook([
      ['内容', '来信时间', '发生时间'],
      ['a', { number: '46027.354166666664' }, { number: '46027' }],
    ]);
    const [row] = (await read(bytes)).rows;
    assert.deepEqual([row?.appeal.sentAt, row?.appeal.occurredAt], ['2026-01-05T08:30:00+08:00', '2026-01-05']);
  });
});

describe('exchange: text of other programs', () => {
  const wordy = '路灯不亮,请修,快,老人,摔倒,两次,谢谢';
  const parted = (sign: string) => [HEAD, ['D1', wordy, '13800138000']].map(cells => cells.join(sign)).join('\r\n');

  it('is parted where its header is, however many commas people write', async () => {
    for (const sign of ['\t', ';', '|']) {
      const [row] = (await read(parted(sign), 'a.csv')).rows;
      assert.deepEqual([row?.id, row?.appeal.content], ['D1', wordy], JSON.stringify(sign));
    }
  });

  it('is parted by the sign its first line names', async () => {
    assert.deepEqual(ids(await read(`sep=^\r\n${parted('^')}`, 'a.csv')), ['D1']);
  });

  it('that is one JSON array is told what to do, one with a bracket in its header is none', async () => {
    for (const file of ['a.json', 'a.jsonl']) {
      assert.deepEqual((await read('[\n {"编号":"D1","内容":"路灯不亮"}\n]', file)).codes, ['0 json_array']);
    }
    const settings = settingsWith({ columns: { externalId: '[编号]' } });
    assert.deepEqual(ids(await read('[编号],内容\r\nD1,路灯不亮\r\n', 'a.csv', settings)), ['D1']);
  });

  it('sends back its rows of totals, which are no appeals', async () => {
    const text = csv([HEAD, ['D1', '路灯不亮', '1'], ['合 计：', '1', ''], ['', '', '']]);
    const all = await read(text, 'a.csv');
    assert.deepEqual([ids(all), all.codes], [['D1'], ['3 total_row']]);
  });

  it('is known by the headings that letters have', async () => {
    const text = csv([
      ['序号', '来信人', '来信日期', '来信内容'],
      ['1', '张三', '2026-1-5', '路灯不亮'],
    ]);
    const [row] = (await read(text, 'a.csv')).rows;
    assert.deepEqual(
      [row?.appeal.content, row?.appeal.contact.name, row?.appeal.sentAt],
      ['路灯不亮', '张三', '2026-01-05'],
    );
  });
});
