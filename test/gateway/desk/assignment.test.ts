// Who handles a ticket and how, whom it is about and whether it may be public: as a clerk says, kept, told, and taken back.
import assert from 'node:assert/strict';
import type { Changes } from '../../../gateway/desk/changes.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import type { Handling } from '../../../normalizer/ticket.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { besideCases } from '../beside-cases.ts';

const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const WANG = { name: '王桂芬', phone: '13800001014' };
const WORKS = '东昌区市政设施维护中心';

interface Sent {
  readonly kind: string;
  readonly data: {
    readonly appeal: { readonly subject: string | null };
    readonly public: boolean;
    readonly handling: Pick<Handling, 'unit' | 'coUnits' | 'method'>;
  };
}

describe('what a clerk says of who handles a ticket', function () {
  this.timeout(60_000);
  const suite = besideCases();

  const context = () => suite.running.gateway.context;
  const born = async (number: string) =>
    openTicketContent(context().cipher, (await context().store.tickets.get(number))!);
  const correct = (number: string, changes: Changes, by = 'clerk-1') =>
    context().desk.correct(number, changes, '核实后更正', by);
  const sent = () => suite.cases.lines.map(({ body }) => body as Sent);
  const arrived = (count: number) => suite.running.until(() => suite.cases.lines.length === count);
  const code = (wanted: string) => (error: DeskError) => error instanceof DeskError && error.code === wanted;

  it('goes to the case system, stays when class and place are corrected later, and is taken back', async () => {
    const { number } = await suite.running.appeal(LAMP, WANG);
    await arrived(1);
    const { method } = (await born(number)).handling;
    const args = { number, unit: WORKS, coUnits: '市公安局，市公安局,', method: '督办', reason: '核实' };
    const [told] = await suite.running.call('tickets correct', args, 'clerk-1');
    assert.ok(told !== undefined && 'result' in told, JSON.stringify(told));
    await arrived(2);
    assert.deepEqual(pick(sent()[1]!.data.handling), { unit: WORKS, coUnits: ['市公安局'], method: '督办' });
    const records = await context().store.admin.auditList(0, 50);
    const record = records.find(({ action }) => action === 'ticket.correct');
    assert.deepEqual(record?.on, [number, `method:${method}→督办`, 'units']);
    await correct(number, { division: '220503', category: '06' });
    const kept = (await born(number)).handling;
    assert.deepEqual([kept.unit, kept.coUnits, kept.method, kept.by], [WORKS, ['市公安局'], '督办', 'clerk']);
    await assert.rejects(correct(number, { unit: WORKS }), code('desk.nothing_changed'));
    await correct(number, { unit: '', method: '转办' });
    const back = (await born(number)).handling;
    assert.equal(back.by, undefined);
    assert.ok(back.unit !== null && back.unit !== WORKS);
  });

  it('names no unit that a secret ticket is about, and none is left that it turns out to be about', async () => {
    const bribe = '我要举报市教育局工作人员收受贿赂，学校食堂招标由亲属公司中标。';
    const { number } = await suite.running.appeal(bribe, WANG);
    await assert.rejects(correct(number, { unit: '市教育局' }), code('desk.unit_accused'));
    await assert.rejects(correct(number, { coUnits: ['市教育局'] }), code('desk.unit_accused'));
    await correct(number, { unit: '市纪委监委' });
    assert.equal((await born(number)).handling.unit, '市纪委监委');

    const lamp = await suite.running.appeal(LAMP, WANG);
    await correct(lamp.number, { unit: '市公安局', coUnits: [WORKS] });
    await correct(lamp.number, { subject: '市公安局', confidential: true });
    const { handling, appeal } = await born(lamp.number);
    assert.deepEqual([appeal.subject, handling.unit, handling.coUnits], ['市公安局', null, [WORKS]]);
    assert.ok(handling.accused?.includes('市公安局'));
  });

  it('makes nothing public that is confidential, and what its author asked not to be only with a second person', async () => {
    const open = await suite.running.appeal(LAMP, WANG);
    await arrived(1);
    await correct(open.number, { public: true });
    await arrived(2);
    assert.equal(sent()[1]!.data.public, true);
    await assert.rejects(correct(open.number, { public: true, confidential: true }), code('desk.stays_unpublished'));
    await correct(open.number, { confidential: true });
    assert.equal((await born(open.number)).public.value, false);
    await assert.rejects(correct(open.number, { public: true }), code('desk.stays_unpublished'));

    const data = { content: '二道江区鸭园镇公交车早班总是不来，请增加班次。', contact: WANG, public: false };
    const answer = await suite.running.send({ type: 'appeal.created', timestamp: new Date().toISOString(), data });
    const number = String(answer.json()['number']);
    assert.ok((await correct(number, { public: true })).waitsUntil !== undefined);
    await assert.rejects(correct(number, { public: true }), code('desk.second_person'));
    assert.equal((await born(number)).public.value, false);
    await correct(number, { public: true }, 'clerk-2');
    assert.equal((await born(number)).public.value, true);
  });

  it('knows classes and divisions by the names that people use, and says which there are', async () => {
    const { number } = await suite.running.appeal(LAMP, WANG);
    await correct(number, { division: '二道江区' });
    const { place } = await born(number);
    assert.deepEqual([place.division, place.divisionName], ['220503', '二道江区']);
    await assert.rejects(correct(number, { division: '南岗区' }), (error: DeskError) => {
      return error.code === 'desk.no_such_division' && /220502 东昌区/.test(error.sentence.zh);
    });
    await assert.rejects(correct(number, { category: '市政' }), (error: DeskError) => {
      return error.code === 'desk.no_such_category' && /\d{4} 城乡建设\/市政/.test(error.sentence.zh);
    });
    await correct(number, { category: '物业服务' });
    assert.equal((await born(number)).appeal.category?.value.labels.at(-1), '物业服务');
  });

  it('of whom it is about can be said and taken back', async () => {
    const { number } = await suite.running.appeal(LAMP, WANG);
    await arrived(1);
    await correct(number, { subject: ' 某某照明公司\n' });
    await arrived(2);
    assert.equal(sent()[1]!.data.appeal.subject, '某某照明公司');
    await correct(number, { subject: '' });
    assert.equal((await born(number)).appeal.subject, null);
  });
});

function pick({ unit, coUnits, method }: Pick<Handling, 'unit' | 'coUnits' | 'method'>) {
  return { unit, coUnits, method };
}
