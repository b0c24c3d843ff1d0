// Files of every kind into rows: encodings, headers, numbers, dates, merged cells, formulas, and what a hostile file does.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import iconv from 'iconv-lite';
import type { Original } from '../../adapters/contract.ts';
import { type Cell, csv, workbook, zip } from '../platforms/exchange.ts';
import { appealIn, cellsIn, codesIn, faultsIn, partsOf, rowsIn, settingsWith } from './exchange-parts.ts';

const HEAD = ['编号', '标题', '内容', '联系电话'];
const ROW = ['D1', '路灯', '建设大街路灯不亮，请修。', '13800138000'];

describe('exchange: text files', () => {
  const text = csv([HEAD, ROW]);
  const encodings: Readonly<Record<string, Uint8Array>> = {
    'UTF-8': Buffer.from(text),
    'UTF-8 with a mark': Buffer.from(`\ufeff${text}`),
    GBK: iconv.encode(text, 'gbk'),
    'GB18030 with a rare character': iconv.encode(text.replace('建设', '㙍设𠮷'), 'gb18030'),
    'UTF-16LE with a mark': iconv.encode(text, 'utf-16le', { addBOM: true }),
    'UTF-16BE with a mark': iconv.encode(text, 'utf-16be', { addBOM: true }),
    'UTF-16LE without one': iconv.encode(text, 'utf-16le'),
    'UTF-16BE without one': iconv.encode(text, 'utf-16be'),
  };
  for (const [name, bytes] of Object.entries(encodings)) {
    it(`are read in ${name}`, async () => {
      const [row] = rowsIn(await partsOf(bytes));
      assert.equal(row?.platformId, 'D1');
      assert.match(appealIn(row).content, /设.*大街路灯不亮，请修。$/);
    });
  }

  it('in UTF-8 with one broken sign are not taken for GBK', async () => {
    const bytes = Buffer.concat([
      Buffer.from(csv([HEAD])),
      Buffer.from(`D1,路灯,${'灯不亮'.repeat(200)}`),
      Buffer.of(0xe7, 0x81),
      Buffer.from(',1\r\n'),
    ]);
    assert.match(appealIn(rowsIn(await partsOf(bytes))[0]).content, /^灯不亮/);
  });

  it('in UTF-8 whose titles were cut in the middle of a sign stay UTF-8, short as they are', async () => {
    const rows = [1, 2, 3].map(n =>
      Buffer.concat([Buffer.from(`${n},路灯`), Buffer.of(0xe7, 0x81), Buffer.from(',建设大街路灯不亮\r\n')]),
    );
    const parts = await partsOf(Buffer.concat([Buffer.from('编号,标题,内容\r\n'), ...rows]));
    assert.deepEqual(codesIn(parts), []);
    assert.deepEqual(
      rowsIn(parts).map(row => appealIn(row).content),
      ['建设大街路灯不亮', '建设大街路灯不亮', '建设大街路灯不亮'],
    );
  });

  it('in GBK are read so, however far behind the first Chinese stands', async () => {
    const rows = `${'1,hello\n'.repeat(40_000)}2,路灯坏了三天没人修\n`;
    const parts = rowsIn(await partsOf(iconv.encode(`externalId,content\n${rows}`, 'gbk')));
    assert.equal(appealIn(parts.at(-1)).content, '路灯坏了三天没人修');
  });

  it('of a few rows are not taken for UTF-16 for one NUL byte', async () => {
    const parts = await partsOf('编号,内容\n1,路灯\0坏了\n2,井盖缺失\n');
    assert.deepEqual(codesIn(parts), ['2 nul_bytes']);
    assert.equal(rowsIn(parts).length, 1);
  });

  it('are refused in words where no encoding fits', async () => {
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, at) => 128 + ((at * 7919) % 127)));
    assert.deepEqual(codesIn(await partsOf(bytes)), ['0 encoding_unknown']);
    // Nobody can save a workbook as UTF-8.
    assert.deepEqual(codesIn(await partsOf(bytes, 'letters.xlsx')), ['0 bad_workbook']);
  });

  for (const [name, delimiter] of [
    ['tab', '\t'],
    ['semicolon', ';'],
    ['bar', '|'],
  ] as const) {
    it(`parted by ${name} are noticed`, async () => {
      assert.equal(rowsIn(await partsOf(csv([HEAD, ROW], delimiter))).length, 1);
    });
  }

  it('keep commas, quotes and line ends inside of quoted cells', async () => {
    const content = '他说："不修",\r\n第二行';
    const [row] = rowsIn(await partsOf(csv([HEAD, ['D1', 't', content, '1']])));
    assert.equal(appealIn(row).content, content);
  });

  it('whose quote is never closed give the rows before it and say where', async () => {
    const parts = await partsOf(`${csv([HEAD, ROW, ['D2', ...ROW.slice(1)]])}D3,"never closed,1,2\nD4,a,b,c\n`);
    assert.deepEqual(
      rowsIn(parts).map(part => part.platformId),
      ['D1', 'D2'],
    );
    assert.deepEqual(codesIn(parts), ['4 quote_not_closed']);
    assert.equal(faultsIn(parts)[0]?.whole, true);
  });

  it('give the rows before an endless one too, in a file of many pieces', async () => {
    const rows = Array.from({ length: 20_000 }, (_, at) => [`D${at}`, 'x', '内容', '1']);
    const parts = await partsOf(`${csv([HEAD, ...rows])}E1,"${'长'.repeat(600_000)}`);
    assert.equal(rowsIn(parts).length, 20_000);
    assert.deepEqual(codesIn(parts), ['20002 row_endless']);
  });

  it('with NUL bytes, too many cells, no content or too long a number send back those rows alone', async () => {
    const parts = await partsOf(
      csv([
        HEAD,
        ['1', 'a\0', 'b', ''],
        ['2', 'a', 'b', 'c', 'd'],
        ['3', ' ', '', '1'],
        ['9'.repeat(129), 'a', 'b', ''],
        ROW,
      ]),
    );
    assert.deepEqual(codesIn(parts), ['2 nul_bytes', '3 too_many_cells', '4 no_content', '5 bad_number']);
    assert.deepEqual(
      rowsIn(parts).map(part => part.meta['row']),
      ['6'],
    );
  });

  it('of 100,000 columns, without a header, without rows, without anything are told apart', async () => {
    assert.deepEqual(codesIn(await partsOf(`${'内容,'.repeat(100_000)}\n`)), ['1 too_many_columns']);
    assert.deepEqual(codesIn(await partsOf('甲,乙\n1,2\n')), ['0 no_header']);
    assert.deepEqual(codesIn(await partsOf(csv([HEAD]))), ['0 no_rows']);
    assert.deepEqual(codesIn(await partsOf('')), ['0 empty_file']);
    assert.deepEqual(codesIn(await partsOf('\ufeff\r\n \r\n')), ['0 empty_file']);
  });

  it('longer than allowed end at the limit', async () => {
    const rows = Array.from({ length: 12 }, (_, at) => [`D${at}`, 'x', '内容', '1']);
    const parts = await partsOf(csv([HEAD, ...rows]), 'a.csv', settingsWith({ maxRows: 10 }));
    assert.equal(rowsIn(parts).length, 10);
    assert.deepEqual(codesIn(parts), ['12 too_many_rows']);
  });
});

