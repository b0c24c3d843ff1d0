// What reading decided is corrected by a clerk, and corrected back: the case system has it as it is by then, and nothing brings the old back.
import assert from 'node:assert/strict';
import { newSecret } from '../../../adapters/kit/signature.ts';
import { loadIncidents } from '../../../config/load-incidents.ts';
import type { Changes } from '../../../gateway/desk/changes.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { viewTicket } from '../../../gateway/desk/ticket-view.ts';
import type { Extension } from '../../../normalizer/deadline.ts';
import type { Deadline } from '../../../normalizer/ticket.ts';
import type { Entry } from '../../../store/store.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { type Running, runGateway } from '../running.ts';

/** Read as an accusation by 举报电话, which is none. */
const LAMP = '东昌区江南大街路灯灭了一排，多次举报无人处理，我要举报路灯不亮，请安排检修。';
const NOISE = '哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈';
const OPEN_LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const WANG = { name: '王桂芬', phone: '13800001014' };
const OPENED: Changes = { type: '投诉', confidential: false };

interface Sent {
  readonly kind: string;
  readonly data: {
    readonly appeal: { readonly type: string; readonly urgency: string };
    readonly confidential: boolean;
    readonly handling: { readonly coUnits: readonly string[]; readonly accused: readonly string[] };
    readonly place: { readonly division: string | null; readonly text: string | null; readonly estate: string | null };
    readonly requester: { readonly name: string } | null;
    readonly requesterWithheld: string | null;
  };
}

interface Shown extends Deadline {
  readonly extended: readonly Extension[];
}
const DAY = 86_400_000;

