// The shipped sample appeals are read as their authors expect: type, urgency, division, clause and what is held.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { InboundAppeal, InboundContact } from '../../normalizer/inbound-message.ts';
import { normalize } from '../../normalizer/normalize.ts';
import type { TicketDraft } from '../../normalizer/ticket.ts';
import { rulebook } from './rules.ts';

interface Sample {
  readonly id: string;
  readonly body: {
    readonly timestamp: string;
    readonly data: {
      readonly title?: string;
      readonly content?: string;
      readonly contact?: InboundContact;
      readonly conversation?: string;
      readonly anonymous?: boolean;
      readonly confidential?: boolean;
    };
  };
  readonly expect: {
    readonly outcome: string;
    readonly type?: string;
    readonly urgency?: string;
    readonly division?: string;
    readonly held?: boolean;
    readonly clause?: string;
  };
}

const file = new URL('../../config/samples/tonghua.jsonl', import.meta.url);
/** Whole tickets; a conversation's parts are read together elsewhere. */
const samples = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Sample)
  .filter(({ body, expect }) => expect.outcome === 'ticket' && body.data.conversation === undefined);

function draftOf({ body }: Sample): TicketDraft {
  const { conversation: _, content = '', contact = {}, ...rest } = body.data;
  const inbound: InboundAppeal = { kind: 'appeal', content, contact, externalIds: {}, attachments: [], ...rest };
  return normalize({ ...inbound, attachments: [] }, rulebook, Date.parse(body.timestamp));
}

/** What is expected of a sample and what was read, where the author expects anything. */
const FIELDS: Readonly<Record<string, (sample: Sample, draft: TicketDraft) => readonly [unknown, unknown]>> = {
  type: ({ expect }, { appeal }) => [expect.type, appeal.type.value],
  urgency: ({ expect }, { appeal }) => [expect.urgency, appeal.urgency.value],
  division: ({ expect }, { place }) => [expect.division, place.division],
  clause: ({ expect }, { triage }) => [expect.clause, triage.clause],
  'what is held': ({ expect }, { triage }) => [expect.held ?? false, triage.verdict !== 'accept'],
};
/** Reading by rules is not perfect; a change that reads less than this right is a step back. */
const LEAST_RIGHT = 0.97;

describe('reading of the sample appeals', () => {
  for (const [field, pick] of Object.entries(FIELDS)) {
    it(`reads ${field} as expected`, () => {
      const rows = samples.map(sample => ({ id: sample.id, pair: pick(sample, draftOf(sample)) }));
      const asked = rows.filter(({ pair: [expected] }) => expected !== undefined);
      const wrong = asked.filter(({ pair: [expected, got] }) => expected !== got);
      assert.ok(asked.length > 10);
      assert.ok(
        1 - wrong.length / asked.length >= LEAST_RIGHT,
        wrong.map(({ id, pair }) => `${id}: ${pair}`).join('\n'),
      );
    });
  }
});
