// Type and category with the words that decided, on the acceptance scope of article 9.
import assert from 'node:assert/strict';
import { read } from './rules.ts';

describe('category', () => {
  describe('第九条 受理中心受理事项', () => {
    const rows: readonly [string, string][] = [
      ['请问新生儿落户需要什么材料？', '咨询'],
      ['想咨询一下公积金贷款的条件', '咨询'],
      ['取暖费什么时候开始交', '咨询'],
      ['家里暖气不热，请求帮助', '求助'],
      ['门前路灯坏了，麻烦派人修一下', '求助'],
      ['楼下烧烤店半夜噪音扰民，投诉多次没人管', '投诉'],
      ['驾校拒不退款，态度恶劣', '投诉'],
      ['举报一处黑作坊制售假药', '举报'],
      ['村干部贪污低保款，实名举报', '举报'],
      ['建议在实验小学门口增设红绿灯', '建议'],
      ['希望开通到高铁站的公交，方便出行，这是我的一点建议', '建议'],
      ['感谢民主街道的工作人员，服务热情周到，点赞', '表扬'],
      ['谢谢你们，路灯修好了', '表扬'],
    ];
    for (const [content, type] of rows)
      it(`${type}：${content}`, () => assert.equal(read(content).appeal.type.value, type));

    it('courtesy at the end of a complaint is no praise', () => {
      assert.notEqual(read('小区垃圾没人清理，请尽快处理，谢谢').appeal.type.value, '表扬');
      assert.equal(read('感谢感谢，好人好事，请尽快给我补发证件').appeal.type.value, '求助');
      assert.equal(read('物业乱收费，请退费', { title: '建议' }).appeal.type.value, '建议');
      assert.equal(read('投诉物业，态度恶劣', { title: '建议' }).appeal.type.value, '建议');
    });
    it('every type names the words that decided and how sure it is', () => {
      const { type } = read('请问新生儿落户需要什么材料？').appeal;
      assert.equal(type.by, 'rule');
      assert.ok(type.words.length > 0 && type.confidence > 0.3);
    });
  });

  describe("takes the sender's word where it is on the list", () => {
    const rows: readonly [string, string, string, string | undefined][] = [
      ['建议类', '建议', 'sender', undefined],
      ['求决', '求助', 'sender', undefined],
      ['投诉举报', '投诉', 'rule', '投诉举报'],
      ['第 17 类', '投诉', 'rule', '第 17 类'],
      ['__proto__', '投诉', 'rule', '__proto__'],
    ];
    for (const [label, value, by, raw] of rows) {
      it(label, () => {
        const { type } = read('楼下饭店油烟扰民，投诉', { type: label }).appeal;
        assert.deepEqual([type.value, type.by, type.raw], [value, by, raw]);
      });
    }
  });

  describe('names the class of three levels', () => {
    const rows: readonly [string, readonly string[]][] = [
      ['供暖温度不达标，暖气不热', ['城乡建设', '供热供气', '供热']],
      ['燃气费怎么交，燃气公司电话打不通', ['城乡建设', '供热供气', '燃气']],
      ['自来水停水，水压太低', ['城乡建设', '供水供电', '供水']],
      ['物业公司乱收物业费', ['城乡建设', '物业和小区', '物业服务']],
      ['工地夜间施工噪音扰民', ['环境保护', '环境污染', '噪声污染']],
      ['公交车末班车太早', ['交通运输', '公共交通', '公交']],
      ['小学招生划片不合理', ['教育文体', '招生考试', '招生入学']],
      ['老板拖欠工资', ['劳动和社会保障', '工资福利', '欠薪']],
      ['饭店后厨太脏，担心食品安全', ['卫生健康', '食品药品', '食品安全']],
      ['门前红绿灯时间太短，交通拥堵', ['公安司法', '道路交通', '交通秩序']],
      ['电动车上牌去哪里', ['公安司法', '道路交通', '车辆和驾驶证']],
    ];
    for (const [content, labels] of rows) {
      it(content, () => {
        const { category } = read(content).appeal;
        assert.deepEqual(category?.value.labels, labels);
        assert.ok(category !== null && category.words.length > 0 && category.confidence > 0);
        assert.equal(category.value.codes.length, labels.length);
      });
    }
    it('names none where too little is said', () => assert.equal(read('这样不行').appeal.category, null));
    it("takes the sender's label, by its other names too, and keeps an unknown one", () => {
      const sent = read('这样不行', { category: ['卫生计生', '食品药品监管'] }).appeal.category;
      assert.deepEqual([sent?.value.codes, sent?.by], [['07', '0704'], 'sender']);
      const unknown = read('物业公司乱收物业费', { category: ['A类', '17'] }).appeal.category;
      assert.deepEqual([unknown?.by, unknown?.raw], ['rule', 'A类/17']);
    });
  });

  describe('suggests who handles it', () => {
    it('the division where it leads, the department helping', () => {
      const { handling } = read('集安市某某小区物业公司乱收物业费');
      assert.deepEqual([handling.unit, handling.coUnits[0]], ['集安市人民政府', '市住房和城乡建设局']);
    });
    it('the department where it leads', () => {
      const { handling } = read('集安市工地夜间施工噪音扰民');
      assert.deepEqual([handling.unit, handling.coUnits], ['市生态环境局', ['集安市人民政府']]);
    });
    it('nobody where nothing is known', () => assert.equal(read('这样不行').handling.unit, null));
  });

  it('names the organisation complained of', () => {
    assert.equal(read('投诉江畔物业公司不作为').appeal.subject, '江畔物业公司');
    assert.equal(read('路灯坏了').appeal.subject, null);
    // Who only tells of it complains of nobody.
    assert.equal(read('反映一下光明物业公司漏水').appeal.subject, null);
    assert.equal(read('路灯坏了', { subject: '某某公司' }).appeal.subject, '某某公司');
  });
});