describe('exchange: headers', () => {
  it('stand below a title, over two rows, and are skipped where pages repeat them', async () => {
    const upper = ['诉求人', '', '反映情况', '编号'];
    const lower = ['姓名', '电话', '内容', ''];
    const data = ['张三', '13800138000', '路灯不亮', 'D1'];
    const parts = await partsOf(
      csv([['某市来信汇总', '', '', ''], [], upper, lower, data, lower, ['李四', '', '积水', 'D2']]),
    );
    assert.deepEqual(codesIn(parts), []);
    assert.deepEqual(
      rowsIn(parts).map(part => part.platformId),
      ['D1', 'D2'],
    );
    assert.equal(appealIn(rowsIn(parts)[0]).contact.name, '张三');
    assert.equal(cellsIn(rowsIn(parts)[0] as Original)[0]?.[0], '诉求人/姓名');
  });

  it('are known with stars, brackets, full-width signs and the channel’s own names', async () => {
    const given = settingsWith({ columns: { content: '来信正文', phone: ['回电号码'] } });
    const parts = await partsOf(
      csv([
        ['编 号＊', '来信正文（必填）', '回电号码:'],
        ['D1', '灯坏了', '0435-3912345'],
      ]),
      'a.csv',
      given,
    );
    const appeal = appealIn(rowsIn(parts)[0], given);
    assert.deepEqual(
      [appeal.content, appeal.contact.phone, appeal.externalIds['externalId']],
      ['灯坏了', '0435-3912345', 'D1'],
    );
  });

  it('do not take a first row of data for their second row', async () => {
    assert.equal(
      rowsIn(
        await partsOf(
          csv([
            ['编号', '内容'],
            ['标题', '电话'],
          ]),
        ),
      ).length,
      1,
    );
  });
});

