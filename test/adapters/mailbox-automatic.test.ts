// Which mails nobody wrote, sign by sign, and which somebody may have written in spite of one: loops, returns, answers, lists.
import assert from 'node:assert/strict';
import { adapter } from '../../adapters/mailbox/index.ts';
import { originalOf } from '../../adapters/mailbox/mail.ts';

const settings = {
  ...(adapter.sample as { readonly settings: object }).settings,
  // As an operator may write it.
  user: 'Szxx@City.example.cn',
  ownAddresses: ['Mayor@City.Example.CN'],
} as never;

const encoded = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;

async function judged(
  header: string,
  { from = 'lisi@example.cn', subject = '路灯坏了', text = '路灯坏了三天没人修' } = {},
): Promise<string> {
  const lines = [`From: ${from}`, `Subject: ${encoded(subject)}`, header].filter(line => line !== '');
  const body = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${text}\r\n`);
  const head = { uid: 1, size: body.length, receivedAt: Date.parse('2024-01-01T00:30:05Z') };
  const found = await adapter.parse(originalOf(body, head, { folder: 'INBOX', validity: '1' }), settings);
  return found.kind === 'appeal' ? 'appeal' : `${found.reason} ${found.detail ?? ''}`;
}

const hops = (count: number): string =>
  Array.from({ length: count }, (_, n) => `Received: from a by b${n}; Mon, 1 Jan 2024 08:30:00 +0800`).join('\r\n');

describe('mails nobody wrote', () => {
  const byHeader: readonly [string, string][] = [
    ['X-Huisu-Number: 1', 'loop own-header'],
    [hops(50), 'loop too-many-hops'],
    [hops(49), 'appeal'],
    ['X-Failed-Recipients: a@b.cn', 'bounce x-failed-recipients'],
    ['Content-Type: multipart/report; report-type=delivery-status; boundary=b', 'bounce delivery-status'],
    [
      'Content-Type: multipart/report; report-type=disposition-notification; boundary=b',
      'delivery-report disposition-notification',
    ],
    ['Auto-Submitted: auto-replied', 'auto-reply auto-submitted'],
    ['Auto-Submitted: auto-generated (cron)', 'auto-reply auto-submitted'],
    ['Auto-Submitted: no', 'appeal'],
    ['Auto-Submitted: NO (written by hand)', 'appeal'],
    ['Auto-Submitted:', 'appeal'],
    ['Precedence: bulk', 'auto-reply precedence'],
    ['Precedence: junk', 'auto-reply precedence'],
    ['Precedence: auto_reply', 'auto-reply precedence'],
    ['Precedence: first-class', 'appeal'],
    ['List-Id: <offers.example.cn>', 'auto-reply mailing-list'],
    ['List-Unsubscribe: <https://example.cn/no-more>', 'auto-reply mailing-list'],
    // What a list of our own passes on are citizens' letters.
    ['List-Id: <szxx.city.example.cn>', 'appeal'],
    ['X-Autoreply: yes', 'auto-reply x-autoreply'],
    // Each forbids an answer and says by itself nothing of who wrote it; two together do.
    ['X-Auto-Response-Suppress: All', 'appeal'],
    ['Return-Path: <>', 'appeal'],
    ['Return-Path: < >\r\nX-Auto-Response-Suppress: OOF', 'auto-reply auto-response'],
    ['Return-Path: <>\r\nPrecedence: bulk', 'auto-reply auto-response'],
  ];
  for (const [header, expected] of byHeader) {
    const title =
      header.length > 200 ? `${header.split('\r\n').length} servers passed` : header.replaceAll('\r\n', ', ');
    it(`by their header: ${title}`, async () => assert.equal(await judged(header), expected));
  }

  const bySubject: readonly [string, string][] = [
    ['自动回复: 我在休假', 'auto-reply subject'],
    ['自动回复', 'auto-reply subject'],
    ['Out of office', 'auto-reply subject'],
    ['Automatic reply: gone', 'auto-reply subject'],
    ['已读: 您的诉求', 'delivery-report read-receipt'],
    ['自动回复功能扣费投诉', 'appeal'],
    ['Re: 自动回复: 您的诉求', 'appeal'],
    ['退信', 'appeal'],
    ['Undeliverable: hello', 'appeal'],
  ];
  for (const [subject, expected] of bySubject) {
    it(`by their subject: ${subject}`, async () => assert.equal(await judged('', { subject }), expected));
  }

  it('by a report of whatever kind', async () => {
    const text = '--b\r\nContent-Type: text/plain\r\n\r\nmarked as spam\r\n--b--';
    const type = 'Content-Type: multipart/report; report-type=feedback-report; boundary=b';
    assert.equal(await judged(type, { text }), 'bounce multipart/report');
  });

  it('by two signs of a return, and not by one that anybody can write', async () => {
    const returned = { subject: '系统退信', from: 'PostMaster@example.cn' };
    assert.equal(await judged('', returned), 'bounce mailer-daemon');
    assert.equal(await judged('Return-Path: <>', { subject: '系统退信' }), 'bounce mailer-daemon');
    assert.equal(await judged('Return-Path: <>', { from: 'MAILER-DAEMON@example.cn' }), 'bounce mailer-daemon');
    assert.equal(await judged('', { from: 'MAILER-DAEMON@example.cn' }), 'appeal');
    assert.equal(await judged('', { from: '"Mail Delivery System" <a@example.cn>' }), 'appeal');
  });

  it('by our own address in any capitals, unless a form names the citizen to answer', async () => {
    for (const from of ['szxx@city.example.cn', 'SZXX@City.Example.CN', '"市长信箱" <szxx@city.example.cn>']) {
      assert.equal(await judged('', { from }), 'loop own-address', from);
      assert.equal(await judged('Reply-To: lisi@example.cn', { from }), 'appeal', from);
      assert.equal(await judged('Reply-To: Szxx@city.example.cn', { from }), 'loop own-address', from);
    }
    assert.equal(await judged('', { from: 'mayor@city.example.cn' }), 'loop own-address');
    assert.equal(await judged('', { from: '"szxx@city.example.cn" <lisi@example.cn>' }), 'appeal');
  });
});