describe('a correction', function () {
  this.timeout(60_000);
  let cases: CaseSystemSimulator | null = null;
  let running: Running;
  afterEach(async () => {
    await running.close();
    await cases?.close();
    cases = null;
  });

  const desk = () => running.gateway.context.desk;
  const store = () => running.gateway.context.store;
  const row = async (number: string) => (await store().tickets.get(number))!;
  const born = async (number: string) => openTicketContent(running.gateway.context.cipher, await row(number));
  const view = (number: string) => {
    const { context } = running.gateway;
    return viewTicket({ ...context, rules: loadIncidents(context.loaded.config.rules) }, number, null);
  };
  const entries = (ticket: string): Promise<readonly Entry[]> => store().outbox.list({ ticket, limit: 100 });
  const sent = () => (cases as CaseSystemSimulator).lines.map(line => line.body as unknown as Sent);
  const arrived = (count: number) => running.until(async () => sent().length === count);
  const code = (wanted: string) => (error: DeskError) => error instanceof DeskError && error.code === wanted;

  async function start(forwardIdentity = true): Promise<void> {
    cases = await startCaseSystem();
    running = await runGateway({ caseSystem: { url: cases.url, forwardIdentity } });
  }

  /** What lowers protection takes two. */
  async function opened(number: string, reason: string) {
    assert.deepEqual((await desk().correct(number, OPENED, reason, 'clerk-1')).entries, []);
    return desk().approve(number, null, 'clerk-2');
  }

  it('of a wrong accusation lets its author be known, and taken back hides them again', async () => {
    await start();
    const { number } = await running.appeal(LAMP, WANG);
    await arrived(1);
    assert.deepEqual([sent()[0]?.data.appeal.type, sent()[0]?.data.requester], ['举报', null]);
    const answer = await opened(number, '王桂芬只是催修路灯');
    assert.deepEqual(answer.entries, ['ticket.corrected']);
    await arrived(2);
    const { kind, data } = sent()[1] as Sent;
    assert.deepEqual([kind, data.appeal.type, data.confidential], ['ticket.corrected', '投诉', false]);
    assert.equal(data.requester?.name, '王桂芬');
    await desk().correct(number, { type: '举报' }, '确系举报', 'clerk-2');
    await arrived(3);
    const again = (sent()[2] as Sent).data;
    assert.deepEqual(
      [again.appeal.type, again.confidential, again.requester, again.requesterWithheld],
      ['举报', true, null, 'accusation'],
    );
    assert.equal((await row(number)).confidential, true);
  });

  it('is told in words, with who decided, and its reason is not in the clear', async () => {
    await start();
    const { number } = await running.appeal(LAMP, WANG);
    const read = (await view(number))['because'] as Record<string, { by: string; words: readonly string[] }>;
    assert.equal(read['confidential']?.by, 'rule');
    assert.ok(read['confidential'].words.length > 0);
    await opened(number, '王桂芬只是催修路灯');
    const shown = await view(number);
    const { type, confidential } = shown['because'] as Record<string, { by: string }>;
    assert.deepEqual([type?.by, confidential?.by], ['clerk', 'clerk']);
    const [step] = (shown['history'] as { kind: string; by: string; note: string }[]).filter(
      ({ kind }) => kind === 'corrected',
    );
    assert.equal(step?.by, 'clerk-2');
    assert.match(step.note, /催修路灯/);
    const { events } = await row(number);
    assert.ok(!Buffer.from(events.find(event => event.kind === 'corrected')?.note ?? []).includes('路灯'));
    const records = await store().admin.auditList(0, 50);
    const record = records.find(one => one.action === 'ticket.correct');
    assert.deepEqual(record?.on, [number, 'type:举报→投诉', 'confidential:true→false', 'proposed-by:clerk-1']);
  });

  it('of a held ticket goes with it when it is released, and of a joined one comes back with it', async () => {
    await start();
    const { number } = await running.appeal(NOISE, WANG);
    const other = await running.appeal('二道江区鸭园镇公交车早班总是不来，请增加班次。', WANG);
    await arrived(1);
    assert.deepEqual((await desk().correct(number, { type: '建议' }, '实为建议', 'clerk-1')).entries, []);
    await desk().link(number, other.number, 'clerk-1');
    await desk().unlink(number, other.number, 'clerk-1');
    assert.deepEqual([(await row(number)).type, (await row(number)).state], ['建议', 'held']);
    await desk().release(number, 'clerk-1');
    await running.until(() =>
      sent().some(({ kind, data }) => kind === 'ticket.created' && data.appeal.type === '建议'),
    );
    assert.equal((await born(number)).appeal.type.by, 'clerk');
  });

  it('to complex lets its deadline be extended twice, and the clerk sees until when each is to be asked for', async () => {
    running = await runGateway();
    const { number } = await running.appeal('东昌区民主街道路灯不亮，请安排检修。', WANG);
    const result = async () => {
      const { handling } = (await view(number)) as { handling: { deadlines: Shown[] } };
      return handling.deadlines.find(({ what }) => what === 'result') as Shown;
    };
    assert.deepEqual((await result()).extended, []);
    await desk().correct(number, { urgency: '复杂' }, '涉及多家单位', 'clerk-1');
    const { at, extended } = await result();
    assert.deepEqual(
      extended.map(({ askBefore }) => askBefore),
      [at - DAY, (extended[0]?.extendedTo ?? 0) - DAY],
    );
    assert.ok(at < (extended[0]?.extendedTo ?? 0) && extended.length === 2);
  });

  it('to urgent gives a waiting ticket its lane and its clocks, and one to ordinary takes them', async () => {
    running = await runGateway();
    const { number } = await running.appeal('东昌区民主街道路灯不亮，请安排检修。', WANG);
    const due = (await born(number)).handling.deadlines.find(({ what }) => what === 'result')?.at as number;
    await desk().correct(number, { urgency: '紧急' }, '电线落地', 'clerk-1');
    const states = (await entries(number)).map(({ state, urgent }) => [state, urgent]);
    assert.deepEqual(states.sort(), [
      ['due', true],
      ['void', false],
    ]);
    const sooner = (await born(number)).handling.deadlines.find(({ what }) => what === 'result')?.at as number;
    assert.ok(sooner < due, `${sooner} ${due}`);
    await desk().correct(number, { urgency: '一般' }, '已断电', 'clerk-1');
    const live = (await entries(number)).filter(({ state }) => state === 'due');
    assert.deepEqual(
      live.map(({ urgent }) => urgent),
      [false],
    );
  });

  it('of the class moves it to the unit of that class, and no longer asks for it', async () => {
    running = await runGateway();
    const { number } = await running.appeal(NOISE, WANG);
    assert.ok((await born(number)).appeal.asks?.includes('category'));
    const codes = (await running.appeal('东昌区民主街道路灯不亮，请检修。', { phone: '13800009999' })).number;
    const category = (await row(codes)).category as string;
    await desk().correct(number, { category }, '路灯', 'clerk-1');
    assert.deepEqual((await born(number)).appeal.asks?.includes('category'), false);
    assert.equal((await row(number)).category, category);
    assert.notEqual((await born(number)).handling.unit, null);
  });

  it('to an accusation takes it from the unit that it is about, and names it', async () => {
    await start(false);
    const { number } = await running.appeal('投诉城管局不作为，东昌区江南大街路灯不亮，请安排检修。', WANG);
    await arrived(1);
    const CITY = '市城市管理行政执法局';
    const told = () => sent().at(-1)?.data.handling;
    assert.deepEqual([told()?.coUnits.includes(CITY), told()?.accused], [true, [CITY]]);
    await desk().correct(number, { type: '举报' }, '是举报', 'clerk-1');
    await arrived(2);
    assert.deepEqual([told()?.coUnits.includes(CITY), told()?.accused], [false, [CITY]]);
    const { handling } = (await view(number)) as { handling: { coUnits: string[]; accused: string[] } };
    assert.deepEqual([handling.coUnits.includes(CITY), handling.accused], [false, [CITY]]);
  });

  it('of the scene goes out of a confidential ticket, whose own home did not, and moves it to that division', async () => {
    await start();
    const said = '我要举报楼下饭店收受回扣，请保密。我家住东昌区光明小区3号楼2单元501。';
    const { number } = await running.appeal(said, WANG);
    const place = () => sent().at(-1)?.data.place;
    if ((await row(number)).state === 'held') await desk().release(number, 'clerk-1');
    await arrived(1);
    assert.deepEqual([place()?.division, place()?.text], ['220502', null]);
    await desk().correct(number, { division: '220503' }, '在二道江区', 'clerk-1');
    await arrived(2);
    assert.deepEqual([place()?.division, place()?.text, place()?.estate], ['220503', null, null]);
    await desk().correct(number, { division: '220502', scene: '光明路饭店' }, '经核实', 'clerk-1');
    await arrived(3);
    assert.deepEqual([place()?.division, place()?.text], ['220502', '光明路饭店']);
    const records = await store().admin.auditList(0, 50);
    const last = records.filter(({ action }) => action === 'ticket.correct').at(-1);
    assert.deepEqual(last?.on, [number, 'division:220503→220502', 'scene']);
    assert.equal((await row(number)).division, '220502');
    await desk().correct(number, { scene: '' }, '不明', 'clerk-1');
    await arrived(4);
    assert.deepEqual([place()?.division, place()?.text], ['220502', null]);
    await desk().correct(number, { scene: '光明小区3号楼' }, '楼下就是', 'clerk-1');
    await arrived(5);
    assert.equal(place()?.text, '光明小区3号楼');
    await assert.rejects(desk().correct(number, { division: '1' }, 'x', 'clerk-1'), code('desk.no_such_division'));
  });

  it('is refused where it says nothing new, no class, or opens what must stay closed', async () => {
    running = await runGateway();
    const { number } = await running.appeal(LAMP, WANG);
    const asked = (changes: Changes) => desk().correct(number, changes, 'x', 'clerk-1');
    await assert.rejects(asked({}), code('desk.nothing_changed'));
    await assert.rejects(asked({ type: '举报' }), code('desk.nothing_changed'));
    await assert.rejects(asked({ category: 'none' }), code('desk.no_such_category'));
    await assert.rejects(asked({ confidential: false }), code('desk.stays_confidential'));
    await assert.rejects(
      asked({ type: '投诉', anonymous: true, confidential: false }),
      code('desk.stays_confidential'),
    );
    const held = await running.appeal(NOISE, { phone: '13800009998' });
    await desk().link(held.number, number, 'clerk-1');
    await assert.rejects(desk().correct(held.number, { type: '建议' }, 'x', 'clerk-1'), code('desk.not_correctable'));
  });

  it('of a refused ticket is told to nobody before it is released', async () => {
    await start();
    const { number } = await running.appeal(NOISE, WANG);
    await desk().refuse(number, '10.6', '误发', 'clerk-1');
    const answer = await desk().correct(number, { type: '举报' }, '实为举报', 'clerk-1');
    assert.deepEqual([answer.state, answer.entries, (await row(number)).confidential], ['refused', [], true]);
    await desk().release(number, 'clerk-1');
    await arrived(1);
    const { kind, data } = sent()[0] as Sent;
    assert.deepEqual([kind, data.appeal.type, data.requester], ['ticket.created', '举报', null]);
  });

  it('of a closed ticket protects who appealed from then on, and later appeals about it, and is taken back by two', async () => {
    const secret = newSecret();
    cases = await startCaseSystem({ eventSecret: secret });
    const settings = { url: cases.url, forwardIdentity: true, events: { secrets: [secret] } };
    running = await runGateway({ caseSystem: settings });
    const { number } = await running.appeal(OPEN_LAMP, WANG);
    await arrived(1);
    const at = new Date().toISOString();
    const event = { eventId: 'e1', number, type: 'closed', at } as const;
    assert.equal((await cases.sendEvent(`${running.gateway.url}/case-system/events`, event)).status, 200);
    const closed = await row(number);
    const { deadlines } = (await born(number)).handling;
    await assert.rejects(desk().correct(number, { urgency: '紧急' }, 'x', 'c'), code('desk.over'));
    const [told] = await running.call(
      'tickets correct',
      { number, confidential: 'yes', scene: '江南大街北', reason: '来电要求保密' },
      'clerk-1',
    );
    assert.deepEqual(told, { result: { number, revision: 1, state: 'closed', entries: ['ticket.corrected'] } });
    await arrived(2);
    const { data } = sent()[1] as Sent;
    assert.deepEqual([data.confidential, data.requester, data.place.text], [true, null, '江南大街北']);
    const after = await row(number);
    assert.deepEqual([after.state, after.closedAt, after.confidential], ['closed', closed.closedAt, true]);
    assert.deepEqual((await born(number)).handling.deadlines, deadlines);
    const again = await running.appeal(OPEN_LAMP, WANG);
    assert.equal(again.outcome['closedRepeatOf'], number);
    assert.equal((await row(again.number)).confidential, true);
    const back: Changes = { confidential: false };
    assert.deepEqual((await desk().correct(number, back, '撤回要求', 'clerk-1')).entries, []);
    const lines = await running.call('tickets list', { proposed: true });
    assert.ok(JSON.stringify(lines).includes(number));
    assert.deepEqual((await desk().approve(number, null, 'clerk-2')).entries, ['ticket.corrected']);
    await arrived(3);
    assert.equal((sent()[2] as Sent).data.requester?.name, WANG.name);
  });

  it('by two clerks at once is made by both, one after the other, and the chain of records holds', async () => {
    await start();
    const { number } = await running.appeal(LAMP, WANG);
    await arrived(1);
    await Promise.all([
      desk().correct(number, { division: '220503' }, 'a', 'clerk-1'),
      desk().correct(number, { urgency: '紧急' }, 'b', 'clerk-2'),
    ]);
    const { appeal, place, revision } = await born(number);
    assert.deepEqual([place.division, appeal.urgency.value, revision], ['220503', '紧急', 2]);
    assert.equal((await store().admin.auditVerify()).broken, null);
  });
});
