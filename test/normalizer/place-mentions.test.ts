// Every place a text names, with where it stands.
import assert from 'node:assert/strict';
import { read } from './rules.ts';

function named(content: string, title?: string): readonly string[] {
  const { appeal } = read(content, title === undefined ? {} : { title });
  const of = (text: string, spans: typeof appeal.places) =>
    (spans ?? []).map(({ kind, start, end }) => `${kind} ${text.slice(start, end)}`);
  // A title made out of the content names its places once more.
  const titled = title === undefined ? [] : of(appeal.title, appeal.titlePlaces);
  return [...titled, ...of(appeal.content, appeal.places)];
}

describe('places named in a text', () => {
  const rows: readonly [string, readonly string[]][] = [
    [
      '通化市东昌区新华大街128号门前积水，滨江西路也是',
      ['division 通化市', 'division 东昌区', 'road 新华大街', 'houseNumber 128号', 'road 滨江西路'],
    ],
    ['家住江畔家园小区3号楼2单元501室', ['estate 江畔家园小区', 'houseNumber 3号楼2单元501室']],
    [
      '杭州市余杭区塘栖镇良睦路1399号',
      ['division 杭州市', 'division 余杭区', 'town 塘栖镇', 'road 良睦路', 'houseNumber 1399号'],
    ],
    ['光明村的水渠塌了', ['village 光明村']],
    ['沈阳路的路灯坏了', ['road 沈阳路']],
    ['12号那天停电，市民都不知道，超市和校区也没通知', []],
    ['我们小区没人管', []],
    ['5栋电梯坏了', ['houseNumber 5栋']],
  ];
  for (const [content, expected] of rows) it(content, () => assert.deepEqual(named(content), expected));

  it('keeps those of the title apart, with offsets of their own', () => {
    assert.deepEqual(named('东昌区的路灯坏了', '新华大街一片黑'), ['road 新华大街', 'division 东昌区']);
  });

  it('a text of endings alone costs no more than another', () => {
    for (const text of ['路'.repeat(20_000), '区'.repeat(20_000), '一栋'.repeat(10_000), '1-'.repeat(10_000)]) {
      assert.ok((read(text).appeal.places ?? []).length <= 60);
    }
  });
});
