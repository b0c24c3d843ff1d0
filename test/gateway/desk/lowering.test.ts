// What protects who appealed is taken away by two people and by nobody alone, on both engines; to protect more takes one.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Arguments, Row } from '../../../gateway/cli/command.ts';
import type { Finding } from '../../../gateway/cli/status-finding.ts';
import type { Changes } from '../../../gateway/desk/changes.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { propose } from '../../../gateway/desk/lowering.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { withMongo } from '../../servers/mongo-suite.ts';
import { type Running, runGateway } from '../running.ts';

/** Read as an accusation by 举报电话, which is none. */
const LAMP = '东昌区江南大街路灯灭了一排，多次举报无人处理，我要举报路灯不亮，请安排检修。';
const WANG = { name: '王桂芬', phone: '13800001014' };
const OPENED: Changes = { type: '投诉', confidential: false, scene: '江南大街' };
const AS_TYPED = { type: '投诉', confidential: 'no', scene: '江南大街' };
const DAY = 86_400_000;

describe('lower confidentiality on SQLite', function () {
  this.timeout(60_000);
  itTakesTwo(async () => ({ settings: {}, drop: async () => undefined }));
});

withMongo('lower confidentiality on MongoDB', server => {
  itTakesTwo(async () => {
    const database = server.database(`lowering_${randomBytes(4).toString('hex')}`);
    return { settings: { store: { url: database.url } }, drop: () => database.drop() };
  });
});

interface Engine {
  readonly settings: Readonly<Record<string, unknown>>;
  drop(): Promise<void>;
}