describe('exchange: rows', () => {
  it('without a number are known by their cells and their count; the file’s name and the row’s place say nothing', async () => {
    const same = ['路灯不亮', '13800138000'];
    const first = await partsOf(csv([['内容', '电话'], same, same, ['积水', '']]), 'monday.csv');
    const again = await partsOf(csv([['内容', '电话'], ['积水', ''], same, same]), 'tuesday.csv');
    const ids = (parts: readonly Original[]) => parts.map(part => part.platformId).sort();
    assert.equal(new Set(ids(first)).size, 3);
    assert.deepEqual(ids(first), ids(again));
  });

  it('keep their body when the mapping changes or a column is one to ignore', async () => {
    const file = csv([
      ['编号', '内容', '办理状态'],
      ['D1', '灯坏了', '在办'],
    ]);
    const later = csv([
      ['编号', '内容', '办理状态'],
      ['D1', '灯坏了', '办结'],
    ]);
    const given = settingsWith({ ignoreColumns: ['办理状态'] });
    const bodies = [await partsOf(file, 'a.csv', given), await partsOf(later, 'a.csv', given)].map(parts =>
      Buffer.from((parts[0] as Original).body).toString(),
    );
    assert.equal(bodies[0], bodies[1]);
    const mapped = settingsWith({ values: { type: { x: '投诉' } }, columns: { name: ['某某'] } });
    const [one] = await partsOf(file, 'a.csv', mapped);
    const [other] = await partsOf(file);
    assert.deepEqual(Buffer.from((one as Original).body), Buffer.from((other as Original).body));
  });

  it('of one phone are of one sender', async () => {
    const parts = await partsOf(csv([HEAD, ROW, ['D2', 'x', 'y', '138-0013-8000']]));
    assert.deepEqual(
      rowsIn(parts).map(part => part.sender),
      ['13800138000', '13800138000'],
    );
  });

  it('carry every field, words by the tables, times with their zone', async () => {
    const given = settingsWith({ values: { type: { '1': '投诉' } } });
    const columns = [
      '内容',
      '类型',
      '一级分类',
      '二级分类',
      '紧急程度',
      '被反映人',
      '发生时间',
      '来信时间',
      '事发地点',
      '经度',
      '纬度',
      '匿名',
      '保密',
      '公开',
      '附件',
      '身份证号',
      '邮箱',
      '用户标识',
    ];
    const values = [
      '灯坏',
      '1',
      '城建',
      '路灯',
      '紧急',
      '物业',
      '2026年1月5日 下午3时5分',
      '20260106083000',
      '幸福路12号',
      '125.93',
      '41.72',
      '否',
      '是',
      '听便',
      'https://a.example.cn/%E7%85%A7.jpg;b.doc',
      '220502199001011234',
      'a@b.cn',
      'u1',
    ];
    const appeal = appealIn(rowsIn(await partsOf(csv([columns, values]), 'a.csv', given))[0], given);
    assert.deepEqual(appeal, {
      kind: 'appeal',
      content: '灯坏',
      type: '投诉',
      urgency: '紧急',
      subject: '物业',
      occurredAt: '2026-01-05T15:05:00+08:00',
      sentAt: '2026-01-06T08:30:00+08:00',
      anonymous: false,
      confidential: true,
      category: ['城建', '路灯'],
      place: { text: '幸福路12号', longitude: 125.93, latitude: 41.72 },
      contact: { email: 'a@b.cn', idNumber: '220502199001011234', openid: 'exchange:u1' },
      externalIds: {},
      attachments: [{ name: '照.jpg', source: { kind: 'url', url: 'https://a.example.cn/%E7%85%A7.jpg' } }],
    });
  });
});

