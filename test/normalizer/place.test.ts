// Places: divisions and towns of the city, roads, estates and house numbers, and scenes outside the city.
import assert from 'node:assert/strict';
import { read } from './rules.ts';

describe('place', () => {
  describe('finds the division', () => {
    const rows: readonly [string, string | null, string | null][] = [
      ['东昌区光明路路灯不亮', '220502', null],
      ['二道江区五道江镇的自来水发黄', '220503', '五道江镇'],
      ['通化县快大茂镇垃圾没人清', '220521', '快大茂镇'],
      ['辉南县样子哨镇修路', '220523', '样子哨镇'],
      ['柳河县罗通山镇道路破损', '220524', '罗通山镇'],
      ['梅河口市山城镇停车收费', '220581', '山城镇'],
      ['集安市太王镇葡萄滞销', '220582', '太王镇'],
      ['医药高新区的施工噪音', '220500-yygx', null],
      ['内陆港务区附近扬尘', '220500-lgwq', null],
      ['英额布镇的桥坏了', '220521', '英额布镇'],
      ['三源浦朝鲜族镇的路灯坏了', '220524', '三源浦朝鲜族镇'],
      ['光明街道路灯坏了', null, null],
      ['梅河口光明街道路灯坏了', '220581', '光明街道'],
      ['在罗通山旅游时门票贵', '220524', null],
      ['我们小区没有暖气', null, null],
      ['人员密集安全通道堵塞', null, null],
      ['征集安置房意见', null, null],
      ['集安全市停水', '220582', null],
    ];
    for (const [content, division, town] of rows) {
      it(content, () => {
        const { place } = read(content);
        assert.equal(place.division, division);
        if (town !== null) assert.equal(place.town, town);
        if (division !== null) assert.equal(place.inCity, true);
      });
    }
  });

  describe('finds road, estate and house number', () => {
    const rows: readonly [string, string | null, string | null, string | null][] = [
      ['东昌区新华大街128号门前积水', '新华大街', null, '128号'],
      ['家住民主路江畔家园小区3号楼2单元501室，漏水', '民主路', '江畔家园小区', '3号楼2单元501室'],
      ['和平路的井盖坏了', '和平路', null, null],
      ['和平路路灯不亮', '和平路', null, null],
      ['东昌区光明路路面塌陷', '光明路', null, null],
      ['滨江西路路口堵车', '滨江西路', null, null],
      ['新华大街街面积水', '新华大街', null, null],
      ['光明村村口没有路灯', null, '光明村', null],
      ['位于建设大街的菜市场', '建设大街', null, null],
      ['二道江区桃园小区12栋停水', null, '桃园小区', '12栋'],
      ['这条马路坑洼不平', null, null, null],
      ['我们小区没人管', null, null, null],
      ['希望修好农村公路', null, null, null],
    ];
    for (const [content, road, estate, houseNumber] of rows) {
      it(content, () => {
        const { place } = read(content);
        assert.deepEqual([place.road, place.estate, place.houseNumber], [road, estate, houseNumber]);
      });
    }
  });

  describe('第十条（六） 非我市行政职权管辖范围的', () => {
    const outside = [
      '我在沈阳市和平区租房，房东不退押金',
      '位于长春市朝阳区的一家饭店卖过期食品',
      '事发地：辽宁省抚顺市新宾县，道路塌陷多日',
    ];
    for (const content of outside) it(`outside: ${content}`, () => assert.equal(read(content).place.inCity, false));
    const inside = [
      '我在北京打工，家里的地被人占了',
      '户口在沈阳市，想把孩子转到通化上学',
      '沈阳路的路灯不亮',
      '小区门口的兰州拉面油烟大',
      '从长春回来以后医保怎么报销',
      '快递从上海市发出一个月还没到',
      '在吉林省内异地就医怎么办',
      '建议学习北京市的做法',
      '在通化买的车，去长春市上牌被拒',
    ];
    for (const content of inside)
      it(`not outside: ${content}`, () => assert.notEqual(read(content).place.inCity, false));
    it('by the place field of the platform', () => {
      assert.equal(read('路灯不亮', { place: { text: '辽宁省沈阳市铁西区兴华街' } }).place.inCity, false);
      assert.equal(read('路灯不亮', { place: { text: '东昌区龙泉街道' } }).place.inCity, true);
    });
    it('by the division code of the platform', () => {
      assert.equal(read('路灯不亮', { place: { division: '210100' } }).place.inCity, false);
      // Its province's own code says nothing.
      assert.equal(read('路灯不亮', { place: { division: '220000' } }).place.inCity, null);
      assert.equal(read('路灯不亮', { place: { division: '220582100' } }).place.divisionName, '集安市');
      assert.equal(read('路灯不亮', { place: { division: '210102' } }).place.inCity, false);
    });
  });

  describe('coordinates', () => {
    const rows: readonly [string, number, number, readonly (number | null)[], readonly string[]][] = [
      ['are kept with their datum', 125.94, 41.73, [125.94, 41.73], []],
      ['are put right when mixed up', 41.73, 125.94, [125.94, 41.73], ['place.coordinates-swapped']],
      ['are dropped when impossible', 0, 0, [null, null], ['place.coordinates-impossible']],
      ['far away are kept and noted', 116.4, 39.9, [116.4, 39.9], ['place.coordinates-outside']],
    ];
    for (const [title, longitude, latitude, expected, problems] of rows) {
      it(title, () => {
        const { place, appeal } = read('路灯不亮', { place: { longitude, latitude, datum: 'GCJ02' } });
        assert.deepEqual([place.longitude, place.latitude], expected);
        assert.deepEqual(appeal.problems, problems);
      });
    }
  });
});
