// What a partner learns of its messages is as if they were all there are: it cannot ask in somebody's name what they have complained of elsewhere.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TicketEvent } from '../../store/store.ts';
import { type Partner, partner } from '../platforms/app.ts';
import { openReadingBench, type ReadingBench, SECRET, type Told } from './reading/reading-bench.ts';

const WANG = { name: '王桂芬', phone: '13800001014' };
const LI = { name: '李长顺', phone: '13800001027' };
const DUMP = '举报东昌区江南大街与滨江西路交汇处的砖厂夜里偷排黑烟，呛得睡不着觉，请查处。';
const AGAIN = '举报江南大街与滨江西路交汇处的砖厂夜里偷排黑烟，呛得人睡不着觉，请尽快查处。';
const BUS = '二道江区鸭园镇的公交车每天早上七点那一班总是不来，学生上学迟到，请增加班次。';

describe('what a channel is told', function () {
  this.timeout(60_000);
  let bench: ReadingBench;
  let other: Partner;
  beforeEach(async () => {
    const app = (id: string) => ({ id, kind: 'app', settings: { secrets: [SECRET] } });
    bench = await openReadingBench({ channels: [app('app'), app('other')] });
    other = partner({ url: `${bench.gateway.url}/hooks/other`, secret: SECRET });
  });
  afterEach(async () => {
    other.close();
    await bench.close();
  });

  const store = () => bench.gateway.context.store;
  async function asked(content: string, contact: object): Promise<Told> {
    const body = { type: 'appeal.created', timestamp: new Date().toISOString(), data: { content, contact } };
    const answer = await other.told(body);
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as unknown as Told;
  }
  const query = async (sender: Partner, number: string) => {
    const answer = await sender.send({ number }, { rest: '/query' });
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as { outcome: Record<string, unknown>; ticket: Record<string, unknown> };
  };
  const known = async (number: string) => (await store().messages.get(number))?.outcome;
  async function happens(number: string, kind: string, more: Partial<TicketEvent>): Promise<void> {
    const { now } = bench.gateway.context;
    assert.equal(
      await store().tickets.add({ number, at: now(), by: 'case-system', kind, eventId: kind, ...more }, [], null),
      'added',
    );
  }

  it('of a repeat of what came elsewhere is what a first appeal would be, and later what happens from then on', async () => {
    const first = await bench.appeal({ content: DUMP, contact: WANG });
    await happens(first.number, 'case.accepted', { state: 'accepted', step: '受理' });
    const guess = await asked(AGAIN, WANG);
    const alone = await asked(BUS, LI);
    assert.deepEqual(await known(guess.number), { kind: 'repeat', of: first.number });
    assert.deepEqual(guess.outcome, alone.outcome);
    const told = await query(other, guess.number);
    assert.deepEqual(told.outcome, { kind: 'ticket', held: false });
    assert.deepEqual(told.ticket, { ...(await query(other, alone.number)).ticket, number: guess.number });
    await happens(first.number, 'case.closed', { state: 'closed', step: '办结' });
    const { ticket } = await query(other, guess.number);
    assert.deepEqual([ticket['number'], ticket['state'], ticket['step']], [guess.number, 'closed', '办结']);
    assert.equal(typeof ticket['closedAt'], 'string');
  });

  it('of its own repeat is all of it', async () => {
    const first = await bench.appeal({ content: DUMP, contact: WANG });
    const again = await bench.appeal({ content: AGAIN, contact: WANG });
    assert.deepEqual(again.outcome, { kind: 'repeat', of: first.number });
    assert.equal((await query(bench.sender, again.number)).ticket['number'], first.number);
  });

  it('of a repeat of what was closed elsewhere is no word, though a clerk looks at it', async () => {
    const first = await bench.appeal({ content: DUMP, contact: WANG });
    await happens(first.number, 'case.closed', { state: 'closed', step: '办结' });
    // What is remembered of a ticket is asked for anew after a second; the time itself is what is waited for.
    await sleep(1100);
    const guess = await asked(AGAIN, WANG);
    const outcome = await known(guess.number);
    assert.deepEqual(outcome, { kind: 'ticket', held: true, closedRepeatOf: first.number });
    assert.deepEqual(guess.outcome, { kind: 'ticket', held: false });
    const told = await query(other, guess.number);
    assert.deepEqual([told.outcome, told.ticket['state']], [{ kind: 'ticket', held: false }, 'queued']);
  });

  it('of an incident that began elsewhere is no word, of its own its number', async () => {
    const lamp = (words: string) => `东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，${words}`;
    const first = await bench.appeal({ content: lamp('晚上看不清路，请安排检修。'), contact: WANG });
    const guess = await asked(lamp('晚上看不清路，请尽快安排检修。'), LI);
    const outcome = await known(guess.number);
    assert.deepEqual(outcome, { kind: 'ticket', held: false, incident: first.number });
    assert.deepEqual(guess.outcome, { kind: 'ticket', held: false });
    const third = await bench.appeal({
      content: lamp('晚上看不清路，麻烦安排检修。'),
      contact: { phone: '13800001039' },
    });
    assert.equal((third.outcome as { incident?: string }).incident, first.number);
  });
});
