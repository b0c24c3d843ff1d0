// What was taken for no appeal is made one by a clerk, in its place, and none again: each told once, audited, explained, undone.
import assert from 'node:assert/strict';
import { loadIncidents } from '../../../config/load-incidents.ts';
import type { Row } from '../../../gateway/cli/command.ts';
import { lines } from '../../../gateway/cli/describe.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { viewMessage, viewTicket } from '../../../gateway/desk/ticket-view.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { besideCases } from '../beside-cases.ts';
import { openReadingBench, type ReadingBench } from '../reading/reading-bench.ts';

const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const WANG = { name: '王桂芬', phone: '13800001014' };

describe('what was taken for no appeal', function () {
  this.timeout(60_000);
  const suite = besideCases({ forwardIdentity: true });

  const desk = () => suite.running.gateway.context.desk;
  const store = () => suite.running.gateway.context.store;
  const stateOf = async (number: string) => (await store().tickets.get(number))?.state;
  const reached = (number: string, state: string) => suite.running.until(async () => (await stateOf(number)) === state);
  const refused = (code: string) => (error: DeskError) => error instanceof DeskError && error.code === code;
  const sent = () => suite.cases.lines.map(({ kind, ticket }) => [kind, ticket]);

  async function send(data: Readonly<Record<string, unknown>>, type = 'appeal.created'): Promise<string> {
    const answer = await suite.running.send({ type, timestamp: new Date().toISOString(), data });
    return String(answer.json()['number']);
  }
  const test = () => send({ content: LAMP, contact: WANG }, 'appeal.test');

  it('becomes a ticket under its number, goes to the case system once, and says who decided so and why', async () => {
    const number = await test();
    assert.deepEqual((await store().messages.get(number))?.outcome, { kind: 'not-an-appeal', reason: 'test' });
    const [told] = await suite.running.call('messages appeal', { number, reason: '王桂芬来电，确有此事' }, 'clerk-1');
    assert.deepEqual(told, { result: { number, revision: 1, state: 'queued', entries: ['ticket.created'] } });
    await reached(number, 'dispatched');
    assert.deepEqual(sent(), [['ticket.created', number]]);
    const body = suite.cases.lines[0]!.body as unknown as {
      data: { appeal: { content: string }; requester: { name: string } };
    };
    assert.deepEqual([body.data.appeal.content, body.data.requester.name], [LAMP, WANG.name]);
    assert.deepEqual((await store().messages.get(number))?.outcome, { kind: 'ticket', held: false });
    const { context } = suite.running.gateway;
    const view = await viewTicket({ ...context, rules: loadIncidents(context.loaded.config.rules) }, number, null);
    const [step] = view['history'] as { kind: string; by: string; note: string }[];
    assert.deepEqual([step?.kind, step?.by, step?.note], ['made-appeal', 'clerk-1', '【姓名】来电，确有此事']);
    const record = (await store().admin.auditList(0, 100)).find(({ action }) => action === 'message.appeal');
    assert.deepEqual([record?.by, record?.on], ['clerk-1', [number, 'was:test']]);
    assert.doesNotMatch(JSON.stringify(record), /王桂芬|来电/);
    await assert.rejects(desk().makeAppeal(number, 'x', 'clerk-2'), refused('desk.is_appeal'));
  });

  it('is found like any other ticket from then on', async () => {
    const number = await test();
    await suite.running.call('messages appeal', { number, reason: '确有此事' }, 'clerk-9 (huisu)');
    const acts = await suite.running.call('audit list', { by: 'clerk-9' });
    assert.equal(acts.filter(reply => JSON.stringify(reply).includes('message.appeal')).length, 1);
    assert.doesNotMatch(JSON.stringify(await suite.running.call('audit list', { by: 'clerk' })), /message\.appeal/);
    const { outcome } = await suite.running.appeal(LAMP, WANG);
    assert.deepEqual(outcome, { kind: 'repeat', of: number });
  });

  it('waits for a person where there is nothing to read, as what came with pictures alone does', async () => {
    const number = await send({ content: '……', contact: WANG });
    assert.deepEqual((await store().messages.get(number))?.outcome, { kind: 'not-an-appeal', reason: 'empty' });
    const answer = await desk().makeAppeal(number, '已电话问清', 'clerk-1');
    assert.deepEqual([answer.state, answer.entries], ['held', []]);
    await desk().release(number, 'clerk-1');
    await reached(number, 'dispatched');
  });

  it('is none again before it has gone without a word to the case system', async () => {
    const number = await send({ content: '……', contact: WANG });
    await desk().makeAppeal(number, '误点', 'clerk-1');
    const answer = await desk().makeNoAppeal(number, '确为空白', 'clerk-2');
    assert.deepEqual([answer.state, answer.entries], ['refused', []]);
    assert.deepEqual(sent(), []);
  });

  it('is withdrawn once where the case system has it, and released after that goes there anew', async () => {
    const number = await test();
    await desk().makeAppeal(number, '误点', 'clerk-1');
    await reached(number, 'dispatched');
    const [told] = await suite.running.call('messages no-appeal', { number, reason: '确为联调测试' }, 'clerk-2');
    assert.deepEqual(told, { result: { number, revision: 2, state: 'refused', entries: ['ticket.withdrawn'] } });
    await suite.running.until(() => suite.cases.lines.length === 2);
    assert.equal(await stateOf(number), 'refused');
    const { data } = suite.cases.lines[1]!.body as unknown as { data: { joins: string | null } };
    assert.equal(data.joins, null);
    await assert.rejects(desk().makeNoAppeal(number, 'x', 'clerk-2'), refused('desk.not_withdrawable'));
    await desk().release(number, 'clerk-3');
    await suite.running.until(() => suite.cases.lines.length === 3);
    assert.deepEqual(sent(), [
      ['ticket.created', number],
      ['ticket.withdrawn', number],
      ['ticket.created', number],
    ]);
    const kinds = (await store().tickets.get(number))?.events.map(({ kind, by }) => `${kind} ${by}`) ?? [];
    for (const kind of ['made-appeal clerk-1', 'made-no-appeal clerk-2', 'released clerk-3']) {
      assert.ok(kinds.includes(kind), kinds.join());
    }
    const records = (await store().admin.auditList(0, 100)).map(({ action, by }) => `${action} ${by}`);
    for (const record of ['message.appeal clerk-1', 'message.no-appeal clerk-2', 'ticket.release clerk-3']) {
      assert.ok(records.includes(record), records.join());
    }
    assert.equal((await store().admin.auditVerify()).broken, null);
  });

  it('takes no appeal of somebody down with it', async () => {
    const number = await test();
    await suite.running.call('messages appeal', { number, reason: '确有此事' });
    const later = await suite.running.appeal(LAMP, WANG);
    await assert.rejects(desk().makeNoAppeal(number, '误点', 'clerk-1'), refused('desk.has_follow_ups'));
    await desk().unlink(later.number, number, 'clerk-1');
    await desk().makeNoAppeal(number, '误点', 'clerk-1');
    assert.equal(await stateOf(number), 'refused');
    await reached(later.number, 'dispatched');
  });

  it('is said of no other message than one that was taken for none', async () => {
    const lamp = await suite.running.appeal(LAMP, WANG);
    await assert.rejects(desk().makeAppeal(lamp.number, 'x', 'c'), refused('desk.is_appeal'));
    await assert.rejects(desk().makeNoAppeal(lamp.number, 'x', 'c'), refused('desk.read_as_appeal'));
    await assert.rejects(desk().makeAppeal('261124000000000000', 'x', 'c'), refused('desk.no_such_number'));
    await reached(lamp.number, 'dispatched');
  });

  it('cannot be made one any more once its original is over, whoever is quicker', async () => {
    const number = await test();
    const { context } = suite.running.gateway;
    const shred = () =>
      store().admin.shred(
        [{ number, extent: 'all' }],
        { by: 'system', action: 'purge.originals', on: [] },
        context.now(),
      );
    const [made, shredded] = await Promise.allSettled([desk().makeAppeal(number, '确有此事', 'clerk-1'), shred()]);
    assert.deepEqual(shredded, { status: 'fulfilled', value: ['shredded'] });
    assert.ok(made.status === 'rejected' && refused('desk.original_gone')(made.reason as DeskError));
    assert.equal(await store().tickets.get(number), null);
    await assert.rejects(desk().makeAppeal(number, '确有此事', 'clerk-1'), refused('desk.original_gone'));
  });

  it('is made a ticket once by clerks who do it at the same moment', async () => {
    const number = await test();
    const both = await Promise.allSettled(['a', 'b'].map(by => desk().makeAppeal(number, '确有此事', by)));
    assert.equal(both.filter(({ status }) => status === 'fulfilled').length, 1);
    await reached(number, 'dispatched');
    assert.deepEqual(sent(), [['ticket.created', number]]);
    const row = (await store().tickets.get(number))!;
    assert.equal(openTicketContent(suite.running.gateway.context.cipher, row).appeal.content, LAMP);
  });
});

