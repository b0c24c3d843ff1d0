// The shipped sample appeals hold together: ids, references, kinds and counts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { NOT_AN_APPEAL_REASONS } from '../../normalizer/inbound-message.ts';
import { TICKET_TYPES, URGENCIES } from '../../normalizer/ticket.ts';

interface Sample {
  readonly id: string;
  readonly body: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: {
      readonly title?: string;
      readonly content: string;
      readonly contact?: Readonly<Record<string, string>>;
      readonly conversation?: string;
      readonly last?: boolean;
      readonly anonymous?: boolean;
      readonly confidential?: boolean;
    };
  };
  readonly expect: {
    readonly outcome: string;
    readonly of?: string;
    readonly incidentWith?: readonly string[];
    readonly type?: string;
    readonly urgency?: string;
    readonly division?: string;
    readonly held?: boolean;
    readonly clause?: string;
    readonly reason?: string;
  };
  readonly note: string;
}

const file = join(import.meta.dirname, '../../config/samples/tonghua.jsonl');
const samples = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Sample);
const place = new Map<string, number>();
samples.forEach((sample, at) => {
  if (sample.expect.outcome !== 'redelivery') place.set(sample.id, at);
});
const of = (outcome: string) => samples.filter(sample => sample.expect.outcome === outcome);
const expecting = (test: (expect: Sample['expect']) => boolean) => samples.filter(sample => test(sample.expect)).length;

describe('sample appeals', () => {
  it('have ids of their own, and a redelivery has the id and the very body of an earlier one', () => {
    assert.equal(place.size + of('redelivery').length, samples.length);
    samples.forEach((sample, at) => {
      if (sample.expect.outcome !== 'redelivery') return;
      const first = place.get(sample.id);
      assert.ok(first !== undefined && first < at, sample.id);
      assert.equal(sample.expect.of, sample.id);
      assert.deepEqual(samples[first]!.body, sample.body);
    });
  });

  it('point only to samples before them', () => {
    samples.forEach((sample, at) => {
      const { of: target, incidentWith = [] } = sample.expect;
      for (const id of target === undefined ? incidentWith : [target, ...incidentWith]) {
        assert.ok((place.get(id) ?? Number.POSITIVE_INFINITY) < (place.get(sample.id) === at ? at : at + 1), sample.id);
      }
    });
  });

  it('name known outcomes, types, urgencies, divisions, clauses and reasons, and say why', () => {
    const outcomes = ['ticket', 'repeat', 'part', 'not-an-appeal', 'redelivery'];
    const one = (list: readonly string[], value: string | undefined) => value === undefined || list.includes(value);
    for (const { id, expect, note, body } of samples) {
      assert.ok(outcomes.includes(expect.outcome), id);
      assert.ok(one(TICKET_TYPES, expect.type) && one(URGENCIES, expect.urgency), id);
      assert.ok(expect.division === undefined || /^2205\d{2}$/.test(expect.division), id);
      assert.ok(expect.clause === undefined || (/^10\.[1-7]$/.test(expect.clause) && expect.held === true), id);
      assert.ok(one(NOT_AN_APPEAL_REASONS, expect.reason), id);
      assert.ok(note.length >= 3 && /^[\x20-\x7e]+$/.test(note), id);
      assert.ok(!Number.isNaN(Date.parse(body.timestamp)), id);
    }
  });

  it('are sent in order of their timestamps', () => {
    const first = samples.filter(sample => sample.expect.outcome !== 'redelivery');
    const times = first.map(sample => Date.parse(sample.body.timestamp));
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
  });

  it('cover types, urgencies, repeats, incidents, refusals, non-appeals and conversations', () => {
    assert.ok(samples.length >= 130);
    for (const type of TICKET_TYPES) assert.ok(expecting(expect => expect.type === type) > 0, type);
    for (const urgency of URGENCIES) assert.ok(expecting(expect => expect.urgency === urgency) > 0, urgency);
    for (const clause of ['10.1', '10.2', '10.3', '10.4', '10.6']) {
      assert.ok(expecting(expect => expect.clause === clause) > 0, clause);
    }
    assert.ok(of('repeat').length >= 15);
    assert.ok(of('redelivery').length >= 4);
    assert.ok(expecting(expect => expect.urgency === '紧急') >= 10);
    assert.ok(expecting(expect => expect.held === true && expect.clause === undefined) >= 4);
    for (const reason of ['test', 'empty']) assert.ok(expecting(expect => expect.reason === reason) >= 2, reason);
    const divisions = new Set(samples.map(sample => sample.expect.division).filter(code => code !== undefined));
    assert.ok(divisions.size >= 7);
    assert.ok(samples.filter(({ body }) => body.data.anonymous || body.data.confidential).length >= 5);
  });

  it('hold at least six incidents of two to five requesters', () => {
    const members = new Map<string, Set<string>>();
    const firstOf = (id: string): string => {
      const before = samples[place.get(id)!]!.expect.incidentWith?.[0];
      return before === undefined ? id : firstOf(before);
    };
    for (const { id, expect } of of('ticket')) {
      if (expect.incidentWith === undefined) continue;
      const first = firstOf(id);
      members.set(first, (members.get(first) ?? new Set([first])).add(id));
    }
    assert.ok(members.size >= 6);
    for (const [first, all] of members) assert.ok(all.size >= 2 && all.size <= 5, first);
  });

  it('hold conversations whose first part is the ticket, later ones its parts, the final one marked last', () => {
    const conversations = new Map<string, Sample[]>();
    for (const sample of samples) {
      const key = sample.body.data.conversation;
      if (key === undefined || sample.expect.outcome === 'redelivery') continue;
      conversations.set(key, [...(conversations.get(key) ?? []), sample]);
    }
    assert.ok(conversations.size >= 3);
    for (const parts of conversations.values()) {
      const [first, ...later] = parts;
      assert.equal(first!.expect.outcome, 'ticket');
      for (const part of later) assert.deepEqual([part.expect.outcome, part.expect.of], ['part', first!.id]);
      assert.deepEqual(
        parts.map(part => part.body.data.last === true),
        parts.map((_, at) => at === parts.length - 1),
      );
    }
  });

  it('name made-up people: phones no network gives out and ID numbers no registry does', () => {
    for (const { id, body } of samples) {
      const { phone, idNumber, email } = body.data.contact ?? {};
      assert.ok(phone === undefined || /^13[89]0000\d{4}$/.test(phone), id);
      assert.ok(idNumber === undefined || idNumber.slice(14, 17) === '000', id);
      assert.ok(email === undefined || email.endsWith('@example.cn'), id);
      const digits = body.data.content.match(/1[3-9]\d{9}/g) ?? [];
      assert.deepEqual(digits, [], id);
    }
  });
});
