// What single cells of a file mean: words, numbers, times, merged ones, and where a header is looked for.
import assert from 'node:assert/strict';
import { numberFormat } from '../../adapters/exchange/number-formats.ts';
import { excelTime, readTime } from '../../adapters/exchange/times.ts';
import { csv, workbook } from '../platforms/exchange.ts';
import { appealIn, cellsIn, codesIn, partsOf, rowsIn } from './exchange-parts.ts';

describe('exchange: words of one column', () => {
  const flagsOf = async (words: string) => {
    const [row] = rowsIn(await partsOf(`内容,是否匿名,是否保密,是否公开\n路灯不亮,${words}\n`));
    const { anonymous, confidential, public: published } = appealIn(row);
    return [anonymous, confidential, published];
  };

  it('are no yes in another: what is secret is never made public', async () => {
    assert.deepEqual(await flagsOf('否,否,保密'), [false, false, false]);
    assert.deepEqual(await flagsOf('公开,公开,匿名'), [false, false, false]);
    assert.deepEqual(await flagsOf('匿名,保密,公开'), [true, true, true]);
    assert.deepEqual(await flagsOf('不公开,不公开,不公开'), [true, true, false]);
    assert.deepEqual(await flagsOf('实名,不保密,愿意公开'), [false, false, true]);
  });

  it('decide nothing where nobody knows them', async () => {
    assert.deepEqual(await flagsOf('看情况,看情况,看情况'), [undefined, undefined, undefined]);
  });

  it('are one sender’s in full-width digits, too', async () => {
    const [row] = rowsIn(await partsOf('内容,电话\n路灯不亮,１３８００１３８０００\n'));
    assert.equal(row?.sender, '13800138000');
  });

  for (const sign of ['，', '；', '、', ';', '|', ' ', '\n']) {
    it(`part addresses of files at ${JSON.stringify(sign)}`, async () => {
      const cell = ['https://a.cn/1.jpg', 'https://a.cn/2.jpg'].join(sign);
      const [row] = rowsIn(
        await partsOf(
          csv([
            ['内容', '附件'],
            ['路灯不亮', cell],
          ]),
        ),
      );
      assert.deepEqual(
        appealIn(row).attachments.map(({ name }) => name),
        ['1.jpg', '2.jpg'],
      );
    });
  }
});

