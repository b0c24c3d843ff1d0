// A caller's tickets are found by what the caller is known by, for a purpose on record, and what they said in confidence is not.
import assert from 'node:assert/strict';
import type { Arguments } from '../../../gateway/cli/command.ts';
import type { Reply } from '../../../gateway/control.ts';
import { type Running, runGateway } from '../running.ts';

const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const BUS = '二道江区鸭园镇公交车早班总是不来，上班的人在站牌下等一个多小时，请增加班次。';
const BRIBE = '我要举报东昌区民主街道工作人员张某收受贿赂，请严查。';
const WANG = { name: '王桂芬', phone: '13800001014' };

describe('tickets find', function () {
  this.timeout(60_000);
  let running: Running;
  beforeEach(async () => {
    running = await runGateway();
  });
  afterEach(() => running.close());

  const find = (args: Arguments) => running.call('tickets find', args, 'clerk-1');
  const rows = (replies: readonly Reply[]) => replies.flatMap(reply => ('row' in reply ? [reply.row] : []));
  const numbers = async (args: Arguments) => rows(await find(args)).map(({ number }) => number);
  const code = (replies: readonly Reply[]) =>
    replies.flatMap(reply => ('failure' in reply ? [reply.failure.code] : []));

  it('lists what somebody has told by phone, however it is written, and says nothing of who they are', async () => {
    const lamp = await running.appeal(LAMP, WANG);
    const bus = await running.appeal(BUS, WANG);
    await running.appeal(BUS, { name: '李长顺', phone: '13900002025' });
    const found = await find({ phone: '138 0000-1014', why: '来电询问进展' });
    assert.deepEqual(
      rows(found).map(({ number }) => number),
      [bus.number, lamp.number],
    );
    assert.doesNotMatch(JSON.stringify(found), /1380000|王桂芬/);
    assert.deepEqual(await numbers({ phone: '13811112222', why: '来电询问' }), []);
    assert.deepEqual(await numbers({ phone: WANG.phone, why: '来电询问', limit: 1 }), [bus.number]);
  });

  it('finds nothing that was said in confidence', async () => {
    const lamp = await running.appeal(LAMP, WANG);
    const bribe = await running.appeal(BRIBE, WANG);
    assert.deepEqual(await numbers({ phone: WANG.phone, why: '来电询问' }), [lamp.number]);
    await running.call('tickets correct', { number: lamp.number, confidential: 'yes', reason: '来电要求保密' });
    assert.deepEqual(await numbers({ phone: WANG.phone, why: '来电询问' }), []);
    assert.notEqual(await running.gateway.context.store.tickets.get(bribe.number), null);
  });

  it('is on record with its purpose and without whom it was about, and refused without either', async () => {
    await running.appeal(LAMP, WANG);
    await find({ phone: WANG.phone, why: `13800001014来电询问` });
    const records = await running.gateway.context.store.admin.auditList(0, 100);
    const record = records.find(({ action }) => action === 'identity.search');
    assert.deepEqual([record?.by, record?.on], ['clerk-1', ['phone']]);
    assert.match(record?.why ?? '', /来电询问/);
    assert.doesNotMatch(JSON.stringify(records), /13800001014/);
    assert.deepEqual(code(await find({ phone: WANG.phone, why: ' ' })), ['desk.no_purpose']);
    assert.deepEqual(code(await find({ why: '来电询问' })), ['cli.find_whom']);
  });
});
