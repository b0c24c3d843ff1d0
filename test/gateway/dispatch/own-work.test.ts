// The post and room that an author calls their own are masked, down to the house that may be the accused one.
import assert from 'node:assert/strict';
import { maskOwnWork } from '../../../gateway/dispatch/own-work.ts';

describe('own work', () => {
  const masked: readonly [string, string][] = [
    ['我是本单位财务科唯一的会计，局长让我做假账', '我是本单位【身份】，局长让我做假账'],
    ['我是光明食品公司的董事长，公司被骗', '我是光明食品公司【身份】，公司被骗'],
    ['本人系光明村村民代表。', '本人系光明村【身份】。'],
    ['本人曾任光明小学教导主任，后被免职', '本人曾任光明小学【身份】，后被免职'],
    ['我是科里唯一的女同事，', '我是【身份】，'],
    ['全厂只有我一个出纳，', '全厂只有我【身份】，'],
    ['我在光明食品厂质检科上班，厂里往肉里掺水', '我在光明食品厂【部门】上班，厂里往肉里掺水'],
    ['我是三组组长【姓名】', '我是【身份】【姓名】'],
  ];
  for (const [said, left] of masked) {
    it(`is masked: ${said}`, () => {
      assert.equal(maskOwnWork(said), left);
      assert.equal(maskOwnWork(left), left, 'the same again');
    });
  }

  const stays: readonly string[] = [
    '我被主任打了，主任姓王',
    '我是被村主任打伤的',
    '我是听会计说的',
    '我们向局长反映，局长不管',
    '他是本单位会计，收受红包',
    '被举报人是光明村会计',
    '我是光明医院的一名护士',
    '我是光明小区业主，物业经理打人',
    '我是一名普通股东，',
    '我在光明食品厂上班，厂里往肉里掺水',
    '我是退休工人，主任克扣工资',
  ];
  for (const said of stays) it(`stays: ${said}`, () => assert.equal(maskOwnWork(said), said));

  it('is looked for to the end of a text made to hold it up', () => {
    for (const said of ['我是', '我是唯一的', '我在科', '只有我一个', '公司镇乡']) {
      assert.equal(maskOwnWork(`${said.repeat(20_000)}。我是厂里会计。`).slice(-8), '。我是【身份】。');
    }
  });
});
