// Masks of a restricted ticket: nothing of whoever wrote, everything of whom they accuse. All made up.
import assert from 'node:assert/strict';
import { createMasks } from '../../../gateway/dispatch/mask.ts';
import type { Requester } from '../../../normalizer/ticket.ts';
import { read } from '../../normalizer/rules.ts';

function masked(content: string, title?: string): { readonly title: string; readonly content: string } {
  const { appeal } = read(content, title === undefined ? {} : { title });
  const masks = createMasks(appeal, true, null);
  return { title: masks.title(appeal.title), content: masks.content(appeal.content) };
}

describe('masks of an accusation', () => {
  it('leave the accused their name, also where it was once found as that of a person', () => {
    const { content } = masked('举报人：何小胜。被举报人：王伟军，村支书。王伟军收受红包，何小胜有录音。');
    assert.equal(content, '举报人：【姓名】。被举报人：王伟军，村支书。王伟军收受红包，【姓名】有录音。');
    // A ticket that was read before has the span.
    const old = '被举报人：王伟军收红包';
    const span = { kind: 'name' as const, start: 5, end: 8 };
    const masks = createMasks({ title: '举报', content: old, personal: [span] }, true, null);
    assert.equal(masks.content(old), old);
  });

  it('leave who runs the accused house', () => {
    assert.equal(masked('举报黑作坊，老板叫王伟军。我叫何小胜。').content, '举报黑作坊，老板叫王伟军。我叫【姓名】。');
  });

  it('leave the accused whose family writes, and mask a victim', () => {
    assert.equal(masked('我是王伟军的妻子，他受贿。', '举报城建局王伟军受贿').content, '我是王伟军的妻子，他受贿。');
    assert.equal(masked('我是何小胜的母亲，他被打。', '举报学校打人').content, '我是【姓名】的母亲，他被打。');
  });

  it('take the author out of the title, though it is said to accuse somebody', () => {
    const { title } = masked('我叫何小胜，举报村支书。', '举报人何小胜举报王伟军');
    assert.equal(title, '举报人【姓名】举报王伟军');
  });

  it('leave the plate of the accused car, and take out one that may be the author’s', () => {
    for (const stays of [
      '举报吉E12345公车私用，吉E12345昨晚停在酒店',
      '吉E12345长期占道停车',
      '请查处车牌为吉E12345的黑车',
    ]) {
      assert.equal(masked(stays).content, stays);
    }
    assert.equal(
      masked('举报停车场乱收费，吉E12345在那里停了两小时').content,
      '举报停车场乱收费，【车牌】在那里停了两小时',
    );
    assert.equal(masked('举报吉E54321占道，我的车吉E12345出不去').content, '举报吉E54321占道，我的车【车牌】出不去');
    assert.equal(masked('我开吉E12345，被人举报吉E12345占道').content, '我开【车牌】，被人举报【车牌】占道');
    assert.equal(masked('举报货车占道', '举报吉E12345占道').title, '举报吉E12345占道');
  });

  it('take out a phone that is spelt', () => {
    for (const phone of [
      '一三八零零一三八零零零',
      '1 3 8 0 0 1 3 8 0 0 0',
      '138.0013.8000',
      '壹叁捌零零壹叁捌零零零',
    ]) {
      assert.equal(masked(`举报砖厂，联系${phone}。`).content, '举报砖厂，联系【电话】。', phone);
    }
    const others = '举报1号楼、3号楼，2019年1 3 5 7 9号缴费，金额一三五万，编号138001380001234567。';
    assert.equal(masked(others).content, others);
  });

  it('take out a post, and keep the town where somebody lives', () => {
    const { content } = masked('我是本单位唯一的会计，家住二道江区鸭园镇光明村3组，举报单位做假账。');
    assert.equal(content, '我是本单位【身份】，家住二道江区鸭园镇【住址】，举报单位做假账。');
  });
});

describe('masks of a requester', () => {
  const NOBODY: Requester = {
    ...{ name: null, sex: null, callerPhone: null, phone: null, email: null, idKind: null, idNumber: null },
    ...{ openid: null, address: null, organisation: null, replyBy: null },
  };
  const hidden = (words: string, requester: Partial<Requester>) =>
    createMasks({ title: '路灯', content: words, personal: [] }, true, { ...NOBODY, ...requester }).id(words);

  it('take out their numbers however they are written', () => {
    for (const written of [
      '139 0000 1234',
      '一三九零零零零一二三四',
      '139-〇〇〇〇—1234',
      '1.3.9.o.O.0.0.1.2.3.4',
      '139○○○○1234',
      '139○ 0○ 0○ 0○ 01234',
    ]) {
      assert.equal(hidden(`电话${written}。`, { phone: '+8613900001234' }), '电话【电话】。', written);
    }
    assert.equal(hidden('证件220102 1990 0101 123x', { idNumber: '22010219900101123X' }), '证件【证件号】');
    assert.equal(hidden('139 0000 12345号', { phone: '+8613900001234' }), '【电话】5号');
    assert.equal(hidden('139 0000，，，1234', { phone: '+8613900001234' }), '139 0000，，，1234');
  });

  it('are found or not without trying every way in which circles could be read', () => {
    const idNumber = `1${'0'.repeat(30)}1`;
    const circles = `1${'○'.repeat(1000)}`;
    // Each circle may be a digit or stand between two of them: 3 to the power of 30 ways.
    assert.equal(hidden(circles, { idNumber }), circles);
    assert.equal(hidden(`1${'○'.repeat(60)}1`, { idNumber }), '【证件号】');
  });
});

describe('masks of an ordinary ticket', () => {
  it('leave enough of a number to talk about it, and nothing of one whose digits are spelt', () => {
    const { appeal } = read('电话138.0013.8000，或一三八零零一三八零零一，或13八00一38002。');
    const masks = createMasks(appeal, false, null);
    assert.equal(masks.content(appeal.content), '电话138****8000，或【电话】，或【电话】。');
  });
});
