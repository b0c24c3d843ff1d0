// Whatever a citizen writes: a draft that fits the schema, in bounded time, and never an exception.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { InboundAppeal } from '../../normalizer/inbound-message.ts';
import { normalize } from '../../normalizer/normalize.ts';
import { requesterIdentities } from '../../normalizer/requester.ts';
import { ticketDraftSchema } from '../../normalizer/ticket-schema.ts';
import { appeal, read, rulebook, TUESDAY } from './rules.ts';

const SIZE = 262_144;
/** Far above what it takes here (under 40 ms), since test machines are shared; a quadratic step takes seconds. */
const LIMIT_MS = 1000;

const repeated = (unit: string) => unit.repeat(Math.ceil(SIZE / unit.length)).slice(0, SIZE);

const TEXTS: Readonly<Record<string, string>> = {
  'one Han character': repeated('火'),
  'one letter': repeated('a'),
  digits: repeated('1'),
  'digits in groups': repeated('6222 '),
  'phones without end': repeated('13800138000 '),
  'full-width digits': repeated('１３８'),
  emoji: repeated('😀'),
  Korean: repeated('통화시 '),
  'conjoining letters': repeated('\u1100\u1161'),
  pinyin: repeated('wo jia mei you shui '),
  brackets: repeated('['),
  'unpaired surrogates': repeated('\ud800'),
  'piled-up marks': repeated('a\u0300\u0316'),
  'a dangerous name': repeated('__proto__'),
  'at signs': repeated('a@'),
  'domains without end': `a@${repeated('a.')}`,
  'halves of plates': repeated('吉E'),
  'names without end': repeated('我叫张'),
  'places without end': repeated('通化市东昌区路街村小区'),
  'cities without end': repeated('在沈阳市'),
  emergencies: repeated('现在着火了'),
  halves: `${'煤气'.repeat(65_000)}${'漏'.repeat(65_000)}`,
  spaces: repeated(' '),
  entities: repeated('&#60;'),
  'open tags': repeated('<div>'),
  attributes: `<a ${repeated('b="')}`,
  'open comments': repeated('<!--'),
};

/** A message with one text in every field that takes one. */
function everywhere(text: string, contentFormat: 'text' | 'html'): InboundAppeal {
  const contact = { name: text, sex: text, callerPhone: text, phone: text, email: text, idKind: text, idNumber: text };
  return {
    kind: 'appeal',
    title: text,
    content: text,
    contentFormat,
    type: text,
    category: [text],
    urgency: text,
    subject: text,
    occurredAt: text,
    sentAt: text,
    place: { text, division: text, datum: text },
    contact: { ...contact, openid: text, address: text, organisation: text, replyBy: text },
    externalIds: { [text.slice(0, 300)]: text },
    attachments: [{ name: text, source: { kind: 'inline', base64: text } }],
  };
}

function check(inbound: InboundAppeal): void {
  const draft = normalize(inbound, rulebook, TUESDAY);
  const { error } = ticketDraftSchema.validate(draft, { convert: false });
  assert.equal(error, undefined);
  const { content, personal, title, titlePersonal } = draft.appeal;
  for (const { start, end } of personal) assert.ok(start >= 0 && start < end && end <= content.length);
  for (const { start, end } of titlePersonal ?? []) assert.ok(start >= 0 && start < end && end <= title.length);
  requesterIdentities(draft.requester);
}

describe('hostile input', () => {
  for (const [title, text] of Object.entries(TEXTS)) {
    for (const format of ['text', 'html'] as const) {
      it(`256 kB of ${title} as ${format}`, () => {
        const before = performance.now();
        normalize(appeal(text, { contentFormat: format }), rulebook, TUESDAY);
        const took = performance.now() - before;
        assert.ok(took < LIMIT_MS, `${took.toFixed(0)} ms`);
        check(everywhere(text, format));
      });
    }
  }

  it('any text in any field', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.string({
        unit: fc.constantFrom(...'通化市路街号楼着火了停水138@.-+我叫张三<>&#;_x000D 。，\n吉E\ud800\u0301'),
        maxLength: 200,
      }),
      fc.base64String({ maxLength: 200 }),
    );
    fc.assert(
      fc.property(anyText, fc.constantFrom('text' as const, 'html' as const), (text, format) =>
        check(everywhere(text, format)),
      ),
      { numRuns: 600 },
    );
  });

  it('the same message and time give the same draft', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
        assert.deepEqual(read(text), read(text));
      }),
      { numRuns: 200 },
    );
  });

  it('__proto__ as a name of a number is a name like any other', () => {
    const ids = JSON.parse('{"__proto__":"1","constructor":"2"}') as Record<string, string>;
    const draft = read('路灯坏了', { externalIds: ids });
    assert.deepEqual(Object.keys(draft.externalIds), ['__proto__', 'constructor']);
    assert.equal(Object.getPrototypeOf(draft.externalIds), Object.prototype);
  });
});