describe('exchange: text files that went through Excel', () => {
  it('send back a row whose number was written as 1.38E+10, in columns that hold numbers of people and appeals only', async () => {
    const parts = await partsOf(
      csv([
        ['编号', '标题', '内容', '联系电话', '身份证号'],
        ['2.02611E+14', 'a', 'x', '13800138000', ''],
        ['A2', 'a', 'x', '1.38E+10', ''],
        ['A3', 'a', 'x', '', '2.20502E+17'],
        ['A4', '1.5E+10', '2E+05', '13800138000', ''],
        ['3E+05号院', 'a', 'x', '0435-3E+10', '220502199001011234'],
      ]),
    );
    assert.deepEqual(codesIn(parts), ['2 digits_lost', '3 digits_lost', '4 digits_lost']);
    assert.deepEqual(
      faultsIn(parts).map(fault => fault.column),
      ['编号', '联系电话', '身份证号'],
    );
    assert.deepEqual(
      rowsIn(parts).map(part => part.platformId),
      ['A4', '3E+05号院'],
    );
  });
});

describe('exchange: JSON Lines', () => {
  it('keep every digit, find nested fields, and send back what is no object', async () => {
    const lines = [
      '{"orderNo":12345678901234567890,"title":"x","content":"灯","citizen":{"phone":13800138000}}',
      '',
      '[1]',
      '{"content":"a"',
      '{"content":"b","__proto__":{"x":1}}',
      '{"content":"末行","lng":115.10,"lat":1e1}',
    ];
    const parts = await partsOf(lines.join('\n'), 'a.jsonl');
    assert.deepEqual(codesIn(parts), ['3 not_json', '4 not_json', '5 not_json']);
    const [first, last] = rowsIn(parts);
    assert.equal(first?.platformId, '12345678901234567890');
    assert.equal(appealIn(first).contact.phone, '13800138000');
    assert.deepEqual(appealIn(last).place, { longitude: 115.1, latitude: 10 });
  });
});

const sheetOf = (rows: readonly (readonly Cell[])[], options = {}) => partsOf(workbook(rows, options), 'a.xlsx');

