// What a clerk makes a ticket by hand is compared with earlier ones like what the gateway reads by itself, on each engine.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { loadConfig } from '../../../config/load.ts';
import { loadIncidents } from '../../../config/load-incidents.ts';
import { commandContext } from '../../../gateway/command-context.ts';
import type { DeskAnswer } from '../../../gateway/desk/desk-parts.ts';
import { viewTicket } from '../../../gateway/desk/ticket-view.ts';
import { openFoundation } from '../../../gateway/foundation.ts';
import type { Link } from '../../../normalizer/ticket.ts';
import { appealBody, type Partner, partner } from '../../platforms/app.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { type MongoDatabase, withMongo } from '../../servers/mongo-suite.ts';
import { openReadingBench } from '../reading/reading-bench.ts';
import { type Running, runGateway } from '../running.ts';

const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const BUS = '二道江区鸭园镇公交车早班总是不来，上班的人在站牌下等一个多小时，请增加班次。';
const WANG = { name: '王桂芬', phone: '13800001014' };
const LI = { name: '李长顺', phone: '13900002025' };

describe('what a clerk makes a ticket, on the embedded engine', function () {
  this.timeout(60_000);
  cases(() => ({}));
});

withMongo('what a clerk makes a ticket, on MongoDB', suite => {
  let turn = 0;
  let database: MongoDatabase;
  beforeEach(() => {
    database = suite.database(`compared_${turn++}`);
  });
  afterEach(() => database.drop());
  describe('by commands of a gateway', function () {
    this.timeout(120_000);
    cases(() => ({ store: { url: database.url } }));
  });
});

