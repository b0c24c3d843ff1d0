// Ending what is kept, on a running gateway: purge by age, legal hold, erasing a requester, rotating keys without a restart.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arguments, Row } from '../../../gateway/cli/command.ts';
import type { Failure } from '../../../gateway/failure.ts';
import { identityKey } from '../../../gateway/reading/facts-of.ts';
import { forgetPending } from '../../../gateway/upkeep/erase.ts';
import { purge } from '../../../gateway/upkeep/purge.ts';
import { openDecision, openTicketContent } from '../../../store/ticket-seal.ts';
import { type Running, runGateway } from '../running.ts';

const DAY = 86_400_000;
const PHONE = '13800001014';
const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，请安排检修。我叫王桂芬，电话13800001014。';
const AGAIN = '还是江南大街与滨江西路交汇处往北三百米的路灯，灭了一排，没人修，请安排检修。电话13800001014。';
const BUS = '二道江区鸭园镇的公交车每天早上七点那一班总是不来，学生上学迟到，请增加班次。';
const NOISE = '光明路建筑工地夜里十二点还在打桩，吵得孩子睡不着，请制止。';
const WATER = '建设街老旧小区自来水发黄有铁锈味，已经一个星期，请查明原因。';
const HOUR = 3_600_000;
const WANG = { name: '王桂芬', phone: PHONE };
const LI = { name: '李长顺', phone: '13800001027' };

