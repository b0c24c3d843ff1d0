// Who appeals: values as people write them, in one form, and the identities a requester is known by.
import assert from 'node:assert/strict';
import type { InboundContact } from '../../normalizer/inbound-message.ts';
import { canonicalIdNumber, passesLuhn } from '../../normalizer/numbers.ts';
import { readRequester, requesterIdentities, toE164 } from '../../normalizer/requester.ts';
import { rulebook } from './rules.ts';

const identities = (contact: InboundContact) =>
  requesterIdentities(readRequester(contact, rulebook).requester).map(({ kind, value }) => `${kind} ${value}`);

describe('requester', () => {
  describe('reads phones into E.164', () => {
    const rows: readonly [string, string | null][] = [
      ['13800138000', '+8613800138000'],
      ['+86 138 0013 8000', '+8613800138000'],
      ['0086-138-0013-8000', '+8613800138000'],
      ['8613800138000', '+8613800138000'],
      ['１３８００１３８０００', '+8613800138000'],
      ['手机：138 0013 8000（微信同号）', '+8613800138000'],
      ['0435-3212345', '+864353212345'],
      ['（0435）3212345转801', '+864353212345'],
      ['+86 435 3212345', '+864353212345'],
      ['010-66012345', '+861066012345'],
      ['3212345', '+864353212345'],
      ['3212345/13800138000', '+864353212345'],
      ['张三13800138000 李四13900139000', '+8613800138000'],
      ['0435 3212345 13800138000', '+8613800138000'],
      ['013800138000', '+8613800138000'],
      ['+86-10-66012345', '+861066012345'],
      ['+86 1234567', null],
      ['0082 10-1234-5678', '+821012345678'],
      ['+3212345', '+3212345'],
      ['+82 10-1234-5678', '+821012345678'],
      ['12345', null],
      ['无', null],
      ['1380013800', null],
      ['', null],
    ];
    for (const [written, expected] of rows) {
      it(`${written || '(nothing)'} → ${expected}`, () => assert.equal(toE164(written, '0435'), expected));
    }
  });

  describe('checks ID numbers by their check digit', () => {
    const rows: readonly [string, string | null][] = [
      ['11010519491231002X', '11010519491231002X'],
      ['11010519491231002x', '11010519491231002X'],
      ['110105194912310021', null],
      ['440524800101001', '440524198001010013'],
      ['440524801301001', null],
      ['440524188001010014', '440524188001010014'],
      ['220502', null],
    ];
    for (const [written, expected] of rows) {
      it(`${written} → ${expected}`, () => assert.equal(canonicalIdNumber(written), expected));
    }
  });

  it('checks cards by Luhn', () => {
    assert.equal(passesLuhn('4539578763621486'), true);
    assert.equal(passesLuhn('4539578763621487'), false);
  });

  it('knows the same person by any form of the same phone, e-mail or ID number', () => {
    const one = identities({
      phone: '0086 138 0013 8000',
      email: '张三 <Zhang@Example.CN>',
      idNumber: '440524800101001',
    });
    const other = identities({
      callerPhone: '１３８００１３８０００',
      email: 'zhang@example.cn',
      idNumber: '440524198001010013',
    });
    assert.deepEqual(one, ['phone +8613800138000', 'email zhang@example.cn', 'id-number 440524198001010013']);
    assert.deepEqual(other, one);
  });

  it('knows nobody by placeholders, wrong check digits and numbers everybody has in hand', () => {
    assert.deepEqual(identities({ name: '匿名', phone: '无', email: 'n/a', idNumber: '110105194912310021' }), []);
    assert.deepEqual(identities({ phone: '00000000000', callerPhone: '11111111111' }), []);
    assert.deepEqual(identities({ phone: '13333333333' }), []);
    assert.deepEqual(identities({ idKind: '身份证', idNumber: '110105194912310021' }), []);
    assert.deepEqual(identities({ idKind: '护照', idNumber: 'E12345678' }), ['id-number 护照:E12345678']);
    assert.equal(readRequester({ name: 'NULL' }, rulebook).requester.name, null);
    for (const openid of ['null', 'app:null', 'wechat: undefined', 'app:0', 'app:']) {
      assert.deepEqual(identities({ openid }), [], openid);
    }
    assert.deepEqual(identities({ openid: ' wechat:oX1 ' }), ['openid wechat:oX1']);
  });

  it('writes to the first of several e-mail addresses', () => {
    for (const email of ['a@b.cn;c@d.cn', 'A@B.cn, c@d.cn', 'a@b.cn、c@d.cn', 'a@b.cn c@d.cn']) {
      assert.deepEqual(readRequester({ email }, rulebook).requester.email, 'a@b.cn', email);
    }
  });

  it('keeps a foreign document apart from an identity card of the same digits', () => {
    assert.deepEqual(identities({ idKind: 'passport', idNumber: 'e12345678' }), ['id-number 护照:E12345678']);
  });

  it('keeps what cannot be read as it was sent, and lists it', () => {
    const { requester, problems } = readRequester(
      { phone: '晚上打', email: 'zhang#example', sex: '1', idKind: '军官' },
      rulebook,
    );
    assert.deepEqual(
      [requester.phone, requester.email, requester.sex, requester.idKind],
      ['晚上打', 'zhang#example', '男', '军官'],
    );
    assert.deepEqual(problems, ['requester.phone-unreadable', 'requester.email-unreadable']);
  });
});
