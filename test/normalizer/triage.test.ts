// Acceptance: the grounds of article 10 with their sentences, nonsense and advertising held, discretion kept.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { RULE_PATHS, read, rulebook } from './rules.ts';

const SENTENCES: Readonly<Record<string, string>> = {
  '10.1': '涉及国家机密、商业秘密、个人隐私和违反社会公序良俗的',
  '10.2': '涉及各级党委、人大、政协、军队等职能的',
  '10.3': '应当通过诉讼、仲裁、纪检监察、行政复议、政府信息公开等程序解决的和已进入信访渠道的',
  '10.4': '有权处理的部门和单位已经受理或正在办理的',
  '10.5': '诉求事项已办结，相同诉求人仍以同一事实和理由提出诉求的',
  '10.6': '非我市行政职权管辖范围的',
  '10.7': '其他违反法律、法规、规章规定的',
};

describe('triage', () => {
  it('quotes the seven grounds word for word', () => {
    assert.deepEqual(Object.fromEntries(rulebook.clauses), SENTENCES);
    assert.match(readFileSync(`${RULE_PATHS.rulesFolder}/triage.yaml`, 'utf8'), /^# Article 10/);
  });

  const refused: readonly [string, string][] = [
    ['10.1', '请帮我查一下他的身份证和开房记录'],
    ['10.2', '人大代表换届选举的名额怎么分'],
    ['10.3', '不服法院判决，要求改判'],
    ['10.3', '劳动仲裁裁决不公，不服仲裁裁决'],
    ['10.3', '我要申请行政复议'],
    ['10.4', '这个案子公安机关已立案侦查，请你们也查'],
    ['10.6', '我在沈阳市和平区租房，房东不退押金'],
    ['10.7', '出售枪支，量大从优'],
  ];
  for (const [clause, content] of refused) {
    it(`第十条 ${SENTENCES[clause]}：${content}`, () => {
      const { triage } = read(content);
      assert.equal(triage.verdict, 'advise-refusal');
      assert.deepEqual([triage.clause, triage.basis], [clause, SENTENCES[clause]]);
      assert.ok(triage.words.length > 0);
    });
  }

  const held: readonly [string, string | null][] = [
    ['我已经起诉开发商，法院已受理，请督促', '10.3'],
    ['举报村主任受贿', '10.3'],
    ['asdfghjkl qwerty', null],
    ['lorem ipsum dolor sit amet', null],
    ['啊啊啊啊啊啊啊啊啊', null],
    ['测试测试测试测试', null],
    ['xkqjz wvbpt mnrrt', null],
    ['111111111111', null],
    ['好好好好好好好好好好好好好好好好', null],
    ['兼职日结，日赚五百，加微信', null],
  ];
  for (const [content, clause] of held) {
    it(`holds ${content}`, () => {
      const { triage } = read(content);
      assert.deepEqual([triage.verdict, triage.clause], ['hold', clause]);
    });
  }

  const accepted = [
    '小区路灯坏了',
    '法院路的路灯坏了',
    '退伍军人优抚金没有发，是原来部队的证明不认',
    '派出所不予立案，请督促公安机关已立案的也要查',
    'wo jia mei you shui le',
    'There is no water in our house',
    '우리 집에 물이 안 나와요',
    '谢谢你们，路灯修好了',
    '好的',
    '我在北京打工，老家通化县的地被占了',
    '微信公众号打不开',
  ];
  for (const content of accepted) it(`accepts ${content}`, () => assert.equal(read(content).triage.verdict, 'accept'));

  it('one word of advertising is a complaint about it, two are advertising', () => {
    assert.equal(read('这家店天天加微信推销，请管管').triage.verdict, 'accept');
    const { verdict, reason } = read('刷单兼职加微信，日入过千').triage;
    assert.deepEqual([verdict, reason], ['hold', 'advertising']);
  });

  it('short answers and words among others are no nonsense', () => {
    for (const content of ['好好好好', '嗯嗯啊', '单号asdf123，快递丢了，请帮忙找一找快递']) {
      assert.equal(read(content).triage.verdict, 'accept', content);
    }
    for (const content of ['好好好好好好好好', '嗯嗯啊哦', 'asdfghjkl qwertyuiop']) {
      assert.equal(read(content).triage.reason, 'nonsense', content);
    }
  });

  it('an urgent appeal is never held up, wherever it happens', () => {
    assert.equal(read('我在沈阳市和平区，楼里燃气泄漏了，快来人').triage.verdict, 'accept');
    for (const cry of ['救命救命救命救命', '着火了着火了着火了着火了', '燃气泄漏燃气泄漏燃气泄漏']) {
      assert.equal(read(cry).triage.verdict, 'accept', cry);
    }
  });

  it('what nobody here can read is held with the reason, unless its subject says that somebody is in danger', () => {
    for (const illegible of ['encrypted', 'unopened'] as const) {
      const { triage, appeal } = read('', { title: '情况反映', illegible });
      assert.deepEqual([triage.verdict, appeal.problems], ['hold', [`text.${illegible}`]]);
    }
    const around = read('本邮件已经过病毒扫描，请放心打开附件。', { title: '情况反映', illegible: 'encrypted' });
    assert.deepEqual([around.triage.verdict, around.appeal.problems], ['hold', ['text.encrypted']]);
    const urgent = read('', { title: '楼里燃气泄漏了，快来人', illegible: 'encrypted' });
    assert.deepEqual([urgent.triage.verdict, urgent.appeal.problems], ['accept', ['text.encrypted']]);
  });

  it('a ground deep in a long letter is part of its story', () => {
    const story = '我们小区的物业服务一直很差，楼道没人打扫，电梯广告也没有公示收入。'.repeat(10);
    assert.equal(read(`${story}业委会曾经不服法院判决。`).triage.verdict, 'accept');
  });

  describe('第二十三条 不得将控告材料、举报材料和诉求人信息及有关情况予以泄露', () => {
    const rows: readonly [string, boolean, boolean][] = [
      ['举报某饭店售假', true, false],
      ['反映物业乱收费，请为我保密', true, false],
      ['匿名反映学校补课', true, true],
      ['实名举报偷税', true, false],
      ['请不要匿名处理，我叫得出名字', false, false],
      ['我不得不匿名反映路灯问题', true, true],
      ['请问是不是匿名的，路灯坏了', true, true],
      ['不需要保密，路灯坏了', false, false],
      ['不保密我就不说了，路灯坏了', true, false],
      ['上次你们没有保密，路灯坏了', true, false],
      ['要不要保密由你们定，路灯坏了', true, false],
      ['别说是我说的，路灯坏了', true, false],
      ['不匿名，路灯坏了请修', false, false],
      ['路灯坏了请修', false, false],
    ];
    for (const [content, confidential, anonymous] of rows) {
      it(content, () => {
        const draft = read(content);
        assert.deepEqual([draft.confidential.value, draft.anonymous], [confidential, anonymous]);
      });
    }
    it('the sender cannot open an accusation, and a confidential appeal is never public', () => {
      const draft = read('举报某饭店售假', { confidential: false, public: true });
      assert.deepEqual([draft.confidential.value, draft.public.value], [true, false]);
    });
    it('an accusation in passing is confidential from two words on, and from one in the title', () => {
      assert.equal(read('咨询一下，单位虚开发票怎么办理').confidential.value, false);
      assert.equal(read('咨询一下，单位虚开发票和套取资金怎么办理').confidential.value, true);
      assert.equal(read('咨询一下怎么办理', { title: '虚开发票' }).confidential.value, true);
    });
    it('who wants to stay unknown by a tick is kept secret, and no tick takes back what the text asks', () => {
      const ticked = read('路灯坏了', { anonymous: true });
      assert.deepEqual([ticked.anonymous, ticked.confidential.value], [true, true]);
      const said = read('匿名反映学校补课', { anonymous: false });
      assert.deepEqual([said.anonymous, said.confidential.value], [false, true]);
    });
    it('the sender may open or close anything else', () => {
      assert.equal(read('路灯坏了', { public: true }).public.value, true);
      assert.equal(read('路灯坏了', { confidential: true, public: true }).public.value, false);
    });
  });

  describe('tells the language', () => {
    const rows: readonly [string, string][] = [
      ['小区路灯坏了', 'zh'],
      ['우리 집에 물이 안 나와요', 'ko'],
      ['水道が壊れています、助けてください', 'ja'],
      ['There is no water in our house', 'en'],
      ['wo jia mei you shui le', 'zh-Latn'],
      ['Нет воды дома', 'ru'],
      ['xkqjz wvbpt mnrrt', 'und'],
    ];
    for (const [content, language] of rows) it(content, () => assert.equal(read(content).appeal.language, language));
  });
});
