// Mails that programs write wrongly, each read as its writer meant it.
import assert from 'node:assert/strict';
import iconv from 'iconv-lite';
import type { InboundMessage } from '../../adapters/contract.ts';
import { adapter } from '../../adapters/mailbox/index.ts';
import { originalOf } from '../../adapters/mailbox/mail.ts';

const settings = {
  ...(adapter.sample as { readonly settings: object }).settings,
  user: 'szxx@city.example.cn',
} as never;
const RECEIVED = Date.parse('2024-01-01T00:30:05Z');
const WORDS = '路灯坏了三天没人修';

async function read(mail: string | Uint8Array, receivedAt: number | null = RECEIVED): Promise<InboundMessage> {
  const bytes = typeof mail === 'string' ? Buffer.from(mail) : mail;
  const head = { uid: 1, size: bytes.length, receivedAt };
  return adapter.parse(originalOf(bytes, head, { folder: 'INBOX', validity: '1' }), settings);
}

async function letter(mail: string | Uint8Array, receivedAt?: number | null) {
  const found = await read(mail, receivedAt);
  assert.ok(found.kind === 'appeal', JSON.stringify(found));
  return found;
}

const written = (header: string, body: string | Uint8Array = `${WORDS}\r\n`): Buffer =>
  Buffer.concat([
    Buffer.from(`From: lihua@example.cn\r\n${header}${header === '' ? '' : '\r\n'}\r\n`),
    typeof body === 'string' ? Buffer.from(body) : body,
  ]);