function itTakesTwo(engineOf: () => Promise<Engine>): void {
  let engine: Engine;
  let cases: CaseSystemSimulator;
  let running: Running;
  let number: string;
  beforeEach(async function () {
    this.timeout(60_000);
    engine = await engineOf();
    cases = await startCaseSystem();
    running = await runGateway({ ...engine.settings, caseSystem: { url: cases.url, forwardIdentity: true } });
    ({ number } = await running.appeal(LAMP, WANG));
    await running.until(() => cases.lines.length === 1);
  });
  afterEach(async () => {
    await running.close();
    await cases.close();
    await engine.drop();
  });

  const context = () => running.gateway.context;
  const desk = () => context().desk;
  const row = async () => (await context().store.tickets.get(number))!;
  const isClosed = async () => {
    const { type, confidential } = await row();
    return type === '举报' && confidential;
  };
  const refused = (code: string) => (error: DeskError) => error instanceof DeskError && error.code === `desk.${code}`;

  const call = (by: string, command: string, args?: Arguments) => running.call(command, args, by);
  const one = async (by: string, command: string, args?: Arguments) =>
    (await call(by, command, args)).flatMap(reply => ('result' in reply ? [reply.result] : []))[0] as Row;
  const listed = async () =>
    (await call('x', 'tickets list', { proposed: true })).flatMap(reply =>
      'row' in reply ? [reply.row['number']] : [],
    );
  const told = async () =>
    ((await one('x', 'status'))['findings'] as readonly Finding[]).find(({ code }) => code === 'proposed')?.count ?? 0;

  it('is proposed by one and done by the same command of another, each with their reason', async () => {
    const proposed = await one('zhang', 'tickets correct', { number, ...AS_TYPED, reason: '王桂芬只是催修路灯' });
    assert.ok(Number(proposed['waitsUntil']) > Date.now() + DAY - 60_000, JSON.stringify(proposed));
    assert.ok(await isClosed());
    assert.deepEqual([await told(), await listed()], [1, [number]]);
    const shown = (await one('li', 'tickets show', { number }))['proposed'] as Row;
    assert.equal(shown['by'], 'zhang');
    assert.deepEqual(shown['changes'], OPENED);
    assert.match(String(shown['reason']), /催修路灯/);
    assert.doesNotMatch(JSON.stringify(shown), /王桂芬/, 'a reason is shown with the names in it');
    const { events } = await row();
    assert.ok(events.every(({ note }) => !Buffer.from(note ?? []).includes('路灯')));
    await one('li', 'tickets correct', { number, ...AS_TYPED, reason: '属实' });
    assert.deepEqual([(await row()).type, (await row()).confidential], ['投诉', false]);
    await running.until(() => cases.lines.length === 2);
    assert.match(JSON.stringify(cases.lines[1]?.body), /王桂芬/);
    assert.deepEqual([await told(), await listed()], [0, []]);
    const after = await one('li', 'tickets show', { number });
    assert.equal(after['proposed'], null);
    const steps = (after['history'] as { kind: string; by: string; note: string }[]).slice(-2);
    assert.deepEqual(
      steps.map(({ kind, by }) => [kind, by]),
      [
        ['lowering-proposed', 'zhang'],
        ['corrected', 'li'],
      ],
    );
    assert.equal(steps[1]?.note, '属实');
    const records = (await context().store.admin.auditList(0, 50)).filter(({ by }) => by === 'zhang' || by === 'li');
    const what = [number, 'type:举报→投诉', 'confidential:true→false', 'scene'];
    assert.deepEqual(
      records.map(({ by, action, on }) => ({ by, action, on })),
      [
        { by: 'zhang', action: 'ticket.propose', on: what },
        { by: 'li', action: 'ticket.correct', on: [...what, 'proposed-by:zhang'] },
      ],
    );
    assert.equal((await context().store.admin.auditVerify()).broken, null);
  });

  it('is not done by one person, however often and however spelt, nor piece by piece', async () => {
    await desk().correct(number, OPENED, 'a', 'zhang');
    await assert.rejects(desk().correct(number, OPENED, 'a', 'zhang'), refused('second_person'));
    await assert.rejects(desk().approve(number, null, 'ＺＨＡＮＧ '), refused('second_person'));
    await desk().correct(number, { type: '投诉' }, 'a', 'zhang');
    await assert.rejects(desk().correct(number, { type: '投诉' }, 'a', 'Zhang (huisu)'), refused('second_person'));
    await desk().decline(number, 'x', 'zhang');
    await desk().correct(number, { type: '投诉' }, 'a', 'zhang (huisu)');
    await assert.rejects(desk().approve(number, null, 'huisu'), refused('second_person'));
    assert.ok(await isClosed());
    await desk().approve(number, null, 'li (huisu)');
    assert.deepEqual([(await row()).type, (await row()).confidential], ['投诉', true]);
    assert.ok(Number((await desk().correct(number, { confidential: false }, 'b', 'li')).waitsUntil) > 0);
    assert.equal((await row()).confidential, true);
  });

  it('is no more than what was proposed, and not what was declined, corrected since or a day ago', async () => {
    await assert.rejects(desk().approve(number, null, 'li'), refused('nothing_proposed'));
    await desk().correct(number, { type: '投诉' }, 'a', 'zhang');
    await desk().correct(number, OPENED, 'more than that', 'li');
    assert.ok(await isClosed());
    await assert.rejects(desk().approve(number, null, 'li'), refused('second_person'));
    await desk().decline(number, '证据不足', 'zhang');
    await assert.rejects(desk().approve(number, null, 'zhang'), refused('nothing_proposed'));
    await assert.rejects(desk().decline(number, 'x', 'zhang'), refused('nothing_proposed'));
    await desk().correct(number, OPENED, 'a', 'zhang');
    await desk().correct(number, { urgency: '紧急' }, 'one person is enough', 'li');
    await assert.rejects(desk().approve(number, null, 'li'), refused('nothing_proposed'));
    const { store, cipher } = context();
    const proposal = { changes: OPENED, reason: 'a', by: 'zhang', changed: [] };
    await propose({ store, cipher, now: () => Date.now() - DAY }, await row(), proposal);
    await assert.rejects(desk().approve(number, null, 'li'), refused('nothing_proposed'));
    assert.deepEqual([await told(), await listed(), await isClosed()], [0, [], true]);
  });

  it('is gone with the words of clerks once its author is erased; what is written later is shown for a purpose only', async () => {
    const told = '王桂芬只是催修路灯';
    await one('zhang', 'tickets correct', { number, ...AS_TYPED, reason: told });
    await desk().correct(number, { urgency: '紧急' }, told, 'li');
    await one('zhang', 'tickets correct', { number, ...AS_TYPED, reason: told });
    assert.match(JSON.stringify(await one('li', 'tickets show', { number })), /只是催修路灯/);
    const erased = await one('li', 'erase', { ticket: number, why: '本人申请', open: true, yes: true });
    assert.deepEqual(erased['tickets'], [number]);
    const reveal = { reveal: 'content', why: '复核' };
    const later = await one('li', 'tickets show', { number, ...reveal });
    assert.doesNotMatch(JSON.stringify(later), /王桂芬|只是催修/);
    assert.equal(later['proposed'], null);
    await one('zhang', 'tickets correct', { number, ...AS_TYPED, reason: told });
    const proposed = await one('li', 'tickets show', { number });
    assert.doesNotMatch(JSON.stringify(proposed), /王桂芬|只是催修/);
    assert.deepEqual((proposed['proposed'] as { changes: Row }).changes['type'], '投诉');
    const open = await one('li', 'tickets show', { number, ...reveal });
    assert.equal(JSON.stringify(open).split(told).length, 3);
  });

  it('is undone by one person, as everything that protects more', async () => {
    await desk().correct(number, OPENED, 'a', 'zhang');
    await desk().approve(number, null, 'li');
    await desk().correct(number, { anonymous: true }, 'b', 'zhang');
    assert.equal((await row()).confidential, true);
    await desk().correct(number, { anonymous: false }, 'c', 'zhang');
    await desk().approve(number, null, 'li');
    await desk().correct(number, { type: '举报' }, 'd', 'zhang');
    assert.ok(await isClosed());
    await running.until(() => cases.lines.length === 5);
    const last = cases.lines[4]?.body as unknown as { readonly data: { readonly requester: unknown } } | undefined;
    assert.equal(last?.data.requester, null);
  });
}
