// What nobody could read becomes a ticket in its place by a clerk's word, with what can be read of it and what the clerk wrote down.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadIncidents } from '../../../config/load-incidents.ts';
import type { Reply } from '../../../gateway/control.ts';
import { callControl } from '../../../gateway/control.ts';
import type { DeskAnswer } from '../../../gateway/desk/desk-parts.ts';
import { viewTicket } from '../../../gateway/desk/ticket-view.ts';
import { NOTHING_MORE } from '../../../store/nothing-more.ts';
import { openIdentity, openTicketContent } from '../../../store/ticket-seal.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { openReadingBench, type ReadingBench } from '../reading/reading-bench.ts';

const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const WANG = { name: '王桂芬', phone: '13800001014' };

describe('what nobody could read', function () {
  this.timeout(60_000);
  let cases: CaseSystemSimulator;
  let bench: ReadingBench;
  beforeEach(async () => {
    cases = await startCaseSystem();
    bench = await openReadingBench({ caseSystem: { url: cases.url, forwardIdentity: true } });
  });
  afterEach(async () => {
    await bench.close();
    await cases.close();
  });

  const context = () => bench.gateway.context;
  const outcome = async (number: string) => (await context().store.messages.get(number))?.outcome;
  const ticket = async (number: string) => (await context().store.tickets.get(number))!;
  const content = async (number: string) => openTicketContent(context().cipher, await ticket(number));

  async function quarantined(text: string, from?: string): Promise<string> {
    const [told] = await bench.read([{ id: `${text}-${from ?? ''}`, text, ...(from === undefined ? {} : { from }) }]);
    assert.equal(told?.outcome.kind, 'quarantined', JSON.stringify(told));
    return told.number;
  }

  async function call(command: string, args: Readonly<Record<string, string>>): Promise<Reply> {
    const client = await callControl(join(bench.folder, 'data'));
    assert.ok(client !== null);
    try {
      for await (const reply of client.run(command, args, 'clerk-1')) return reply;
    } finally {
      client.close();
    }
    throw new Error('no reply');
  }

  async function appeal(number: string, words?: string): Promise<DeskAnswer> {
    const file = join(bench.folder, 'words');
    if (words !== undefined) writeFileSync(file, words);
    const reply = await call('messages appeal', {
      ...{ number, reason: '看过原件，确是诉求' },
      ...(words === undefined ? {} : { words: file }),
    });
    assert.ok('result' in reply, JSON.stringify(reply));
    return reply.result as unknown as DeskAnswer;
  }
  const refusal = async (words: string, number: string): Promise<string> => {
    const file = join(bench.folder, 'words');
    writeFileSync(file, words);
    const reply = await call('messages appeal', { number, reason: 'x', words: file });
    assert.ok('failure' in reply, JSON.stringify(reply));
    return reply.failure.code;
  };

  it('is a held ticket that says so, goes out when it is released saying so, and is undone like others', async () => {
    const number = await quarantined('unreadable');
    const made = await appeal(number);
    assert.deepEqual([made.number, made.state, made.entries], [number, 'held', []]);
    assert.deepEqual(await outcome(number), { kind: 'ticket', held: true });
    const { appeal: read } = await content(number);
    assert.deepEqual([read.content, read.problems], ['', ['text.unread']]);
    const records = await context().store.admin.auditList(0, 100);
    const record = records.find(({ action }) => action === 'message.appeal');
    assert.deepEqual([record?.by, record?.on], ['clerk-1', [number, 'was:moody-box.not_today']]);
    assert.equal((await context().store.messages.counts()).quarantined, 0);
    await call('tickets release', { number });
    await until(() => cases.lines.length === 1);
    const { data } = cases.lines[0]!.body as { data: { appeal: { content: string; illegible: string } } };
    assert.equal(data.appeal.illegible, 'unread');
    assert.match(data.appeal.content, /未能读出/);
    const undone = await call('messages no-appeal', { number, reason: '确为乱码' });
    assert.ok('result' in undone && undone.result['state'] === 'refused', JSON.stringify(undone));
    await until(() => cases.lines.length === 2);
    assert.equal(cases.lines[1]!.kind, 'ticket.withdrawn');
  });

  it('says what a clerk has written down, in the name of whoever wrote it, and is compared with what that person told before', async () => {
    const first = await bench.appeal({ content: LAMP, contact: WANG });
    const number = await quarantined('unreadable');
    const words = { title: '路灯', content: `还是那件事：${LAMP}`, contact: WANG };
    const made = await appeal(number, JSON.stringify(words));
    assert.deepEqual([made.state, made.of], ['joined', first.number]);
    assert.equal(openIdentity(context().cipher, await ticket(number)).name, WANG.name);
    await until(() => cases.lines.length === 2);
    assert.match(JSON.stringify(cases.lines[1]!.body), /还是那件事/);
    const out = await call('tickets unlink', { number, from: first.number });
    assert.ok('result' in out && out.result['state'] === 'queued', JSON.stringify(out));
    assert.match((await content(number)).appeal.content, /还是那件事/);
    const rules = loadIncidents(context().loaded.config.rules);
    const history = (await viewTicket({ ...context(), rules }, number, null))['history'] as { kind: string }[];
    assert.deepEqual(history.map(({ kind }) => kind).slice(0, 2), ['made-appeal', 'link-undone']);
  });

  it('whatever it does to the thread that reads it', async () => {
    for (const mood of ['loop', 'throw']) {
      const number = await quarantined(mood);
      const made = await appeal(number, LAMP);
      assert.equal(made.state, 'queued', mood);
      assert.equal((await content(number)).appeal.content, LAMP, mood);
    }
  });

  it('is neither opened nor compared where that is what the reader died on', async () => {
    const first = await bench.appeal({ content: LAMP, contact: WANG });
    const number = await quarantined('unreadable');
    const { store, now } = context();
    const row = { ...NOTHING_MORE, number, revision: 1, decidedAt: now(), decision: null };
    const lost = { ...row, outcome: { kind: 'quarantined', reason: 'reading.thread_died' } as const };
    assert.deepEqual(await store.decisions.commit([lost], null), ['committed']);
    const made = await appeal(number, JSON.stringify({ content: LAMP, contact: WANG }));
    assert.deepEqual([made.state, made.of, made.alike], ['queued', undefined, undefined]);
    // By hand it is linked all the same.
    const linked = await call('tickets link', { number, to: first.number });
    assert.ok('result' in linked && linked.result['state'] === 'joined', JSON.stringify(linked));
  });

  it('keeps what can be read of it by now, and takes no words that are none', async () => {
    const number = await quarantined('unreadable');
    assert.equal(await refusal('{"content": 1}', number), 'words.wrong_field');
    assert.equal(await refusal('{"attachments": []}', number), 'words.wrong_field');
    assert.equal(await refusal('{"content": ', number), 'words.no_json');
    assert.equal(await refusal(' \n', number), 'words.empty');
    assert.equal((await outcome(number))?.kind, 'quarantined');
    const gbk = Buffer.from([0xc2, 0xb7, 0xb5, 0xc6, 0xb2, 0xbb, 0xc1, 0xc1]);
    writeFileSync(join(bench.folder, 'gbk'), gbk);
    const reply = await call('messages appeal', { number, reason: 'x', words: join(bench.folder, 'gbk') });
    assert.ok('result' in reply, JSON.stringify(reply));
    assert.equal((await content(number)).appeal.content, '路灯不亮');
  });

  it('and what was taken for no appeal by an adapter that reads none of it takes a clerk at their word', async () => {
    const [told] = await bench.read([{ id: 'a', text: 'automatic' }]);
    const number = told?.number ?? '';
    const bare = await call('messages appeal', { number, reason: 'x' });
    assert.ok('failure' in bare && bare.failure.code === 'desk.no_appeal_in_it');
    assert.equal((await appeal(number, LAMP)).state, 'queued');
  });

  async function until(condition: () => boolean): Promise<void> {
    const end = performance.now() + 10_000;
    while (!condition()) {
      if (performance.now() > end) throw new Error('the condition did not come true within 10 s');
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }
});