describe('exchange: cells', () => {
  it('of one field: the first that is filled counts', async () => {
    const [first, second] = rowsIn(await partsOf('内容,诉求内容\n甲,乙\n,丙\n'));
    assert.deepEqual([appealIn(first).content, appealIn(second).content], ['甲', '丙']);
  });

  it('with a number that went through a program as a fraction keep the number alone', async () => {
    const [row] = rowsIn(await partsOf('内容,电话\n路灯不亮,13800138000.0\n'));
    assert.equal(appealIn(row).contact.phone, '13800138000');
  });

  it('with degrees that there are none of name no point', async () => {
    const points = async (longitude: string, latitude: string) =>
      appealIn(rowsIn(await partsOf(`内容,经度,纬度\n路灯不亮,${longitude},${latitude}\n`))[0]).place;
    assert.deepEqual(await points('125.94', '41.73'), { longitude: 125.94, latitude: 41.73 });
    for (const [longitude, latitude] of [
      ['181', '41.73'],
      ['125.94', '91'],
      ['', '41.73'],
      ['x', '41.73'],
    ] as const) {
      assert.equal(await points(longitude, latitude), undefined);
    }
  });

  it('of a total below the table are sent back, and ones that only begin so are taken', async () => {
    const parts = await partsOf('编号,内容\n1,路灯不亮\n合 计：,1 件\n2,合计收费不合理\n');
    assert.deepEqual([codesIn(parts), rowsIn(parts).length], [['3 total_row'], 2]);
  });

  it('have their headings below as many as eleven lines of a title, and no more', async () => {
    const titled = async (lines: number) => partsOf(`${'市长信箱导出说明\n'.repeat(lines)}编号,内容\n1,路灯不亮\n`);
    const [row] = rowsIn(await titled(11));
    // The title above is no part of a heading: the row is the same under another title.
    assert.deepEqual(cellsIn(row ?? assert.fail()), [
      ['编号', '1'],
      ['内容', '路灯不亮'],
    ]);
    assert.deepEqual(codesIn(await titled(12)), ['0 no_header']);
  });

  it('of a workbook with sixteen digits as a number have lost some', async () => {
    const book = (number: string) =>
      partsOf(
        workbook([
          ['内容', '身份证号'],
          ['路灯不亮', { number }],
        ]),
        'a.xlsx',
      );
    assert.deepEqual(codesIn(await book('1234567890123456')), ['2 digits_lost']);
    assert.equal(appealIn(rowsIn(await book('123456789012345'))[0]).contact.idNumber, '123456789012345');
  });

  it('show no reading that stands above their words', async () => {
    const sheet = `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>内容</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>路灯</t><rPh sb="0" eb="2"><t>lu deng</t></rPh><r><t>不亮</t></r></is></c></row></sheetData></worksheet>`;
    const part = { name: 'xl/worksheets/sheet1.xml', bytes: Buffer.from(sheet) };
    assert.equal(appealIn(rowsIn(await partsOf(workbook([], { parts: [part] }), 'a.xlsx'))[0]).content, '路灯不亮');
  });

  it('merged over rows leave what else stands in one of them', async () => {
    const rows = [
      ['内容', '地点'],
      ['甲', '光明路'],
      ['乙', '民主路'],
      ['丙', null],
    ];
    const parts = rowsIn(await partsOf(workbook(rows, { merges: ['B2:B4'] }), 'a.xlsx'));
    assert.deepEqual(
      parts.map(row => appealIn(row).place?.text),
      ['光明路', '民主路', '光明路'],
    );
  });

  it('merged in thousands of places are each found, however the list of them is cut', async () => {
    const rows = Array.from({ length: 6000 }, (_, n) => [`第${n}件`, n % 2 === 0 ? `地点${n}` : null]);
    const merges = Array.from({ length: 3000 }, (_, n) => `B${2 * n + 2}:B${2 * n + 3}`);
    const parts = rowsIn(await partsOf(workbook([['内容', '地点'], ...rows], { merges }), 'a.xlsx'));
    const wrong = parts.filter((row, n) => appealIn(row).place?.text !== `地点${n - (n % 2)}`);
    assert.deepEqual([parts.length, wrong.length], [6000, 0]);
  }).timeout(20_000);

  it('of a few rows with NUL bytes in Chinese are no UTF-16', async () => {
    const bytes = Buffer.from('编号,内容\n1,路灯坏了\n2,井盖\n');
    const noughts = Buffer.concat([bytes.subarray(0, 22), Buffer.from('\0x\0x\0x\0'), bytes.subarray(22)]);
    assert.deepEqual(codesIn(await partsOf(noughts)), ['2 nul_bytes']);
  });
});

describe('exchange: times', () => {
  it('of half a day', () => {
    const rows: readonly [string, string][] = [
      ['2024-01-05 下午3:30', '2024-01-05T15:30:00+08:00'],
      ['2024-01-05 下午12:30', '2024-01-05T12:30:00+08:00'],
      ['2024-01-05 上午12:30', '2024-01-05T00:30:00+08:00'],
      ['2024-01-05 上午11:30', '2024-01-05T11:30:00+08:00'],
      ['2024/1/5 3:04:05 PM', '2024-01-05T15:04:05+08:00'],
      ['2024-01-05T08:30:00+0000', '2024-01-05T08:30:00+00:00'],
      ['2024-01-05 25:00', '2024-01-05 25:00'],
    ];
    for (const [written, read] of rows) assert.equal(readTime(written), read);
  });

  it('of Excel before and behind the day that never was', () => {
    assert.deepEqual(
      [1, 59, 61, 45_296.5].map(serial => excelTime(serial, '1900')),
      ['1900-01-01', '1900-02-28', '1900-03-01', '2024-01-05 12:00:00'],
    );
    assert.deepEqual([excelTime(1, '1904'), excelTime(0.5, '1900')], ['1904-01-02', '12:00:00']);
    assert.deepEqual([excelTime(-1, '1900'), excelTime(2_958_467, '1900')], [null, null]);
  });

  it('are shown by the formats that every Excel has, those of Chinese ones among them', () => {
    const dates = Array.from({ length: 60 }, (_, id) => id).filter(id => numberFormat(id, undefined).date);
    const runs = [
      [14, 22],
      [27, 36],
      [45, 47],
      [50, 58],
    ] as const;
    assert.deepEqual(
      dates,
      runs.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => from + n)),
    );
  });
});
