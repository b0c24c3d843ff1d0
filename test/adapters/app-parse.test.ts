// What becomes of a signed body: appeal or not, field by field, and the lane it goes to.
import assert from 'node:assert/strict';
import { validAnswer } from '../../adapters/app/answers.ts';
import type { AppAppeal } from '../../adapters/app/body.ts';
import { adapter } from '../../adapters/app/index.ts';
import { parse, readAsAppeal } from '../../adapters/app/parse.ts';
import { waitSeconds } from '../../adapters/app/prefer.ts';
import { sender } from '../../adapters/app/sender.ts';
import { type InboundAppeal, type InboundMessage, type Original, Unreadable } from '../../adapters/contract.ts';
import { appealBody, sha256 } from '../platforms/app.ts';

const settings = { ...(adapter.sample?.settings ?? assert.fail()), quietSeconds: 45 };

function original(body: unknown): Original {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  return { platformId: 'm', sender: null, body: bytes, mediaType: 'application/json', meta: {} };
}
const read = (body: unknown): InboundMessage => parse(original(body), settings);
function appeal(data: Record<string, unknown>): InboundAppeal {
  const message = read(appealBody(data));
  assert.ok(message.kind === 'appeal');
  return message;
}

describe('parse of app', () => {
  it('passes every field on in the words of the sender', () => {
    const data = {
      title: '路灯不亮',
      content: '<p>幸福路12号</p>',
      contentFormat: 'html',
      type: '投诉',
      category: ['城建', '路灯'],
      urgency: '特急',
      subject: '路灯所',
      occurredAt: '2024-01-01 07:00',
      place: { text: '幸福路', longitude: 125.9, latitude: 41.7, datum: 'GCJ02' },
      anonymous: false,
      confidential: true,
      public: false,
    };
    assert.deepEqual(appeal({ ...data, contact: { name: '张三', phone: '138-0013-8000', openid: 'u1' } }), {
      kind: 'appeal',
      ...data,
      sentAt: '2024-01-01T08:30:05+08:00',
      contact: { name: '张三', phone: '138-0013-8000', openid: 'app:u1' },
      externalIds: { externalId: 'APP-20240101-0001' },
      attachments: [],
    });
  });

  it('adds nothing that was not sent', () => {
    assert.deepEqual(read({ type: 'appeal.created', timestamp: '2024-01-01T00:00:00Z', data: { content: '路灯' } }), {
      kind: 'appeal',
      content: '路灯',
      sentAt: '2024-01-01T00:00:00Z',
      contact: {},
      externalIds: {},
      attachments: [],
    });
  });

  it('keeps the prefix of an openid that names its platform', () => {
    assert.deepEqual(appeal({ contact: { openid: 'wechat:oX1' } }).contact, { openid: 'wechat:oX1' });
    assert.deepEqual(appeal({ contact: { openid: '' } }).contact, {});
  });

  it('says where the bytes of each attachment are', () => {
    const digest = sha256(Buffer.from('x'));
    const given = [
      { name: 'a', base64: 'AAAA' },
      { name: 'b', url: 'https://e.com/b', mediaType: 'image/png', size: 3 },
      { name: 'c', sha256: digest.toUpperCase() },
    ];
    assert.deepEqual(appeal({ attachments: given }).attachments, [
      { name: 'a', source: { kind: 'inline', base64: 'AAAA' } },
      { name: 'b', mediaType: 'image/png', size: 3, source: { kind: 'url', url: 'https://e.com/b' } },
      { name: 'c', source: { kind: 'blob', sha256: digest } },
    ]);
  });

  it('makes a part of a conversation, with the quiet time of the channel', () => {
    assert.deepEqual(appeal({ conversation: 'c1' }).conversation, { key: 'c1', last: false, quietSeconds: 45 });
    assert.deepEqual(appeal({ conversation: 'c1', last: true }).conversation, {
      key: 'c1',
      last: true,
      quietSeconds: 45,
    });
  });

  it('knows a test by its type', () => {
    assert.deepEqual(read(appealBody({}, 'appeal.test')), { kind: 'not-an-appeal', reason: 'test' });
  });

  for (const content of ['', ' ', '……!!!???', '👍👍', '\u200b\u3000', '。。。']) {
    it(`finds ${JSON.stringify(content)} empty, unless a title or an attachment says something`, () => {
      const bare = { content, title: '' };
      assert.deepEqual(read(appealBody(bare)), { kind: 'not-an-appeal', reason: 'empty' });
      assert.equal(read(appealBody({ ...bare, title: '路灯' })).kind, 'appeal');
      assert.equal(read(appealBody({ ...bare, attachments: [{ name: 'a', base64: 'AAAA' }] })).kind, 'appeal');
    });
  }

  for (const content of ['1', 'a', '灯', '?1', 'ы']) {
    it(`finds ${content} not empty`, () => assert.equal(read(appealBody({ content, title: '' })).kind, 'appeal'));
  }

  it('reads a test, and what says nothing, as an appeal where a clerk says that it is one', () => {
    const tested = readAsAppeal(original(appealBody({ conversation: 'k' }, 'appeal.test')), settings);
    assert.deepEqual(tested, appeal({ conversation: 'k' }));
    const empty = readAsAppeal(original(appealBody({ content: '……', title: '' })), settings);
    assert.deepEqual([empty.kind, empty.content], ['appeal', '……']);
  });

  it('says Unreadable of what is no such body', () => {
    for (const body of [
      null,
      [],
      'x',
      {},
      { data: {} },
      { data: { content: 1 } },
      Buffer.from('{'),
      Buffer.from([0xff]),
    ]) {
      assert.throws(() => read(body), Unreadable);
    }
  });
});

