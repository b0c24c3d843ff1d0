// What of a mail its writer says, line by line: nothing of it is lost to what only looks like a quote or a signature.
import assert from 'node:assert/strict';
import { illegibleOf } from '../../adapters/mailbox/encrypted.ts';
import { ownWords } from '../../adapters/mailbox/quoted.ts';

const HEADED = '发件人：李四 <lisi@example.cn>\n发送时间：2024年1月1日 8:30\n收件人：市长\n主题：路灯';

describe('own words of a mail', () => {
  const kept: readonly [string, string][] = [
    ['a single field', '我的地址\n发件人：lisi@example.cn\n路灯坏了'],
    ['two fields', '发件人：lisi@example.cn\n时间：2024-1-1 8:30\n路灯坏了'],
    ['somebody who wrote without a date', '在给 a@b.cn 的信里物业写道：\n不修'],
    ['somebody who wrote without an address', '物业 2024-1-1 写道：\n不修'],
    ['a signature alone', '-- \n只有签名'],
    ['many lines below a delimiter', `路灯坏了\n--\n${'井盖丢失\n'.repeat(20).trim()}`],
    ['a heading of a letter that is not there', `----- 原始邮件 -----\n${HEADED}`],
  ];
  for (const [title, text] of kept) it(`are all of ${title}`, () => assert.equal(ownWords(text, false).text, text));

  it('stand above the heading of an earlier letter, an address among them', () => {
    const text = '我的邮箱是 lisi@example.cn\n在 2024-01-01 08:30，张三 <a@b.cn> 写道：\n> 旧信';
    assert.equal(ownWords(text, false).text, '我的邮箱是 lisi@example.cn');
  });

  it('stand above the header of an earlier letter', () => {
    assert.equal(ownWords(`路灯坏了\n${HEADED}\n旧信`, false).text, '路灯坏了');
  });

  it('go with the letter that is passed on, where the mail says that it passes one on', () => {
    const text = `请处理\n${HEADED}\n\n井盖丢了`;
    assert.equal(ownWords(text, true).text, '请处理\n井盖丢了');
    assert.equal(ownWords(text, false).text, '请处理');
  });
});

describe('a mail in parts that are encrypted', () => {
  it('is encrypted whatever its parts hold', () => {
    const root = { type: 'multipart/encrypted', text: '', parts: [] };
    assert.equal(illegibleOf({ root, files: [] }, true), 'encrypted');
    assert.equal(illegibleOf({ root: { ...root, type: 'multipart/mixed' }, files: [] }, true), null);
  });
});
