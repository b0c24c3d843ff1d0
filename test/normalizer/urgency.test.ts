// Urgency (article 16): happening now, told from denied, past, feared, figurative and asked about.
import assert from 'node:assert/strict';
import { read } from './rules.ts';

const URGENT = [
  '不说了着火了快来人',
  '物业不管燃气泄漏',
  '没有人修燃气泄漏',
  '去年修过，现在又漏燃气了',
  '去年我丈夫去世了，我不想活了',
  '2023年确诊癌症，钱都花光了，我不想活了',
  '感谢你们一直以来的帮助，我不想活了',
  '如果再不解决我就不想活了',
  '感谢你们，谢谢，点赞，我不想活了',
  '楼道里有很浓的煤气味，请赶快派人来看看',
  '我家厨房燃气泄漏了，关不上阀门',
  '施工队把天然气管道挖断了，正在往外喷气',
  '梅河口市场北门的仓库着火了，火势很大',
  '楼下饭店冒烟了，现在满楼都是烟，老人下不去',
  '二道江区一处围墙倒塌，砸到人了',
  '柳河县城主路路面塌陷，出现大坑，车都过不去',
  '我家房子被淹了，水还在往上涨',
  '小区暖气停了，家里有新生儿，屋里只有12度',
  '零下二十多度，供热管道爆了，整栋楼没有暖气',
  '我们小区已经停水三天了，老人孩子没水喝',
  '停电一天一夜了，家里有老人要用氧气机',
  '高压线掉在路上了，没人管',
  '变压器冒火花了，快来人',
  '电梯困人了，里面有两个孩子',
  '人行道上的井盖没了，晚上看不见，刚才有人掉下去了',
  '学校食堂集体中毒，十几个孩子上吐下泻',
  '老板欠我们二十个农民工工资，再不给我们就跳楼',
  '我不想活了，没人能帮我',
  '欠薪半年，工友已经爬上塔吊了',
  '孩子走丢了，六岁，穿红衣服',
  '有人持刀在小区门口闹事，快来',
  '邻居家正在家暴，孩子一直在哭',
  '化工厂氨气泄漏，味道刺鼻，附近居民都在咳嗽',
  '江边有人落水了，快救人',
  '水管爆裂，一楼住户家里进水，正在漫',
  '从早上到现在没水，家里有产妇',
  '邻居家好像煤气泄漏了，味道很大，快来',
  '楼上好像着火了，烟往外冒',
  '孩子掉井里了',
  '燃气没人管漏了，满楼都是味儿',
];

const ORDINARY = [
  '楼道着火的情况物业公司的经理跟大家讲过是去年的事',
  '没有出现任何燃气泄漏',
  '电梯困人的事情物业到现在也没有给任何说法，去年就有',
  '他以前说过不想活了，现在好了',
  '经常有人说不想活了',
  '燃气没有泄漏，报警器是坏的',
  '楼道没着火，是邻居在烧纸',
  '昨天孩子差点掉井里，请把井盖补上',
  '请问燃气费怎么交',
  '燃气公司营业厅几点上班',
  '火车站附近停车收费太贵',
  '火锅店油烟太大',
  '这天气热得像着火一样',
  '物业的态度让人火冒三丈',
  '小区消防通道被占用',
  '建议学校开展火灾演习',
  '去年我们小区着火了，物业到现在没修楼道',
  '2019年楼上漏水，法院判决未执行',
  '以前这里塌方过，已经修好了',
  '停水通知没有贴出来',
  '建议停电前提前通知居民',
  '如果发生火灾后果不堪设想',
  '消防栓没水，一旦着火怎么办',
  '电动车在楼道充电，担心着火',
  '幸好没有发生火灾',
  '感谢抢修师傅，停水半天就恢复了',
  '房价跌得要跳楼了',
  '商场跳楼价甩卖，虚假宣传',
  '食物中毒赔偿标准是什么',
  '拖欠工资三个月了，请帮忙要回',
  '每年冬天暖气都不太热',
  '经常停水，希望改造管网',
  '小区频繁停电，多次反映没有结果',
  '这个路口经常发生交通事故，建议装红绿灯',
  '地震演练扰民',
  '烧烤摊浓烟扰民',
  '电梯经常坏，害怕被困',
  '生活被困难压得喘不过气',
  '救命药进不了医保',
  '请问溺水预防宣传什么时候进校园',
  '没电梯的老楼能加装吗',
  '没水平的教练态度恶劣',
  '我们不是要闹，也不会跳楼，只想要个说法',
];

describe('urgency', () => {
  describe('第十六条 紧急、突发事项，应当做到立即响应、及时到位、迅速办理', () => {
    for (const content of URGENT) {
      it(content, () => {
        const { urgency } = read(content).appeal;
        assert.equal(urgency.value, '紧急');
        assert.ok(urgency.words.length > 0 && urgency.confidence >= 0.7);
      });
    }
  });

  describe('is not urgent, though it sounds so', () => {
    for (const content of ORDINARY) it(content, () => assert.notEqual(read(content).appeal.urgency.value, '紧急'));
  });

  it('a word deep in a long letter is part of its story', () => {
    const story = '我们小区的物业服务一直很差，楼道没人打扫，电梯广告也没有公示收入。'.repeat(8);
    assert.equal(read(`${story}那次楼下着火了，物业也没有来人。`).appeal.urgency.value, '一般');
  });

  it('a threat to life counts wherever it stands', () => {
    const story = '我们小区的物业服务一直很差，楼道没人打扫，电梯广告也没有公示收入。'.repeat(8);
    assert.equal(read(`${story}再不解决我就去跳楼。`).appeal.urgency.value, '紧急');
  });

  it('several parties and years make it complex', () => {
    const { urgency } = read('这是历史遗留问题，几个部门互相推诿，职责不清').appeal;
    assert.deepEqual([urgency.value, urgency.words.length > 1], ['复杂', true]);
  });

  it("the sender's word counts, unless the text is more urgent", () => {
    assert.deepEqual(read('路灯坏了', { urgency: '特急' }).appeal.urgency.by, 'sender');
    assert.equal(read('路灯坏了', { urgency: '特急' }).appeal.urgency.value, '紧急');
    assert.equal(read('我家燃气泄漏了', { urgency: '一般' }).appeal.urgency.value, '紧急');
    assert.equal(read('路灯坏了', { urgency: '甲级' }).appeal.urgency.raw, '甲级');
    assert.equal(read('我家燃气泄漏了', { urgency: '紧急' }).appeal.urgency.by, 'sender');
    // One sign of danger alone leaves no doubt worth a clerk's look.
    assert.equal(read('家里漏').appeal.urgency.confidence, 0.8);
  });
});
