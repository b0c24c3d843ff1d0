// Names: whoever writes and their family are found where they name themselves, and no one they write about. All made up.
import assert from 'node:assert/strict';
import { read } from './rules.ts';

const names = (content: string) => {
  const { appeal } = read(content);
  return appeal.personal
    .filter(({ kind }) => kind === 'name')
    .map(({ start, end }) => appeal.content.slice(start, end));
};

describe('names', () => {
  const found: readonly [string, string, readonly string[]][] = [
    ['all who sign', '请彻查。实名举报人：赵小满、钱家旺 孙立冬，李有田等', ['赵小满', '钱家旺', '孙立冬', '李有田']],
    [
      'those with a phone between them',
      '报告人：村民代表王冬生（电话13800138000）周满仓（电话13800138001）',
      ['王冬生', '周满仓'],
    ],
    [
      'those who sign with nothing between them',
      '业主签名：王冬生李小四周满仓吴桂兰2026年1月',
      ['王冬生李小四周满仓吴桂兰'],
    ],
    ['other words for who complains', '控诉人：何小胜，男', ['何小胜']],
    ['a victim who speaks', '受害人：何小胜 13800138000', ['何小胜']],
    ['a surname that is rare', '我叫涂小满，是本村人', ['涂小满']],
    ['one rarer still', '我叫阙小满，我妻子澹台小月说没收到', ['阙小满', '澹台小月']],
    ['another name of theirs', '我叫何胜，又名何小胜，男', ['何胜', '何小胜']],
    ['who they are, before the name', '我是鸭园镇光明村三组村民何小胜，今年五十岁', ['何小胜']],
    ['what they are, behind 本人系', '本人系食品厂退休职工何小胜（电话见后）', ['何小胜']],
    ['a child', '我孩子何小胜在学校被打', ['何小胜']],
    ['a wife who says something', '我的妻子周桂兰说没收到钱', ['周桂兰']],
    ['a brother called something', '本人弟弟叫何小利，也没拿到', ['何小利']],
    ['a father, in old words', '家父何德胜已八十岁', ['何德胜']],
    ['a husband since a year', '我丈夫李强于2019年去世', ['李强']],
    [
      'many in a list',
      '业主代表：张三、李四、王五、赵六、钱七、孙八。路灯坏了，请修。',
      ['张三', '李四', '王五', '赵六', '钱七', '孙八'],
    ],
    [
      'a signature far from the end',
      '望严查！\n何小胜 13800138000 he.xiaosheng@example.com 2026-03-01 08:30:00',
      ['何小胜'],
    ],
    ['nobody who only stands for a house', '该公司法人代表：王伟军，不给退钱', []],
    ['a signature with a date', '望严查！\n何小胜\n2026年3月1日', ['何小胜']],
    ['one behind a greeting', '此致 敬礼 何小胜 2026.3.1', ['何小胜']],
    ['one behind who they are', '谢谢。光明村村民：何小胜 电话13800138000', ['何小胜']],
    ['two below a text', '请还公道。光明村村民何小胜、周桂兰2026年3月1日', ['何小胜', '周桂兰']],
    ['a wife behind 与', '本人与妻子周桂兰1999年结婚', ['周桂兰']],
    ['a brother whatever he does, said twice', '我哥哥何小利由于工作调动不在，何小利至今没拿到钱', ['何小利']],
    ['numbered ones', '业主代表：1何小胜、2周桂兰、3钭小满 4、赵水', ['何小胜', '周桂兰', '钭小满', '赵水']],
    [
      'those behind a full stop',
      '举报人：何小胜 周桂兰。 赵小满。 钱家旺 等',
      ['何小胜', '周桂兰', '赵小满', '钱家旺'],
    ],
    ['one of a house, who says what one says of oneself', '我是光明厂的何小胜，身份证号另附', ['何小胜']],
    ['whose father it is', '我是光明村村民何德胜（何小胜的父亲），何小胜受伤了', ['何德胜', '何小胜']],
    ['a signature behind the house', '请查处。此致 敬礼！ 光明小学：何小胜 2026年5月5日', ['何小胜']],
    ['one before the number of a card', '望查处！光明村村民 何小胜 身份证号码：220502198001010011', ['何小胜']],
    [
      'a rare character',
      '我叫王\u{2C456}，举报人：何\u{2CC56}、李小\u{20BB7}',
      ['王\u{2C456}', '何\u{2CC56}', '李小\u{20BB7}'],
    ],
    ['one of another plane in a signature', '请严查。何小\u{20BB7} 2026年3月1日', ['何小\u{20BB7}']],
    ['a character that is seldom written', '我孩子何小䶮被打', ['何小䶮']],
    ['a name in parts', '我叫阿依古丽·买买提，电话见后', ['阿依古丽·买买提']],
  ];
  for (const [title, content, expected] of found) {
    it(`are found: ${title}`, () => assert.deepEqual(names(content).sort(), [...expected].sort()));
  }

  const others: readonly string[] = [
    '被举报人：王伟军，男，任村支书',
    '被投诉人王伟军，被控告人：王伟军',
    '请严查村支书王伟军',
    '本人强烈要求严惩人大代表王伟军的行为',
    '他的妻子周桂兰是会计，其父王德胜是主任',
    '我父亲和母亲都病了，我弟弟太强势，我孩子班主任收钱',
    '我家人向区公安局反映，我母亲高血压，我老婆怀孕',
    '我是小区业主，方便时请回电。我是一名普通的农民。',
    '合同没有签字盖章，也没有公章',
    '受害者严重，受害人金额达到三千万',
    '置广大受害者于不顾，各方当事人经过协商',
    '猜不透，太难了。',
    '请上级管管吧。谢谢！',
    '申请人（盖章）：某公司',
    '被举报人的妻子周桂兰是会计',
    '本人岳父在住院，我岳母因病去世，本人宁可自己出钱',
    '我是光明·翡翠花园的业主',
    '我是王\u{1F600}，他叫李\u{1F468}\u200D\u{1F469}',
    '业主代表签名另附。1栋业主、2栋业主',
    '被举报人与妻子周桂兰霸占水井',
    '举报人说不清楚。王伟军，男，任村支书',
    '我是听光明厂的王伟军，电话里说的',
    '请严查光明小学：王伟军',
    '我父亲高血压住院，高血压要长期吃药',
  ];
  for (const content of others) it(`are not: ${content}`, () => assert.deepEqual(names(content), []));

  it('are looked for to the end of a text made to hold it up', () => {
    for (const said of ['我是村民', '举报人：李四、', '我妻子李', '王李张刘', '村民王小李、']) {
      assert.ok(read(said.repeat(30_000).slice(0, 60_000)).appeal.content.length > 0);
    }
  });
});