describe('retention in a running gateway', function () {
  this.timeout(60_000);
  let running: Running;
  afterEach(() => running.close());
  const context = () => running.gateway.context;
  const store = () => context().store;

  const call = (command: string, args?: Arguments) => running.call(command, args);
  async function one(command: string, args?: Arguments): Promise<Row> {
    const replies = await call(command, args);
    const found = replies.flatMap(reply => ('result' in reply ? [reply.result] : []))[0];
    assert.ok(found !== undefined, JSON.stringify(replies));
    return found;
  }
  const rows = async (command: string, args?: Arguments) =>
    (await call(command, args)).flatMap(reply => ('row' in reply ? [reply.row] : []));
  const refusal = async (command: string, args?: Arguments) =>
    (await call(command, args)).flatMap(reply => ('failure' in reply ? [reply.failure] : []))[0] as Failure;
  const close = (number: string, at = context().now()) =>
    store().tickets.add({ number, at, by: 'test', kind: 'closed', state: 'closed' }, [], null);
  const testMessage = () =>
    running.send({ type: 'appeal.test', timestamp: new Date().toISOString(), data: { content: '测试' } });
  /** As the daily run of so many days from now; nothing else is as old. */
  function purgeLater(days: number, settings: Partial<Parameters<typeof purge>[1]> = {}, dry = false) {
    const { cipher, forget } = context();
    const later = { store: store(), cipher, forget, now: () => Date.now() + days * DAY };
    const rules = { originalDays: 190, identityDaysAfterClose: null, attachments: [], auto: false, ...settings };
    const order = { by: 'tester', dry, signal: new AbortController().signal, progress: () => undefined };
    return purge(later, rules, order);
  }
  const everything = () => {
    const folder = join(running.folder, 'data');
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
    return Buffer.concat(files.map(entry => readFileSync(join(entry.parentPath, entry.name))));
  };

  it('erases who somebody is from tickets, follow-ups, index and disk; what was asked for stays', async () => {
    running = await runGateway();
    const first = await running.appeal(LAMP, WANG);
    const follow = await running.appeal(AGAIN, WANG);
    const other = await running.appeal(BUS, LI);
    assert.deepEqual([follow.outcome['kind'], follow.outcome['of']], ['repeat', first.number]);
    const before = (await store().tickets.get(first.number))!;
    const original = (await store().messages.get(first.number))!.sealed!;
    assert.equal((await refusal('erase', { phone: PHONE, why: '本人申请' })).code, 'erase.open');
    await close(first.number);
    assert.deepEqual((await one('erase', { phone: '138 0000 1014', why: '本人申请' }))['tickets'], [first.number]);
    assert.equal((await one('tickets show', { number: first.number }))['identity'], 'kept');

    const done = await one('erase', { phone: PHONE, why: '本人申请', yes: true });
    assert.deepEqual(
      [done['tickets'], done['originals'], done['left'], done['scrubbed']],
      [[first.number], 2, 0, true],
    );
    const shown = await one('tickets show', { number: first.number });
    assert.equal(shown['identity'], 'erased');
    assert.ok(Object.values(shown['requester'] as Row).every(value => value === null));
    const after = (await store().tickets.get(first.number))!;
    const { cipher } = context();
    const { appeal } = openTicketContent(cipher, after);
    assert.match(appeal.content, /路灯灭了一排/);
    const followed = openDecision(cipher, (await store().messages.get(follow.number))!);
    for (const text of [JSON.stringify(appeal), JSON.stringify(followed)]) {
      assert.ok(!text.includes(PHONE) && !text.includes('王桂芬'), text);
    }
    const raw = everything();
    for (const gone of [
      before.wrappedIdentity,
      before.identity,
      original,
      Buffer.from(before.identityKeys[0]!, 'hex'),
    ]) {
      assert.equal(raw.includes(Buffer.from(gone)), false, 'left on the disk');
    }
    assert.equal(raw.includes(Buffer.from((await store().tickets.get(other.number))!.wrappedIdentity)), true);

    const key = identityKey(cipher, 'phone', `+86${PHONE}`);
    assert.deepEqual(await store().tickets.list({ identityKey: key, limit: 9 }), []);
    const later = await running.appeal(LAMP, WANG);
    assert.equal(later.outcome['kind'], 'ticket');
    assert.equal(later.outcome['closedRepeatOf'] ?? null, null, 'the index still knows the requester');
    const records = await rows('audit list');
    const acts = records.filter(record => String(record['action']).includes('erase'));
    assert.deepEqual(
      acts.map(record => [record['by'], record['action'], record['why']]),
      [
        ['tester', 'identity.erase', '本人申请'],
        ['tester', 'original.erase', '本人申请'],
        ['tester', 'identity.erased', '本人申请'],
      ],
    );
    assert.equal((await one('audit verify'))['broken'], null);
    assert.deepEqual((await one('erase', { phone: '13900009999', why: 'x', yes: true }))['tickets'], []);
    assert.equal((await refusal('erase', { phone: '12', why: 'x' })).code, 'erase.whom');
  });

  it('erases where somebody said that they live, from the text and from the place read out of it', async () => {
    running = await runGateway();
    const { number = '' } = await running.appeal('东昌区砖厂夜间偷排黑烟，请查处。我家住幸福小区3号楼2单元501。', WANG);
    const { place: shown } = (await one('tickets show', { number })) as { place: Row };
    assert.deepEqual([shown['division'], shown['estate'], shown['houseNumber']], ['220502', null, null]);
    await one('erase', { ticket: number, why: 'asked for', yes: true, open: true });
    const row = await store().tickets.get(number);
    assert.ok(row !== null);
    const { appeal, place } = openTicketContent(context().cipher, row);
    assert.equal(appeal.content, '东昌区砖厂夜间偷排黑烟，请查处。我家住【住址】。');
    assert.deepEqual([place.division, place.estate, place.houseNumber, place.text], ['220502', null, null, null]);
  });

  it('purges the originals of what became no ticket after their time, and never their number', async () => {
    running = await runGateway();
    const answer = await testMessage();
    const { number, outcome } = answer.json() as { number: string; outcome: Row };
    assert.equal(outcome['kind'], 'not-an-appeal');
    const ticket = await running.appeal(LAMP, WANG);
    const { wrappedContent } = (await store().messages.get(number))!;
    assert.equal((await one('purge'))['notAnAppeal'], 0);
    assert.equal((await purgeLater(189)).notAnAppeal, 0);
    assert.equal((await purgeLater(191, {}, true)).notAnAppeal, 1);
    assert.equal((await store().messages.get(number))?.wrappedContent.length !== 0, true);
    await one('tickets hold', { number, reason: '信访复查' });
    assert.deepEqual(await purgeLater(191), {
      dry: false,
      quarantined: 0,
      notAnAppeal: 0,
      identities: 0,
      files: 0,
      held: 1,
      failed: [],
    });
    assert.deepEqual(
      (await rows('tickets holds')).map(row => row['reason']),
      ['信访复查'],
    );
    await one('tickets unhold', { number });
    assert.equal((await refusal('tickets unhold', { number })).code, 'desk.not_on_hold');
    assert.equal((await purgeLater(191)).notAnAppeal, 1);
    assert.equal((await purgeLater(191)).notAnAppeal, 0);
    const shown = await one('messages show', { number });
    assert.deepEqual([shown['outcome'], shown['originalKept']], ['not-an-appeal', false]);
    assert.equal(everything().includes(Buffer.from(wrappedContent)), false, 'the key is left on the disk');
    assert.notEqual(await store().tickets.get(ticket.number), null);
  });

  it('erases the requesters of closed tickets after their time, but not of those on hold', async () => {
    running = await runGateway();
    const [lamp, bus] = [await running.appeal(LAMP, WANG), await running.appeal(BUS, LI)];
    await close(lamp.number);
    await close(bus.number);
    await one('tickets hold', { number: bus.number, reason: '行政复议' });
    assert.equal((await purgeLater(29, { identityDaysAfterClose: 30 })).identities, 0);
    assert.equal((await purgeLater(31, { identityDaysAfterClose: 30 })).identities, 1);
    assert.equal((await one('tickets show', { number: bus.number }))['identity'], 'kept');
    assert.deepEqual((await one('erase', { ticket: bus.number, why: 'x', yes: true }))['held'], [bus.number]);
    await one('tickets unhold', { number: bus.number });
    assert.equal((await purgeLater(31, { identityDaysAfterClose: 30 })).identities, 1);
    assert.equal((await one('tickets show', { number: bus.number }))['identity'], 'erased');
  });

  it('erases in time the requesters of tickets whose closing was told of late, behind others that were closed after them', async () => {
    running = await runGateway();
    const start = context().now();
    const numbers: string[] = [];
    for (const content of [LAMP, BUS, NOISE]) numbers.push((await running.appeal(content, LI)).number ?? '');
    const [lamp = '', bus = '', noise = ''] = numbers;
    const rule = { identityDaysAfterClose: 30 };
    const hours = (n: number) => purgeLater(30 + n / 24, rule);
    for (const [number, n] of [
      [lamp, 6],
      [noise, 10],
      [bus, 5],
    ] as const)
      await close(number, start + n * HOUR);
    assert.equal((await hours(7)).identities, 1, 'of the lamp: what was told before the bus is younger');
    assert.equal((await hours(11)).identities, 2);
    const late = (await running.appeal(WATER, WANG)).number ?? '';
    await close(late, start + HOUR);
    assert.equal((await purgeLater(38, rule)).identities, 1, 'long before the place where the last sweep ended');
    assert.equal((await one('tickets show', { number: late }))['identity'], 'erased');
  });

  it('erases the requesters of all other tickets where one does not open, and that one once it does', async () => {
    running = await runGateway();
    const broken = (await running.appeal(LAMP, WANG)).number ?? '';
    const whole = (await running.appeal(BUS, LI)).number ?? '';
    for (const number of [broken, whole]) await close(number);
    const { ordinal, wrappedIdentity: from } = (await store().tickets.get(broken))!;
    const to = Buffer.concat([from.subarray(0, -1), Buffer.of((from.at(-1) ?? 0) ^ 1)]);
    await store().admin.rewrap([{ ordinal, which: 'identity', from, to }]);
    const first = await purgeLater(31, { identityDaysAfterClose: 30 });
    assert.deepEqual([first.identities, first.failed.map(({ number }) => number)], [1, [broken]]);
    assert.equal((await one('tickets show', { number: whole }))['identity'], 'erased');
    const again = await purgeLater(32, { identityDaysAfterClose: 30 });
    assert.deepEqual([again.identities, again.failed.map(({ number }) => number)], [0, [broken]]);
    await store().admin.rewrap([{ ordinal, which: 'identity', from: to, to: from }]);
    const last = await purgeLater(33, { identityDaysAfterClose: 30 });
    assert.deepEqual([last.identities, last.failed], [1, []]);
  });

  it('refuses to purge by a clock that disagrees with what was recorded, until somebody has looked', async () => {
    running = await runGateway();
    await running.appeal(LAMP, WANG);
    await store().admin.setMeta('clock.leap', JSON.stringify({ from: 0, to: 200 * DAY }));
    assert.equal((await refusal('purge', { yes: true })).code, 'purge.clock_leapt');
    assert.equal((await one('purge', { yes: true, trustClock: true }))['dry'], false);
    assert.equal((await one('purge', { yes: true }))['dry'], false);
    await store().admin.audit({ by: 'x', action: 'test.later', on: [] }, Date.now() + DAY);
    assert.equal((await refusal('purge')).code, 'purge.clock_back');
  });

  it('takes a rotated key into use in every thread at once, and retires the old one when it wraps nothing', async () => {
    running = await runGateway();
    const before = await running.appeal(LAMP, WANG);
    const old = (await rows('keys list')).filter(row => row['rotates'] === true);
    assert.ok(old.every(row => row['retired'] === null));
    await one('keys rotate', { name: 'identity' });
    await one('keys rotate', { name: 'content' });
    const after = await running.appeal(BUS, LI);
    const { store: kept } = context();
    const idOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex', 2, 10);
    const current = async (name: string) =>
      (await rows('keys list')).find(row => row['name'] === name && row['current'] === true)?.['id'];
    const fresh = (await kept.tickets.get(after.number))!;
    assert.deepEqual(
      [idOf(fresh.wrappedContent), idOf(fresh.wrappedIdentity)],
      [await current('content'), await current('identity')],
    );
    await running.until(async () => {
      const ticket = (await kept.tickets.get(before.number))!;
      return (
        idOf(ticket.wrappedContent) === (await current('content')) &&
        idOf(ticket.wrappedIdentity) === (await current('identity'))
      );
    });
    assert.equal(((await one('tickets show', { number: before.number }))['requester'] as Row)['name'], '王**');
    const counted = await rows('keys list', { count: true });
    const uses = (id: unknown) => counted.find(row => row['id'] === id)?.['wraps'];
    assert.deepEqual(
      old.filter(row => row['name'] !== 'settings').map(row => uses(row['id'])),
      [0, 0],
    );
  });

  it('finishes in the index what an erasing that was cut off had begun', async () => {
    running = await runGateway();
    const { number } = await running.appeal(LAMP, WANG);
    const { ordinal, identityKeys } = (await store().tickets.get(number))!;
    const term = Number.parseInt(identityKeys[0]!.slice(0, 8), 16);
    await store().admin.setMeta('erase.pending', JSON.stringify([{ ordinal, term }]));
    const forgotten: unknown[] = [];
    const { cipher, now, forget } = context();
    const parts = {
      store: store(),
      cipher,
      now,
      forget: async (pairs: Parameters<typeof forget>[0]) => {
        forgotten.push(...pairs);
        await forget(pairs);
      },
    };
    await forgetPending(parts);
    await forgetPending(parts);
    assert.deepEqual(forgotten, [{ ordinal, term }]);
  });
});