describe('lane of app', () => {
  const lanes: [string, Partial<AppAppeal>, string | null][] = [
    ['a phone', { contact: { phone: '13800138000' } }, 'phone:13800138000'],
    ['a phone in another dress', { contact: { phone: '+86 138-0013-8000' } }, 'phone:13800138000'],
    ['a phone in full width', { contact: { phone: '１３８００１３８０００' } }, 'phone:13800138000'],
    ['a phone with 0086', { contact: { phone: '008613800138000' } }, 'phone:13800138000'],
    ['a landline', { contact: { phone: '0435-3212345' } }, 'phone:04353212345'],
    [
      'the phone to reach before the one that called',
      { contact: { phone: '13800138000', callerPhone: '13900139000' } },
      'phone:13800138000',
    ],
    ['the phone that called', { contact: { callerPhone: '13900139000' } }, 'phone:13900139000'],
    ['an openid', { contact: { phone: '无', openid: 'u1' } }, 'openid:u1'],
    ['an e-mail', { contact: { email: ' Zhang@Example.com ' } }, 'email:zhang@example.com'],
    ['an ID number', { contact: { idNumber: '22050219900101001x' } }, 'id:22050219900101001X'],
    ['a conversation, whoever is named', { conversation: 'c1', contact: { phone: '13800138000' } }, 'conversation:c1'],
    ['nobody', {}, null],
    ['nobody, in many words', { contact: { name: '张三', address: '幸福路' } }, null],
  ];
  for (const [title, data, lane] of lanes) {
    it(`is that of ${title}`, () => assert.equal(sender({ content: 'x', ...data }), lane));
  }
});

describe('answers of app', () => {
  it('say of files how they come, and send none of their bytes back', () => {
    const { body } = validAnswer(
      appeal({
        attachments: [
          { name: 'a.txt', base64: 'UVFRUQ==' },
          { name: 'b.jpg', url: 'https://a.cn/b.jpg' },
        ],
      }),
    );
    const { message } = JSON.parse(String(body)) as { message: { attachments: { source: unknown }[] } };
    assert.deepEqual(
      message.attachments.map(({ source }) => source),
      ['inline', 'url'],
    );
    assert.doesNotMatch(String(body), /UVFRUQ/);
  });

  it('are waited for as long as is asked, and ten seconds at the most', () => {
    const wanted = ['wait=0', 'wait=5', 'wait="7"', 'wait=10', 'wait=11', 'WAIT = 600', 'respond-async, wait=3; x=1'];
    assert.deepEqual(wanted.map(waitSeconds), [0, 5, 7, 10, 10, 10, 3]);
    // The first of several counts, also where it says nothing.
    assert.deepEqual(['wait=2, wait=9', 'wait, wait=9', 'wait=1e3', 'await=5'].map(waitSeconds), [2, 0, 0, 0]);
  });
});
