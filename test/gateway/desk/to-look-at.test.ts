// What waits for a clerk's look is listed, and gone from the list once the clerk has said what it is.
import assert from 'node:assert/strict';
import type { Arguments } from '../../../gateway/cli/command.ts';
import type { Reply } from '../../../gateway/control.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { besideCases } from '../beside-cases.ts';

/** Read as a request, and of no class for sure. */
const COVER = '滨河路污水井盖破损，夜里有人踩空，请尽快更换。';
const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const WANG = { name: '王桂芬', phone: '13800001014' };

describe("what waits for a clerk's look", function () {
  this.timeout(60_000);
  const suite = besideCases();

  const context = () => suite.running.gateway.context;
  const rowsIn = (replies: readonly Reply[]) => replies.flatMap(reply => ('row' in reply ? [reply.row] : []));
  const listed = async (args: Arguments) => rowsIn(await suite.running.call('tickets list', args));
  const numbers = async (args: Arguments) => (await listed(args)).map(({ number }) => number);
  const refused = (reply: Reply | undefined) =>
    reply !== undefined && 'failure' in reply ? reply.failure.code : reply;

  it('is what reading was unsure of, until it is corrected or found to be right, which the case system need not hear', async () => {
    const plain = await suite.running.appeal(LAMP, WANG);
    const { number } = await suite.running.appeal(COVER, { phone: '13700003036' });
    await suite.running.until(() => suite.cases.lines.length === 2);
    const [line] = await listed({ asks: true });
    assert.deepEqual([line?.['number'], line?.['asks']], [number, ['type', 'category']]);
    assert.deepEqual(await numbers({ asks: true, limit: 1 }), [number]);
    assert.ok((await numbers({})).includes(plain.number));
    await suite.running.call('tickets correct', { number, type: '投诉', reason: '致电核实' });
    await suite.running.until(() => suite.cases.lines.length === 3);
    assert.deepEqual((await listed({ asks: true }))[0]?.['asks'], ['category']);
    const [told] = await suite.running.call(
      'tickets correct',
      { number, confirm: true, reason: '分类无误' },
      'clerk-2',
    );
    assert.ok(told !== undefined && 'result' in told, JSON.stringify(told));
    assert.deepEqual([told.result['entries'], (await numbers({ asks: true })).includes(number)], [[], false]);
    const records = await context().store.admin.auditList(0, 100);
    assert.deepEqual(records.findLast(({ action }) => action === 'ticket.correct')?.on, [number, 'looked-at:category']);
    const again = await suite.running.call('tickets correct', { number, confirm: true, reason: 'x' });
    assert.equal(refused(again[0]), 'desk.nothing_changed');
    assert.equal(suite.cases.lines.length, 3);
  });

  it('is a ticket that it may belong to, until a clerk links it or says that it is another matter', async () => {
    const lamp = await suite.running.appeal(LAMP, WANG);
    const repeats: string[] = [];
    for (const more of ['路灯还是不亮。', '到现在没人来修。', '今天又摔了一个人。']) {
      const { number, outcome } = await suite.running.appeal(LAMP + more, WANG);
      assert.deepEqual(outcome, { kind: 'repeat', of: lamp.number });
      repeats.push(number);
    }
    const [first = '', second = '', third = ''] = repeats;
    for (const number of repeats) await suite.running.call('tickets unlink', { number, from: lamp.number });
    assert.deepEqual(await numbers({ alike: true }), [third, second]);
    assert.deepEqual((await listed({ alike: true }))[1]?.['alike'], [first]);

    // Of one incident they may still be one and the same appeal.
    await suite.running.call('incidents merge', { number: second, into: first });
    assert.deepEqual(await numbers({ alike: true }), [third, second]);
    const { length } = (await context().store.outbox.list({ ticket: second, limit: 10 })) as readonly unknown[];
    const [told] = await suite.running.call('tickets unlink', { number: second, from: first }, 'clerk-1');
    assert.ok(told !== undefined && 'result' in told, JSON.stringify(told));
    assert.deepEqual(told.result['entries'], []);
    assert.deepEqual(await numbers({ alike: true }), [third]);
    assert.equal((await context().store.outbox.list({ ticket: second, limit: 10 })).length, length);
    const row = (await context().store.tickets.get(second))!;
    assert.ok(openTicketContent(context().cipher, row).links.every(({ of }) => of !== first));
    assert.deepEqual([row.events.at(-1)?.kind, row.events.at(-1)?.by], ['kept-apart', 'clerk-1']);
    const [candidate] = await context().store.candidates.load([row.ordinal]);
    assert.deepEqual([...(candidate?.notSame ?? [])].sort(), [first, lamp.number].sort());
    const again = await suite.running.call('tickets unlink', { number: second, from: first });
    assert.equal(refused(again[0]), 'desk.not_linked');

    await suite.running.call('tickets link', { number: third, to: second });
    assert.deepEqual(await numbers({ alike: true }), []);
  });
});