describe('exchange: workbooks', () => {
  it('never make a float of a phone or a number, and say where Excel has lost digits', async () => {
    const parts = await sheetOf([
      HEAD,
      [{ number: '100123' }, 'a', 'x', { number: '1.3800138E10' }],
      [{ number: '123456789012345' }, 'a', 'x', { number: '13800138000' }],
      [{ number: '123456789012345680' }, 'a', 'x', '1'],
      ['D4', 'a', 'x', { number: '2.2050219900101123E+17' }],
    ]);
    assert.deepEqual(
      rowsIn(parts).map(part => [part.platformId, part.sender]),
      [
        ['100123', '13800138000'],
        ['123456789012345', '13800138000'],
      ],
    );
    assert.deepEqual(codesIn(parts), ['4 digits_lost', '5 digits_lost']);
    assert.deepEqual(
      faultsIn(parts).map(fault => fault.column),
      ['编号', '联系电话'],
    );
  });

  it('show dates by the style of a cell, in both day counts', async () => {
    const head = ['内容', '发生时间', '提交时间'];
    const rows: Cell[][] = [['a', { date: 46027.354166666664 }, { date: 46027 }]];
    const of = async (options: object) =>
      appealIn(rowsIn(await partsOf(workbook([head, ...rows], options), 'a.xlsx'))[0]);
    assert.deepEqual([(await of({})).occurredAt, (await of({})).sentAt], ['2026-01-05T08:30:00+08:00', '2026-01-05']);
    assert.equal((await of({ date1904: true })).sentAt, '2030-01-06');
  });

  it('use a formula’s saved result, and send the row back where there is none or an error', async () => {
    const parts = await sheetOf([
      HEAD,
      ['D1', 'a', { formula: 'B2&"!"', value: '灯坏了!' }, '1'],
      ['D2', 'a', { formula: 'B3' }, '1'],
      ['D3', 'a', { error: '#N/A' }, '1'],
      [{ inline: 'D4' }, 'a', 'x', '1', { error: '#REF!' }],
    ]);
    assert.deepEqual(codesIn(parts), ['3 formula_without_value', '4 cell_error', '5 too_many_cells']);
    assert.equal(appealIn(rowsIn(parts)[0]).content, '灯坏了!');
  });

  it('repeat a value merged over rows in each of them, one merged over columns in headings alone', async () => {
    const parts = await sheetOf(
      [
        ['汇总', null, null, null],
        ['诉求人', null, '内容', '事发地点'],
        ['姓名', '电话', null, null],
        ['张三', '13800138000', '路灯不亮', '东区'],
        [null, null, '井盖丢了', null],
        ['李四', null, '积水', null],
        [null, null, null, null],
      ],
      { merges: ['A1:D1', 'A2:B2', 'C2:C3', 'D2:D3', 'A4:A5', 'B4:B5', 'D4:D7', 'C6:D6'] },
    );
    assert.deepEqual(codesIn(parts), []);
    assert.deepEqual(
      rowsIn(parts).map(part => [appealIn(part).contact.name, appealIn(part).content, appealIn(part).place?.text]),
      [
        ['张三', '路灯不亮', '东区'],
        ['张三', '井盖丢了', '东区'],
        ['李四', '积水', '东区'],
      ],
    );
  });

  it('are read from the named sheet, and refused where there is none', async () => {
    const bytes = workbook([['内容'], ['x']], { name: '来信' });
    assert.equal(rowsIn(await partsOf(bytes, 'a.xlsx', settingsWith({ sheet: '来信' }))).length, 1);
    assert.deepEqual(codesIn(await partsOf(bytes, 'a.xlsx', settingsWith({ sheet: '其他' }))), ['0 no_sheet']);
  });
});