function cases(store: () => Readonly<Record<string, unknown>>): void {
  let system: CaseSystemSimulator;
  let running: Running;
  let sender: Partner;

  beforeEach(async () => {
    system = await startCaseSystem();
    running = await runGateway({ ...store(), caseSystem: { url: system.url } });
    const { id, secret } = running.gateway.firstChannel as { id: string; secret: string };
    sender = partner({ url: `${running.gateway.url}/hooks/${id}`, secret });
  });
  afterEach(async () => {
    sender.close();
    await running.close();
    await system.close();
  });

  const context = () => running.gateway.context;
  const ticket = async (number: string) => (await context().store.tickets.get(number))!;
  const outcome = async (number: string) => (await context().store.messages.get(number))?.outcome;
  const sent = () =>
    system.lines.map(({ kind, ticket, body }) => [kind, ticket, (body as { message: string }).message]);
  const arrived = (count: number) => running.until(() => system.lines.length === count);

  async function test(content: string, contact: Readonly<Record<string, string>>): Promise<string> {
    const data = { content, contact };
    const answer = await running.send({ type: 'appeal.test', timestamp: new Date().toISOString(), data });
    return String(answer.json()['number']);
  }

  async function act(command: string, args: Readonly<Record<string, string>>): Promise<DeskAnswer> {
    const [told] = await running.call(command, args, 'clerk-1');
    assert.ok(told !== undefined && 'result' in told, JSON.stringify(told));
    return told.result as unknown as DeskAnswer;
  }
  const appeal = (number: string) => act('messages appeal', { number, reason: '确有此事' });

  async function linksOf(number: string): Promise<readonly Link[]> {
    const rules = loadIncidents(context().loaded.config.rules);
    return (await viewTicket({ ...context(), rules }, number, null))['links'] as Link[];
  }

  /** A conversation of two parts, of which the second ends it. */
  async function converse(...parts: readonly Readonly<Record<string, unknown>>[]): Promise<string[]> {
    const numbers: string[] = [];
    for (const [place, data] of parts.entries()) {
      const last = place === parts.length - 1;
      const body = appealBody({ externalId: '', title: '', contact: {}, conversation: 'k', last, ...data });
      numbers.push(String((await sender.send(body)).json()['number']));
    }
    await running.until(async () => (await outcome(numbers[0] as string)) != null);
    return numbers;
  }

  it('joins the open ticket of its requester that it repeats, told once; taken out it is one of its own and stays apart', async () => {
    const first = await running.appeal(LAMP, WANG);
    await arrived(1);
    const number = await test(`再次反映：${LAMP}`, WANG);
    const made = await appeal(number);
    assert.deepEqual([made.state, made.of, made.entries], ['joined', first.number, ['ticket.followed-up']]);
    await arrived(2);
    assert.deepEqual(sent()[1], ['ticket.followed-up', first.number, number]);
    assert.match(JSON.stringify(system.lines[1]!.body), /再次反映/);
    const out = await act('tickets unlink', { number, from: first.number });
    assert.deepEqual([out.state, out.of, out.alike, out.incident], ['queued', undefined, undefined, undefined]);
    await arrived(4);
    assert.deepEqual(sent().slice(2), [
      ['ticket.link-undone', first.number, number],
      ['ticket.created', number, number],
    ]);
    await running.until(async () => (await ticket(number)).state === 'dispatched');
  });

  it('is no appeal after all: what it joined is told that it is none, and nothing else goes', async () => {
    const first = await running.appeal(LAMP, WANG);
    const number = await test(LAMP, WANG);
    await appeal(number);
    await arrived(2);
    const undone = await act('messages no-appeal', { number, reason: '确为联调测试' });
    assert.deepEqual([undone.state, undone.entries], ['refused', ['ticket.link-undone']]);
    await arrived(3);
    assert.deepEqual(sent()[2], ['ticket.link-undone', first.number, number]);
    assert.deepEqual(
      [(await ticket(number)).state, await outcome(number)],
      ['refused', { kind: 'ticket', held: false }],
    );
    assert.equal((await ticket(first.number)).events.at(-1)?.kind, 'follow-up-undone');
    await act('tickets release', { number });
    await arrived(4);
    assert.deepEqual(sent()[3], ['ticket.created', number, number]);
  });

  it('is of the incident that others have told of, and says why', async () => {
    const other = await running.appeal(LAMP, LI);
    const number = await test(LAMP, WANG);
    const made = await appeal(number);
    assert.deepEqual([made.state, made.incident], ['queued', other.number]);
    assert.deepEqual(await outcome(number), { kind: 'ticket', held: false, incident: other.number });
    await running.until(async () => (await ticket(other.number)).incident === other.number);
    const [link] = await linksOf(number);
    assert.deepEqual([link?.kind, link?.of, link?.by], ['incident', other.number, 'rule']);
    assert.ok(link!.words.length > 0);
    const { outcome: later } = await running.appeal(LAMP, { name: '赵敏', phone: '13700003036' });
    assert.equal(later['incident'], other.number);
  });

  it('is held where the same was closed before', async () => {
    const first = await running.appeal(LAMP, WANG);
    await arrived(1);
    const event = {
      number: first.number,
      at: Date.now(),
      by: 'case-system',
      kind: 'case.closed',
      state: 'closed',
    } as const;
    await context().store.tickets.add(event, [], null);
    await running.until(async () => (await ticket(first.number)).state === 'closed');
    const made = await appeal(await test(LAMP, WANG));
    assert.deepEqual([made.state, made.closedRepeatOf, made.entries], ['held', first.number, []]);
  });

  it('is compared as a part of a conversation that a clerk takes out of it, and joins nothing by itself', async () => {
    const other = await running.appeal(BUS, LI);
    const own = await running.appeal(`${BUS}请尽快。`, WANG);
    const [lead = '', part = ''] = await converse({ content: LAMP, contact: WANG }, { content: BUS });
    const told = await act('tickets unlink', { number: part, from: lead });
    assert.equal(told.state, 'queued');
    assert.ok(told.incident !== undefined || told.alike !== undefined, JSON.stringify(told));
    const links = await linksOf(part);
    assert.ok(links.some(({ of }) => of === other.number || of === own.number));
    assert.ok(links.every(({ of }) => of !== lead));
    assert.deepEqual((await outcome(part))?.kind, 'ticket');
  });

  it('is offered the open ticket of its requester that it may repeat, where a clerk has taken it out of another', async () => {
    const lamp = await running.appeal(LAMP, WANG);
    const number = await test(`${LAMP}路灯还是不亮。`, WANG);
    await appeal(number);
    const twin = await test(`${LAMP}到现在没人来修。`, WANG);
    await appeal(twin);
    await act('tickets unlink', { number: twin, from: lamp.number });
    const out = await act('tickets unlink', { number, from: lamp.number });
    assert.deepEqual([out.state, out.alike], ['queued', [twin]]);
    const link = (await linksOf(number)).find(({ of }) => of === twin);
    assert.deepEqual([link?.suggested, link?.reasons.at(-1)], [true, 'repeat.taken-out']);
    const joined = await act('tickets link', { number, to: twin });
    assert.equal(joined.state, 'joined');
  });
}

describe('what a clerk makes a ticket while no gateway runs', function () {
  this.timeout(60_000);

  it('is compared all the same, and found once one runs', async () => {
    const bench = await openReadingBench();
    try {
      const first = await bench.appeal({ content: LAMP, contact: LI });
      const body = { type: 'appeal.test', timestamp: new Date().toISOString(), data: { content: LAMP, contact: WANG } };
      const number = String((await bench.sender.told(body)).json()['number']);
      await bench.stop();
      const onFatal = (error: Error) => {
        throw error;
      };
      const loaded = loadConfig({ file: join(bench.folder, 'huisu.yaml'), env: {} });
      const foundation = await openFoundation(loaded, { env: {}, onFatal });
      const alone = commandContext(foundation, null);
      const made = await alone.desk.makeAppeal(number, '确有此事', 'clerk-1');
      await alone.adopt(number);
      await foundation.close();
      assert.deepEqual([made.state, made.incident], ['queued', first.number]);
      await bench.start();
      const { outcome } = await bench.appeal({ content: LAMP, contact: WANG });
      assert.deepEqual(outcome, { kind: 'repeat', of: number });
    } finally {
      await bench.close();
    }
  });
});
