// One requester's open appeal and their accusation about the same matter: the case system cannot tell that they have one author.
import assert from 'node:assert/strict';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { besideCases } from '../beside-cases.ts';

const OPEN = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const AGAIN =
  '东昌区江南大街与滨江西路交汇处往北三百米，那一排路灯还是灭的，晚上接孩子放学一点亮都没有，怎么还没检修。';
const WANG = { name: '王桂芬', phone: '13800001014' };

describe('what was said openly and what was said in confidence', function () {
  this.timeout(60_000);
  const suite = besideCases({ forwardIdentity: true });

  async function appeal(content: string, confidential: boolean) {
    const data = { content, contact: WANG, ...(confidential ? { confidential } : {}) };
    const answer = await suite.running.send({ type: 'appeal.created', timestamp: new Date().toISOString(), data });
    return answer.json() as unknown as { readonly number: string; readonly outcome: Readonly<Record<string, unknown>> };
  }
  const store = () => suite.running.gateway.context.store;
  const desk = () => suite.running.gateway.context.desk;
  const dispatched = (number: string) =>
    suite.running.until(async () => (await store().tickets.get(number))?.state === 'dispatched');
  const bodies = () => suite.cases.lines.map(({ body }) => body as { ticket: string; message: string; data: object });
  /** Bodies in which both numbers stand. */
  const telling = (one: string, other: string) =>
    bodies()
      .map(body => JSON.stringify(body))
      .filter(text => text.includes(one) && text.includes(other));
  const refused = (error: unknown) => error instanceof DeskError && error.code === 'desk.gives_away';
  /** Closed by the case system, and long enough ago that the reader asks for it anew. */
  async function closed(number: string): Promise<void> {
    const at = Date.now();
    const event = { number, at, by: 'case-system', kind: 'case.closed', eventId: 'e1', step: '办结' } as const;
    const audit = { by: 'case-system', action: 'ticket.closed', on: [number] };
    await store().tickets.add({ ...event, state: 'closed', expect: ['dispatched'] }, [], audit);
    await suite.running.until(() => Date.now() - at > 1100);
  }

  it('a confidential appeal does not join the open ticket of its author, which a clerk is shown with the reason', async () => {
    const open = await appeal(OPEN, false);
    await dispatched(open.number);
    const secret = await appeal(AGAIN, true);
    assert.equal(secret.outcome['kind'], 'ticket');
    await dispatched(secret.number);
    assert.deepEqual(telling(open.number, secret.number), []);
    const { context } = suite.running.gateway;
    const [link] = openTicketContent(context.cipher, (await store().tickets.get(secret.number))!).links;
    assert.deepEqual([link?.of, link?.suggested, link?.reasons.at(-1)], [open.number, true, 'repeat.confidential']);
    const more = await appeal(AGAIN.replace('那一排', '那排'), true);
    assert.deepEqual(more.outcome, { kind: 'repeat', of: secret.number });
  });

  it('a confidential appeal does not join the ticket of its author that two clerks have opened, either', async () => {
    const opened = await appeal(OPEN, true);
    await dispatched(opened.number);
    for (const by of ['clerk-1', 'clerk-2'])
      await desk().correct(opened.number, { confidential: false }, '诉求人同意公开', by);
    suite.running.gateway.context.live?.moved([opened.number]);
    const secret = await appeal(AGAIN, true);
    assert.equal(secret.outcome['kind'], 'ticket');
  });

  it('nor does a clerk join the two', async () => {
    const open = await appeal(OPEN, false);
    const secret = await appeal(AGAIN, true);
    await dispatched(open.number);
    await dispatched(secret.number);
    await assert.rejects(desk().link(secret.number, open.number, 'clerk-1'), refused);
    await assert.rejects(desk().link(open.number, secret.number, 'clerk-1'), refused);
  });

  it('one that repeats a closed open ticket is held with the reason, and goes out without it', async () => {
    const open = await appeal(OPEN, false);
    await dispatched(open.number);
    await closed(open.number);
    const secret = await appeal(AGAIN, true);
    assert.deepEqual(secret.outcome, { kind: 'ticket', held: true, closedRepeatOf: open.number });
    await desk().release(secret.number, 'clerk-1');
    await dispatched(secret.number);
    assert.deepEqual(telling(open.number, secret.number), []);
  });

  it('an open one that repeats a closed confidential ticket is as confidential', async () => {
    const secret = await appeal(OPEN, true);
    await dispatched(secret.number);
    await closed(secret.number);
    const open = await appeal(AGAIN, false);
    assert.equal(open.outcome['closedRepeatOf'], secret.number);
    await desk().release(open.number, 'clerk-1');
    await dispatched(open.number);
    const data = bodies().at(-1)?.data as Readonly<Record<string, unknown>>;
    assert.deepEqual(
      [data['requester'], data['requesterWithheld'], data['confidential']],
      [null, 'confidential', true],
    );
  });

  it('an open one that had joined a confidential ticket stays as confidential when it is parted from it', async () => {
    const secret = await appeal(OPEN, true);
    await dispatched(secret.number);
    const open = await appeal(AGAIN, false);
    assert.deepEqual(open.outcome, { kind: 'repeat', of: secret.number });
    await desk().unlink(open.number, secret.number, 'clerk-1');
    await dispatched(open.number);
    assert.ok(bodies().some(({ ticket }) => ticket === open.number));
    for (const word of Object.values(WANG)) assert.ok(!JSON.stringify(bodies()).includes(word), word);
  });
});