describe('exchange: hostile and wrong archives', () => {
  const filler = (name: string, megabytes: number) => ({ name, bytes: Buffer.alloc(megabytes * 1024 * 1024) });
  const sheet = 'xl/worksheets/sheet1.xml';

  it('are refused by what they declare, before anything is inflated', async () => {
    const wide = workbook([['内容'], ['x']], { parts: [filler('xl/media/a.bin', 60)] });
    const dense = workbook([['内容'], ['x']], { parts: [filler('xl/media/a.bin', 20)] });
    const many = zip(Array.from({ length: 2001 }, (_, at) => ({ name: `p${at}`, bytes: Buffer.of(1) })));
    for (const bytes of [wide, dense, many]) {
      const from = process.memoryUsage().arrayBuffers;
      assert.deepEqual(codesIn(await partsOf(bytes, 'a.xlsx')), ['0 bomb']);
      assert.ok(process.memoryUsage().arrayBuffers - from < 10 * 1024 * 1024);
    }
  });

  it('that lie about their size end where they say more than they declared', async () => {
    const rows = `<worksheet><sheetData>${'<row><c t="inlineStr"><is><t>内容</t></is></c></row>'.repeat(100_000)}</sheetData></worksheet>`;
    const bytes = workbook([], { parts: [{ name: sheet, bytes: Buffer.from(rows), declared: 1000 }] });
    const codes = codesIn(await partsOf(bytes, 'a.xlsx'));
    assert.match(codes.join(), /^\d+ (bomb|bad_workbook)$/);
  });

  it('with a document type, an unclosed element, a wrong row or names that climb are damaged workbooks', async () => {
    const bad = [
      '<!DOCTYPE a [<!ENTITY b "bb">]><worksheet/>',
      '<worksheet><sheetData><row>',
      '<worksheet><sheetData><row r="2"/><row r="1"/></sheetData></worksheet>',
      '<worksheet><sheetData><row r="1"><c r="!1"/></row></sheetData></worksheet>',
    ];
    for (const text of bad) {
      const parts = await partsOf(workbook([], { parts: [{ name: sheet, bytes: Buffer.from(text) }] }), 'a.xlsx');
      assert.match(codesIn(parts).join(), /bad_workbook$/, text);
    }
    const climbing = zip([{ name: '../../etc/passwd', bytes: Buffer.of(1) }]);
    assert.deepEqual(codesIn(await partsOf(climbing, 'a.xlsx')), ['0 bad_workbook']);
    assert.deepEqual(codesIn(await partsOf(workbook([['内容'], ['x']]).subarray(0, 400), 'a.xlsx')), [
      '0 bad_workbook',
    ]);
  });

  it('that are old workbooks or web pages are told what to do', async () => {
    assert.deepEqual(codesIn(await partsOf(Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'a.xls')), ['0 old_workbook']);
    assert.deepEqual(codesIn(await partsOf('<html><table></table></html>', 'a.xls')), ['0 markup']);
  });

  it('never throw, whatever the bytes: each file gives rows or words', async () => {
    const base = workbook([HEAD, ROW, ROW]);
    const mutated = fc
      .array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 })
      .map(changes => {
        const bytes = Buffer.from(base);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 3000 }), mutated), async bytes => {
        assert.ok((await partsOf(bytes, 'a.xlsx')).length > 0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('exchange: any table', () => {
  const cell = fc
    .string({ unit: 'grapheme', maxLength: 12 })
    .map(text => text.replaceAll('\0', '').replace(/\r(?!\n)/g, ''));
  const table = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 8 });
  const whole = (text: string) => `内容${text}`;
  /** A cell that is a heading by chance ("nAme") would make its row the better header. */
  const noHeading = (text: string) => (text.trim() === '' ? text : `丙${text}`);
  /** Never empty, since a row without anything is none. */
  const first = (text: string) => `丁${text}`;

  it('comes through CSV cell by cell, in every encoding that can hold it', () =>
    fc.assert(
      fc.asyncProperty(table, fc.constantFrom('utf-8', 'utf-16le', 'utf-16be', 'gb18030'), async (rows, encoding) => {
        const written = rows.map(([a, b, c]) => [first(a), whole(b), noHeading(c)]);
        const bytes = iconv.encode(csv([['甲', '内容', '丙'], ...written]), encoding, {
          addBOM: encoding !== 'gb18030',
        });
        const parts = await partsOf(
          bytes,
          'a.csv',
          settingsWith({ encoding: encoding === 'gb18030' ? encoding : 'auto', delimiter: ',' }),
        );
        assert.deepEqual(
          parts.map(part => cellsIn(part).map(([, text]) => text)),
          written.map(cells => cells.filter(text => text.trim() !== '')),
        );
      }),
      { numRuns: 200 },
    ));

  it('comes through a workbook cell by cell', () =>
    fc.assert(
      fc.asyncProperty(table, async rows => {
        const clean = (text: string) => text.replace(/[^\t\n\u0020-\ud7ff\ue000-\ufffd]/g, '').replaceAll('_x', '');
        const written = rows.map(([a, b, c]) => [first(clean(a)), whole(clean(b)), noHeading(clean(c))]);
        const parts = await partsOf(workbook([['甲', '内容', '丙'], ...written]), 'a.xlsx');
        assert.deepEqual(
          parts.map(part => cellsIn(part).map(([, text]) => text)),
          written.map(cells => cells.filter(text => text.trim() !== '')),
        );
      }),
      { numRuns: 100 },
    ));
});
