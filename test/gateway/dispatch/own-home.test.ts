// Where the author of a restricted ticket lives is masked however people say it, and what is said of others or of a place stays.
import assert from 'node:assert/strict';
import { maskOwnHome } from '../../../gateway/dispatch/own-home.ts';

describe('own home', () => {
  const homes: readonly string[] = [
    '匿名反映砖厂冒烟，住鸭园镇幸福小区3号楼2单元501，希望匿名',
    '我住在鸭园镇幸福小区3号楼',
    '我住鸭园镇幸福小区3号楼',
    '我家在幸福小区3号楼2单元501',
    '我家就在幸福小区3号楼2单元501，',
    '我家住幸福小区3号楼',
    '我家住在 幸福小区 3号楼 2单元501',
    '我是幸福家园3号楼2单元501的住户',
    '本人系光明路12号3号楼501室居民',
    '我是幸福家园3-2-501业主',
    '本人家庭住址：东昌区幸福小区3号楼401',
    '家庭地址：东昌区幸福小区3号楼401',
    '联系地址是东昌区幸福小区3号楼401',
    '我的地址：东昌区幸福小区3号楼401',
    '举报人住址： 幸福小区3号楼401',
    '举报人住幸福小区3号楼401',
    '我租住在幸福小区3号楼501',
    '本人居住于幸福小区3号楼501',
    '本人户籍地幸福小区3号楼',
    '举报人【姓名】，户籍住址为幸福小区3号楼501，',
  ];
  for (const said of homes) {
    it(`masks ${said}`, () => {
      const left = maskOwnHome(said);
      assert.ok(left.includes('【住址】'), left);
      for (const rest of ['幸福小区', '501', '401', '2单元']) assert.ok(!left.includes(rest), left);
      assert.equal(maskOwnHome(left), left, 'the same again');
    });
  }

  it('leaves the town, in which many live', () => {
    for (const [said, left] of [
      ['我家住二道江区鸭园镇光明村3组', '我家住二道江区鸭园镇【住址】'],
      ['家庭住址：吉林省通化市东昌区民主街道光明路3号', '家庭住址：吉林省通化市东昌区民主街道【住址】'],
      ['我住在光明小区3号楼，那里的市民', '我住在【住址】，那里的市民'],
      ['我住光明村乡里小区3号楼', '我住【住址】'],
      ['一家人均住在鸭园镇光明村3组', '一家人均住在鸭园镇【住址】'],
    ] as const) {
      assert.equal(maskOwnHome(said), left);
      assert.equal(maskOwnHome(left), left, 'the same again');
    }
  });

  it('takes the group out of the village', () => {
    for (const [said, left] of [
      ['我是鸭园镇光明村三组村民', '我是鸭园镇光明村【住址】村民'],
      ['我是光明村老屋组的一名村民，', '我是光明村【住址】的一名村民，'],
    ] as const) {
      assert.equal(maskOwnHome(said), left);
    }
    for (const said of ['光明村三组村民王某占地', '我是光明村村民']) {
      assert.equal(maskOwnHome(said), said);
    }
  });

  const stays: readonly string[] = [
    '被举报人住幸福小区3号楼501',
    '被举报人的地址：幸福小区3号楼',
    '张某住在幸福小区3号楼501，收受红包',
    '他家在幸福小区3号楼，违章搭建',
    '砖厂地址：鸭园镇光明路12号',
    '我是幸福小区3号楼的业主，物业乱收费',
    '我是幸福小区业主',
    '我住院期间医院乱收费，住院部在光明路12号',
    '我们住建局的窗口，住房公积金在光明路办理',
    '住户反映光明路12号楼道堆物',
    '我家在装修，邻居举报',
    '我在光明路12号看到有人倒垃圾',
    '我们是光明路12号的商户',
  ];
  for (const said of stays) it(`leaves ${said}`, () => assert.equal(maskOwnHome(said), said));

  it('takes the flat that somebody bought out of the house', () => {
    for (const [said, left] of [
      ['我购买的光明花园3栋206房漏水', '我购买的光明花园【住址】房漏水'],
      ['本人在光明花园认购了3号楼2单元501室，', '本人在光明花园认购了【住址】，'],
      ['房号：3栋305。', '房号：【住址】。'],
    ] as const) {
      assert.equal(maskOwnHome(said), left);
      assert.equal(maskOwnHome(left), left, 'the same again');
    }
    for (const said of [
      '我购买了光明花园3栋的商品房',
      '他购买的光明花园3栋206房',
      '我租的店面在一楼',
      '比我买的降了500-600一平',
      '我的户口迁出，我户口一直在本村',
    ]) {
      assert.equal(maskOwnHome(said), said);
    }
  });

  it('gets through a text made to hold it up', () => {
    for (const said of ['我是', '住', '我家在', '1号', '我是1-', '我家在1号 1']) {
      const long = said.repeat(20_000);
      assert.equal(maskOwnHome(`${long}。我家住幸福小区`).slice(-4), '【住址】');
    }
  });
});
