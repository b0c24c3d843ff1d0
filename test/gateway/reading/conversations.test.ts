// Conversations on a running gateway: parts become one appeal, whatever comes between them.
import assert from 'node:assert/strict';
import { viewMessage } from '../../../gateway/desk/ticket-view.ts';
import { createConversations } from '../../../gateway/reading/conversations.ts';
import type { UnreadRow } from '../../../store/store.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { appealBody } from '../../platforms/app.ts';
import { openReadingBench, type ReadingBench, type Told } from './reading-bench.ts';

const PHONE = { phone: '13800138001' };

describe('a conversation', function () {
  this.timeout(60_000);
  let bench: ReadingBench;

  beforeEach(async () => {
    bench = await openReadingBench();
  });
  afterEach(() => bench.close());

  /** Conversations end by themselves after a second. */
  async function shortly(): Promise<void> {
    await bench.close();
    bench = await openReadingBench({}, 1);
  }

  const part = (key: string, content: string, more: Readonly<Record<string, unknown>> = {}) =>
    appealBody({ externalId: '', title: '', content, contact: PHONE, conversation: key, ...more });

  /** Sends parts one after the other, each acknowledged before the next; answers their numbers. */
  async function send(...parts: readonly unknown[]): Promise<string[]> {
    const numbers: string[] = [];
    for (const body of parts) {
      const answer = await bench.sender.send(body);
      assert.equal(answer.status, 202, answer.text);
      numbers.push(String(answer.json()['number']));
    }
    return numbers;
  }

  /** Sends and waits until it is decided. */
  async function told(body: unknown): Promise<Told> {
    const answer = await bench.sender.told(body);
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as unknown as Told;
  }

  async function outcomeOf(number: string) {
    return (await bench.gateway.context.store.messages.get(number))?.outcome;
  }

  async function contentOf(number: string): Promise<string> {
    const { store, cipher } = bench.gateway.context;
    const ticket = await store.tickets.get(number);
    assert.ok(ticket, 'there is a ticket');
    return openTicketContent(cipher, ticket).appeal.content;
  }

  it('becomes one ticket with its last part, under the number of its first', async () => {
    const [first, second] = await send(part('k1', '幸福路12号'), part('k1', '楼道灯坏了'));
    const last = await told(part('k1', '已经三天，请尽快修', { last: true }));
    assert.deepEqual(last.outcome, { kind: 'part', of: first });
    assert.deepEqual(await outcomeOf(second ?? ''), { kind: 'part', of: first });
    assert.equal((await outcomeOf(first ?? ''))?.kind, 'ticket');
    assert.equal(await contentOf(first ?? ''), '幸福路12号\n楼道灯坏了\n已经三天，请尽快修');
    assert.equal((await bench.gateway.context.store.tickets.counts()).total, 1);
  });

  it('that repeats an earlier appeal leads whoever asks by the number of a part to the ticket of that one', async () => {
    const text = '建设大街41号门前路灯不亮三天了，晚上出行不便，请尽快维修';
    const earlier = await told(appealBody({ externalId: '', title: '', content: text, contact: PHONE }));
    assert.equal(earlier.outcome.kind, 'ticket');
    const [first] = await send(part('k11', text));
    const last = await told(part('k11', '请尽快维修', { last: true }));
    assert.deepEqual(last.outcome, { kind: 'part', of: first });
    assert.deepEqual(await outcomeOf(first ?? ''), { kind: 'repeat', of: earlier.number });
    for (const number of [first, last.number]) {
      const answer = await bench.sender.send({ number }, { rest: '/query' });
      assert.equal((answer.json()['ticket'] as Record<string, unknown> | null)?.['number'], earlier.number);
    }
  });

  it('ends by itself after the quiet time', async () => {
    await shortly();
    const [first] = await send(part('k2', '江南大街井盖缺失'));
    const second = await told(part('k2', '晚上很危险'));
    assert.deepEqual(second.outcome, { kind: 'part', of: first });
    assert.equal(await contentOf(first ?? ''), '江南大街井盖缺失\n晚上很危险');
  });

  it('may have one part only, with a last mark or without', async () => {
    await shortly();
    const marked = await told(part('k3', '建设大街路灯不亮', { last: true }));
    assert.equal(marked.outcome.kind, 'ticket');
    const unmarked = await told(part('k4', '龙泉路噪声扰民，深夜施工', { contact: { phone: '13800138002' } }));
    assert.equal(unmarked.outcome.kind, 'ticket');
  });

  it('takes a part that comes late to the ticket as a follow-up, with its words', async () => {
    const [first] = await send(part('k5', '新华大街暖气不热'));
    const last = await told(part('k5', '室温只有十二度', { last: true }));
    assert.equal(last.outcome.kind, 'part');
    const late = await told(part('k5', '补充：三单元全都不热'));
    assert.deepEqual(late.outcome, { kind: 'repeat', of: first });
    const { store } = bench.gateway.context;
    const entries = await store.outbox.list({ ticket: first ?? '', limit: 10 });
    assert.deepEqual(
      entries.map(({ kind, message }) => [kind, message]),
      [
        ['ticket.created', first],
        ['ticket.followed-up', late.number],
      ],
    );
    const shown = await viewMessage(bench.gateway.context, late.number);
    assert.match(String(shown['content']), /三单元全都不热/);
    const [link] = shown['links'] as { of: string; reasons: readonly string[]; by: string }[];
    assert.deepEqual([link?.of, link?.reasons, link?.by], [first, ['repeat.conversation'], 'rule']);
  });

  it('begins anew under its key once its ticket takes no follow-ups', async () => {
    const { outcome, number: earlier } = await told(part('wx-1', '新华大街路灯不亮三天', { last: true }));
    assert.equal(outcome.kind, 'ticket');
    const context = bench.gateway.context;
    const closed = { number: earlier, at: Date.now(), by: 'test', kind: 'closed', state: 'closed' } as const;
    await context.store.tickets.add(closed, [], null);
    const [first] = await send(part('wx-1', '东昌区江南大街'));
    const rest = await told(part('wx-1', '夜里施工噪声扰民', { last: true }));
    assert.deepEqual(rest.outcome, { kind: 'part', of: first });
    assert.equal((await outcomeOf(first ?? ''))?.kind, 'ticket');
    assert.equal(await contentOf(first ?? ''), '东昌区江南大街\n夜里施工噪声扰民');
    const late = await told(part('wx-1', '补充：凌晨两点还在施工'));
    assert.deepEqual(late.outcome, { kind: 'repeat', of: first });
  });

  it('begins anew under its key when the last one was over long before', async () => {
    const once = { from: 'somebody', person: 'x', conversation: 'for-ever', last: true };
    const [earlier] = await bench.read([{ ...once, id: '1', text: '新华大街路灯不亮三天' }]);
    assert.equal(earlier?.outcome.kind, 'ticket');
    const [late] = await bench.read([{ ...once, id: '2', text: '补充：整条街都不亮' }]);
    assert.deepEqual(late?.outcome, { kind: 'repeat', of: earlier?.number });
    bench.setBack(-2 * 3_600_000);
    const [later] = await bench.read([{ ...once, id: '3', text: '江南大街夜里施工噪声扰民' }]);
    assert.equal(later?.outcome.kind, 'ticket');
  });

  it('takes in nothing that another person says under its key', async () => {
    await told(part('1', '新华大街路灯不亮三天', { last: true }));
    const contact = { phone: '13900139002' };
    const [first] = await send(part('1', '龙泉路垃圾三天未清', { contact }));
    const rest = await told(part('1', '气味很大', { last: true, contact: {} }));
    assert.deepEqual(rest.outcome, { kind: 'part', of: first });
    assert.equal((await outcomeOf(first ?? ''))?.kind, 'ticket');
  });

  it('keeps people apart who write under one key at the same time, and ends for each of them alone', async () => {
    const her = { name: '张三', phone: '13800138001' };
    const him = { name: '李四', phone: '13900139002' };
    const [hers, his] = await send(
      part('group', '新华大街路灯不亮三天', { contact: her }),
      part('group', '龙泉路垃圾三天未清', { contact: him }),
      part('group', '在12号楼门前', { contact: her }),
    );
    const hisLast = await told(part('group', '气味很大', { contact: { phone: him.phone }, last: true }));
    assert.deepEqual(hisLast.outcome, { kind: 'part', of: his });
    assert.equal(await contentOf(his ?? ''), '龙泉路垃圾三天未清\n气味很大');
    const hersLast = await told(part('group', '请尽快修', { contact: {}, last: true }));
    assert.deepEqual(hersLast.outcome, { kind: 'part', of: hers });
    assert.equal(await contentOf(hers ?? ''), '新华大街路灯不亮三天\n在12号楼门前\n请尽快修');
  });

  it('is one where a person gives openid, phones and name one after the other', async () => {
    const [first] = await send(
      part('slowly', '新华大街路灯不亮三天', { contact: { openid: 'u-1' } }),
      part('slowly', '在12号楼门前', { contact: { callerPhone: '13800138003' } }),
      part('slowly', '请打另一个电话', { contact: { phone: '13800138004', openid: 'u-1' } }),
      part('slowly', '我姓张', { contact: { name: '张三', phone: '+86 138 0013 8004' } }),
    );
    const last = await told(
      part('slowly', '请尽快修', { contact: { openid: 'u-1', phone: '13800138005' }, last: true }),
    );
    assert.deepEqual(last.outcome, { kind: 'part', of: first });
  });

  it('takes in no accusation, which must not be told beside an ordinary matter of its author', async () => {
    const { number: ordinary } = await told(part('k10', '新华大街路灯不亮三天', { last: true }));
    const accusing = await told(part('k10', '我要举报城管局科长张某收受贿赂，请保密', { last: true }));
    assert.equal(accusing.outcome.kind, 'ticket');
    const late = await told(part('k10', '补充：时间是上个月'));
    assert.deepEqual(late.outcome, { kind: 'repeat', of: accusing.number });
    assert.deepEqual(
      await bench.gateway.context.store.outbox.list({ ticket: ordinary, limit: 10 }).then(all => all.length),
      1,
    );
  });

  it('loses no part that comes while it is being decided', async () => {
    for (let round = 0; round < 5; round++) {
      const key = `race-${round}`;
      const contact = { phone: `1380013810${round}` };
      const bodies = [
        part(key, `滨江东路${round + 1}0号`, { contact }),
        part(key, '自来水浑浊', { last: true, contact }),
        ...Array.from({ length: 6 }, (_, i) => part(key, `补充第${i + 1}点`, { contact })),
      ];
      const answers = await Promise.all(bodies.map(body => bench.sender.told(body)));
      const all = answers.map(answer => answer.json() as unknown as Told);
      const lead = all.find(({ outcome }) => outcome.kind === 'ticket');
      assert.ok(lead, 'one is the ticket');
      for (const { number, outcome } of all) {
        if (number === lead.number) continue;
        assert.ok(outcome.kind === 'part' || outcome.kind === 'repeat', outcome.kind);
        assert.equal(outcome.of, lead.number);
      }
    }
    assert.equal((await bench.gateway.context.store.tickets.counts()).total, 5);
  });

  it('is not mixed up with another of the same sender', async () => {
    const [a1, b1] = await send(part('one', '幸福路12号路灯不亮'), part('two', '江南大街井盖缺失'));
    await send(part('two', '夜里看不见'), part('one', '楼下全黑'));
    const a2 = await told(part('one', '已经三天了', { last: true }));
    const b2 = await told(part('two', '请尽快补上', { last: true }));
    assert.deepEqual(
      [a2, b2].map(({ outcome }) => outcome),
      [a1, b1].map(of => ({ kind: 'part', of })),
    );
    assert.equal(await contentOf(a1 ?? ''), '幸福路12号路灯不亮\n楼下全黑\n已经三天了');
    assert.equal(await contentOf(b1 ?? ''), '江南大街井盖缺失\n夜里看不见\n请尽快补上');
  });

  it('goes on after a crash in the middle', async () => {
    const [first] = await send(part('k6', '保安路12号'), part('k6', '垃圾三天未清'));
    await bench.endDecider();
    const [third] = await send(part('k6', '气味很大'));
    await bench.stop(0);
    await bench.start();
    const last = await told(part('k6', '请尽快处理', { last: true }));
    assert.deepEqual(last.outcome, { kind: 'part', of: first });
    assert.deepEqual(await outcomeOf(third ?? ''), { kind: 'part', of: first });
    assert.equal(await contentOf(first ?? ''), '保安路12号\n垃圾三天未清\n气味很大\n请尽快处理');
    assert.equal((await bench.gateway.context.store.tickets.counts()).total, 1);
  });

  it('does not hold up what its sender says besides', async () => {
    const [first] = await send(part('k7', '光明路公交站牌倒了'));
    const besides = await told(appealBody({ content: '另外：家里停水两天了，无人通知', contact: PHONE }));
    assert.equal(besides.outcome.kind, 'ticket');
    assert.equal(await outcomeOf(first ?? ''), null);
  });

  it('that could not be read as a whole has all its parts when it is read again', async () => {
    const one = { from: 'somebody', person: 'somebody', conversation: 'k9' };
    const first = { ...one, id: '1', text: 'armed 幸福路12号', quiet: 1 };
    const [lead, next] = await bench.post([first, { ...one, id: '2', text: '楼道灯坏了' }]);
    // Read alone before the adapter begins to fail: whatever comes in the same lane is decided after it.
    assert.equal(
      (await bench.read([{ id: '3', from: 'somebody', text: '另有一事：井盖缺失' }]))[0]?.outcome.kind,
      'ticket',
    );
    bench.mark('armed');
    const [last] = await bench.read([{ ...one, id: '4', text: '请尽快修', last: true }]);
    assert.deepEqual(last?.outcome, { kind: 'part', of: lead?.number });
    const number = lead?.number ?? '';
    assert.deepEqual(await outcomeOf(number), { kind: 'quarantined', reason: 'reading.parse_failed' });
    assert.deepEqual(await outcomeOf(next?.number ?? ''), { kind: 'part', of: number });

    bench.mark('mended');
    const { store, live } = bench.gateway.context;
    await store.messages.reread(number, { by: 'clerk', action: 'message.reread', on: [number] });
    live?.rescan();
    assert.equal((await bench.read([first]))[0]?.outcome.kind, 'ticket');
    assert.equal(await contentOf(number), 'armed 幸福路12号\n楼道灯坏了\n请尽快修');
    assert.deepEqual(await outcomeOf(next?.number ?? ''), { kind: 'part', of: number });
  });

  it('of nothing but empty parts is not an appeal', async () => {
    const [first] = await send(part('k8', '？？'));
    assert.deepEqual((await outcomeOf(first ?? '')) ?? (await told(part('k8', '……', { last: true }))).outcome, {
      kind: 'not-an-appeal',
      reason: 'empty',
    });
  });
});