const forward = (inner: string | Uint8Array, boundary: string): Buffer =>
  written(
    `Subject: Fw\r\nContent-Type: multipart/mixed; boundary="${boundary}"`,
    Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Type: message/rfc822\r\n\r\n`),
      Buffer.from(inner),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]),
  );

describe('mails that programs write wrongly', () => {
  for (const type of ['text', 'TEXT', 'plain', 'plain/text', 'text; charset=utf-8']) {
    it(`have their words in a body of type ${type}`, async () => {
      const { content, attachments } = await letter(written(`Content-Type: ${type}`));
      assert.deepEqual([content, attachments], [WORDS, []]);
    });
  }

  it('enclose files under the names that they wrote in bytes of GBK', async () => {
    const header = Buffer.concat([
      Buffer.from('From: lihua@example.cn\r\nContent-Type: image/jpeg\r\nContent-Disposition: attachment; filename="'),
      iconv.encode('路灯照片.jpg', 'gbk'),
      Buffer.from('"\r\n\r\nx\r\n'),
    ]);
    assert.equal((await letter(header)).attachments[0]?.name, '路灯照片.jpg');
  });

  it('enclose a file of no type as a file', async () => {
    const { attachments } = await letter(written('Content-Type: text; name="a.bin"'));
    assert.deepEqual(
      attachments.map(({ name }) => name),
      ['a.bin'],
    );
  });

  it('keep their words where a gateway hung a footer on behind base64', async () => {
    const body = `${Buffer.from(WORDS).toString('base64')}\r\n\r\n-- \r\nfooter added by a gateway\r\n`;
    const { content } = await letter(
      written('Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64', body),
    );
    assert.match(content, new RegExp(`^${WORDS}`));
  });

  it('are UTF-8 though they call themselves GBK, be it a single character or the subject', async () => {
    const one = await letter(written('Content-Type: text/plain; charset=gbk', 'No. 5 路 closed'));
    assert.equal(one.content, 'No. 5 路 closed');
    for (const label of ['gbk', 'GB2312', 'gb18030']) {
      const word = `=?${label}?B?${Buffer.from('路灯坏了').toString('base64')}?=`;
      assert.equal((await letter(written(`Subject: ${word}`))).title, '路灯坏了', label);
    }
  });

  it('are GBK where they say so', async () => {
    const gbk = (text: string): string => iconv.encode(text, 'gbk').toString('base64');
    const subject = `=?gb2312?B?${gbk('路灯')}?= =?gb2312?B?${gbk('坏了镕')}?=`;
    const type = 'Content-Type: text/plain; charset=gb2312';
    const found = await letter(written(`Subject: ${subject}\r\n${type}`, iconv.encode(WORDS, 'gbk')));
    assert.deepEqual([found.title, found.content], ['路灯坏了镕', WORDS]);
  });

  it('say what the letter says that is passed on inside of others', async () => {
    const inner = written('Subject: a', WORDS);
    const { content } = await letter(forward(forward(inner, 'b1'), 'b2'));
    assert.equal(content, WORDS);
    // Somebody's own words in the middle are what is passed on.
    const told = `--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n请看附件里的信\r\n--b1\r\nContent-Type: message/rfc822\r\n\r\n`;
    const middle = written(
      'Subject: b\r\nContent-Type: multipart/mixed; boundary="b1"',
      Buffer.concat([Buffer.from(told), inner, Buffer.from('\r\n--b1--\r\n')]),
    );
    assert.equal((await letter(forward(middle, 'b2'))).content, '请看附件里的信');
  });

  it('stay a letter passed on where they are passed on too often', async () => {
    let mail: Buffer = written('Subject: deep', WORDS);
    for (let level = 0; level < 12; level++) mail = forward(mail, `b${level}`);
    const { content, attachments } = await letter(mail);
    assert.equal(content.includes(WORDS), false);
    assert.equal(attachments[0]?.mediaType, 'message/rfc822');
  });

  it('show the words of a page whose head nobody closed', async () => {
    const page = `<html><head><meta charset="utf-8"><title>t</title><style>p{}</style><p>${WORDS}</p></html>`;
    assert.equal((await letter(written('Content-Type: text/html; charset=utf-8', page))).content, WORDS);
  });

  it('keep what a citizen heads like a letter, and leave out what a program heads so', async () => {
    const own = `我的诉求\n发件人：张三\n收件人：市长\n主题：路灯\n${WORDS}`;
    assert.equal((await letter(written('', own))).content, own);
    for (const sent of ['2024年1月1日 8:30', 'Monday, 8:30', '<a@b.cn>']) {
      const answer = `${WORDS}\n发件人：李四\n发送时间：${sent}\n收件人：市长\n主题：路灯\n旧信`;
      assert.equal((await letter(written('', answer))).content, WORDS, sent);
    }
  });

  it('keep what is told below a line, and take off a card', async () => {
    const told = `${WORDS}\n--\n另外小区门口的井盖也丢了，请一并处理。`;
    assert.equal((await letter(written('', told))).content, told);
    const { content, contact } = await letter(written('', `${WORDS}\n--\n张三\n13800138000\n祝工作顺利！`));
    assert.deepEqual([content, contact.phone], [WORDS, '13800138000']);
    const landline = await letter(written('', `${WORDS}\n--\n张三\n0435-3212345`));
    assert.equal(landline.contact.phone, '0435-3212345');
  });

  describe('were sent', () => {
    const RECEIVED_SAYS = '2024-01-01T08:30:05+08:00';
    const rows: readonly [string, string][] = [
      ['Mon, 1 Jan 2024 08:20:00 +0800', '2024-01-01T08:20:00+08:00'],
      ['Mon, 1 Jan 2024 00:20:00 GMT', '2024-01-01T08:20:00+08:00'],
      ['Mon, 1 Jan 2024 08:20:00 GMT+8', '2024-01-01T08:20:00+08:00'],
      ['Mon, 1 Jan 2024 08:20:00 UTC+0800', '2024-01-01T08:20:00+08:00'],
      ['Mon, 1 Jan 2024 08:20:00 +08:00', '2024-01-01T08:20:00+08:00'],
      ['Sun, 31 Dec 2023 19:50:00 -0430', '2024-01-01T08:20:00+08:00'],
      // Ten minutes of a clock that is fast, and no more: nobody wrote it after it arrived.
      ['Mon, 1 Jan 2024 08:40:05 +0800', '2024-01-01T08:40:05+08:00'],
      ['Mon, 1 Jan 2024 08:40:06 +0800', RECEIVED_SAYS],
      ['Tue, 1 Jan 2030 08:20:00 +0800', RECEIVED_SAYS],
      // A day on the way, and no more.
      ['Sun, 31 Dec 2023 08:30:05 +0800', '2023-12-31T08:30:05+08:00'],
      ['Sun, 31 Dec 2023 08:30:04 +0800', RECEIVED_SAYS],
      // Zones by name are as often wrong as right.
      ['Mon, 1 Jan 2024 08:20:00 CST', RECEIVED_SAYS],
      ['Mon, 1 Jan 2024 08:20:00', RECEIVED_SAYS],
      ['yesterday', RECEIVED_SAYS],
    ];
    for (const [date, expected] of rows) {
      it(`${date} → ${expected}`, async () => assert.equal((await letter(written(`Date: ${date}`))).sentAt, expected));
    }
    it('when they say where the server says nothing', async () => {
      const sent = async (date: string) => (await letter(written(`Date: ${date}`), null)).sentAt;
      assert.equal(await sent('Mon, 1 Jan 2024 08:20:00 +0800'), '2024-01-01T08:20:00+08:00');
      assert.equal(await sent('Mon, 1 Jan 2024 08:20:00 CST'), '2024-01-01T08:20:00+08:00');
      assert.equal(await sent('Mon, 1 Jan 24 08:20 CST'), '2024-01-01T08:20:00+08:00');
      assert.equal(await sent('yesterday'), undefined);
    });
  });
});