describe('what an adapter of somebody else took for no appeal', function () {
  this.timeout(60_000);
  let bench: ReadingBench;
  beforeEach(async () => {
    bench = await openReadingBench();
  });
  afterEach(() => bench.close());

  it('says by which sign, and nothing that may be somebody', async () => {
    const told = await bench.read([
      { id: '1', text: 'automatic' },
      { id: '2', text: 'talkative' },
    ]);
    const shown = await Promise.all(told.map(({ number }) => viewMessage(bench.gateway.context, number)));
    assert.deepEqual(
      shown.map(({ reason, detail }) => [reason, detail]),
      [
        ['auto-reply', 'auto-submitted'],
        ['auto-reply', '***'],
      ],
    );
    assert.match(lines(shown[0] as Row, 'zh').join('\n'), /标志: 注明由程序发送/);
  });

  it('is to be taken in by hand where the adapter cannot read it as one', async () => {
    const [told] = await bench.read([{ id: '1', text: 'automatic' }]);
    const { desk, store } = bench.gateway.context;
    await assert.rejects(
      desk.makeAppeal(told?.number ?? '', '确有此事', 'clerk-1'),
      (error: DeskError) => error.code === 'desk.no_appeal_in_it',
    );
    assert.equal((await store.messages.get(told?.number ?? ''))?.outcome?.kind, 'not-an-appeal');
  });
});
