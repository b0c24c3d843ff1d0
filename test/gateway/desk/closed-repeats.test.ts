// A repeat of what was closed before: held, explained, parted from it by a clerk and linked again, and the case system hears of each once.
import assert from 'node:assert/strict';
import { newSecret } from '../../../adapters/kit/signature.ts';
import { loadIncidents } from '../../../config/load-incidents.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { viewTicket } from '../../../gateway/desk/ticket-view.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { type Running, runGateway } from '../running.ts';

const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const BUS = '二道江区鸭园镇的公交车每天早上七点那一班总是不来，学生上学迟到，请增加班次。';
const WANG = { name: '王桂芬', phone: '13800001014' };

interface Sent {
  readonly kind: string;
  readonly ticket: string;
  readonly data: { readonly closedRepeatOf?: string | null; readonly links?: readonly unknown[] };
}

describe('a repeat of a closed ticket', function () {
  this.timeout(60_000);
  let cases: CaseSystemSimulator;
  let running: Running;
  let closed: string;

  beforeEach(async function () {
    this.timeout(60_000);
    const secret = newSecret();
    cases = await startCaseSystem({ eventSecret: secret });
    running = await runGateway({ caseSystem: { url: cases.url, events: { secrets: [secret] } } });
    closed = (await running.appeal(LAMP, WANG)).number;
    await arrived(1);
    const event = { eventId: 'e1', number: closed, type: 'closed', at: new Date().toISOString() } as const;
    assert.equal((await cases.sendEvent(`${running.gateway.url}/case-system/events`, event)).status, 200);
    // What it is since a second the reader asks for by itself.
    running.gateway.context.live?.moved([closed]);
  });
  afterEach(async () => {
    await running.close();
    await cases.close();
  });

  const desk = () => running.gateway.context.desk;
  const ticket = async (number: string) => (await running.gateway.context.store.tickets.get(number))!;
  const sent = () => cases.lines.map(line => line.body as unknown as Sent);
  const arrived = (count: number) => running.until(() => cases.lines.length === count);
  const refused = (code: string) => (error: DeskError) => error instanceof DeskError && error.code === code;
  const view = (number: string) => {
    const { context } = running.gateway;
    return viewTicket({ ...context, rules: loadIncidents(context.loaded.config.rules) }, number, null);
  };

  it('says why it is held, and goes to the case system once a clerk says that it is none', async () => {
    const { number, outcome } = await running.appeal(LAMP, WANG);
    assert.equal(outcome['closedRepeatOf'], closed);
    assert.equal(((await view(number))['triage'] as { reason: string }).reason, 'closed-repeat');
    await assert.rejects(desk().unlink(number, number, 'c'), refused('desk.not_linked'));
    const answer = await desk().unlink(number, closed, 'clerk-1');
    assert.deepEqual([answer.state, answer.entries], ['queued', ['ticket.created']]);
    await arrived(2);
    assert.deepEqual([sent()[1]?.ticket, sent()[1]?.data.closedRepeatOf, sent()[1]?.data.links], [number, null, []]);
    const row = await ticket(number);
    assert.deepEqual(
      [row.closedRepeatOf, row.events.some(({ kind, by }) => kind === 'closed-unlinked' && by === 'clerk-1')],
      [null, true],
    );
    const { store } = running.gateway.context;
    assert.deepEqual((await store.messages.get(number))?.outcome, { kind: 'ticket', held: false });
    assert.deepEqual((await store.candidates.load([row.ordinal]))[0]?.notSame, [closed]);
    const records = (await store.admin.auditList(0, 50)).filter(({ by }) => by === 'clerk-1');
    assert.deepEqual(
      records.map(({ action, on }) => [action, on]),
      [['ticket.unlink', [number, closed]]],
    );
  });

  it('is linked again by a clerk, and what the case system has is told to it as it is by then', async () => {
    const { number } = await running.appeal(BUS, WANG);
    await arrived(2);
    await assert.rejects(desk().link(number, closed, 'system'), refused('desk.not_open'));
    const linked = await desk().link(number, closed, 'clerk-1');
    assert.deepEqual([linked.state, linked.entries], ['dispatched', ['ticket.corrected']]);
    await arrived(3);
    assert.equal(sent()[2]?.data.closedRepeatOf, closed);
    await assert.rejects(desk().link(number, closed, 'clerk-1'), refused('desk.linked_already'));
    const [link] = (await view(number))['links'] as { of: string; by: string; kind: string }[];
    assert.deepEqual([link?.of, link?.by, link?.kind], [closed, 'clerk', 'closed-repeat']);
    await desk().unlink(number, closed, 'clerk-2');
    await arrived(4);
    assert.deepEqual([sent()[3]?.kind, sent()[3]?.data.closedRepeatOf], ['ticket.corrected', null]);
    assert.equal((await ticket(number)).state, 'dispatched');
  });

  it('stays held where its text alone is a reason to hold it', async () => {
    const { number } = await running.appeal('哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈', WANG);
    await desk().link(number, closed, 'clerk-1');
    assert.deepEqual(((await view(number))['triage'] as { reason: string }).reason, 'nonsense');
    const answer = await desk().unlink(number, closed, 'clerk-1');
    assert.deepEqual([answer.state, answer.entries, (await ticket(number)).state], ['held', [], 'held']);
  });
});
