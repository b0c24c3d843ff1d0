// Bytes and header lines whose labels are wrong, and ones whose labels are right though they look otherwise.
import assert from 'node:assert/strict';
import iconv from 'iconv-lite';
import { decodeBytes, NO_LABEL, repairHeaderLine } from '../../adapters/mailbox/charset.ts';
import { startOf } from '../../adapters/mailbox/cursor.ts';
import { senderOf } from '../../adapters/mailbox/mail.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const base64 = (text: string, charset: string): string => iconv.encode(text, charset).toString('base64');

describe('bytes of a mail', () => {
  it('in UTF-8 with a broken one stay what they are, in every script', () => {
    const broken = (text: string) => Buffer.concat([Buffer.from(text), Buffer.of(0xd0), Buffer.from('end')]);
    for (const text of ['Улица не освещена, прошу помочь', '路灯坏了']) {
      assert.equal(decodeBytes(broken(text), NO_LABEL), `${text}\uFFFDend`);
    }
  });

  it('that call themselves Western are Chinese where nearly all of them stand in pairs', () => {
    assert.equal(decodeBytes(iconv.encode('路灯坏了', 'gbk'), 'iso-8859-1'), '路灯坏了');
    assert.equal(decodeBytes(Buffer.from('路灯坏了'), 'windows-1252'), '路灯坏了');
    for (const text of ['caf\u00e9', '\u00c4\u00d6', 'na\u00efve fa\u00e7ade d\u00e9j\u00e0 \u00e9t\u00e9']) {
      assert.equal(decodeBytes(latin1(text), 'iso-8859-1'), text);
    }
  });

  it('in HZ are Chinese to the end of the line at most', () => {
    assert.equal(decodeBytes(latin1('~{B75F;5AK~} ok'), 'hz-gb-2312'), '路灯坏了 ok');
    assert.equal(decodeBytes(latin1('~{B75F\nplain words'), 'hz'), '路灯\nplain words');
    assert.equal(decodeBytes(latin1('a~~b~\nc'), 'hz'), 'a~bc');
  });
});

describe('header lines of a mail', () => {
  const mended = (line: string): string => {
    const words = [...repairHeaderLine(line).matchAll(/=\?utf-8\?B\?([^?]*)\?=/g)];
    return words.map(([, text]) => Buffer.from(text as string, 'base64').toString()).join('|');
  };

  it('keep what stands between two words that are mended', () => {
    const line = `Subject: =?us-ascii?B?${base64('路灯', 'gbk')}?= No. 5 =?us-ascii?B?${base64('坏了', 'gbk')}?=`;
    assert.equal(mended(line), '路灯|坏了');
    assert.match(repairHeaderLine(line), /\?= No\. 5 =\?/);
  });

  it('of several charsets are left to themselves', () => {
    const line = `Subject: =?us-ascii?Q?Re?= =?utf-8?B?${base64('路灯', 'utf8')}?=`;
    assert.equal(repairHeaderLine(line), line);
  });

  it('of a character cut in two between their words are put together', () => {
    const bytes = iconv.encode('路灯', 'gbk');
    const half = (from: number, to: number) => `=?iso-8859-1?B?${bytes.subarray(from, to).toString('base64')}?=`;
    assert.equal(mended(`Subject: ${half(0, 1)} ${half(1, 4)}`), '路灯');
  });
});

describe('the lane of a mail', () => {
  it('is its sender’s, in whatever capitals they write', () => {
    for (const from of ['Li <Li@Example.CN>', 'li@example.cn', '=?utf-8?B?5p2O?= <LI@example.cn>']) {
      assert.equal(senderOf(Buffer.from(`Subject: a\r\nFrom: ${from}\r\n\r\nFrom: other@example.cn`)), 'li@example.cn');
    }
    assert.equal(senderOf(Buffer.from('Subject: a\r\n\r\nFrom: other@example.cn')), null);
  });
});

describe('the starting point of a mailbox', () => {
  it('is the second after the first connection, since servers tell whole seconds', () => {
    assert.equal(startOf('connected', undefined, 1_700_000_000_123), 1_700_000_001_000);
    assert.equal(startOf('connected', undefined, 1_700_000_000_000), 1_700_000_001_000);
    assert.equal(startOf('all', undefined, 5), 0);
  });
});
