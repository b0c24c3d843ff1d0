// What the case system reports changes a ticket once, in the order in which it happened.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newSecret, secretKey, webhookHeaders } from '../../../adapters/kit/signature.ts';
import { type CaseEvents, createCaseEvents } from '../../../gateway/dispatch/case-events.ts';
import { openNote } from '../../../store/ticket-seal.ts';
import { startCaseSystem } from '../../platforms/case-system.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

const SECRET = newSecret();
const OLD = newSecret();
const START = Date.now() - 3_600_000;
const time = (minutes: number): string => new Date(START + minutes * 60_000).toISOString();

describe('events of the case system', () => {
  let bench: Workbench;
  let events: CaseEvents;
  let number: string;
  let forged: string[];
  beforeEach(async () => {
    forged = [];
    bench = await openWorkbench();
    events = createCaseEvents({
      store: bench.store,
      cipher: bench.cipher,
      secretsOf: () => [SECRET, OLD],
      forged: error => void forged.push(error.message),
      now: () => Date.now(),
    });
    [number = ''] = await bench.tickets([{}]);
    await bench.dispatch();
    await bench.drained();
  });
  afterEach(() => bench.close());

  function post(event: unknown, secret = SECRET, now = Date.now()) {
    const body = Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
    return events.handle(webhookHeaders([secretKey(secret)], { id: 'evt', body, now }), body);
  }
  const report = (type: string, minutes: number, eventId = `${type}-${minutes}`) =>
    post({ eventId, number, type, at: time(minutes) });
  const state = async () => (await bench.store.tickets.get(number))?.state;

  it('takes a ticket through accepted, closed and reopened', async () => {
    for (const [type, minutes, expected] of [
      ['accepted', 1, 'accepted'],
      ['closed', 2, 'closed'],
      ['reopened', 3, 'accepted'],
      ['closed', 4, 'closed'],
    ] as const) {
      const answer = await report(type, minutes);
      assert.deepEqual(answer.body, { result: 'recorded', number, state: expected });
      assert.equal(await state(), expected);
    }
  });

  it('tells the operator why an event was not authentic, and not its sender', async () => {
    const wrong = await post({}, newSecret());
    const late = await post({}, SECRET, Date.now() - 600_000);
    assert.deepEqual([wrong.status, late.status], [401, 401]);
    assert.deepEqual(forged, ['signature_wrong', 'timestamp_out_of_window']);
    assert.ok(!JSON.stringify(late.body).includes('timestamp_out_of_window'));
  });

  it('says whom to ask where no secret for them is set', async () => {
    const none = createCaseEvents({
      store: bench.store,
      cipher: bench.cipher,
      secretsOf: () => [],
      now: () => Date.now(),
    });
    const answer = await none.handle({}, Buffer.from('{}'));
    assert.equal(answer.status, 404);
    assert.equal(answer.body['code'], 'case-event.not-set-up');
  });

  it('changes nothing for an event it knows', async () => {
    await report('closed', 2);
    await report('reopened', 3);
    const answer = await report('closed', 2);
    assert.deepEqual(answer.body, { result: 'known', number, state: 'accepted' });
    const row = await bench.store.tickets.get(number);
    assert.equal(row?.events.filter(event => event.by === 'case-system' && event.kind.startsWith('case.')).length, 2);
  });

  it('ends in the same state whatever order events arrive in', async () => {
    const order = [
      ['reopened', 3],
      ['accepted', 1],
      ['closed', 4],
      ['closed', 2],
    ] as const;
    for (const [type, minutes] of order) assert.equal((await report(type, minutes)).status, 200);
    assert.equal(await state(), 'closed');
  });

  it('takes concurrent copies and different events of one ticket', async () => {
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => report('accepted', 1)),
      report('closed', 2),
      report('closed', 2),
    ]);
    assert.deepEqual(new Set(answers.map(answer => answer.status)), new Set([200]));
    assert.equal(await state(), 'closed');
    const row = await bench.store.tickets.get(number);
    assert.equal(row?.events.filter(event => event.kind.startsWith('case.')).length, 2);
  });

  it('keeps the note sealed, the case number in the clear, and an audit record of each event', async () => {
    await post({ eventId: 'e1', number, type: 'closed', at: time(1), caseNumber: 'C-77', note: '已修复，回访满意' });
    const row = await bench.store.tickets.get(number);
    const event = row?.events.find(one => one.eventId === 'e1');
    assert.equal(row?.caseNumber, 'C-77');
    assert.ok(row !== null && row !== undefined && event?.note !== undefined);
    assert.ok(!Buffer.from(event.note).toString('utf8').includes('已修复'));
    const key = bench.cipher.openDataKey(row.wrappedContent);
    assert.equal(openNote(bench.cipher, key, { number, eventId: 'e1', sealed: event.note }), '已修复，回访满意');
    const audits = await bench.store.admin.auditList(0, 100);
    assert.ok(audits.some(record => record.by === 'case-system' && record.action === 'ticket.closed'));
  });

  it('takes the secret that is being replaced as well, and no other', async () => {
    assert.equal((await post({ eventId: 'a', number, type: 'accepted', at: time(1) }, OLD)).status, 200);
    assert.equal((await post({ eventId: 'b', number, type: 'closed', at: time(2) }, newSecret())).status, 401);
    const late = await post({ eventId: 'c', number, type: 'closed', at: time(2) }, SECRET, Date.now() - 600_000);
    assert.equal(late.status, 401);
    assert.equal(await state(), 'accepted');
  });

  it('accepts a number as people write it', async () => {
    const answer = await post({ eventId: 'a', number: number.toLowerCase(), type: 'accepted', at: time(1) });
    assert.equal(answer.body['number'], number);
  });

  const wrong: readonly (readonly [string, unknown, number, string])[] = [
    ['what is no JSON', '{"eventId":', 400, 'case-event.not-json'],
    ['60,000 nested brackets', '['.repeat(60_000), 400, 'case-event.not-json'],
    ['__proto__', '{"__proto__":{"x":1}}', 400, 'case-event.not-json'],
    ['a body over 64 kB', JSON.stringify({ note: 'x'.repeat(70_000) }), 413, 'case-event.too-large'],
    ['an unknown type', { type: 'vanished' }, 422, 'case-event.invalid'],
    ['an unknown field', { extra: 1 }, 422, 'case-event.invalid'],
    ['a time without its offset', { at: '2026-11-23T10:00:00' }, 422, 'case-event.invalid'],
    ['a time that is none', { at: '2026-13-45T10:00:00Z' }, 422, 'case-event.invalid'],
    ['a time in the future', { at: new Date(Date.now() + 3_600_000).toISOString() }, 422, 'case-event.invalid'],
    ['an unknown number', { number: '261123K7Q2M9D4X06' }, 404, 'case-event.unknown-ticket'],
  ];
  for (const [what, change, status, code] of wrong) {
    it(`answers ${what} with ${status} and says so in both languages`, async () => {
      const event = { eventId: 'x', number, type: 'closed', at: time(1) };
      const answer = await post(typeof change === 'string' ? change : { ...event, ...(change as object) });
      assert.equal(answer.status, status);
      assert.equal(answer.body['code'], code);
      assert.match(String(answer.body['title']), /\p{Script=Han}/u);
      assert.match(JSON.stringify(answer.body['en']), /[a-z]/);
      assert.match(answer.headers['content-type'] ?? '', /problem\+json/);
      assert.equal(await state(), 'dispatched');
    });
  }

  it('points at every field that is wrong', async () => {
    const answer = await post({ eventId: '', number, type: 'x', at: time(1) });
    const pointers = (answer.body['errors'] as { pointer: string }[]).map(error => error.pointer);
    assert.deepEqual(pointers.sort(), ['/eventId', '/type']);
  });

  it('says of each fault what is wanted, in both languages', async () => {
    const body = { eventId: 'x', number, type: 'done', at: '2026-11-24T16:40:00', nots: 'x', caseNumber: 3 };
    const faults = (await post(body)).body['errors'] as { pointer: string; code: string; detail: string }[];
    const wanted: Record<string, [string, RegExp]> = {
      '/type': ['not-allowed', /只能是.*must be one of: accepted, closed, reopened/],
      '/at': ['wrong-format', /\+08:00.*looks like 2026-11-24T16:40:00\+08:00/],
      '/nots': ['unknown-field', /note.*did you mean note/],
      '/caseNumber': ['wrong-type', /字符串.*must be a string/],
    };
    assert.deepEqual(faults.map(fault => fault.pointer).sort(), Object.keys(wanted).sort());
    for (const { pointer, code, detail } of faults) {
      assert.equal(code, wanted[pointer]?.[0]);
      assert.match(detail, wanted[pointer]?.[1] ?? /^$/);
    }
  });

  it('takes no member twice, and says which', async () => {
    const event = JSON.stringify({ eventId: 'x', number, type: 'closed', at: time(1) });
    const answer = await post(event.replace('"type"', '"type":"accepted","type"'));
    assert.deepEqual([answer.status, answer.body['reason']], [400, 'json.duplicate-key']);
    assert.deepEqual((answer.body['errors'] as { pointer: string }[])[0]?.pointer, '/type');
    assert.equal(await state(), 'dispatched');
  });

  it('takes no day that is none, and no time before there were cases', async () => {
    for (const at of [
      '2026-02-30T08:00:00Z',
      '2026-04-31T08:00:00+08:00',
      '0001-01-01T00:00:00Z',
      '1970-01-01T00:00:00Z',
    ]) {
      const answer = await post({ eventId: at, number, type: 'closed', at });
      const [fault] = answer.body['errors'] as { pointer: string; code: string }[];
      assert.deepEqual([answer.status, fault?.pointer, fault?.code], [422, '/at', 'wrong-format'], at);
    }
    const leap = { eventId: 'leap', number, type: 'closed', at: '2024-02-29T23:59:59+08:00' };
    const [fault] = (await post(leap)).body['errors'] as { code: string }[];
    assert.equal(fault?.code, 'before-the-ticket', 'a day that is one');
  });

  it('takes no closing of long before the ticket came, by which its requester would be erased the next night', async () => {
    const acceptedAt = (await bench.store.tickets.get(number))?.acceptedAt ?? assert.fail('no ticket');
    const at = (ms: number) => new Date(acceptedAt + ms).toISOString();
    const day = 86_400_000;
    const early = await post({ eventId: 'early', number, type: 'closed', at: at(-day - 1000) });
    assert.equal(early.status, 422);
    const [fault] = early.body['errors'] as { pointer: string; code: string; detail: string }[];
    assert.deepEqual([fault?.pointer, fault?.code], ['/at', 'before-the-ticket']);
    assert.match(fault?.detail ?? '', /早于.*before the ticket came/);
    assert.equal(await state(), 'dispatched');
    // A system that keeps no more than the day of a closing names its first second.
    assert.equal((await post({ eventId: 'day', number, type: 'closed', at: at(-day + 1000) })).status, 200);
    assert.equal(await state(), 'closed');
  });

  it('takes no event of a ticket that was never dispatched', async () => {
    const [held = ''] = await bench.tickets([{}]);
    await bench.drained();
    await bench.store.tickets.add(
      { number: held, at: Date.now(), by: 'clerk', kind: 'refused', state: 'refused' },
      [],
      null,
    );
    const answer = await post({ eventId: 'x', number: held, type: 'closed', at: time(1) });
    assert.equal(answer.status, 409);
  });

  it('takes what the simulator sends', async () => {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const headers = Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k, String(v)]));
      const answer = await events.handle(headers, Buffer.concat(chunks));
      response.writeHead(answer.status, answer.headers).end(JSON.stringify(answer.body));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/case-system/events`;
    const other = await startCaseSystem({ eventSecret: SECRET });
    try {
      const direct = await other.sendEvent(url, { type: 'accepted', number, at: time(1) });
      assert.equal(direct.status, 200, direct.body);
      const body = JSON.stringify({ gateway: url, type: 'closed', number, at: time(2) });
      const asked = await (await fetch(`${other.url}/_events`, { method: 'POST', body })).json();
      assert.equal((asked as { status: number }).status, 200);
      assert.equal(await state(), 'closed');
    } finally {
      await other.close();
      server.close();
    }
  });
});
