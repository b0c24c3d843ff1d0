// The clerk's desk on a running gateway: each act a new decision, audited, with exactly the entries it must make.
import assert from 'node:assert/strict';
import { newSecret } from '../../../adapters/kit/signature.ts';
import { loadIncidents } from '../../../config/load-incidents.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { viewMessage, viewTicket } from '../../../gateway/desk/ticket-view.ts';
import type { Entry } from '../../../store/store.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { type Running, runGateway } from '../running.ts';

const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const NOISE = '哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈';
const BUS = '二道江区鸭园镇的公交车每天早上七点那一班总是不来，学生上学迟到，请增加班次。';
const WANG = { name: '王桂芬', phone: '13800001014' };
const LI = { name: '李长顺', phone: '13800001027' };

describe("the clerk's desk", function () {
  this.timeout(60_000);
  let cases: CaseSystemSimulator | null = null;
  let running: Running;
  afterEach(async () => {
    await running.close();
    await cases?.close();
    cases = null;
  });

  async function start(withCases: boolean): Promise<void> {
    cases = withCases ? await startCaseSystem() : null;
    running = await runGateway(cases === null ? {} : { caseSystem: { url: cases.url } });
  }
  const desk = () => running.gateway.context.desk;
  const store = () => running.gateway.context.store;
  const entries = async (message: string): Promise<readonly Entry[]> => {
    const all = await Promise.all(
      (['due', 'parked', 'in-flight', 'done', 'dead', 'void'] as const).map(state =>
        store().outbox.list({ state, limit: 1000 }),
      ),
    );
    return all
      .flat()
      .filter(entry => entry.message === message)
      .sort((a, b) => a.createdAt - b.createdAt || a.revision - b.revision);
  };
  const stateOf = async (number: string) => (await store().tickets.get(number))?.state;
  const dispatched = (number: string) => running.until(async () => (await stateOf(number)) === 'dispatched');
  const refused = (code: string) => (error: DeskError) => error instanceof DeskError && error.code === code;

  it('is shown what the case system wrote down with the numbers in it masked, and in full for a purpose', async () => {
    const secret = newSecret();
    cases = await startCaseSystem({ eventSecret: secret });
    running = await runGateway({ caseSystem: { url: cases.url, events: { secrets: [secret] } } });
    const { number } = await running.appeal(LAMP, WANG);
    await dispatched(number);
    const note = '已修复，报修人王桂芬，物业李长顺 13911112222，证件 220502199001011234';
    const event = { eventId: 'e1', number, type: 'closed', at: new Date().toISOString(), note } as const;
    assert.equal((await cases.sendEvent(`${running.gateway.url}/case-system/events`, event)).status, 200);
    const { context } = running.gateway;
    const parts = { ...context, rules: loadIncidents(context.loaded.config.rules) };
    const shown = JSON.stringify((await viewTicket(parts, number, null))['history']);
    assert.match(shown, /已修复/);
    assert.doesNotMatch(shown, /13911112222|220502199001011234|王桂芬/);
    const open = await viewTicket(parts, number, { field: 'content', why: '回访', by: 'clerk-1' });
    assert.match(JSON.stringify(open['history']), /13911112222/);
  });

  it('releases a held ticket to the case system, which knows nothing of it before', async () => {
    await start(true);
    const { number } = await running.appeal(NOISE, WANG);
    assert.equal(await stateOf(number), 'held');
    assert.deepEqual(await entries(number), []);
    const answer = await desk().release(number, 'clerk-1');
    assert.deepEqual(answer, { number, revision: 1, state: 'queued', entries: ['ticket.created'] });
    await dispatched(number);
    const [line] = (cases as CaseSystemSimulator).lines;
    assert.equal(line?.key, `${number}:1:ticket.created`);
    const row = (await store().tickets.get(number))!;
    assert.equal(row.revision, 1);
    const born = openTicketContent(running.gateway.context.cipher, row);
    assert.deepEqual([born.triage.verdict, born.triage.by, born.revision], ['accept', 'clerk', 1]);
    assert.ok(row.events.some(event => event.kind === 'released' && event.by === 'clerk-1'));
  });

  it('refuses a held ticket with the clause of the regulation and sends nothing, not even what waited for it', async () => {
    await start(true);
    const { number } = await running.appeal(NOISE, WANG);
    const later = await running.appeal(LAMP, WANG);
    await desk().link(later.number, number, 'clerk-1');
    await desk().refuse(number, '10.6', '与 13800001014 核实，系误发', 'clerk-1');
    assert.equal(await stateOf(number), 'refused');
    const born = openTicketContent(running.gateway.context.cipher, (await store().tickets.get(number))!);
    assert.equal(born.triage.clause, '10.6');
    assert.match(born.triage.basis ?? '', /\p{Script=Han}/u);
    const waiting = (await entries(later.number)).filter(entry => entry.ticket === number);
    assert.ok(
      waiting.every(entry => entry.state === 'void' || entry.state === 'done'),
      JSON.stringify(waiting),
    );
    assert.deepEqual(
      (cases as CaseSystemSimulator).lines.filter(line => line.ticket === number),
      [],
    );
  });

  it('refuses what was accepted or released as long as it has not gone, as often as a clerk changes their mind', async () => {
    await start(false);
    const { number } = await running.appeal(LAMP, WANG);
    assert.equal(await stateOf(number), 'queued');
    for (let times = 0; times < 2; times++) {
      await assert.rejects(desk().refuse(number, '10.6', 'x', 'clerk-1'), refused('desk.not_held'));
      await desk().refuse(number, '10.6', '不属本市', 'clerk-1', true);
      assert.equal(await stateOf(number), 'refused');
      assert.ok((await entries(number)).every(entry => entry.state === 'void'));
      await desk().release(number, 'clerk-2');
      assert.equal(await stateOf(number), 'queued');
    }
    const due = (await entries(number)).filter(entry => entry.state === 'due');
    assert.deepEqual(
      due.map(({ id }) => id),
      [`${number}:4:ticket.created`],
    );
    assert.equal((await store().admin.auditVerify()).broken, null);
  });

  it('does not refuse what the case system has', async () => {
    await start(true);
    const { number } = await running.appeal(LAMP, WANG);
    await dispatched(number);
    await assert.rejects(desk().refuse(number, '10.6', 'x', 'clerk-1', true), refused('desk.not_held'));
  });

  it('undoes a refusal by releasing the ticket, and tells what waited for it', async () => {
    await start(true);
    const { number } = await running.appeal(NOISE, WANG);
    const later = await running.appeal(LAMP, WANG);
    await desk().link(later.number, number, 'clerk-1');
    await desk().refuse(number, '10.6', '误发', 'clerk-1');
    await assert.rejects(desk().refuse(number, '10.6', '误发', 'clerk-1'), refused('desk.not_held'));
    const before = openTicketContent(running.gateway.context.cipher, (await store().tickets.get(number))!);
    const answer = await desk().release(number, 'clerk-2');
    assert.deepEqual([answer.state, answer.entries], ['queued', ['ticket.created']]);
    await dispatched(number);
    await running.until(async () =>
      (await entries(later.number)).some(({ kind, state }) => kind === 'ticket.followed-up' && state === 'done'),
    );
    const sent = (cases as CaseSystemSimulator).lines.filter(line => line.ticket === number);
    assert.deepEqual(
      sent.map(({ kind, body }) => [kind, (body as { message: string }).message]),
      [
        ['ticket.created', number],
        ['ticket.followed-up', later.number],
      ],
    );
    const born = openTicketContent(running.gateway.context.cipher, (await store().tickets.get(number))!);
    assert.deepEqual([before.triage.clause, born.triage.clause, born.triage.verdict], ['10.6', null, 'accept']);
    assert.deepEqual((await store().messages.get(later.number))?.outcome, { kind: 'repeat', of: number });
    const kinds = (await store().tickets.get(number))?.events.map(({ kind, by }) => `${kind} ${by}`) ?? [];
    for (const kind of ['refused clerk-1', 'released clerk-2']) assert.ok(kinds.includes(kind), kinds.join());
    await assert.rejects(desk().release(number, 'clerk-2'), refused('desk.not_held'));
  });

  it('neither releases nor refuses what is not held, nor under a clause that is none', async () => {
    await start(false);
    const lamp = await running.appeal(LAMP, WANG);
    const noise = await running.appeal(NOISE, LI);
    await assert.rejects(desk().release(lamp.number, 'c'), refused('desk.not_held'));
    await assert.rejects(desk().refuse(lamp.number, '10.6', 'x', 'c'), refused('desk.not_held'));
    await assert.rejects(desk().refuse(noise.number, '99.9', 'x', 'c'), refused('desk.no_such_clause'));
    await assert.rejects(desk().release('261124000000000000', 'c'), refused('desk.no_such_ticket'));
    assert.equal(await stateOf(noise.number), 'held');
  });

  it('links a dispatched ticket by withdrawing it and telling the other ticket', async () => {
    await start(true);
    const earlier = await running.appeal(LAMP, WANG);
    const number = (await running.appeal(BUS, LI)).number;
    await dispatched(earlier.number);
    await dispatched(number);
    const answer = await desk().link(number, earlier.number, 'clerk-1');
    assert.deepEqual(answer.entries, ['ticket.withdrawn', 'ticket.followed-up']);
    await running.until(async () => (await store().outbox.counts()).done === 4);
    const sent = (cases as CaseSystemSimulator).lines.map(({ kind, ticket }) => [kind, ticket]);
    assert.deepEqual(sent.slice(2), [
      ['ticket.withdrawn', number],
      ['ticket.followed-up', earlier.number],
    ]);
    assert.equal(await stateOf(number), 'joined');
    assert.deepEqual((await store().messages.get(number))?.outcome, { kind: 'repeat', of: earlier.number });
  });

  it('links a ticket that was never sent without a word about it, and its follow-ups with it', async () => {
    await start(false);
    const earlier = await running.appeal(LAMP, WANG);
    const { number } = await running.appeal(BUS, LI);
    const again = await running.appeal(BUS, LI);
    assert.deepEqual(again.outcome, { kind: 'repeat', of: number });
    const answer = await desk().link(number, earlier.number, 'clerk-1');
    assert.deepEqual(answer.entries, ['ticket.followed-up']);
    const created = (await entries(number)).find(entry => entry.kind === 'ticket.created');
    assert.equal(created?.state, 'void');
    assert.deepEqual((await store().messages.get(again.number))?.outcome, { kind: 'repeat', of: earlier.number });
    const [before, after] = await entries(again.number);
    assert.deepEqual(
      [before?.state, before?.ticket, after?.state, after?.ticket],
      ['void', number, 'parked', earlier.number],
    );
  });

  it('says of what two processes took in at once that it was compared after, and that no clerk linked it', async () => {
    await start(false);
    const earlier = await running.appeal(LAMP, WANG);
    const [missed, linked] = [await running.appeal(BUS, LI), await running.appeal(NOISE, LI)];
    await desk().link(missed.number, earlier.number, 'system');
    await desk().link(linked.number, earlier.number, 'clerk-1');
    const reasonsOf = async (number: string) => {
      const shown = await viewMessage(running.gateway.context, number);
      return (shown['links'] as { reasons: readonly string[]; by: string }[]).map(({ reasons, by }) => [
        ...reasons,
        by,
      ]);
    };
    assert.deepEqual(await reasonsOf(missed.number), [['repeat.at-once', 'rule']]);
    assert.deepEqual(await reasonsOf(linked.number), [['clerk', 'clerk']]);
  });

  it('tells the words of a ticket that was never sent when it is linked, and who wrote neither of the two', async () => {
    await start(true);
    const earlier = await running.appeal('我要举报东昌区民主街道工作人员张某收受贿赂，请保密。', WANG);
    await desk().release(earlier.number, 'clerk-1');
    await dispatched(earlier.number);
    const { number } = await running.appeal(
      '我要举报二道江区鸭园镇工作人员赵某收受贿赂，请保密，别告诉王桂芬。我的电话是一三八〇〇〇〇一〇二七。',
      LI,
    );
    assert.equal(await stateOf(number), 'held');
    await desk().link(number, earlier.number, 'clerk-1');
    await running.until(async () => (await store().outbox.counts()).done === 2);
    const body = (cases as CaseSystemSimulator).lines.at(-1)?.body as { data: { appeal: { content: string } } };
    assert.equal(
      body.data.appeal.content,
      '我要举报二道江区鸭园镇工作人员赵某收受贿赂，请保密，别告诉【姓名】。我的电话是【电话】。',
    );
  });

  it('undoes a link: the case system hears of it, then of the new ticket', async () => {
    await start(true);
    const first = await running.appeal(LAMP, WANG);
    const { number, outcome } = await running.appeal(LAMP, WANG);
    assert.deepEqual(outcome, { kind: 'repeat', of: first.number });
    await running.until(async () => (await store().outbox.counts()).done === 2);
    const answer = await desk().unlink(number, first.number, 'clerk-1');
    assert.deepEqual(answer.entries, ['ticket.link-undone', 'ticket.created']);
    await dispatched(number);
    await running.until(async () => (await store().outbox.counts()).done === 4);
    const sent = (cases as CaseSystemSimulator).lines.map(({ kind, ticket }) => [kind, ticket]);
    assert.deepEqual(sent.slice(2), [
      ['ticket.link-undone', first.number],
      ['ticket.created', number],
    ]);
    const row = (await store().tickets.get(number))!;
    assert.equal(row.revision, 1);
    assert.match(openTicketContent(running.gateway.context.cipher, row).appeal.content, /路灯/);
  });

  it('gives a ticket back that a clerk had linked, with its follow-up undone', async () => {
    await start(false);
    const earlier = await running.appeal(LAMP, WANG);
    const { number } = await running.appeal(BUS, LI);
    await desk().link(number, earlier.number, 'clerk-1');
    const answer = await desk().unlink(number, earlier.number, 'clerk-2');
    assert.deepEqual(
      [answer.revision, answer.state, answer.entries],
      [2, 'queued', ['ticket.link-undone', 'ticket.created']],
    );
    assert.equal(await stateOf(number), 'queued');
    assert.match(
      openTicketContent(running.gateway.context.cipher, (await store().tickets.get(number))!).appeal.content,
      /公交/,
    );
    await assert.rejects(desk().unlink(number, earlier.number, 'c'), refused('desk.not_linked'));
  });

  it('does not link a ticket to itself, to a joined one, or to what is no ticket', async () => {
    await start(false);
    const earlier = await running.appeal(LAMP, WANG);
    const { number } = await running.appeal(BUS, LI);
    const repeat = await running.appeal(BUS, LI);
    await assert.rejects(desk().link(number, number, 'c'), refused('desk.same_ticket'));
    await assert.rejects(desk().link(number, repeat.number, 'c'), refused('desk.no_such_ticket'));
    await desk().link(number, earlier.number, 'c');
    await assert.rejects(desk().link(earlier.number, number, 'c'), refused('desk.not_open'));
  });

  it('remembers a link that was undone and does not make it again', async () => {
    await start(false);
    const first = await running.appeal(LAMP, WANG);
    const second = await running.appeal(LAMP, WANG);
    await desk().unlink(second.number, first.number, 'clerk-1');
    const row = (await store().tickets.get(second.number))!;
    const [candidate] = await store().candidates.load([row.ordinal]);
    assert.deepEqual(candidate?.notSame, [first.number]);
  });

  it('writes each act into the audit chain, by whom and on what, with nothing personal in it', async () => {
    await start(false);
    const { number } = await running.appeal(NOISE, WANG);
    await desk().refuse(number, '10.6', '张立民 13800138000 电话核实', 'clerk-7');
    const records = await store().admin.auditList(0, 100);
    const refusal = records.find(record => record.action === 'ticket.refuse');
    assert.deepEqual([refusal?.by, refusal?.on, refusal?.why], ['clerk-7', [number], '10.6']);
    assert.doesNotMatch(JSON.stringify(records), /13800138000|张立民/);
    assert.equal((await store().admin.auditVerify()).broken, null);
  });

  it('joins no two tickets in a ring where two clerks do it the other way round at the same moment', async () => {
    await start(false);
    const lamp = await running.appeal(LAMP, WANG);
    const bus = await running.appeal(BUS, WANG);
    const noise = await running.appeal(NOISE, LI);
    const answers = await Promise.allSettled([
      desk().link(lamp.number, bus.number, 'clerk-1'),
      desk().link(bus.number, lamp.number, 'clerk-2'),
      desk().link(bus.number, noise.number, 'clerk-3'),
      desk().refuse(noise.number, '10.6', 'x', 'clerk-4'),
    ]);
    const states = await Promise.all([lamp, bus, noise].map(({ number }) => stateOf(number)));
    assert.deepEqual(states, ['joined', 'joined', 'refused']);
    assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 3);
    // Joined later, the first one leads where the second one went.
    assert.deepEqual((await store().messages.get(lamp.number))?.outcome, { kind: 'repeat', of: noise.number });
  });

  it('lets one of two clerks win who decide at the same moment', async () => {
    await start(false);
    const { number } = await running.appeal(NOISE, WANG);
    const both = await Promise.allSettled([desk().release(number, 'a'), desk().refuse(number, '10.6', 'x', 'b')]);
    assert.equal(both.filter(result => result.status === 'fulfilled').length, 1);
    const kinds = (await entries(number)).filter(entry => entry.state !== 'void').map(entry => entry.kind);
    assert.deepEqual(kinds, (await stateOf(number)) === 'queued' ? ['ticket.created'] : []);
  });
});
