// Reading on a running gateway: unread is found again, bad messages stop nobody, lanes keep their order.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arguments, OneCommand } from '../../../gateway/cli/command.ts';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import type { Outcome } from '../../../normalizer/ticket.ts';
import { until } from '../dispatch/workbench.ts';
import { BOX, type BoxMessage, openReadingBench, type ReadingBench } from './reading-bench.ts';

const TOPICS = ['路灯不亮', '井盖缺失', '噪声扰民', '暖气不热', '垃圾未清', '占道经营', '自来水浑浊', '公交晚点'];
const ROADS = ['幸福路', '江南大街', '新华大街', '建设大街', '龙泉路', '滨江东路', '保安路', '光明路'];

const CALL = { by: 'clerk', signal: new AbortController().signal, progress: () => undefined };

/** Appeals of people who do not know each other, each about a place of its own. */
function appeals(count: number, prefix: string, mood = ''): BoxMessage[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${prefix}-${i}`,
    text: `${mood} ${ROADS[i % 8]}${17 + 31 * i}号楼前${TOPICS[(i * 3 + (i >> 3)) % 8]}，编号${prefix}${i}，请处理`.trim(),
  }));
}

function kinds(told: readonly { readonly outcome: Outcome }[]): string[] {
  return told.map(({ outcome }) => outcome.kind);
}

async function assertEachOnce(bench: ReadingBench, numbers: readonly string[]): Promise<void> {
  const { store } = bench.gateway.context;
  const [messages, tickets, entries] = await Promise.all([
    store.messages.counts(),
    store.tickets.counts(),
    store.outbox.list({ kind: 'ticket.created', limit: 10_000 }),
  ]);
  assert.equal(messages.unread, 0);
  assert.equal(messages.total, numbers.length);
  assert.equal(tickets.total, numbers.length);
  assert.deepEqual(entries.map(entry => entry.ticket).sort(), [...numbers].sort());
  for (const number of numbers) assert.equal((await store.tickets.get(number))?.revision, 0);
}

describe('reading', function () {
  this.timeout(60_000);
  let bench: ReadingBench;

  afterEach(() => bench.close());

  it('finds what was unread after the deciding thread died in the middle, and doubles nothing', async () => {
    bench = await openReadingBench({ reading: { parsers: 1, messageSeconds: 30, batch: 8 } });
    const before = appeals(10, 'before');
    const done = await bench.read(before);
    const during = appeals(40, 'during', 'gate');
    const numbers = (await bench.post(during)).map(({ number }) => number);
    const waiting = bench.read(during);
    await bench.endDecider();
    bench.mark('gate');
    const told = await waiting;
    assert.deepEqual([...new Set(kinds(told))], ['ticket']);
    assert.deepEqual(
      told.map(({ number }) => number),
      numbers,
    );
    await assertEachOnce(bench, [...done.map(({ number }) => number), ...numbers]);
  });

  it('finds what was unread after the process was stopped in the middle, again and again', async () => {
    bench = await openReadingBench({ reading: { parsers: 2, messageSeconds: 30, batch: 8 } });
    const all = [...appeals(20, 'free'), ...appeals(30, 'held', 'gate')];
    const numbers = (await bench.post(all)).map(({ number }) => number);
    for (let i = 0; i < 3; i++) {
      await bench.stop(0);
      await bench.start();
    }
    bench.mark('gate');
    assert.deepEqual([...new Set(kinds(await bench.read(all)))], ['ticket']);
    await assertEachOnce(bench, numbers);
  });

  it('changes nothing by looking from the beginning again and again', async () => {
    bench = await openReadingBench();
    const all = appeals(120, 'twice', 'slow');
    const reading = bench.read(all);
    const again = setInterval(() => bench.gateway.context.live?.rescan(), 5);
    const told = await reading.finally(() => clearInterval(again));
    assert.deepEqual([...new Set(kinds(told))], ['ticket']);
    await assertEachOnce(
      bench,
      told.map(({ number }) => number),
    );
  });

  it('quarantines what kills its reader three times, says why, and goes on with the rest of batch and lane', async () => {
    bench = await openReadingBench({ reading: { parsers: 1, messageSeconds: 2, memoryMb: 64, batch: 16 } });
    const reasons = {
      loop: 'reading.parser_timeout',
      hang: 'reading.parser_timeout',
      heap: 'reading.parser_memory',
      buffers: 'reading.parser_memory',
      exit: 'reading.parser_crash',
      later: 'reading.parser_crash',
      throw: 'reading.parse_failed',
      nothing: 'reading.parse_failed',
      unreadable: 'moody-box.not_today',
    };
    const sound = appeals(9, 'sound');
    const bad = Object.keys(reasons).map(mood => ({ id: `bad-${mood}`, text: `${mood} please` }));
    const all = sound
      .flatMap((message, i) => [message, bad[i] as BoxMessage])
      .map(one => ({ ...one, from: 'one lane' }));
    const after = appeals(1, 'after');
    const [told, [next]] = await Promise.all([bench.read(all), bench.read(after)]);
    assert.deepEqual(
      told.map(({ outcome }) => (outcome.kind === 'quarantined' ? outcome.reason : outcome.kind)),
      Object.values(reasons).flatMap(reason => ['ticket', reason]),
    );
    assert.equal(next?.outcome.kind, 'ticket');
    const { store } = bench.gateway.context;
    for (const [i, { number }] of told.entries()) {
      if (i % 2 === 0) continue;
      const reason = Object.values(reasons)[(i - 1) / 2] as string;
      assert.equal((await store.messages.get(number))?.attempts, reason.startsWith('reading.parser_') ? 3 : 0, reason);
    }
    const deaths = bench.logged.filter(line => line['code'] === 'reading.parser_died');
    assert.equal(deaths.length, 6 * 3);
    const defect = bench.logged.find(line => line['code'] === 'reading.parse_failed') ?? {};
    const { type, frames } = defect['error'] as { type: string; frames: string[] };
    assert.equal(type, 'TypeError');
    assert.ok(
      frames.some(frame => frame.includes('moody-box.ts')),
      'the log tells where',
    );
    assert.ok(
      !JSON.stringify(defect).includes('a defect of the adapter'),
      'but not the words, which may be a citizen’s',
    );
  });

  it('says so when parsers cannot start any more, and goes on once they can', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'huisu-box-'));
    const file = join(elsewhere, 'box.mjs');
    const write = () => writeFileSync(file, `export { default } from ${JSON.stringify(BOX)};`);
    try {
      write();
      bench = await openReadingBench({ adapters: [file] });
      rmSync(file);
      const reading = bench.read([{ id: '1', text: 'exit now' }, ...appeals(3, 'after')]);
      const said = () => bench.logged.filter(line => line['code'] === 'reading.parser_cannot_start');
      await until(() => said().length > 0, 'a line in the log');
      write();
      assert.deepEqual(kinds(await reading), ['quarantined', 'ticket', 'ticket', 'ticket']);
      assert.equal(said().length, 1);
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
  });

  it('reads a quarantined message once its adapter is mended, on request', async () => {
    bench = await openReadingBench();
    const [message] = appeals(1, 'mend', 'broken');
    const [told] = await bench.read([message as BoxMessage]);
    assert.deepEqual(told?.outcome, { kind: 'quarantined', reason: 'moody-box.not_mended' });
    bench.mark('mended');
    const { store, live } = bench.gateway.context;
    const number = told?.number ?? '';
    assert.equal(await store.messages.reread(number, { by: 'clerk', action: 'message.reread', on: [number] }), true);
    live?.rescan();
    const [again] = await bench.read([message as BoxMessage]);
    assert.deepEqual([again?.number, again?.outcome.kind], [number, 'ticket']);
    assert.equal((await store.messages.get(number))?.revision, 2);
    assert.equal(await store.messages.reread(number, { by: 'clerk', action: 'message.reread', on: [] }), false);
    const later = appeals(1, 'mend', 'slow').map(one => ({ ...one, id: 'mend-again' }));
    assert.equal((await bench.read(later))[0]?.outcome.kind, 'ticket');
  });

  it('reads all that a mended adapter had quarantined by one command, each once, and leaves those of another reason', async () => {
    bench = await openReadingBench();
    const broken = appeals(450, 'many', 'broken');
    const [other] = appeals(1, 'other', 'unreadable');
    await bench.read([...broken, other as BoxMessage]);
    bench.mark('mended');
    const replay = COMMANDS.find(({ name }) => name === 'quarantine replay') as OneCommand;
    const call = (args: Arguments) => replay.run(bench.gateway.context, args, CALL);
    await assert.rejects(call({}), { code: 'cli.replay_what' });
    assert.deepEqual(await call({ channel: 'nowhere' }), { replayed: 0 });
    // Twice at once, as two clerks do.
    const both = await Promise.all([1, 2].map(() => call({ channel: 'box', reason: 'moody-box.not_mended' })));
    assert.equal(
      both.reduce((sum, one) => sum + Number(one['replayed']), 0),
      450,
    );
    const again = await bench.read(broken);
    assert.ok(again.every(({ outcome }) => outcome.kind === 'ticket' || outcome.kind === 'repeat'));
    const { store } = bench.gateway.context;
    assert.equal((await store.messages.counts()).byOutcome['quarantined'], 1);
    assert.deepEqual(await call({ all: true }), { replayed: 1 });
  });

  it('compares later messages with a ticket that a clerk has made by undoing a link', async () => {
    bench = await openReadingBench();
    const contact = { phone: '13800138007' };
    const first = await bench.appeal({ content: '幸福路12号楼前路灯不亮三天了，老人晚上出门摔倒了', contact });
    const words = '幸福路12号楼前路灯不亮三天了，老人晚上出门摔倒了，请维修';
    const second = await bench.appeal({ content: words, contact });
    assert.deepEqual(second.outcome, { kind: 'repeat', of: first.number });
    const { context } = bench.gateway;
    const unlink = COMMANDS.find(command => command.name === 'tickets unlink');
    assert.ok(unlink?.kind === 'one');
    const call = { by: 'clerk', signal: new AbortController().signal, progress: () => undefined };
    await unlink.run(context, { number: second.number, from: first.number }, call);
    const third = await bench.appeal({ content: `${words}，快一点`, contact });
    assert.deepEqual(third.outcome, { kind: 'repeat', of: second.number });
  });

  it('decides the messages of each lane in the order of their acceptance, however long each takes', async () => {
    bench = await openReadingBench({ reading: { parsers: 2, batch: 4 } });
    const lanes = ['a', 'b', 'c', 'd'];
    const sent = new Map<string, string[]>(lanes.map(lane => [lane, []]));
    await Promise.all(
      lanes.map(async lane => {
        for (const [i, message] of appeals(20, `lane-${lane}`).entries()) {
          const text = i % 3 === 0 ? `slow ${message.text}` : message.text;
          const [answer] = await bench.post([{ ...message, text, from: lane }]);
          sent.get(lane)?.push(answer?.number ?? '');
        }
      }),
    );
    const last = lanes.map(lane => ({ id: `last-${lane}`, text: `slow 最后一条${lane}，井盖缺失`, from: lane }));
    for (const [i, told] of (await bench.read(last)).entries()) sent.get(lanes[i] as string)?.push(told.number);
    const { store } = bench.gateway.context;
    const created = (await store.outbox.list({ kind: 'ticket.created', limit: 1000 })).map(entry => entry.ticket);
    for (const [lane, numbers] of sent) {
      const decided = created.filter(number => numbers.includes(number));
      assert.deepEqual(
        decided,
        numbers.filter(number => decided.includes(number)),
        lane,
      );
      assert.ok(decided.length >= 15);
    }
  });
});
