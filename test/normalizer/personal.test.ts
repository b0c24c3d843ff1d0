// Personal spans: what must be masked is found where it stands, and what only looks like it is not.
import assert from 'node:assert/strict';
import { read } from './rules.ts';

/** Spans of a content as `kind:text`. */
const spans = (content: string, name?: string) => {
  const { appeal } = read(content, name === undefined ? {} : { contact: { name } });
  return appeal.personal.map(({ kind, start, end }) => `${kind}:${appeal.content.slice(start, end)}`);
};

describe('personal', () => {
  const rows: readonly [string, string, readonly string[]][] = [
    ['a mobile number', '我的电话13800138000，请回电', ['phone:13800138000']],
    ['one in groups', '电话138 0013 8000', ['phone:138 0013 8000']],
    ['one with a country code', '打+86 13800138000', ['phone:+86 13800138000']],
    ['a landline', '单位电话0435-3212345', ['phone:0435-3212345']],
    ['a local number behind the word for it', '家里座机3212345', ['phone:3212345']],
    ['a colon and a blank behind the word', '座机: 3212345', ['phone:3212345']],
    ['a local number in brackets', '联系电话（3212345）', ['phone:3212345']],
    ['further local numbers', '电话3212345、3212346或3212347', ['phone:3212345', 'phone:3212346', 'phone:3212347']],
    ['further ones behind a landline', '电话:0435-3212345、3212346', ['phone:0435-3212345', 'phone:3212346']],
    ['dots between the groups', '电话138.0013.8000', ['phone:138.0013.8000']],
    ['dashes between the groups', '138—0013—8000，138–0013–8000', ['phone:138—0013—8000', 'phone:138–0013–8000']],
    ['blanks about the dashes', '电话138 - 0013 - 8000', ['phone:138 - 0013 - 8000']],
    ['other groups', '1380 0138 000或13800 138000', ['phone:1380 0138 000', 'phone:13800 138000']],
    ['the zero dialled before a mobile', '来电013800138000', ['phone:013800138000']],
    ['a longitude is no phone', '经度139.12345678，纬度43.12', []],
    ['an amount is no phone', '交了1500.00、3000.50元，共139.1234万', []],
    ['letters behind a phone', '13800138000wx同号', ['phone:13800138000']],
    ['one of the newest numbers', '电话19912345678', ['phone:19912345678']],
    ['a landline with a dot', '电话0435.3212345', ['phone:0435.3212345']],
    ['three digits and eight', '138 00138000', ['phone:138 00138000']],
    ['a landline in three groups', '0435 321 2345', ['phone:0435 321 2345']],
    ['a local number of a large city', '电话62123456', ['phone:62123456']],
    ['a phone before the sign of an address', '138 0013 8000@qq.com', ['phone:138 0013 8000']],
    ['figures before words', '编号99一三八零零一三八零零零', []],
    ['one digit after the other', '电话1 3 8 0 0 1 3 8 0 0 0', ['phone:1 3 8 0 0 1 3 8 0 0 0']],
    ['digits in words', '电话一三八零零幺三八零零零', ['phone:一三八零零幺三八零零零']],
    ['digits in words and figures', '电话13八00一三8000', ['phone:13八00一三8000']],
    ['digits in circles', '电话①③⑧⓪⓪①③⑧⓪⓪⓪', ['phone:①③⑧⓪⓪①③⑧⓪⓪⓪']],
    ['digits on keys', '1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣', ['phone:1⃣3⃣8⃣0⃣0⃣1⃣3⃣8⃣0⃣0⃣0⃣']],
    ['a landline in words', '零四三五三二一二三四五', ['phone:零四三五三二一二三四五']],
    ['a longer run in words is none', '二一三八零零一三八零零零', []],
    ['an ID number in words', '一一零一零五一九四九一二三一零零二X', ['id-number:一一零一零五一九四九一二三一零零二X']],
    ['a bare number is none', '缴费3212345元', []],
    ['full-width digits', '电话１３８００１３８０００', ['phone:13800138000']],
    ['an ID number with a right check digit', '身份证11010519491231002X', ['id-number:11010519491231002X']],
    ['a wrong one is none', '单号110105194912310021', []],
    ['a wrong one behind the word for it', '身份证号码：110105194912310021', ['id-number:110105194912310021']],
    ['a wrong one in brackets', '身份证号（110105194912310021）', ['id-number:110105194912310021']],
    ['a wrong old one behind the word for it', '身份证号110105491331002', ['id-number:110105491331002']],
    ['one with letters before it', 'ID11010519491231002X', ['id-number:11010519491231002X']],
    ['one glued to a phone', '11010519491231002X13800138000', ['id-number:11010519491231002X', 'phone:13800138000']],
    ['another document', '护照号：E12345678，社保卡123456789', ['id-number:E12345678', 'id-number:123456789']],
    ['one with a digit left out', '证件号是1101051949123100X，', ['id-number:1101051949123100X']],
    ['an old ID number', '证号440524800101001', ['id-number:440524800101001']],
    [
      'phone and ID number beside each other',
      '13800138000 11010519491231002X',
      ['phone:13800138000', 'id-number:11010519491231002X'],
    ],
    ['an e-mail', '写到zhang.san@example.com.cn。', ['email:zhang.san@example.com.cn']],
    ['an e-mail of digits is no phone', '13800138000@example.com', ['email:13800138000@example.com']],
    ['a plate', '吉E·12345占道，吉E12345也是', ['plate:吉E·12345', 'plate:吉E12345']],
    ['a new-energy plate', '吉ED12345乱停', ['plate:吉ED12345']],
    ['a bank card', '卡号6222 0200 0000 0000 004', []],
    ['a plate with a blank', '吉 E12345', ['plate:吉 E12345']],
    ['a plate of two territories', '粤Z1234港', ['plate:粤Z1234港']],
    ['a bank card in halves', '卡号45395787 63621486', ['bank-card:45395787 63621486']],
    ['a bank card that passes Luhn', '卡号4539578763621486', ['bank-card:4539578763621486']],
    ['a bank card of nineteen digits', '卡号9558801234567890128', ['bank-card:9558801234567890128']],
    ['a bank card of eighteen digits', '卡号622848000000000015', ['bank-card:622848000000000015']],
    ['an order number is none', '订单20250610123456789012345', []],
    ['a part number is no phone', '型号AB13800138000C', []],
    ['a name behind 我叫', '你好，我叫张建国，家住东昌区', ['name:张建国']],
    ['a name behind 联系人', '联系人：欧阳修文，电话13800138000', ['name:欧阳修文', 'phone:13800138000']],
    ['a name behind 本人', '本人李四，身份证丢了', ['name:李四']],
    ['本人于 is no name', '本人于2019年购房，本人经常加班', []],
    ['我是业主 is no name', '我是万科的业主，我是一名教师', []],
  ];
  for (const [title, content, expected] of rows) it(title, () => assert.deepEqual(spans(content), expected));

  it('of a long list of phones every one', () => {
    const phones = Array.from({ length: 200 }, (_, n) => `138001${String(n).padStart(5, '0')}`);
    assert.equal(spans(phones.join('，')).length, 200);
  });

  it('of a title that was cut inside a number, up to where it was cut', () => {
    const { appeal } = read(`${'反映小区路灯不亮的问题'.repeat(3)}电话13800138000`);
    assert.match(appeal.title, /电话1380…$/);
    // What is left of it tells of no phone by itself, so the span of the content is what finds it.
    assert.deepEqual(appeal.titlePersonal, [{ kind: 'phone', start: 35, end: 39 }]);
  });

  it("the requester's own name, wherever it stands", () => {
    assert.deepEqual(spans('李四反映，见李四的照片', '李四'), ['name:李四', 'name:李四']);
    assert.deepEqual(spans('王小明反映问题，落款：王小明', '王小明'), ['name:王小明', 'name:王小明']);
  });

  it('in a title that was made of the content, too', () => {
    const { appeal } = read('我叫张建国，电话13800138000');
    const found = (appeal.titlePersonal ?? []).map(({ start, end }) => appeal.title.slice(start, end));
    assert.deepEqual(found, ['张建国', '13800138000']);
  });

  it('in a title of its own, with offsets into it', () => {
    const { appeal } = read('路灯不亮', { title: '请回电13800138000' });
    assert.deepEqual(appeal.titlePersonal, [{ kind: 'phone', start: 3, end: 14 }]);
    assert.deepEqual(appeal.personal, []);
  });
});
