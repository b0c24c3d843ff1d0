// The ticket's schema: it takes what the normaliser makes, refuses what drifts, and is what docs/ticket.schema.json says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { NOT_AN_APPEAL_REASONS } from '../../normalizer/inbound-message.ts';
import { inboundMessageSchema } from '../../normalizer/inbound-schema.ts';
import type { Ticket } from '../../normalizer/ticket.ts';
import { ticketDraftSchema, ticketSchema } from '../../normalizer/ticket-schema.ts';
import { TICKET_SCHEMA_FILE, ticketJsonSchema, ticketSchemaText } from '../../scripts/ticket-schema.ts';
import { appeal, read, TUESDAY } from './rules.ts';

const draft = read('我叫张建国，东昌区新华大街128号的路灯坏了，电话13800138000', {
  contact: { name: '张建国', phone: '13800138000' },
  attachments: [{ name: '照片.jpg', source: { kind: 'url', url: 'https://example.cn/1.jpg' } }],
});

const { occurredAt, occurredText, sentAt, externalIds, ...born } = draft;
const source = { channel: 'app-1', kind: 'app', receivedAt: TUESDAY, occurredAt, occurredText, sentAt, externalIds };
const ticket: Ticket = {
  born: { number: '250610ABCDEFGHJK0', revision: 1, source, ...born, closedRepeatOf: null, incident: null, links: [] },
  lived: {
    state: 'queued',
    step: '受理',
    history: [{ at: TUESDAY, state: 'queued', step: '受理', by: 'system', note: null }],
    followUps: [],
    urgeCount: 0,
    supervised: false,
    caseNumber: null,
    returned: null,
    result: null,
    satisfaction: null,
  },
};

/** Titles of a schema's parts that have none. */
function unlabelled(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties, items, title } = schema as { properties?: object; items?: unknown; title?: string };
  const below = Object.entries(properties ?? {}).flatMap(([key, its]) => unlabelled(its, `${path}.${key}`));
  const isItem = path.endsWith('[]');
  const own = title === undefined && !isItem && path !== '$' && !path.endsWith('.value') ? [path] : [];
  return [...own, ...below, ...(items === undefined ? [] : unlabelled(items, `${path}[]`))];
}

describe('ticket schema', () => {
  it('takes a draft and a ticket as they are made', () => {
    assert.equal(ticketDraftSchema.validate(draft, { convert: false }).error, undefined);
    assert.equal(ticketSchema.validate(ticket, { convert: false }).error, undefined);
  });

  it('refuses unknown fields, wrong types and values off the lists', () => {
    const error = (value: unknown) => ticketDraftSchema.validate(value, { convert: false }).error?.message ?? '';
    assert.match(error({ ...draft, colour: 'red' }), /colour/);
    assert.match(error({ ...draft, anonymous: 'yes' }), /匿名/);
    const type = { ...draft.appeal.type, value: '闲聊' };
    assert.match(error({ ...draft, appeal: { ...draft.appeal, type } }), /value/);
  });

  it('labels every field in Chinese', () => assert.deepEqual(unlabelled(ticketJsonSchema(), '$'), []));

  it('docs/ticket.schema.json is what the schema says (else run scripts/ticket-schema.ts)', () => {
    assert.equal(readFileSync(TICKET_SCHEMA_FILE, 'utf8'), ticketSchemaText());
  });
});

describe('inbound schema', () => {
  it('takes appeals and what is none', () => {
    assert.equal(inboundMessageSchema.validate(appeal('路灯坏了')).error, undefined);
    for (const reason of NOT_AN_APPEAL_REASONS) {
      assert.equal(inboundMessageSchema.validate({ kind: 'not-an-appeal', reason }).error, undefined);
    }
  });
  it('refuses a reason nobody knows and an appeal without content', () => {
    assert.ok(inboundMessageSchema.validate({ kind: 'not-an-appeal', reason: 'boring' }).error);
    assert.ok(inboundMessageSchema.validate({ kind: 'appeal', contact: {}, externalIds: {}, attachments: [] }).error);
  });
});