describe('conversations that gather', () => {
  it('end after their quiet time also where the clock was set back meanwhile', () => {
    const conversations = createConversations();
    const at = Date.UTC(2026, 10, 24);
    const row = { number: 'n', ordinal: 1, acceptedAt: at } as UnreadRow;
    conversations.add('k', row, { last: false, quietMs: 30_000, writer: {} });
    assert.deepEqual(conversations.due(at + 29_999), []);
    const day = 86_400_000;
    assert.deepEqual(conversations.due(at - day), []);
    assert.deepEqual(conversations.due(at - day + 29_999), []);
    assert.deepEqual(
      conversations.due(at - day + 30_000).map(({ key }) => key),
      ['k'],
    );
  });

  it('ends after half an hour or a hundred parts, however many more come', async () => {
    const conversations = createConversations();
    const at = Date.UTC(2026, 10, 24);
    const minutes = (count: number) => at + count * 60_000;
    const row = (ordinal: number, acceptedAt: number) => ({ number: `n${ordinal}`, ordinal, acceptedAt }) as UnreadRow;
    // A key that all the citizens of a platform share: somebody always writes before it has been quiet.
    for (let minute = 0; minute < 30; minute++) {
      assert.deepEqual(conversations.due(minutes(minute)), []);
      assert.equal(
        conversations.add('shared', row(minute, minutes(minute)), { last: false, quietMs: 120_000, writer: {} }),
        null,
      );
    }
    assert.equal(conversations.nextDue(), minutes(30));
    assert.deepEqual(conversations.due(minutes(30) - 1), []);
    assert.equal(conversations.due(minutes(30))[0]?.rows.length, 30);

    const ends = Array.from({ length: 250 }, (_, n) =>
      conversations.add('many', row(n, at), { last: false, quietMs: 30_000, writer: {} }),
    );
    assert.deepEqual(
      ends.flatMap((gathered, n) => (gathered === null ? [] : [[n, gathered.rows.length]])),
      [
        [99, 100],
        [199, 100],
      ],
    );
    // Who is given an hour of silence by the channel's settings keeps it.
    conversations.add('slow', row(1, at), { last: false, quietMs: 3_600_000, writer: {} });
    conversations.add('slow', row(2, minutes(50)), { last: false, quietMs: 3_600_000, writer: {} });
    assert.deepEqual(
      conversations.due(minutes(59)).map(({ key }) => key),
      ['many'],
    );
    assert.equal(conversations.due(minutes(60))[0]?.rows.length, 2);
  });

  it('are handed out one at a time under a key, so that parts which wait for a decision are never passed over', () => {
    const conversations = createConversations();
    const at = Date.UTC(2026, 10, 24);
    const add = (ordinal: number, phone: string, acceptedAt: number) => {
      const row = { number: `n${ordinal}`, ordinal, acceptedAt } as UnreadRow;
      assert.equal(conversations.add('k', row, { last: false, quietMs: 1000, writer: { phone } }), null);
    };
    add(1, 'hers', at);
    add(2, 'his', at + 1);
    add(3, 'hers', at + 2);
    const numbers = (busy: boolean) =>
      conversations.due(at + 5000, () => busy).map(({ rows }) => rows.map(({ number }) => number));
    assert.deepEqual([numbers(true), conversations.nextDue(() => true)], [[], null]);
    assert.deepEqual(numbers(false), [['n1', 'n3']]);
    assert.equal(
      conversations.nextDue(() => false),
      at + 1001,
    );
    assert.deepEqual([numbers(false), numbers(false), conversations.has('k')], [[['n2']], [], false]);
  });
});
